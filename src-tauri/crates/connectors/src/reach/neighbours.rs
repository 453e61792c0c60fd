//! What the silence of an address proves, by the neighbour table and the routes of this computer.

use std::net::{IpAddr, Ipv4Addr};

use super::Sighting;

/// `unreachable`: the system itself gave the address up (EHOSTUNREACH) rather than waiting in vain.
pub(super) fn judge_silence(ip: IpAddr, unreachable: bool) -> Sighting {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let own_network = interfaces.iter().find(|i| holds(&i.addr, ip));
    let Some(interface) = own_network else {
        return judge_beyond_router(ip, unreachable);
    };
    let name = &interface.name;
    if !is_connected(name) {
        return Sighting::NoWay {
            why: format!("this computer’s own {name} is not connected"),
        };
    }
    match (ip, neighbour(ip, name)) {
        (_, Neighbour::Answers) => Sighting::NoWay {
            why: format!("{ip} is on the network, but answers neither the port nor a ping"),
        },
        (_, Neighbour::Nobody) => Sighting::Silent {
            evidence: format!("nobody answers for {ip} on {name}"),
        },
        // without a table the system's own word counts, where it is not also its word for a missing permission
        (_, Neighbour::NoTable) if cfg!(target_os = "macos") && unreachable => Sighting::NoWay {
            why: format!("no route to {ip}; look whether WakeHub may use the local network"),
        },
        (_, Neighbour::NoTable) => Sighting::Silent {
            evidence: format!("{ip} answers neither the port nor a ping"),
        },
    }
}

fn judge_beyond_router(ip: IpAddr, unreachable: bool) -> Sighting {
    if unreachable {
        return Sighting::NoWay {
            why: format!("no route to {ip}"),
        };
    }
    match router(ip) {
        Some((router, interface)) if neighbour(router, &interface) == Neighbour::Answers => {
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

fn holds(own: &if_addrs::IfAddr, ip: IpAddr) -> bool {
    match (own, ip) {
        (if_addrs::IfAddr::V4(own), IpAddr::V4(ip)) => {
            let mask = u32::from(own.netmask);
            u32::from(own.ip) & mask == u32::from(ip) & mask
        }
        (if_addrs::IfAddr::V6(own), IpAddr::V6(ip)) => {
            let mask = u128::from(own.netmask);
            u128::from(own.ip) & mask == u128::from(ip) & mask
        }
        (if_addrs::IfAddr::V4(_) | if_addrs::IfAddr::V6(_), _) => false,
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
    Nobody,
    NoTable,
}

fn neighbour(ip: IpAddr, interface: &str) -> Neighbour {
    match ip {
        IpAddr::V4(ip) => match std::fs::read_to_string("/proc/net/arp") {
            Ok(table) => in_table(&table, ip, interface),
            Err(_) => Neighbour::NoTable,
        },
        IpAddr::V6(_) => Neighbour::NoTable,
    }
}

/// /proc/net/arp, see proc_net(5): address, hardware type, flags, hardware address, mask, device. Flag 0x2 is
/// ATF_COM, a completed entry; an entry that nobody answered for has flags 0x0.
fn in_table(table: &str, ip: Ipv4Addr, interface: &str) -> Neighbour {
    let wanted = ip.to_string();
    let complete = table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, _, flags, _, _, device] = fields[..] else {
            return false;
        };
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap_or(0);
        address == wanted && device == interface && flags & 0x2 != 0
    });
    if complete {
        Neighbour::Answers
    } else {
        Neighbour::Nobody
    }
}

fn router(ip: IpAddr) -> Option<(IpAddr, String)> {
    match ip {
        IpAddr::V4(ip) => in_routes(&std::fs::read_to_string("/proc/net/route").ok()?, ip),
        IpAddr::V6(_) => None,
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
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [interface, destination, gateway, _, _, _, _, mask, ..] = fields[..] else {
                return None;
            };
            let (destination, gateway, mask) =
                (address(destination)?, address(gateway)?, address(mask)?);
            let leads_there = u32::from(ip) & mask == destination && gateway != 0;
            leads_there.then(|| (mask, Ipv4Addr::from(gateway), interface.to_owned()))
        })
        .max_by_key(|(mask, ..)| *mask)
        .map(|(_, gateway, interface)| (IpAddr::V4(gateway), interface))
}

#[cfg(test)]
mod tests {
    use super::*;

    // recorded on Debian 12: a machine that answers, one that was switched off, one on another interface
    const ARP: &str = "\
IP address       HW type     Flags       HW address            Mask     Device
10.77.0.3        0x1         0x2         52:54:00:00:00:03     *        br-lab
10.77.0.2        0x1         0x0         00:00:00:00:00:00     *        br-lab
192.168.1.1      0x1         0x2         02:42:ac:11:00:02     *        eth0
";

    const ROUTES: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
br-lab\t004D0A0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
";

    #[test]
    fn reads_the_neighbour_table() {
        let at = |last| Ipv4Addr::new(10, 77, 0, last);
        assert_eq!(in_table(ARP, at(3), "br-lab"), Neighbour::Answers);
        assert_eq!(in_table(ARP, at(2), "br-lab"), Neighbour::Nobody);
        assert_eq!(in_table(ARP, at(4), "br-lab"), Neighbour::Nobody);
        assert_eq!(in_table(ARP, at(3), "eth0"), Neighbour::Nobody);
        assert_eq!(in_table("", at(3), "br-lab"), Neighbour::Nobody);
        assert_eq!(in_table("x\n1 2 3\n", at(3), "br-lab"), Neighbour::Nobody);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn finds_the_router_on_the_way() {
        let found = in_routes(ROUTES, Ipv4Addr::new(10, 9, 9, 9));
        assert_eq!(
            found,
            Some((IpAddr::from([192, 168, 1, 1]), "eth0".to_owned()))
        );
        assert_eq!(in_routes("", Ipv4Addr::LOCALHOST), None);
    }
}
