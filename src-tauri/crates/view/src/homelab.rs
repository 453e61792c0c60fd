//! homelab.toml: the import and export format, which is also what the forms edit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;
use wakehub_domain::idle::IdleRule;
use wakehub_domain::{
    DockerConfig, Graph, Node, NodeId, NodeKind, PowerOff, Probe, ProxmoxConfig, Schedule,
    Settings, SshConfig, StopWindow, WolConfig,
};

mod fields;
mod import;

pub use import::{Import, MAX_BYTES, import};

use crate::wire::EntryError;

/// One `[[node]]` of homelab.toml, and the content of the node form. Other nodes are referenced by name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeEntry {
    pub name: String,
    pub kind: NodeKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The number of a VM or LXC, learned from Proxmox by its name when absent; the name of a container, its own when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Switches Wake-on-LAN on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wol: Option<WolEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh: Option<SshConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxmox_api: Option<ProxmoxConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_api: Option<DockerConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_when_started: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Probe>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timeout_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_timeout_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_before_auto_stop: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always_on: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_when_empty: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_stop: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_off: Option<PowerOff>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shutdown_command: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watts_on: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watts_suspended: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// When it counts as used. Without it the node is never stopped for being idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<IdleRule>,
    /// When it is started and stopped by the clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<Schedule>,
    /// Outside these it is not stopped automatically; at any time without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auto_stop_windows: Vec<StopWindow>,
}

/// What Wake-on-LAN needs beyond the MAC address, where the defaults do not reach the machine.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WolEntry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}

impl NodeEntry {
    /// An entry with nothing set but name and kind.
    pub fn new(name: impl Into<String>, kind: NodeKind) -> NodeEntry {
        NodeEntry {
            name: name.into(),
            kind,
            host: None,
            platform_id: None,
            depends_on: Vec::new(),
            address: None,
            mac: None,
            wol: None,
            ssh: None,
            proxmox_api: None,
            docker_api: None,
            pinned: None,
            url: None,
            open_when_started: None,
            readiness: None,
            start_timeout_seconds: None,
            stop_timeout_seconds: None,
            confirm_before_auto_stop: None,
            always_on: None,
            stop_when_empty: None,
            force_stop: None,
            power_off: None,
            shutdown_command: None,
            watts_on: None,
            watts_suspended: None,
            note: None,
            tags: Vec::new(),
            idle: None,
            schedules: Vec::new(),
            auto_stop_windows: Vec::new(),
        }
    }

    /// The node as an entry. What stands at its default is left out, so that an export reads as it was written.
    pub fn of(graph: &Graph, node: &Node) -> NodeEntry {
        let set = |flag: bool| flag.then_some(true);
        let settings = &node.settings;
        let wol = node.wol.as_ref().map(|wol| WolEntry {
            broadcast: wol.broadcast.clone(),
            interface: wol.interface.clone(),
        });
        NodeEntry {
            name: node.name.clone(),
            kind: node.kind,
            host: node.host.map(|host| graph.name(host).into_owned()),
            platform_id: node.platform_id.clone(),
            depends_on: node
                .depends_on
                .iter()
                .map(|id| graph.name(*id).into_owned())
                .collect(),
            address: node.address.clone(),
            mac: node.wol.as_ref().map(|wol| wol.mac.clone()),
            wol: wol.filter(|wol| *wol != WolEntry::default()),
            ssh: node.ssh.clone(),
            proxmox_api: node.proxmox_api.clone(),
            docker_api: node.docker_api.clone(),
            pinned: set(settings.pinned),
            url: settings.url.clone(),
            open_when_started: set(settings.open_when_started),
            readiness: settings.readiness.clone(),
            start_timeout_seconds: settings.start_timeout_s,
            stop_timeout_seconds: settings.stop_timeout_s,
            confirm_before_auto_stop: settings.confirm_before_auto_stop,
            always_on: set(settings.always_on),
            stop_when_empty: set(settings.stop_when_empty),
            force_stop: set(settings.force_stop),
            power_off: Some(settings.power_off).filter(|p| *p != PowerOff::default()),
            shutdown_command: settings.shutdown_command.clone(),
            watts_on: settings.watts_on,
            watts_suspended: settings.watts_suspended,
            note: settings.note.clone(),
            tags: settings.tags.clone(),
            idle: settings.idle.clone(),
            schedules: settings.schedules.clone(),
            auto_stop_windows: settings.auto_stop_windows.clone(),
        }
    }

    /// Checks every field and makes the node; `resolve` finds the id of another node by its name. All that is wrong is
    /// told at once.
    pub fn into_node(
        self,
        id: NodeId,
        resolve: impl Fn(&str) -> Option<NodeId>,
    ) -> Result<Node, Vec<EntryError>> {
        let mut wrong = fields::check(&self);
        let mut find = |field: &str, name: &String| {
            let found = resolve(name);
            if found.is_none() {
                wrong.push(fields::error(field, format!("there is no node {name}")));
            }
            found
        };
        let host = self.host.as_ref().and_then(|name| find("host", name));
        let depends_on = self
            .depends_on
            .iter()
            .filter_map(|name| find("depends_on", name))
            .collect();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let extra = self.wol.unwrap_or_default();
        let wol = self.mac.map(|mac| WolConfig {
            mac: fields::normal_mac(&mac).unwrap_or(mac),
            broadcast: extra.broadcast,
            interface: extra.interface,
        });
        // a machine that is reached through its API alone still has to be seen going on and off
        let address = self.address.or_else(|| {
            let urls = [
                self.proxmox_api.as_ref().map(|api| &api.url),
                self.docker_api.as_ref().map(|api| &api.url),
            ];
            (self.kind == NodeKind::Machine)
                .then(|| {
                    urls.into_iter()
                        .flatten()
                        .find_map(|url| fields::host_of(url))
                })
                .flatten()
        });
        // Docker finds a container by its name, which most people keep; Proxmox's number is learned from its API
        let platform_id = self
            .platform_id
            .or_else(|| (self.kind == NodeKind::Container).then(|| self.name.clone()));
        Ok(Node {
            id,
            name: self.name,
            kind: self.kind,
            host,
            platform_id,
            depends_on,
            address,
            wol,
            ssh: self.ssh,
            proxmox_api: self.proxmox_api,
            docker_api: self.docker_api,
            settings: Settings {
                pinned: self.pinned.unwrap_or_default(),
                url: self.url,
                open_when_started: self.open_when_started.unwrap_or_default(),
                readiness: self.readiness,
                start_timeout_s: self.start_timeout_seconds,
                stop_timeout_s: self.stop_timeout_seconds,
                confirm_before_auto_stop: self.confirm_before_auto_stop,
                always_on: self.always_on.unwrap_or_default(),
                stop_when_empty: self.stop_when_empty.unwrap_or_default(),
                force_stop: self.force_stop.unwrap_or_default(),
                power_off: self.power_off.unwrap_or_default(),
                shutdown_command: self.shutdown_command,
                watts_on: self.watts_on,
                watts_suspended: self.watts_suspended,
                note: self.note,
                tags: self.tags,
                idle: self.idle,
                schedules: self.schedules,
                auto_stop_windows: self.auto_stop_windows,
            },
        })
    }
}

#[derive(Serialize)]
struct Document<'a> {
    node: &'a [NodeEntry],
}

/// The homelab as homelab.toml, in order of creation. Secrets are not in it.
pub fn export(graph: &Graph) -> Result<String, EntryError> {
    let entries: Vec<NodeEntry> = graph
        .nodes()
        .iter()
        .map(|node| NodeEntry::of(graph, node))
        .collect();
    toml::to_string(&Document { node: &entries }).map_err(|error| EntryError {
        field: None,
        line: None,
        message: format!("failed to write homelab.toml: {error}"),
    })
}
