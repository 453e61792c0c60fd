//! Where packets go, decided from the list of interfaces alone.
//!
//! - To the directed broadcast of the interface that owns the machine's subnet, to 255.255.255.255 and to the machine's
//!   own address, all from that interface. The first is what works on most networks, the second where the machine's
//!   address is not known to the network, the third where a switch or router forwards no broadcast but still has the
//!   machine in its tables.
//! - Where no interface owns the subnet (another VLAN, a VPN, no address): 255.255.255.255 and the directed broadcast of
//!   every interface, and the machine's own address by the routing table.
//! - To the broadcast address that the user set, from the interface that owns it, else by the routing table.
//! - Where the user named an interface, everything goes from that one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Discard and echo: the two that everybody uses. The card looks at the payload only.
pub(super) const PORTS: [u16; 2] = [9, 7];

/// An IPv4 address of an interface of this computer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Own {
    pub(super) name: String,
    pub(super) index: Option<u32>,
    pub(super) address: Ipv4Addr,
    pub(super) netmask: Ipv4Addr,
}

impl Own {
    fn owns(&self, other: Ipv4Addr) -> bool {
        let mask = u32::from(self.netmask);
        // A /32 owns no subnet.
        mask != u32::MAX && u32::from(self.address) & mask == u32::from(other) & mask
    }

    /// `None` where there is no broadcast: point-to-point links and single addresses.
    fn broadcast(&self) -> Option<Ipv4Addr> {
        let mask = u32::from(self.netmask);
        let hosts = !mask;
        (hosts > 1).then(|| Ipv4Addr::from(u32::from(self.address) | hosts))
    }
}

/// One packet to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Shot {
    /// `None`: the routing table decides.
    pub(super) from: Option<Own>,
    pub(super) to: SocketAddr,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ways {
    /// No destination twice from the same interface.
    pub(super) shots: Vec<Shot>,
    /// An interface owns the machine's subnet.
    pub(super) on_link: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NoSuchInterface {
    pub(super) wanted: String,
    pub(super) known: Vec<String>,
}

/// `own` holds what is up and is not loopback.
pub(super) fn ways(
    own: &[Own],
    target: Option<IpAddr>,
    broadcast: Option<Ipv4Addr>,
    interface: Option<&str>,
) -> Result<Ways, NoSuchInterface> {
    let usable: Vec<&Own> = match interface {
        None => own.iter().collect(),
        Some(wanted) => {
            let named: Vec<&Own> = own.iter().filter(|own| own.name == wanted).collect();
            if named.is_empty() {
                let mut known: Vec<String> = own.iter().map(|own| own.name.clone()).collect();
                known.dedup();
                return Err(NoSuchInterface {
                    wanted: wanted.to_owned(),
                    known,
                });
            }
            named
        }
    };
    let target_v4 = target.and_then(|target| match target {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    let owning = |address: Ipv4Addr| -> Vec<&Own> {
        let owners = usable.iter().filter(|own| own.owns(address));
        owners.copied().collect()
    };
    let owners = target_v4.map(owning).unwrap_or_default();
    let senders = match owners.is_empty() {
        true => usable.clone(),
        false => owners.clone(),
    };

    let mut to: Vec<(Option<&Own>, IpAddr)> = Vec::new();
    for own in &senders {
        if let Some(directed) = own.broadcast() {
            to.push((Some(own), directed.into()));
        }
    }
    for own in &senders {
        to.push((Some(own), Ipv4Addr::BROADCAST.into()));
    }
    if let Some(explicit) = broadcast {
        let from = owning(explicit).first().copied();
        // By the routing table, unless the user named the interface.
        let from = from.or(interface.and(usable.first().copied()));
        to.push((from, explicit.into()));
    }
    if let Some(target) = target {
        let from = match target {
            IpAddr::V4(_) => owners
                .first()
                .copied()
                .or(interface.and(usable.first().copied())),
            IpAddr::V6(_) => None,
        };
        to.push((from, target));
    }

    let mut shots: Vec<Shot> = Vec::new();
    for (from, address) in to {
        for port in PORTS {
            let shot = Shot {
                from: from.cloned(),
                to: SocketAddr::new(address, port),
            };
            if !shots.contains(&shot) {
                shots.push(shot);
            }
        }
    }
    Ok(Ways {
        shots,
        on_link: !owners.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(name: &str, address: [u8; 4], prefix: u32) -> Own {
        Own {
            name: name.to_owned(),
            index: None,
            address: address.into(),
            netmask: Ipv4Addr::from(u32::MAX.checked_shl(32 - prefix).unwrap_or(0)),
        }
    }

    fn home() -> Vec<Own> {
        vec![
            own("eth0", [10, 77, 0, 1], 24),
            own("wlan0", [192, 168, 1, 5], 24),
            own("vpn0", [10, 8, 0, 2], 32),
        ]
    }

    /// `eth0 > 10.77.0.255`, for port 9 only.
    fn shown(ways: &Ways) -> Vec<String> {
        let nine = ways.shots.iter().filter(|shot| shot.to.port() == 9);
        nine.map(|shot| {
            let from = shot.from.as_ref().map_or("routed", |own| &own.name);
            format!("{from} > {}", shot.to.ip())
        })
        .collect()
    }

    #[test]
    fn a_machine_on_our_subnet() {
        let target = Some("10.77.0.3".parse().unwrap());
        let ways = ways(&home(), target, None, None).unwrap();
        assert_eq!(
            shown(&ways),
            [
                "eth0 > 10.77.0.255",
                "eth0 > 255.255.255.255",
                "eth0 > 10.77.0.3"
            ]
        );
        assert_eq!(ways.shots.len(), 6, "both ports");
        assert!(ways.on_link);
    }

    #[test]
    fn a_machine_elsewhere_or_unknown() {
        let target = Some("172.16.0.9".parse().unwrap());
        let everywhere = [
            "eth0 > 10.77.0.255",
            "wlan0 > 192.168.1.255",
            "eth0 > 255.255.255.255",
            "wlan0 > 255.255.255.255",
            "vpn0 > 255.255.255.255",
        ];
        let mut with_target = everywhere.to_vec();
        with_target.push("routed > 172.16.0.9");
        assert_eq!(
            shown(&ways(&home(), target, None, None).unwrap()),
            with_target
        );
        assert_eq!(shown(&ways(&home(), None, None, None).unwrap()), everywhere);
    }

    #[test]
    fn an_explicit_broadcast_is_routed_unless_it_is_ours() {
        let target = Some("10.77.0.3".parse().unwrap());
        let other = Some([172, 16, 0, 255].into());
        let ways_ = ways(&home(), target, other, None).unwrap();
        assert!(shown(&ways_).contains(&"routed > 172.16.0.255".to_owned()));
        let ours = Some([192, 168, 1, 255].into());
        let ways_ = ways(&home(), target, ours, None).unwrap();
        assert!(shown(&ways_).contains(&"wlan0 > 192.168.1.255".to_owned()));
        let same = Some([10, 77, 0, 255].into());
        let ways_ = ways(&home(), target, same, None).unwrap();
        assert_eq!(shown(&ways_).len(), 3, "no destination twice");
    }

    #[test]
    fn an_explicit_interface_sends_everything() {
        let target = Some("10.77.0.3".parse().unwrap());
        let broadcast = Some([172, 16, 0, 255].into());
        let ways = ways(&home(), target, broadcast, Some("wlan0")).unwrap();
        assert_eq!(
            shown(&ways),
            [
                "wlan0 > 192.168.1.255",
                "wlan0 > 255.255.255.255",
                "wlan0 > 172.16.0.255",
                "wlan0 > 10.77.0.3"
            ]
        );
    }

    #[test]
    fn an_interface_that_is_not_there() {
        let refused = ways(&home(), None, None, Some("eth9")).unwrap_err();
        assert_eq!(refused.known, ["eth0", "wlan0", "vpn0"]);
    }

    #[test]
    fn an_ipv6_machine_gets_broadcasts_too() {
        let target = Some("fd00::3".parse().unwrap());
        let ways = ways(&home()[..1], target, None, None).unwrap();
        assert_eq!(
            shown(&ways),
            [
                "eth0 > 10.77.0.255",
                "eth0 > 255.255.255.255",
                "routed > fd00::3"
            ]
        );
    }
}
