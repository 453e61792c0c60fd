//! What may go down after the set is down, and what must not.

use super::order::needs_first;
use super::situation::{Situation, no_channel};
use crate::capability::stop_channel;
use crate::state::Belief;
use crate::{Action, FollowUp, FollowUpMode, Plan, Protected, Refusal};

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
    situation: &Situation<'_>,
    fates: Vec<Fate>,
    plan: &mut Plan,
) -> Result<(), Refusal> {
    let mut review = Review {
        situation,
        needed: vec![None; fates.len()],
        seen_for: vec![None; fates.len()],
        fates,
    };
    for at in review.candidates() {
        if review.fates[at] != Fate::Stays || situation.beliefs[at] != Belief::On {
            continue;
        }
        let Some(because) = review.freed_by(at) else {
            continue;
        };
        if let Some(protected) = review.protection(at) {
            plan.protected.push(protected);
            continue;
        }
        let reason = format!("no longer needed once {} is off", situation.name(because));
        let mode = if situation.graph.node(at).confirm_before_auto_stop() {
            FollowUpMode::Confirm
        } else {
            let step = situation.step(at, Action::Stop, reason.clone())?;
            plan.steps.push(step);
            review.fates[at] = Fate::GoesDown;
            FollowUpMode::Auto
        };
        plan.follow_ups.push(FollowUp {
            node: situation.id(at),
            mode,
            reason,
        });
    }
    Ok(())
}

struct Review<'a> {
    situation: &'a Situation<'a>,
    fates: Vec<Fate>,
    /// Whether something that stays on needs the node; filled on demand. Users are decided before what they need is
    /// looked at, so an answer never changes.
    needed: Vec<Option<bool>>,
    /// For whose sake [`Review::nearest_users`] last came by.
    seen_for: Vec<Option<usize>>,
}

impl Review<'_> {
    /// Everything that the nodes going down need, transitively, users before what they need: each is decided when all
    /// that need it have been.
    fn candidates(&self) -> Vec<usize> {
        let down = (0..self.fates.len()).filter(|at| self.goes(*at));
        let mut order = needs_first(self.situation.graph, down, |_| true);
        order.reverse();
        order
    }

    /// Is off when the cascade is done, and by its doing.
    fn goes(&self, at: usize) -> bool {
        match self.fates[at] {
            Fate::Stays => false,
            Fate::GoesDown | Fate::WentDown => true,
        }
    }

    /// The first node going down that frees this one: a dependant, or a guest if the host stops when it is empty.
    fn freed_by(&self, at: usize) -> Option<usize> {
        let links = self.situation.graph.links();
        let settings = &self.situation.graph.node(at).settings;
        let guests = if settings.stop_when_empty {
            links.guests(at)
        } else {
            &[]
        };
        let mut users = links.dependants(at).iter().chain(guests).copied();
        users.find(|user| self.goes(*user))
    }

    fn protection(&mut self, at: usize) -> Option<Protected> {
        let node = self.situation.graph.node(at);
        let observations = self.situation.observations;
        let mut by = Vec::new();
        let why = if self.is_needed(at) {
            by = self.nearest_users(at);
            let verb = if self.situation.all_run_on(&by, at) {
                "hosts"
            } else {
                "needed by"
            };
            format!("{verb} {}", self.situation.names(&by))
        } else if node.settings.always_on {
            "it is always on".to_owned()
        } else if observations.held.contains_key(&node.id) {
            "you keep it on".to_owned()
        } else if let Some(lock) = observations.locked.get(&node.id) {
            format!("locked by its platform ({lock})")
        } else if observations.in_cascade.contains(&node.id) {
            "it is being started or stopped".to_owned()
        } else if let Some(why) = self.situation.guard(node.id) {
            why.to_owned()
        } else if stop_channel(node).is_none() {
            format!("it cannot be {}", no_channel(Action::Stop))
        } else {
            return None;
        };
        Some(Protected {
            node: node.id,
            by: self.situation.ids(&by),
            reason: format!("stays on: {why}"),
        })
    }

    /// Whether something that stays on needs this node, directly or through nodes that are off.
    fn is_needed(&mut self, at: usize) -> bool {
        let links = self.situation.graph.links();
        let mut tasks = vec![at];
        while let Some(&next) = tasks.last() {
            if self.needed[next].is_some() {
                tasks.pop();
                continue;
            }
            let users = links.users(next);
            let open_before = tasks.len();
            let mut needed = users.iter().any(|user| self.stays_on(*user));
            if !needed {
                for user in users {
                    match self.needed[*user] {
                        Some(user_is_needed) => needed |= user_is_needed,
                        None => tasks.push(*user),
                    }
                }
            }
            if needed || tasks.len() == open_before {
                self.needed[next] = Some(needed);
                tasks.truncate(open_before);
            }
        }
        self.needed[at].unwrap_or(true)
    }

    fn stays_on(&self, at: usize) -> bool {
        // what went down earlier is off, but may have been locked since
        self.fates[at] != Fate::GoesDown && self.situation.is_occupied(at)
    }

    /// The nodes nearest to it that stay on and need it: its own users, and beyond those that are off theirs. In order of
    /// creation.
    fn nearest_users(&mut self, at: usize) -> Vec<usize> {
        let links = self.situation.graph.links();
        let mut users = Vec::new();
        let mut around = vec![at];
        while let Some(next) = around.pop() {
            for user in links.users(next) {
                if self.seen_for[*user].replace(at) == Some(at) {
                    continue;
                }
                if self.stays_on(*user) {
                    users.push(*user);
                } else {
                    around.push(*user);
                }
            }
        }
        users.sort_unstable();
        users
    }
}
