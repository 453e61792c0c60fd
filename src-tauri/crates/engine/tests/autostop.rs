//! Stops that nobody is asked about: a minute's notice, and then off, unless somebody objects, uses it or needs it.

#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/clockwork.rs"]
mod clockwork;
#[path = "support/fast.rs"]
mod fast;
#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/sim.rs"]
mod sim;

use fast::{VM, home, home_that, journal, open, question, until_sampled, why};
use sim::Home;
use std::time::Duration;
use wakehub_domain::Action;
use wakehub_view::wire::{Answer, Power, QuestionView, RunAnswer, Snapshot};

const SHARE: [&str; 4] = ["machine1", "100", "qbittorrent", "nas"];

fn is(snapshot: &Snapshot, name: &str, power: Power) -> bool {
    let mut nodes = snapshot.nodes.iter();
    nodes.any(|node| node.name == name && node.power == power)
}

async fn given_notice(home: &Home, name: &str) -> QuestionView {
    let seen = home
        .wait_for("a notice", |s| question(s, name).is_some())
        .await;
    let notice = question(&seen, name).expect("just seen");
    let stops_at = notice.stops_at.expect("a minute to object");
    assert_eq!(stops_at.since(notice.asked_at), Duration::from_secs(60));
    notice
}

#[test]
fn what_need_not_be_asked_about_is_stopped_a_minute_after_the_notice() {
    clockwork::by_itself(async {
        let home = home_that(false, &["jellystat"], &VM, &[]).await;
        given_notice(&home, "jellystat").await;
        // it runs on through the whole minute
        let seen = home
            .wait_for("it off", |s| is(s, "jellystat", Power::Off))
            .await;
        assert!(question(&seen, "jellystat").is_none());
        let stop = seen.cascades.iter().find(|c| c.node_name == "jellystat");
        let stop = stop.expect("a cascade");
        assert!(stop.automatic && stop.action == Action::Stop, "{stop:?}");
        let lines = journal(&home, "jellystat").await;
        let notice = lines
            .iter()
            .find(|(said, _)| said.contains("is to be shut down in a minute"));
        let (_, why) = notice.expect("told before");
        assert!(why.starts_with("it has not been used for"), "{lines:?}");
        assert!(
            lines.iter().any(|(_, why)| why == "it is not used"),
            "{lines:?}"
        );
    });
}

#[test]
fn whoever_uses_it_within_the_minute_keeps_it_on() {
    clockwork::by_itself(async {
        let home = home_that(false, &["jellystat"], &VM, &[]).await;
        given_notice(&home, "jellystat").await;
        home.sim.with(|s| s.busy.insert("jellystat".to_owned()));
        home.wait_for("the notice taken back", |s| {
            question(s, "jellystat").is_none()
        })
        .await;
        until_sampled(&home, "100", 3).await;
        assert_eq!(home.node("jellystat").power, Power::On);
        let lines = journal(&home, "jellystat").await;
        let kept = lines
            .iter()
            .find(|(said, why)| said == "jellystat stays on" && why.contains("is used again"));
        assert!(kept.is_some(), "{lines:?}");
        assert!(!home.sim.asked().contains(&"stop jellystat".to_owned()));
    });
}

#[test]
fn what_cannot_be_measured_within_the_minute_stays_on() {
    clockwork::by_itself(async {
        let home = home_that(false, &["jellystat"], &VM, &[]).await;
        given_notice(&home, "jellystat").await;
        home.sim.with(|s| {
            let error = wakehub_domain::ConnectorError::new(
                wakehub_domain::ErrorKind::TimedOut,
                "measure",
                "no answer",
            );
            s.fails.insert("sample 100".to_owned(), error)
        });
        home.wait_for("the notice taken back", |s| {
            question(s, "jellystat").is_none()
        })
        .await;
        assert_eq!(home.node("jellystat").power, Power::On);
        let lines = journal(&home, "jellystat").await;
        let kept = lines.iter().find(|(said, why)| {
            said == "jellystat stays on" && why.contains("nobody can say that it is not used")
        });
        assert!(kept.is_some(), "{lines:?}");
        // and the page says what was not measured
        let idle = why(&home, "jellystat").await.idle.expect("a rule");
        assert!(
            idle.unmeasured.iter().any(|why| why.contains("no answer")),
            "{idle:?}"
        );
    });
}

#[test]
fn an_objection_keeps_it_on_and_snoozing_holds_it_for_an_hour() {
    clockwork::by_itself(async {
        let home = home_that(false, &["jellystat"], &VM, &[]).await;
        let notice = given_notice(&home, "jellystat").await;
        home.handle
            .answer(notice.id, Answer::KeepOn)
            .await
            .expect("answered");
        let again = given_notice(&home, "jellystat").await;
        assert!(again.asked_at.since(notice.asked_at) >= Duration::from_secs(60));
        home.handle
            .answer(again.id, Answer::Snooze)
            .await
            .expect("answered");
        let held = home.node("jellystat").held_until.expect("held");
        let hour = held.since(again.asked_at).as_secs();
        assert!((3600..3700).contains(&hour), "{hour}");
        until_sampled(&home, "100", 3).await;
        let snapshot = home.handle.snapshot();
        assert!(question(&snapshot, "jellystat").is_none());
        assert!(is(&snapshot, "jellystat", Power::On));
        // released, it is asked about at once, for it has been quiet all along
        let node = home.node("jellystat").id;
        home.handle.hold(node, None).await.expect("released");
        let third = given_notice(&home, "jellystat").await;
        home.handle
            .answer(third.id, Answer::AlwaysKeepOn)
            .await
            .expect("answered");
        assert!(home.node("jellystat").always_on);
        until_sampled(&home, "100", 3).await;
        let snapshot = home.handle.snapshot();
        assert!(question(&snapshot, "jellystat").is_none());
        assert!(is(&snapshot, "jellystat", Power::On));
        let kept_on = why(&home, "jellystat").await.kept_on.expect("a reason");
        assert!(kept_on.contains("always on"), "{kept_on}");
    });
}

#[test]
fn while_stops_are_paused_nobody_is_asked_and_nothing_stops() {
    clockwork::by_itself(async {
        let home = home_that(false, &["jellystat"], &VM, &[]).await;
        let notice = given_notice(&home, "jellystat").await;
        let until = notice.asked_at.plus(Duration::from_secs(24 * 3600));
        home.handle.pause_stops(Some(until)).await.expect("paused");
        let seen = home
            .wait_for("the notice taken back", |s| {
                question(s, "jellystat").is_none()
            })
            .await;
        assert_eq!(seen.stops_paused_until, Some(until));
        // a restart forgets it not
        let home = reopened(home).await;
        assert_eq!(home.handle.snapshot().stops_paused_until, Some(until));
        until_sampled(&home, "100", 4).await;
        assert!(home.handle.snapshot().questions.is_empty());
        let kept_on = why(&home, "jellystat").await.kept_on.expect("a reason");
        assert!(kept_on.contains("automatic stops are paused"), "{kept_on}");
        // what a person stops is stopped
        home.run(Action::Stop, "sandbox").await;
        home.handle.pause_stops(None).await.expect("ended");
        given_notice(&home, "jellystat").await;
    });
}

#[test]
fn killed_within_the_minute_it_measures_anew_before_it_gives_notice_again() {
    clockwork::by_itself(async {
        let home = home_that(false, &["jellystat"], &VM, &[]).await;
        let notice = given_notice(&home, "jellystat").await;
        let home = reopened(home).await;
        assert_eq!(home.handle.snapshot().questions, []);
        assert_eq!(home.node("jellystat").power, Power::On);
        let again = given_notice(&home, "jellystat").await;
        assert_ne!(again.id, notice.id);
        let lines = journal(&home, "jellystat").await;
        let kept = lines.iter().find(|(said, why)| {
            said == "jellystat stays on" && why == "WakeHub was started anew meanwhile"
        });
        assert!(kept.is_some(), "{lines:?}");
    });
}

#[test]
fn a_start_wins_over_a_stop_that_nobody_asked_for() {
    clockwork::by_itself(async {
        let home = home_that(false, &["jellystat"], &VM, &[]).await;
        home.sim.with(|s| s.delay = Duration::from_secs(3));
        // its first step is at work, and not just planned
        let stop = "stop jellystat".to_owned();
        while !home.sim.asked().contains(&stop) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let ask = home.ask(Action::Start, "jellystat");
        let answer = home.handle.run(ask).await.expect("an answer");
        assert!(matches!(answer, RunAnswer::Queued { .. }), "{answer:?}");
        // the stop of its only step ends, and then it is started: never half of each
        home.wait_for("it off", |s| is(s, "jellystat", Power::Off))
            .await;
        home.wait_for("it on", |s| is(s, "jellystat", Power::On))
            .await;
        let asked = home.sim.asked();
        let started = asked.iter().rposition(|one| one == "start jellystat");
        let stopped = asked.iter().rposition(|one| one == "stop jellystat");
        assert!(started > stopped, "{asked:?}");
    });
}

#[test]
fn what_is_started_again_while_it_is_looked_at_frees_nothing() {
    clockwork::by_itself(async {
        let home = home_that(true, &[], &SHARE, &[]).await;
        // what was seen before the stop is old after it, and another look takes its time
        home.sim.with(|s| {
            s.delay = Duration::from_secs(4);
            s.observing_takes = Duration::from_secs(2);
        });
        let ask = home.ask(Action::Stop, "qbittorrent");
        home.handle.run(ask).await.expect("an answer");
        home.wait_for("it off", |s| is(s, "qbittorrent", Power::Off))
            .await;
        home.sim.switch("qbittorrent", true);
        home.wait_for("its end", |s| s.cascades.iter().all(|c| c.ended.is_some()))
            .await;
        assert!(is(&home.handle.snapshot(), "qbittorrent", Power::On));
        let lines = journal(&home, "nas").await;
        let asked = lines.iter().find(|(said, _)| said.contains("asked"));
        assert_eq!(asked, None, "{lines:?}");
    });
}

#[test]
fn what_its_own_rule_calls_used_is_no_follow_up_of_anothers_stop() {
    clockwork::by_itself(async {
        // qbittorrent needs nas; somebody else copies to nas
        let home = home_that(false, &["qbittorrent", "nas"], &SHARE, &["nas"]).await;
        home.wait_for("it off", |s| is(s, "qbittorrent", Power::Off))
            .await;
        until_sampled(&home, "nas", 3).await;
        let snapshot = home.handle.snapshot();
        assert!(is(&snapshot, "nas", Power::On));
        assert!(question(&snapshot, "nas").is_none());
        let lines = journal(&home, "nas").await;
        let kept = lines
            .iter()
            .find(|(said, _)| said.starts_with("nas stays on: it is in use"));
        assert!(kept.is_some(), "{lines:?}");
    });
}

#[test]
fn two_rules_never_stop_what_the_other_still_needs() {
    clockwork::by_itself(async {
        // nas is quiet and asked about never while qbittorrent, which needs it, is on and busy; then both go, in their order
        let home = home_that(false, &["qbittorrent", "nas"], &SHARE, &["qbittorrent"]).await;
        until_sampled(&home, "nas", 4).await;
        let snapshot = home.handle.snapshot();
        assert!(snapshot.questions.is_empty(), "{:?}", snapshot.questions);
        home.sim.with(|s| s.busy.clear());
        home.wait_for("both off", |s| {
            is(s, "qbittorrent", Power::Off) && is(s, "nas", Power::Off)
        })
        .await;
        let asked = home.sim.asked();
        let at = |what: &str| asked.iter().position(|one| one == what);
        assert!(at("stop qbittorrent") < at("stop nas"), "{asked:?}");
        assert!(at("stop qbittorrent").is_some());
    });
}

#[test]
fn wanted_for_so_long_it_is_stopped_after_it_also_by_the_next_run() {
    clockwork::by_itself(async {
        let home = home(&[], &VM, &[]).await;
        let node = home.node("jellystat").id;
        home.handle
            .hold_then_stop(node, Duration::from_secs(40))
            .await
            .expect("held");
        let home = reopened(home).await;
        let notice = given_notice(&home, "jellystat").await;
        assert!(
            notice.reason.contains("the hold of jellystat ended"),
            "{notice:?}"
        );
        home.wait_for("it off", |s| is(s, "jellystat", Power::Off))
            .await;
    });
}

#[test]
fn what_was_only_kept_on_is_not_stopped_for_the_end_of_it() {
    clockwork::by_itself(async {
        let home = home(&[], &VM, &[]).await;
        let node = home.node("jellystat").id;
        home.handle
            .hold_for(node, Duration::from_secs(10))
            .await
            .expect("held");
        home.wait_for("its end", |s| {
            s.nodes
                .iter()
                .any(|n| n.name == "jellystat" && n.held_until.is_none())
        })
        .await;
        tokio::time::sleep(Duration::from_secs(8)).await;
        let snapshot = home.handle.snapshot();
        assert!(question(&snapshot, "jellystat").is_none());
        assert!(is(&snapshot, "jellystat", Power::On));
    });
}

#[test]
fn whoever_wants_to_be_asked_during_the_minute_is_asked() {
    clockwork::by_itself(async {
        let home = home_that(false, &["jellystat"], &VM, &[]).await;
        let notice = given_notice(&home, "jellystat").await;
        let mut entry = home
            .handle
            .node_entry(notice.node)
            .await
            .expect("its entry");
        entry.confirm_before_auto_stop = Some(true);
        home.handle
            .save_node(Some(notice.node), entry, vec![])
            .await
            .expect("saved");
        home.wait_for("a question instead", |s| {
            question(s, "jellystat").is_some_and(|q| q.stops_at.is_none())
        })
        .await;
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert!(is(&home.handle.snapshot(), "jellystat", Power::On));
    });
}

async fn reopened(home: Home) -> Home {
    home.handle.shut_down().await;
    let home = Home {
        handle: open(&home.sim, &home.folder).await,
        sim: home.sim,
        folder: home.folder,
    };
    home.settled().await;
    home
}
