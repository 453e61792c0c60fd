//! Nouns and decisions of WakeHub.
//!
//! This crate does no IO, knows no async and reads no clock: whoever asks passes the time in. What it holds is the model
//! of a homelab (two layers: the hosting tree and the graph of functional dependencies), what is believed about its power
//! states, and the planner, a pure function from these to an ordered [`Plan`] or a typed [`Refusal`].

pub mod calendar;
pub mod capability;
pub mod cascade;
pub mod error;
mod few;
pub mod graph;
pub mod id;
pub mod idle;
pub mod intent;
pub mod node;
pub mod plan;
pub mod savings;
pub mod secret;
pub mod state;

pub use calendar::{Day, Schedule, StopWindow};
pub use capability::{
    Capability, Channel, DockerConfig, ProxmoxConfig, SshAuth, SshConfig, SshJump, WolConfig,
};
pub use cascade::plan;
pub use error::{ConnectorError, ErrorKind, Presented, PresentedKind, Retry};
pub use few::few;
pub use graph::{Graph, GraphError};
pub use id::{CascadeId, ConnectionId, NodeId, QuestionId, Timestamp};
pub use intent::{Intent, StopScope};
pub use node::{KindSeconds, Node, NodeKind, PowerOff, Probe, Settings, Timeouts};
pub use plan::{
    Action, FollowUp, FollowUpMode, Plan, Protected, Readiness, Refusal, RefusalKind, Skipped, Step,
};
pub use secret::{Secret, SecretName};
pub use state::{Observation, Observations, PowerState, Source};
