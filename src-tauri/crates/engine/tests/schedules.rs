//! Starts and stops by the clock: what is due, what was missed, what a restart knows, and days on which the clock is changed.

#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/sim.rs"]
mod sim;

use jiff::tz::TimeZone;
use sim::{Home, Pocket, REFERENCE, Sim, open_at};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use wakehub_domain::{Action, Timestamp};
use wakehub_engine::{Clock, SystemClock};
use wakehub_view::wire::{Answer, JournalQuery, Power, QuestionView, ScheduledView, Snapshot};

/// It goes on from where it is set, in Paris.
struct Wall(AtomicI64);

impl Wall {
    fn at(text: &str) -> Arc<Wall> {
        let wall = Arc::new(Wall(AtomicI64::new(0)));
        wall.set(text);
        wall
    }

    fn set(&self, text: &str) {
        let offset = moment(text).0 - SystemClock.now().0;
        self.0.store(offset, Ordering::SeqCst);
    }
}

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }

    fn zone(&self) -> TimeZone {
        paris()
    }
}

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").expect("a zone")
}

/// `2026-06-05T18:00` in Paris, or a moment with its offset.
fn moment(text: &str) -> Timestamp {
    let moment = text.parse::<jiff::Timestamp>().unwrap_or_else(|_| {
        let civil: jiff::civil::DateTime = text.parse().expect("a time");
        civil.to_zoned(paris()).expect("a moment").timestamp()
    });
    Timestamp(moment.as_millisecond())
}

/// The reference homelab with these lines at these nodes, and what is on in it.
async fn home(clock: &Arc<Wall>, lines: &[(&str, &str)], on: &[&str]) -> Home {
    let sim = Sim::reference();
    for key in on {
        sim.switch(key, true);
    }
    let mut homelab = REFERENCE.to_owned();
    for (name, line) in lines {
        let named = format!("name = \"{name}\"\n");
        assert!(homelab.contains(&named), "{name}");
        homelab = homelab.replace(&named, &format!("{named}{line}\n"));
    }
    let folder = Arc::new(TempDir::new().expect("folder"));
    let secrets = Arc::new(Pocket::default());
    let handle = open_at(&sim, folder.path(), clock.clone(), secrets).await;
    handle.import(homelab).await.expect("imported");
    let home = Home {
        sim,
        handle,
        folder,
    };
    home.settled().await;
    home
}

async fn closed(home: Home) -> (Sim, Arc<TempDir>) {
    home.handle.shut_down().await;
    (home.sim, home.folder)
}

async fn opened((sim, folder): (Sim, Arc<TempDir>), clock: &Arc<Wall>) -> Home {
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

fn question(snapshot: &Snapshot, name: &str) -> Option<QuestionView> {
    let mut questions = snapshot.questions.iter();
    questions.find(|one| one.node_name == name).cloned()
}

async fn until_asked(home: &Home, name: &str) -> QuestionView {
    let seen = home
        .wait_for("a question", |s| question(s, name).is_some())
        .await;
    question(&seen, name).expect("just seen")
}

async fn until_on(home: &Home, name: &str) {
    home.wait_for("on", |s| {
        s.nodes
            .iter()
            .any(|n| n.name == name && n.power == Power::On)
    })
    .await;
}

/// Until the next time of the node is another one: what was due is dealt with.
async fn until_next(home: &Home, name: &str, next: &[ScheduledView]) {
    let seen = |s: &Snapshot| {
        let node = s.nodes.iter().find(|n| n.name == name);
        node.is_some_and(|n| n.next_scheduled == next)
    };
    home.wait_for("the next time", seen).await;
}

fn start(at: &str) -> ScheduledView {
    ScheduledView {
        at: moment(at),
        action: Action::Start,
    }
}

fn stop(at: &str) -> ScheduledView {
    ScheduledView {
        at: moment(at),
        action: Action::Stop,
    }
}

async fn journal(home: &Home, name: &str) -> Vec<(String, String)> {
    let query = JournalQuery {
        node: Some(home.node(name).id),
        limit: Some(50),
        ..JournalQuery::default()
    };
    let lines = home.handle.journal(query).await.expect("journal");
    lines
        .into_iter()
        .map(|line| (line.message, line.reason.unwrap_or_default()))
        .collect()
}

/// Until the journal of the node has such a line.
async fn until_told(home: &Home, name: &str, message: &str, reason: &str) {
    let told = async {
        while !journal(home, name)
            .await
            .iter()
            .any(|line| line.0 == message && line.1.contains(reason))
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), told).await;
    assert!(waited.is_ok(), "{message}: {:?}", journal(home, name).await);
}

fn wakes(home: &Home) -> usize {
    let asked = home.sim.asked();
    asked.iter().filter(|one| *one == "wake nas").count()
}

const EVENING: &str = r#"schedules = [{ action = "start", cron = "0 18 * * 1-5" }]"#;
const NIGHT: &str = r#"schedules = [{ action = "stop", cron = "30 23 * * *" }]"#;

// 5 June 2026 is a Friday

#[tokio::test]
async fn what_is_due_starts_with_all_that_it_needs() {
    let clock = Wall::at("2026-06-05T17:59:00");
    let jellyfin = r#"schedules = [{ action = "start", cron = "0 18 * * 1-5" }]"#;
    let home = home(&clock, &[("lxc-jellyfin", jellyfin)], &[]).await;
    until_next(&home, "lxc-jellyfin", &[start("2026-06-05T18:00")]).await;
    let why = home.handle.why(home.node("lxc-jellyfin").id).await;
    assert_eq!(
        why.expect("an answer").next_scheduled,
        [start("2026-06-05T18:00")]
    );
    clock.set("2026-06-05T18:00:00");
    until_on(&home, "lxc-jellyfin").await;
    // Monday
    until_next(&home, "lxc-jellyfin", &[start("2026-06-08T18:00")]).await;
    assert_eq!(wakes(&home), 1);
    let reason = "by its schedule: every weekday at 18:00";
    until_told(
        &home,
        "lxc-jellyfin",
        "lxc-jellyfin is to be started",
        reason,
    )
    .await;
    let snapshot = home.handle.snapshot();
    assert!(snapshot.cascades.iter().all(|cascade| cascade.automatic));
}

#[tokio::test]
async fn a_stop_asks_like_any_other() {
    let clock = Wall::at("2026-06-05T23:29:00");
    let home = home(&clock, &[("nas", NIGHT)], &["nas"]).await;
    until_next(&home, "nas", &[stop("2026-06-05T23:30")]).await;
    clock.set("2026-06-05T23:30:00");
    let asked = until_asked(&home, "nas").await;
    assert_eq!(asked.reason, "by its schedule: every day at 23:30");
    home.handle
        .answer(asked.id, Answer::ShutDown)
        .await
        .expect("answered");
    home.wait_and_look("nas", Power::Off).await;
    until_next(&home, "nas", &[stop("2026-06-06T23:30")]).await;
}

#[tokio::test]
async fn a_stop_respects_who_needs_it_and_is_tried_again() {
    let clock = Wall::at("2026-06-05T23:29:00");
    let on = ["nas", "machine2", "101"];
    let home = home(&clock, &[("nas", NIGHT)], &on).await;
    clock.set("2026-06-05T23:30:00");
    until_told(&home, "nas", "nas stays on", "needed by lxc-jellyfin").await;
    assert!(question(&home.handle.snapshot(), "nas").is_none());

    // a restart does not forget it
    let closed = closed(home).await;
    let home = opened(closed, &clock).await;
    home.sim.switch("101", false);
    home.wait_and_look("lxc-jellyfin", Power::Off).await;
    clock.set("2026-06-05T23:36:00");
    let asked = until_asked(&home, "nas").await;
    assert_eq!(asked.reason, "by its schedule: every day at 23:30");
    assert!(!home.sim.asked().iter().any(|asked| asked == "stop nas"));
}

#[tokio::test]
async fn what_is_refused_for_an_hour_is_given_up() {
    let clock = Wall::at("2026-06-05T23:29:00");
    let home = home(&clock, &[("nas", NIGHT)], &["nas", "machine2", "101"]).await;
    clock.set("2026-06-05T23:30:00");
    until_told(&home, "nas", "nas stays on", "needed by lxc-jellyfin").await;
    clock.set("2026-06-06T00:31:00");
    let message = "nas stays on: its scheduled stop is no longer tried";
    until_told(&home, "nas", message, "every day at 23:30").await;
}

#[tokio::test]
async fn a_stop_waits_for_its_window() {
    let clock = Wall::at("2026-06-05T23:29:00");
    let window = format!("{NIGHT}\nauto_stop_windows = [{{ from = \"23:40\", to = \"07:00\" }}]");
    let home = home(&clock, &[("nas", &window)], &["nas"]).await;
    clock.set("2026-06-05T23:30:00");
    let reason = "automatic stops are allowed from 23:40 to 07:00";
    until_told(&home, "nas", "nas stays on", reason).await;
    assert!(question(&home.handle.snapshot(), "nas").is_none());
    clock.set("2026-06-05T23:41:00");
    until_asked(&home, "nas").await;
}

#[tokio::test]
async fn a_start_that_was_slept_through_is_made_up_for_within_an_hour() {
    let clock = Wall::at("2026-06-05T17:00:00");
    let home = home(&clock, &[("nas", EVENING)], &[]).await;
    until_next(&home, "nas", &[start("2026-06-05T18:00")]).await;
    clock.set("2026-06-05T18:40:00");
    until_on(&home, "nas").await;
}

#[tokio::test]
async fn a_start_that_is_too_late_is_left_out_and_told() {
    let clock = Wall::at("2026-06-05T17:00:00");
    let home = home(&clock, &[("nas", EVENING)], &[]).await;
    until_next(&home, "nas", &[start("2026-06-05T18:00")]).await;
    clock.set("2026-06-05T20:00:00");
    let reason = "it was due while WakeHub was off or this computer slept: every weekday at 18:00";
    until_told(
        &home,
        "nas",
        "the scheduled start of nas was missed",
        reason,
    )
    .await;
    until_next(&home, "nas", &[start("2026-06-08T18:00")]).await;
    assert_eq!(wakes(&home), 0);
}

#[tokio::test]
async fn a_stop_that_was_slept_through_is_left_out_unless_it_is_to_be_made_up_for() {
    let clock = Wall::at("2026-06-05T23:00:00");
    let patient =
        r#"schedules = [{ action = "stop", cron = "30 23 * * *", catch_up_minutes = 60 }]"#;
    let on = ["nas", "raspberry"];
    let home = home(&clock, &[("nas", NIGHT), ("raspberry", patient)], &on).await;
    until_next(&home, "nas", &[stop("2026-06-05T23:30")]).await;
    clock.set("2026-06-06T00:10:00");
    until_asked(&home, "raspberry").await;
    let message = "the scheduled stop of nas was missed";
    until_told(&home, "nas", message, "every day at 23:30").await;
    assert!(question(&home.handle.snapshot(), "nas").is_none());
}

#[tokio::test]
async fn of_all_that_was_missed_the_last_counts() {
    let clock = Wall::at("2026-06-05T17:00:00");
    let both = r#"schedules = [
        { action = "start", cron = "0 18 * * *", catch_up_minutes = 1440 },
        { action = "stop", cron = "0 22 * * *" },
    ]"#;
    let home = home(&clock, &[("nas", both)], &[]).await;
    let (on, off) = (start("2026-06-05T18:00"), stop("2026-06-05T22:00"));
    until_next(&home, "nas", &[on, off]).await;
    clock.set("2026-06-05T23:00:00");
    let message = "the scheduled stop of nas was missed";
    until_told(&home, "nas", message, "every day at 22:00").await;
    assert_eq!(wakes(&home), 0);
}

#[tokio::test]
async fn a_restart_neither_repeats_nor_forgets() {
    let clock = Wall::at("2026-06-05T17:59:00");
    let home = home(&clock, &[("nas", EVENING)], &[]).await;
    clock.set("2026-06-05T18:00:00");
    until_on(&home, "nas").await;
    until_next(&home, "nas", &[start("2026-06-08T18:00")]).await;
    assert_eq!(wakes(&home), 1);

    home.sim.switch("nas", false);
    let left = closed(home).await;
    clock.set("2026-06-05T18:10:00");
    let home = opened(left, &clock).await;
    until_next(&home, "nas", &[start("2026-06-08T18:00")]).await;
    assert_eq!(wakes(&home), 1);

    // WakeHub is off when it is due
    let left = closed(home).await;
    clock.set("2026-06-08T18:20:00");
    let home = opened(left, &clock).await;
    until_on(&home, "nas").await;
    assert_eq!(wakes(&home), 2);
}

#[tokio::test]
async fn what_is_set_now_is_not_due_before() {
    let clock = Wall::at("2026-06-05T18:10:00");
    let home = home(&clock, &[("nas", EVENING)], &[]).await;
    until_next(&home, "nas", &[start("2026-06-08T18:00")]).await;
    let left = closed(home).await;
    clock.set("2026-06-05T18:20:00");
    let home = opened(left, &clock).await;
    until_next(&home, "nas", &[start("2026-06-08T18:00")]).await;
    assert_eq!(wakes(&home), 0);
}

#[tokio::test]
async fn a_start_takes_the_question_of_a_stop_back() {
    let clock = Wall::at("2026-06-05T23:29:00");
    let both = r#"schedules = [
        { action = "stop", cron = "30 23 * * *" },
        { action = "start", cron = "0 7 * * *" },
    ]"#;
    let home = home(&clock, &[("nas", both)], &["nas"]).await;
    clock.set("2026-06-05T23:30:00");
    until_asked(&home, "nas").await;
    clock.set("2026-06-06T07:00:00");
    home.wait_for("no question", |s| question(s, "nas").is_none())
        .await;
    let reason = "by its schedule: every day at 07:00";
    until_told(&home, "nas", "nas is no longer asked about", reason).await;
}

const EARLY: &str = r#"schedules = [{ action = "start", cron = "30 2 * * *" }]"#;

#[tokio::test]
async fn a_time_that_the_clock_leaves_out_comes_after_it() {
    // the clock goes from 02:00 to 03:00
    let clock = Wall::at("2026-03-29T00:58:00Z");
    let home = home(&clock, &[("nas", EARLY)], &[]).await;
    until_next(&home, "nas", &[start("2026-03-29T01:00:00Z")]).await;
    clock.set("2026-03-29T01:00:00Z");
    until_on(&home, "nas").await;
    until_next(&home, "nas", &[start("2026-03-30T00:30:00Z")]).await;
}

#[tokio::test]
async fn a_time_that_the_clock_shows_twice_comes_once() {
    // the clock goes from 03:00 back to 02:00
    let clock = Wall::at("2026-10-25T00:28:00Z");
    let home = home(&clock, &[("nas", EARLY)], &[]).await;
    until_next(&home, "nas", &[start("2026-10-25T00:30:00Z")]).await;
    clock.set("2026-10-25T00:30:00Z");
    until_on(&home, "nas").await;
    until_next(&home, "nas", &[start("2026-10-26T01:30:00Z")]).await;
    assert_eq!(wakes(&home), 1);
}
