//! What running cascades tell, and what follows when they end.

use std::collections::BTreeSet;
use tokio::sync::oneshot;
use wakehub_connectors::GuestReport;
use wakehub_connectors::reach::Sighting;
use wakehub_domain::{Action, CascadeId, NodeId, NodeKind, Plan, PowerState};
use wakehub_store::Outcome;
use wakehub_view::advice::failure_view;
use wakehub_view::said::Said;
use wakehub_view::wire::{Ask, CascadeStatus, CommandError, StepStatus};

use super::Controller;
use super::plans::{Goal, Order};
use crate::executor::{CascadeEnd, Progress, StepEnd};
use crate::handle::Announcement;
use crate::request::Reply;

/// Ended cascades in a snapshot; the journal has them all.
const ENDED_SHOWN: usize = 8;

impl Controller {
    pub(super) async fn progressed(&mut self, cascade: CascadeId, progress: Progress) {
        self.changed = true;
        let now = self.clock.now();
        let Some(running) = self.running.get_mut(&cascade) else {
            return;
        };
        match progress {
            Progress::Began { step } => {
                if let Some(view) = running.view.steps.get_mut(step) {
                    view.status = StepStatus::Running;
                    view.begun = Some(now);
                }
            }
            Progress::Doing { step, detail } => {
                if let Some(view) = running.view.steps.get_mut(step) {
                    view.detail = Some(detail);
                }
            }
            Progress::Ended { step, outcome } => self.step_ended(cascade, step, outcome),
            Progress::MayStop { step, reply } => {
                self.after_looking(Goal::MayStop {
                    cascade,
                    step,
                    reply,
                })
                .await;
            }
            Progress::Finished { end } => self.finished(cascade, end).await,
            Progress::FollowedUp => self.close(cascade, CascadeEnd::Completed).await,
        }
    }

    fn step_ended(&mut self, cascade: CascadeId, at: usize, outcome: StepEnd) {
        let now = self.clock.now();
        let Some(running) = self.running.get_mut(&cascade) else {
            return;
        };
        let (Some(view), Some(step)) = (
            running.view.steps.get_mut(at),
            running.plan.steps.get(at).cloned(),
        ) else {
            return;
        };
        view.ended = Some(now);
        match &outcome {
            StepEnd::Done => {
                view.status = StepStatus::Done;
                view.detail = None;
                if step.action == Action::Stop {
                    running.stopped.insert(step.node);
                }
                self.seen_by_step(step.node, step.action);
            }
            StepEnd::Skipped(reason) => {
                view.status = StepStatus::Skipped;
                view.detail = Some(reason.clone());
            }
            StepEnd::Failed(error) => {
                view.status = StepStatus::Failed;
                view.detail = Some(error.message.clone());
                self.failed.insert(step.node, failure_view(error, now));
            }
        }
        self.journal_step(cascade, &step, &outcome);
        self.believe();
    }

    /// The executor has waited for it and seen it, so the next plan must not believe an older look.
    fn seen_by_step(&mut self, id: NodeId, action: Action) {
        let now = self.clock.now();
        let Some(node) = self.graph.get(id).cloned() else {
            return;
        };
        let on = action == Action::Start;
        let evidence = self.evidence.entry(id).or_default();
        if node.kind == NodeKind::Machine {
            if on {
                evidence.looked(
                    Sighting::Answers {
                        port_open: true,
                        how: "its start".to_owned(),
                    },
                    now,
                );
                self.poll(id, true);
            } else {
                evidence.stopped(now);
            }
            return;
        }
        let before = evidence.last_report();
        evidence.reported(
            GuestReport {
                kind: node.kind,
                platform_id: node.platform_id.clone().unwrap_or_default(),
                name: before
                    .as_ref()
                    .map_or_else(|| node.name.clone(), |b| b.name.clone()),
                state: if on { PowerState::On } else { PowerState::Off },
                health: None,
                note: None,
                lock: None,
                member: before.as_ref().and_then(|b| b.member.clone()),
                identity: before.as_ref().and_then(|b| b.identity.clone()),
            },
            now,
        );
        if on {
            self.poll(id, true);
        }
    }

    async fn finished(&mut self, cascade: CascadeId, end: CascadeEnd) {
        let Some(running) = self.running.get(&cascade) else {
            return;
        };
        for step in &running.plan.steps {
            self.observations.in_cascade.remove(&step.node);
        }
        // what it has freed is asked about before its end is written: a crash in between leaves it to be resumed
        if let (CascadeEnd::Completed, Action::Stop, Some(node)) =
            (&end, running.view.action, running.view.node)
        {
            let stopped = running.stopped.clone();
            self.after_looking(Goal::FollowUps {
                cascade,
                stopped,
                node,
            })
            .await;
            return;
        }
        self.close(cascade, end).await;
    }

    async fn close(&mut self, cascade: CascadeId, end: CascadeEnd) {
        let Some(mut running) = self.running.remove(&cascade) else {
            return;
        };
        let now = self.clock.now();
        for view in &mut running.view.steps {
            if view.status == StepStatus::Waits {
                view.status = StepStatus::Cancelled;
            }
        }
        running.view.ended = Some(now);
        let outcome = match &end {
            CascadeEnd::Completed => {
                running.view.status = CascadeStatus::Completed;
                Outcome::Completed
            }
            CascadeEnd::Failed(error) => {
                running.view.status = CascadeStatus::Failed;
                running.view.failure = Some(failure_view(error, now));
                Outcome::Failed
            }
            CascadeEnd::Cancelled => {
                running.view.status = CascadeStatus::Cancelled;
                Outcome::Cancelled
            }
        };
        self.journal_ended(cascade, &running.view);
        let written = self
            .storage
            .call(move |store| store.end_cascade(cascade, now, outcome))
            .await;
        if let Err(error) = written.and_then(|written| written) {
            self.notice_store(&error);
            self.unended.push((cascade, now, outcome));
        }
        self.learn_durations().await;
        self.ended.push_front(running.view.clone());
        self.ended.truncate(ENDED_SHOWN);
        self.announce(Announcement::Ended(running.view.clone()));
        let is_asked_for = running.view.action == Action::Start && !running.view.automatic;
        if is_asked_for && running.view.status == CascadeStatus::Completed {
            self.open_service(running.view.node);
        }
        self.believe();
        self.begin_queued(cascade).await;
    }

    fn open_service(&self, node: Option<NodeId>) {
        let Some(node) = node.and_then(|id| self.graph.get(id)) else {
            return;
        };
        if let (true, Some(url)) = (node.settings.open_when_started, &node.settings.url) {
            self.announce(Announcement::OpenUrl {
                node: node.id,
                url: url.clone(),
            });
        }
    }

    /// The set is down: what it needed is looked at again, and what must be confirmed becomes a question.
    pub(super) async fn ask_follow_ups(
        &mut self,
        cascade: CascadeId,
        node: NodeId,
        mut stopped: BTreeSet<NodeId>,
    ) {
        // somebody may have started it again while it was looked at
        let is_on = |id: NodeId| self.observations.state(&self.graph, id) == PowerState::On;
        stopped.retain(|id| !is_on(*id));
        let intent = wakehub_domain::Intent::Stop {
            node,
            scope: wakehub_domain::StopScope::RefuseIfNeeded,
            automatic: false,
            stopped_before: stopped,
        };
        match self.plan_intent(&intent) {
            Ok(_) if is_on(node) => {}
            Ok(mut plan) => {
                // what has been said of it when it began is not said again
                if let Some(running) = self.running.get(&cascade) {
                    let said = &running.plan.protected;
                    plan.protected.retain(|protected| !said.contains(protected));
                }
                self.journal_protected(cascade, &plan);
                self.propose(&plan).await;
                self.stop_freed(&plan).await;
            }
            Err(refusal) => tracing::warn!(%refusal, "no follow-ups"),
        }
        let progress = self.progress.clone();
        tokio::spawn(async move { progress.send((cascade, Progress::FollowedUp)).await });
    }

    /// What is needed by what goes without being asked about is asked about when that is off.
    pub(super) async fn propose(&mut self, plan: &Plan) {
        for follow_up in &plan.follow_ups {
            let confirm = follow_up.mode == wakehub_domain::FollowUpMode::Confirm;
            if confirm && self.is_needed(follow_up.node).is_none() {
                self.ask(follow_up.node, follow_up.reason.clone()).await;
            }
        }
    }

    /// What need not be asked about and was still needed when the cascade was planned, by what another one has stopped meanwhile:
    /// it is in no cascade. Of its own it is stopped as all that nobody asked for is, with another look at who needs it.
    async fn stop_freed(&mut self, plan: &Plan) {
        let follow_ups = plan.follow_ups.iter();
        for follow_up in follow_ups.filter(|one| one.mode == wakehub_domain::FollowUpMode::Auto) {
            let order = Order {
                automatic: true,
                ..Order::from(Ask {
                    action: Action::Stop,
                    node: follow_up.node,
                    with_dependants: false,
                    queue: true,
                    automatic: true,
                })
            };
            if let Err(error) = self.begin(order).await {
                tracing::warn!(node = %self.graph.name(follow_up.node), ?error, "it stays on");
            }
        }
    }

    async fn begin_queued(&mut self, ended: CascadeId) {
        let (now, later) = std::mem::take(&mut self.queued)
            .into_iter()
            .partition(|queued| queued.behind == ended);
        self.queued = later;
        for queued in now {
            let (reply, answer) = oneshot::channel();
            let ask = Ask {
                queue: true,
                ..queued.ask.clone()
            };
            self.watch_queued(queued.ask, answer);
            // what nobody asked for stays so while it waits
            let automatic = ask.automatic;
            let order = Order {
                automatic,
                ..Order::from(ask)
            };
            self.after_looking(Goal::Run { order, reply }).await;
        }
    }

    /// What the last five times took, from the database: the new one is among them.
    async fn learn_durations(&mut self) {
        match self.storage.call(|store| store.usual_durations()).await {
            Ok(Ok(usual)) => self.observations.usual = usual,
            Ok(Err(error)) | Err(error) => self.notice_store(&error),
        }
    }

    pub(super) fn resume_order(&self, cascade: CascadeId) -> Result<Order, CommandError> {
        let Some(view) = self.ended.iter().find(|view| view.id == cascade) else {
            return Err(CommandError::Other {
                message: Said::NothingToResume.to_string(),
            });
        };
        let Some(node) = view.node else {
            return Err(CommandError::Other {
                message: Said::Edited {
                    name: &view.node_name,
                    edited: "removed",
                }
                .to_string(),
            });
        };
        // begun is enough: what turns out to be on still is simply stopped again
        let begun = view
            .steps
            .iter()
            .filter(|step| step.action == Action::Stop && step.begun.is_some())
            .filter_map(|step| step.node);
        let mut stopped_before: BTreeSet<NodeId> = begun.collect();
        // it may itself have been resumed
        stopped_before.extend(self.stopped_before.get(&cascade).into_iter().flatten());
        Ok(Order {
            ask: Ask {
                action: view.action,
                node,
                with_dependants: self.with_dependants.contains(&cascade),
                queue: false,
                automatic: false,
            },
            automatic: view.automatic,
            stopped_before,
            resumes: Some(cascade),
        })
    }

    pub(super) fn cancel(&mut self, cascade: CascadeId, reply: Reply<()>) {
        if let Some(running) = self.running.get_mut(&cascade) {
            running.cancel.cancel();
            running.view.cancelling = true;
            self.changed = true;
        }
        let _ = reply.send(Ok(()));
    }

    pub(super) fn cancel_queued(&mut self, id: u32) {
        let Some(at) = self.queued.iter().position(|queued| queued.id == id) else {
            return;
        };
        if let Some(queued) = self.queued.remove(at) {
            self.journal_unqueued(&queued.ask);
            self.changed = true;
        }
    }

    /// Takes it out of the snapshot and marks it as dealt with.
    pub(super) fn forget_cascade(&mut self, cascade: CascadeId) {
        self.ended.retain(|view| view.id != cascade);
        self.stopped_before.remove(&cascade);
        let now = self.clock.now();
        self.storage.send("dismiss a cascade", move |store| {
            store.dismiss_cascade(cascade, now)
        });
        self.changed = true;
    }
}
