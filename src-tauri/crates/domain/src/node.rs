//! A node: anything with a power state.

use serde::{Deserialize, Deserializer, Serialize};
use std::time::Duration;

use crate::idle::IdleRule;
use crate::{
    Action, Capability, DockerConfig, NodeId, ProxmoxConfig, Schedule, SshConfig, StopWindow,
    WolConfig,
};

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    Machine,
    Vm,
    Lxc,
    Container,
}

impl NodeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            NodeKind::Machine => "machine",
            NodeKind::Vm => "vm",
            NodeKind::Lxc => "lxc",
            NodeKind::Container => "container",
        }
    }

    /// For sentences: `a vm`, `an lxc`.
    pub fn with_article(self) -> &'static str {
        match self {
            NodeKind::Machine => "a machine",
            NodeKind::Vm => "a vm",
            NodeKind::Lxc => "an lxc",
            NodeKind::Container => "a container",
        }
    }

    /// How long a stop may take unless something else is set.
    pub fn stop_timeout(self) -> Duration {
        Timeouts::default().stop.of(self)
    }
}

/// Seconds for each kind of node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
pub struct KindSeconds {
    pub machine: u32,
    pub vm: u32,
    pub lxc: u32,
    pub container: u32,
}

impl KindSeconds {
    pub fn of(self, kind: NodeKind) -> Duration {
        let seconds = match kind {
            NodeKind::Machine => self.machine,
            NodeKind::Vm => self.vm,
            NodeKind::Lxc => self.lxc,
            NodeKind::Container => self.container,
        };
        Duration::from_secs(seconds.into())
    }
}

/// How long a start and a stop may take of nodes that set no time of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    pub start: KindSeconds,
    pub stop: KindSeconds,
}

impl Default for Timeouts {
    /// DESIGN section 5.
    fn default() -> Timeouts {
        Timeouts {
            start: KindSeconds {
                machine: 180,
                vm: 120,
                lxc: 60,
                container: 60,
            },
            stop: KindSeconds {
                machine: 180,
                vm: 180,
                lxc: 60,
                container: 30,
            },
        }
    }
}

impl Timeouts {
    pub fn of(&self, node: &Node, action: Action) -> Duration {
        let (own, by_kind) = match action {
            Action::Start => (node.settings.start_timeout_s, self.start),
            Action::Stop => (node.settings.stop_timeout_s, self.stop),
        };
        own.map_or(by_kind.of(node.kind), |s| Duration::from_secs(s.into()))
    }
}

/// A node as the user configured it. What is believed about its power state stands apart, in
/// [`Observations`](crate::Observations).
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    pub id: NodeId,
    /// Unique in the homelab, 1 to 64 characters, no control characters.
    pub name: String,
    pub kind: NodeKind,
    /// The node that hosts this one; machines have none, guests have exactly one.
    pub host: Option<NodeId>,
    /// What the host's API calls it: a vmid (`101`), a container's name. Machines have none.
    pub platform_id: Option<String>,
    /// In the user's order.
    pub depends_on: Vec<NodeId>,
    /// Host name or IP address, for SSH, for readiness and as the target of magic packets.
    pub address: Option<String>,
    pub wol: Option<WolConfig>,
    pub ssh: Option<SshConfig>,
    pub proxmox_api: Option<ProxmoxConfig>,
    pub docker_api: Option<DockerConfig>,
    pub settings: Settings,
}

impl Node {
    /// A node with nothing set but its identity; what tests and forms begin with.
    pub fn new(id: NodeId, name: impl Into<String>, kind: NodeKind) -> Node {
        Node {
            id,
            name: name.into(),
            kind,
            host: None,
            platform_id: None,
            depends_on: Vec::new(),
            address: None,
            wol: None,
            ssh: None,
            proxmox_api: None,
            docker_api: None,
            settings: Settings::default(),
        }
    }

    pub fn offers(&self, capability: Capability) -> bool {
        match capability {
            Capability::Wol => self.wol.is_some(),
            Capability::Ssh => self.ssh.is_some(),
            Capability::ProxmoxApi => self.proxmox_api.is_some(),
            Capability::DockerApi => self.docker_api.is_some(),
        }
    }

    /// Everything the node needs: its dependencies in the user's order, then its host.
    pub fn needs(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.depends_on.iter().copied().chain(self.host)
    }

    /// Whether the user is asked before WakeHub stops the node by itself: unless set, machines ask and the rest do not.
    pub fn confirm_before_auto_stop(&self) -> bool {
        self.settings
            .confirm_before_auto_stop
            .unwrap_or(self.kind == NodeKind::Machine)
    }
}

/// How a machine is stopped. Suspended and hibernated count as off: the same magic packet wakes them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PowerOff {
    #[default]
    ShutDown,
    Suspend,
    Hibernate,
}

/// When a node counts as ready to use, beyond what its platform says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Probe {
    /// `host:port`, or a port of the node's address: it accepts a TCP connection.
    Tcp(String),
    /// A URL that answers 2xx or 3xx.
    Http(String),
}

/// What can be set per node and has a default.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub pinned: bool,
    /// The service's address, opened by *Open*.
    pub url: Option<String>,
    /// Opens `url` in the browser when a start that the user asked for completes.
    pub open_when_started: bool,
    pub readiness: Option<Probe>,
    pub start_timeout_s: Option<u32>,
    pub stop_timeout_s: Option<u32>,
    /// See [`Node::confirm_before_auto_stop`].
    pub confirm_before_auto_stop: Option<bool>,
    /// Never stopped automatically.
    pub always_on: bool,
    /// A host that stops when its last active guest does.
    pub stop_when_empty: bool,
    /// Cuts the power when a graceful stop runs into its timeout.
    pub force_stop: bool,
    pub power_off: PowerOff,
    /// Replaces the built-in ways to shut a machine down over SSH.
    pub shutdown_command: Option<String>,
    pub watts_on: Option<f64>,
    pub watts_suspended: Option<f64>,
    pub note: Option<String>,
    pub tags: Vec<String>,
    /// Without one the node is never stopped for being idle.
    #[serde(deserialize_with = "readable")]
    pub idle: Option<IdleRule>,
    /// When it is started and stopped by the clock.
    pub schedules: Vec<Schedule>,
    /// Outside these it is not stopped automatically; at any time without one.
    pub auto_stop_windows: Vec<StopWindow>,
}

/// A rule from before rules were checked may be none; the node is then without one, as it was.
fn readable<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IdleRule>, D::Error> {
    let written = Option::<serde_json::Value>::deserialize(from)?;
    Ok(written
        .and_then(|rule| serde_json::from_value::<IdleRule>(rule).ok())
        .filter(|rule| rule.check().is_empty()))
}
