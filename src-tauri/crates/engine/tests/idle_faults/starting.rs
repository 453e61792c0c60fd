//! Somebody starts the node in the very second of its stop: the start wins, or the stop ends and the start comes after it.

use crate::clockwork;
use crate::lab::{Lab, MINUTE, lab, lab_of};
use std::time::Duration;
use wakehub_domain::Action;
use wakehub_view::wire::{CascadeStatus, Power};

/// Around the end of the minute to object and all the steps that follow; every 190 ms, so that none is in step with a tick.
fn offsets() -> impl Iterator<Item = Duration> {
    (0..60).map(|n| Duration::from_millis(53_000 + 190 * n + 7 * (n % 5)))
}

async fn start(lab: &Lab, name: &str) {
    let ask = lab.home.ask(Action::Start, name);
    let handle = lab.home.handle.clone();
    tokio::spawn(async move { handle.run(ask).await });
    lab.clockwork.settle(&lab.home.handle).await;
}

/// On in truth and as far as the engine knows, with nothing at work.
fn is_whole(lab: &Lab, nodes: &[(&str, &str)], offset: Duration) {
    let snapshot = lab.home.handle.snapshot();
    for (name, key) in nodes {
        assert!(lab.is_on(key), "{name} is off, {offset:?}");
        assert_eq!(lab.power(name), Power::On, "{name}, {offset:?}");
    }
    let works = snapshot.cascades.iter().filter(|c| c.ended.is_none());
    assert_eq!(works.count(), 0, "{offset:?}");
    assert_eq!(snapshot.queued, [], "{offset:?}");
    let commands: Vec<String> = lab.home.sim.with(|state| {
        let asked = std::mem::take(&mut state.asked).into_iter();
        asked.filter(|one| !one.starts_with("sample")).collect()
    });
    for (name, key) in nodes {
        let last = |verb: &str| {
            commands
                .iter()
                .rposition(|one| *one == format!("{verb} {key}"))
        };
        let started = last("start").max(last("wake"));
        assert!(last("stop") <= started, "{name}, {offset:?}: {commands:?}");
    }
}

#[test]
fn in_the_second_of_its_stop() {
    clockwork::run(|clockwork| async {
        let on = ["machine1", "100", "jellystat"];
        let lab = lab(clockwork, false, &[("jellystat", "cpu")], &[], &on).await;
        lab.home
            .sim
            .with(|state| state.delay = Duration::from_millis(2300));
        for offset in offsets() {
            lab.asked("jellystat", MINUTE * 9).await;
            lab.pass(offset).await;
            start(&lab, "jellystat").await;
            lab.pass(Duration::from_secs(30)).await;
            is_whole(&lab, &[("jellystat", "jellystat")], offset);
        }
    });
}

#[test]
fn between_its_plan_and_its_first_command() {
    clockwork::run(|clockwork| async {
        let on = ["machine1", "100", "jellystat"];
        let lab = lab(clockwork, false, &[("jellystat", "cpu")], &[], &on).await;
        lab.asked("jellystat", MINUTE * 9).await;
        // so long it looks once more whether it may
        let second = Duration::from_secs(1);
        lab.home.sim.with(|state| state.observing_takes = second);
        while lab.power("jellystat") != Power::Stopping {
            lab.pass(Duration::from_millis(250)).await;
        }
        start(&lab, "jellystat").await;
        lab.pass(Duration::from_secs(20)).await;
        assert_eq!(lab.asked_for("stop jellystat"), 0);
        assert_eq!(lab.power("jellystat"), Power::On);
        let snapshot = lab.home.handle.snapshot();
        let ends: Vec<CascadeStatus> = snapshot.cascades.iter().map(|c| c.status).collect();
        // nothing has failed that would have to be mended
        assert_eq!(ends, [CascadeStatus::Cancelled], "{:?}", snapshot.cascades);
    });
}

#[test]
fn in_the_middle_of_a_stop_of_several() {
    clockwork::run(|clockwork| async {
        // its end frees what it needs, and that what it needs
        let on = ["nas", "machine1", "100", "sandbox", "machine2", "101"];
        let unasked = ["lxc-jellyfin", "nas"];
        let lab = lab(clockwork, false, &[("sandbox", "cpu")], &unasked, &on).await;
        lab.home
            .sim
            .with(|state| state.delay = Duration::from_millis(2300));
        let all = [
            ("sandbox", "sandbox"),
            ("lxc-jellyfin", "101"),
            ("nas", "nas"),
        ];
        for offset in offsets() {
            lab.asked("sandbox", MINUTE * 9).await;
            lab.pass(offset).await;
            start(&lab, "sandbox").await;
            lab.pass(MINUTE).await;
            is_whole(&lab, &all, offset);
        }
    });
}

#[test]
fn what_is_started_while_it_is_on_is_not_stopped_a_moment_later() {
    clockwork::run(|clockwork| async {
        let on = ["machine1", "100", "jellystat"];
        let lab = lab(clockwork, false, &[("jellystat", "cpu")], &[], &on).await;
        lab.asked("jellystat", MINUTE * 8).await;
        lab.pass(Duration::from_secs(50)).await;
        start(&lab, "jellystat").await;
        assert_eq!(lab.question("jellystat"), None);
        lab.never_asked("jellystat", MINUTE * 4).await;
        assert_eq!(lab.asked_for("stop jellystat"), 0);
        // nobody has used it all the while
        lab.asked("jellystat", MINUTE * 3).await;
    });
}

#[test]
fn two_stops_at_once_free_what_both_needed() {
    clockwork::run(|clockwork| async {
        let ruled = [("qbittorrent", "cpu"), ("nextcloud", "cpu")];
        let on = [
            "nas",
            "machine1",
            "100",
            "qbittorrent",
            "raspberry",
            "nextcloud",
        ];
        let lab = lab(clockwork, false, &ruled, &["nas"], &on).await;
        lab.home
            .sim
            .with(|state| state.delay = Duration::from_secs(3));
        lab.asked("qbittorrent", MINUTE * 8).await;
        lab.asked("nextcloud", MINUTE).await;
        lab.pass(MINUTE * 3).await;
        assert!(!lab.is_on("qbittorrent") && !lab.is_on("nextcloud"));
        let lines = lab.journal("nas").await;
        assert!(!lab.is_on("nas"), "{lines:?}");
        let asked = lab.home.sim.asked();
        let at = |what: &str| asked.iter().position(|one| one == what);
        assert!(at("stop nas") > at("stop qbittorrent") && at("stop nas") > at("stop nextcloud"));
    });
}

#[test]
fn two_stops_that_overlap_free_what_both_needed() {
    clockwork::run(|clockwork| async {
        // nas goes unasked, and what it needs is asked about
        let unasked = "confirm_before_auto_stop = false\ndepends_on = [\"vm-homeassistant\"]\n";
        let lines = vec![
            ("nas", unasked.to_owned()),
            (
                "vm-homeassistant",
                "confirm_before_auto_stop = true\n".to_owned(),
            ),
        ];
        let on = [
            "nas",
            "machine1",
            "100",
            "qbittorrent",
            "raspberry",
            "nextcloud",
            "machine2",
            "200",
        ];
        let lab = lab_of(clockwork, lines, &on).await;
        lab.home
            .sim
            .with(|state| state.delay = Duration::from_secs(10));
        let mut ends = Vec::new();
        for name in ["qbittorrent", "nextcloud"] {
            let ask = lab.home.ask(Action::Stop, name);
            let handle = lab.home.handle.clone();
            ends.push(tokio::spawn(async move { handle.run(ask).await }));
            lab.pass(Duration::from_secs(4)).await;
        }
        let snapshot = lab.home.handle.snapshot();
        let works = snapshot.cascades.iter().filter(|c| c.ended.is_none());
        assert_eq!(works.count(), 2, "both are at work at the same time");
        lab.pass(MINUTE * 2).await;
        assert!(!lab.is_on("qbittorrent") && !lab.is_on("nextcloud"));
        let lines = lab.journal("nas").await;
        assert!(!lab.is_on("nas"), "{lines:?}");
        assert_eq!(lab.asked_for("stop nas"), 1);
        // once, when that is off, and not when it is about to go
        let lines = lab.journal("vm-homeassistant").await;
        let about: Vec<&str> = lines.iter().map(|(said, _)| said.as_str()).collect();
        let asked = "asked whether to shut vm-homeassistant down";
        assert_eq!(about, [asked, "vm-homeassistant was imported"]);
        assert!(lab.question("vm-homeassistant").is_some());
        // what else stands on the machines stays
        assert!(lab.is_on("machine1") && lab.is_on("raspberry"));
        for end in ends {
            end.await.expect("ended").expect("an answer");
        }
    });
}

#[test]
fn what_was_used_within_its_timeout_does_not_go_with_what_needed_it() {
    clockwork::run(|clockwork| async {
        // both may be stopped unasked; nas was used a minute before qbittorrent goes
        let ruled = [("qbittorrent", "cpu"), ("nas", "cpu")];
        let on = ["nas", "machine1", "100", "qbittorrent"];
        let lab = lab(clockwork, false, &ruled, &[], &on).await;
        lab.home
            .sim
            .with(|state| state.busy.insert("nas".to_owned()));
        lab.asked("qbittorrent", MINUTE * 8).await;
        lab.home.sim.with(|state| state.busy.clear());
        let left = lab.now();
        lab.pass(MINUTE * 2 + Duration::from_secs(30)).await;
        assert!(!lab.is_on("qbittorrent"));
        assert!(lab.is_on("nas"));
        let notice = lab.asked("nas", MINUTE * 6).await;
        assert!(notice.asked_at.since(left) >= MINUTE * 4, "{notice:?}");
    });
}

#[test]
fn what_somebody_keeps_on_does_not_go_with_what_needed_it() {
    clockwork::run(|clockwork| async {
        let ruled = [("nas", "cpu")];
        let on = ["nas", "raspberry", "nextcloud"];
        let lab = lab(clockwork, false, &ruled, &[], &on).await;
        // quiet for long, and somebody starts it, which is on already
        lab.pass(MINUTE * 8).await;
        start(&lab, "nas").await;
        let started = lab.now();
        let stop = lab.home.ask(Action::Stop, "nextcloud");
        lab.home.handle.run(stop).await.expect("an answer");
        lab.never_asked("nas", MINUTE * 4).await;
        assert!(lab.is_on("nas"));
        let notice = lab.asked("nas", MINUTE * 3).await;
        assert!(notice.asked_at.since(started) >= MINUTE * 5, "{notice:?}");
    });
}

#[test]
fn what_has_just_come_on_does_not_go_with_what_needed_it() {
    clockwork::run(|clockwork| async {
        let ruled = [("nas", "cpu"), ("jellystat", "cpu")];
        let on = ["raspberry", "machine1", "100", "jellystat"];
        let lab = lab(clockwork, false, &ruled, &[], &on).await;
        // at any time between two ticks
        for n in 0..12 {
            lab.pass(MINUTE + Duration::from_millis(5_300 * n)).await;
            let ask = lab.home.ask(Action::Start, "nextcloud");
            lab.home.handle.run(ask).await.expect("an answer");
            while lab.power("nextcloud") != Power::On {
                lab.pass(Duration::from_millis(250)).await;
            }
            let ask = lab.home.ask(Action::Stop, "nextcloud");
            lab.home.handle.run(ask).await.expect("an answer");
            lab.pass(Duration::from_secs(20)).await;
            assert!(!lab.is_on("nextcloud"));
            assert!(lab.is_on("nas"), "{n}: {:?}", lab.journal("nas").await);
            lab.home.sim.switch("nas", false);
            while lab.power("nas") != Power::Off {
                lab.pass(Duration::from_secs(1)).await;
            }
        }
    });
}

#[test]
fn what_was_said_of_it_before_it_was_off_is_not_believed() {
    clockwork::run(|clockwork| async {
        let on = ["nas", "machine1", "100", "qbittorrent", "jellystat"];
        let lab = lab(clockwork, true, &[("jellystat", "cpu")], &[], &on).await;
        lab.asked("jellystat", MINUTE * 9).await;
        let node = lab.home.node("jellystat").id;
        // between two ticks
        for on in [false, true] {
            lab.home.sim.switch("jellystat", on);
            let power = if on { Power::On } else { Power::Off };
            let until = lab.now().plus(MINUTE);
            while lab.power("jellystat") != power && lab.now() < until {
                // a plan looks before it is made
                let ask = lab.home.ask(Action::Start, "jellystat");
                lab.home.handle.plan(ask).await.expect("an answer");
                lab.pass(Duration::from_secs(1)).await;
            }
        }
        let why = lab.home.handle.why(node).await.expect("an answer");
        assert_eq!(why.idle.expect("a rule").verdict, None, "{:?}", why.kept_on);
    });
}

#[test]
fn what_is_started_while_it_is_held_is_not_stopped_when_the_hold_ends() {
    clockwork::run(|clockwork| async {
        let on = ["machine1", "100", "jellystat"];
        let lab = lab(clockwork, false, &[("jellystat", "cpu")], &[], &on).await;
        lab.pass(MINUTE * 7).await;
        let node = lab.home.node("jellystat").id;
        let held = lab.home.handle.hold_for(node, MINUTE * 10).await;
        held.expect("held");
        lab.pass(MINUTE * 9).await;
        start(&lab, "jellystat").await;
        let wanted = lab.now();
        let notice = lab.asked("jellystat", MINUTE * 8).await;
        assert!(notice.asked_at.since(wanted) >= MINUTE * 5, "{notice:?}");
    });
}
