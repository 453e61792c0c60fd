//! "Keep it on for two hours." A hold ends when its time is over, when it is released, or when a person stops the node.

use std::collections::BTreeSet;
use std::time::Duration;
use wakehub_domain::{Graph, Intent, NodeId, PowerState, Timestamp};
use wakehub_store::{Hold, SettingKey};
use wakehub_view::said::Said;
use wakehub_view::text;
use wakehub_view::wire::CommandError;

use super::Controller;
use super::plans::Goal;
use super::questions::About;
use super::requests::{other, removed, store_failed};
use crate::request::HoldFor;

pub(crate) const STOP_AFTER_HOLD: SettingKey<BTreeSet<NodeId>> = SettingKey::new("stop_after_hold");

/// What is kept on for longer is `always_on`.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl Controller {
    pub(super) async fn hold(
        &mut self,
        node: NodeId,
        hold: HoldFor,
        then_stop: bool,
    ) -> Result<(), CommandError> {
        if self.graph.get(node).is_none() {
            return Err(removed(node));
        }
        let now = self.clock.now();
        let until = match hold {
            HoldFor::Nothing => return self.release(node, Said::YouSaidSo).await,
            HoldFor::Until(until) => until,
            HoldFor::Duration(duration) => now.plus(duration),
        };
        if until <= now {
            return Err(other(Said::HoldIsOver));
        }
        if until > now.plus(LONGEST) {
            return Err(other(Said::HoldIsTooLong));
        }
        let hold = Hold {
            node,
            until,
            set_at: now,
        };
        self.write_hold(move |store| store.hold(hold)).await?;
        self.observations.held.insert(node, until);
        self.keep_stop_after(node, then_stop);
        let length = u64::try_from(until.since(now).as_millis()).unwrap_or(u64::MAX);
        let message = Said::KeptOnFor {
            name: &self.name(node),
            time: &text::duration(length),
        };
        self.journal_hold(node, message, Said::YouSaidSo);
        self.is_held(node);
        // nobody is asked about what is kept on
        self.review_questions();
        self.changed = true;
        Ok(())
    }

    /// No error when there is none.
    async fn release(&mut self, node: NodeId, why: Said<'_>) -> Result<(), CommandError> {
        if !self.observations.held.contains_key(&node) {
            return Ok(());
        }
        self.write_hold(move |store| store.release(node)).await?;
        self.let_go(node, why);
        let then_stop = false;
        self.after_looking(Goal::HoldEnded { node, then_stop })
            .await;
        Ok(())
    }

    /// Those whose time is over, be it while WakeHub was not running.
    pub(super) async fn end_holds(&mut self) {
        let now = self.clock.now();
        let over: Vec<NodeId> = self
            .observations
            .held
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(node, _)| *node)
            .collect();
        for node in over {
            // what cannot be removed now is over all the same, and is removed when the next start finds it
            self.storage
                .send("end a hold", move |store| store.release(node));
            let then_stop = self.stop_after_hold.contains(&node);
            self.let_go(node, Said::ItsTimeIsOver);
            self.after_looking(Goal::HoldEnded { node, then_stop })
                .await;
        }
    }

    /// A person stops them, which says more than the hold.
    pub(super) fn end_holds_of_stopped(&mut self, nodes: &[NodeId]) {
        for node in nodes {
            if self.observations.held.contains_key(node) {
                let node = *node;
                self.storage
                    .send("end a hold", move |store| store.release(node));
                self.let_go(node, Said::YouStopIt);
            }
        }
    }

    /// Whether the node is stopped when its hold ends, in the database as here.
    fn keep_stop_after(&mut self, node: NodeId, then_stop: bool) {
        let changed = if then_stop {
            self.stop_after_hold.insert(node)
        } else {
            self.stop_after_hold.remove(&node)
        };
        if changed {
            let all = self.stop_after_hold.clone();
            self.storage
                .send("keep what ends with a hold", move |store| {
                    store.set_setting(&STOP_AFTER_HOLD, &all)
                });
        }
    }

    fn let_go(&mut self, node: NodeId, why: Said<'_>) {
        self.observations.held.remove(&node);
        self.keep_stop_after(node, false);
        let name = self.name(node);
        self.journal_hold(node, Said::NoLongerKeptOn { name: &name }, why);
        self.look_soon(node);
        self.changed = true;
    }

    /// It may have kept on what nobody needs any longer: the node itself, and what it needs. That is asked about, never
    /// stopped for this alone. What nothing ever needs (a service) is left to the user, unless it was wanted for so long and no
    /// longer.
    pub(super) async fn hold_ended(&mut self, node: NodeId, then_stop: bool) {
        let graph = self.graph.clone();
        for candidate in needs_of(&graph, node) {
            let is_over = then_stop && candidate == node;
            let used_by_any = graph.needed_by(candidate).next().is_some();
            let on = self.observations.state(&graph, candidate) == PowerState::On;
            let free = self
                .plan_intent(&Intent::stop_automatically(candidate))
                .is_ok();
            if (is_over || used_by_any) && on && free {
                let name = self.name(node);
                let reason = Said::HoldEnded { name: &name };
                let about = if is_over {
                    About::TimeOver
                } else {
                    About::NotNeeded
                };
                self.ask_about(candidate, about, reason.to_string()).await;
            }
        }
    }

    async fn write_hold(
        &mut self,
        write: impl FnOnce(&mut wakehub_store::Store) -> Result<(), wakehub_store::StoreError>
        + Send
        + 'static,
    ) -> Result<(), CommandError> {
        let written = self.storage.call(write).await.and_then(|written| written);
        written.map_err(|error| {
            self.notice_store(&error);
            store_failed(error)
        })
    }

    /// Whether it is held, or needed by something that is.
    pub(super) fn held_for(&self, node: NodeId) -> Option<NodeId> {
        let held = |id: &NodeId| self.observations.held.contains_key(id);
        let mut found = vec![node];
        let mut at = 0;
        while let Some(id) = found.get(at).copied() {
            if held(&id) {
                return Some(id);
            }
            for user in self.graph.needed_by(id) {
                if !found.contains(&user) {
                    found.push(user);
                }
            }
            at += 1;
        }
        None
    }

    /// Until when, of those that are held.
    pub(super) fn held_until(&self, node: NodeId) -> Option<Timestamp> {
        self.observations.held.get(&node).copied()
    }
}

/// The node and all that it needs, transitively; users before what they need is not promised.
pub(super) fn needs_of(graph: &Graph, node: NodeId) -> Vec<NodeId> {
    let mut found = vec![node];
    let mut at = 0;
    while let Some(id) = found.get(at).copied() {
        let needs = graph.get(id).into_iter().flat_map(|node| node.needs());
        for need in needs {
            if !found.contains(&need) {
                found.push(need);
            }
        }
        at += 1;
    }
    found
}
