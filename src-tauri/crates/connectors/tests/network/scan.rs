//! Who is on the network: by the neighbour table, by mDNS as avahi speaks it, and by a sweep when asked.

use crate::namespace::{Machine, inside, run};
use std::collections::BTreeMap;
use tokio::sync::mpsc;
use wakehub_connectors::reach::look;
use wakehub_connectors::scan::{Found, Source, scan};

/// This computer on a bridge with 10.9.1.1/24.
fn lan() {
    run("ip link add br0 type bridge && ip link set br0 up && ip addr add 10.9.1.1/24 dev br0");
}

fn machine(last: u8) -> Machine {
    let machine = Machine::on("br0");
    machine.run(&format!(
        "ip link set eth0 down && ip link set eth0 address 52:54:00:00:00:{last:02x} && ip link set eth0 up && \
         ip addr add 10.9.1.{last}/24 dev eth0"
    ));
    machine
}

/// The last word on each address.
async fn scanned(sweep: bool) -> BTreeMap<String, Found> {
    let (sender, mut found) = mpsc::channel::<Found>(4);
    let collect = async {
        let mut all = BTreeMap::new();
        while let Some(one) = found.recv().await {
            all.insert(one.address.to_string(), one);
        }
        all
    };
    let look = async move { scan(sweep, &sender).await };
    tokio::join!(look, collect).1
}

#[tokio::test]
async fn whom_this_computer_has_talked_to() {
    if !inside("scan::whom_this_computer_has_talked_to") {
        return;
    }
    lan();
    let (nas, quiet) = (machine(3), machine(4));
    look("10.9.1.3", 22).await;
    // nobody is there
    look("10.9.1.9", 22).await;
    let mut seen = quiet.sniff();
    let all = scanned(false).await;
    let addresses: Vec<_> = all.keys().map(String::as_str).collect();
    assert_eq!(addresses, ["10.9.1.3"]);
    let found = &all["10.9.1.3"];
    assert_eq!(found.mac.as_deref(), Some("52:54:00:00:00:03"));
    assert_eq!(found.vendor, Some("QEMU/KVM"));
    assert_eq!(found.source, Source::Neighbours);
    // nothing but the question of mDNS went out
    nas.run("ping -c 1 -W 1 10.9.1.4 > /dev/null");
    nas.run("echo end > /dev/udp/10.9.1.4/4242 || bash -c 'echo end > /dev/udp/10.9.1.4/4242'");
    let others: Vec<_> = seen
        .until(4242)
        .into_iter()
        .filter(|packet| !packet.to.ends_with(":5353"))
        .collect();
    assert_eq!(others, []);
}

#[tokio::test]
async fn who_is_there_when_everybody_is_asked() {
    if !inside("scan::who_is_there_when_everybody_is_asked") {
        return;
    }
    lan();
    let _machines = [machine(3), machine(4), machine(200)];
    let all = scanned(true).await;
    let macs: Vec<_> = all.values().filter_map(|found| found.mac.clone()).collect();
    assert_eq!(
        macs,
        [
            "52:54:00:00:00:c8",
            "52:54:00:00:00:03",
            "52:54:00:00:00:04"
        ],
        "{all:?}"
    );
}

#[tokio::test]
async fn who_announces_himself() {
    if !inside("scan::who_announces_himself") {
        return;
    }
    lan();
    let mut nas = machine(3);
    if !nas.announce("film-box") {
        return;
    }
    let all = scanned(false).await;
    let found = all.get("10.9.1.3").unwrap_or_else(|| panic!("{all:?}"));
    assert_eq!(found.name.as_deref(), Some("film-box"));
    // workstations tell it in their announcement, and the answer itself made a neighbour of them
    assert_eq!(found.mac.as_deref(), Some("52:54:00:00:00:03"));
}

#[tokio::test]
async fn nobody_listens_any_more() {
    if !inside("scan::nobody_listens_any_more") {
        return;
    }
    lan();
    let (sender, found) = mpsc::channel(1);
    drop(found);
    // far sooner than the time that a sweep takes; the test’s own limit would tell
    scan(true, &sender).await;
}
