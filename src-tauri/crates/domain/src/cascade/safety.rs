//! What may go down after the set is down, and what must not.

use crate::{
    Action, FollowUp, FollowUpMode, Graph, NodeId, Observations, Plan, PowerState, Protected,
    Refusal,
};

use super::step;

/// What becomes of a node in this cascade.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// Whatever it is, on or off, this cascade does not change it.
    Stays,
    /// It has a step.
    GoesDown,
    /// An earlier run of the same cascade stopped it.
    WentDown,
}

/// Re-evaluates the dependencies of everything that goes down, and the hosts that stop when they are empty, then theirs.
/// Adds to the plan the steps of those that stop by themselves, the proposals, and what is protected and by whom.
pub(super) fn follow_ups(
    graph: &Graph,
    observations: &Observations,
    fates: Vec<Fate>,
    plan: &mut Plan,
) -> Result<(), Refusal> {
    let mut review = Review {
        graph,
        observations,
        fates,
        needed: vec![None; graph.len()],
    };
    for id in review.candidates() {
        if review.fate(id) != Fate::Stays {
            continue;
        }
        let Some(because) = review.freed_by(id) else {
            continue;
        };
        if observations.state(graph, id) != PowerState::On {
            continue;
        }
        let node = &graph.nodes()[graph.at(id)];
        if let Some(protected) = review.protection(id) {
            plan.protected.push(protected);
            continue;
        }
        let reason = format!("no longer needed: {} is off then", graph.name(because));
        let mode = if node.confirm_before_auto_stop() {
            FollowUpMode::Confirm
        } else {
            plan.steps
                .push(step(node, observations, Action::Stop, reason.clone())?);
            review.fates[graph.at(id)] = Fate::GoesDown;
            FollowUpMode::Auto
        };
        plan.follow_ups.push(FollowUp {
            node: id,
            mode,
            reason,
        });
    }
    Ok(())
}

struct Review<'a> {
    graph: &'a Graph,
    observations: &'a Observations,
    fates: Vec<Fate>,
    /// Whether something active that stays on needs the node; filled on demand. Dependants are decided before their
    /// dependencies are looked at, so an answer never changes.
    needed: Vec<Option<bool>>,
}

impl Review<'_> {
    fn fate(&self, id: NodeId) -> Fate {
        self.fates[self.graph.at(id)]
    }

    /// Everything that the nodes going down need, transitively, dependants before dependencies: each is decided when all
    /// that need it have been.
    fn candidates(&self) -> Vec<NodeId> {
        let down = self
            .graph
            .nodes()
            .iter()
            .map(|node| node.id)
            .filter(|id| self.fate(*id) != Fate::Stays);
        let mut order = super::order::needs_first(self.graph, down, |_| true);
        order.reverse();
        order
    }

    /// The first node going down that frees this one: a dependant, or a guest if the host stops when it is empty.
    fn freed_by(&self, id: NodeId) -> Option<NodeId> {
        let goes = |other: &&NodeId| self.fate(**other) != Fate::Stays;
        let dependant = self.graph.dependants(id).iter().find(goes);
        let node = &self.graph.nodes()[self.graph.at(id)];
        let guests = if node.settings.stop_when_empty {
            self.graph.guests(id)
        } else {
            &[]
        };
        dependant.or_else(|| guests.iter().find(goes)).copied()
    }

    fn protection(&mut self, id: NodeId) -> Option<Protected> {
        if self.is_needed(id) {
            let by = self.nearest_users(id);
            let names: Vec<_> = by.iter().map(|id| self.graph.name(*id)).collect();
            let hosts = by
                .iter()
                .all(|by| self.graph.ancestors(*by).any(|a| a == id));
            let verb = if hosts { "hosts" } else { "needed by" };
            let reason = format!("stays on: {verb} {}", names.join(", "));
            return Some(Protected {
                node: id,
                by,
                reason,
            });
        }
        let node = &self.graph.nodes()[self.graph.at(id)];
        let reason = if node.settings.always_on {
            "stays on: it is always on".to_owned()
        } else if self.observations.held.contains_key(&id) {
            "stays on: you keep it on".to_owned()
        } else if let Some(lock) = self.observations.locked.get(&id) {
            format!("stays on: locked by its platform ({lock})")
        } else if self.observations.in_cascade.contains(&id) {
            "stays on: it is being started or stopped".to_owned()
        } else {
            return None;
        };
        Some(Protected {
            node: id,
            by: Vec::new(),
            reason,
        })
    }

    /// Whether an active node that stays needs this one, directly or through nodes that are off.
    fn is_needed(&mut self, id: NodeId) -> bool {
        let mut tasks = vec![id];
        while let Some(&next) = tasks.last() {
            let graph = self.graph;
            let at = graph.at(next);
            if self.needed[at].is_some() {
                tasks.pop();
                continue;
            }
            let mut open = false;
            let mut needed = false;
            for user in graph.needed_by(next) {
                if self.stays_active(user) {
                    needed = true;
                    break;
                }
                match self.needed[graph.at(user)] {
                    Some(user_is_needed) => needed |= user_is_needed,
                    None => {
                        open = true;
                        tasks.push(user);
                    }
                }
            }
            if needed || !open {
                self.needed[at] = Some(needed);
            }
        }
        self.needed[self.graph.at(id)].unwrap_or(true)
    }

    fn stays_active(&self, id: NodeId) -> bool {
        self.fate(id) == Fate::Stays && self.observations.state(self.graph, id).is_active()
    }

    /// The active nodes nearest to it that need it: its own users, and beyond those that are off theirs.
    fn nearest_users(&self, id: NodeId) -> Vec<NodeId> {
        let mut seen = vec![false; self.graph.len()];
        let mut users = Vec::new();
        let mut around = vec![id];
        while let Some(next) = around.pop() {
            for user in self.graph.needed_by(next) {
                if std::mem::replace(&mut seen[self.graph.at(user)], true) {
                    continue;
                }
                if self.stays_active(user) {
                    users.push(user);
                } else {
                    around.push(user);
                }
            }
        }
        users.sort_unstable();
        users
    }
}
