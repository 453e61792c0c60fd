//! The one loop: all state in one place, every change through one event.
//!
//! Handlers are quick: what waits for a platform runs in a task of its own and reports back as an event. The only thing
//! awaited here is the database, whose answers take milliseconds.

mod cascades;
mod discovery;
mod edits;
pub(crate) mod holds;
pub(crate) mod idling;
mod journal;
mod observing;
mod plans;
pub(crate) mod probing;
pub(crate) mod questions;
mod requests;
pub(crate) mod savings;
mod scanning;
pub(crate) mod schedules;
mod snapshot;
pub(crate) mod stopping;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use wakehub_connectors::breaker::Breaker;
use wakehub_domain::idle::Interruption;
use wakehub_domain::{
    CascadeId, ConnectionId, Graph, NodeId, Observations, Plan, QuestionId, SecretName, Timestamp,
};
use wakehub_store::Outcome;
use wakehub_view::wire::{
    CascadeView, EngineSettings, FailureView, Notice, QuestionView, Snapshot,
};

use crate::beliefs::Evidence;
use crate::clock::Clock;
use crate::event::Event;
use crate::executor::Progress;
use crate::handle::Announcement;
use crate::links::Links;
use crate::request::Request;
use crate::storage::Storage;
use idling::Idling;
use idling::past::Away;
use plans::Waiting;
use probing::Probing;
use questions::Question;
use savings::Accounting;
use schedules::Scheduling;

const DISCOVER_EVERY: Duration = Duration::from_secs(600);
const TIDY_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
const TICK: Duration = Duration::from_secs(1);
/// A tick that comes this late means that the computer slept.
const SLEPT: Duration = Duration::from_secs(15);

pub(crate) struct Controller {
    pub clock: Arc<dyn Clock>,
    pub storage: Storage,
    pub links: Arc<Links>,
    pub graph: Arc<Graph>,
    pub evidence: BTreeMap<NodeId, Evidence>,
    /// There is evidence that `observations` do not tell of yet.
    pub unbelieved: bool,
    pub observations: Observations,
    pub settings: EngineSettings,
    /// What the last step on the node failed with, until it is seen in another state or asked again.
    pub failed: BTreeMap<NodeId, FailureView>,
    /// Whether the node was on or off when that was last known; unknown states in between are no transitions.
    pub last_known: BTreeMap<NodeId, bool>,
    pub polling: Polling,
    pub idling: Idling,
    pub scheduling: Scheduling,
    pub accounting: Accounting,
    pub probing: Probing,
    pub waiting: Vec<Waiting>,
    pub running: BTreeMap<CascadeId, Running>,
    /// Ended and interrupted cascades that the user has not dismissed, newest first.
    pub ended: VecDeque<CascadeView>,
    /// The stops among `running` and `ended` that were asked for with their dependants.
    pub with_dependants: BTreeSet<CascadeId>,
    /// Cascades that have ended and whose end could not be written yet; their nodes stay locked until it is.
    pub unended: Vec<(CascadeId, Timestamp, Outcome)>,
    /// What the stops among `running` and `ended` took over from those that they resumed.
    pub stopped_before: BTreeMap<CascadeId, BTreeSet<NodeId>>,
    pub queued: VecDeque<plans::QueuedAsk>,
    /// How many have ever waited; the last one's number.
    pub asks_queued: u32,
    /// When the database was last tidied up.
    pub tidied: Option<Instant>,
    /// Damage was reported, and every page looked at.
    pub damaged: bool,
    pub questions: Vec<Question>,
    /// Of those, the ones whose stop is being looked at.
    pub stops_begun: BTreeSet<QuestionId>,
    pub paused_until: Option<Timestamp>,
    /// Held nodes that are stopped when their time is over.
    pub stop_after_hold: BTreeSet<NodeId>,
    /// Guests that run behind a connection and are not configured, by name: their host is not stopped automatically.
    pub unconfigured: BTreeMap<ConnectionId, Vec<String>>,
    pub discovered: BTreeMap<discovery::DiscoveredKey, discovery::DiscoveredGuest>,
    pub missing_secrets: BTreeMap<NodeId, Vec<SecretName>>,
    pub notices: Vec<Notice>,
    pub events: mpsc::Sender<Event>,
    pub progress: mpsc::Sender<(CascadeId, Progress)>,
    pub announcements: broadcast::Sender<Announcement>,
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    pub attention: watch::Receiver<usize>,
    pub revision: u64,
    pub changed: bool,
}

/// One cascade at work.
pub(crate) struct Running {
    pub task: tokio::task::AbortHandle,
    pub plan: Plan,
    pub view: CascadeView,
    pub cancel: CancellationToken,
    /// The nodes that it has stopped, those of the cascade that it resumes included.
    pub stopped: BTreeSet<NodeId>,
}

#[derive(Default)]
pub(crate) struct Polling {
    pub in_flight: HashSet<NodeId>,
    /// Of those, the ones to be asked once more: something was configured on them meanwhile.
    pub again: HashSet<NodeId>,
    /// When the last poll of the node ended.
    pub ended: HashMap<NodeId, Instant>,
    pub breakers: HashMap<ConnectionId, Breaker>,
    pub watching: HashMap<ConnectionId, tokio::task::AbortHandle>,
    pub discovered: HashMap<NodeId, Instant>,
    pub failures: HashMap<ConnectionId, FailureView>,
    pub seen: HashMap<ConnectionId, Timestamp>,
    /// What each Proxmox API listed when it last answered: those of one cluster list the same.
    pub listed: HashMap<ConnectionId, HashSet<discovery::Listed>>,
}

/// The receiving ends, which only the loop reads.
pub(crate) struct Inbox {
    pub requests: mpsc::Receiver<Request>,
    pub events: mpsc::Receiver<Event>,
    pub progress: mpsc::Receiver<(CascadeId, Progress)>,
}

impl Controller {
    pub async fn run(mut self, mut inbox: Inbox) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut last_tick = self.clock.now();
        let mut attention = self.attention.clone();
        let ended = loop {
            // nothing else to do at once: show what has changed
            if inbox.requests.is_empty() && inbox.events.is_empty() && inbox.progress.is_empty() {
                self.believe_what_was_seen();
                if self.changed {
                    self.publish();
                }
            }
            let event = tokio::select! {
                biased;
                Some((cascade, progress)) = inbox.progress.recv() => Event::Progress(cascade, progress),
                request = inbox.requests.recv() => match request {
                    Some(Request::ShutDown { reply }) => break Some(reply),
                    Some(request) => Event::Request(request),
                    // every handle has gone; nobody can ask any more
                    None => break None,
                },
                Some(event) = inbox.events.recv() => event,
                _ = ticks.tick() => {
                    self.believe_what_was_seen();
                    self.notice_sleep(&mut last_tick);
                    self.poll_due();
                    self.tidy_up();
                    self.sample_due().await;
                    self.end_holds().await;
                    self.run_schedules().await;
                    self.end_graces().await;
                    self.end_pause();
                    self.account();
                    self.write_again().await;
                    continue;
                }
                Ok(()) = attention.changed() => {
                    self.poll_due();
                    continue;
                }
            };
            // what came in before the sleep must not act after it
            self.notice_sleep(&mut last_tick);
            self.handle(event).await;
        };
        self.end(&mut inbox, ended).await;
    }

    fn notice_sleep(&mut self, last_tick: &mut Timestamp) {
        let now = self.clock.now();
        let passed = now.since(*last_tick);
        let before = std::mem::replace(last_tick, now);
        if passed > SLEPT || now < before {
            tracing::info!(
                seconds = passed.as_secs(),
                "the computer slept or its clock was set; looking at everything again"
            );
            self.look_again_at_everything();
            self.interrupt_windows(Interruption::Resumed);
            self.idling.was_away(Away::asleep(before, now));
            self.begin_graces_anew();
        }
    }

    async fn handle(&mut self, event: Event) {
        match event {
            // evidence of one poll among many
            Event::Looked { .. } | Event::Answered { .. } | Event::PollEnded { .. } => {}
            Event::Request(_)
            | Event::Sampled { .. }
            | Event::Probed { .. }
            | Event::Remembered { .. }
            | Event::Changed { .. }
            | Event::WatchEnded { .. }
            | Event::Discovered { .. }
            | Event::SecretsChanged { .. }
            | Event::SecretsChecked { .. }
            | Event::StoreFailed(_)
            | Event::Progress(..) => self.believe_what_was_seen(),
        }
        match event {
            Event::Request(request) => self.request(request).await,
            Event::Looked { node, sighting } => self.looked(node, sighting),
            Event::Answered { connection, result } => self.answered(connection, result).await,
            Event::PollEnded { node } => self.poll_ended(node).await,
            Event::Sampled { connection, result } => self.sampled(connection, result).await,
            Event::Probed { node, told } => self.probed(node, told).await,
            Event::Remembered { node, result } => self.remembered(node, result),
            Event::Changed { connection, change } => self.told(connection, change),
            Event::WatchEnded { connection } => self.watch_ended(connection),
            Event::Discovered { node, found, reply } => self.found(node, found, reply),
            Event::SecretsChanged { node } => self.secrets_changed(node).await,
            Event::SecretsChecked {
                node,
                missing,
                error,
            } => self.secrets_checked(node, missing, error.as_ref()),
            Event::StoreFailed(error) => self.notice_store(&error),
            Event::Progress(cascade, progress) => self.progressed(cascade, progress).await,
        }
    }

    /// A running cascade is not cut in the middle of writing: its tasks end with this process, and the next start finds it
    /// interrupted.
    async fn end(&mut self, inbox: &mut Inbox, reply: Option<oneshot::Sender<()>>) {
        for (_, watcher) in self.polling.watching.drain() {
            watcher.abort();
        }
        for running in self.running.values() {
            running.task.abort();
        }
        inbox.progress.close();
        inbox.events.close();
        self.write_spans();
        self.write_awake();
        self.links.drop_all().await;
        // the queue of the database is in order: when it is closed, all before it has run, and the folder is free
        self.storage.close().await;
        if let Some(reply) = reply {
            let _ = reply.send(());
        }
    }

    pub(crate) fn announce(&self, announcement: Announcement) {
        // nobody listening is no failure
        let _ = self.announcements.send(announcement);
    }

    pub(crate) fn name(&self, node: NodeId) -> String {
        self.graph.name(node).into_owned()
    }

    pub(crate) fn question_views(&self) -> Vec<QuestionView> {
        self.questions
            .iter()
            .map(|question| question.view(&self.graph))
            .collect()
    }
}
