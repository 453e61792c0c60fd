//! Start T: T and all it needs, what is on already skipped.

use super::order::needs_first;
use super::step;
use crate::{Action, Graph, Intent, NodeId, Observations, Plan, PowerState, Refusal, Skipped};

pub(super) fn plan_start(
    graph: &Graph,
    observations: &Observations,
    target: NodeId,
) -> Result<Plan, Refusal> {
    let mut plan = Plan {
        intent: Intent::start(target),
        steps: Vec::new(),
        skipped: Vec::new(),
        protected: Vec::new(),
        follow_ups: Vec::new(),
    };
    let order = needs_first(graph, [target], |_| true);
    let mut reasons: Vec<Option<NodeId>> = vec![None; graph.len()];
    for id in order.iter().rev() {
        for need in graph.nodes()[graph.at(*id)].needs() {
            reasons[graph.at(need)].get_or_insert(*id);
        }
    }
    for id in order {
        let node = &graph.nodes()[graph.at(id)];
        if observations.state(graph, id) == PowerState::On {
            plan.skipped.push(Skipped {
                node: id,
                reason: "on already".to_owned(),
            });
            continue;
        }
        let reason = match reasons[graph.at(id)] {
            None => "you asked for it".to_owned(),
            Some(by) if graph.get(by).and_then(|by| by.host) == Some(id) => {
                format!("hosts {}", graph.name(by))
            }
            Some(by) => format!("needed by {}", graph.name(by)),
        };
        plan.steps
            .push(step(node, observations, Action::Start, reason)?);
    }
    Ok(plan)
}
