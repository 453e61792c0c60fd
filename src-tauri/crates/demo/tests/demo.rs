//! The real engine over the demo, as a newcomer meets it.

use std::sync::Arc;
use std::time::Duration;
use wakehub_demo::{CALM, Demo, Options, REFUSED, USUAL};
use wakehub_domain::{Action, NodeKind, SshAuth, SshConfig};
use wakehub_engine::Handle;
use wakehub_view::homelab::NodeEntry;
use wakehub_view::wire::{
    Ask, CascadeStatus, CascadeView, CheckOutcomeView, CheckView, ConnectionStatus, JournalQuery,
    NodeView, PlanAnswer, Power, RunAnswer, SecretEntry, Snapshot, StepStatus,
};

/// Hundred times as fast as in life; a machine boots in a tenth of a second.
fn quick() -> Options {
    Options {
        speed: 100.0,
        lived_in: false,
        ..Options::default()
    }
}

async fn furnished(options: Options) -> Demo {
    let demo = wakehub_demo::start(options).await.expect("started");
    wait_for(&demo.handle, "all nodes seen", |snapshot| {
        snapshot.nodes.iter().all(|n| n.power != Power::Unknown)
    })
    .await;
    demo
}

async fn wait_for(handle: &Handle, what: &str, seen: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let _looking = handle.attention();
    let mut snapshots = handle.snapshots();
    let found = snapshots.wait_for(|snapshot| seen(snapshot));
    match tokio::time::timeout(Duration::from_secs(60), found).await {
        Ok(Ok(snapshot)) => return snapshot.clone(),
        Ok(Err(_)) => panic!("the engine ended while waiting for {what}"),
        Err(_) => {}
    }
    panic!("never saw {what}; last: {:?}", handle.snapshot());
}

fn node(handle: &Handle, name: &str) -> NodeView {
    let snapshot = handle.snapshot();
    let found = snapshot.nodes.iter().find(|node| node.name == name);
    found.unwrap_or_else(|| panic!("no {name}")).clone()
}

fn ask(handle: &Handle, action: Action, name: &str) -> Ask {
    Ask {
        action,
        node: node(handle, name).id,
        with_dependants: false,
        automatic: false,
        queue: false,
    }
}

/// Runs to its end.
async fn go(handle: &Handle, action: Action, name: &str) -> CascadeView {
    let answer = handle.run(ask(handle, action, name)).await.expect("answer");
    ended(handle, answer).await
}

async fn ended(handle: &Handle, answer: RunAnswer) -> CascadeView {
    let RunAnswer::Started { cascade } = answer else {
        panic!("not begun: {answer:?}");
    };
    let of_it = |snapshot: &Snapshot| {
        let mut cascades = snapshot.cascades.iter();
        cascades
            .find(|c| c.id == cascade && c.ended.is_some())
            .cloned()
    };
    let snapshot = wait_for(handle, "its end", |snapshot| of_it(snapshot).is_some()).await;
    of_it(&snapshot).expect("seen")
}

fn steps(cascade: &CascadeView) -> Vec<&str> {
    cascade
        .steps
        .iter()
        .map(|step| step.node_name.as_str())
        .collect()
}

#[tokio::test]
async fn the_film_starts_with_all_that_it_needs() {
    let demo = furnished(quick()).await;
    let handle = &demo.handle;
    let plan = handle
        .plan(ask(handle, Action::Start, "lxc-jellyfin"))
        .await;
    let Ok(PlanAnswer::Plan { plan }) = plan else {
        panic!("no plan: {plan:?}");
    };
    let planned: Vec<_> = plan
        .steps
        .iter()
        .map(|step| step.node_name.as_str())
        .collect();
    assert_eq!(planned, ["nas", "machine2", "lxc-jellyfin"]);
    let cascade = go(handle, Action::Start, "lxc-jellyfin").await;
    assert_eq!(cascade.status, CascadeStatus::Completed, "{cascade:?}");
    assert_eq!(steps(&cascade), planned);
    assert!(
        cascade
            .steps
            .iter()
            .all(|step| step.status == StepStatus::Done)
    );
    for name in planned {
        assert_eq!(node(handle, name).power, Power::On, "{name}");
    }
    assert_eq!(
        handle.run(ask(handle, Action::Start, "lxc-jellyfin")).await,
        Ok(RunAnswer::NothingToDo)
    );
    if std::env::var_os(ALONE).is_some() {
        assert_eq!(sockets(), Vec::<String>::new());
    }
    handle.shut_down().await;
}

/// Set for a run in a network namespace of its own, whose sockets are all this test’s.
const ALONE: &str = "WAKEHUB_TEST_ALONE";

/// Every socket of this network namespace but those of Unix.
fn sockets() -> Vec<String> {
    let kinds = [
        "tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6", "icmp", "packet",
    ];
    let mut found = Vec::new();
    for kind in kinds {
        let table = std::fs::read_to_string(format!("/proc/self/net/{kind}"));
        let table = table.unwrap_or_default();
        found.extend(table.lines().skip(1).map(|line| format!("{kind}: {line}")));
    }
    found
}

/// The whole of a start, again, where there is no network at all: without even a loopback that is up.
#[cfg(target_os = "linux")]
#[test]
fn no_network_is_touched() {
    let unshare = |command: &std::path::Path, arguments: &[&str]| {
        std::process::Command::new("unshare")
            .args(["--net", "--map-root-user", "--"])
            .arg(command)
            .args(arguments)
            .env(ALONE, "1")
            .output()
    };
    match unshare("true".as_ref(), &[]) {
        Ok(tried) if tried.status.success() => {}
        tried => {
            assert!(
                std::env::var_os("CI").is_none(),
                "no network namespace: {tried:?}"
            );
            println!("SKIPPED: no network namespace of its own for the demo: {tried:?}");
            return;
        }
    }
    let test = [
        "the_film_starts_with_all_that_it_needs",
        "--exact",
        "--nocapture",
    ];
    let ran = unshare(&std::env::current_exe().expect("this test"), &test).expect("ran");
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && told.contains("1 passed"), "{ran:?}");
}

#[tokio::test]
async fn every_node_can_be_planned_and_the_reference_homelab_is_complete() {
    let demo = furnished(quick()).await;
    let handle = &demo.handle;
    let snapshot = handle.snapshot();
    assert_eq!(snapshot.nodes.len(), 14);
    assert!(
        snapshot
            .nodes
            .iter()
            .all(|node| node.missing_secrets.is_empty())
    );
    assert!(snapshot.nodes.iter().filter(|node| node.pinned).count() >= 4);
    for node in &snapshot.nodes {
        for action in [Action::Start, Action::Stop] {
            let planned = handle.plan(ask(handle, action, &node.name)).await;
            assert!(
                matches!(
                    &planned,
                    Ok(PlanAnswer::Plan { .. } | PlanAnswer::Refused { .. })
                ),
                "{}: {planned:?}",
                node.name
            );
        }
    }
    // all of it can run
    for name in [
        "sandbox",
        "qbittorrent",
        "nextcloud",
        "vm-ubuntu",
        "vm-homeassistant",
        "lxc-cloudflared",
    ] {
        let mut cascade = go(handle, Action::Start, name).await;
        if cascade.status == CascadeStatus::Failed {
            let answer = handle.resume(cascade.id).await.expect("retried");
            cascade = ended(handle, answer).await;
        }
        assert_eq!(
            cascade.status,
            CascadeStatus::Completed,
            "{name}: {cascade:?}"
        );
    }
    let snapshot = wait_for(handle, "everything on", |snapshot| {
        snapshot.nodes.iter().all(|node| node.power == Power::On)
    });
    assert_eq!(snapshot.await.notices, []);
    handle.shut_down().await;
}

#[tokio::test]
async fn what_is_stopped_goes_off_with_what_it_hosts() {
    let demo = furnished(Options {
        seed: CALM,
        ..quick()
    })
    .await;
    let handle = &demo.handle;
    go(handle, Action::Start, "lxc-jellyfin").await;
    let cascade = go(handle, Action::Stop, "machine2").await;
    assert_eq!(cascade.status, CascadeStatus::Completed, "{cascade:?}");
    wait_for(handle, "jellyfin and its machine off", |snapshot| {
        let off = |name| {
            let mut nodes = snapshot.nodes.iter();
            nodes.any(|node| node.name == name && node.power == Power::Off)
        };
        off("lxc-jellyfin") && off("machine2")
    })
    .await;
    handle.shut_down().await;
}

#[tokio::test]
async fn a_backup_locks_a_guest_once_and_retry_works() {
    let demo = furnished(quick()).await;
    let handle = &demo.handle;
    let failed = go(handle, Action::Start, "vm-ubuntu").await;
    assert_eq!(failed.status, CascadeStatus::Failed);
    let failure = failed.failure.expect("a failure");
    assert_eq!(failure.message, "VM is locked (backup)");
    assert!(!failure.advice.is_empty());
    let answer = handle.resume(failed.id).await.expect("retried");
    let cascade = ended(handle, answer).await;
    assert_eq!(cascade.status, CascadeStatus::Completed, "{cascade:?}");
    // and now its host key waits to be accepted
    let snapshot = wait_for(handle, "an unknown host key", |snapshot| {
        snapshot.connections.iter().any(|connection| {
            let failure = connection.failure.as_ref();
            failure.is_some_and(|failure| failure.presented.is_some())
        })
    })
    .await;
    let ubuntu = node(handle, "vm-ubuntu").id;
    let mut connections = snapshot.connections.iter();
    let waiting = connections.find(|connection| connection.failure.is_some());
    let waiting = waiting.expect("one fails");
    assert_eq!(waiting.node, ubuntu);
    let failure = waiting.failure.clone().expect("fails");
    let presented = failure.presented.expect("presented");
    handle.accept(presented).await.expect("accepted");
    wait_for(handle, "an answer", |snapshot| {
        let mut connections = snapshot.connections.iter();
        connections.any(|c| c.node == ubuntu && c.status == ConnectionStatus::Answers)
    })
    .await;
    handle.shut_down().await;
}

#[tokio::test]
async fn a_container_exits_with_its_last_words_and_retry_works() {
    let demo = furnished(quick()).await;
    let handle = &demo.handle;
    let failed = go(handle, Action::Start, "sandbox").await;
    assert_eq!(failed.status, CascadeStatus::Failed);
    let message = failed.failure.expect("a failure").message;
    assert!(message.contains("exited at once with code 1"), "{message}");
    assert!(message.contains("could not lock config file"), "{message}");
    // what is up stays up
    assert_eq!(node(handle, "lxc-jellyfin").power, Power::On);
    let answer = handle.resume(failed.id).await.expect("retried");
    let cascade = ended(handle, answer).await;
    assert_eq!(cascade.status, CascadeStatus::Completed, "{cascade:?}");
    assert_eq!(steps(&cascade), ["sandbox"]);
    handle.shut_down().await;
}

#[tokio::test]
async fn guests_wait_to_be_configured() {
    let demo = furnished(quick()).await;
    let handle = &demo.handle;
    let snapshot = wait_for(handle, "what is not configured", |s| {
        s.discovered.len() == 3
    })
    .await;
    let of = |name: &str| {
        let mut found = snapshot.discovered.iter();
        found.find(|guest| guest.name == name).expect(name).clone()
    };
    assert_eq!(of("uptime-kuma").entry.host.as_deref(), Some("raspberry"));
    assert_eq!(of("lxc-wiki").kind, NodeKind::Lxc);
    let sonarr = of("sonarr");
    assert_eq!(sonarr.entry.depends_on, ["qbittorrent"]);
    assert_eq!(sonarr.compose.as_deref(), Some("mediastack / sonarr"));
    handle
        .save_node(None, sonarr.entry, Vec::new())
        .await
        .expect("saved");
    let cascade = go(handle, Action::Start, "sonarr").await;
    assert_eq!(cascade.status, CascadeStatus::Completed, "{cascade:?}");
    assert_eq!(steps(&cascade), ["nas", "qbittorrent", "sonarr"]);
    handle.shut_down().await;
}

fn machine3(name: &str) -> NodeEntry {
    let mut entry = NodeEntry::new(name, NodeKind::Machine);
    entry.address = Some("10.77.0.5".to_owned());
    entry.mac = Some("52:54:00:00:00:05".to_owned());
    entry.ssh = Some(SshConfig {
        user: "root".to_owned(),
        auth: SshAuth::Password,
        key_file: None,
        port: 22,
        jump: None,
    });
    entry.proxmox_api = Some(wakehub_domain::ProxmoxConfig {
        url: "https://10.77.0.5:8006".to_owned(),
        node: "pve3".to_owned(),
        token_id: Some("root@pam!wakehub".to_owned()),
        user: None,
    });
    entry
}

async fn tested(handle: &Handle, entry: &NodeEntry, secret: &str) -> Vec<CheckView> {
    use wakehub_domain::SecretName;
    let secrets = [SecretName::SshPassword, SecretName::ProxmoxToken].map(|name| SecretEntry {
        name,
        value: secret.to_owned(),
    });
    let (sender, mut shown) = tokio::sync::mpsc::channel(64);
    let all = handle
        .test_connection(None, entry.clone(), secrets.to_vec(), sender)
        .await
        .expect("tested");
    let mut seen = Vec::new();
    while let Some(check) = shown.recv().await {
        seen.push(check);
    }
    assert_eq!(seen, all);
    all
}

/// From nothing to a pinned guest that runs: what the window's first run does.
#[tokio::test]
async fn a_machine_is_added_tested_discovered_and_its_guest_started() {
    let demo = wakehub_demo::start(Options {
        empty: true,
        ..quick()
    })
    .await
    .expect("started");
    let handle = &demo.handle;
    assert!(handle.snapshot().nodes.is_empty());
    let entry = machine3("machine3");

    let refused = tested(handle, &entry, "hunter2").await;
    let presented: Vec<_> = refused
        .iter()
        .filter_map(|check| check.presented.clone())
        .collect();
    assert_eq!(presented.len(), 2, "{refused:?}");
    for presented in presented {
        handle.accept(presented).await.expect("accepted");
    }
    let wrong = tested(handle, &entry, REFUSED).await;
    let failed: Vec<_> = wrong
        .iter()
        .filter(|check| check.outcome == CheckOutcomeView::Failed)
        .map(|check| check.what.as_str())
        .collect();
    assert_eq!(failed, ["login", "login"], "{wrong:?}");
    let right = tested(handle, &entry, "hunter2").await;
    assert!(
        right
            .iter()
            .all(|check| check.outcome == CheckOutcomeView::Passed),
        "{right:?}"
    );

    use wakehub_domain::SecretName;
    let secrets = [SecretName::SshPassword, SecretName::ProxmoxToken].map(|name| SecretEntry {
        name,
        value: "hunter2".to_owned(),
    });
    let machine = handle
        .save_node(None, entry, secrets.to_vec())
        .await
        .expect("saved");
    assert_eq!(handle.discover(machine).await, Ok(3));
    let snapshot = wait_for(handle, "its guests", |s| s.discovered.len() == 3).await;
    for guest in &snapshot.discovered {
        handle
            .save_node(None, guest.entry.clone(), Vec::new())
            .await
            .expect("saved");
    }
    let photos = node(handle, "lxc-photos").id;
    handle.set_pinned(photos, true).await.expect("pinned");
    let cascade = go(handle, Action::Start, "lxc-photos").await;
    assert_eq!(cascade.status, CascadeStatus::Completed, "{cascade:?}");
    let snapshot = wait_for(handle, "photos on", |snapshot| {
        snapshot
            .nodes
            .iter()
            .any(|n| n.id == photos && n.power == Power::On && n.pinned)
    });
    snapshot.await;
    handle.shut_down().await;
}

#[tokio::test]
async fn somebody_else_uses_the_homelab_and_the_journal_says_so() {
    let demo = furnished(Options {
        lived_in: true,
        speed: 2000.0,
        ..quick()
    })
    .await;
    let handle = &demo.handle;
    let before = handle
        .journal(JournalQuery::default())
        .await
        .expect("journal")
        .len();
    let is_on = |snapshot: &Snapshot| {
        let jellystat = snapshot.nodes.iter().find(|node| node.name == "jellystat");
        jellystat.is_some_and(|node| node.power == Power::On)
    };
    wait_for(handle, "jellystat off", |snapshot| !is_on(snapshot)).await;
    wait_for(handle, "jellystat on", is_on).await;
    let after = handle
        .journal(JournalQuery::default())
        .await
        .expect("journal");
    assert!(after.len() > before, "{after:?}");
    handle.shut_down().await;
}

#[tokio::test]
async fn a_temporary_demo_leaves_nothing_and_a_kept_one_goes_on() {
    let demo = furnished(quick()).await;
    let folder = demo.folder().to_owned();
    assert!(folder.join("wakehub.db").exists());
    demo.handle.shut_down().await;
    drop(demo);
    assert!(!folder.exists());

    let kept = tempfile::TempDir::new().expect("folder");
    let options = || Options {
        folder: Some(kept.path().join("demo")),
        ..quick()
    };
    let demo = furnished(options()).await;
    let sandbox = node(&demo.handle, "sandbox").id;
    demo.handle.remove_node(sandbox).await.expect("removed");
    demo.handle.shut_down().await;
    drop(demo);
    let demo = furnished(options()).await;
    let snapshot = wait_for(&demo.handle, "no secret missing", |snapshot| {
        snapshot
            .nodes
            .iter()
            .all(|node| node.missing_secrets.is_empty())
    })
    .await;
    assert_eq!(snapshot.nodes.len(), 13);
    demo.handle.shut_down().await;
}

#[tokio::test]
async fn a_real_homelab_is_not_made_a_demo() {
    let folder = tempfile::TempDir::new().expect("folder");
    std::fs::write(folder.path().join("wakehub.db"), "").expect("written");
    let options = Options {
        folder: Some(folder.path().to_owned()),
        ..quick()
    };
    let refused = wakehub_demo::start(options).await.err().expect("refused");
    assert!(refused.to_string().contains("no demo"), "{refused}");
    assert!(!wakehub_demo::is_demo(folder.path()));
}

#[test]
fn the_usual_demo_has_mishaps() {
    assert_ne!(USUAL, CALM);
    assert_eq!(Options::default().seed, USUAL);
}

#[tokio::test]
async fn what_is_on_is_measured_and_judged() {
    let demo = furnished(quick()).await;
    let handle = &demo.handle;
    let looked = async {
        loop {
            let why = handle.why(node(handle, "jellystat").id).await.expect("why");
            if let Some(idle) = why.idle.filter(|idle| idle.verdict.is_some()) {
                return idle;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let idle = tokio::time::timeout(Duration::from_secs(60), looked).await;
    let idle = idle.expect("a look");
    assert_eq!(idle.unmeasured, Vec::<String>::new());
    assert_eq!(idle.timeout_s, 3600);
    assert_eq!(idle.samples, 1);
    assert!(
        handle
            .why(node(handle, "vm-ubuntu").id)
            .await
            .is_ok_and(|why| why
                .idle
                .is_some_and(|idle| idle.enabled && idle.at.is_none())),
        "off, and with a rule"
    );
    handle.shut_down().await;
}
