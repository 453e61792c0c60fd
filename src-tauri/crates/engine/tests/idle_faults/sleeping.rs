//! The computer sleeps across the timeout, or across the minute to object: nothing follows from what was measured before.

use crate::clockwork;
use crate::lab::{Lab, MINUTE, lab};
use std::time::Duration;

const HOURS: Duration = Duration::from_secs(3 * 3600);
const ON: [&str; 4] = ["nas", "machine1", "100", "jellystat"];

async fn quiet(clockwork: clockwork::Clockwork, asks: bool, name: &str) -> Lab {
    lab(clockwork, asks, &[(name, "cpu")], &[], &ON).await
}

/// A whole window passes before anything is asked, and it is still on.
async fn window_is_new(lab: &Lab, name: &str) {
    let resumed = lab.now();
    let asked = lab.asked(name, MINUTE * 9).await;
    assert!(asked.asked_at.since(resumed) >= MINUTE * 5, "{asked:?}");
}

#[test]
fn slept_across_the_timeout() {
    clockwork::run(|clockwork| async {
        let lab = quiet(clockwork, false, "jellystat").await;
        lab.pass(MINUTE * 4).await;
        lab.clockwork.clock.sleep(HOURS);
        window_is_new(&lab, "jellystat").await;
        assert_eq!(lab.asked_for("stop jellystat"), 0);
    });
}

#[test]
fn slept_across_the_minute_to_object() {
    // whether it was measured since the notice or not
    for seconds in [2, 30, 59] {
        clockwork::run(|clockwork| async move {
            let lab = quiet(clockwork, false, "jellystat").await;
            lab.asked("jellystat", MINUTE * 8).await;
            lab.pass(Duration::from_secs(seconds)).await;
            lab.clockwork.clock.sleep(HOURS);
            lab.pass(MINUTE * 2).await;
            assert_eq!(lab.question("jellystat"), None, "after {seconds} s");
            assert_eq!(lab.asked_for("stop jellystat"), 0, "after {seconds} s");
            let resumed = lab.now();
            let asked = lab.asked("jellystat", MINUTE * 9).await;
            assert!(asked.asked_at.since(resumed) >= MINUTE * 3, "{asked:?}");
        });
    }
}

#[test]
fn slept_for_a_minute_while_nothing_could_be_measured_since() {
    clockwork::run(|clockwork| async {
        let lab = quiet(clockwork, false, "jellystat").await;
        lab.asked("jellystat", MINUTE * 8).await;
        lab.pass(Duration::from_secs(59)).await;
        lab.home
            .sim
            .with(|state| state.hangs.insert("sample 100".to_owned()));
        lab.clockwork.clock.sleep(Duration::from_secs(40));
        lab.pass(MINUTE * 5).await;
        assert_eq!(lab.asked_for("stop jellystat"), 0);
    });
}

#[test]
fn slept_in_the_moment_between_the_last_look_and_the_stop() {
    clockwork::run(|clockwork| async {
        let lab = quiet(clockwork, false, "nas").await;
        lab.asked("nas", MINUTE * 8).await;
        lab.home
            .sim
            .with(|state| state.observing_takes = Duration::from_millis(1500));
        // the last look is under way: a second and a quarter of its one and a half
        let looks = |lab: &Lab| lab.home.sim.with(|state| state.observed["nas"]);
        lab.pass(Duration::from_secs(58)).await;
        let before = looks(&lab);
        while looks(&lab) == before {
            lab.pass(Duration::from_millis(250)).await;
        }
        lab.pass(Duration::from_millis(1250)).await;
        lab.home
            .sim
            .with(|state| state.observing_takes = Duration::ZERO);
        lab.clockwork.clock.sleep(HOURS);
        let resumed = lab.now();
        lab.pass(MINUTE * 2).await;
        assert_eq!(lab.asked_for("stop nas"), 0);
        let asked = lab.asked("nas", MINUTE * 7).await;
        assert!(asked.asked_at.since(resumed) >= MINUTE * 5, "{asked:?}");
    });
}

#[test]
fn slept_with_a_question_open() {
    clockwork::run(|clockwork| async {
        let lab = quiet(clockwork, true, "jellystat").await;
        let first = lab.asked("jellystat", MINUTE * 8).await;
        lab.clockwork.clock.sleep(HOURS);
        lab.pass(MINUTE * 4).await;
        // nobody says that it has not been used all the while
        let open = lab.question("jellystat");
        assert!(open.is_none_or(|open| open.asked_at == first.asked_at));
        assert!(lab.is_on("jellystat"));
    });
}
