//! Stop T: T and all that it hosts, in reversed order of needs; then what nobody needs any longer.

use std::collections::BTreeSet;

use super::order::needs_first;
use super::safety::{Fate, follow_ups};
use super::step;
use crate::{
    Action, Graph, Intent, NodeId, Observations, Plan, PowerState, Refusal, RefusalKind, Skipped,
    StopScope,
};

pub(super) struct StopRequest<'a> {
    pub node: NodeId,
    pub scope: StopScope,
    pub automatic: bool,
    pub stopped_before: &'a BTreeSet<NodeId>,
}

pub(super) fn plan_stop(
    graph: &Graph,
    observations: &Observations,
    request: &StopRequest<'_>,
) -> Result<Plan, Refusal> {
    let target = request.node;
    let mut reached = vec![false; graph.len()];
    let affected = needs_it(graph, target, &mut reached);
    let mut hosted = vec![false; graph.len()];
    hosted[graph.at(target)] = true;
    for guest in graph.hosted(target) {
        hosted[graph.at(guest)] = true;
    }
    let active = |id: NodeId| observations.state(graph, id).is_active();

    if request.automatic {
        refuse_automatic(graph, observations, target, &affected)?;
    } else if request.scope == StopScope::RefuseIfNeeded {
        let by: Vec<NodeId> = affected
            .iter()
            .copied()
            .filter(|id| !hosted[graph.at(*id)] && active(*id))
            .collect();
        if !by.is_empty() && active(target) {
            return Err(needed_by(graph, target, by));
        }
    }

    let mut plan = Plan {
        intent: Intent::Stop {
            node: target,
            scope: request.scope,
            automatic: request.automatic,
            stopped_before: request.stopped_before.clone(),
        },
        steps: Vec::new(),
        skipped: Vec::new(),
        protected: Vec::new(),
        follow_ups: Vec::new(),
    };
    let mut order = needs_first(graph, affected, |id| reached[graph.at(id)]);
    order.reverse();
    // with a target that is off already nothing that needs it is touched
    let dependants_too = active(target) && request.scope == StopScope::WithDependants;
    let mut down = vec![Fate::Stays; graph.len()];
    for id in order {
        let at = graph.at(id);
        if !hosted[at] && !dependants_too {
            continue;
        }
        if active(id) {
            let reason = if id != target {
                reason(graph, target, id, hosted[at])
            } else if request.automatic {
                "it is not used".to_owned()
            } else {
                "you asked for it".to_owned()
            };
            let node = &graph.nodes()[at];
            plan.steps
                .push(step(node, observations, Action::Stop, reason)?);
            down[at] = Fate::GoesDown;
        } else if hosted[at] {
            plan.skipped.push(Skipped {
                node: id,
                reason: "off already".to_owned(),
            });
        }
    }
    for id in request.stopped_before {
        if graph.get(*id).is_some() && !active(*id) {
            down[graph.at(*id)] = Fate::WentDown;
        }
    }
    follow_ups(graph, observations, down, &mut plan)?;
    Ok(plan)
}

/// The target and everything that needs it, transitively over both layers, in order of creation.
fn needs_it(graph: &Graph, target: NodeId, reached: &mut [bool]) -> Vec<NodeId> {
    let mut found = vec![target];
    reached[graph.at(target)] = true;
    let mut at = 0;
    while at < found.len() {
        for id in graph.needed_by(found[at]) {
            if !std::mem::replace(&mut reached[graph.at(id)], true) {
                found.push(id);
            }
        }
        at += 1;
    }
    found.sort_unstable();
    found
}

/// What only a person may do: stopping something that is in use by others, kept on, locked, or of unknown state.
fn refuse_automatic(
    graph: &Graph,
    observations: &Observations,
    target: NodeId,
    affected: &[NodeId],
) -> Result<(), Refusal> {
    let name = graph.name(target);
    let refuse = |kind, message| {
        Err(Refusal {
            node: target,
            kind,
            message,
        })
    };
    match observations.state(graph, target) {
        PowerState::Off => return Ok(()),
        PowerState::Unknown => {
            let message = format!("{name} stays as it is: nobody knows whether it is on");
            return refuse(RefusalKind::StaleObservation, message);
        }
        PowerState::Starting
        | PowerState::On
        | PowerState::Stopping
        | PowerState::Failed { .. } => {}
    }
    let by: Vec<NodeId> = affected
        .iter()
        .copied()
        .filter(|id| *id != target && observations.state(graph, *id).is_active())
        .collect();
    if !by.is_empty() {
        return Err(needed_by(graph, target, by));
    }
    if graph.get(target).is_some_and(|n| n.settings.always_on) {
        let message = format!("{name} is always on and is never stopped automatically");
        return refuse(RefusalKind::AlwaysOn, message);
    }
    if let Some(until) = observations.held.get(&target) {
        let message = format!("{name} is kept on by you");
        return refuse(RefusalKind::Held(*until), message);
    }
    if let Some(lock) = observations.locked.get(&target) {
        let message = format!("{name} is locked by its platform ({lock})");
        return refuse(RefusalKind::Locked(lock.clone()), message);
    }
    if observations.in_cascade.contains(&target) {
        let message = format!("{name} is being started or stopped");
        return refuse(RefusalKind::Locked("cascade".to_owned()), message);
    }
    Ok(())
}

fn needed_by(graph: &Graph, node: NodeId, by: Vec<NodeId>) -> Refusal {
    let names: Vec<_> = by.iter().map(|id| graph.name(*id)).collect();
    let verb = if by.iter().all(|id| graph.ancestors(*id).any(|a| a == node)) {
        "hosts"
    } else {
        "is needed by"
    };
    Refusal {
        node,
        message: format!("{} {verb} {}", graph.name(node), names.join(", ")),
        kind: RefusalKind::NeededBy(by),
    }
}

fn reason(graph: &Graph, target: NodeId, id: NodeId, hosted: bool) -> String {
    let node = &graph.nodes()[graph.at(id)];
    if hosted && let Some(host) = node.host {
        return format!("runs on {}", graph.name(host));
    }
    match node.depends_on.iter().find(|d| **d == target) {
        Some(dependency) => format!("needs {}", graph.name(*dependency)),
        None => format!("needs what {} takes with it", graph.name(target)),
    }
}
