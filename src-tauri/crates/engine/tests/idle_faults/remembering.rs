//! WakeHub is off, or its computer asleep, and Proxmox remembers what its guests used meanwhile.

use crate::clockwork::{self, Clockwork};
use crate::lab::{Lab, MINUTE, lab_of};
use std::sync::Arc;
use std::time::Duration;
use wakehub_domain::idle::{Cpu, PastUse};
use wakehub_domain::{Action, Timestamp};
use wakehub_engine::Clock;
use wakehub_view::wire::Answer;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE_MS: i64 = 60_000;
/// Three minutes after the first look, and a tick before and after; the second look itself comes a tick after the first.
const SOON: Duration = Duration::from_secs(6 * 60);

const RULE: &str = "idle = { timeout_minutes = 30, criteria = { cpu = {} } }\n";

/// vm-ubuntu, on and quiet, and seen so for ten minutes.
async fn quiet(clockwork: Clockwork, rule: &str) -> Lab {
    let lines = vec![
        ("vm-ubuntu", rule.to_owned()),
        ("jellystat", RULE.to_owned()),
    ];
    let on = ["machine1", "102", "100", "jellystat"];
    let lab = lab_of(clockwork, lines, &on).await;
    lab.pass(MINUTE * 10).await;
    lab
}

/// The last five hours of a guest, minute by minute, until the one before the one that is not over. It was used in these.
fn remember(lab: &Lab, used: impl Fn(Timestamp) -> bool + Send + Sync + 'static) {
    let clock = lab.clockwork.clock.clone();
    let past = move |_: &str| {
        let now = clock.now().0 / MINUTE_MS;
        let minute = |minute: i64| {
            let at = Timestamp(minute * MINUTE_MS);
            PastUse {
                at,
                over: MINUTE,
                cpu_cores: Some(if used(at) { 1.0 } else { 0.02 }),
                ram_fraction: None,
                rx_rate: None,
                tx_rate: None,
                read_rate: None,
                written_rate: None,
            }
        };
        (now - 300..now).map(minute).collect()
    };
    lab.home.sim.with(|state| state.past = Some(Arc::new(past)));
}

#[test]
fn quiet_while_wakehub_was_off() {
    clockwork::run(|clockwork| async {
        let lab = quiet(clockwork, RULE).await.off_for(HOUR * 4).await;
        remember(&lab, |_| false);
        let question = lab.asked("vm-ubuntu", SOON).await;
        // not of the time before, of which only WakeHub knew; when it was shut down is known to within six minutes
        assert_eq!(
            question.reason, "it has not been used for 3\u{a0}h 58\u{a0}min",
            "{question:?}"
        );
        let node = lab.home.node("vm-ubuntu").id;
        let idle = lab
            .home
            .handle
            .why(node)
            .await
            .expect("why")
            .idle
            .expect("a rule");
        assert!(idle.idle_since < idle.remembered_until && idle.remembered_until < idle.at);
        // once, one after the other, and of nothing that is not remembered
        assert_eq!(lab.asked_for("past 102"), 1);
        assert_eq!(lab.asked_for("past jellystat"), 0);
        lab.never_asked("jellystat", MINUTE * 20).await;
    });
}

#[test]
fn quiet_while_the_computer_slept() {
    clockwork::run(|clockwork| async {
        let lab = quiet(clockwork, RULE).await;
        remember(&lab, |_| false);
        lab.clockwork.clock.sleep(HOUR * 2);
        let question = lab.asked("vm-ubuntu", SOON).await;
        assert!(question.reason.contains("for 2\u{a0}h"), "{question:?}");
    });
}

#[test]
fn used_meanwhile() {
    clockwork::run(|clockwork| async {
        let lab = quiet(clockwork, RULE).await.off_for(HOUR * 4).await;
        let begun = lab.now();
        let last = Timestamp(begun.0 - 12 * MINUTE_MS);
        remember(&lab, move |at| at <= last);
        let question = lab.asked("vm-ubuntu", MINUTE * 25).await;
        let after = question.asked_at.since(last);
        assert!(after >= MINUTE * 30 && after <= MINUTE * 33, "{after:?}");
    });
}

#[test]
fn nobody_remembers() {
    clockwork::run(|clockwork| async {
        let mut lab = quiet(clockwork, RULE).await;
        // no rows, an error, no answer, minutes of another time
        for n in 0..4 {
            lab = lab.off_for(HOUR * 4).await;
            let begun = lab.now();
            lab.heal();
            lab.home.sim.with(|state| state.asked.clear());
            match n {
                0 => {}
                1 => lab.fail("past 102"),
                2 => lab.home.sim.with(|state| {
                    state.hangs.insert("past 102".to_owned());
                }),
                _ => remember(&lab, |_| false),
            }
            if n == 3 {
                let of_another_time = lab.home.sim.with(|state| state.past.take());
                let past = of_another_time.expect("just set");
                let late = move |key: &str| {
                    let mut rows = past(key);
                    for row in &mut rows {
                        row.at = Timestamp(row.at.0 - 10 * MINUTE_MS);
                    }
                    rows
                };
                lab.home.sim.with(|state| state.past = Some(Arc::new(late)));
            }
            let question = lab.asked("vm-ubuntu", MINUTE * 33).await;
            let after = question.asked_at.since(begun);
            assert!(after >= MINUTE * 30, "{n}: {after:?}");
            let asked = lab.asked_for("past 102");
            assert_eq!(asked, if n == 2 { 0 } else { 3 }, "{n}");
            let id = question.id;
            let kept = lab.home.handle.answer(id, Answer::KeepOn).await;
            kept.expect("an answer");
        }
    });
}

#[test]
fn what_was_kept_on_before_stays_so() {
    clockwork::run(|clockwork| async {
        let lab = quiet(clockwork, RULE).await;
        let question = lab.asked("vm-ubuntu", MINUTE * 25).await;
        let kept = lab.home.handle.answer(question.id, Answer::KeepOn).await;
        kept.expect("an answer");
        let kept = lab.now();
        remember(&lab, |_| false);
        // ten minutes, and it is quiet for an hour
        let lab = lab.off_for(MINUTE * 10).await;
        let question = lab.asked("vm-ubuntu", MINUTE * 30).await;
        let after = question.asked_at.since(kept);
        assert!(after >= MINUTE * 30, "{after:?} {question:?}");
        let again = lab.home.handle.answer(question.id, Answer::KeepOn).await;
        again.expect("an answer");
        let kept = lab.now();
        lab.clockwork.clock.sleep(MINUTE * 10);
        let question = lab.asked("vm-ubuntu", MINUTE * 30).await;
        let after = question.asked_at.since(kept);
        assert!(after >= MINUTE * 30, "{after:?} {question:?}");
    });
}

#[test]
fn quiet_before_a_short_sleep_and_during_it() {
    clockwork::run(|clockwork| async {
        let lab = quiet(clockwork, RULE).await;
        let seen = lab.now();
        lab.pass(MINUTE * 10).await;
        remember(&lab, |_| false);
        lab.clockwork.clock.sleep(MINUTE * 5);
        let question = lab.asked("vm-ubuntu", MINUTE * 16).await;
        // ten minutes before `seen` it was looked at first
        let after = question.asked_at.since(seen);
        assert!(after >= MINUTE * 20 && after <= MINUTE * 22, "{after:?}");
    });
}

#[test]
fn used_when_the_computer_fell_asleep() {
    clockwork::run(|clockwork| async {
        let lab = quiet(clockwork, RULE).await;
        lab.pass(MINUTE * 10).await;
        let slept = lab.now();
        // since the last look before it, and nobody saw
        let used = Timestamp(slept.0 / MINUTE_MS * MINUTE_MS);
        remember(&lab, move |at| at == used);
        lab.clockwork.clock.sleep(MINUTE * 5);
        let question = lab.asked("vm-ubuntu", MINUTE * 32).await;
        let after = question.asked_at.since(slept);
        assert!(after >= MINUTE * 30, "{after:?} {question:?}");
    });
}

#[test]
fn who_looks_at_more_does_not_ask() {
    clockwork::run(|clockwork| async {
        let rule = "ssh = { user = \"root\", auth = \"password\" }\naddress = \"10.77.0.12\"\nidle = { timeout_minutes = 30 }\n";
        let lab = quiet(clockwork, rule).await;
        remember(&lab, |_| false);
        lab.clockwork.clock.sleep(HOUR * 2);
        lab.never_asked("vm-ubuntu", MINUTE * 20).await;
        assert_eq!(lab.asked_for("past 102"), 0);
    });
}

/// On already, and quiet for hours: whoever wants it now has his whole timeout.
#[test]
fn wanted_at_once_after_it() {
    // before it was measured, between its looks, and after them
    for seconds in [1, 40, 100, 170] {
        clockwork::run(|clockwork| async move {
            let lab = quiet(clockwork, RULE).await.off_for(HOUR * 4).await;
            remember(&lab, |_| false);
            lab.pass(Duration::from_secs(seconds)).await;
            let ask = lab.home.ask(Action::Start, "vm-ubuntu");
            lab.home.handle.run(ask).await.expect("an answer");
            let wanted = lab.now();
            let question = lab.asked("vm-ubuntu", MINUTE * 33).await;
            let after = question.asked_at.since(wanted);
            assert!(after >= MINUTE * 30, "{seconds}: {after:?}");
        });
    }
}

/// The average of a minute may be quiet, and the look in the middle of it not.
#[test]
fn used_at_the_first_look() {
    clockwork::run(|clockwork| async {
        let lab = quiet(clockwork, RULE).await.off_for(HOUR * 4).await;
        remember(&lab, |_| false);
        lab.home.sim.with(|state| {
            state.asked.clear();
            state.busy.insert("102".to_owned());
        });
        while lab.asked_for("sample machine1") == 0 {
            lab.pass(Duration::from_millis(250)).await;
        }
        let used = lab.now();
        lab.home.sim.with(|state| state.busy.clear());
        let question = lab.asked("vm-ubuntu", MINUTE * 33).await;
        let after = question.asked_at.since(used);
        assert!(after >= MINUTE * 30, "{after:?} {question:?}");
    });
}

#[test]
fn another_rule_since_the_sleep() {
    clockwork::run(|clockwork| async {
        let lab = quiet(clockwork, RULE).await;
        lab.pass(MINUTE * 10).await;
        let begun = lab.now();
        // the old rule called it quiet, whatever it used before that
        remember(&lab, |_| false);
        lab.clockwork.clock.sleep(MINUTE * 5);
        let node = lab.home.node("vm-ubuntu").id;
        let mut entry = lab.home.handle.node_entry(node).await.expect("its entry");
        let rule = entry.idle.as_mut().expect("a rule");
        rule.criteria.as_mut().expect("criteria").cpu = Some(Cpu { cores: 0.1 });
        let saved = lab.home.handle.save_node(Some(node), entry, vec![]).await;
        saved.expect("saved");
        let question = lab.asked("vm-ubuntu", MINUTE * 33).await;
        let after = question.asked_at.since(begun);
        assert!(after >= MINUTE * 30, "{after:?} {question:?}");
    });
}
