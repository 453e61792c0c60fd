//! Where packets go, and the sending.

use if_addrs::{IfAddr, Interface};
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Discard and echo: the ports that cards and routers know for it (DESIGN section 5).
const PORTS: [u16; 2] = [9, 7];

/// One packet's way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Destination {
    /// The interface's address to send from; `None` leaves it to the routes.
    pub from: Option<IpAddr>,
    pub interface: Option<String>,
    pub to: SocketAddr,
    /// A broadcast on the machine's own network, or one that the user set.
    pub directed: bool,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            Some(interface) => write!(f, "{} from {interface}", self.to),
            None => self.to.fmt(f),
        }
    }
}

/// The directed broadcast of every interface that is on the machine's network, 255.255.255.255 from each of these, the
/// machine's own address, and the broadcast that the user set.
pub(super) fn destinations(
    interfaces: &[Interface],
    machine: Option<IpAddr>,
    broadcast: Option<IpAddr>,
    only: Option<&str>,
) -> Result<Vec<Destination>, String> {
    let usable: Vec<&Interface> = interfaces
        .iter()
        .filter(|i| !i.is_loopback() || machine.is_some_and(|m| m.is_loopback()))
        .filter(|i| only.is_none_or(|only| i.name == only))
        .collect();
    if let Some(only) = only
        && usable.is_empty()
    {
        return Err(format!(
            "this computer has no interface {only} with an address"
        ));
    }
    let on_its_network: Vec<&Interface> = usable
        .iter()
        .copied()
        .filter(|i| only.is_some() || machine.is_some_and(|machine| is_on(&i.addr, machine)))
        .collect();
    let mut ways: Vec<(Option<&Interface>, IpAddr, bool)> = Vec::new();
    for interface in &on_its_network {
        if let IfAddr::V4(own) = &interface.addr {
            let directed = Ipv4Addr::from(u32::from(own.ip) | !u32::from(own.netmask));
            ways.push((Some(interface), directed.into(), true));
            ways.push((Some(interface), Ipv4Addr::BROADCAST.into(), false));
        }
    }
    if on_its_network.is_empty() {
        ways.push((None, Ipv4Addr::BROADCAST.into(), false));
    }
    if let Some(broadcast) = broadcast {
        let from = usable.iter().copied().find(|i| is_on(&i.addr, broadcast));
        ways.push((from, broadcast, true));
    }
    if let Some(machine) = machine {
        ways.push((None, machine, false));
    }
    let mut all: Vec<Destination> = Vec::new();
    for (interface, to, directed) in ways {
        for port in PORTS {
            let destination = Destination {
                from: interface
                    .map(|i| i.ip())
                    .filter(|from| from.is_ipv4() == to.is_ipv4()),
                interface: interface.map(|i| i.name.clone()),
                to: SocketAddr::new(to, port),
                directed,
            };
            if !all
                .iter()
                .any(|d| d.to == destination.to && d.from == destination.from)
            {
                all.push(destination);
            }
        }
    }
    Ok(all)
}

fn is_on(own: &IfAddr, ip: IpAddr) -> bool {
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

pub(super) async fn send(destination: &Destination, packet: &[u8]) -> io::Result<()> {
    let domain = Domain::for_address(destination.to);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if destination.to.is_ipv4() {
        socket.set_broadcast(true)?;
    }
    if let Some(from) = destination.from {
        socket.bind(&SocketAddr::new(from, 0).into())?;
    }
    // a broadcast to all leaves by the default route whatever address it is sent from
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(interface) = &destination.interface
        && let Err(error) = socket.bind_device(Some(interface.as_bytes()))
    {
        tracing::debug!(%interface, %error, "not bound to the interface");
    }
    socket.set_nonblocking(true)?;
    let socket = tokio::net::UdpSocket::from_std(socket.into())?;
    let sent = socket.send_to(packet, destination.to).await?;
    if sent == packet.len() {
        Ok(())
    } else {
        Err(io::Error::other("it was cut short"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use if_addrs::{IfOperStatus, Ifv4Addr};

    fn interface(name: &str, ip: [u8; 4], prefix: u8) -> Interface {
        Interface {
            name: name.to_owned(),
            addr: IfAddr::V4(Ifv4Addr {
                ip: ip.into(),
                netmask: Ipv4Addr::from(u32::MAX << (32 - prefix)),
                prefixlen: prefix,
                broadcast: None,
            }),
            index: None,
            oper_status: IfOperStatus::Up,
            is_p2p: false,
        }
    }

    fn listed(destinations: &[Destination]) -> Vec<String> {
        destinations
            .iter()
            .filter(|d| d.to.port() == 9)
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn goes_by_the_interface_that_is_on_the_machines_network() {
        let interfaces = [
            interface("lo", [127, 0, 0, 1], 8),
            interface("eth0", [192, 168, 1, 5], 24),
            interface("br-lab", [10, 77, 0, 1], 24),
        ];
        let found = destinations(&interfaces, Some([10, 77, 0, 3].into()), None, None).unwrap();
        assert_eq!(
            listed(&found),
            [
                "10.77.0.255:9 from br-lab",
                "255.255.255.255:9 from br-lab",
                "10.77.0.3:9"
            ]
        );
        assert_eq!(found.len(), 6, "both ports each: {found:?}");
    }

    #[test]
    fn beyond_the_own_networks_only_what_a_router_may_pass() {
        let interfaces = [interface("eth0", [192, 168, 1, 5], 24)];
        let machine = Some(IpAddr::from([10, 77, 0, 3]));
        let found = destinations(&interfaces, machine, None, None).unwrap();
        assert_eq!(listed(&found), ["255.255.255.255:9", "10.77.0.3:9"]);
        assert!(!found.iter().any(|d| d.directed));
        let set = destinations(&interfaces, machine, Some([10, 77, 0, 255].into()), None).unwrap();
        assert!(listed(&set).contains(&"10.77.0.255:9".to_owned()));
        assert!(set.iter().any(|d| d.directed));
    }

    #[test]
    fn a_named_interface_is_used_whatever_the_address_says() {
        let interfaces = [
            interface("eth0", [192, 168, 1, 5], 24),
            interface("eth1", [172, 16, 0, 5], 12),
        ];
        let found = destinations(&interfaces, None, None, Some("eth1")).unwrap();
        assert_eq!(
            listed(&found),
            ["172.31.255.255:9 from eth1", "255.255.255.255:9 from eth1"]
        );
        let missing = destinations(&interfaces, None, None, Some("wlan0")).unwrap_err();
        assert!(missing.contains("wlan0"));
    }
}
