//! What platforms do wrong: refuse, break off, start and end again, tell nothing.

use crate::sim::{Home, report};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_connectors::{Change, Health};
use wakehub_domain::{Action, ConnectorError, ErrorKind, NodeKind, PowerState};
use wakehub_view::wire::{CascadeStatus, Power, StepStatus};

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
