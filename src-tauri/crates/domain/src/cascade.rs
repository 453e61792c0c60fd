//! From an intent to a plan: the pure function that preview, command line and executor share.
//!
//! Laws, held by the property tests: every step comes after the steps it needs; no node twice; nothing outside the
//! closure; planning again after success gives an empty plan; stopping never lists a node that an active node outside the
//! plan needs; a start plan only starts and a stop plan only stops (its automatic follow-ups included); the same input
//! gives the same plan.

mod order;
mod safety;
mod start;
mod stop;

use crate::capability::{start_channel, stop_channel};
use crate::{
    Action, Graph, Intent, Node, Observations, Plan, Readiness, Refusal, RefusalKind, Step,
};

/// Answers an intent. The caller observes first: a plan is only as good as the observations it is made from.
pub fn plan(graph: &Graph, observations: &Observations, intent: &Intent) -> Result<Plan, Refusal> {
    if graph.get(intent.node()).is_none() {
        return Err(Refusal {
            node: intent.node(),
            kind: RefusalKind::UnknownNode,
            message: format!("there is no node {}", intent.node()),
        });
    }
    match intent {
        Intent::Start { node } => start::plan_start(graph, observations, *node),
        Intent::Stop {
            node,
            scope,
            automatic,
            stopped_before,
        } => stop::plan_stop(
            graph,
            observations,
            &stop::StopRequest {
                node: *node,
                scope: *scope,
                automatic: *automatic,
                stopped_before,
            },
        ),
    }
}

fn step(
    node: &Node,
    observations: &Observations,
    action: Action,
    reason: String,
) -> Result<Step, Refusal> {
    let (channel, timeout) = match action {
        Action::Start => (start_channel(node), node.start_timeout()),
        Action::Stop => (stop_channel(node), node.stop_timeout()),
    };
    let Some(channel) = channel else {
        let message = match action {
            Action::Start => format!(
                "{} cannot be started: it has no Wake-on-LAN address",
                node.name
            ),
            Action::Stop => format!(
                "{} cannot be stopped: it has neither SSH nor a Proxmox API",
                node.name
            ),
        };
        return Err(Refusal {
            node: node.id,
            kind: RefusalKind::NoChannel,
            message,
        });
    };
    Ok(Step {
        node: node.id,
        action,
        channel,
        readiness: readiness(node, action),
        timeout,
        usual: observations.usual.get(&(node.id, action)).copied(),
        reason,
    })
}

fn readiness(node: &Node, action: Action) -> Readiness {
    let probe = node.settings.readiness.clone();
    match action {
        Action::Stop => Readiness::Off,
        Action::Start if node.host.is_some() => Readiness::Running { probe },
        Action::Start => Readiness::Answers {
            port: node.ssh.as_ref().map_or(22, |ssh| ssh.port),
            probe,
        },
    }
}
