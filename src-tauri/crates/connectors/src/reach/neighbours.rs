//! What the silence of an address proves, by the neighbour table and the routes of this computer.
//!
//! On Linux an address on our own network that was just asked for stands in the table: completed when somebody answered
//! for it (whatever his firewall does), without flags when nobody did. An address that does not stand there was not asked
//! for: our own firewall or a tunnel took the packet, and the silence proves nothing.
//!
//! A completed entry outlives its machine: the kernel believes one for up to 45 s, asks again 5 s after it is used next and
//! gives up 3 s later. A machine that goes off is unknown for that long; never the other way round.

use if_addrs::{IfAddr, Interface};
use std::net::{IpAddr, Ipv4Addr};

use super::Sighting;

/// What this computer knows about its own networks.
pub(super) struct Tables {
    interfaces: Vec<Interface>,
    /// /proc/net/arp
    neighbours: Option<String>,
    /// /proc/net/route
    routes: Option<String>,
    /// Interfaces without a link.
    disconnected: Vec<String>,
}

impl Tables {
    pub(super) fn read() -> Tables {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let names = interfaces.iter().map(|interface| interface.name.clone());
        Tables {
            disconnected: names.filter(|name| !is_connected(name)).collect(),
            neighbours: std::fs::read_to_string("/proc/net/arp").ok(),
            routes: std::fs::read_to_string("/proc/net/route").ok(),
            interfaces,
        }
    }

    fn neighbour(&self, ip: IpAddr, interface: &str) -> Neighbour {
        match (ip, &self.neighbours) {
            (IpAddr::V4(ip), Some(table)) => in_table(table, ip, interface),
            (IpAddr::V4(_), None) | (IpAddr::V6(_), _) => Neighbour::NoTable,
        }
    }
}

/// `unreachable`: the system itself gave the address up (EHOSTUNREACH) rather than waiting in vain. `could_ping`: a ping
/// was sent, and not answered.
pub(super) fn judge_silence(
    tables: &Tables,
    ip: IpAddr,
    unreachable: bool,
    could_ping: bool,
) -> Sighting {
    // A laptop may be on one network twice, by cable and by radio: any of the two may have asked.
    let holding = tables.interfaces.iter().filter(|i| holds(&i.addr, ip));
    let mut names: Vec<&str> = holding.map(|interface| interface.name.as_str()).collect();
    names.dedup();
    if names.is_empty() {
        return beyond_router(tables, ip, unreachable, could_ping);
    }
    let connected = |name: &&str| !tables.disconnected.iter().any(|gone| gone == name);
    let linked: Vec<&str> = names.iter().copied().filter(connected).collect();
    if linked.is_empty() {
        return Sighting::NoWay {
            why: format!("this computer’s own {} is not connected", names.join(", ")),
        };
    }
    let seen: Vec<(Neighbour, &str)> = linked
        .iter()
        .map(|name| (tables.neighbour(ip, name), *name))
        .collect();
    let by = |wanted: Neighbour| seen.iter().find(|(neighbour, _)| *neighbour == wanted);
    if by(Neighbour::Answers).is_some() {
        return Sighting::Mute {
            why: format!("{ip} is on the network, but answers neither the port nor a ping"),
        };
    }
    if let Some((_, name)) = by(Neighbour::Nobody) {
        return Sighting::Silent {
            evidence: format!("nobody answers for {ip} on {name}"),
        };
    }
    if by(Neighbour::NotAsked).is_some() {
        return Sighting::NoWay {
            why: format!(
                "{ip} could not be asked: something on this computer holds packets to it back"
            ),
        };
    }
    // Without a table the silence of both counts, where the system's word is not also its word for a missing permission.
    match () {
        () if cfg!(target_os = "macos") && unreachable => Sighting::NoWay {
            why: format!("no route to {ip}; look whether WakeHub may use the local network"),
        },
        () if !could_ping => no_ping(ip),
        () => Sighting::Silent {
            evidence: format!("{ip} answers neither the port nor a ping"),
        },
    }
}

fn beyond_router(tables: &Tables, ip: IpAddr, unreachable: bool, could_ping: bool) -> Sighting {
    if unreachable {
        return Sighting::NoWay {
            why: format!("no route to {ip}"),
        };
    }
    if !could_ping {
        return no_ping(ip);
    }
    let routes = tables.routes.as_deref().unwrap_or_default();
    let router = match ip {
        IpAddr::V4(ip) => in_routes(routes, ip),
        IpAddr::V6(_) => None,
    };
    match router {
        Some((router, interface)) if tables.neighbour(router, &interface) == Neighbour::Answers => {
            Sighting::Silent {
                evidence: format!(
                    "{ip} answers neither the port nor a ping, its router {router} is there"
                ),
            }
        }
        Some((router, _)) => Sighting::NoWay {
            why: format!("the router {router} on the way to {ip} does not answer"),
        },
        None => Sighting::NoWay {
            why: format!("{ip} does not answer, and nothing shows whether it could"),
        },
    }
}

fn no_ping(ip: IpAddr) -> Sighting {
    Sighting::NoWay {
        why: format!("{ip} does not answer on its port, and this computer may not ping it"),
    }
}

fn holds(own: &IfAddr, ip: IpAddr) -> bool {
    match (own, ip) {
        (IfAddr::V4(own), IpAddr::V4(ip)) => {
            let mask = u32::from(own.netmask);
            u32::from(own.ip) & mask == u32::from(ip) & mask
        }
        (IfAddr::V6(own), IpAddr::V6(ip)) => {
            let mask = u128::from(own.netmask);
            u128::from(own.ip) & mask == u128::from(ip) & mask
        }
        (IfAddr::V4(_) | IfAddr::V6(_), _) => false,
    }
}

/// Linux: the kernel's word for the link. Elsewhere an address on the interface is all that is known.
fn is_connected(interface: &str) -> bool {
    let folder = format!("/sys/class/net/{interface}");
    let read = |file: &str| std::fs::read_to_string(format!("{folder}/{file}")).ok();
    let carrier = read("carrier").is_none_or(|carrier| carrier.trim() != "0");
    let state = read("operstate").is_none_or(|state| state.trim() != "down");
    carrier && state
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Neighbour {
    /// It answered for the address lately.
    Answers,
    /// The address was asked for, and nobody answered.
    Nobody,
    /// The address was not asked for.
    NotAsked,
    NoTable,
}

/// /proc/net/arp, see proc_net(5): address, hardware type, flags, hardware address, mask, device. Flag 0x2 is
/// ATF_COM, a completed entry; an entry that nobody answered for has flags 0x0.
fn in_table(table: &str, ip: Ipv4Addr, interface: &str) -> Neighbour {
    let wanted = ip.to_string();
    let entries = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, _, flags, _, _, device] = fields[..] else {
            return None;
        };
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok()?;
        (address == wanted && device == interface).then_some(flags & 0x2 != 0)
    });
    match entries.reduce(|one, other| one || other) {
        Some(true) => Neighbour::Answers,
        Some(false) => Neighbour::Nobody,
        None => Neighbour::NotAsked,
    }
}

/// /proc/net/route: interface, destination, gateway, flags, …, mask; addresses as the processor keeps them. The longest
/// mask wins.
fn in_routes(table: &str, ip: Ipv4Addr) -> Option<(IpAddr, String)> {
    let address = |hex: &str| {
        u32::from_str_radix(hex, 16)
            .ok()
            .map(|raw| u32::from_be_bytes(raw.to_ne_bytes()))
    };
    let (_, gateway, interface) = table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [interface, destination, gateway, _, _, _, _, mask, ..] = fields[..] else {
                return None;
            };
            let (destination, gateway, mask) =
                (address(destination)?, address(gateway)?, address(mask)?);
            (u32::from(ip) & mask == destination).then(|| (mask, gateway, interface.to_owned()))
        })
        .max_by_key(|(mask, ..)| *mask)?;
    // The best route may be one without a router, such as a tunnel's.
    (gateway != 0).then(|| (IpAddr::V4(Ipv4Addr::from(gateway)), interface))
}

#[cfg(test)]
mod tests;
