//! Off is what is proven, nothing else is.

use crate::namespace::{Machine, inside, run};
use wakehub_connectors::reach::{Presence, Sighting, look};

/// This computer on a bridge with 10.9.1.1/24, and a second machine that keeps the bridge's link up.
fn lan() -> Machine {
    run("ip link add br0 type bridge && ip link set br0 up && ip addr add 10.9.1.1/24 dev br0");
    Machine::on("br0")
}

fn machine() -> Machine {
    let machine = Machine::on("br0");
    machine.run("ip addr add 10.9.1.3/24 dev eth0");
    machine
}

/// All incoming packets are swallowed.
const DROP_ALL: &str = "nft add table inet f && \
    nft 'add chain inet f in { type filter hook input priority 0; policy drop; }'";
const DROP_PINGS: &str = "nft add table inet f && \
    nft 'add chain inet f in { type filter hook input priority 0; }' && \
    nft add rule inet f in icmp type echo-request drop";

/// Looks twice.
async fn twice(address: &str) -> (Sighting, bool) {
    let mut presence = Presence::default();
    presence.see(&look(address, 22).await);
    assert!(!presence.is_off(), "off at the first look");
    let seen = look(address, 22).await;
    presence.see(&seen);
    (seen, presence.is_off())
}

#[tokio::test]
async fn a_machine_that_runs() {
    if !inside("look::a_machine_that_runs") {
        return;
    }
    let (_other, mut machine) = (lan(), machine());
    let seen = look("10.9.1.3", 22).await;
    assert!(
        matches!(
            seen,
            Sighting::Answers {
                port_open: false,
                ..
            }
        ),
        "{seen:?}"
    );
    machine.listen(22);
    let seen = look("10.9.1.3", 22).await;
    assert!(
        matches!(
            seen,
            Sighting::Answers {
                port_open: true,
                ..
            }
        ),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_machine_that_refuses_and_swallows_pings() {
    if !inside("look::a_machine_that_refuses_and_swallows_pings") {
        return;
    }
    let (_other, machine) = (lan(), machine());
    machine.run(DROP_PINGS);
    let (seen, off) = twice("10.9.1.3").await;
    assert!(matches!(seen, Sighting::Refuses { .. }), "{seen:?}");
    assert!(!off);
}

#[tokio::test]
async fn a_machine_behind_a_firewall_that_swallows_everything() {
    if !inside("look::a_machine_behind_a_firewall_that_swallows_everything") {
        return;
    }
    let (_other, machine) = (lan(), machine());
    machine.run(DROP_ALL);
    let (seen, off) = twice("10.9.1.3").await;
    assert!(matches!(seen, Sighting::Mute { .. }), "{seen:?}");
    assert!(!off);
}

#[tokio::test]
async fn a_machine_that_is_off() {
    if !inside("look::a_machine_that_is_off") {
        return;
    }
    let _other = lan();
    let (seen, off) = twice("10.9.1.3").await;
    let Sighting::Silent { evidence } = seen else {
        panic!("{seen:?}");
    };
    assert_eq!(evidence, "nobody answers for 10.9.1.3 on br0");
    assert!(off);
}

#[tokio::test]
async fn a_machine_that_goes_off_and_comes_back() {
    if !inside("look::a_machine_that_goes_off_and_comes_back") {
        return;
    }
    let (_other, machine) = (lan(), machine());
    let seen = look("10.9.1.3", 22).await;
    assert!(matches!(seen, Sighting::Answers { .. }), "{seen:?}");
    machine.run("ip link set eth0 down");
    let mut presence = Presence::default();
    for _ in 0..20 {
        let seen = look("10.9.1.3", 22).await;
        assert!(
            matches!(seen, Sighting::Silent { .. } | Sighting::Mute { .. }),
            "{seen:?}"
        );
        presence.see(&seen);
        if presence.is_off() {
            break;
        }
    }
    assert!(presence.is_off());
    machine.run("ip link set eth0 up");
    for _ in 0..20 {
        presence.see(&look("10.9.1.3", 22).await);
        if !presence.is_off() {
            return;
        }
    }
    panic!("it is back and was not seen");
}

#[tokio::test]
async fn a_link_of_ours_that_is_gone() {
    if !inside("look::a_link_of_ours_that_is_gone") {
        return;
    }
    let other = lan();
    // Nobody on the bridge any more: no carrier.
    other.run("ip link set eth0 down");
    let (seen, off) = twice("10.9.1.3").await;
    assert!(matches!(seen, Sighting::NoWay { .. }), "{seen:?}");
    assert!(!off);
    run("ip link set br0 down");
    let (seen, off) = twice("10.9.1.3").await;
    assert!(matches!(seen, Sighting::NoWay { .. }), "{seen:?}");
    assert!(!off);
}

#[tokio::test]
async fn a_firewall_of_our_own() {
    if !inside("look::a_firewall_of_our_own") {
        return;
    }
    let _other = lan();
    for verdict in ["drop", "reject"] {
        run("nft flush ruleset; nft add table inet f");
        run("nft 'add chain inet f out { type filter hook output priority 0; }'");
        run(&format!(
            "nft add rule inet f out ip daddr 10.9.1.3 {verdict}"
        ));
        let (seen, off) = twice("10.9.1.3").await;
        assert!(!off, "{verdict}: {seen:?}");
        assert!(
            !matches!(seen, Sighting::Silent { .. }),
            "{verdict}: {seen:?}"
        );
    }
}

#[tokio::test]
async fn no_route() {
    if !inside("look::no_route") {
        return;
    }
    let _other = lan();
    for address in ["10.200.0.9", "fd00::9"] {
        let (seen, off) = twice(address).await;
        assert!(matches!(seen, Sighting::NoWay { .. }), "{seen:?}");
        assert!(!off);
    }
}

#[tokio::test]
async fn beyond_a_router() {
    if !inside("look::beyond_a_router") {
        return;
    }
    // The other machine routes to a second network, which nobody is on.
    let router = lan();
    run("ip link add br1 type bridge && ip link set br1 up");
    router.join("br1", "eth1");
    let beyond = Machine::on("br1");
    router.run(
        "ip addr add 10.9.1.254/24 dev eth0 && ip addr add 10.9.2.254/24 dev eth1 && \
         sysctl -qw net.ipv4.ip_forward=1 && \
         sysctl -qw net.ipv4.neigh.eth1.retrans_time_ms=100",
    );
    run("ip route add default via 10.9.1.254");

    // The router says, some tenths of a second after it was asked and not three seconds as usual, that it
    // finds nobody: a route that is missing looks the same.
    let (seen, off) = twice("10.9.2.3").await;
    assert!(matches!(seen, Sighting::NoWay { .. }), "{seen:?}");
    assert!(!off);

    // It says nothing, but is there.
    router.run(
        "nft add table inet f && nft 'add chain inet f through { type filter hook forward priority 0; policy drop; }'",
    );
    let (seen, off) = twice("10.9.2.3").await;
    assert!(matches!(seen, Sighting::Silent { .. }), "{seen:?}");
    assert!(off);

    // It lets us through to a machine that runs.
    router.run("nft flush ruleset");
    beyond.run("ip addr add 10.9.2.3/24 dev eth0 && ip route add default via 10.9.2.254");
    let seen = look("10.9.2.3", 22).await;
    assert!(matches!(seen, Sighting::Answers { .. }), "{seen:?}");

    // The router itself is gone, and with it all that could be said.
    run("ip neigh flush dev br0");
    router.run("ip link set eth0 down");
    let keeps_the_link = Machine::on("br0");
    let (seen, off) = twice("10.9.2.3").await;
    assert!(matches!(seen, Sighting::NoWay { .. }), "{seen:?}");
    assert!(!off);
    drop(keeps_the_link);
}
