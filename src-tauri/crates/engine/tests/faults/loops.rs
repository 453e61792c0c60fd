//! What the loop itself must stand: jumps of the clock, many nodes, asks at once, edits and an end in the middle.

use crate::sim::{Home, Pocket, REFERENCE, Sim, open_at};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use wakehub_domain::{Action, Timestamp};
use wakehub_engine::{Clock, SystemClock};
use wakehub_view::wire::{CascadeStatus, CommandError, Power, RunAnswer, StepStatus};

#[derive(Default)]
struct Jumping(AtomicI64);

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn after_a_sleep_everything_is_looked_at_again() {
    let clock = Arc::new(Jumping::default());
    let sim = Sim::reference();
    let folder = Arc::new(TempDir::new().expect("folder"));
    let secrets = Arc::new(Pocket::default());
    let handle = open_at(&sim, folder.path(), clock.clone(), secrets).await;
    let home = Home {
        sim,
        handle,
        folder,
    };
    home.handle
        .import(REFERENCE.to_owned())
        .await
        .expect("imported");
    home.settled().await;
    // nobody watches: the next poll is a minute away, the clock jumps forth and back
    for (millis, machine) in [(3_600_000, "nas"), (-7_200_000, "raspberry")] {
        home.sim.switch(machine, true);
        clock.0.fetch_add(millis, Ordering::SeqCst);
        home.wait_for(machine, |s| {
            s.nodes
                .iter()
                .any(|n| n.name == machine && n.power == Power::On)
        })
        .await;
    }
    let ended = home.run(Action::Start, "pihole").await;
    assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
}

#[tokio::test]
async fn of_two_starts_at_once_one_runs_and_nothing_is_asked_twice() {
    let home = Home::reference().await;
    let (one, other) = tokio::join!(
        home.handle.run(home.ask(Action::Start, "lxc-jellyfin")),
        home.handle.run(home.ask(Action::Start, "lxc-jellyfin")),
    );
    let (mut started, mut busy) = (None, 0);
    for answer in [one.expect("answer"), other.expect("answer")] {
        match answer {
            RunAnswer::Started { .. } => assert!(started.replace(answer).is_none(), "two at once"),
            RunAnswer::Busy { .. } => busy += 1,
            no
            @ (RunAnswer::Queued { .. } | RunAnswer::NothingToDo | RunAnswer::Refused { .. }) => {
                panic!("{no:?}")
            }
        }
    }
    assert_eq!(busy, 1);
    let ended = home.ended(started.expect("started")).await;
    assert_eq!(ended.status, CascadeStatus::Completed);
    assert_eq!(home.sim.asked(), ["wake nas", "wake machine2", "start 101"]);
}

#[tokio::test]
async fn a_thousand_nodes_are_shown_planned_and_exported() {
    let mut text = String::new();
    for machine in 0..20 {
        writeln!(
            text,
            "[[node]]\nname = \"m{machine}\"\nkind = \"machine\"\naddress = \"10.78.0.{machine}\"\nmac = \"52:54:00:00:01:{machine:02x}\"\ndocker_api = {{ url = \"tcp://10.78.0.{machine}:2375\" }}\n"
        )
        .expect("text");
        for container in 0..49 {
            writeln!(
                text,
                "[[node]]\nname = \"c{machine}-{container}\"\nkind = \"container\"\nhost = \"m{machine}\"\n"
            )
            .expect("text");
            if container > 0 {
                writeln!(text, "depends_on = [\"c{machine}-{}\"]\n", container - 1).expect("text");
            }
        }
    }
    let home = Home::empty().await;
    let report = home.handle.import(text).await.expect("imported");
    assert_eq!(report.added.len(), 1000);
    home.settled().await;
    assert_eq!(home.handle.snapshot().nodes.len(), 1000);
    let ask = home.ask(Action::Start, "c7-48");
    let planned = format!("{:?}", home.handle.plan(ask).await.expect("plan"));
    assert!(planned.contains("c7-0") && !planned.contains("c8-0"));
    let exported = home.handle.export().await.expect("export");
    assert_eq!(exported.matches("[[node]]").count(), 1000);
}

#[tokio::test]
async fn an_import_while_a_cascade_runs_does_not_disturb_it() {
    let home = Home::reference().await;
    home.sim
        .with(|s| s.delay = std::time::Duration::from_millis(300));
    let answer = home
        .handle
        .run(home.ask(Action::Start, "lxc-jellyfin"))
        .await;
    let more = format!("{REFERENCE}\n[[node]]\nname = \"tv\"\nkind = \"machine\"\n");
    let report = home.handle.import(more).await.expect("imported");
    assert_eq!(report.added, ["tv"]);
    let ended = home.ended(answer.expect("begun")).await;
    assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
    assert_eq!(home.sim.asked(), ["wake nas", "wake machine2", "start 101"]);
}

#[tokio::test]
async fn an_import_with_a_cycle_changes_nothing() {
    let home = Home::reference().await;
    let before = home.handle.export().await.expect("export");
    let cycle = REFERENCE.replace(
        "name = \"machine2\"\n",
        "name = \"machine2\"\ndepends_on = [\"lxc-cloudflared\"]\n",
    );
    assert_ne!(cycle, REFERENCE);
    let refused = home.handle.import(cycle).await.expect_err("a cycle");
    let CommandError::Entry { errors } = refused else {
        panic!("{refused:?}")
    };
    assert!(errors[0].line.is_some(), "{errors:?}");
    for name in ["machine2", "lxc-cloudflared"] {
        assert!(errors[0].message.contains(name), "{errors:?}");
    }
    assert_eq!(home.handle.export().await.expect("export"), before);
}

#[tokio::test]
async fn an_end_in_the_middle_leaves_the_cascade_interrupted_and_answers_no_more() {
    let home = Home::reference().await;
    home.sim.with(|s| s.hangs.insert("wake nas".to_owned()));
    let ask = home.ask(Action::Start, "lxc-jellyfin");
    home.handle.run(ask.clone()).await.expect("begun");
    home.wait_for("the first step", |s| {
        let mut steps = s.cascades.iter().flat_map(|c| &c.steps);
        steps.any(|step| step.status == StepStatus::Running)
    })
    .await;
    let old = home.handle.clone();
    let home = home.reopened().await;
    assert!(old.run(ask).await.is_err());
    assert!(old.export().await.is_err());
    let snapshot = home.handle.snapshot();
    assert_eq!(snapshot.cascades.len(), 1);
    assert_eq!(snapshot.cascades[0].status, CascadeStatus::Interrupted);
    assert_eq!(home.sim.asked(), ["wake nas"], "nothing goes on by itself");
}
