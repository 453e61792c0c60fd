//! From an intent to a plan: the pure function that preview, command line and executor share.
//!
//! # Words
//!
//! - A node is *active* unless it is known to be off: Unknown, Failed, Starting and Stopping protect others as On does, for
//!   nobody can say that they are not in use. A node that a running cascade works on is active whatever was seen of it.
//! - A guest of a host that is observed Off is Off, whatever was last seen of the guest itself.
//! - The *users* of a node are all that need it, transitively over both layers, and also through nodes that are off: a
//!   service keeps its storage on even while the proxy between them is down.
//!
//! # Start
//!
//! The target and all it needs, the needs of hosts included. The order is depth first: for each node its dependencies in
//! the user's order, then its hosts from the top down, then itself. Only what is observed On is skipped.
//!
//! # Stop
//!
//! The target and all that it hosts, in the reverse of the order in which they would start. With active users outside
//! this set an explicit stop is refused, naming all of them, unless it takes them in. An automatic stop is refused as well
//! when the target itself hosts something active, is always on, held, locked, worked on by a cascade, guarded (in
//! use by its own idle rule, outside its hours, or while all automatic stops are paused), or of unknown
//! state; a node that is off but locked (a backup reads it) or held counts as active here. A target that is off already
//! changes nothing and is never refused.
//!
//! Then the follow-ups, dependants before dependencies: the dependencies of everything that goes down, and the hosts of
//! what goes down if they have `stop_when_empty`. Only a node observed On is one. It is protected, and says by whom, when
//! an active user stays on (`by` names the nearest), or when it is held, always on, locked, guarded, worked on by a cascade, or has no
//! way to be stopped. Otherwise it is proposed if it wants to be confirmed, and stays on for this plan, so that what it
//! needs stays on too; else it is stopped in the same cascade and its own dependencies are looked at.
//!
//! # Laws
//!
//! Held by the property tests: every step comes after the steps it needs; no node twice; nothing outside the closure;
//! planning again after success gives an empty plan; stopping never lists a node that an active node outside the plan
//! needs; a start plan only starts and a stop plan only stops (its automatic follow-ups included); the same input gives the
//! same plan.

mod order;
mod safety;
mod situation;
mod start;
mod stop;

use crate::{Graph, Intent, Observations, Plan, Refusal, RefusalKind};
use situation::Situation;

/// Answers an intent. The caller observes first: a plan is only as good as the observations it is made from.
pub fn plan(graph: &Graph, observations: &Observations, intent: &Intent) -> Result<Plan, Refusal> {
    let Some(target) = graph.position(intent.node()) else {
        return Err(Refusal {
            node: intent.node(),
            kind: RefusalKind::UnknownNode,
            message: format!("there is no node {}", intent.node()),
        });
    };
    let situation = Situation::new(graph, observations);
    match intent {
        Intent::Start { .. } => start::plan_start(&situation, target),
        Intent::Stop {
            scope,
            automatic,
            stopped_before,
            ..
        } => stop::plan_stop(
            &situation,
            &stop::StopRequest {
                target,
                scope: *scope,
                automatic: *automatic,
                stopped_before,
            },
        ),
    }
}
