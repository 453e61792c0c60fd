//! Look, plan, begin. A plan is never made from what was seen long ago.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wakehub_domain::{
    Action, CascadeId, Intent, NodeId, NodeKind, Plan, PowerState, QuestionId, Refusal, StopScope,
    few, plan,
};
use wakehub_store::BeginError;
use wakehub_view::plan::{plan_view, refusal_view};
use wakehub_view::said::Said;
use wakehub_view::wire::{
    Ask, CascadeStatus, CascadeView, CommandError, PlanAnswer, QueuedView, RunAnswer, StepStatus,
    StepView,
};

use super::holds::needs_of;
use super::{Controller, Running};
use crate::executor::{Execution, MayStop};
use crate::links::connections;
use crate::request::Reply;

/// What was seen this recently is seen now.
const FRESH: Duration = Duration::from_secs(3);
/// A machine that is confirmed off is not looked at again for every step.
const FRESH_OFF: Duration = Duration::from_secs(12);

/// Something that waits until nodes have been polled.
pub(crate) struct Waiting {
    outstanding: HashSet<NodeId>,
    /// Polled when `outstanding` is empty: guests with connections of their own, once it is known which are on.
    then_poll: Vec<NodeId>,
    goal: Goal,
}

pub(crate) enum Goal {
    Plan {
        ask: Ask,
        reply: Reply<PlanAnswer>,
    },
    Run {
        order: Order,
        reply: Reply<RunAnswer>,
    },
    MayStop {
        cascade: CascadeId,
        step: usize,
        reply: oneshot::Sender<MayStop>,
    },
    FollowUps {
        cascade: CascadeId,
        stopped: BTreeSet<NodeId>,
        node: NodeId,
    },
    HoldEnded {
        node: NodeId,
        then_stop: bool,
    },
    /// Its rule says that nobody uses it.
    Idle {
        node: NodeId,
    },
    /// Its schedule stops it.
    Scheduled {
        node: NodeId,
    },
    /// Nobody objected to its stop.
    GraceOver {
        question: QuestionId,
    },
}

/// An ask, and what an earlier run of it had done already.
#[derive(Clone)]
pub(crate) struct Order {
    pub ask: Ask,
    pub automatic: bool,
    pub stopped_before: BTreeSet<NodeId>,
    /// The cascade that this one takes up again.
    pub resumes: Option<CascadeId>,
}

pub(crate) struct QueuedAsk {
    pub id: u32,
    pub ask: Ask,
    pub behind: CascadeId,
}

impl From<Ask> for Order {
    fn from(ask: Ask) -> Order {
        Order {
            ask,
            automatic: false,
            stopped_before: BTreeSet::new(),
            resumes: None,
        }
    }
}

impl Order {
    fn intent(&self) -> Intent {
        match self.ask.action {
            Action::Start => Intent::start(self.ask.node),
            Action::Stop => Intent::Stop {
                node: self.ask.node,
                scope: if self.ask.with_dependants {
                    StopScope::WithDependants
                } else {
                    StopScope::RefuseIfNeeded
                },
                automatic: self.automatic,
                stopped_before: self.stopped_before.clone(),
            },
        }
    }
}

impl Controller {
    /// Polls all that matters for the goal and is not fresh, then goes on with it.
    pub(super) async fn after_looking(&mut self, goal: Goal) {
        let concerned = match &goal {
            Goal::Plan { ask, .. } => self.concerned(ask.action, ask.node),
            Goal::Run { order, .. } => self.concerned(order.ask.action, order.ask.node),
            Goal::MayStop { cascade, step, .. } => match self.step_node(*cascade, *step) {
                Some(node) => self.users_and_self(node),
                None => Vec::new(),
            },
            Goal::FollowUps { node, .. }
            | Goal::HoldEnded { node, .. }
            | Goal::Idle { node }
            | Goal::Scheduled { node } => self.concerned(Action::Stop, *node),
            Goal::GraceOver { question } => {
                let question = self.questions.iter().find(|q| q.id == *question);
                question.map_or_else(Vec::new, |q| self.concerned(Action::Stop, q.node))
            }
        };
        let fresh = match &goal {
            // the last moment at which a stop can still be refused
            Goal::MayStop { .. } => Duration::ZERO,
            Goal::Plan { .. }
            | Goal::Run { .. }
            | Goal::FollowUps { .. }
            | Goal::HoldEnded { .. }
            | Goal::Idle { .. }
            | Goal::Scheduled { .. }
            | Goal::GraceOver { .. } => FRESH,
        };
        let (machines, guests): (Vec<NodeId>, Vec<NodeId>) = concerned
            .into_iter()
            .filter(|id| self.is_stale(*id, fresh))
            .partition(|id| {
                self.graph
                    .get(*id)
                    .is_some_and(|node| node.kind == NodeKind::Machine)
            });
        for machine in &machines {
            self.poll(*machine, true);
        }
        self.waiting.push(Waiting {
            outstanding: machines.into_iter().collect(),
            then_poll: guests,
            goal,
        });
        self.go_on().await;
    }

    /// A poll of the node has ended: whoever waited for it goes on.
    pub(super) async fn refreshed(&mut self, node: NodeId) {
        for waiting in &mut self.waiting {
            waiting.outstanding.remove(&node);
        }
        self.go_on().await;
    }

    async fn go_on(&mut self) {
        let mut ready = Vec::new();
        let mut at = 0;
        while at < self.waiting.len() {
            if !self.waiting[at].outstanding.is_empty() {
                at += 1;
                continue;
            }
            let guests = std::mem::take(&mut self.waiting[at].then_poll);
            let guests: Vec<NodeId> = guests
                .into_iter()
                .filter(|id| self.graph.get(*id).is_some_and(|node| self.is_polled(node)))
                .collect();
            if guests.is_empty() {
                ready.push(self.waiting.remove(at).goal);
            } else {
                for guest in &guests {
                    self.poll(*guest, true);
                }
                self.waiting[at].outstanding = guests.into_iter().collect();
                at += 1;
            }
        }
        for goal in ready {
            match goal {
                Goal::Plan { ask, reply } => {
                    let order = Order {
                        automatic: ask.automatic,
                        ..Order::from(ask)
                    };
                    let _ = reply.send(self.plan(&order));
                }
                Goal::Run { order, reply } => {
                    let answer = self.begin(order).await;
                    let _ = reply.send(answer);
                }
                Goal::MayStop {
                    cascade,
                    step,
                    reply,
                } => {
                    let _ = reply.send(self.may_stop(cascade, step));
                }
                Goal::FollowUps {
                    cascade,
                    stopped,
                    node,
                } => self.ask_follow_ups(cascade, node, stopped).await,
                Goal::HoldEnded { node, then_stop } => self.hold_ended(node, then_stop).await,
                Goal::Idle { node } => self.idle(node).await,
                Goal::Scheduled { node } => self.scheduled_stop(node).await,
                Goal::GraceOver { question } => Box::pin(self.grace_over(question)).await,
            }
        }
    }

    /// The nodes whose state the plan depends on: for a start all that the target needs, for a stop everything that is
    /// connected with it, since what else needs its dependencies decides what is protected.
    fn concerned(&self, action: Action, target: NodeId) -> Vec<NodeId> {
        let mut found = vec![target];
        let mut seen: HashSet<NodeId> = HashSet::from([target]);
        let mut at = 0;
        while at < found.len() {
            let id = found[at];
            let needs: Vec<NodeId> = self
                .graph
                .get(id)
                .map(|node| node.needs().collect())
                .unwrap_or_default();
            let users: Vec<NodeId> = match action {
                Action::Start => Vec::new(),
                Action::Stop => self.graph.needed_by(id).collect(),
            };
            for next in needs.into_iter().chain(users) {
                if seen.insert(next) {
                    found.push(next);
                }
            }
            at += 1;
        }
        found
    }

    /// The node, all that needs it, and the hosts that know the state of these.
    fn users_and_self(&self, node: NodeId) -> Vec<NodeId> {
        let mut found = vec![node];
        let mut at = 0;
        while at < found.len() {
            for user in self.graph.needed_by(found[at]) {
                if !found.contains(&user) {
                    found.push(user);
                }
            }
            at += 1;
        }
        let hosts: Vec<NodeId> = found
            .iter()
            .flat_map(|id| self.graph.ancestors(*id).collect::<Vec<_>>())
            .collect();
        for host in hosts {
            if !found.contains(&host) {
                found.push(host);
            }
        }
        found
    }

    fn is_stale(&self, id: NodeId, fresh: Duration) -> bool {
        let Some(node) = self.graph.get(id) else {
            return false;
        };
        if node.kind != NodeKind::Machine && connections(node).is_empty() {
            return false;
        }
        let off = self.observations.state(&self.graph, id) == PowerState::Off;
        let fresh = if off { FRESH_OFF } else { fresh };
        self.polling
            .ended
            .get(&id)
            .is_none_or(|ended| ended.elapsed() >= fresh)
    }

    fn plan(&self, order: &Order) -> Result<PlanAnswer, CommandError> {
        Ok(match self.plan_intent(&order.intent()) {
            Ok(plan) => PlanAnswer::Plan {
                plan: plan_view(&self.graph, &plan),
            },
            Err(refusal) => PlanAnswer::Refused {
                refusal: refusal_view(&self.graph, &refusal),
            },
        })
    }

    pub(super) fn plan_intent(&self, intent: &Intent) -> Result<Plan, Refusal> {
        plan(&self.graph, &self.observations, intent)
    }

    pub(super) async fn begin(&mut self, order: Order) -> Result<RunAnswer, CommandError> {
        let plan = match self.plan_intent(&order.intent()) {
            Ok(plan) => plan,
            Err(refusal) => {
                self.journal_refusal(&order.ask, &refusal);
                return Ok(RunAnswer::Refused {
                    refusal: refusal_view(&self.graph, &refusal),
                });
            }
        };
        if order.ask.action == Action::Start && !order.automatic {
            let name = &self.name(order.ask.node);
            self.is_wanted(order.ask.node, &Said::YouStart { name });
        }
        if let Some(cascade) = self.is_stopping(&order) {
            // what goes off is still seen on: that is no reason to do nothing
            let (node_name, title) = (self.name(order.ask.node), self.title(cascade));
            if order.ask.queue || self.gives_way(cascade, &order) {
                self.queue(order.ask, cascade);
                return Ok(RunAnswer::Queued { behind: cascade });
            }
            return Ok(RunAnswer::Busy {
                node_name,
                cascade,
                title,
            });
        }
        if plan.steps.is_empty() {
            // what a resumed stop has freed is still worth its question
            if !plan.follow_ups.is_empty() {
                self.propose(&plan).await;
            }
            self.taken_over(&order);
            self.journal_nothing_to_do(&plan);
            return Ok(RunAnswer::NothingToDo);
        }
        let names: Vec<(NodeId, String)> = plan
            .steps
            .iter()
            .map(|step| step.node)
            .chain([order.ask.node])
            .map(|id| (id, self.name(id)))
            .collect();
        let (recorded, now) = (plan.clone(), self.clock.now());
        let begun = self
            .storage
            .call(move |store| {
                let name = |id: NodeId| {
                    names
                        .iter()
                        .find(|(named, _)| *named == id)
                        .map_or_else(|| format!("node {id}"), |(_, name)| name.clone())
                };
                store.begin_cascade(&recorded, &name, now)
            })
            .await
            .map_err(super::requests::store_failed)?;
        match begun {
            Ok(id) => {
                self.taken_over(&order);
                self.spawn(id, plan, order);
                Ok(RunAnswer::Started { cascade: id })
            }
            Err(BeginError::Locked { cascade, .. })
                if order.ask.queue || self.gives_way(cascade, &order) =>
            {
                self.queue(order.ask, cascade);
                Ok(RunAnswer::Queued { behind: cascade })
            }
            Err(BeginError::Locked { name, cascade, .. }) => Ok(RunAnswer::Busy {
                node_name: name,
                cascade,
                title: self.title(cascade),
            }),
            Err(error @ BeginError::Removed { .. }) => {
                Err(super::requests::other(error.to_string()))
            }
            Err(BeginError::Store(error)) => {
                self.notice_store(&error);
                Err(super::requests::store_failed(error))
            }
        }
    }

    fn queue(&mut self, ask: Ask, behind: CascadeId) {
        self.asks_queued += 1;
        self.queued.push_back(QueuedAsk {
            id: self.asks_queued,
            ask,
            behind,
        });
        self.changed = true;
    }

    /// The cascade that stops what is to be started, or what that needs.
    fn is_stopping(&self, order: &Order) -> Option<CascadeId> {
        if order.ask.action != Action::Start {
            return None;
        }
        let needs = needs_of(&self.graph, order.ask.node);
        let stops = |running: &Running| {
            let steps = &running.plan.steps;
            running.view.action == Action::Stop && steps.iter().any(|s| needs.contains(&s.node))
        };
        let mut running = self.running.iter();
        running.find_map(|(id, running)| stops(running).then_some(*id))
    }

    /// A person who starts something wins over a stop that nobody asked for: that one ends after its step, and the start is
    /// next.
    fn gives_way(&mut self, cascade: CascadeId, order: &Order) -> bool {
        let Some(running) = self.running.get_mut(&cascade) else {
            return false;
        };
        let unasked = running.view.automatic && running.view.action == Action::Stop;
        if order.ask.action != Action::Start || order.automatic || !unasked {
            return false;
        }
        running.cancel.cancel();
        running.view.cancelling = true;
        true
    }

    /// Not before the one that takes over is written down: a crash or a refusal in between must not lose the offer.
    fn taken_over(&mut self, order: &Order) {
        if let Some(cascade) = order.resumes {
            self.forget_cascade(cascade);
        }
    }

    fn spawn(&mut self, id: CascadeId, plan: Plan, order: Order) {
        let now = self.clock.now();
        let cancel = CancellationToken::new();
        let view = CascadeView {
            id,
            action: order.ask.action,
            node: Some(order.ask.node),
            node_name: self.name(order.ask.node),
            automatic: order.automatic,
            status: CascadeStatus::Running,
            steps: plan
                .steps
                .iter()
                .map(|step| StepView {
                    node: Some(step.node),
                    node_name: self.name(step.node),
                    action: step.action,
                    channel: step.channel,
                    reason: step.reason.clone(),
                    status: StepStatus::Waits,
                    begun: None,
                    ended: None,
                    timeout_ms: u64::try_from(step.timeout.as_millis()).unwrap_or(u64::MAX),
                    usual_ms: step
                        .usual
                        .map(|usual| u64::try_from(usual.as_millis()).unwrap_or(u64::MAX)),
                    detail: None,
                })
                .collect(),
            begun: now,
            ended: None,
            cancelling: false,
            failure: None,
        };
        for step in &plan.steps {
            self.observations.in_cascade.insert(step.node);
            self.failed.remove(&step.node);
        }
        if order.ask.with_dependants {
            self.with_dependants.insert(id);
        }
        if !order.stopped_before.is_empty() {
            self.stopped_before.insert(id, order.stopped_before.clone());
        }
        self.journal_begun(id, &plan);
        if order.ask.action == Action::Stop && !order.automatic {
            let stopped: Vec<NodeId> = plan.steps.iter().map(|step| step.node).collect();
            self.end_holds_of_stopped(&stopped);
        }
        let execution = Execution {
            cascade: id,
            plan: plan.clone(),
            links: self.links.clone(),
            storage: self.storage.clone(),
            clock: self.clock.clone(),
            progress: self.progress.clone(),
            cancel: cancel.clone(),
        };
        let task = tokio::spawn(execution.run()).abort_handle();
        self.running.insert(
            id,
            Running {
                task,
                plan,
                view,
                cancel,
                stopped: order.stopped_before,
            },
        );
        self.changed = true;
    }

    fn step_node(&self, cascade: CascadeId, step: usize) -> Option<NodeId> {
        let running = self.running.get(&cascade)?;
        running.plan.steps.get(step).map(|step| step.node)
    }

    /// A second look right before the stop: somebody may use it again since the plan was made.
    fn may_stop(&self, cascade: CascadeId, step: usize) -> MayStop {
        let (Some(node), Some(running)) =
            (self.step_node(cascade, step), self.running.get(&cascade))
        else {
            return MayStop::No(Said::CascadeEnded.to_string());
        };
        if self.graph.get(node).is_none() {
            return MayStop::No(Said::RemovedMeanwhile.to_string());
        }
        let follow_up = running
            .plan
            .follow_ups
            .iter()
            .any(|follow_up| follow_up.node == node);
        // what nobody asked for is looked at as strictly as when it was planned
        let unasked = follow_up || running.view.automatic;
        let mut intent = Intent::stop(node);
        if let (Intent::Stop { automatic, .. }, true) = (&mut intent, unasked) {
            *automatic = true;
        }
        let mut observations = self.observations.clone();
        // what this cascade works on is not in use for that: what it has stopped is off
        for step in &running.plan.steps {
            observations.in_cascade.remove(&step.node);
        }
        match plan(&self.graph, &observations, &intent) {
            Err(refusal) => MayStop::No(refusal.message),
            Ok(again) => {
                // its guests have been stopped by the steps before; one that runs now was not asked about
                let others: Vec<String> = again
                    .steps
                    .iter()
                    .filter(|step| {
                        step.node != node && !again.follow_ups.iter().any(|f| f.node == step.node)
                    })
                    .map(|step| self.name(step.node))
                    .collect();
                if others.is_empty() {
                    MayStop::Yes
                } else {
                    let (name, names) = (&self.name(node), &few(&others));
                    MayStop::No(Said::NotOff { name, names }.to_string())
                }
            }
        }
    }

    pub(super) fn title(&self, cascade: CascadeId) -> String {
        match self.running.get(&cascade) {
            Some(running) => Said::CascadeOf {
                action: running.view.action.as_str(),
                name: &running.view.node_name,
            }
            .to_string(),
            None => Said::CascadeNumber {
                n: &cascade.to_string(),
            }
            .to_string(),
        }
    }

    pub(super) fn queued_views(&self) -> Vec<QueuedView> {
        self.queued
            .iter()
            .map(|queued| QueuedView {
                id: queued.id,
                action: queued.ask.action,
                node: queued.ask.node,
                node_name: self.name(queued.ask.node),
                behind: queued.behind,
            })
            .collect()
    }
}
