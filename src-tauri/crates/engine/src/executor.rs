//! Runs a plan, step by step, and decides nothing: the plan has decided.
//!
//! Each step is written down before it acts and after it has; what cannot be written down is not done. The executor
//! knows no observations of its own: before every stop it asks the controller whether the stop is still safe.

mod start;
mod stop;
mod wait;

use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use wakehub_connectors::Target;
use wakehub_domain::{
    Action, CascadeId, ConnectionId, ConnectorError, ErrorKind, Graph, Intent, Node, NodeId, Plan,
    Step,
};
use wakehub_store::{StepOutcome, StoreError};
use wakehub_view::said::Said;

use crate::clock::Clock;
use crate::links::Links;
use crate::storage::Storage;

/// What the executor tells the controller while it works.
#[derive(Debug)]
pub(crate) enum Progress {
    Began {
        step: usize,
    },
    /// What the step does or waits for now.
    Doing {
        step: usize,
        detail: String,
    },
    Ended {
        step: usize,
        outcome: StepEnd,
    },
    /// Whether a stop is still safe; the controller looks again before it answers.
    MayStop {
        step: usize,
        reply: oneshot::Sender<MayStop>,
    },
    /// No further progress of the executor comes.
    Finished {
        end: CascadeEnd,
    },
    /// The controller's own: what a completed stop has freed has been looked at and asked about.
    FollowedUp,
}

#[derive(Clone, Debug)]
pub(crate) enum StepEnd {
    Done,
    Skipped(String),
    Failed(ConnectorError),
}

#[derive(Debug)]
pub(crate) enum MayStop {
    Yes,
    /// Somebody uses it again. A follow-up is left on; a stop that nobody asked for, or that a start takes back, ends there; what
    /// a person asked for fails.
    No(String),
}

#[derive(Clone, Debug)]
pub(crate) enum CascadeEnd {
    Completed,
    Failed(ConnectorError),
    Cancelled,
}

pub(crate) struct Execution {
    pub cascade: CascadeId,
    pub plan: Plan,
    pub links: Arc<Links>,
    pub storage: Storage,
    pub clock: Arc<dyn Clock>,
    pub progress: mpsc::Sender<(CascadeId, Progress)>,
    /// Set by the user; looked at between steps.
    pub cancel: CancellationToken,
}

impl Execution {
    pub async fn run(self) {
        let end = self.steps().await;
        self.tell(Progress::Finished { end }).await;
    }

    async fn steps(&self) -> CascadeEnd {
        for (at, step) in self.plan.steps.iter().enumerate() {
            if self.cancel.is_cancelled() {
                return CascadeEnd::Cancelled;
            }
            let outcome = match self.step(at, step).await {
                Ok(outcome) => outcome,
                Err(store) => StepEnd::Failed(unwritable(&self.name(step.node).await, &store)),
            };
            self.tell(Progress::Ended {
                step: at,
                outcome: outcome.clone(),
            })
            .await;
            match outcome {
                StepEnd::Done => {}
                StepEnd::Skipped(_) if self.is_follow_up(step) => {}
                StepEnd::Skipped(_) => return CascadeEnd::Cancelled,
                StepEnd::Failed(error) => return CascadeEnd::Failed(error),
            }
        }
        CascadeEnd::Completed
    }

    async fn step(&self, at: usize, step: &Step) -> Result<StepEnd, StoreError> {
        if step.action == Action::Stop
            && let Some(kept) = self.refused(at, step).await
        {
            self.write_end(at, &kept).await?;
            return Ok(kept);
        }
        let (id, now) = (self.cascade, self.clock.now());
        self.storage
            .call(move |store| store.step_begun(id, at, now))
            .await??;
        self.tell(Progress::Began { step: at }).await;
        let outcome = match self.act(at, step).await {
            Ok(()) => StepEnd::Done,
            Err(error) => StepEnd::Failed(error),
        };
        self.write_end(at, &outcome).await?;
        Ok(outcome)
    }

    async fn write_end(&self, at: usize, outcome: &StepEnd) -> Result<(), StoreError> {
        let (id, now) = (self.cascade, self.clock.now());
        let written = match outcome {
            StepEnd::Done => StepOutcome::Done,
            StepEnd::Skipped(reason) => StepOutcome::Skipped(reason.clone()),
            StepEnd::Failed(error) => StepOutcome::Failed(error.clone()),
        };
        self.storage
            .call(move |store| store.step_ended(id, at, now, &written))
            .await?
    }

    /// `Some` when the stop must not happen.
    async fn refused(&self, at: usize, step: &Step) -> Option<StepEnd> {
        let (reply, answer) = oneshot::channel();
        self.tell(Progress::MayStop { step: at, reply }).await;
        let reason = match answer.await {
            Ok(MayStop::Yes) => return None,
            Ok(MayStop::No(reason)) => reason,
            Err(_) => Said::Ending.to_string(),
        };
        let is_unasked = match self.plan.intent {
            Intent::Start { .. } => false,
            Intent::Stop { automatic, .. } => automatic,
        };
        if is_unasked || self.cancel.is_cancelled() || self.is_follow_up(step) {
            return Some(StepEnd::Skipped(reason));
        }
        let name = self.name(step.node).await;
        Some(StepEnd::Failed(ConnectorError::new(
            ErrorKind::Rejected,
            format!("stop {name}"),
            reason,
        )))
    }

    fn is_follow_up(&self, step: &Step) -> bool {
        let mut follow_ups = self.plan.follow_ups.iter();
        follow_ups.any(|follow_up| follow_up.node == step.node)
    }

    async fn act(&self, at: usize, step: &Step) -> Result<(), ConnectorError> {
        let graph = self.links.graph().await;
        let Some(node) = graph.get(step.node) else {
            return Err(ConnectorError::new(
                ErrorKind::Rejected,
                format!("{} node {}", step.action.as_str(), step.node),
                Said::RemovedMeanwhile,
            ));
        };
        let action = Acting {
            at,
            step,
            node,
            graph: &graph,
            execution: self,
            doing: std::sync::Mutex::new(String::new()),
        };
        // the platform gets the whole time, and its own words at the end of it are worth a few seconds more
        let limit = step.timeout + std::time::Duration::from_secs(5);
        let acted = async {
            match step.action {
                Action::Start => action.start().await,
                Action::Stop => action.stop().await,
            }
        };
        match tokio::time::timeout(limit, acted).await {
            Ok(result) => result,
            Err(_) => Err(action.timed_out()),
        }
    }

    async fn name(&self, node: NodeId) -> String {
        self.links.graph().await.name(node).into_owned()
    }

    async fn tell(&self, progress: Progress) {
        // a controller that has gone takes its executors with it
        let _ = self.progress.send((self.cascade, progress)).await;
    }
}

/// One step in progress.
struct Acting<'a> {
    at: usize,
    step: &'a Step,
    node: &'a Node,
    graph: &'a Graph,
    execution: &'a Execution,
    /// What it does or waits for now, for the message if the time runs out.
    doing: std::sync::Mutex<String>,
}

impl Acting<'_> {
    fn operation(&self) -> String {
        format!("{} {}", self.step.action.as_str(), self.node.name)
    }

    fn timed_out(&self) -> ConnectorError {
        let doing = self.doing.lock().map(|d| d.clone()).unwrap_or_default();
        let seconds = self.step.timeout.as_secs();
        let (seconds, why) = (&seconds.to_string(), &doing);
        let message = if doing.is_empty() {
            Said::NoAnswerWithin { seconds }
        } else {
            Said::NotDoneWithin { seconds, why }
        };
        ConnectorError::new(ErrorKind::TimedOut, self.operation(), message)
    }

    /// What a connector or a look at a machine says.
    async fn quote(&self, said: &str) {
        self.say(Said::Elsewhere { said }).await;
    }

    async fn say(&self, said: Said<'_>) {
        let detail = said.to_string();
        if let Ok(mut doing) = self.doing.lock() {
            if *doing == detail {
                return;
            }
            doing.clone_from(&detail);
        }
        self.execution
            .tell(Progress::Doing {
                step: self.at,
                detail,
            })
            .await;
    }

    /// The connection by which the step commands, and what it commands there.
    fn channel(&self) -> Result<(ConnectionId, Target), ConnectorError> {
        let connection = ConnectionId {
            node: self.node.host.unwrap_or(self.node.id),
            capability: self.step.channel,
        };
        match (self.node.host, &self.node.platform_id) {
            (None, _) => Ok((connection, Target::Itself)),
            (Some(_), Some(platform_id)) => Ok((
                connection,
                Target::Guest {
                    kind: self.node.kind,
                    platform_id: platform_id.clone(),
                },
            )),
            (Some(host), None) => Err(ConnectorError::new(
                ErrorKind::Rejected,
                self.operation(),
                Said::NoGuestOfThatName {
                    name: &self.graph.name(host),
                },
            )),
        }
    }
}

/// Whether waiting may help: a host that has just come up does not serve at once. What the platform understood and
/// refused (a locked guest) is for the user to see now, though it may pass later.
fn may_pass(error: &ConnectorError) -> bool {
    match error.kind {
        ErrorKind::Unreachable | ErrorKind::TimedOut | ErrorKind::Protocol | ErrorKind::Paused => {
            true
        }
        ErrorKind::Unauthorised
        | ErrorKind::Untrusted
        | ErrorKind::Rejected
        | ErrorKind::Unsupported
        | ErrorKind::NoSecret => false,
    }
}

fn unwritable(name: &str, error: &StoreError) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Rejected,
        format!("write down what happens to {name}"),
        Said::NotWritable {
            why: &error.to_string(),
        },
    )
}
