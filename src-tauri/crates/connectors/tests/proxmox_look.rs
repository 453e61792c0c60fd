//! What the platform hosts, and what `test connection` says about the connection itself.

#[path = "proxmox_fake/fake.rs"]
mod fake;

use fake::{Proxy, TOKEN, TOKEN_SECRET, fake, machine1, token};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use wakehub_connectors::proxmox::{ProxmoxAuth, ProxmoxConnector, ProxmoxEndpoint};
use wakehub_connectors::{Check, CheckKind, CheckOutcome, Connector, Discovered, Watch};
use wakehub_domain::{Capability, NodeKind, Secret};

/// A cluster of two, with all that discovery has to tell apart.
fn homelab() -> Value {
    let address = |address: &str, prefix| json!({"ip-address": address, "ip-address-type": "ipv4", "prefix": prefix});
    json!({
        "members": ["pve1", "pve2"],
        "tokens": {TOKEN: TOKEN_SECRET},
        "guests": [
            {"kind": "qemu", "vmid": 100, "name": "vm-docker", "member": "pve1", "status": "running",
             "config": {"cores": 2, "sockets": 2, "memory": "4096", "agent": "1", "startup": "order=3"},
             "set": {"agent": {"interfaces": [
                {"name": "lo", "ip-addresses": [address("127.0.0.1", 8)]},
                {"name": "eth0", "ip-addresses": [address("10.77.0.11", 24)]},
                {"name": "docker0", "ip-addresses": [address("172.17.0.1", 16)]}]}}},
            {"kind": "lxc", "vmid": 101, "name": "lxc-jellyfin", "member": "pve1", "status": "stopped",
             "config": {"cores": 2, "memory": 2048, "startup": "order=2,up=10",
                        "net0": "name=eth0,bridge=vmbr0,ip=10.77.0.21/24"}},
            {"kind": "lxc", "vmid": 102, "name": "lxc-dns", "member": "pve1", "status": "running",
             "config": {"memory": 512, "startup": "order=1",
                        "net0": "name=eth0,bridge=vmbr0,ip=10.77.0.22/24,ip6=fe80::1/64"}},
            {"kind": "lxc", "vmid": 103, "name": "lxc-cloudflared", "member": "pve1", "config": {"startup": "order=2"}},
            {"kind": "qemu", "vmid": 104, "name": "vm-ubuntu", "member": "pve1", "config": {"agent": "1"}},
            {"kind": "qemu", "vmid": 200, "name": "vm-homeassistant", "member": "pve2", "status": "running",
             "config": {"agent": "1", "startup": "order=4"}},
            {"kind": "qemu", "vmid": 900, "name": "debian-13", "member": "pve1", "template": true},
        ],
    })
}

fn find<'a>(found: &'a [Discovered], platform_id: &str) -> &'a Discovered {
    let guest = found.iter().find(|d| d.report.platform_id == platform_id);
    guest.expect("the guest")
}

#[tokio::test]
async fn discovery_tells_all_that_the_api_knows() {
    let Some(pve) = fake(homelab()).await else {
        return;
    };
    let connector = pve.connector();
    let found = connector.discover().await.unwrap();
    let ids: Vec<_> = found
        .iter()
        .map(|d| d.report.platform_id.as_str())
        .collect();
    assert_eq!(
        ids,
        ["100", "101", "102", "103", "104", "200"],
        "no template"
    );

    let docker = find(&found, "100");
    assert_eq!(docker.report.kind, NodeKind::Vm);
    assert_eq!(docker.report.name, "vm-docker");
    assert_eq!(docker.report.member.as_deref(), Some("pve1"));
    assert_eq!((docker.cores, docker.memory), (Some(4.0), Some(4 << 30)));
    assert_eq!(
        docker.addresses,
        ["10.77.0.11"],
        "of the agent, without its bridges"
    );

    let jellyfin = find(&found, "101");
    assert_eq!(
        jellyfin.addresses,
        ["10.77.0.21"],
        "configured, though it is off"
    );
    assert_eq!(
        (jellyfin.cores, jellyfin.memory),
        (Some(2.0), Some(2 << 30))
    );
    assert_eq!(find(&found, "102").addresses, ["10.77.0.22"]);

    // The agent of 200 does not run and 104 is off: nothing is known, and nothing fails.
    assert_eq!(find(&found, "200").addresses, [""; 0]);
    assert_eq!(find(&found, "104").addresses, [""; 0]);
}

#[tokio::test]
async fn the_startup_order_suggests_the_nearest_earlier_group() {
    let Some(pve) = fake(homelab()).await else {
        return;
    };
    let found = pve.connector().discover().await.unwrap();
    for (guest, suggested) in [
        ("102", vec![]),
        ("101", vec!["102"]),
        ("103", vec!["102"]),
        ("100", vec!["101", "103"]),
        // No order, and another member.
        ("104", vec![]),
        ("200", vec![]),
    ] {
        assert_eq!(
            find(&found, guest).suggested_dependencies,
            suggested,
            "{guest}"
        );
    }
}

#[tokio::test]
async fn discovery_twice_finds_the_same() {
    let Some(pve) = fake(homelab()).await else {
        return;
    };
    let connector = pve.connector();
    assert_eq!(
        connector.discover().await.unwrap(),
        connector.discover().await.unwrap()
    );
}

#[tokio::test]
async fn a_guest_whose_configuration_cannot_be_read_is_still_found() {
    let Some(mut pve) = fake(homelab()).await else {
        return;
    };
    pve.call(
        "fail",
        json!(["GET", "/nodes/pve1/qemu/100/config", 500, "boom"]),
    )
    .await;
    let found = pve.connector().discover().await.unwrap();
    let docker = find(&found, "100");
    assert_eq!(
        (docker.cores, docker.memory),
        (Some(4.0), Some(4 << 30)),
        "as the list says"
    );
    assert_eq!(found.len(), 6);
}

#[tokio::test]
async fn only_what_the_login_may_see_is_found() {
    let mut spec = homelab();
    spec["grants"] = json!([[TOKEN, "/vms/101", ["VM.Audit"]]]);
    let Some(pve) = fake(spec).await else { return };
    let connector = ProxmoxConnector::new(pve.with_token());
    assert_eq!(connector.discover().await.unwrap().len(), 1);
}

/// An empty list may mean that a privilege was lost, so nothing is declared gone.
#[tokio::test]
async fn seeing_nothing_is_not_knowing_that_there_is_nothing() {
    let mut spec = homelab();
    spec["grants"] = json!([[TOKEN, "/", ["Sys.Audit"]]]);
    let Some(pve) = fake(spec).await else { return };
    let report = ProxmoxConnector::new(pve.with_token())
        .observe()
        .await
        .unwrap();
    assert!(report.guests.is_empty());
    assert!(!report.complete);
}

#[tokio::test]
async fn it_is_polled_not_watched() {
    let Some(pve) = fake(machine1()).await else {
        return;
    };
    let connector = pve.connector();
    assert_eq!(connector.capability(), Capability::ProxmoxApi);
    let (changes, _) = mpsc::channel(1);
    assert_eq!(connector.watch(&changes).await.unwrap(), Watch::NotOffered);
}

async fn checks(connector: &ProxmoxConnector) -> Vec<Check> {
    let (sender, mut receiver) = mpsc::channel(16);
    connector.test(&sender).await;
    drop(sender);
    let mut checks = Vec::new();
    while let Some(check) = receiver.recv().await {
        checks.push(check);
    }
    checks
}

fn outcomes(checks: &[Check]) -> Vec<(CheckKind, CheckOutcome)> {
    checks
        .iter()
        .map(|check| (check.what, check.outcome))
        .collect()
}

fn check(checks: &[Check], what: CheckKind) -> &Check {
    checks
        .iter()
        .find(|check| check.what == what)
        .expect("the check")
}

use CheckKind::{Login, Privileges, Reachable, Trusted, Version};
use CheckOutcome::{Failed, Passed, Skipped, Warning};

#[tokio::test]
async fn a_good_connection_passes_every_check_and_changes_nothing() {
    let mut spec = machine1();
    let all = ["VM.Audit", "VM.PowerMgmt", "Sys.Audit", "Sys.PowerMgmt"];
    spec["grants"] = json!([[TOKEN, "/", all]]);
    let Some(mut pve) = fake(spec).await else {
        return;
    };
    for endpoint in [pve.endpoint(), pve.with_token()] {
        let checks = checks(&ProxmoxConnector::new(endpoint)).await;
        assert_eq!(
            outcomes(&checks),
            [Reachable, Trusted, Login, Version, Privileges].map(|what| (what, Passed))
        );
        assert_eq!(
            check(&checks, Version).detail,
            "Proxmox VE 9.0.10, member pve1"
        );
    }
    let written: Vec<_> = pve
        .requests()
        .await
        .into_iter()
        .filter(|r| !r.starts_with("GET") && !r.contains("ticket"))
        .collect();
    assert_eq!(written, [""; 0]);
}

#[tokio::test]
async fn an_unknown_certificate_waits_to_be_accepted() {
    let Some(pve) = fake(machine1()).await else {
        return;
    };
    let connector = ProxmoxConnector::new(ProxmoxEndpoint {
        pinned: None,
        ..pve.endpoint()
    });
    let checks = checks(&connector).await;
    assert_eq!(
        outcomes(&checks),
        [
            (Reachable, Passed),
            (Trusted, Failed),
            (Login, Skipped),
            (Version, Skipped),
            (Privileges, Skipped)
        ]
    );
    let trusted = check(&checks, Trusted);
    assert_eq!(
        trusted.presented.as_ref().unwrap().fingerprint,
        pve.fingerprint
    );
    assert!(trusted.advice.as_ref().unwrap().contains("then accept it"));
}

#[tokio::test]
async fn a_certificate_that_changed_while_connected_is_noticed() {
    let Some(old) = fake(machine1()).await else {
        return;
    };
    let Some(new) = fake(machine1()).await else {
        return;
    };
    let connector = ProxmoxConnector::new(ProxmoxEndpoint {
        pinned: Some(old.fingerprint.clone()),
        ..new.endpoint()
    });
    let checks = checks(&connector).await;
    let trusted = check(&checks, Trusted);
    assert_eq!(trusted.outcome, Failed);
    let presented = trusted.presented.as_ref().unwrap();
    assert_eq!(presented.accepted.as_ref(), Some(&old.fingerprint));
    assert_eq!(presented.fingerprint, new.fingerprint);
    assert!(trusted.detail.contains("has changed"), "{}", trusted.detail);
}

#[tokio::test]
async fn a_wrong_login_stops_the_checks_there() {
    let Some(pve) = fake(machine1()).await else {
        return;
    };
    for auth in [
        token("00000000-0000-0000-0000-000000000000"),
        ProxmoxAuth::Password {
            user: "root@pam".to_owned(),
            password: Secret::new("wrong one"),
        },
    ] {
        let checks = checks(&ProxmoxConnector::new(ProxmoxEndpoint {
            auth,
            ..pve.endpoint()
        }))
        .await;
        assert_eq!(
            outcomes(&checks),
            [
                (Reachable, Passed),
                (Trusted, Passed),
                (Login, Failed),
                (Version, Skipped),
                (Privileges, Skipped)
            ]
        );
        assert_eq!(check(&checks, Login).detail, "authentication failure");
        assert!(check(&checks, Login).advice.is_some());
    }
}

#[tokio::test]
async fn missing_privileges_are_named_with_the_commands_that_grant_them() {
    let mut spec = machine1();
    spec["grants"] = json!([[TOKEN, "/", ["VM.Audit", "Sys.Audit"]]]);
    let Some(pve) = fake(spec).await else { return };
    let checks = checks(&ProxmoxConnector::new(pve.with_token())).await;
    let privileges = check(&checks, Privileges);
    assert_eq!(privileges.outcome, Failed);
    assert_eq!(
        privileges.detail,
        "found: VM.Audit on /vms, Sys.Audit on /nodes/pve1; missing: VM.PowerMgmt on /vms, Sys.PowerMgmt on /nodes/pve1"
    );
    let advice = privileges.advice.as_ref().unwrap();
    assert!(advice.contains("--tokens 'wakehub@pve!desk'"), "{advice}");
    assert!(
        advice.contains("its user wakehub@pve both have"),
        "{advice}"
    );
}

#[tokio::test]
async fn sys_powermgmt_is_only_needed_for_the_machine() {
    let mut spec = machine1();
    spec["grants"] = json!([
        [TOKEN, "/vms", ["VM.Audit", "VM.PowerMgmt"]],
        [TOKEN, "/nodes", ["Sys.Audit"]]
    ]);
    let Some(pve) = fake(spec).await else { return };
    let checks = checks(&ProxmoxConnector::new(pve.with_token())).await;
    assert_eq!(check(&checks, Privileges).outcome, Warning);
}

#[tokio::test]
async fn versions_and_member_names_are_looked_at() {
    for (version, member, outcome, detail) in [
        ("8.4.1", "pve1", Passed, "Proxmox VE 8.4.1, member pve1"),
        ("7.4-18", "pve1", Warning, "Proxmox VE 7.4-18, member pve1"),
        ("6.4-15", "pve1", Failed, "Proxmox VE 6.4-15, member pve1"),
        ("10.0.1", "pve1", Failed, "Proxmox VE 10.0.1, member pve1"),
        (
            "9.0.10",
            "pve7",
            Failed,
            "Proxmox VE 9.0.10 has no member pve7; it has pve1",
        ),
    ] {
        let mut spec = machine1();
        spec["version"] = json!(version);
        let Some(pve) = fake(spec).await else { return };
        let connector = ProxmoxConnector::new(ProxmoxEndpoint {
            member: member.to_owned(),
            ..pve.endpoint()
        });
        let checks = checks(&connector).await;
        let seen = check(&checks, Version);
        assert_eq!((seen.outcome, seen.detail.as_str()), (outcome, detail));
        assert_eq!(seen.advice.is_some(), outcome != Passed);
        assert_eq!(
            check(&checks, Privileges).outcome,
            Passed,
            "is looked at nevertheless"
        );
    }
}

#[tokio::test]
async fn nobody_there_and_nonsense_fail_the_first_check() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    for url in [
        format!("https://127.0.0.1:{port}"),
        "http://127.0.0.1:8006".to_owned(),
        "::".to_owned(),
    ] {
        let endpoint = ProxmoxEndpoint {
            url,
            member: "pve1".to_owned(),
            auth: token(TOKEN_SECRET),
            pinned: None,
        };
        let checks = checks(&ProxmoxConnector::new(endpoint)).await;
        let expected: Vec<_> = [(Reachable, Failed)]
            .into_iter()
            .chain([Trusted, Login, Version, Privileges].map(|w| (w, Skipped)))
            .collect();
        assert_eq!(outcomes(&checks), expected);
        assert!(check(&checks, Reachable).advice.is_some());
    }
}

#[tokio::test]
async fn a_pinned_certificate_is_accepted_though_it_has_expired() {
    let mut spec = machine1();
    spec["expired"] = json!(true);
    let Some(pve) = fake(spec).await else { return };
    let proxy = Proxy::to(pve.port).await;
    let url = format!("https://127.0.0.1:{}", proxy.port);
    ProxmoxConnector::new(ProxmoxEndpoint {
        url,
        ..pve.endpoint()
    })
    .observe()
    .await
    .unwrap();
}
