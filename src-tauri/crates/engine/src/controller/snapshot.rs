//! From the loop's state to what everybody is shown.

use std::sync::Arc;
use wakehub_connectors::Health;
use wakehub_domain::capability::{start_channel, stop_channel};
use wakehub_domain::{Action, Capability, CascadeId, ConnectionId, Node, PowerState};
use wakehub_view::said::Said;
use wakehub_view::wire::{
    ConnectionStatus, ConnectionView, HealthView, NodeView, Power, Snapshot, StepStatus,
};

use super::Controller;
use super::discovery::power;
use crate::links::connections;

impl Controller {
    pub(crate) fn publish(&mut self) {
        self.changed = false;
        self.revision += 1;
        let snapshot = Snapshot {
            revision: self.revision,
            at: self.clock.now(),
            nodes: self
                .graph
                .nodes()
                .iter()
                .map(|n| self.node_view(n))
                .collect(),
            connections: self
                .graph
                .nodes()
                .iter()
                .flat_map(connections)
                .map(|connection| self.connection_view(connection))
                .collect(),
            cascades: self
                .running
                .values()
                .map(|running| running.view.clone())
                .chain(self.ended.iter().cloned())
                .collect(),
            queued: self.queued_views(),
            questions: self.question_views(),
            discovered: self.discovered_views(),
            notices: self.notices.clone(),
            stops_paused_until: self.paused_until,
        };
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    fn node_view(&self, node: &Node) -> NodeView {
        let observation = self.observations.get(node.id);
        let extras = self
            .evidence
            .get(&node.id)
            .map(crate::beliefs::Evidence::extras)
            .unwrap_or_default();
        let cascade = self.cascade_of(node);
        let state = self.observations.state(&self.graph, node.id);
        let failed = self.failed.get(&node.id);
        let shown = match cascade {
            Some((_, moving)) => moving.unwrap_or_else(|| power(&state)),
            // what nobody knows is shown as unknown, whatever failed before
            None if failed.is_some() && state != PowerState::Unknown => Power::Failed,
            None => power(&state),
        };
        let capabilities = [
            Capability::Wol,
            Capability::Ssh,
            Capability::ProxmoxApi,
            Capability::DockerApi,
        ];
        NodeView {
            id: node.id,
            name: node.name.clone(),
            kind: node.kind,
            host: node.host,
            depends_on: node.depends_on.clone(),
            needed_by: self.graph.dependants(node.id).to_vec(),
            platform_id: node.platform_id.clone(),
            address: node.address.clone(),
            power: shown,
            cause: failed.map(|failure| failure.message.clone()),
            since: observation.map(|o| o.since).unwrap_or_default(),
            seen: observation.map(|o| o.seen).filter(|seen| seen.0 != 0),
            note: observation.and_then(|o| o.note.clone()),
            health: extras.health.map(|health| match health {
                Health::Starting => HealthView::Starting,
                Health::Healthy => HealthView::Healthy,
                Health::Unhealthy => HealthView::Unhealthy,
            }),
            lock: extras.lock,
            held_until: self.held_until(node.id),
            next_scheduled: self.next_scheduled(node.id),
            pinned: node.settings.pinned,
            url: node.settings.url.clone(),
            always_on: node.settings.always_on,
            confirm_before_auto_stop: node.confirm_before_auto_stop(),
            stop_when_empty: node.settings.stop_when_empty,
            capabilities: capabilities
                .into_iter()
                .filter(|capability| node.offers(*capability))
                .collect(),
            start_channel: start_channel(node),
            stop_channel: stop_channel(node),
            to_configure: self.to_configure(node.id),
            vanished: extras.vanished,
            cascade: cascade.map(|(id, _)| id),
            tags: node.settings.tags.clone(),
            missing_secrets: self
                .missing_secrets
                .get(&node.id)
                .cloned()
                .unwrap_or_default(),
        }
    }

    /// The cascade at work on the node. The target and the step in progress move; steps ahead keep their state.
    fn cascade_of(&self, node: &Node) -> Option<(CascadeId, Option<Power>)> {
        self.running.iter().find_map(|(id, running)| {
            let step = running
                .view
                .steps
                .iter()
                .find(|step| step.node == Some(node.id));
            let is_target = running.view.node == Some(node.id);
            if step.is_none() && !is_target {
                return None;
            }
            let done = step.is_some_and(|step| {
                matches!(
                    step.status,
                    StepStatus::Done | StepStatus::Skipped | StepStatus::Failed
                )
            });
            let in_progress = step.is_some_and(|step| step.status == StepStatus::Running);
            let moves = in_progress || (is_target && step.is_some() && !done);
            let moving = moves.then_some(match running.view.action {
                Action::Start => Power::Starting,
                Action::Stop => Power::Stopping,
            });
            Some((*id, moving))
        })
    }

    fn connection_view(&self, id: ConnectionId) -> ConnectionView {
        let failure = self.polling.failures.get(&id).cloned();
        let asleep = self.observations.state(&self.graph, id.node) == PowerState::Off;
        let open = self
            .polling
            .breakers
            .get(&id)
            .is_some_and(|breaker| !breaker.allows(self.clock.now()));
        let status = match &failure {
            _ if asleep => ConnectionStatus::Asleep,
            Some(_) if open => ConnectionStatus::Paused,
            Some(_) => ConnectionStatus::Fails,
            None if self.polling.seen.contains_key(&id) => ConnectionStatus::Answers,
            None => ConnectionStatus::New,
        };
        ConnectionView {
            node: id.node,
            capability: id.capability,
            title: Said::ConnectionOf {
                name: &self.name(id.node),
                platform: id.capability.title(),
            }
            .to_string(),
            status,
            seen: self.polling.seen.get(&id).copied(),
            failure: failure.filter(|_| !asleep),
        }
    }
}
