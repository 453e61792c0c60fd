//! From what nodes use to a question: nobody is asked about what is used, needed, or not known.

#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/clockwork.rs"]
mod clockwork;
#[path = "support/fast.rs"]
mod fast;
#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/sim.rs"]
mod sim;

use fast::{VM, home, journal, open, question, until_sampled, why};
use sim::Home;
use std::time::Duration;
use wakehub_domain::idle::Criterion;
use wakehub_domain::{ConnectorError, ErrorKind};
use wakehub_engine::Announcement;
use wakehub_view::wire::{Answer, CommandError, Power, QuestionView, VerdictWord};

async fn asked(home: &Home, name: &str) -> QuestionView {
    let seen = home
        .wait_for("a question", |s| question(s, name).is_some())
        .await;
    question(&seen, name).expect("just seen")
}

#[test]
fn what_nobody_uses_is_asked_about_and_what_is_used_is_not() {
    clockwork::by_itself(async {
        let home = home(&["jellystat", "sandbox"], &VM, &["sandbox"]).await;
        let asked = asked(&home, "jellystat").await;
        // a timeout, or a tick more
        let times = ["1", "2"].map(|n| format!("it has not been used for {n}\u{a0}min"));
        assert!(times.contains(&asked.reason), "{asked:?}");
        let why = why(&home, "jellystat").await;
        assert_eq!(why.kept_on, None);
        let idle = why.idle.expect("a rule");
        assert_eq!(idle.verdict, Some(VerdictWord::Idle));
        assert_eq!((idle.enabled, idle.timeout_s), (true, 60));
        assert!(idle.idle_since.is_some_and(|since| Some(since) < idle.at));
        until_sampled(&home, "100", 3).await;
        assert!(question(&home.handle.snapshot(), "sandbox").is_none());
        let used = self::why(&home, "sandbox").await.idle.expect("a rule");
        assert_eq!(used.verdict, Some(VerdictWord::Active));
        let because = used.because.expect("a reason");
        assert!(because.contains("1.00 cores"), "{because}");
        assert_eq!(used.signals.len(), 1);
        assert_eq!(used.signals[0].criterion, Criterion::Cpu);
        assert!(used.signals[0].over);
        assert_eq!(used.signals[0].threshold, "0.50 cores");
        // without a rule nothing is said of use
        assert_eq!(self::why(&home, "qbittorrent").await.idle, None);
        let lines = journal(&home, "jellystat").await;
        let told = lines
            .iter()
            .filter(|(said, _)| said.starts_with("asked whether"));
        assert_eq!(told.count(), 1, "{lines:?}");
        // nothing is stopped by it
        assert_eq!(home.node("jellystat").power, Power::On);

        // it is used again: the question is taken back, and says why
        home.sim.with(|s| s.busy.insert("jellystat".to_owned()));
        home.wait_for("no question", |s| question(s, "jellystat").is_none())
            .await;
        let lines = journal(&home, "jellystat").await;
        assert!(
            lines
                .iter()
                .any(|(said, why)| said.contains("no longer asked")
                    && why.contains("is used again")
                    && why.contains("1.00 cores")),
            "{lines:?}"
        );
    });
}

#[test]
fn what_others_need_is_not_asked_about_and_the_journal_says_who_once() {
    clockwork::by_itself(async {
        let home = home(&["nas"], &["nas", "machine1", "100", "qbittorrent"], &[]).await;
        until_sampled(&home, "nas", 6).await;
        assert!(home.handle.snapshot().questions.is_empty());
        let kept_on = why(&home, "nas").await.kept_on.expect("a reason");
        assert!(kept_on.contains("qbittorrent"), "{kept_on}");
        let lines = journal(&home, "nas").await;
        let told = lines
            .iter()
            .filter(|(said, why)| said == "nas stays on" && why.contains("qbittorrent"));
        assert_eq!(told.count(), 1, "{lines:?}");
    });
}

#[test]
fn what_cannot_be_measured_is_never_asked_about() {
    clockwork::by_itself(async {
        let home = home(&["jellystat"], &VM, &[]).await;
        home.sim.with(|s| {
            let error = ConnectorError::new(ErrorKind::TimedOut, "measure", "no answer");
            s.fails.insert("sample 100".to_owned(), error)
        });
        until_sampled(&home, "100", 4).await;
        assert!(home.handle.snapshot().questions.is_empty());
        let idle = why(&home, "jellystat").await.idle.expect("a rule");
        assert_eq!(idle.verdict, Some(VerdictWord::Unknown));
        assert_eq!(
            idle.because.as_deref(),
            Some("its processor use is not known")
        );
        // and when it can, a whole timeout passes first
        home.sim.with(|s| s.fails.clear());
        home.wait_for("a question", |s| question(s, "jellystat").is_some())
            .await;
    });
}

#[test]
fn kept_on_it_is_asked_about_again_after_another_timeout() {
    clockwork::by_itself(async {
        let home = home(&["jellystat"], &VM, &[]).await;
        let first = asked(&home, "jellystat").await;
        home.handle
            .answer(first.id, Answer::KeepOn)
            .await
            .expect("answered");
        assert!(question(&home.handle.snapshot(), "jellystat").is_none());
        let seen = home
            .wait_for("another question", |s| question(s, "jellystat").is_some())
            .await;
        let second = question(&seen, "jellystat").expect("just seen");
        assert!(second.asked_at.since(first.asked_at) >= Duration::from_secs(60));
    });
}

#[test]
fn what_is_needed_meanwhile_is_not_asked_about_again() {
    clockwork::by_itself(async {
        let home = home(&["nas"], &["nas", "machine1", "100"], &[]).await;
        let asked = asked(&home, "nas").await;
        let mut announced = home.handle.announcements();
        // somebody starts it without WakeHub, which has not looked when it is time to ask again
        home.sim.switch("qbittorrent", true);
        home.wait_for("no question", |s| question(s, "nas").is_none())
            .await;
        let settled = announced.try_recv().expect("an announcement");
        assert_eq!(settled, Announcement::Settled(asked.id));
        let lines = journal(&home, "nas").await;
        assert_eq!(lines[0].1, "nas is needed by qbittorrent", "{lines:?}");
    });
}

#[test]
fn an_answer_that_comes_too_late_is_told_why_it_stays_on() {
    clockwork::by_itself(async {
        let home = home(&["nas"], &["nas", "machine1", "100"], &[]).await;
        let asked = asked(&home, "nas").await;
        // somebody starts it without WakeHub, which has not looked since: what was seen just now would count
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert!(question(&home.handle.snapshot(), "nas").is_some());
        home.sim.switch("qbittorrent", true);
        let answered = home.handle.answer(asked.id, Answer::ShutDown).await;
        let Err(CommandError::Other { message }) = answered else {
            panic!("{answered:?}");
        };
        assert!(
            message.starts_with("nas was not shut down: ") && message.contains("qbittorrent"),
            "{message}"
        );
        assert!(question(&home.handle.snapshot(), "nas").is_none());
        assert!(!home.sim.asked().contains(&"stop nas".to_owned()));
    });
}

#[test]
fn an_open_question_survives_a_restart_and_is_not_asked_twice() {
    clockwork::by_itself(async {
        let home = home(&["jellystat"], &VM, &[]).await;
        home.wait_for("a question", |s| question(s, "jellystat").is_some())
            .await;
        home.handle.shut_down().await;
        let home = Home {
            handle: open(&home.sim, &home.folder).await,
            sim: home.sim,
            folder: home.folder,
        };
        home.settled().await;
        until_sampled(&home, "100", 3).await;
        let open = home.handle.snapshot().questions.clone();
        assert_eq!(open.len(), 1, "{open:?}");
        home.handle
            .answer(open[0].id, Answer::ShutDown)
            .await
            .expect("answered");
        home.wait_for("it off", |s| {
            s.nodes
                .iter()
                .any(|n| n.name == "jellystat" && n.power == Power::Off)
        })
        .await;
    });
}

#[test]
fn without_a_rule_nothing_is_measured() {
    clockwork::by_itself(async {
        let home = home(&[], &VM, &[]).await;
        tokio::time::sleep(Duration::from_secs(8)).await;
        let asked = home.sim.asked();
        assert!(
            !asked.iter().any(|one| one.starts_with("sample")),
            "{asked:?}"
        );
    });
}
