//! Magic packets, seen by machines that sleep: they have no address and answer nothing.

use crate::namespace::{Machine, Packet, Sniffer, inside, run};
use std::net::UdpSocket;
use tokio::sync::mpsc;
use wakehub_connectors::wol::{WolConnector, WolEndpoint};
use wakehub_connectors::{CheckKind, CheckOutcome, Connector, Report, Target};
use wakehub_domain::{ErrorKind, Secret};

const MAC: &str = "52-54-00-AB-CD-03";
/// Sent last, so that a sniffer knows that it has seen everything before.
const LAST: u16 = 4242;

/// This computer on two networks, and a sleeping machine on each.
struct Home {
    _machines: [Machine; 2],
    near: Sniffer,
    far: Sniffer,
}

impl Home {
    fn new() -> Home {
        for (bridge, own) in [("br0", "10.9.1.1/24"), ("br1", "10.9.2.1/24")] {
            run(&format!(
                "ip link add {bridge} type bridge && ip link set {bridge} up && ip addr add {own} dev {bridge}"
            ));
        }
        let machines = [Machine::on("br0"), Machine::on("br1")];
        let (near, far) = (machines[0].sniff(), machines[1].sniff());
        Home {
            _machines: machines,
            near,
            far,
        }
    }

    /// What either machine has seen.
    fn seen(&mut self) -> (Vec<Packet>, Vec<Packet>) {
        for broadcast in ["10.9.1.255", "10.9.2.255"] {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.set_broadcast(true).unwrap();
            socket.send_to(b"last", (broadcast, LAST)).unwrap();
        }
        let sorted = |sniffer: &mut Sniffer| {
            let mut packets = sniffer.until(LAST);
            packets.sort();
            packets
        };
        (sorted(&mut self.near), sorted(&mut self.far))
    }
}

fn endpoint(address: Option<&str>) -> WolEndpoint {
    WolEndpoint {
        mac: MAC.to_owned(),
        address: address.map(str::to_owned),
        broadcast: None,
        interface: None,
        password: None,
    }
}

async fn wake(endpoint: WolEndpoint) {
    WolConnector::new(endpoint)
        .start(&Target::Itself)
        .await
        .unwrap();
}

fn magic(password: &str) -> String {
    "ff".repeat(6) + &"525400abcd03".repeat(16) + password
}

fn everybody(to: &[&str], payload: &str) -> Vec<Packet> {
    let mut packets: Vec<Packet> = to
        .iter()
        .flat_map(|to| [format!("{to}:7"), format!("{to}:9")])
        .map(|to| Packet {
            to_mac: "ff".repeat(6),
            to,
            payload: payload.to_owned(),
        })
        .collect();
    packets.sort();
    packets
}

#[tokio::test]
async fn a_machine_on_our_network_and_nobody_else() {
    if !inside("wake::a_machine_on_our_network_and_nobody_else") {
        return;
    }
    let mut home = Home::new();
    wake(endpoint(Some("10.9.1.3"))).await;
    let (near, far) = home.seen();
    assert_eq!(
        near,
        everybody(&["10.9.1.255", "255.255.255.255"], &magic(""))
    );
    assert_eq!(far, []);

    let secured = WolEndpoint {
        password: Some(Secret::new("01:02:03:04:05:06")),
        ..endpoint(Some("10.9.1.3"))
    };
    wake(secured).await;
    let (near, _) = home.seen();
    assert!(
        near.iter()
            .all(|packet| packet.payload == magic("010203040506"))
    );
    assert_eq!(near.len(), 4);
}

#[tokio::test]
async fn its_own_address_where_the_network_still_knows_it() {
    if !inside("wake::its_own_address_where_the_network_still_knows_it") {
        return;
    }
    let mut home = Home::new();
    run("ip neigh replace 10.9.1.3 lladdr 52:54:00:ab:cd:03 dev br0");
    wake(endpoint(Some("10.9.1.3"))).await;
    let (near, _) = home.seen();
    let unicast: Vec<&Packet> = near
        .iter()
        .filter(|packet| packet.to_mac == "525400abcd03")
        .collect();
    assert_eq!(unicast.len(), 2, "{near:?}");
    assert!(unicast.iter().all(|packet| packet.payload == magic("")));
}

#[tokio::test]
async fn a_machine_whose_network_is_not_ours() {
    if !inside("wake::a_machine_whose_network_is_not_ours") {
        return;
    }
    let mut home = Home::new();
    for address in [Some("10.77.0.3"), None, Some("no-such-name.invalid")] {
        wake(endpoint(address)).await;
        let (near, far) = home.seen();
        assert_eq!(
            near,
            everybody(&["10.9.1.255", "255.255.255.255"], &magic(""))
        );
        assert_eq!(
            far,
            everybody(&["10.9.2.255", "255.255.255.255"], &magic(""))
        );
    }
}

#[tokio::test]
async fn by_the_interface_and_broadcast_that_the_user_names() {
    if !inside("wake::by_the_interface_and_broadcast_that_the_user_names") {
        return;
    }
    let mut home = Home::new();
    let named = WolEndpoint {
        interface: Some("br1".to_owned()),
        ..endpoint(Some("10.9.1.3"))
    };
    wake(named).await;
    let (near, far) = home.seen();
    assert_eq!(near, []);
    assert_eq!(
        far,
        everybody(&["10.9.2.255", "255.255.255.255"], &magic(""))
    );

    let broadcast = WolEndpoint {
        broadcast: Some("10.9.2.255".to_owned()),
        ..endpoint(Some("10.9.1.3"))
    };
    wake(broadcast).await;
    let (near, far) = home.seen();
    assert_eq!(
        near,
        everybody(&["10.9.1.255", "255.255.255.255"], &magic(""))
    );
    assert_eq!(far, everybody(&["10.9.2.255"], &magic("")));
}

#[tokio::test]
async fn a_link_that_is_down_is_left_out() {
    if !inside("wake::a_link_that_is_down_is_left_out") {
        return;
    }
    let mut home = Home::new();
    run(
        "ip link add dead type bridge && ip addr add 10.9.3.1/24 dev dead && ip link set dead down",
    );
    wake(endpoint(None)).await;
    let (near, far) = home.seen();
    assert_eq!((near.len(), far.len()), (4, 4));
}

#[tokio::test]
async fn nothing_to_send_from() {
    if !inside("wake::nothing_to_send_from") {
        return;
    }
    let start = async |endpoint| {
        let connector = WolConnector::new(endpoint);
        connector.start(&Target::Itself).await.unwrap_err()
    };
    let error = start(endpoint(None)).await;
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    assert!(error.message.contains("no network interface"), "{error}");

    let error = start(endpoint(Some("10.9.1.3"))).await;
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    assert!(error.message.contains("10.9.1.3"), "{error}");

    run("ip link add br0 type bridge && ip link set br0 up && ip addr add 10.9.1.1/24 dev br0");
    let _machine = Machine::on("br0");
    let missing = WolEndpoint {
        interface: Some("eth9".to_owned()),
        ..endpoint(None)
    };
    let error = start(missing).await;
    assert!(
        error.message.contains("no interface eth9 (it has br0)"),
        "{error}"
    );

    // A firewall of our own: every destination is named.
    run(
        "nft add table inet f && nft 'add chain inet f out { type filter hook output priority 0; policy drop; }'",
    );
    let error = start(endpoint(Some("10.9.1.3"))).await;
    assert_eq!(error.kind, ErrorKind::Rejected, "{error}");
    for to in ["10.9.1.255", "255.255.255.255", "10.9.1.3"] {
        assert!(
            error.message.contains(&format!("br0 (10.9.1.1) to {to}")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_test_names_the_ways_and_sends_nothing() {
    if !inside("wake::a_test_names_the_ways_and_sends_nothing") {
        return;
    }
    let mut home = Home::new();
    let check = async |endpoint| {
        let (sender, mut receiver) = mpsc::channel(4);
        WolConnector::new(endpoint).test(&sender).await;
        drop(sender);
        let check = receiver.recv().await.unwrap();
        assert_eq!(check.what, CheckKind::Packets);
        assert!(receiver.recv().await.is_none());
        check
    };
    let near = check(endpoint(Some("10.9.1.3"))).await;
    assert_eq!(near.outcome, CheckOutcome::Passed);
    assert_eq!(
        near.detail,
        "br0 (10.9.1.1) to 10.9.1.255; br0 (10.9.1.1) to 255.255.255.255; br0 (10.9.1.1) to 10.9.1.3, ports 9 and 7"
    );
    let elsewhere = check(endpoint(Some("10.77.0.3"))).await;
    assert_eq!(elsewhere.outcome, CheckOutcome::Warning);
    let told = WolEndpoint {
        broadcast: Some("10.77.0.255".to_owned()),
        ..endpoint(Some("10.77.0.3"))
    };
    assert_eq!(check(told).await.outcome, CheckOutcome::Passed);
    for wrong in [
        WolEndpoint {
            mac: "52:54".to_owned(),
            ..endpoint(None)
        },
        WolEndpoint {
            broadcast: Some("everywhere".to_owned()),
            ..endpoint(None)
        },
        WolEndpoint {
            password: Some(Secret::new("hunter2")),
            ..endpoint(None)
        },
    ] {
        let seen = check(wrong).await;
        assert_eq!(seen.outcome, CheckOutcome::Failed);
        assert!(!seen.detail.contains("hunter2"));
    }
    assert_eq!(home.seen(), (vec![], vec![]));

    let connector = WolConnector::new(endpoint(None));
    assert_eq!(connector.observe().await.unwrap(), Report::default());
}
