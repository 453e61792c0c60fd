//! Cascades over a simulated homelab: order, failures, locks, questions, crashes.

#[path = "support/sim.rs"]
mod sim;

use sim::Home;
use std::time::Duration;
use wakehub_domain::{Action, ConnectorError, ErrorKind};
use wakehub_view::wire::{
    Answer, Ask, CascadeStatus, CommandError, EngineSettings, JournalQuery, PlanAnswer, Power,
    RunAnswer, StepStatus,
};

#[tokio::test]
async fn a_start_wakes_what_is_needed_in_order_and_nothing_else() {
    let home = Home::reference().await;
    let ended = home.run(Action::Start, "lxc-jellyfin").await;
    assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
    assert_eq!(home.sim.asked(), ["wake nas", "wake machine2", "start 101"]);
    assert_eq!(home.node("lxc-jellyfin").power, Power::On);
    assert_eq!(home.node("machine1").power, Power::Off);
    let again = home
        .handle
        .run(home.ask(Action::Start, "lxc-jellyfin"))
        .await
        .expect("answer");
    assert_eq!(again, RunAnswer::NothingToDo);
}

#[tokio::test]
async fn a_stop_asks_about_what_is_no_longer_needed_and_one_answer_settles_it() {
    let home = Home::reference().await;
    home.run(Action::Start, "lxc-jellyfin").await;
    let ended = home.run(Action::Stop, "lxc-jellyfin").await;
    assert_eq!(ended.status, CascadeStatus::Completed);
    let snapshot = home
        .wait_for("the question", |s| !s.questions.is_empty())
        .await;
    let question = snapshot.questions[0].clone();
    assert_eq!(question.node_name, "nas");
    assert_eq!(
        home.node("nas").power,
        Power::On,
        "it stays on until somebody says so"
    );
    home.handle
        .answer(question.id, Answer::ShutDown)
        .await
        .expect("answered");
    home.wait_for("nas off", |s| {
        s.questions.is_empty()
            && s.nodes
                .iter()
                .any(|n| n.name == "nas" && n.power == Power::Off)
    })
    .await;
    // late answers from elsewhere change nothing and are no error
    home.handle
        .answer(question.id, Answer::KeepOn)
        .await
        .expect("settled");
    assert_eq!(
        home.sim
            .asked()
            .iter()
            .filter(|a| a.starts_with("stop"))
            .collect::<Vec<_>>(),
        ["stop 101", "stop nas"]
    );
}

#[tokio::test]
async fn a_question_survives_a_restart_and_ends_when_its_node_is_needed_again() {
    let home = Home::reference().await;
    home.run(Action::Start, "lxc-jellyfin").await;
    home.run(Action::Stop, "lxc-jellyfin").await;
    home.wait_for("the question", |s| !s.questions.is_empty())
        .await;
    let home = home.reopened().await;
    assert_eq!(home.handle.snapshot().questions.len(), 1);
    home.run(Action::Start, "nextcloud").await;
    home.wait_for("the question's end", |s| s.questions.is_empty())
        .await;
    assert!(!home.sim.asked().contains(&"stop nas".to_owned()));
}

#[tokio::test]
async fn what_others_use_is_protected_and_the_journal_says_by_whom() {
    let home = Home::reference().await;
    home.run(Action::Start, "lxc-jellyfin").await;
    home.run(Action::Start, "nextcloud").await;
    home.run(Action::Stop, "lxc-jellyfin").await;
    let lines = home
        .handle
        .journal(JournalQuery::default())
        .await
        .expect("journal");
    let decided: Vec<_> = lines
        .iter()
        .filter(|l| l.message == "nas stays on: needed by nextcloud")
        .collect();
    assert_eq!(decided.len(), 1, "said once: {lines:#?}");
    let reason = decided[0].reason.as_deref().unwrap_or_default();
    assert!(reason.starts_with("on for: nextcloud ("), "{reason}");
    assert!(home.handle.snapshot().questions.is_empty());
    let refused = home
        .handle
        .run(home.ask(Action::Stop, "nas"))
        .await
        .expect("answer");
    let RunAnswer::Refused { refusal } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (refusal.kind.as_str(), refusal.by),
        ("needed_by", vec!["nextcloud".to_owned()])
    );
}

#[tokio::test]
async fn a_failed_step_halts_there_with_the_platforms_words_and_retry_goes_on() {
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
    let failure = ended.failure.expect("a failure");
    assert_eq!(failure.message, "CT is locked (backup)");
    assert!(failure.advice.contains("retry"), "{}", failure.advice);
    assert_eq!(home.node("nas").power, Power::On, "what is up stays up");
    assert_eq!(home.node("lxc-jellyfin").power, Power::Failed);
    home.sim.with(|s| s.fails.clear());
    let answer = home.handle.resume(ended.id).await.expect("retried");
    let again = home.ended(answer).await;
    assert_eq!(again.status, CascadeStatus::Completed);
    assert_eq!(again.steps.len(), 1, "what is on is not started again");
}

#[tokio::test]
async fn a_failed_stop_keeps_everything_below_it_on() {
    let home = Home::reference().await;
    home.run(Action::Start, "jellystat").await;
    let stuck = ConnectorError::new(
        ErrorKind::Rejected,
        "stop container",
        "device or resource busy",
    );
    home.sim
        .with(|s| s.fails.insert("stop jellystat".to_owned(), stuck));
    let ended = home.run(Action::Stop, "machine1").await;
    assert_eq!(ended.status, CascadeStatus::Failed);
    let stops: Vec<_> = home
        .sim
        .asked()
        .into_iter()
        .filter(|a| a.starts_with("stop"))
        .collect();
    assert_eq!(stops, ["stop jellystat"]);
    assert_eq!(home.node("machine1").power, Power::On);
}

#[tokio::test]
async fn a_machine_that_never_wakes_times_out_with_what_was_tried() {
    let home = Home::reference().await;
    let mut entry = home
        .handle
        .node_entry(home.node("nas").id)
        .await
        .expect("entry");
    entry.start_timeout_seconds = Some(1);
    home.handle
        .save_node(Some(home.node("nas").id), entry, vec![])
        .await
        .expect("saved");
    home.sim.with(|s| s.ignores.insert("wake nas".to_owned()));
    let ended = home.run(Action::Start, "nas").await;
    let failure = ended.failure.expect("a failure");
    assert_eq!(failure.kind, ErrorKind::TimedOut);
    assert!(
        failure.message.contains("magic packet"),
        "{}",
        failure.message
    );
    assert!(failure.message.contains("no answer"), "{}", failure.message);
}

#[tokio::test]
async fn a_second_cascade_on_the_same_nodes_is_refused_by_name_or_queued() {
    let home = Home::reference().await;
    home.sim.with(|s| s.delay = Duration::from_millis(300));
    let first = home
        .handle
        .run(home.ask(Action::Start, "lxc-jellyfin"))
        .await
        .expect("started");
    let busy = home
        .handle
        .run(home.ask(Action::Start, "nas"))
        .await
        .expect("answer");
    let RunAnswer::Busy { title, .. } = busy else {
        panic!("{busy:?}")
    };
    assert_eq!(title, "the start of lxc-jellyfin");
    let disjoint = home
        .handle
        .run(home.ask(Action::Start, "pihole"))
        .await
        .expect("answer");
    assert!(
        matches!(disjoint, RunAnswer::Started { .. }),
        "{disjoint:?}"
    );
    let ask = Ask {
        queue: true,
        ..home.ask(Action::Start, "vm-homeassistant")
    };
    let queued = home.handle.run(ask).await.expect("answer");
    assert!(matches!(queued, RunAnswer::Queued { .. }), "{queued:?}");
    home.ended(first).await;
    home.wait_for("the queued start", |s| {
        s.nodes
            .iter()
            .any(|n| n.name == "vm-homeassistant" && n.power == Power::On)
    })
    .await;
}

#[tokio::test]
async fn cancel_ends_after_the_step_in_progress() {
    let home = Home::reference().await;
    home.sim.with(|s| s.delay = Duration::from_millis(300));
    let answer = home
        .handle
        .run(home.ask(Action::Start, "lxc-jellyfin"))
        .await
        .expect("started");
    let RunAnswer::Started { cascade } = answer else {
        panic!("{answer:?}")
    };
    home.handle.cancel(cascade).await.expect("cancelled");
    let ended = home.ended(answer).await;
    assert_eq!(ended.status, CascadeStatus::Cancelled);
    assert_eq!(ended.steps[0].status, StepStatus::Done);
    assert_eq!(ended.steps[1].status, StepStatus::Cancelled);
    assert_eq!(home.sim.asked(), ["wake nas"]);
}

#[tokio::test]
async fn an_interrupted_start_is_offered_and_resumes_from_what_is_on() {
    let home = Home::reference().await;
    home.sim.with(|s| s.hangs.insert("start 101".to_owned()));
    home.handle
        .run(home.ask(Action::Start, "lxc-jellyfin"))
        .await
        .expect("started");
    home.wait_for("step 3", |s| {
        s.cascades
            .iter()
            .any(|c| c.steps.len() == 3 && c.steps[2].status == StepStatus::Running)
    })
    .await;
    let home = home.reopened().await;
    home.sim.with(|s| s.hangs.clear());
    let snapshot = home.handle.snapshot();
    let interrupted = &snapshot.cascades[0];
    assert_eq!(interrupted.status, CascadeStatus::Interrupted);
    assert_eq!(interrupted.steps[0].status, StepStatus::Done);
    let before = home.sim.asked().len();
    let answer = home.handle.resume(interrupted.id).await.expect("resumed");
    assert_eq!(home.ended(answer).await.status, CascadeStatus::Completed);
    assert_eq!(home.sim.asked()[before..], ["start 101"]);
    assert!(
        home.handle
            .snapshot()
            .cascades
            .iter()
            .all(|c| c.status != CascadeStatus::Interrupted),
        "what was resumed is no longer offered"
    );
}

#[tokio::test]
async fn an_interrupted_stop_does_not_go_on_by_itself_and_resume_finishes_with_its_question() {
    let home = Home::reference().await;
    home.run(Action::Start, "sandbox").await;
    home.sim.with(|s| s.hangs.insert("stop 100".to_owned()));
    home.handle
        .run(home.ask(Action::Stop, "machine1"))
        .await
        .expect("started");
    home.wait_for("vm-docker stopping", |s| {
        s.cascades.iter().any(|c| {
            c.steps
                .iter()
                .any(|t| t.node_name == "vm-docker" && t.status == StepStatus::Running)
        })
    })
    .await;
    let home = home.reopened().await;
    home.sim.with(|s| s.hangs.clear());
    let before = home.sim.asked().len();
    assert_eq!(home.node("machine1").power, Power::On);
    assert_eq!(
        home.sim.asked().len(),
        before,
        "a stop never resumes by itself"
    );
    let interrupted = home.handle.snapshot().cascades[0].id;
    let answer = home.handle.resume(interrupted).await.expect("resumed");
    let ended = home.ended(answer).await;
    assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
    // sandbox was stopped before the crash: what it needed is looked at all the same
    assert_eq!(
        home.sim.asked()[before..],
        ["stop 100", "stop machine1", "stop 101"]
    );
    home.wait_for("the question about nas", |s| {
        s.questions.iter().any(|q| q.node_name == "nas")
    })
    .await;
}

#[tokio::test]
async fn a_node_that_is_used_again_since_the_plan_is_not_stopped() {
    let home = Home::reference().await;
    home.run(Action::Start, "jellystat").await;
    home.sim.with(|s| s.delay = Duration::from_millis(500));
    let answer = home
        .handle
        .run(home.ask(Action::Stop, "vm-docker"))
        .await
        .expect("started");
    // while jellystat goes down somebody starts another container behind our back
    home.sim.switch("sandbox", true);
    let ended = home.ended(answer).await;
    assert_eq!(ended.status, CascadeStatus::Failed, "{ended:#?}");
    assert!(!home.sim.asked().contains(&"stop 100".to_owned()));
    let failure = ended.failure.expect("why");
    assert!(failure.message.contains("sandbox"), "{}", failure.message);
}

#[tokio::test]
async fn a_node_removed_while_its_cascade_runs_fails_its_step() {
    let home = Home::reference().await;
    home.sim.with(|s| s.delay = Duration::from_millis(400));
    let answer = home
        .handle
        .run(home.ask(Action::Start, "sandbox"))
        .await
        .expect("started");
    home.handle
        .remove_node(home.node("sandbox").id)
        .await
        .expect("removed");
    let ended = home.ended(answer).await;
    assert_eq!(ended.status, CascadeStatus::Failed);
    assert!(ended.failure.expect("why").message.contains("removed"));
}

#[tokio::test]
async fn a_refused_connection_is_unknown_and_never_off() {
    let home = Home::reference().await;
    home.sim.with(|s| s.refuses.insert("10.77.0.3".to_owned()));
    let plan = home
        .handle
        .plan(home.ask(Action::Start, "nas"))
        .await
        .expect("plan");
    assert!(matches!(plan, PlanAnswer::Plan { plan } if plan.steps.len() == 1));
    let _watched = home.handle.attention();
    home.wait_for("nas unknown", |s| {
        s.nodes
            .iter()
            .any(|n| n.name == "nas" && n.power == Power::Unknown && n.note.is_some())
    })
    .await;
}

#[tokio::test]
async fn a_failing_host_api_makes_its_guests_unknown_and_keeps_what_they_need() {
    let home = Home::reference().await;
    home.run(Action::Start, "lxc-jellyfin").await;
    let down = ConnectorError::new(ErrorKind::Unreachable, "ask machine2", "connection reset");
    home.sim
        .with(|s| s.fails.insert("observe machine2".to_owned(), down));
    let _watched = home.handle.attention();
    home.wait_for("lxc-jellyfin unknown", |s| {
        s.nodes
            .iter()
            .any(|n| n.name == "lxc-jellyfin" && n.power == Power::Unknown)
    })
    .await;
    let refused = home
        .handle
        .run(home.ask(Action::Stop, "nas"))
        .await
        .expect("answer");
    let RunAnswer::Refused { refusal } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(refusal.by, ["lxc-jellyfin"]);
    assert_eq!(home.node("lxc-jellyfin").power, Power::Unknown);
}

#[tokio::test]
async fn edits_are_checked_over_both_layers_and_change_nothing_when_refused() {
    let home = Home::reference().await;
    let before = home.handle.export().await.expect("export");
    let mut entry = home
        .handle
        .node_entry(home.node("machine1").id)
        .await
        .expect("entry");
    entry.depends_on = vec!["qbittorrent".to_owned()];
    let error = home
        .handle
        .save_node(Some(home.node("machine1").id), entry, vec![])
        .await
        .expect_err("a cycle");
    let CommandError::Entry { errors } = error else {
        panic!("{error:?}")
    };
    let message = &errors[0].message;
    for name in ["machine1", "vm-docker", "qbittorrent"] {
        assert!(message.contains(name), "{message}");
    }
    assert_eq!(home.handle.export().await.expect("export"), before);
}

#[tokio::test]
async fn a_host_with_running_guests_that_nobody_configured_is_not_proposed_for_a_stop() {
    let home = Home::reference().await;
    home.sim.with(|s| {
        s.guests.push((
            "raspberry".to_owned(),
            wakehub_domain::NodeKind::Container,
            "stranger".to_owned(),
            "stranger".to_owned(),
        ));
        s.on.insert("stranger".to_owned());
        s.on.insert("raspberry".to_owned());
    });
    let _watched = home.handle.attention();
    home.wait_for("one to configure", |s| {
        s.nodes
            .iter()
            .any(|n| n.name == "raspberry" && n.to_configure == 1)
    })
    .await;
    let ask = Ask {
        automatic: true,
        ..home.ask(Action::Stop, "raspberry")
    };
    let answer = home.handle.plan(ask).await.expect("answer");
    let PlanAnswer::Refused { refusal } = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(refusal.kind, "locked");
    assert!(refusal.message.contains("stranger"), "{}", refusal.message);
}

#[tokio::test]
async fn seeing_the_same_state_again_is_no_news_and_takes_back_no_failure() {
    let home = Home::reference().await;
    let locked = ConnectorError::new(
        ErrorKind::Rejected,
        "start lxc 101",
        "CT is locked (backup)",
    );
    home.sim
        .with(|s| s.fails.insert("start 101".to_owned(), locked));
    home.run(Action::Start, "lxc-jellyfin").await;
    let before = home.node("machine2").seen;
    // a preview looks at what was not seen for three seconds
    tokio::time::sleep(Duration::from_millis(3100)).await;
    let ask = home.ask(Action::Start, "lxc-jellyfin");
    home.handle.plan(ask).await.expect("plan");
    home.wait_for("a newer look", |s| {
        s.nodes
            .iter()
            .any(|n| n.name == "machine2" && n.seen > before)
    })
    .await;
    assert_eq!(home.node("lxc-jellyfin").power, Power::Failed);
    let lines = home
        .handle
        .journal(JournalQuery::default())
        .await
        .expect("journal");
    let states: Vec<_> = lines.iter().filter(|line| line.kind == "state").collect();
    assert!(states.is_empty(), "{states:#?}");
}

#[tokio::test]
async fn a_machine_that_goes_off_over_unknown_takes_back_its_failure_and_is_journalled() {
    let home = Home::reference().await;
    home.sim.switch("nas", true);
    home.wait_and_look("nas", Power::On).await;
    let inhibited = ConnectorError::new(ErrorKind::Rejected, "stop nas", "Operation inhibited");
    home.sim
        .with(|s| s.fails.insert("stop nas".to_owned(), inhibited));
    home.run(Action::Stop, "nas").await;
    assert_eq!(home.node("nas").power, Power::Failed);
    home.sim.switch("nas", false);
    home.sim.with(|s| s.refuses.insert("10.77.0.3".to_owned()));
    home.wait_and_look("nas", Power::Unknown).await;
    home.sim.with(|s| s.refuses.clear());
    home.wait_and_look("nas", Power::Off).await;
    let lines = home
        .handle
        .journal(JournalQuery::default())
        .await
        .expect("journal");
    assert!(
        lines.iter().any(|line| line.message == "nas is off"),
        "{lines:#?}"
    );
}

#[tokio::test]
async fn what_waits_behind_a_cascade_can_be_taken_back() {
    let home = Home::reference().await;
    home.sim.with(|s| s.hangs.insert("start 101".to_owned()));
    let first = home
        .handle
        .run(home.ask(Action::Start, "lxc-jellyfin"))
        .await;
    let RunAnswer::Started { cascade } = first.expect("answer") else {
        panic!("not started")
    };
    let ask = Ask {
        queue: true,
        ..home.ask(Action::Start, "lxc-jellyfin")
    };
    for _ in 0..2 {
        let queued = home.handle.run(ask.clone()).await.expect("answer");
        assert_eq!(queued, RunAnswer::Queued { behind: cascade });
    }
    let both = home.wait_for("both", |s| s.queued.len() == 2).await;
    let (one, other) = (both.queued[0].id, both.queued[1].id);
    assert_ne!(one, other);
    home.handle.cancel_queued(one).await.expect("cancelled");
    let left = home.wait_for("one", |s| s.queued.len() == 1).await;
    assert_eq!(left.queued[0].id, other);
    home.handle.cancel_queued(one).await.expect("gone already");
    home.handle.cancel_queued(other).await.expect("cancelled");
    home.wait_for("none", |s| s.queued.is_empty()).await;
    let lines = home.handle.journal(JournalQuery::default()).await;
    let told = |l: &wakehub_view::wire::JournalLine| {
        l.message == "the start of lxc-jellyfin no longer waits"
    };
    assert_eq!(
        lines.expect("journal").iter().filter(|l| told(l)).count(),
        2
    );
}

#[tokio::test]
async fn a_journal_too_long_for_a_page_is_exported_whole() {
    let home = Home::reference().await;
    let nas = home.node("nas").id;
    for _ in 0..300 {
        home.handle
            .hold_for(nas, Duration::from_secs(60))
            .await
            .expect("held");
        home.handle.hold(nas, None).await.expect("released");
    }
    let query = JournalQuery {
        kinds: Some(vec!["hold".to_owned()]),
        ..JournalQuery::default()
    };
    let format = wakehub_view::wire::JournalFormat::JsonLines;
    let export = |query| home.handle.export_journal(query, format);
    let whole = export(query.clone()).await.expect("exported");
    assert_eq!(whole.lines().count(), 600);
    assert!(
        whole
            .lines()
            .next()
            .expect("a line")
            .contains("is kept on for")
    );
    let limit = Some(3);
    let newest = export(JournalQuery { limit, ..query })
        .await
        .expect("exported");
    assert!(
        whole.ends_with(&newest) && newest.lines().count() == 3,
        "{newest}"
    );
}

#[tokio::test]
async fn settings_are_checked_kept_and_planned_with() {
    let home = Home::reference().await;
    let mut settings = home.handle.engine_settings().await.expect("settings");
    assert_eq!(settings, EngineSettings::default());
    settings.start_timeout_s.lxc = 4;
    let refused = home.handle.configure(settings.clone()).await;
    let Err(CommandError::Other { message }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        message,
        "the start timeout of lxcs must be 5 to 3600 seconds, not 4"
    );
    settings.start_timeout_s.lxc = 75;
    home.handle.configure(settings.clone()).await.expect("kept");
    let home = home.reopened().await;
    let kept = home.handle.engine_settings().await.expect("settings");
    assert_eq!(kept, settings);
    let answer = home.handle.plan(home.ask(Action::Start, "lxc-jellyfin"));
    let PlanAnswer::Plan { plan } = answer.await.expect("plan") else {
        panic!("refused");
    };
    let step = plan.steps.last().expect("a step");
    assert_eq!(
        (step.node_name.as_str(), step.timeout_ms),
        ("lxc-jellyfin", 75_000)
    );
}
