//! What to type into a browser to reach what listens.

use std::net::{IpAddr, SocketAddr};
use wakehub_view::access::{PlainHttp, reach};

/// More than a person would try.
const MOST: usize = 4;
/// Networks of containers and virtual machines inside this computer, by how their interfaces are called on Linux.
const INSIDE: [&str; 8] = [
    "br-", "cni", "docker", "lxcbr", "lxdbr", "podman", "veth", "virbr",
];

/// The likeliest first.
pub(crate) fn urls(listening: SocketAddr) -> Vec<String> {
    let own = if listening.ip().is_unspecified() {
        own_addresses()
    } else {
        Vec::new()
    };
    told(listening, &own)
}

fn told(listening: SocketAddr, own: &[IpAddr]) -> Vec<String> {
    let port = listening.port();
    let ip = listening.ip().to_canonical();
    let here = format!("http://localhost:{port}");
    if ip.is_unspecified() {
        let mut own: Vec<IpAddr> = own
            .iter()
            .map(IpAddr::to_canonical)
            .filter(|own| !own.is_loopback() && (own.is_ipv4() || ip.is_ipv6()))
            .collect();
        // the home network before the world, and short ones before long ones
        own.sort_by_key(|own| (reach(*own) == PlainHttp::Anywhere, own.is_ipv6()));
        own.dedup();
        let own = own.into_iter().take(MOST - 1);
        own.map(|own| format!("http://{}", SocketAddr::new(own, port)))
            .chain([here])
            .collect()
    } else if is_localhost(ip) {
        vec![here]
    } else {
        vec![format!("http://{}", SocketAddr::new(ip, port))]
    }
}

/// Not all of 127.0.0.0/8 is called localhost.
fn is_localhost(ip: IpAddr) -> bool {
    ip == IpAddr::from([127, 0, 0, 1]) || ip == IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])
}

fn own_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces
        .into_iter()
        .filter(|one| !one.is_loopback() && !one.is_link_local())
        .filter(|one| !INSIDE.iter().any(|inside| one.name.starts_with(inside)))
        .map(|one| one.ip())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_told_by_the_addresses_of_this_computer() {
        let own = ["203.0.113.7", "fd00::5", "192.168.1.5", "127.0.0.1"];
        let own = own.map(|one| one.parse().unwrap());
        let told = |listening: &str| told(listening.parse().unwrap(), &own);
        assert_eq!(told("127.0.0.1:9253"), ["http://localhost:9253"]);
        assert_eq!(told("[::1]:9253"), ["http://localhost:9253"]);
        assert_eq!(told("127.0.0.2:80"), ["http://127.0.0.2:80"]);
        assert_eq!(told("192.168.1.5:1"), ["http://192.168.1.5:1"]);
        assert_eq!(told("[fd00::5]:1"), ["http://[fd00::5]:1"]);
        assert_eq!(
            told("0.0.0.0:1"),
            [
                "http://192.168.1.5:1",
                "http://203.0.113.7:1",
                "http://localhost:1"
            ]
        );
        assert_eq!(
            told("[::]:1"),
            [
                "http://192.168.1.5:1",
                "http://[fd00::5]:1",
                "http://203.0.113.7:1",
                "http://localhost:1"
            ]
        );
    }
}
