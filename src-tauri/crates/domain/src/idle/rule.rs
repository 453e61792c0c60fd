//! When a node counts as used. The same words stand in homelab.toml, in the database and in the forms.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::UseProbe;
use super::probe::is_true;
use crate::NodeKind;

/// Half an hour, DESIGN section 7; the user may set another for all.
pub const TIMEOUT_MINUTES: u32 = 30;

// More than that no homelab ever does in a minute: a criterion that nothing can exceed would show every node as not used.
// A line of 100 Gbit/s carries 0.7 TiB and at most 8.9 thousand million packets a minute.
const MOST_BYTES: u64 = 1 << 40;
const MOST_PACKETS: u64 = 10_000_000_000;
const MOST_CONNECTIONS: u32 = 100_000;

/// The `idle` table of a node. What a newer version adds has a default, so that what was written before keeps its meaning.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[cfg_attr(feature = "ts", ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct IdleRule {
    #[cfg_attr(feature = "ts", ts(as = "Option<bool>", optional))]
    pub enabled: bool,
    /// From a minute to a week; what holds for all nodes unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_minutes: Option<u32>,
    /// Those of [`Criteria::usual`] unless the table stands there; an empty one has none, and then the node is never idle.
    /// Whoever knows the node puts [`Criteria::usual_of`] in its place before it is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub criteria: Option<Criteria>,
}

impl Default for IdleRule {
    fn default() -> IdleRule {
        IdleRule {
            enabled: true,
            timeout_minutes: None,
            criteria: None,
        }
    }
}

/// One that is absent is switched off.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[cfg_attr(feature = "ts", ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct Criteria {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ram: Option<Ram>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_traffic: Option<NetworkTraffic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_connections: Option<NetworkConnections>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Disk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<UseProbe>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_access: Option<LastAccess>,
}

/// Cores in use, on average since the last tick: 1.5 is one and a half, however many there are.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Cpu {
    #[cfg_attr(feature = "ts", ts(as = "Option<f64>", optional))]
    pub cores: f64,
}

impl Default for Cpu {
    fn default() -> Cpu {
        Cpu { cores: 0.5 }
    }
}

/// The used part of the memory, from 0 to 1.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Ram {
    #[cfg_attr(feature = "ts", ts(as = "Option<f64>", optional))]
    pub fraction: f64,
}

impl Default for Ram {
    fn default() -> Ram {
        Ram { fraction: 0.5 }
    }
}

/// Sent and received together, in a tick of a minute. With neither set, bytes count, and 1 KiB of them is the most.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[cfg_attr(feature = "ts", ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct NetworkTraffic {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(as = "Option<u32>", optional = nullable))]
    pub bytes_per_tick: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(as = "Option<u32>", optional = nullable))]
    pub packets_per_tick: Option<u64>,
}

impl NetworkTraffic {
    pub fn bytes(&self) -> Option<u64> {
        match self.packets_per_tick {
            Some(_) => self.bytes_per_tick,
            None => Some(self.bytes_per_tick.unwrap_or(1024)),
        }
    }
}

/// Established TCP connections of others to the node.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NetworkConnections {
    /// So many do not count as use.
    #[cfg_attr(feature = "ts", ts(as = "Option<u32>", optional))]
    pub more_than: u32,
}

/// Read and written together, in a tick of a minute.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Disk {
    #[cfg_attr(feature = "ts", ts(as = "Option<u32>", optional))]
    pub bytes_per_tick: u64,
}

impl Default for Disk {
    fn default() -> Disk {
        Disk {
            bytes_per_tick: 1024 * 1024,
        }
    }
}

/// Somebody is logged in, or a port accepts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[cfg_attr(feature = "ts", ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct LastAccess {
    /// Who is logged in counts. Off for a node that cannot be asked, such as a container whose port counts.
    #[serde(skip_serializing_if = "is_true")]
    #[cfg_attr(feature = "ts", ts(as = "Option<bool>", optional))]
    pub logins: bool,
    /// While this TCP port of the node, or of the host that it has its address from, accepts connections, it is used: of a
    /// server that only runs while somebody needs it. One that refuses is not used; no answer at all is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

impl Default for LastAccess {
    fn default() -> LastAccess {
        LastAccess {
            logins: true,
            port: None,
        }
    }
}

/// Which of them is spoken of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    Cpu,
    Ram,
    NetworkTraffic,
    NetworkConnections,
    Disk,
    Probe,
    LastAccess,
}

impl Criteria {
    /// DESIGN section 7's table, without those that are off by default.
    pub fn usual() -> Criteria {
        Criteria {
            cpu: Some(Cpu::default()),
            ram: None,
            network_traffic: Some(NetworkTraffic::default()),
            network_connections: Some(NetworkConnections::default()),
            disk: None,
            probe: None,
            last_access: Some(LastAccess::default()),
        }
    }

    /// Those of [`Criteria::usual`] that can be measured of such a node; one that cannot would keep it on for ever. Connections
    /// and logins are asked for through SSH, and a container has neither.
    pub fn usual_of(kind: NodeKind, has_ssh: bool) -> Criteria {
        let is_asked = match kind {
            NodeKind::Machine | NodeKind::Vm | NodeKind::Lxc => has_ssh,
            NodeKind::Container => false,
        };
        let usual = Criteria::usual();
        Criteria {
            network_connections: usual.network_connections.filter(|_| is_asked),
            last_access: usual.last_access.filter(|_| is_asked),
            ..usual
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Criteria::default()
    }
}

impl IdleRule {
    /// A minute at least, whatever stands there: none would stop at the first quiet tick.
    pub fn timeout(&self) -> Duration {
        let minutes = self.timeout_minutes.unwrap_or(TIMEOUT_MINUTES).max(1);
        Duration::from_secs(60 * u64::from(minutes))
    }

    /// All that is wrong with it: the field, as homelab.toml calls it, and what it has to be.
    pub fn check(&self) -> Vec<(&'static str, &'static str)> {
        let mut wrong = Vec::new();
        if self
            .timeout_minutes
            .is_some_and(|minutes| !(1..=10_080).contains(&minutes))
        {
            wrong.push(("idle.timeout_minutes", "it is from 1 to 10080, a week"));
        }
        let criteria = self.criteria.clone().unwrap_or_default();
        wrong.extend(criteria.probe.iter().flat_map(UseProbe::check));
        if criteria
            .last_access
            .as_ref()
            .is_some_and(|access| access.port == Some(0))
        {
            wrong.push(("idle.criteria.last_access.port", "it is from 1 to 65535"));
        }
        if criteria
            .last_access
            .is_some_and(|access| !access.logins && access.port.is_none())
        {
            wrong.push((
                "idle.criteria.last_access.logins",
                "without logins it needs a port",
            ));
        }
        // a comparison with what is no number would say "quiet"
        if criteria
            .cpu
            .is_some_and(|cpu| !(0.0..=4096.0).contains(&cpu.cores))
        {
            wrong.push(("idle.criteria.cpu.cores", "it is from 0 to 4096 cores"));
        }
        // nor is more than all ever in use
        if criteria
            .ram
            .is_some_and(|ram| !(0.0..1.0).contains(&ram.fraction))
        {
            wrong.push(("idle.criteria.ram.fraction", "it is from 0 to less than 1"));
        }
        let traffic = criteria.network_traffic.unwrap_or_default();
        if traffic.bytes_per_tick.is_some_and(|most| most > MOST_BYTES) {
            wrong.push((
                "idle.criteria.network_traffic.bytes_per_tick",
                "it is at most 1099511627776, 1 TiB",
            ));
        }
        if traffic
            .packets_per_tick
            .is_some_and(|most| most > MOST_PACKETS)
        {
            wrong.push((
                "idle.criteria.network_traffic.packets_per_tick",
                "it is at most 10000000000",
            ));
        }
        if criteria
            .network_connections
            .is_some_and(|connections| connections.more_than > MOST_CONNECTIONS)
        {
            wrong.push((
                "idle.criteria.network_connections.more_than",
                "it is at most 100000",
            ));
        }
        if criteria
            .disk
            .is_some_and(|disk| disk.bytes_per_tick > MOST_BYTES)
        {
            wrong.push((
                "idle.criteria.disk.bytes_per_tick",
                "it is at most 1099511627776, 1 TiB",
            ));
        }
        wrong
    }
}
