//! Identifiers and the one notion of time.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::Capability;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A node of the homelab. Given in order of creation and never used twice, so that comparing ids compares ages.
    NodeId
}
id! {
    /// One execution of a plan.
    CascadeId
}
id! {
    /// A question that waits for the user's answer.
    QuestionId
}

/// Where commands and observations of a node's guests (or of the machine itself) go: one Proxmox API, one Docker engine,
/// one SSH host. Polling, the circuit breaker and reuse of TCP, TLS and SSH sessions are all per connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
pub struct ConnectionId {
    pub node: NodeId,
    pub capability: Capability,
}

/// Milliseconds since the Unix epoch, UTC.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(transparent)]
pub struct Timestamp(#[cfg_attr(feature = "ts", ts(type = "number"))] pub i64);

impl Timestamp {
    /// The time that has passed since `earlier`; zero when the clock went backwards.
    pub fn since(self, earlier: Timestamp) -> std::time::Duration {
        std::time::Duration::from_millis(
            u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0),
        )
    }

    pub fn plus(self, duration: std::time::Duration) -> Timestamp {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(millis))
    }
}
