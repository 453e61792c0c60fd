//! Start T: T and all it needs, what is on already skipped.

use super::order::needs_first;
use super::situation::Situation;
use crate::state::Belief;
use crate::{Action, Intent, Plan, Refusal, Skipped};

pub(super) fn plan_start(situation: &Situation<'_>, target: usize) -> Result<Plan, Refusal> {
    let graph = situation.graph;
    let mut plan = Plan {
        intent: Intent::start(graph.node(target).id),
        steps: Vec::new(),
        skipped: Vec::new(),
        protected: Vec::new(),
        follow_ups: Vec::new(),
    };
    let order = needs_first(graph, [target], |_| true);
    // the user nearest to the target stands for all of them
    let mut wanted_by: Vec<Option<usize>> = vec![None; graph.len()];
    for at in order.iter().rev() {
        for need in graph.links().needs(*at) {
            wanted_by[*need].get_or_insert(*at);
        }
    }
    for at in order {
        if situation.beliefs[at] == Belief::On {
            plan.skipped.push(Skipped {
                node: graph.node(at).id,
                reason: "on already".to_owned(),
            });
            continue;
        }
        let reason = match wanted_by[at] {
            None => "you asked for it".to_owned(),
            Some(user) if graph.links().host(user) == Some(at) => {
                format!("hosts {}", graph.node(user).name)
            }
            Some(user) => format!("needed by {}", graph.node(user).name),
        };
        plan.steps.push(situation.step(at, Action::Start, reason)?);
    }
    Ok(plan)
}
