//! What cannot be measured is not stopped, and holds up nobody else.

use crate::clockwork;
use crate::lab::{MINUTE, lab};
use std::time::Duration;

/// A tick later, and as long as a connection may take.
const TICKS: Duration = Duration::from_secs(150);

#[test]
fn ssh_that_dies_in_the_middle_of_a_tick_begins_its_nodes_window_anew_and_no_others() {
    clockwork::run(|clockwork| async {
        let ruled = [("nas", "cpu"), ("jellystat", "cpu")];
        let on = ["nas", "machine1", "100", "jellystat"];
        let lab = lab(clockwork, true, &ruled, &[], &on).await;
        lab.pass(MINUTE * 4).await;
        let before = lab.asked_for("sample nas");
        assert!(before >= 4, "{before}");
        lab.home
            .sim
            .with(|state| state.hangs.insert("sample nas".to_owned()));
        // one tick without an answer, and the other is judged all the same
        lab.asked("jellystat", MINUTE + TICKS).await;
        assert_eq!(lab.question("nas"), None);
        lab.heal();
        let healed = lab.now();
        let asked = lab.asked("nas", MINUTE * 6 + TICKS).await;
        assert!(asked.asked_at.since(healed) >= MINUTE * 5, "{asked:?}");
    });
}

#[test]
fn an_api_that_fails_for_an_hour_stops_no_guest_and_is_not_stormed() {
    clockwork::run(|clockwork| async {
        let ruled = [("lxc-jellyfin", "cpu")];
        let lab = lab(clockwork, false, &ruled, &[], &["nas", "machine2", "101"]).await;
        lab.pass(MINUTE * 4).await;
        let asked = |lab: &crate::lab::Lab| {
            let observed = lab.home.sim.with(|state| state.observed["machine2"]);
            observed + lab.asked_for("sample machine2")
        };
        let before = asked(&lab);
        lab.fail("observe machine2");
        lab.fail("sample machine2");
        lab.never_asked("lxc-jellyfin", MINUTE * 60).await;
        assert_eq!(lab.asked_for("stop 101"), 0);
        // both of its connections, of which each is left alone for minutes after a few failures
        let more = asked(&lab) - before;
        assert!(more <= 60, "asked {more} times in an hour");
        lab.heal();
        let healed = lab.now();
        let notice = lab.asked("lxc-jellyfin", MINUTE * 20).await;
        assert!(notice.asked_at.since(healed) >= MINUTE * 5, "{notice:?}");
        lab.pass(MINUTE * 2).await;
        assert!(!lab.is_on("101"));
    });
}

#[test]
fn counters_that_begin_anew_are_use() {
    clockwork::run(|clockwork| async {
        let ruled = [("jellystat", "network_traffic")];
        let lab = lab(
            clockwork,
            true,
            &ruled,
            &[],
            &["machine1", "100", "jellystat"],
        )
        .await;
        let count = |bytes: u64| {
            let key = "jellystat".to_owned();
            lab.home.sim.with(|state| state.received.insert(key, bytes));
        };
        count(1_000_000);
        lab.pass(MINUTE * 4).await;
        // its engine has started it anew
        count(12);
        let restarted = lab.now();
        let asked = lab.asked("jellystat", MINUTE * 7 + TICKS).await;
        assert!(asked.asked_at.since(restarted) >= MINUTE * 5, "{asked:?}");
    });
}

#[test]
fn a_question_whose_window_began_anew_is_asked_again_only_after_another_timeout() {
    clockwork::run(|clockwork| async {
        let ruled = [("jellystat", "cpu")];
        let lab = lab(
            clockwork,
            true,
            &ruled,
            &[],
            &["machine1", "100", "jellystat"],
        )
        .await;
        let first = lab.asked("jellystat", MINUTE * 8).await;
        lab.pass(MINUTE * 2).await;
        lab.fail("sample 100");
        lab.pass(MINUTE * 2).await;
        lab.heal();
        let healed = lab.now();
        let again = loop {
            lab.pass(Duration::from_secs(1)).await;
            let asked = lab.question("jellystat").expect("still asked");
            if asked.asked_at != first.asked_at {
                break asked;
            }
            assert!(lab.now().since(healed) < MINUTE * 10, "never again");
        };
        assert!(again.asked_at.since(healed) >= MINUTE * 5, "{again:?}");
    });
}

#[test]
fn a_question_about_what_nobody_needs_dies_when_it_is_used() {
    clockwork::run(|clockwork| async {
        // nas has a rule of its own, and is asked about
        let ruled = [("nas", "cpu")];
        let lab = lab(
            clockwork,
            true,
            &ruled,
            &[],
            &["nas", "raspberry", "nextcloud"],
        )
        .await;
        lab.pass(MINUTE * 7).await;
        let ask = lab.home.ask(wakehub_domain::Action::Stop, "nextcloud");
        lab.home.handle.run(ask).await.expect("an answer");
        lab.asked("nas", MINUTE).await;
        lab.home
            .sim
            .with(|state| state.busy.insert("nas".to_owned()));
        lab.pass(TICKS).await;
        assert_eq!(lab.question("nas"), None);
        let lines = lab.journal("nas").await;
        let told = lines.iter().find(|(_, why)| why.contains("is used again"));
        assert!(told.is_some(), "{lines:?}");
    });
}
