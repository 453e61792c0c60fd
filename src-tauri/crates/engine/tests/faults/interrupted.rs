//! Ends in the middle, more than once.

use crate::sim::Home;
use wakehub_domain::Action;
use wakehub_view::wire::{CascadeStatus, StepStatus};

/// Stops machine1 or resumes that, until the step on this node hangs; then WakeHub ends and comes back.
async fn interrupted_at(home: Home, hangs: &str, node: &str) -> Home {
    home.sim.with(|s| s.hangs.insert(hangs.to_owned()));
    let interrupted = home.handle.snapshot();
    let interrupted = interrupted.cascades.first();
    let begun = match interrupted.filter(|c| c.status == CascadeStatus::Interrupted) {
        Some(cascade) => home.handle.resume(cascade.id).await,
        None => home.handle.run(home.ask(Action::Stop, "machine1")).await,
    };
    begun.expect("begun");
    home.wait_for(node, |s| {
        let steps = s.cascades.iter().flat_map(|c| &c.steps);
        let mut running = steps.filter(|step| step.status == StepStatus::Running);
        running.any(|step| step.node_name == node)
    })
    .await;
    let home = home.reopened().await;
    home.sim.with(|s| s.hangs.clear());
    home
}

#[tokio::test]
async fn a_stop_that_is_interrupted_twice_still_frees_what_the_first_had_stopped() {
    let home = Home::reference().await;
    home.run(Action::Start, "sandbox").await;
    let home = interrupted_at(home, "stop 100", "vm-docker").await;
    let home = interrupted_at(home, "stop machine1", "machine1").await;
    let cascade = home.handle.snapshot().cascades[0].id;
    let answer = home.handle.resume(cascade).await.expect("resumed");
    let ended = home.ended(answer).await;
    assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
    assert!(home.sim.asked().contains(&"stop 101".to_owned()));
    home.wait_for("the question about nas", |s| {
        s.questions.iter().any(|q| q.node_name == "nas")
    })
    .await;
}

#[tokio::test]
async fn an_offer_to_resume_that_cannot_begin_yet_stays() {
    let home = Home::reference().await;
    home.run(Action::Start, "sandbox").await;
    let home = interrupted_at(home, "stop 100", "vm-docker").await;
    home.sim
        .with(|s| s.hangs.insert("stop jellystat".to_owned()));
    home.sim.switch("jellystat", true);
    let other = home.handle.run(home.ask(Action::Stop, "vm-docker")).await;
    other.expect("begun");
    let offered = home.handle.snapshot();
    let offered = offered
        .cascades
        .iter()
        .find(|c| c.status == CascadeStatus::Interrupted);
    let offered = offered.expect("offered").id;
    let busy = home.handle.resume(offered).await.expect("answer");
    assert!(
        matches!(busy, wakehub_view::wire::RunAnswer::Busy { .. }),
        "{busy:?}"
    );
    assert!(
        home.handle
            .snapshot()
            .cascades
            .iter()
            .any(|c| c.id == offered)
    );
}
