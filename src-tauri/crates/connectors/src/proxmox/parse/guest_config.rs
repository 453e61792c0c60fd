//! What is configured for a guest, and the addresses that it has.

use serde_json::{Map, Value};
use std::net::IpAddr;
use wakehub_domain::NodeKind;

use super::{as_text, number, rows, text};

/// What a guest's configuration tells.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::proxmox) struct GuestConfig {
    pub cores: Option<f64>,
    /// Bytes.
    pub memory: Option<u64>,
    /// Fixed addresses, of the container's interfaces or of cloud-init.
    pub addresses: Vec<String>,
    /// Whether QEMU's guest agent can be asked.
    pub agent: bool,
    /// `startup: order=2,up=30`
    pub order: Option<i64>,
}

pub(in crate::proxmox) fn guest_config(data: &Value, kind: NodeKind) -> GuestConfig {
    let mut config = GuestConfig::default();
    let Some(options) = data.as_object() else {
        return config;
    };
    let cores = number(data, "cores").filter(|cores| *cores > 0.0);
    config.cores = match kind {
        NodeKind::Vm => {
            let sockets = number(data, "sockets").filter(|sockets| *sockets > 0.0);
            cores
                .or(sockets.map(|_| 1.0))
                .map(|cores| cores * sockets.unwrap_or(1.0))
        }
        NodeKind::Lxc | NodeKind::Machine | NodeKind::Container => cores,
    };
    // MiB; `memory` of a VM may be a property string.
    config.memory = text(data, "memory")
        .and_then(|memory| property(&memory, "current").parse::<u64>().ok())
        .and_then(|mebibytes| mebibytes.checked_mul(1 << 20));
    config.agent = text(data, "agent").is_some_and(|agent| property(&agent, "enabled") == "1");
    config.order =
        text(data, "startup").and_then(|startup| property(&startup, "order").parse().ok());
    config.addresses = fixed_addresses(options);
    config
}

fn fixed_addresses(options: &Map<String, Value>) -> Vec<String> {
    let mut addresses = Vec::new();
    for (option, value) in options {
        let interface = option
            .strip_prefix("ipconfig")
            .or_else(|| option.strip_prefix("net"));
        let is_interface =
            interface.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        let Some(value) = as_text(value).filter(|_| is_interface) else {
            continue;
        };
        for part in value.split(',') {
            if let Some(("ip" | "ip6", address)) = part.split_once('=') {
                add_address(&mut addresses, address);
            }
        }
    }
    addresses
}

/// One value of a property string: `1,fstrim_cloned_disks=1` and `enabled=1` both have `enabled` 1.
fn property<'a>(string: &'a str, key: &str) -> &'a str {
    string
        .split(',')
        .find_map(|part| match part.split_once('=') {
            Some((name, value)) if name.trim() == key => Some(value.trim()),
            Some(_) => None,
            None => Some(part.trim()),
        })
        .unwrap_or_default()
}

/// The addresses that the guest itself reports: of a VM's agent (`{"result": […]}`) or of a container.
pub(in crate::proxmox) fn interfaces(data: &Value) -> Vec<String> {
    let listed = data.get("result").unwrap_or(data);
    let mut addresses = Vec::new();
    for row in rows(listed) {
        let name = text(row, "name").unwrap_or_default();
        // Bridges of container engines and the like: addresses that lead nowhere from outside.
        if ["docker", "br-", "veth", "virbr", "cni", "podman"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            continue;
        }
        for address in row.get("ip-addresses").map(rows).unwrap_or_default() {
            if let Some(address) = text(address, "ip-address") {
                add_address(&mut addresses, &address);
            }
        }
        for key in ["inet", "inet6"] {
            if let Some(address) = text(row, key) {
                add_address(&mut addresses, &address);
            }
        }
    }
    addresses
}

/// Keeps what another machine can connect to, IPv4 first.
fn add_address(addresses: &mut Vec<String>, written: &str) {
    let bare = written.split('/').next().unwrap_or_default().trim();
    let Ok(address) = bare.parse::<IpAddr>() else {
        return;
    };
    let reachable = match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
    };
    let address = address.to_string();
    if reachable && !addresses.contains(&address) {
        let is_v4 = !address.contains(':');
        let index = if is_v4 {
            addresses.iter().take_while(|a| !a.contains(':')).count()
        } else {
            addresses.len()
        };
        addresses.insert(index, address);
    }
}
