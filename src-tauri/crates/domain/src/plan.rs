//! The ordered answer to an intent: what the preview shows, what `wakehub plan` prints and what runs.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

use crate::{Channel, Intent, NodeId, Probe};

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Start,
    Stop,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Start => "start",
            Action::Stop => "stop",
        }
    }
}

/// A plan leaves its executor nothing to decide.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub intent: Intent,
    /// One after the other, never in parallel; each node at most once.
    pub steps: Vec<Step>,
    pub skipped: Vec<Skipped>,
    pub protected: Vec<Protected>,
    pub follow_ups: Vec<FollowUp>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Step {
    pub node: NodeId,
    pub action: Action,
    pub channel: Channel,
    pub readiness: Readiness,
    /// For the whole step, the wait for its readiness included.
    pub timeout: Duration,
    /// The median of the last five times, if there were any.
    pub usual: Option<Duration>,
    /// `needed by lxc-jellyfin`, `you asked for it`
    pub reason: String,
}

/// What must be seen before the step counts as done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// A machine: its TCP port accepts, or it answers a ping; then the probe, if any.
    Answers { port: u16, probe: Option<Probe> },
    /// A vm, an lxc or a container: the platform says running (and healthy, where there is a health check); then the
    /// probe, if any.
    Running { probe: Option<Probe> },
    /// A stop: seen off, twice.
    Off,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Skipped {
    pub node: NodeId,
    pub reason: String,
}

/// A dependency (or a host with `stop_when_empty`) that stays on although something that needed it goes down.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Protected {
    pub node: NodeId,
    /// The nearest active nodes that need it or run on it; empty when it is held, always on or locked.
    pub by: Vec<NodeId>,
    pub reason: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FollowUp {
    pub node: NodeId,
    pub mode: FollowUpMode,
    pub reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FollowUpMode {
    /// Stopped in the same cascade: its step stands among the steps.
    Auto,
    /// Proposed to the user when the cascade is done.
    Confirm,
}

/// Why there is no plan. Its `Display` is a sentence that a user can act on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The node that cannot be had: the target, or the one in the way.
    pub node: NodeId,
    pub kind: RefusalKind,
    /// The whole sentence, with names.
    pub message: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefusalKind {
    /// Active nodes outside the set need it.
    NeededBy(Vec<NodeId>),
    AlwaysOn,
    /// The user keeps it on until then.
    Held(crate::Timestamp),
    /// The platform has locked it, in its own word (`backup`), or a cascade works on it.
    Locked(String),
    /// An automatic stop is not planned from a state that nobody knows.
    StaleObservation,
    /// It is in use, or no automatic stop is allowed now: why, in words.
    Guarded(String),
    /// Nothing is configured by which the node could be started or stopped.
    NoChannel,
    /// There is no such node.
    UnknownNode,
}

impl RefusalKind {
    pub fn as_str(&self) -> &'static str {
        match self {
            RefusalKind::NeededBy(_) => "needed_by",
            RefusalKind::AlwaysOn => "always_on",
            RefusalKind::Held(_) => "held",
            RefusalKind::Locked(_) => "locked",
            RefusalKind::StaleObservation => "stale_observation",
            RefusalKind::Guarded(_) => "guarded",
            RefusalKind::NoChannel => "no_channel",
            RefusalKind::UnknownNode => "unknown_node",
        }
    }

    /// The nodes that stand in the way.
    pub fn by(&self) -> &[NodeId] {
        match self {
            RefusalKind::NeededBy(by) => by,
            RefusalKind::AlwaysOn
            | RefusalKind::Held(_)
            | RefusalKind::Locked(_)
            | RefusalKind::StaleObservation
            | RefusalKind::Guarded(_)
            | RefusalKind::NoChannel
            | RefusalKind::UnknownNode => &[],
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}
