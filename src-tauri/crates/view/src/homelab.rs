//! homelab.toml: the import and export format, which is also what the forms edit.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use wakehub_domain::{DockerConfig, NodeKind, PowerOff, Probe, ProxmoxConfig, SshConfig};

/// One `[[node]]` of homelab.toml, and the content of the node form. Other nodes are referenced by name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NodeEntry {
    pub name: String,
    pub kind: NodeKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
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
    /// The idle rule, kept as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(type = "unknown")]
    pub idle: Option<serde_json::Value>,
}

/// What Wake-on-LAN needs beyond the MAC address, where the defaults do not reach the machine.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct WolEntry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}
