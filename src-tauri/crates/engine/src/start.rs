//! From a data directory to a running engine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, watch};
use wakehub_domain::savings::Span;
use wakehub_domain::{CascadeId, Graph, Intent, NodeId, Observations, StopScope, Timestamp};
use wakehub_store::{CascadeRecord, OpenError, OpenNotice, Outcome, SettingKey, Store, StoreError};
use wakehub_view::advice::failure_view;
use wakehub_view::notice::Code;
use wakehub_view::said::Said;
use wakehub_view::wire::{
    CascadeStatus, CascadeView, EngineSettings, Notice, Snapshot, StepStatus, StepView,
};

use crate::clock::{Clock, SystemClock};
use crate::controller::holds::STOP_AFTER_HOLD;
use crate::controller::idling::Idling;
use crate::controller::idling::past::{AWAKE, Away};
use crate::controller::probing::Probing;
use crate::controller::questions::{About, Question};
use crate::controller::savings::Accounting;
use crate::controller::schedules::{KEPT, Kept, Scheduling};
use crate::controller::stopping::PAUSED;
use crate::controller::{Controller, Inbox, Polling};
use crate::handle::Handle;
use crate::links::Links;
use crate::secrets::Secrets;
use crate::storage::Storage;
use crate::world::{Accepted, World};

const QUEUE: usize = 1024;

pub struct Options {
    pub data_dir: PathBuf,
    pub secrets: Arc<dyn Secrets>,
    pub world: Arc<dyn World>,
    pub clock: Arc<dyn Clock>,
}

impl Options {
    /// The real network and the real time.
    pub fn real(data_dir: PathBuf, secrets: Arc<dyn Secrets>) -> Options {
        Options {
            data_dir,
            secrets,
            world: Arc::new(crate::real::RealWorld::default()),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Why the engine does not start. Each is a sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("failed to start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

pub(crate) const ENGINE: SettingKey<EngineSettings> = SettingKey::new("engine");

/// Opens the data directory, takes stock of what an earlier run left behind, and starts the loop.
pub async fn start(options: Options) -> Result<Handle, StartError> {
    let data_dir = options.data_dir.clone();
    let opened = tokio::task::spawn_blocking(move || Store::open(&data_dir))
        .await
        .map_err(std::io::Error::other)?;
    let (store, opened_notices) = opened?;
    let homelab = store.homelab_id().to_owned();
    let (events, events_in) = mpsc::channel(QUEUE);
    let storage = Storage::new(store, events.clone())?;
    let now = options.clock.now();
    let left = storage.call(move |store| left_behind(store, now)).await??;

    let graph = Arc::new(left.graph);
    let links = Arc::new(Links::new(options.world, options.secrets, homelab));
    links.set_graph(graph.clone()).await;
    links.set_accepted(left.accepted).await;

    let (requests, requests_in) = mpsc::channel(QUEUE);
    let (progress, progress_in) = mpsc::channel(QUEUE);
    let (announcements, _) = broadcast::channel(256);
    let (snapshots, snapshots_out) = watch::channel(Arc::new(Snapshot::default()));
    let (attention, attention_in) = watch::channel(0);
    let mut controller = Controller {
        clock: options.clock,
        storage,
        links,
        graph,
        evidence: BTreeMap::new(),
        unbelieved: false,
        observations: left.observations,
        settings: left.settings,
        failed: BTreeMap::new(),
        last_known: BTreeMap::new(),
        polling: Polling::default(),
        idling: Idling::after(Away::off(left.awake, now)),
        scheduling: Scheduling::after(left.schedules),
        accounting: Accounting::after(left.spans),
        probing: Probing::default(),
        waiting: Vec::new(),
        running: BTreeMap::new(),
        ended: left.interrupted.iter().map(cascade_view).collect(),
        with_dependants: left
            .interrupted
            .iter()
            .filter(|record| is_with_dependants(record))
            .map(|record| record.id)
            .collect(),
        unended: Vec::new(),
        stopped_before: left
            .interrupted
            .iter()
            .filter_map(|record| match &record.plan.intent {
                Intent::Start { .. } => None,
                Intent::Stop { stopped_before, .. } => Some((record.id, stopped_before.clone())),
            })
            .collect(),
        queued: VecDeque::new(),
        asks_queued: 0,
        tidied: None,
        damaged: false,
        questions: left.questions,
        stops_begun: BTreeSet::new(),
        paused_until: None,
        stop_after_hold: left.stop_after_hold,
        unconfigured: BTreeMap::new(),
        discovered: BTreeMap::new(),
        missing_secrets: BTreeMap::new(),
        notices: opened_notices.iter().map(notice_of).collect(),
        events,
        progress,
        announcements: announcements.clone(),
        snapshots,
        attention: attention_in,
        revision: 0,
        changed: true,
    };
    for record in left
        .interrupted
        .iter()
        .filter(|r| left.just_now.contains(&r.id))
    {
        controller.journal_interrupted(&cascade_view(record));
    }
    for node in controller.graph.clone().nodes() {
        controller.check_secrets(node.id);
    }
    controller.set_pause(left.paused_until);
    controller.take_up_questions();
    // whoever holds the handle finds the homelab in the first snapshot
    controller.publish();
    tokio::spawn(controller.run(Inbox {
        requests: requests_in,
        events: events_in,
        progress: progress_in,
    }));
    Ok(Handle {
        requests,
        snapshots: snapshots_out,
        announcements,
        attention: Arc::new(attention),
    })
}

/// What an earlier run left in the database.
struct LeftBehind {
    graph: Graph,
    accepted: Vec<Accepted>,
    questions: Vec<Question>,
    observations: Observations,
    paused_until: Option<Timestamp>,
    stop_after_hold: BTreeSet<NodeId>,
    settings: EngineSettings,
    schedules: Kept,
    /// Of each node the last.
    spans: Vec<Span>,
    /// When the run before was last awake.
    awake: Option<Timestamp>,
    /// Newest first; those that the user has neither resumed nor dismissed.
    interrupted: Vec<CascadeRecord>,
    /// The ones among them that the last run was in the middle of.
    just_now: Vec<CascadeId>,
}

fn left_behind(store: &mut Store, now: Timestamp) -> Result<LeftBehind, StoreError> {
    let just_now = store.interrupt_unfinished(now)?;
    let mut interrupted = store.interrupted()?;
    interrupted.sort_by_key(|record| std::cmp::Reverse(record.id));
    let graph = store.graph()?;
    let mut observations = Observations::default();
    let settings = store.setting(&ENGINE).unwrap_or_else(|error| {
        tracing::warn!(%error, "the settings cannot be read; the defaults count");
        None
    });
    let settings = settings.unwrap_or_default();
    observations.timeouts = settings.timeouts();
    observations.usual = store.usual_durations()?;
    let schedules = store.setting(&KEPT).unwrap_or_else(|error| {
        tracing::warn!(%error, "what was due is not known; it begins now");
        None
    });
    // those that ended while nobody looked are ended by the loop, with all that follows
    for hold in store.holds(Timestamp(i64::MIN))? {
        observations.held.insert(hold.node, hold.until);
    }
    let questions = store
        .open_questions()?
        .into_iter()
        .filter_map(|question| {
            Some(Question {
                id: question.id,
                node: question.node,
                about: About::of(&question.kind)?,
                reason: question.reason,
                asked_at: question.asked_at,
                stops_at: None,
            })
        })
        .collect();
    let stop_after_hold = store.setting(&STOP_AFTER_HOLD).unwrap_or_else(|error| {
        tracing::warn!(%error, "what ends with its hold cannot be read; nothing does");
        None
    });
    let paused_until = store.setting(&PAUSED).unwrap_or_else(|error| {
        tracing::warn!(%error, "whether stops are paused cannot be read; they are not");
        None
    });
    let awake = store.setting(&AWAKE).unwrap_or_else(|error| {
        tracing::warn!(%error, "when WakeHub was last awake cannot be read; nothing is remembered of before");
        None
    });
    Ok(LeftBehind {
        graph,
        accepted: accepted(store)?,
        questions,
        observations,
        paused_until,
        awake,
        stop_after_hold: stop_after_hold.unwrap_or_default(),
        settings,
        schedules: schedules.unwrap_or_default(),
        spans: store.last_spans()?,
        interrupted,
        just_now: just_now.into_iter().map(|record| record.id).collect(),
    })
}

pub(crate) fn accepted(store: &Store) -> Result<Vec<Accepted>, StoreError> {
    let rows = store.all_accepted()?.into_iter();
    Ok(rows
        .map(|(endpoint, kind, accepted)| Accepted {
            endpoint,
            kind,
            algorithm: accepted.algorithm,
            fingerprint: accepted.fingerprint,
        })
        .collect())
}

fn is_with_dependants(record: &CascadeRecord) -> bool {
    match &record.plan.intent {
        Intent::Start { .. } => false,
        Intent::Stop { scope, .. } => *scope == StopScope::WithDependants,
    }
}

fn cascade_view(record: &CascadeRecord) -> CascadeView {
    let millis =
        |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut failure = None;
    let steps = record
        .steps
        .iter()
        .map(|step| {
            let (status, detail) = match &step.status {
                wakehub_store::StepStatus::Pending => (StepStatus::Waits, None),
                // nobody knows how far it came
                wakehub_store::StepStatus::Running | wakehub_store::StepStatus::Interrupted => {
                    (StepStatus::Cancelled, Some(Said::Interrupted.to_string()))
                }
                wakehub_store::StepStatus::Done => (StepStatus::Done, None),
                wakehub_store::StepStatus::Failed(error) => {
                    failure = Some(failure_view(error, step.ended_at.unwrap_or_default()));
                    (StepStatus::Failed, Some(error.message.clone()))
                }
                wakehub_store::StepStatus::Skipped(reason) => {
                    (StepStatus::Skipped, Some(reason.clone()))
                }
                wakehub_store::StepStatus::Cancelled => (StepStatus::Cancelled, None),
            };
            StepView {
                node: step.node,
                node_name: step.node_name.clone(),
                action: step.step.action,
                channel: step.step.channel,
                reason: step.step.reason.clone(),
                status,
                begun: step.begun_at,
                ended: step.ended_at,
                timeout_ms: millis(step.step.timeout),
                usual_ms: step.step.usual.map(millis),
                detail,
            }
        })
        .collect();
    let automatic = match &record.plan.intent {
        Intent::Start { .. } => false,
        Intent::Stop { automatic, .. } => *automatic,
    };
    CascadeView {
        id: record.id,
        action: record.plan.intent.action(),
        node: record.node,
        node_name: record.node_name.clone(),
        automatic,
        status: match record.ended {
            Some((_, Outcome::Completed)) => CascadeStatus::Completed,
            Some((_, Outcome::Failed)) => CascadeStatus::Failed,
            Some((_, Outcome::Cancelled)) => CascadeStatus::Cancelled,
            Some((_, Outcome::Interrupted)) | None => CascadeStatus::Interrupted,
        },
        steps,
        begun: record.begun_at,
        ended: record.ended.map(|(at, _)| at),
        cancelling: false,
        failure,
    }
}

fn notice_of(notice: &OpenNotice) -> Notice {
    match notice {
        OpenNotice::SetAside { path, reason } => {
            Code::DatabaseSetAside.notice(Said::DatabaseWasSetAside {
                why: reason,
                path: &path.display().to_string(),
            })
        }
    }
}
