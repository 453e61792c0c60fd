use super::*;
use if_addrs::{IfOperStatus, Ifv4Addr, Ifv6Addr};

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
br-lab\t00004D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
tun0\t00080A0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
";

fn v4(name: &str, ip: [u8; 4]) -> Interface {
    Interface {
        name: name.to_owned(),
        addr: IfAddr::V4(Ifv4Addr {
            ip: ip.into(),
            netmask: Ipv4Addr::new(255, 255, 255, 0),
            prefixlen: 24,
            broadcast: None,
        }),
        index: None,
        oper_status: IfOperStatus::Up,
        is_p2p: false,
    }
}

fn tables() -> Tables {
    Tables {
        interfaces: vec![v4("eth0", [192, 168, 1, 5]), v4("br-lab", [10, 77, 0, 1])],
        neighbours: Some(ARP.to_owned()),
        routes: Some(ROUTES.to_owned()),
        disconnected: Vec::new(),
    }
}

#[derive(PartialEq, Debug)]
enum Verdict {
    Silent,
    NoWay,
    Mute,
}

fn verdict(tables: &Tables, ip: &str, unreachable: bool, could_ping: bool) -> Verdict {
    match judge_silence(tables, ip.parse().unwrap(), unreachable, could_ping) {
        Sighting::Silent { .. } => Verdict::Silent,
        Sighting::NoWay { .. } => Verdict::NoWay,
        Sighting::Mute { .. } => Verdict::Mute,
        other @ (Sighting::Answers { .. } | Sighting::Refuses { .. }) => panic!("{other:?}"),
    }
}

#[test]
fn on_our_own_network_the_neighbour_table_decides() {
    let tables = tables();
    for unreachable in [false, true] {
        // Nobody answered for the address: this needs no ping.
        let failed = verdict(&tables, "10.77.0.2", unreachable, false);
        assert_eq!(failed, Verdict::Silent);
        // Its firewall is silent, it is not.
        let answers = verdict(&tables, "10.77.0.3", unreachable, true);
        assert_eq!(answers, Verdict::Mute);
        // Never asked for: a firewall or a tunnel of ours took the packets.
        let unasked = verdict(&tables, "10.77.0.9", unreachable, true);
        assert_eq!(unasked, Verdict::NoWay);
    }
}

#[test]
fn a_link_of_ours_that_is_down_proves_nothing() {
    let mut tables = tables();
    tables.disconnected = vec!["br-lab".to_owned()];
    assert_eq!(verdict(&tables, "10.77.0.2", true, true), Verdict::NoWay);
}

#[test]
fn one_network_by_cable_and_by_radio() {
    let mut tables = tables();
    tables.interfaces.insert(0, v4("wlan0", [10, 77, 0, 50]));
    assert_eq!(verdict(&tables, "10.77.0.2", true, true), Verdict::Silent);
    assert_eq!(verdict(&tables, "10.77.0.3", true, true), Verdict::Mute);
    // The cable is out; the radio has not asked.
    tables.disconnected = vec!["br-lab".to_owned()];
    assert_eq!(verdict(&tables, "10.77.0.2", true, true), Verdict::NoWay);
}

#[test]
fn beyond_a_router_silence_counts_while_the_router_is_there() {
    let mut tables = tables();
    assert_eq!(verdict(&tables, "10.9.9.9", false, true), Verdict::Silent);
    assert_eq!(
        verdict(&tables, "10.9.9.9", true, true),
        Verdict::NoWay,
        "no route"
    );
    assert_eq!(
        verdict(&tables, "10.9.9.9", false, false),
        Verdict::NoWay,
        "nobody pinged"
    );
    tables.neighbours = Some(ARP.replace("0x2", "0x0"));
    assert_eq!(
        verdict(&tables, "10.9.9.9", false, true),
        Verdict::NoWay,
        "the router is gone"
    );
}

#[test]
#[cfg(target_endian = "little")]
fn through_a_tunnel_nothing_is_proven() {
    assert_eq!(verdict(&tables(), "10.10.8.7", false, true), Verdict::NoWay);
}

#[test]
fn without_a_table_both_must_be_silent() {
    let mut tables = tables();
    tables.neighbours = None;
    assert_eq!(verdict(&tables, "10.77.0.2", false, true), Verdict::Silent);
    assert_eq!(verdict(&tables, "10.77.0.2", false, false), Verdict::NoWay);
    tables.interfaces.push(Interface {
        addr: IfAddr::V6(Ifv6Addr {
            ip: "fd00::1".parse().unwrap(),
            netmask: "ffff:ffff:ffff:ffff::".parse().unwrap(),
            prefixlen: 64,
            broadcast: None,
        }),
        ..v4("eth0", [0, 0, 0, 0])
    });
    assert_eq!(verdict(&tables, "fd00::9", false, true), Verdict::Silent);
    assert_eq!(verdict(&tables, "fd00::9", false, false), Verdict::NoWay);
}

#[test]
fn reads_the_neighbour_table() {
    let at = |last| Ipv4Addr::new(10, 77, 0, last);
    assert_eq!(in_table(ARP, at(3), "br-lab"), Neighbour::Answers);
    assert_eq!(in_table(ARP, at(2), "br-lab"), Neighbour::Nobody);
    assert_eq!(in_table(ARP, at(4), "br-lab"), Neighbour::NotAsked);
    assert_eq!(in_table(ARP, at(3), "eth0"), Neighbour::NotAsked);
    assert_eq!(in_table("", at(3), "br-lab"), Neighbour::NotAsked);
    assert_eq!(in_table("x\n1 2 3\n", at(3), "br-lab"), Neighbour::NotAsked);
}

#[test]
#[cfg(target_endian = "little")]
fn finds_the_router_on_the_way() {
    let found = in_routes(ROUTES, Ipv4Addr::new(10, 9, 9, 9));
    assert_eq!(
        found,
        Some((IpAddr::from([192, 168, 1, 1]), "eth0".to_owned()))
    );
    assert_eq!(in_routes(ROUTES, Ipv4Addr::new(10, 77, 0, 9)), None);
    assert_eq!(in_routes("", Ipv4Addr::LOCALHOST), None);
}
