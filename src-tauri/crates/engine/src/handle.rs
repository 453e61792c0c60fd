//! What the shell, the command line and the API hold of a running engine.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use wakehub_domain::idle::IdleRule;
use wakehub_domain::{CascadeId, NodeId, Presented, QuestionId, SecretName, Timestamp};
use wakehub_store::{SettingKey, Store, StoreError};
use wakehub_view::homelab::NodeEntry;
use wakehub_view::said::Said;
use wakehub_view::savings::{SavingsAsk, SavingsView};
use wakehub_view::wire::{
    Answer, Ask, CascadeView, CheckView, CommandError, EngineSettings, FoundAddress, ImportReport,
    JournalFormat, JournalLine, JournalQuery, JudgedView, PlanAnswer, QuestionView, RunAnswer,
    ScheduleAsk, ScheduleReading, SecretEntry, Snapshot, WhyView,
};

use crate::request::{HoldFor, Request};
use crate::start::ENGINE;

/// Nodes in one [`Handle::save_nodes`].
pub const MOST_AT_ONCE: usize = 100;

/// Cheap to clone. Every method answers, also when the engine has ended: then with [`CommandError::Other`].
#[derive(Clone)]
pub struct Handle {
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) announcements: broadcast::Sender<Announcement>,
    pub(crate) attention: Arc<watch::Sender<usize>>,
}

/// What is worth a native notification.
#[derive(Clone, PartialEq, Debug)]
pub enum Announcement {
    /// A cascade ended: completed, failed or cancelled.
    Ended(CascadeView),
    Asked(QuestionView),
    /// Answered, here or elsewhere, or no longer to be asked: whoever still shows it takes it away.
    Settled(QuestionId),
    /// The service of a node that has just started, to be opened in the browser.
    OpenUrl {
        node: NodeId,
        url: String,
    },
}

/// While one lives, somebody looks: connections are polled every 10 s instead of every 60 s.
pub struct Attention(Arc<watch::Sender<usize>>);

impl Drop for Attention {
    fn drop(&mut self) {
        self.0.send_modify(|watchers| *watchers -= 1);
    }
}

impl Handle {
    /// The newest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// Wakes at every change. A slow reader misses snapshots, never the newest.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    pub fn announcements(&self) -> broadcast::Receiver<Announcement> {
        self.announcements.subscribe()
    }

    /// To be held while a window is open.
    pub fn attention(&self) -> Attention {
        self.attention.send_modify(|watchers| *watchers += 1);
        Attention(self.attention.clone())
    }

    /// Looks at every node concerned, then plans. Changes nothing.
    pub async fn plan(&self, ask: Ask) -> Result<PlanAnswer, CommandError> {
        self.ask(|reply| Request::Plan { ask, reply }).await?
    }

    /// Looks, plans and begins. Answers as soon as the cascade has begun; follow it in the snapshots.
    pub async fn run(&self, ask: Ask) -> Result<RunAnswer, CommandError> {
        self.ask(|reply| Request::Run { ask, reply }).await?
    }

    /// Plans a failed or interrupted cascade again from what is seen now, and begins.
    pub async fn resume(&self, cascade: CascadeId) -> Result<RunAnswer, CommandError> {
        self.ask(|reply| Request::Resume { cascade, reply }).await?
    }

    /// Ends the cascade after the step in progress.
    pub async fn cancel(&self, cascade: CascadeId) -> Result<(), CommandError> {
        self.ask(|reply| Request::Cancel { cascade, reply }).await?
    }

    /// Takes back an ask that waits for a running cascade. No error when it has begun or gone already.
    pub async fn cancel_queued(&self, id: u32) -> Result<(), CommandError> {
        self.ask(|reply| Request::CancelQueued { id, reply })
            .await?
    }

    /// Takes an ended or interrupted cascade out of the snapshot; the journal keeps it.
    pub async fn dismiss(&self, cascade: CascadeId) -> Result<(), CommandError> {
        self.ask(|reply| Request::Dismiss { cascade, reply })
            .await?
    }

    /// Answering what is settled already is no error: the first answer stands. What is to be shut down is looked at first;
    /// that it cannot be is an error, with the reason.
    pub async fn answer(&self, question: QuestionId, answer: Answer) -> Result<(), CommandError> {
        self.ask(|reply| Request::Answer {
            question,
            answer,
            reply,
        })
        .await?
    }

    pub async fn set_pinned(&self, node: NodeId, pinned: bool) -> Result<(), CommandError> {
        self.ask(|reply| Request::SetPinned {
            node,
            pinned,
            reply,
        })
        .await?
    }

    /// Keeps the node, and what it needs, from being stopped automatically until then; `None` releases it. A hold ends by
    /// itself, and when a person stops the node. It survives a restart.
    pub async fn hold(&self, node: NodeId, until: Option<Timestamp>) -> Result<(), CommandError> {
        let hold = until.map_or(HoldFor::Nothing, HoldFor::Until);
        self.hold_as(node, hold, false).await
    }

    /// [`Handle::hold`], from now on.
    pub async fn hold_for(&self, node: NodeId, duration: Duration) -> Result<(), CommandError> {
        self.hold_as(node, HoldFor::Duration(duration), false).await
    }

    /// Wanted for so long and no longer: when the time is over it is stopped automatically, after the question or the notice
    /// that any automatic stop has. A hold alone never stops what it has kept on.
    pub async fn hold_then_stop(
        &self,
        node: NodeId,
        duration: Duration,
    ) -> Result<(), CommandError> {
        self.hold_as(node, HoldFor::Duration(duration), true).await
    }

    async fn hold_as(
        &self,
        node: NodeId,
        hold: HoldFor,
        then_stop: bool,
    ) -> Result<(), CommandError> {
        self.ask(|reply| Request::Hold {
            node,
            hold,
            then_stop,
            reply,
        })
        .await?
    }

    /// Why it is on, and what its idle rule says of it.
    pub async fn why(&self, node: NodeId) -> Result<WhyView, CommandError> {
        self.ask(|reply| Request::Why { node, reply }).await?
    }

    /// What was saved by keeping nodes off, by day, week or month.
    pub async fn savings(&self, ask: SavingsAsk) -> Result<SavingsView, CommandError> {
        self.ask(|reply| Request::Savings { ask, reply }).await?
    }

    /// What a schedule says that is being typed.
    pub async fn read_schedule(&self, ask: ScheduleAsk) -> Result<ScheduleReading, CommandError> {
        self.ask(|reply| Request::ReadSchedule { ask, reply })
            .await?
    }

    /// What this rule would have said of the node's samples at hand, oldest first.
    pub async fn judge(
        &self,
        node: NodeId,
        rule: IdleRule,
    ) -> Result<Vec<JudgedView>, CommandError> {
        let rule = Box::new(rule);
        self.ask(|reply| Request::Judge { node, rule, reply })
            .await?
    }

    /// Nothing is stopped automatically until then, be it for being idle, unneeded or by schedule; what a person stops is.
    /// `None` ends it. It survives a restart.
    pub async fn pause_stops(&self, until: Option<Timestamp>) -> Result<(), CommandError> {
        self.ask(|reply| Request::PauseStops { until, reply })
            .await?
    }

    /// The node as the form edits it.
    pub async fn node_entry(&self, node: NodeId) -> Result<NodeEntry, CommandError> {
        self.ask(|reply| Request::NodeEntry { node, reply }).await?
    }

    /// Adds (`None`) or changes a node. Secrets go to the keyring; an empty value removes one.
    pub async fn save_node(
        &self,
        node: Option<NodeId>,
        entry: NodeEntry,
        secrets: Vec<SecretEntry>,
    ) -> Result<NodeId, CommandError> {
        self.ask(|reply| Request::SaveNode {
            node,
            entry: Box::new(entry),
            secrets,
            reply,
        })
        .await?
    }

    /// Adds up to [`MOST_AT_ONCE`] nodes in one transaction: all of them, or none with what is wrong with each. They may
    /// name one another as host or dependency. In an error `line` is the number of the entry, counted from 1.
    pub async fn save_nodes(&self, entries: Vec<NodeEntry>) -> Result<Vec<NodeId>, CommandError> {
        self.ask(|reply| Request::SaveNodes { entries, reply })
            .await?
    }

    pub async fn remove_node(&self, node: NodeId) -> Result<(), CommandError> {
        self.ask(|reply| Request::RemoveNode { node, reply })
            .await?
    }

    pub async fn secrets_present(&self, node: NodeId) -> Result<Vec<SecretName>, CommandError> {
        self.ask(|reply| Request::SecretsPresent { node, reply })
            .await?
    }

    pub async fn set_secret(&self, node: NodeId, secret: SecretEntry) -> Result<(), CommandError> {
        self.ask(|reply| Request::SetSecret {
            node,
            secret,
            reply,
        })
        .await?
    }

    /// Tries everything that the entry's connections need, with the typed secrets, and for what is not typed with those
    /// of `node`. Sends each check as it ends, and answers with all.
    pub async fn test_connection(
        &self,
        node: Option<NodeId>,
        entry: NodeEntry,
        secrets: Vec<SecretEntry>,
        checks: mpsc::Sender<CheckView>,
    ) -> Result<Vec<CheckView>, CommandError> {
        self.ask(|reply| Request::Test {
            node,
            entry: Box::new(entry),
            secrets,
            checks,
            reply,
        })
        .await?
    }

    /// Accepts a host key or certificate that was presented.
    pub async fn accept(&self, presented: Presented) -> Result<(), CommandError> {
        self.ask(|reply| Request::Accept { presented, reply })
            .await?
    }

    /// Asks the node's platforms for guests; answers how many wait to be configured.
    pub async fn discover(&self, node: NodeId) -> Result<u32, CommandError> {
        self.ask(|reply| Request::Discover { node, reply }).await?
    }

    /// Which machines are on the network: each address as it is found, and again when more is known of it. Asks the
    /// neighbour table and mDNS for some five seconds; `sweep` sends an echo request to each address of the own network,
    /// too. No port is tried. Ends early when nobody listens any more.
    pub async fn scan(
        &self,
        sweep: bool,
        found: mpsc::Sender<FoundAddress>,
    ) -> Result<(), CommandError> {
        self.ask(|reply| Request::Scan {
            sweep,
            found,
            reply,
        })
        .await?
    }

    /// All or nothing. Nodes of the same name are changed, the others added.
    pub async fn import(&self, text: String) -> Result<ImportReport, CommandError> {
        self.ask(|reply| Request::Import { text, reply }).await?
    }

    pub async fn export(&self) -> Result<String, CommandError> {
        self.ask(|reply| Request::Export { reply }).await?
    }

    /// Newest first.
    pub async fn journal(&self, query: JournalQuery) -> Result<Vec<JournalLine>, CommandError> {
        self.ask(|reply| Request::Journal { query, reply }).await?
    }

    /// `None` when it was never set.
    pub async fn setting<T>(&self, key: SettingKey<T>) -> Result<Option<T>, CommandError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.with_store(move |store| store.setting(&key)).await
    }

    pub async fn set_setting<T>(&self, key: SettingKey<T>, value: T) -> Result<(), CommandError>
    where
        T: Serialize + Send + 'static,
    {
        self.with_store(move |store| store.set_setting(&key, &value))
            .await
    }

    /// How it works where nodes say nothing themselves.
    pub async fn engine_settings(&self) -> Result<EngineSettings, CommandError> {
        Ok(self.setting(ENGINE).await?.unwrap_or_default())
    }

    /// Takes effect at once. Fails with the sentence that names what is out of range.
    pub async fn configure(&self, settings: EngineSettings) -> Result<(), CommandError> {
        self.ask(|reply| Request::Configure { settings, reply })
            .await?
    }

    /// The random id under which this homelab's secrets stand in the keyring.
    pub async fn homelab(&self) -> Result<String, CommandError> {
        self.with_store(|store| Ok(store.homelab_id().to_owned()))
            .await
    }

    async fn with_store<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let answer = self.ask(|reply| Request::Settings {
            job: Box::new(move |store| {
                // whoever asked tells of a failure; the controller is told of a full disk
                let (answer, verdict) = match act(store) {
                    Ok(value) => (Ok(value), Ok(())),
                    Err(error) => (Err(error.to_string()), Err(error)),
                };
                let _ = reply.send(answer);
                verdict
            }),
        });
        let answered: Result<T, String> = answer.await?;
        answered.map_err(|message| CommandError::Other { message })
    }

    /// The lines that the query asks for, oldest first, as the text of a file.
    pub async fn export_journal(
        &self,
        query: JournalQuery,
        format: JournalFormat,
    ) -> Result<String, CommandError> {
        self.ask(|reply| Request::ExportJournal {
            query,
            format,
            reply,
        })
        .await?
    }

    /// Waits for the step in progress to be written down, closes every connection and the database. A running cascade is
    /// left as it is and offered for resumption at the next start.
    pub async fn shut_down(&self) {
        let _ = self.ask(|reply| Request::ShutDown { reply }).await;
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, CommandError> {
        let ended = |_| CommandError::Other {
            message: Said::EngineEnded.to_string(),
        };
        let (reply, answer) = oneshot::channel();
        self.requests
            .send(request(reply))
            .await
            .map_err(|e| ended(e.to_string()))?;
        answer.await.map_err(|e| ended(e.to_string()))
    }
}
