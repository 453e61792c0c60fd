//! What was measured of a node at one tick.

use crate::Timestamp;

/// `None` is what could not be measured, which is never the same as nothing. Counters are cumulative, since the node came up.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sample {
    pub at: Timestamp,
    /// Cores in use, on average since the sample before.
    pub cpu_cores: Option<f64>,
    /// The used part of the memory, from 0 to 1.
    pub ram_fraction: Option<f64>,
    pub rx_bytes: Option<u64>,
    pub tx_bytes: Option<u64>,
    pub rx_packets: Option<u64>,
    pub tx_packets: Option<u64>,
    pub read_bytes: Option<u64>,
    pub written_bytes: Option<u64>,
    /// Established TCP connections to the node, without those of WakeHub itself.
    pub connections: Option<u32>,
    /// How many are logged in, or were since the sample before.
    pub users: Option<u32>,
    /// What the user's own question was answered.
    pub probe: Option<ProbeAnswer>,
    /// Whether the port of [`LastAccess`](super::LastAccess) accepts connections.
    pub port_accepts: Option<bool>,
    /// What must not be interrupted, in plain words: `a backup runs`.
    pub inhibitors: Vec<String>,
}

/// What a service said of its use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeAnswer {
    pub is_used: bool,
    /// In plain words: `Jellyfin plays 2 films`.
    pub why: String,
}

impl ProbeAnswer {
    pub fn used(why: impl Into<String>) -> ProbeAnswer {
        ProbeAnswer {
            is_used: true,
            why: why.into(),
        }
    }

    pub fn not_used(why: impl Into<String>) -> ProbeAnswer {
        ProbeAnswer {
            is_used: false,
            why: why.into(),
        }
    }
}
