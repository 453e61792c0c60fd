//! One echo request to each address of the own network, so that whoever is there stands in the neighbour table.

use futures_util::StreamExt;
use if_addrs::{IfAddr, Interface};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use crate::reach::{Ping, ping};

/// A home network is a /24; of a larger one only the part around this computer is asked.
const AT_MOST: usize = 256;
const AT_ONCE: usize = 64;

pub(super) async fn run() {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    futures_util::stream::iter(addresses(&interfaces, way_out()))
        .for_each_concurrent(AT_ONCE, |address| async move {
            if ping(address.into()).await == Ping::Forbidden {
                // any packet makes the system ask for the address; port 9 throws it away (RFC 863)
                let _ = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
                    socket.set_nonblocking(true)?;
                    socket.send_to(&[], (address, 9))
                });
            }
        })
        .await;
}

/// The address by which this computer reaches others; no packet is sent (192.0.2.1 is for documentation, RFC 5737).
fn way_out() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// The network of the way out first.
fn addresses(interfaces: &[Interface], way_out: Option<IpAddr>) -> Vec<Ipv4Addr> {
    let mut own: Vec<(bool, Ipv4Addr, Ipv4Addr)> = interfaces
        .iter()
        .filter_map(|interface| match &interface.addr {
            IfAddr::V4(own) if own.ip.is_private() => {
                Some((Some(IpAddr::V4(own.ip)) != way_out, own.ip, own.netmask))
            }
            IfAddr::V4(_) | IfAddr::V6(_) => None,
        })
        .collect();
    own.sort_by_key(|(is_side, ..)| *is_side);
    let mut all = Vec::new();
    for (_, ip, netmask) in own {
        let mask = u32::from(netmask) | 0xffff_ff00;
        let first = u32::from(ip) & mask;
        let last = first | !mask;
        // neither the network's own address nor its broadcast
        let hosts = (first.saturating_add(1)..last).map(Ipv4Addr::from);
        for host in hosts.filter(|host| *host != ip) {
            if !all.contains(&host) && all.len() < AT_MOST {
                all.push(host);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(ip: &str, netmask: &str) -> Interface {
        Interface {
            name: "eth0".to_owned(),
            addr: IfAddr::V4(if_addrs::Ifv4Addr {
                ip: ip.parse().unwrap(),
                netmask: netmask.parse().unwrap(),
                prefixlen: 24,
                broadcast: None,
            }),
            index: None,
            oper_status: if_addrs::IfOperStatus::Up,
            is_p2p: false,
            #[cfg(windows)]
            adapter_name: String::new(),
        }
    }

    #[test]
    fn the_own_network_and_no_more() {
        let home = interface("192.168.1.20", "255.255.255.0");
        let all = addresses(&[home], None);
        assert_eq!(all.len(), 253);
        assert!(!all.contains(&"192.168.1.20".parse().unwrap()));
        assert!(!all.contains(&"192.168.1.255".parse().unwrap()));

        let large = interface("10.1.2.3", "255.0.0.0");
        let all = addresses(&[large], None);
        assert_eq!(all.len(), 253);
        assert!(all.iter().all(|host| host.octets()[..3] == [10, 1, 2]));

        let small = interface("10.1.2.3", "255.255.255.248");
        assert_eq!(addresses(&[small], None).len(), 5);
        assert!(addresses(&[interface("8.8.8.8", "255.255.255.0")], None).is_empty());
    }

    #[test]
    fn several_networks_are_bounded_and_the_way_out_comes_first() {
        let bridge = interface("172.17.0.1", "255.255.0.0");
        let home = interface("192.168.1.20", "255.255.255.0");
        let way_out = Some(home.ip());
        let all = addresses(&[bridge, home], way_out);
        assert_eq!(all.len(), AT_MOST);
        assert_eq!(all[0].to_string(), "192.168.1.1");
    }
}
