//! What can be asked of the engine. Each request carries where its answer goes.

use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use wakehub_domain::idle::IdleRule;
use wakehub_domain::{CascadeId, NodeId, Presented, QuestionId, SecretName, Timestamp};
use wakehub_store::{Store, StoreError};
use wakehub_view::homelab::NodeEntry;
use wakehub_view::savings::{SavingsAsk, SavingsView};
use wakehub_view::wire::{
    Answer, Ask, CheckView, CommandError, EngineSettings, FoundAddress, ImportReport,
    JournalFormat, JournalLine, JournalQuery, JudgedView, PlanAnswer, RunAnswer, ScheduleAsk,
    ScheduleReading, SecretEntry, WhyView,
};

pub(crate) type Reply<T> = oneshot::Sender<Result<T, CommandError>>;

pub(crate) type SettingsJob = Box<dyn FnOnce(&mut Store) -> Result<(), StoreError> + Send>;

/// How long a node is to be kept on.
pub(crate) enum HoldFor {
    /// No longer.
    Nothing,
    Until(Timestamp),
    /// From now.
    Duration(Duration),
}

pub(crate) enum Request {
    Plan {
        ask: Ask,
        reply: Reply<PlanAnswer>,
    },
    Run {
        ask: Ask,
        reply: Reply<RunAnswer>,
    },
    Resume {
        cascade: CascadeId,
        reply: Reply<RunAnswer>,
    },
    Cancel {
        cascade: CascadeId,
        reply: Reply<()>,
    },
    CancelQueued {
        id: u32,
        reply: Reply<()>,
    },
    Dismiss {
        cascade: CascadeId,
        reply: Reply<()>,
    },
    Answer {
        question: QuestionId,
        answer: Answer,
        reply: Reply<()>,
    },
    SetPinned {
        node: NodeId,
        pinned: bool,
        reply: Reply<()>,
    },
    Hold {
        node: NodeId,
        hold: HoldFor,
        /// It was wanted for so long and no longer.
        then_stop: bool,
        reply: Reply<()>,
    },
    Why {
        node: NodeId,
        reply: Reply<WhyView>,
    },
    Savings {
        ask: SavingsAsk,
        reply: Reply<SavingsView>,
    },
    ReadSchedule {
        ask: ScheduleAsk,
        reply: Reply<ScheduleReading>,
    },
    Judge {
        node: NodeId,
        rule: Box<IdleRule>,
        reply: Reply<Vec<JudgedView>>,
    },
    /// Nothing is stopped automatically until then; `None` ends the pause.
    PauseStops {
        until: Option<Timestamp>,
        reply: Reply<()>,
    },
    NodeEntry {
        node: NodeId,
        reply: Reply<NodeEntry>,
    },
    SaveNode {
        node: Option<NodeId>,
        entry: Box<NodeEntry>,
        secrets: Vec<SecretEntry>,
        reply: Reply<NodeId>,
    },
    SaveNodes {
        entries: Vec<NodeEntry>,
        reply: Reply<Vec<NodeId>>,
    },
    RemoveNode {
        node: NodeId,
        reply: Reply<()>,
    },
    SecretsPresent {
        node: NodeId,
        reply: Reply<Vec<SecretName>>,
    },
    SetSecret {
        node: NodeId,
        secret: SecretEntry,
        reply: Reply<()>,
    },
    Test {
        node: Option<NodeId>,
        entry: Box<NodeEntry>,
        secrets: Vec<SecretEntry>,
        checks: mpsc::Sender<CheckView>,
        reply: Reply<Vec<CheckView>>,
    },
    Accept {
        presented: Presented,
        reply: Reply<()>,
    },
    Discover {
        node: NodeId,
        reply: Reply<u32>,
    },
    Scan {
        sweep: bool,
        found: mpsc::Sender<FoundAddress>,
        reply: Reply<()>,
    },
    Import {
        text: String,
        reply: Reply<ImportReport>,
    },
    Export {
        reply: Reply<String>,
    },
    Journal {
        query: JournalQuery,
        reply: Reply<Vec<JournalLine>>,
    },
    ExportJournal {
        query: JournalQuery,
        format: JournalFormat,
        reply: Reply<String>,
    },
    Configure {
        settings: EngineSettings,
        reply: Reply<()>,
    },
    /// A setting, read or written; the job answers by itself.
    Settings {
        job: SettingsJob,
    },
    ShutDown {
        reply: oneshot::Sender<()>,
    },
}
