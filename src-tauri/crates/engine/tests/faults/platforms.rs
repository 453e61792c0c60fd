//! What platforms do wrong: refuse, break off, start and end again, tell nothing.

use crate::sim::{Home, report};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_connectors::{Change, Health};
use wakehub_domain::{Action, Capability, ConnectorError, ErrorKind, NodeKind, PowerState};
use wakehub_view::wire::{CascadeStatus, JournalQuery, PlanAnswer, Power, Snapshot, StepStatus};

async fn with_start_timeout(home: &Home, name: &str, seconds: u32) {
    let id = home.node(name).id;
    let mut entry = home.handle.node_entry(id).await.expect("entry");
    entry.start_timeout_seconds = Some(seconds);
    let saved = home.handle.save_node(Some(id), entry, vec![]).await;
    saved.expect("saved");
}

fn count(home: &Home, command: &str) -> usize {
    home.sim.asked().iter().filter(|a| *a == command).count()
}

async fn until_on(home: &Home, name: &str) {
    home.wait_for(&format!("{name} on"), |s| {
        s.nodes
            .iter()
            .any(|n| n.name == name && n.power == Power::On)
    })
    .await;
}

#[tokio::test]
async fn a_locked_guest_halts_at_once_and_is_not_asked_again() {
    let home = Home::reference().await;
    let locked = ConnectorError::new(
        ErrorKind::Rejected,
        "start lxc 101",
        "CT is locked (backup)",
    );
    home.sim
        .with(|s| s.fails.insert("start 101".to_owned(), locked));
    let ended = home.run(Action::Start, "lxc-jellyfin").await;
    assert_eq!(ended.status, CascadeStatus::Failed);
    assert_eq!(ended.failure.expect("why").message, "CT is locked (backup)");
    assert_eq!(count(&home, "start 101"), 1);
}

#[tokio::test]
async fn an_api_that_is_not_up_yet_is_asked_until_it_is() {
    let home = Home::reference().await;
    let early = ConnectorError::new(
        ErrorKind::Unreachable,
        "start lxc 101",
        "connection refused",
    );
    home.sim
        .with(|s| s.fails.insert("start 101".to_owned(), early));
    let answer = home
        .handle
        .run(home.ask(Action::Start, "lxc-jellyfin"))
        .await;
    home.wait_for("the refusal in the step", |s| {
        s.cascades.iter().flat_map(|c| &c.steps).any(|step| {
            step.status == StepStatus::Running
                && step
                    .detail
                    .as_deref()
                    .is_some_and(|d| d.contains("connection refused"))
        })
    })
    .await;
    home.sim.with(|s| s.fails.clear());
    let ended = home.ended(answer.expect("begun")).await;
    assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
    assert!(count(&home, "start 101") >= 2);
}

#[tokio::test]
async fn an_api_that_never_comes_up_times_out_with_its_last_words() {
    let home = Home::reference().await;
    with_start_timeout(&home, "lxc-jellyfin", 1).await;
    let early = ConnectorError::new(
        ErrorKind::Unreachable,
        "start lxc 101",
        "connection refused",
    );
    home.sim
        .with(|s| s.fails.insert("start 101".to_owned(), early));
    let ended = home.run(Action::Start, "lxc-jellyfin").await;
    let failure = ended.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::TimedOut);
    assert!(
        failure.message.contains("connection refused"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_container_that_ends_at_once_has_failed_and_says_so() {
    let home = Home::reference().await;
    home.sim
        .with(|s| s.ignores.insert("start pihole".to_owned()));
    let ended = home.run(Action::Start, "pihole").await;
    let failure = ended.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::Rejected);
    assert!(
        failure.message.contains("ended again"),
        "{}",
        failure.message
    );
    assert!(
        !failure.message.trim_end().ends_with(':'),
        "{}",
        failure.message
    );
    assert_eq!(count(&home, "start pihole"), 1);
}

#[tokio::test]
async fn a_container_that_stays_unhealthy_times_out_saying_so() {
    let home = Home::reference().await;
    with_start_timeout(&home, "pihole", 1).await;
    home.sim
        .with(|s| s.health.insert("pihole".to_owned(), Health::Unhealthy));
    let ended = home.run(Action::Start, "pihole").await;
    let failure = ended.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::TimedOut);
    assert!(failure.message.contains("unhealthy"), "{}", failure.message);
}

fn refused(what: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Unauthorised, what, "401 invalid token")
}

fn is_noted(snapshot: &Snapshot, name: &str, power: Power, note: &str) -> bool {
    snapshot.nodes.iter().any(|n| {
        n.name == name
            && n.power == power
            && n.note.as_deref().is_some_and(|said| said.contains(note))
    })
}

#[tokio::test]
async fn a_guest_whose_host_says_nothing_speaks_for_itself() {
    let home = Home::reference().await;
    for name in ["machine1", "100", "jellystat"] {
        home.sim.switch(name, true);
    }
    home.wait_and_look("jellystat", Power::On).await;

    // the token has expired; the Docker engine inside still answers
    home.sim.with(|s| {
        s.fails
            .insert("observe machine1".to_owned(), refused("list guests"))
    });
    home.look_until("vm-docker", |s| {
        is_noted(s, "vm-docker", Power::On, "machine1’s Proxmox API")
    })
    .await;
    home.sim.switch("jellystat", false);
    home.wait_and_look("jellystat", Power::Off).await;

    // nothing answers any more: unknown, each with its own reason
    home.sim.with(|s| {
        s.fails
            .insert("observe 100".to_owned(), refused("list containers"))
    });
    home.look_until("jellystat", |s| {
        is_noted(s, "jellystat", Power::Unknown, "vm-docker’s Docker API")
            && is_noted(s, "vm-docker", Power::Unknown, "machine1’s Proxmox API")
    })
    .await;
}

#[tokio::test]
async fn whatever_is_unknown_says_why() {
    let home = Home::reference().await;
    home.sim.switch("machine1", true);
    home.sim.with(|s| {
        s.fails
            .insert("observe machine1".to_owned(), refused("list guests"))
    });
    home.look_until("jellystat", |s| {
        is_noted(s, "jellystat", Power::Unknown, "vm-docker")
            && s.nodes
                .iter()
                .all(|n| n.power != Power::Unknown || n.note.is_some())
    })
    .await;
}

/// Answers each time that somebody begins to listen to the platform's events.
async fn listening(home: &Home) -> mpsc::UnboundedReceiver<()> {
    let (heard, listening) = mpsc::unbounded_channel();
    home.sim.with(|s| {
        s.tells.insert("raspberry".to_owned());
        s.hook = Some(Arc::new(move |sim| {
            if !sim.with(|s| s.ears.is_empty()) {
                let _ = heard.send(());
            }
        }));
    });
    home.run(Action::Start, "raspberry").await;
    listening
}

#[tokio::test]
async fn a_stream_of_events_that_ends_is_opened_again_and_what_was_missed_is_seen() {
    let home = Home::reference().await;
    let mut listening = listening(&home).await;
    listening.recv().await.expect("listens");
    home.sim.switch("pihole", true);
    let (ear, _end) = home
        .sim
        .with(|s| s.ears.remove("raspberry"))
        .expect("an ear");
    let mut on = report(NodeKind::Container, "pihole", "pihole", true);
    on.state = PowerState::On;
    ear.send(Change::Guest(on)).await.expect("told");
    drop(ear);
    until_on(&home, "pihole").await;

    // a stream that was open for a while has ended, as when the engine is restarted
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    tokio::time::resume();
    home.sim.switch("nextcloud", true);
    drop(_end);
    until_on(&home, "nextcloud").await;
    listening.recv().await.expect("listens again");
    assert_eq!(home.sim.with(|s| s.listened.len()), 2);
}

#[tokio::test]
async fn a_stream_of_events_that_ends_at_once_is_not_opened_in_a_loop() {
    let home = Home::reference().await;
    let mut listening = listening(&home).await;
    listening.recv().await.expect("listens");
    drop(home.sim.with(|s| s.ears.remove("raspberry")));
    // answers of the same connection go on arriving
    home.run(Action::Start, "pihole").await;
    home.run(Action::Start, "nextcloud").await;
    assert_eq!(home.sim.with(|s| s.listened.len()), 1);
}

/// The reference homelab with both its Proxmox machines on and lxc-jellyfin running on the second.
async fn cluster_of(members: &[(&str, &str)]) -> Home {
    let home = Home::reference().await;
    home.sim.with(|state| {
        for (machine, member) in members {
            state
                .cluster
                .insert((*machine).to_owned(), (*member).to_owned());
        }
    });
    home.run(Action::Start, "machine1").await;
    home.run(Action::Start, "lxc-jellyfin").await;
    until_on(&home, "lxc-jellyfin").await;
    home
}

const BOTH: [(&str, &str); 2] = [("machine1", "pve1"), ("machine2", "pve2")];

/// Until the machine's Proxmox API has answered once more.
async fn asked_anew(home: &Home, name: &str) {
    let node = home.node(name).id;
    let seen = |snapshot: &Snapshot| {
        let mut all = snapshot.connections.iter();
        let api = all.find(|c| c.node == node && c.capability == Capability::ProxmoxApi);
        api.expect("an API").seen
    };
    let before = seen(&home.handle.snapshot());
    let asking = async {
        loop {
            let _ = home.handle.plan(home.ask(Action::Stop, name)).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        () = asking => {}
        _ = home.wait_for("an answer", |s| seen(s) > before) => {}
    }
}

fn migrate(home: &Home, id: &str, to: &str) {
    home.sim.with(|state| {
        let guest = state.guests.iter_mut().find(|(_, _, known, _)| known == id);
        to.clone_into(&mut guest.expect("a guest").0);
    });
}

#[tokio::test]
async fn guests_of_the_whole_cluster_behind_each_api_stay_with_their_own_machine() {
    let home = cluster_of(&BOTH).await;
    let machine1 = home.node("machine1").id;
    let found = home.handle.discover(machine1).await.expect("asked");
    assert_eq!(
        found, 0,
        "those of machine2 are not machine1's to configure"
    );
    assert_eq!(
        home.node("lxc-jellyfin").host,
        Some(home.node("machine2").id)
    );
    // A guest that nobody configured keeps the machine on that it runs on, and no other.
    home.sim.with(|state| {
        let guest = ["machine2", "300", "backup"].map(str::to_owned);
        let [host, id, name] = guest;
        state.on.insert(id.clone());
        state.guests.push((host, NodeKind::Lxc, id, name));
    });
    home.handle.discover(machine1).await.expect("asked");
    home.wait_for("one to configure on machine2", |s| {
        let to_configure = |name: &str| {
            let node = s.nodes.iter().find(|node| node.name == name);
            node.map(|node| node.to_configure)
        };
        to_configure("machine2") == Some(1) && to_configure("machine1") == Some(0)
    })
    .await;
}

#[tokio::test]
async fn a_guest_that_migrates_is_followed_and_keeps_its_new_machine_on() {
    let home = cluster_of(&BOTH).await;
    migrate(&home, "101", "machine1");
    let machine1 = home.node("machine1").id;
    asked_anew(&home, "machine2").await;
    home.wait_for("the guest on machine1", |s| {
        s.nodes
            .iter()
            .any(|n| n.name == "lxc-jellyfin" && n.host == Some(machine1) && n.power == Power::On)
    })
    .await;
    let stop = |name: &str| home.handle.plan(home.ask(Action::Stop, name));
    let PlanAnswer::Plan { plan } = stop("machine2").await.expect("planned") else {
        panic!("machine2 is needed by nobody any longer");
    };
    assert!(plan.steps.iter().all(|s| s.node_name != "lxc-jellyfin"));
    let PlanAnswer::Plan { plan } = stop("machine1").await.expect("planned") else {
        panic!("a machine may be stopped with its guests");
    };
    let steps: Vec<_> = plan.steps.iter().map(|s| s.node_name.as_str()).collect();
    assert_eq!(steps.last(), Some(&"machine1"), "{steps:?}");
    assert!(steps.contains(&"lxc-jellyfin"), "{steps:?}");
    let lines = home.handle.journal(JournalQuery::default()).await;
    let lines = lines.expect("the journal");
    let followed = lines
        .iter()
        .find(|line| line.message == "followed lxc-jellyfin");
    assert_eq!(
        followed.and_then(|line| line.reason.as_deref()),
        Some("it migrated to machine1")
    );
}

#[tokio::test]
async fn a_machine_that_is_only_called_like_a_member_is_given_no_guest() {
    let home = cluster_of(&[("machine1", "pve1"), ("elsewhere", "pve2")]).await;
    migrate(&home, "102", "elsewhere");
    asked_anew(&home, "machine2").await;
    asked_anew(&home, "machine1").await;
    let machine1 = home.node("machine1").id;
    home.handle.discover(machine1).await.expect("asked");
    let host = home.node("vm-ubuntu").host;
    assert_eq!(host, Some(machine1));
    assert_eq!(home.node("machine2").to_configure, 0);
}
