//! Polling, and what becomes of what was seen.

use std::time::Duration;
use tokio::time::Instant;
use wakehub_connectors::breaker::Breaker;
use wakehub_connectors::reach::Sighting;
use wakehub_connectors::{Change, Report};
use wakehub_domain::{
    Capability, ConnectionId, ConnectorError, Node, NodeId, NodeKind, PowerState,
};
use wakehub_view::advice::failure_view;
use wakehub_view::said::Said;
use wakehub_view::wire::EngineSettings;

use super::{Controller, DISCOVER_EVERY};
use crate::beliefs::{self, Evidence, guests_behind};
use crate::links::connections;
use crate::poll::{Poll, watch};

/// An event that was lost would leave a wrong state for long: what is listened to is reconciled this often (DESIGN 6).
const RECONCILE: Duration = Duration::from_secs(30);

fn period(settings: &EngineSettings, watched: bool, listens: bool) -> Duration {
    let seconds = if watched {
        settings.poll_watched_s
    } else {
        settings.poll_idle_s
    };
    let every = Duration::from_secs(seconds.into());
    if listens { every.min(RECONCILE) } else { every }
}

impl Controller {
    pub(super) fn is_watched(&self) -> bool {
        *self.attention.borrow() > 0 || !self.running.is_empty()
    }

    /// Begins every poll whose time has come.
    pub(super) fn poll_due(&mut self) {
        let watched = self.is_watched();
        let due: Vec<NodeId> = self
            .graph
            .nodes()
            .iter()
            .filter(|node| self.is_polled(node))
            .filter(|node| {
                let every = period(&self.settings, watched, self.listens_to(node.id));
                self.polling
                    .ended
                    .get(&node.id)
                    .is_none_or(|ended| ended.elapsed() >= every)
            })
            .map(|node| node.id)
            .collect();
        for node in due {
            self.poll(node, false);
        }
    }

    /// Whether a Docker engine of the node tells its events at the moment.
    fn listens_to(&self, node: NodeId) -> bool {
        let connection = ConnectionId {
            node,
            capability: Capability::DockerApi,
        };
        self.polling.watching.contains_key(&connection)
    }

    /// Machines are looked at; guests with connections of their own (a Docker engine in a VM) are asked while they are on, or
    /// while their host does not say whether they are.
    pub(super) fn is_polled(&self, node: &Node) -> bool {
        match node.kind {
            NodeKind::Machine => true,
            NodeKind::Vm | NodeKind::Lxc => {
                !connections(node).is_empty()
                    && match self.observations.state(&self.graph, node.id) {
                        PowerState::On => true,
                        PowerState::Unknown => {
                            self.evidence.get(&node.id).is_some_and(Evidence::is_untold)
                        }
                        PowerState::Off
                        | PowerState::Starting
                        | PowerState::Stopping
                        | PowerState::Failed { .. } => false,
                    }
            }
            NodeKind::Container => false,
        }
    }

    /// Begins a poll unless one is under way. `thorough` asks connections whose breaker is open, too.
    pub(super) fn poll(&mut self, id: NodeId, thorough: bool) {
        let Some(node) = self.graph.get(id).cloned() else {
            return;
        };
        if !self.polling.in_flight.insert(id) {
            return;
        }
        let now = self.clock.now();
        let asked = connections(&node)
            .into_iter()
            .filter(|connection| {
                thorough
                    || self
                        .polling
                        .breakers
                        .get(connection)
                        .is_none_or(|breaker| breaker.allows(now))
            })
            .collect();
        let known_off = self.evidence.get(&id).is_some_and(Evidence::is_off);
        let poll = Poll {
            links: self.links.clone(),
            node,
            connections: asked,
            confirm: !known_off,
            events: self.events.clone(),
        };
        tokio::spawn(poll.run());
    }

    /// After a sleep of this computer: whatever was seen is old.
    pub(super) fn look_again_at_everything(&mut self) {
        for evidence in self.evidence.values_mut() {
            evidence.stale();
        }
        self.polling.ended.clear();
    }

    pub(super) fn looked(&mut self, node: NodeId, sighting: Sighting) {
        if self.graph.get(node).is_none() {
            return;
        }
        let now = self.clock.now();
        let evidence = self.evidence.entry(node).or_default();
        let was_off = evidence.is_off();
        evidence.looked(sighting, now);
        if evidence.is_off() && !was_off {
            // sessions to a machine that is off are dead
            let links = self.links.clone();
            tokio::spawn(async move { links.drop_node(node).await });
        }
        self.unbelieved = true;
    }

    pub(super) async fn answered(
        &mut self,
        connection: ConnectionId,
        result: Result<Report, ConnectorError>,
    ) {
        if self.graph.get(connection.node).is_none() {
            return;
        }
        let now = self.clock.now();
        let breakers = self.polling.breakers.entry(connection);
        let breaker = breakers.or_insert_with(|| breaker_of(connection));
        match result {
            Ok(report) => {
                breaker.succeeded();
                self.polling.failures.remove(&connection);
                self.polling.seen.insert(connection, now);
                self.assimilate(connection, report).await;
                self.watch_and_discover(connection);
            }
            Err(error) => {
                breaker.failed(&error, now);
                if !self.polling.failures.contains_key(&connection) {
                    tracing::warn!(node = %self.graph.name(connection.node), %error, "a connection fails");
                }
                self.polling
                    .failures
                    .insert(connection, failure_view(&error, now));
                self.connection_failed(connection, &error);
            }
        }
        self.unbelieved = true;
    }

    fn connection_failed(&mut self, connection: ConnectionId, error: &ConnectorError) {
        let now = self.clock.now();
        let why = Said::AtHost {
            host: &self.graph.name(connection.node),
            platform: connection.capability.title(),
            why: &error.message,
        }
        .to_string();
        for guest in guests_behind(&self.graph, connection) {
            self.evidence
                .entry(guest.id)
                .or_default()
                .host_failed(why.clone(), now);
        }
        self.evidence
            .entry(connection.node)
            .or_default()
            .failed(connection.capability);
    }

    async fn assimilate(&mut self, connection: ConnectionId, report: Report) {
        let now = self.clock.now();
        self.evidence.entry(connection.node).or_default().answered(
            connection.capability,
            &report,
            now,
        );
        self.note_listed(connection, &report);
        self.learn_platform_ids(connection, &report).await;
        self.follow_moved_guests(connection, &report).await;
        for guest in guests_behind(&self.graph, connection) {
            let reported = report.guests.iter().find(|reported| {
                reported.kind == guest.kind
                    && Some(&reported.platform_id) == guest.platform_id.as_ref()
            });
            let evidence = self.evidence.entry(guest.id).or_default();
            match reported {
                Some(reported) => evidence.reported(reported.clone(), now),
                None if report.complete => evidence.vanished(now),
                None => {}
            }
        }
        self.note_unconfigured(connection, &report);
    }

    /// The first answer starts what comes by itself, and discovery is due every ten minutes.
    fn watch_and_discover(&mut self, connection: ConnectionId) {
        match connection.capability {
            Capability::Wol | Capability::Ssh => return,
            Capability::ProxmoxApi | Capability::DockerApi => {}
        }
        if let std::collections::hash_map::Entry::Vacant(entry) =
            self.polling.watching.entry(connection)
        {
            let listening =
                tokio::spawn(watch(self.links.clone(), connection, self.events.clone()));
            entry.insert(listening.abort_handle());
        }
        let due = self
            .polling
            .discovered
            .get(&connection.node)
            .is_none_or(|at| at.elapsed() >= DISCOVER_EVERY);
        if due {
            self.polling
                .discovered
                .insert(connection.node, Instant::now());
            self.discover(connection.node, None);
        }
    }

    pub(super) fn told(&mut self, connection: ConnectionId, change: Change) {
        let now = self.clock.now();
        let node = match &change {
            Change::Guest(report) => self.guest_of(connection, report.kind, &report.platform_id),
            Change::Gone { kind, platform_id } => self.guest_of(connection, *kind, platform_id),
        };
        let Some(node) = node else {
            return;
        };
        let evidence = self.evidence.entry(node).or_default();
        match change {
            Change::Guest(report) => evidence.reported(report, now),
            Change::Gone { .. } => evidence.vanished(now),
        }
        self.believe();
    }

    pub(super) fn watch_ended(&mut self, connection: ConnectionId) {
        if let Some(watcher) = self.polling.watching.remove(&connection) {
            watcher.abort();
        }
        // look at once: what happened meanwhile was not told; the next answer listens again
        if self.graph.get(connection.node).is_some() {
            self.poll(connection.node, false);
        }
    }

    pub(super) fn guest_of(
        &self,
        connection: ConnectionId,
        kind: NodeKind,
        platform_id: &str,
    ) -> Option<NodeId> {
        guests_behind(&self.graph, connection)
            .into_iter()
            .find(|guest| guest.kind == kind && guest.platform_id.as_deref() == Some(platform_id))
            .map(|guest| guest.id)
    }

    /// What a round of polls has shown, once for all of them and before anything goes by it.
    pub(super) fn believe_what_was_seen(&mut self) {
        if self.unbelieved {
            self.believe();
        }
    }

    /// Derives every observation anew from the evidence.
    pub(super) fn believe(&mut self) {
        self.unbelieved = false;
        let now = self.clock.now();
        let graph = self.graph.clone();
        let mut has_changed = false;
        for node in graph.nodes() {
            let before = self.observations.get(node.id).cloned();
            let after = beliefs::observe(&graph, node, &self.evidence, before.as_ref(), now);
            if before.as_ref() != Some(&after) {
                self.changed = true;
                if before.is_none_or(|before| before.state != after.state) {
                    self.note_transition(node, &after.state);
                    if after.state == PowerState::Off {
                        // what was measured before says nothing of what comes on later
                        self.idling.forget(node.id);
                    }
                    has_changed = true;
                }
                self.observations.set(node.id, after);
            }
            let lock = self
                .evidence
                .get(&node.id)
                .and_then(|evidence| evidence.extras().lock);
            let lock = lock.or_else(|| self.unconfigured_lock(node.id));
            match lock {
                Some(lock) => self.observations.locked.insert(node.id, lock),
                None => self.observations.locked.remove(&node.id),
            };
        }
        if has_changed {
            self.guard(now);
        }
        self.review_questions();
    }

    fn note_transition(&mut self, node: &Node, after: &PowerState) {
        let on = match after {
            PowerState::On => Some(true),
            PowerState::Off => Some(false),
            PowerState::Unknown
            | PowerState::Starting
            | PowerState::Stopping
            | PowerState::Failed { .. } => None,
        };
        // a machine is always unknown for a look or two before it is off
        let before = on.and_then(|on| self.last_known.insert(node.id, on));
        if let (Some(on), Some(before)) = (on, before)
            && on != before
        {
            self.failed.remove(&node.id);
            if !self.observations.in_cascade.contains(&node.id) {
                self.journal_state(node, if on { "on" } else { "off" });
            }
        }
        // a guest with connections of its own is asked as soon as it is on
        if *after == PowerState::On
            && node.kind != NodeKind::Machine
            && !connections(node).is_empty()
        {
            self.polling.ended.remove(&node.id);
        }
    }

    pub(super) async fn poll_ended(&mut self, node: NodeId) {
        if !self.waiting.is_empty() {
            self.believe_what_was_seen();
        }
        self.polling.in_flight.remove(&node);
        if self.polling.again.remove(&node) {
            self.polling.ended.remove(&node);
        } else {
            self.polling.ended.insert(node, Instant::now());
        }
        self.changed = true;
        self.refreshed(node).await;
    }
}

/// Each with a jitter of its own, and the same in every run.
fn breaker_of(connection: ConnectionId) -> Breaker {
    let node = u64::from(connection.node.0);
    Breaker::seeded(node << 8 | connection.capability as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_as_often_as_somebody_looks_and_reconciles_what_is_listened_to() {
        let settings = EngineSettings::default();
        let seconds = |watched, listens| period(&settings, watched, listens).as_secs();
        assert_eq!(seconds(true, false), 10);
        assert_eq!(seconds(true, true), 10);
        assert_eq!(seconds(false, false), 60);
        assert_eq!(seconds(false, true), 30);
    }
}
