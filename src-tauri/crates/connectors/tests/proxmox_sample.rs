//! What guests use, and what that costs, against a Proxmox API.

#[path = "proxmox_fake/fake.rs"]
mod fake;

use fake::{Fake, Proxy, fake, lxc, machine1, vm};
use serde_json::{Value, json};
use std::time::Duration;
use wakehub_connectors::proxmox::{ProxmoxConnector, ProxmoxEndpoint};
use wakehub_connectors::{Connector, CpuUse, Target, Usage};
use wakehub_domain::{ErrorKind, Timestamp};

/// With both guests on, one of them busy.
fn busy() -> Value {
    let mut spec = machine1();
    spec["guests"][0]["status"] = json!("running");
    spec["guests"][0]["set"] = json!({"stats": {"cpu": 0.375, "netin": 1000, "netout": 2000}});
    spec["guests"][1]["set"] = json!({"stats": {"netin": "123456", "diskread": 7, "diskwrite": 8}});
    spec
}

fn everything() -> [Target; 3] {
    [Target::Itself, vm(100), lxc(101)]
}

fn of<'a>(usages: &'a [Usage], target: &Target) -> &'a Usage {
    let found = usages.iter().find(|usage| usage.target == *target);
    found.expect("its usage")
}

async fn asked(pve: &mut Fake) -> Vec<String> {
    let requests = pve.requests().await;
    pve.forget().await;
    requests
}

#[tokio::test]
async fn running_guests_and_the_machine_are_measured() {
    let Some(pve) = fake(busy()).await else {
        return;
    };
    let usages = pve.connector().sample(&everything()).await.expect("usage");
    assert_eq!(usages.len(), 3);
    let docker = of(&usages, &vm(100));
    assert_eq!(docker.cpu, Some(CpuUse::Cores(1.5)), "0.375 of 4");
    assert_eq!((docker.rx_bytes, docker.tx_bytes), (Some(1000), Some(2000)));
    let memory = docker.memory.expect("memory");
    assert_eq!((memory.used, memory.total), (64 << 20, 4 << 30));
    let jellyfin = of(&usages, &lxc(101));
    assert_eq!(jellyfin.rx_bytes, Some(123_456));
    assert_eq!(
        (jellyfin.read_bytes, jellyfin.written_bytes),
        (Some(7), Some(8))
    );
    let itself = of(&usages, &Target::Itself);
    assert_eq!(itself.cpu, Some(CpuUse::Cores(0.08)));
    assert_eq!(itself.rx_bytes, None);
    assert!(usages.iter().all(|usage| usage.missing.is_empty()));
    assert!(usages.iter().all(|usage| usage.inhibitors.is_empty()));
}

#[tokio::test]
async fn only_what_is_wanted_and_runs() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let connector = pve.connector();
    assert_eq!(connector.sample(&[]).await.expect("nothing"), []);
    assert_eq!(asked(&mut pve).await, [""; 0], "nobody was asked");
    // 100 is off, and 101 is no VM.
    let none = [vm(100), vm(101), lxc(999)];
    assert_eq!(connector.sample(&none).await.expect("usage"), []);
    let one = connector.sample(&[lxc(101)]).await.expect("usage");
    assert_eq!(one.len(), 1);
    pve.order(json!({"do": "set", "vmid": 101, "values": {"status": "stopped"}}))
        .await;
    connector.observe().await.expect("a look");
    assert_eq!(connector.sample(&[lxc(101)]).await.expect("usage"), []);
}

/// A tick after a look costs one request, one without costs two; no new connection for either.
#[tokio::test]
async fn a_look_serves_the_next_sample() {
    let Some(mut pve) = fake(busy()).await else {
        return;
    };
    let proxy = Proxy::to(pve.port).await;
    let connector = ProxmoxConnector::new(ProxmoxEndpoint {
        url: format!("https://127.0.0.1:{}", proxy.port),
        ..pve.with_token()
    });
    connector.observe().await.expect("a look");
    assert_eq!(asked(&mut pve).await, ["GET /cluster/resources"]);
    for _ in 0..3 {
        let usages = connector.sample(&everything()).await.expect("usage");
        assert_eq!(usages.len(), 3);
        assert_eq!(asked(&mut pve).await, ["GET /cluster/tasks"]);
    }
    // Forgets the look, and the connections too.
    connector.close().await;
    connector.sample(&everything()).await.expect("usage");
    let mut requests = asked(&mut pve).await;
    // They are asked at once.
    requests.sort();
    assert_eq!(requests, ["GET /cluster/resources", "GET /cluster/tasks"]);
    assert_eq!(proxy.connections(), 3, "one, and two after it was closed");
}

#[tokio::test]
async fn locks_and_tasks_inhibit() {
    let Some(mut pve) = fake(busy()).await else {
        return;
    };
    pve.set(100, json!({"lock": "backup"})).await;
    for (vmid, kind) in [(100, "vzdump"), (101, "vzmigrate"), (101, "qmshutdown")] {
        pve.order(json!({"do": "task", "vmid": vmid, "kind": kind, "secs": 10_000}))
            .await;
    }
    let usages = pve.connector().sample(&everything()).await.expect("usage");
    assert_eq!(
        of(&usages, &vm(100)).inhibitors,
        ["a backup runs"],
        "said once"
    );
    assert_eq!(of(&usages, &lxc(101)).inhibitors, ["it is being migrated"]);
    assert_eq!(
        of(&usages, &Target::Itself).inhibitors,
        [
            "a task of Proxmox runs on guest 100: vzdump",
            "a task of Proxmox runs on guest 101: vzmigrate",
            "a task of Proxmox runs on guest 101: qmshutdown",
        ]
    );
}

/// Whether a backup runs is not known then.
#[tokio::test]
async fn without_tasks_there_is_no_sample() {
    let Some(mut pve) = fake(busy()).await else {
        return;
    };
    let connector = pve.connector();
    for (path, says) in [("/cluster/tasks", "boom"), ("/cluster/resources", "bang")] {
        pve.call("fail", json!(["GET", path, 500, says])).await;
        let error = connector.sample(&everything()).await.expect_err("an error");
        assert_eq!(
            (error.kind, error.message.as_str()),
            (ErrorKind::Rejected, says)
        );
        assert_eq!(error.operation, "read what the guests use");
        connector.close().await;
    }
}

fn minutes(count: i64) -> Vec<Value> {
    let minute =
        |at: i64| json!({"time": 1_795_240_800 + 60 * at, "netin": 10.0, "cpu": 0.5, "maxcpu": 2});
    (0..count).map(minute).collect()
}

#[tokio::test]
async fn the_past_comes_as_rates() {
    let mut spec = busy();
    spec["set"] = json!({"rrd": {
        "101": {"hour": minutes(60), "day": minutes(1440)},
        "pve1": {"hour": [{"time": 60, "netin": 5, "memused": 1, "memtotal": 2}]},
    }});
    let Some(mut pve) = fake(spec).await else {
        return;
    };
    let connector = pve.connector();
    connector.observe().await.expect("a look");
    pve.forget().await;
    let back = |minutes: u64| Duration::from_secs(60 * minutes);
    let rows = connector.past(&lxc(101), back(10)).await.expect("rows");
    assert_eq!(rows.len(), 11, "the last ten minutes, by Proxmox's clock");
    assert_eq!(rows[10].at, Timestamp((1_795_240_800 + 60 * 59) * 1000));
    assert_eq!(
        (rows[0].rx_rate, rows[0].cpu_cores),
        (Some(10.0), Some(1.0))
    );
    assert_eq!(rows[0].tx_rate, None);
    assert_eq!(
        asked(&mut pve).await,
        ["GET /nodes/pve1/lxc/101/rrddata"],
        "one request"
    );
    let rows = connector.past(&lxc(101), back(180)).await.expect("rows");
    assert_eq!(rows.len(), 181);
    let itself = connector
        .past(&Target::Itself, back(60))
        .await
        .expect("rows");
    assert_eq!((itself.len(), itself[0].rx_rate), (1, Some(5.0)));
    assert_eq!(connector.past(&vm(100), back(60)).await.expect("rows"), []);
    let error = connector
        .past(&vm(999), back(60))
        .await
        .expect_err("no guest");
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(error.operation, "read what vm 999 has used");
}

/// What is left of it when our own is taken off looks like use, so it is never more than there was.
#[tokio::test]
async fn polling_is_no_use_of_the_machine() {
    let Some(pve) = fake(busy()).await else {
        return;
    };
    let proxy = Proxy::to(pve.port).await;
    let connector = ProxmoxConnector::new(ProxmoxEndpoint {
        url: format!("https://127.0.0.1:{}", proxy.port),
        ..pve.with_token()
    });
    connector.observe().await.expect("a look");
    let (before, seen) = (connector.traffic(), proxy.bytes());
    for _ in 0..20 {
        connector.observe().await.expect("a look");
    }
    let (after, seen_after) = (connector.traffic(), proxy.bytes());
    // Without the headers of segments, which the proxy does not see.
    let up = after.rx_bytes - before.rx_bytes - 66 * (after.rx_packets - before.rx_packets);
    let down = after.tx_bytes - before.tx_bytes - 66 * (after.tx_packets - before.tx_packets);
    for (own, all) in [(up, seen_after.0 - seen.0), (down, seen_after.1 - seen.1)] {
        assert!(own as usize <= all, "{own} of {all}");
        assert!(own as usize * 100 >= all * 92, "{own} of {all}");
    }
    assert!(after.rx_packets - before.rx_packets >= 20, "{after:?}");
}
