//! Watching a cascade, step by step, until it ends.

use anyhow::anyhow;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::watch;
use wakehub_domain::CascadeId;
use wakehub_engine::{Announcement, Handle};
use wakehub_view::wire::{CascadeStatus, CascadeView, Power, Snapshot, StepStatus};

use crate::outcome::Failure;
use crate::print;
use crate::wakehub::Wakehub;

pub async fn cascade(
    handle: &Wakehub,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    id: CascadeId,
    json: bool,
) -> Result<(), Failure> {
    let mut told: Vec<(StepStatus, Option<String>)> = Vec::new();
    let ended = loop {
        let seen = snapshots
            .borrow_and_update()
            .cascades
            .iter()
            .find(|cascade| cascade.id == id)
            .cloned();
        if let Some(cascade) = seen {
            if !json {
                tell_steps(&cascade, &mut told);
            }
            if cascade.ended.is_some() {
                break cascade;
            }
        }
        snapshots
            .changed()
            .await
            .map_err(|_| anyhow!("the engine has ended"))?;
    };
    if json {
        print::json(&json!(ended));
    }
    follow_ups(handle, json);
    match (ended.status, ended.failure) {
        (CascadeStatus::Completed, _) => {
            if !json {
                print::line("done");
            }
            Ok(())
        }
        (_, Some(_)) if json => Err(Failure::Told),
        (_, Some(failure)) => Err(Failure::Command(
            wakehub_view::wire::CommandError::Failure { failure },
        )),
        (status, None) => {
            let word = if status == CascadeStatus::Cancelled {
                "cancelled"
            } else {
                "it did not complete"
            };
            Err(anyhow!(word).into())
        }
    }
}

/// Waits for the one in the way, then for the one that was asked for.
pub async fn queued(
    handle: &Wakehub,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    behind: CascadeId,
    json: bool,
) -> Result<(), Failure> {
    if !json {
        print::line("waits for a running cascade to end");
    }
    let next = loop {
        let snapshot = snapshots.borrow_and_update().clone();
        if let Some(next) = snapshot.cascades.iter().find(|cascade| cascade.id > behind) {
            break next.id;
        }
        let ended = !snapshot
            .cascades
            .iter()
            .any(|cascade| cascade.id == behind && cascade.ended.is_none());
        if ended && snapshot.queued.is_empty() {
            return Err(anyhow!("it was not begun; `wakehub journal` says why").into());
        }
        snapshots
            .changed()
            .await
            .map_err(|_| anyhow!("the engine has ended"))?;
    };
    cascade(handle, snapshots, next, json).await
}

fn tell_steps(cascade: &CascadeView, told: &mut Vec<(StepStatus, Option<String>)>) {
    let steps = cascade.steps.len();
    for (at, step) in cascade.steps.iter().enumerate() {
        let now = (step.status, step.detail.clone());
        match told.get_mut(at) {
            Some(before) if *before == now => continue,
            Some(before) => *before = now,
            None if step.status == StepStatus::Waits => {
                told.push(now);
                continue;
            }
            None => told.push(now),
        }
        let word = match step.status {
            StepStatus::Waits => continue,
            StepStatus::Running => "…",
            StepStatus::Done => "done",
            StepStatus::Failed => "failed",
            StepStatus::Skipped => "left on",
            StepStatus::Cancelled => "cancelled",
        };
        let detail = step
            .detail
            .as_ref()
            .map(|detail| format!(" ({detail})"))
            .unwrap_or_default();
        print::line(&format!(
            "{}/{steps} {} {}: {word}{detail}",
            at + 1,
            step.action.as_str(),
            step.node_name
        ));
    }
}

fn follow_ups(handle: &Wakehub, json: bool) {
    if json {
        return;
    }
    for question in &handle.snapshot().questions {
        print::line(&format!(
            "{} is on and {}; `wakehub stop {}` shuts it down",
            question.node_name, question.reason, question.node_name
        ));
    }
}

/// Until every node has been looked at once, so that a list does not begin with a column of "unknown".
pub async fn until_seen(handle: &Wakehub) {
    let _looking = handle.attention();
    let mut snapshots = handle.snapshots();
    let seen = snapshots.wait_for(|snapshot| {
        snapshot
            .nodes
            .iter()
            .all(|node| node.seen.is_some() || node.power != Power::Unknown || node.note.is_some())
    });
    let _ = tokio::time::timeout(std::time::Duration::from_secs(12), seen).await;
}

/// `wakehub run`: tells what happens until somebody ends it.
pub async fn forever(handle: &Handle, json: bool) {
    let mut announcements = handle.announcements();
    if !json {
        print::line("running; Ctrl-C ends");
    }
    loop {
        match announcements.recv().await {
            Ok(Announcement::Ended(cascade)) => {
                if json {
                    print::json(&json!({ "ended": cascade }));
                } else {
                    let word = match cascade.status {
                        CascadeStatus::Completed => "completed",
                        CascadeStatus::Failed => "failed",
                        CascadeStatus::Cancelled => "cancelled",
                        CascadeStatus::Running | CascadeStatus::Interrupted => "ended",
                    };
                    print::line(&format!(
                        "{} {} {word}",
                        cascade.action.as_str(),
                        cascade.node_name
                    ));
                }
            }
            Ok(Announcement::Asked(question)) => {
                if json {
                    print::json(&json!({ "asked": question }));
                } else {
                    print::line(&format!(
                        "{}: shut it down? {}",
                        question.node_name, question.reason
                    ));
                }
            }
            Ok(Announcement::Settled(_) | Announcement::OpenUrl { .. }) => {}
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        }
    }
}
