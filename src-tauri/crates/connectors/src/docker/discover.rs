//! Puts together what an engine knows about a container that could be configured.

use bollard::models::{HostConfig, PortMap};
use std::collections::HashMap;

use super::parse::{Inspected, Listed, compose};
use crate::Discovered;

/// Everything about the engine as a whole that one container's answers refer to.
pub(super) struct Surroundings<'a> {
    /// Where published ports are reached; `None` when the engine is on this computer.
    pub host: Option<&'a str>,
    pub containers: &'a [Listed],
    /// Drivers by name of the network.
    pub networks: &'a HashMap<String, String>,
}

pub(super) fn discovered(
    listed: &Listed,
    inspected: &Inspected,
    around: &Surroundings,
) -> Discovered {
    let (ports, addresses) = reachable(inspected, around);
    let limits = &inspected.host_config;
    Discovered {
        report: listed.report(),
        addresses,
        ports,
        image: listed.image.clone(),
        compose_project: listed.label(compose::PROJECT).map(str::to_owned),
        compose_service: listed.label(compose::SERVICE).map(str::to_owned),
        cores: cores(limits),
        memory: limits
            .memory
            .and_then(|bytes| u64::try_from(bytes).ok())
            .filter(|bytes| *bytes > 0),
        suggested_dependencies: dependencies(listed, inspected, around.containers),
    }
}

/// Zero is Docker's word for "no limit".
fn cores(limits: &HostConfig) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of cores, not of nanoseconds"
    )]
    let ratio = |part: i64, whole: i64| part as f64 / whole as f64;
    match (limits.nano_cpus, limits.cpu_quota) {
        (Some(nano), _) if nano > 0 => Some(ratio(nano, 1_000_000_000)),
        (_, Some(quota)) if quota > 0 => {
            // 100 ms is the kernel's default period.
            let period = limits
                .cpu_period
                .filter(|period| *period > 0)
                .unwrap_or(100_000);
            Some(ratio(quota, period))
        }
        _ => None,
    }
}

/// TCP ports that others can reach, and where.
fn reachable(inspected: &Inspected, around: &Surroundings) -> (Vec<u16>, Vec<String>) {
    let here = around.host.unwrap_or("127.0.0.1");
    let limits = &inspected.host_config;
    let network = &inspected.network_settings;
    let exposed = || {
        let ports = inspected.config.exposed_ports.iter().flatten();
        let mut ports: Vec<u16> = ports.filter_map(|port| tcp(port)).collect();
        ports.sort_unstable();
        ports
    };
    if limits.network_mode.as_deref() == Some("host") {
        return (exposed(), vec![here.to_owned()]);
    }

    let mut ports = Vec::new();
    let mut addresses = Vec::new();
    // What is bound now; of a stopped container, what will be.
    let bound = network
        .ports
        .as_ref()
        .filter(|ports| !ports.is_empty())
        .or(limits.port_bindings.as_ref());
    for (port, address) in bound.into_iter().flat_map(published) {
        let address = match address {
            None => here.to_owned(),
            Some(local) if is_loopback(&local) && around.host.is_some() => continue,
            Some(address) => address,
        };
        ports.push(port);
        addresses.push(address);
    }
    // A container on a macvlan or ipvlan stands in the network with an address and all ports of its own.
    for (name, attachment) in network.networks.iter().flatten() {
        let own = matches!(
            around.networks.get(name).map(String::as_str),
            Some("macvlan" | "ipvlan")
        );
        if let Some(address) = attachment
            .ip_address
            .as_ref()
            .filter(|a| own && !a.is_empty())
        {
            addresses.push(address.clone());
            ports.extend(exposed());
        }
    }
    ports.sort_unstable();
    ports.dedup();
    addresses.sort_unstable();
    addresses.dedup();
    (ports, addresses)
}

/// Each published TCP port with the address that it is bound to; `None` is all of them.
fn published(ports: &PortMap) -> Vec<(u16, Option<String>)> {
    ports
        .iter()
        .filter(|(port, _)| tcp(port).is_some())
        .flat_map(|(_, bindings)| bindings.iter().flatten())
        .filter_map(|binding| {
            let port = binding.host_port.as_deref()?.parse().ok()?;
            let everywhere = ["", "0.0.0.0", "::"];
            let address = binding
                .host_ip
                .clone()
                .filter(|address| !everywhere.contains(&address.as_str()));
            Some((port, address))
        })
        .collect()
}

fn tcp(port: &str) -> Option<u16> {
    match port.split_once('/') {
        None => port.parse().ok(),
        Some((number, "tcp")) => number.parse().ok(),
        Some(_) => None,
    }
}

fn is_loopback(address: &str) -> bool {
    address
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}

/// From compose's label (`db:service_healthy:false,redis:service_started:true`), from the network of another container
/// (`container:ID`, the way of VPN sidecars) and from links. Names of containers of the same engine.
fn dependencies(listed: &Listed, inspected: &Inspected, containers: &[Listed]) -> Vec<String> {
    let project = listed.label(compose::PROJECT);
    let of_service = |service: &str| -> Vec<String> {
        containers
            .iter()
            .filter(|other| {
                other.label(compose::PROJECT) == project
                    && other.label(compose::SERVICE) == Some(service)
            })
            .map(|other| other.name().to_owned())
            .collect()
    };
    let mut found: Vec<String> = Vec::new();
    if project.is_some() {
        let label = listed.label(compose::DEPENDS_ON).unwrap_or_default();
        for entry in label.split(',') {
            let service = entry.split(':').next().unwrap_or_default().trim();
            if !service.is_empty() {
                found.extend(of_service(service));
            }
        }
    }
    let limits = &inspected.host_config;
    let shared = limits
        .network_mode
        .as_deref()
        .and_then(|mode| mode.strip_prefix("container:"));
    if let Some(other) = shared.filter(|other| !other.is_empty()) {
        let named = containers
            .iter()
            .find(|container| container.id == other || container.name() == other);
        found.extend(named.map(|container| container.name().to_owned()));
    }
    for link in limits.links.iter().flatten() {
        let name = link.split(':').next().unwrap_or_default();
        found.push(name.trim_start_matches('/').to_owned());
    }
    let mut unique = Vec::new();
    for name in found {
        if name != listed.name() && !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique
}

#[cfg(test)]
#[path = "discover_tests.rs"]
mod tests;
