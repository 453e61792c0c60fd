//! What a node offers, how to reach it, and the channel that follows from it.
//!
//! The configuration types are written alike in homelab.toml, in the database and in the forms of the UI, so they carry
//! serde here, once. None of them can hold a secret: those are referenced by [`SecretName`](crate::SecretName).

use serde::{Deserialize, Serialize};

use crate::{Node, NodeKind};

/// What a node offers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    Wol,
    Ssh,
    ProxmoxApi,
    DockerApi,
}

/// The way by which a node is commanded. Never configured: it follows from the node's kind and from what it or its host
/// offers, see [`start_channel`] and [`stop_channel`].
pub type Channel = Capability;

impl Capability {
    pub fn as_str(self) -> &'static str {
        match self {
            Capability::Wol => "wol",
            Capability::Ssh => "ssh",
            Capability::ProxmoxApi => "proxmox_api",
            Capability::DockerApi => "docker_api",
        }
    }

    /// The name that a person reads.
    pub fn title(self) -> &'static str {
        match self {
            Capability::Wol => "Wake-on-LAN",
            Capability::Ssh => "SSH",
            Capability::ProxmoxApi => "Proxmox API",
            Capability::DockerApi => "Docker API",
        }
    }
}

/// What a host must offer to have guests of this kind; `None` for machines, which have no host.
pub fn required_of_host(guest: NodeKind) -> Option<Capability> {
    match guest {
        NodeKind::Machine => None,
        NodeKind::Vm | NodeKind::Lxc => Some(Capability::ProxmoxApi),
        NodeKind::Container => Some(Capability::DockerApi),
    }
}

/// How the node is started, if it can be.
pub fn start_channel(node: &Node) -> Option<Channel> {
    match node.kind {
        NodeKind::Machine => node.wol.as_ref().map(|_| Capability::Wol),
        NodeKind::Vm | NodeKind::Lxc | NodeKind::Container => required_of_host(node.kind),
    }
}

/// How the node is stopped, if it can be. A machine that offers both is stopped by SSH: that needs no right beyond the
/// login, and it alone can suspend.
pub fn stop_channel(node: &Node) -> Option<Channel> {
    match node.kind {
        NodeKind::Machine if node.ssh.is_some() => Some(Capability::Ssh),
        NodeKind::Machine => node.proxmox_api.as_ref().map(|_| Capability::ProxmoxApi),
        NodeKind::Vm | NodeKind::Lxc | NodeKind::Container => required_of_host(node.kind),
    }
}

/// Wake-on-LAN of a machine. In homelab.toml `mac` alone stands on the node, the rest in its `wol` table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WolConfig {
    /// Six bytes in hexadecimal, separated by colons, in lower case.
    pub mac: String,
    /// Sent to as well as the directed broadcast of the interface that owns the machine's subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<String>,
    /// The name of the interface of this computer to send from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SshAuth {
    Password,
    Key,
    Agent,
}

fn ssh_port() -> u16 {
    22
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SshConfig {
    pub user: String,
    pub auth: SshAuth,
    /// With `auth = "key"`; a leading `~/` is the user's home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    #[serde(default = "ssh_port")]
    pub port: u16,
    /// One jump host (OpenSSH's ProxyJump).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<SshJump>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SshJump {
    pub address: String,
    pub user: String,
    pub auth: SshAuth,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    #[serde(default = "ssh_port")]
    pub port: u16,
}

/// One Proxmox VE API. Either `token_id` (recommended) or `user` must stand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProxmoxConfig {
    /// `https://10.77.0.2:8006`
    pub url: String,
    /// The name of this machine within Proxmox, for example `pve2`.
    pub node: String,
    /// `root@pam!wakehub`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// `root@pam`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// One Docker engine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DockerConfig {
    /// `tcp://host:2375` (unprotected), `tcp://host:2376` (TLS with client certificates), `ssh` (over the node's own SSH
    /// connection) or `unix:///var/run/docker.sock`.
    pub url: String,
    /// A folder with `ca.pem`, `cert.pem` and `key.pem`, as for `DOCKER_CERT_PATH`; for port 2376.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_path: Option<String>,
}
