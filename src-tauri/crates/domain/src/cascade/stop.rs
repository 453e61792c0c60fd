//! Stop T: T and all that it hosts, in reversed order of needs; then what nobody needs any longer.

use std::collections::BTreeSet;

use super::order::needs_first;
use super::safety::{Fate, follow_ups};
use super::situation::{Situation, positions};
use crate::{Action, Intent, NodeId, Plan, PowerState, Refusal, RefusalKind, Skipped, StopScope};

pub(super) struct StopRequest<'a> {
    pub target: usize,
    pub scope: StopScope,
    pub automatic: bool,
    pub stopped_before: &'a BTreeSet<NodeId>,
}

pub(super) fn plan_stop(
    situation: &Situation<'_>,
    request: &StopRequest<'_>,
) -> Result<Plan, Refusal> {
    let (graph, target) = (situation.graph, request.target);
    let affected = Affected::by(situation, target);
    // a target that is off already changes nothing: what needs it is neither asked nor touched
    let anything_to_stop = affected.set().any(|at| situation.is_active(at));
    if anything_to_stop && request.automatic {
        refuse_automatic(situation, target, &affected)?;
    } else if anything_to_stop && request.scope == StopScope::RefuseIfNeeded {
        let outside = |at: &usize| !affected.hosted[*at] && situation.is_active(*at);
        let by: Vec<usize> = affected.nodes.iter().copied().filter(outside).collect();
        if !by.is_empty() {
            return Err(needed_by(situation, target, &by));
        }
    }

    let mut plan = Plan {
        intent: Intent::Stop {
            node: situation.id(target),
            scope: request.scope,
            automatic: request.automatic,
            stopped_before: request.stopped_before.clone(),
        },
        steps: Vec::new(),
        skipped: Vec::new(),
        protected: Vec::new(),
        follow_ups: Vec::new(),
    };
    let dependants_too = anything_to_stop && request.scope == StopScope::WithDependants;
    let mut fates = vec![Fate::Stays; graph.len()];
    let starting = needs_first(graph, affected.nodes.iter().copied(), |at| {
        affected.contains[at]
    });
    for at in starting.into_iter().rev() {
        if !affected.hosted[at] && !dependants_too {
            continue;
        }
        if situation.is_active(at) {
            let reason = if at != target {
                affected.reason(situation, at)
            } else if request.automatic {
                "it is not used".to_owned()
            } else {
                "you asked for it".to_owned()
            };
            plan.steps.push(situation.step(at, Action::Stop, reason)?);
            fates[at] = Fate::GoesDown;
        } else if affected.hosted[at] {
            plan.skipped.push(Skipped {
                node: situation.id(at),
                reason: "off already".to_owned(),
            });
        }
    }
    for at in positions(graph, request.stopped_before) {
        if !situation.is_active(at) {
            fates[at] = Fate::WentDown;
        }
    }
    follow_ups(situation, fates, &mut plan)?;
    Ok(plan)
}

/// The target and everything that needs it, transitively over both layers.
struct Affected {
    /// In order of creation.
    nodes: Vec<usize>,
    contains: Vec<bool>,
    /// The target and what it hosts.
    hosted: Vec<bool>,
}

impl Affected {
    fn by(situation: &Situation<'_>, target: usize) -> Affected {
        let links = situation.graph.links();
        let mut nodes = vec![target];
        let mut contains = vec![false; situation.graph.len()];
        let mut hosted = contains.clone();
        contains[target] = true;
        let mut next = 0;
        while let Some(at) = nodes.get(next).copied() {
            for user in links.users(at) {
                if !std::mem::replace(&mut contains[*user], true) {
                    nodes.push(*user);
                }
            }
            hosted[at] = at == target || links.hosts(at).any(|host| host == target);
            next += 1;
        }
        nodes.sort_unstable();
        Affected {
            nodes,
            contains,
            hosted,
        }
    }

    /// The target and what it hosts.
    fn set(&self) -> impl Iterator<Item = usize> + '_ {
        self.nodes.iter().copied().filter(|at| self.hosted[*at])
    }

    /// Why it goes down: what it runs on, or else what it needs, goes down.
    fn reason(&self, situation: &Situation<'_>, at: usize) -> String {
        let links = situation.graph.links();
        let needs = links.dependencies(at).iter().find(|d| self.contains[**d]);
        match (links.host(at), needs) {
            (Some(host), None) => format!("runs on {}", situation.name(host)),
            (Some(host), Some(_)) if self.hosted[at] => {
                format!("runs on {}", situation.name(host))
            }
            (_, Some(dependency)) => format!("needs {}", situation.name(*dependency)),
            (None, None) => "goes down with what it needs".to_owned(),
        }
    }
}

/// What only a person may do: stopping something that is in use by others, kept on, locked, or of unknown state.
fn refuse_automatic(
    situation: &Situation<'_>,
    target: usize,
    affected: &Affected,
) -> Result<(), Refusal> {
    let observations = situation.observations;
    let node = situation.graph.node(target);
    let (id, name) = (node.id, &node.name);
    let refuse = |kind, message| {
        Err(Refusal {
            node: id,
            kind,
            message,
        })
    };
    let others = affected.nodes.iter().copied().filter(|at| *at != target);
    let by: Vec<usize> = others.filter(|at| situation.is_occupied(*at)).collect();
    if !by.is_empty() {
        return Err(needed_by(situation, target, &by));
    }
    if node.settings.always_on {
        let message = format!("{name} is always on and is never stopped automatically");
        return refuse(RefusalKind::AlwaysOn, message);
    }
    if let Some(until) = observations.held.get(&id) {
        let message = format!("{name} is kept on by you");
        return refuse(RefusalKind::Held(*until), message);
    }
    if let Some(lock) = observations.locked.get(&id) {
        let message = format!("{name} is locked by its platform ({lock})");
        return refuse(RefusalKind::Locked(lock.clone()), message);
    }
    if observations.in_cascade.contains(&id) {
        let message = format!("{name} is being started or stopped");
        return refuse(RefusalKind::Locked("cascade".to_owned()), message);
    }
    if observations.state(situation.graph, id) == PowerState::Unknown {
        let message = format!("{name} stays as it is: nobody knows whether it is on");
        return refuse(RefusalKind::StaleObservation, message);
    }
    if let Some(why) = situation.guard(id) {
        let message = format!("{name} stays on: {why}");
        return refuse(RefusalKind::Guarded(why.to_owned()), message);
    }
    Ok(())
}

fn needed_by(situation: &Situation<'_>, target: usize, by: &[usize]) -> Refusal {
    let verb = if situation.all_run_on(by, target) {
        "hosts"
    } else {
        "is needed by"
    };
    Refusal {
        node: situation.id(target),
        kind: RefusalKind::NeededBy(situation.ids(by)),
        message: format!("{} {verb} {}", situation.name(target), situation.names(by)),
    }
}
