//! "Keep it on until then": what a hold keeps on, how it ends, and what is asked when it has ended.

#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/sim.rs"]
mod sim;

use sim::{Home, Pocket, REFERENCE, Sim, open_at};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use wakehub_domain::{Action, Timestamp};
use wakehub_engine::{Clock, SystemClock};
use wakehub_view::wire::{Ask, CascadeStatus, JournalQuery, PlanAnswer, Power};

const TWO_HOURS: Duration = Duration::from_secs(2 * 60 * 60);

#[derive(Default)]
struct Jumping(AtomicI64);

impl Jumping {
    fn forward(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).expect("fits");
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }
}

async fn home(clock: &Arc<Jumping>) -> Home {
    let sim = Sim::reference();
    let folder = Arc::new(TempDir::new().expect("folder"));
    let secrets = Arc::new(Pocket::default());
    let handle = open_at(&sim, folder.path(), clock.clone(), secrets).await;
    let imported = handle.import(REFERENCE.to_owned()).await;
    imported.expect("imported");
    let home = Home {
        sim,
        handle,
        folder,
    };
    home.settled().await;
    home
}

async fn reopened(home: Home, clock: &Arc<Jumping>) -> Home {
    let Home {
        sim,
        handle,
        folder,
    } = home;
    handle.shut_down().await;
    drop(handle);
    let secrets = Arc::new(Pocket::default());
    let handle = open_at(&sim, folder.path(), clock.clone(), secrets).await;
    let home = Home {
        sim,
        handle,
        folder,
    };
    home.settled().await;
    home
}

async fn hold(home: &Home, name: &str) {
    let node = home.node(name).id;
    let held = home.handle.hold_for(node, TWO_HOURS).await;
    held.expect("held");
    home.wait_for("the hold", |s| {
        s.nodes
            .iter()
            .any(|n| n.name == name && n.held_until.is_some())
    })
    .await;
}

async fn until_released(home: &Home, name: &str) {
    home.wait_for("the end of the hold", |s| {
        s.nodes
            .iter()
            .any(|n| n.name == name && n.held_until.is_none())
    })
    .await;
}

async fn until_asked(home: &Home, name: &str) {
    home.wait_for("the question", |s| {
        s.questions.iter().any(|q| q.node_name == name)
    })
    .await;
}

/// Message and reason, oldest first.
async fn told(home: &Home) -> Vec<(String, String)> {
    let lines = home.handle.journal(JournalQuery::default()).await;
    let mut lines = lines.expect("journal");
    lines.reverse();
    lines
        .into_iter()
        .filter(|line| line.kind == "hold")
        .map(|line| (line.message, line.reason.unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn a_held_node_is_not_asked_about_until_its_time_is_over() {
    let clock = Arc::new(Jumping::default());
    let home = home(&clock).await;
    home.run(Action::Start, "lxc-jellyfin").await;
    hold(&home, "nas").await;
    let ended = home.run(Action::Stop, "lxc-jellyfin").await;
    assert_eq!(ended.status, CascadeStatus::Completed);
    assert!(home.handle.snapshot().questions.is_empty());

    clock.forward(TWO_HOURS - Duration::from_secs(60));
    home.wait_and_look("nas", Power::On).await;
    assert!(home.node("nas").held_until.is_some(), "a minute is left");
    clock.forward(Duration::from_secs(61));
    until_released(&home, "nas").await;
    until_asked(&home, "nas").await;
    let told = told(&home).await;
    let says = |message: &str, reason: &str| (message.to_owned(), reason.to_owned());
    assert_eq!(
        told,
        [
            says("nas is kept on for 2\u{a0}h", "you said so"),
            says("nas is no longer kept on", "its time is over"),
        ]
    );
}

#[tokio::test]
async fn a_hold_withdraws_the_question_and_its_release_asks_again() {
    let clock = Arc::new(Jumping::default());
    let home = home(&clock).await;
    home.run(Action::Start, "lxc-jellyfin").await;
    home.run(Action::Stop, "lxc-jellyfin").await;
    until_asked(&home, "nas").await;
    hold(&home, "nas").await;
    home.wait_for("the question's end", |s| s.questions.is_empty())
        .await;
    let nas = home.node("nas").id;
    home.handle.hold(nas, None).await.expect("released");
    until_released(&home, "nas").await;
    until_asked(&home, "nas").await;
    assert_eq!(home.node("nas").power, Power::On);
    // there is nothing to release any longer, and that is no error
    home.handle.hold(nas, None).await.expect("released");
}

#[tokio::test]
async fn what_a_held_node_needs_counts_as_needed() {
    let clock = Arc::new(Jumping::default());
    let home = home(&clock).await;
    home.run(Action::Start, "nextcloud").await;
    // off, and to be used soon
    hold(&home, "lxc-jellyfin").await;
    home.run(Action::Stop, "nextcloud").await;
    assert!(home.handle.snapshot().questions.is_empty());
    let ask = Ask {
        automatic: true,
        ..home.ask(Action::Stop, "nas")
    };
    let PlanAnswer::Refused { refusal } = home.handle.plan(ask).await.expect("answer") else {
        panic!("planned")
    };
    assert_eq!(refusal.by, ["lxc-jellyfin"]);
    clock.forward(TWO_HOURS);
    until_asked(&home, "nas").await;
}

#[tokio::test]
async fn a_hold_survives_a_restart_and_may_end_while_nobody_runs() {
    let clock = Arc::new(Jumping::default());
    let first = home(&clock).await;
    first.run(Action::Start, "lxc-jellyfin").await;
    hold(&first, "nas").await;
    let until = first.node("nas").held_until;
    let again = reopened(first, &clock).await;
    assert_eq!(again.node("nas").held_until, until);
    again.run(Action::Stop, "lxc-jellyfin").await;
    assert!(again.handle.snapshot().questions.is_empty());

    again.handle.shut_down().await;
    clock.forward(TWO_HOURS);
    let last = reopened(again, &clock).await;
    until_released(&last, "nas").await;
    until_asked(&last, "nas").await;
}

#[tokio::test]
async fn a_person_who_stops_it_ends_the_hold() {
    let clock = Arc::new(Jumping::default());
    let home = home(&clock).await;
    home.run(Action::Start, "lxc-jellyfin").await;
    hold(&home, "lxc-jellyfin").await;
    let ended = home.run(Action::Stop, "lxc-jellyfin").await;
    assert_eq!(ended.status, CascadeStatus::Completed);
    until_released(&home, "lxc-jellyfin").await;
    until_asked(&home, "nas").await;
    let last = told(&home).await.pop().expect("told");
    assert_eq!(last.1, "you stop it");
}

#[tokio::test]
async fn a_service_that_is_no_longer_held_is_left_alone() {
    let clock = Arc::new(Jumping::default());
    let home = home(&clock).await;
    home.run(Action::Start, "lxc-jellyfin").await;
    hold(&home, "lxc-jellyfin").await;
    clock.forward(TWO_HOURS);
    until_released(&home, "lxc-jellyfin").await;
    // a preview looks again, after whatever the end of the hold had begun
    home.wait_and_look("lxc-jellyfin", Power::On).await;
    assert!(home.handle.snapshot().questions.is_empty());
}

#[tokio::test]
async fn times_that_make_no_sense_are_refused() {
    let clock = Arc::new(Jumping::default());
    let home = home(&clock).await;
    let nas = home.node("nas").id;
    let now = clock.now();
    for until in [now, Timestamp(0), Timestamp(i64::MAX)] {
        let held = home.handle.hold(nas, Some(until)).await;
        assert!(held.is_err(), "{until:?}");
    }
    let gone = home.handle.hold(wakehub_domain::NodeId(999), None).await;
    assert!(gone.is_err());
    assert_eq!(home.node("nas").held_until, None);
}
