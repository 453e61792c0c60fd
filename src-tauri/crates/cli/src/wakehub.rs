//! Whom a command speaks to: the WakeHub that runs on the data directory, or an engine of its own.

use anyhow::anyhow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use wakehub_api::Gate;
use wakehub_api::client::{Client, ConnectError, connect};
use wakehub_domain::{NodeId, Presented, Timestamp};
use wakehub_engine::{Attention, Handle, Options, Secrets, StartError};
use wakehub_store::OpenError;
use wakehub_view::access::{ApiAccess, ApiStatus, NewApiToken, ShownApiToken};
use wakehub_view::homelab::NodeEntry;
use wakehub_view::savings::{SavingsAsk, SavingsView};
use wakehub_view::wire::{
    Ask, CheckView, CommandError, EngineSettings, FoundAddress, ImportReport, JournalFormat,
    JournalLine, JournalQuery, PlanAnswer, RunAnswer, SecretEntry, SettingChange, Severity,
    Snapshot, WhyView,
};

use crate::outcome::Failure;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// How long one that has just taken the directory may take until its socket answers.
const STARTING: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(100);

pub enum Wakehub {
    Here {
        handle: Handle,
        secrets: Arc<dyn Secrets>,
    },
    There(Client),
}

/// The running one, else one of our own. One that starts or ends just now is waited for.
pub async fn open(data_dir: PathBuf) -> Result<Wakehub, Failure> {
    let until = Instant::now() + STARTING;
    loop {
        let (why, is_passing) = match connect(&data_dir, VERSION).await {
            Ok(client) => {
                complain(&client.snapshot());
                return Ok(Wakehub::There(client));
            }
            Err(ConnectError::NotRunning) => match engine(data_dir.clone()).await? {
                Ok((handle, secrets)) => return Ok(Wakehub::Here { handle, secrets }),
                Err(error @ StartError::Open(OpenError::Held { .. })) => (error.to_string(), true),
                Err(error) => (error.to_string(), false),
            },
            Err(error @ ConnectError::Failed(_)) => (error.to_string(), true),
            Err(error @ ConnectError::OtherVersion { .. }) => (error.to_string(), false),
        };
        if !is_passing || Instant::now() > until {
            return Err(anyhow!(why).into());
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// An engine of our own, or why not.
pub async fn start(data_dir: PathBuf) -> Result<(Handle, Arc<dyn Secrets>), Failure> {
    engine(data_dir)
        .await?
        .map_err(|error| anyhow!("{error}").into())
}

type Own = (Handle, Arc<dyn Secrets>);

async fn engine(data_dir: PathBuf) -> Result<Result<Own, StartError>, Failure> {
    if wakehub_demo::is_demo(&data_dir) {
        return Err(anyhow!(
            "{} holds a demo homelab, whose machines do not exist; `wakehub run --demo` runs it",
            data_dir.display()
        )
        .into());
    }
    let secrets: Arc<dyn Secrets> = Arc::new(wakehub_keyring::Keyring::default());
    let handle = match wakehub_engine::start(Options::real(data_dir, secrets.clone())).await {
        Ok(handle) => handle,
        Err(error) => return Ok(Err(error)),
    };
    // the loop shows its first snapshot at once; until then there is nothing to read
    let mut snapshots = handle.snapshots();
    let _ = snapshots.wait_for(|snapshot| snapshot.revision > 0).await;
    complain(&handle.snapshot());
    Ok(Ok((handle, secrets)))
}

/// A homelab that was set aside must not look like one that is empty.
fn complain(snapshot: &Snapshot) {
    for notice in &snapshot.notices {
        if notice.severity == Severity::Critical {
            eprintln!("wakehub: {}", notice.message);
        }
    }
}

type Answered<T> = Result<T, CommandError>;

impl Wakehub {
    pub fn snapshot(&self) -> Arc<Snapshot> {
        match self {
            Wakehub::Here { handle, .. } => handle.snapshot(),
            Wakehub::There(client) => client.snapshot(),
        }
    }

    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        match self {
            Wakehub::Here { handle, .. } => handle.snapshots(),
            Wakehub::There(client) => client.snapshots(),
        }
    }

    /// The running one is looked at for as long as the client listens.
    pub fn attention(&self) -> Option<Attention> {
        match self {
            Wakehub::Here { handle, .. } => Some(handle.attention()),
            Wakehub::There(_) => None,
        }
    }

    pub async fn plan(&self, ask: Ask) -> Answered<PlanAnswer> {
        match self {
            Wakehub::Here { handle, .. } => handle.plan(ask).await,
            Wakehub::There(client) => client.plan(ask).await,
        }
    }

    pub async fn run(&self, ask: Ask) -> Answered<RunAnswer> {
        match self {
            Wakehub::Here { handle, .. } => handle.run(ask).await,
            Wakehub::There(client) => client.run(ask).await,
        }
    }

    pub async fn hold_for(&self, node: NodeId, length: Duration, then_stop: bool) -> Answered<()> {
        match self {
            Wakehub::Here { handle, .. } if then_stop => handle.hold_then_stop(node, length).await,
            Wakehub::Here { handle, .. } => handle.hold_for(node, length).await,
            Wakehub::There(client) => client.hold_for(node, length, then_stop).await,
        }
    }

    pub async fn hold(&self, node: NodeId, until: Option<Timestamp>) -> Answered<()> {
        match self {
            Wakehub::Here { handle, .. } => handle.hold(node, until).await,
            Wakehub::There(client) => client.hold(node, until).await,
        }
    }

    pub async fn savings(&self, ask: SavingsAsk) -> Answered<SavingsView> {
        match self {
            Wakehub::Here { handle, .. } => handle.savings(ask).await,
            Wakehub::There(client) => client.savings(ask).await,
        }
    }

    pub async fn pause_stops(&self, until: Option<Timestamp>) -> Answered<()> {
        match self {
            Wakehub::Here { handle, .. } => handle.pause_stops(until).await,
            Wakehub::There(client) => client.pause_stops(until).await,
        }
    }

    pub async fn import(&self, text: String) -> Answered<ImportReport> {
        match self {
            Wakehub::Here { handle, .. } => handle.import(text).await,
            Wakehub::There(client) => client.import(text).await,
        }
    }

    pub async fn export(&self) -> Answered<String> {
        match self {
            Wakehub::Here { handle, .. } => handle.export().await,
            Wakehub::There(client) => client.export().await,
        }
    }

    pub async fn journal(&self, query: JournalQuery) -> Answered<Vec<JournalLine>> {
        match self {
            Wakehub::Here { handle, .. } => handle.journal(query).await,
            Wakehub::There(client) => client.journal(query).await,
        }
    }

    pub async fn export_journal(
        &self,
        query: JournalQuery,
        format: JournalFormat,
    ) -> Answered<String> {
        match self {
            Wakehub::Here { handle, .. } => handle.export_journal(query, format).await,
            Wakehub::There(client) => client.export_journal(query, format).await,
        }
    }

    pub async fn node_entry(&self, node: NodeId) -> Answered<NodeEntry> {
        match self {
            Wakehub::Here { handle, .. } => handle.node_entry(node).await,
            Wakehub::There(client) => client.node_entry(node).await,
        }
    }

    /// With its secrets as they are.
    pub async fn save_node(&self, node: NodeId, entry: NodeEntry) -> Answered<NodeId> {
        match self {
            Wakehub::Here { handle, .. } => handle.save_node(Some(node), entry, vec![]).await,
            Wakehub::There(client) => client.save_node(Some(node), &entry, &[]).await,
        }
    }

    pub async fn engine_settings(&self) -> Answered<EngineSettings> {
        match self {
            Wakehub::Here { handle, .. } => handle.engine_settings().await,
            Wakehub::There(client) => Ok(client.settings().await?.engine),
        }
    }

    /// One of the engine's.
    pub async fn set_setting(&self, change: SettingChange) -> Answered<()> {
        match self {
            Wakehub::Here { handle, .. } => {
                let settings = change.applied_to(handle.engine_settings().await?);
                handle.configure(settings).await
            }
            Wakehub::There(client) => client.set_setting(&change).await,
        }
    }

    pub async fn why(&self, node: NodeId) -> Answered<WhyView> {
        match self {
            Wakehub::Here { handle, .. } => handle.why(node).await,
            Wakehub::There(client) => client.why(node).await,
        }
    }

    pub async fn discover(&self, node: NodeId) -> Answered<u32> {
        match self {
            Wakehub::Here { handle, .. } => handle.discover(node).await,
            Wakehub::There(client) => client.discover(node).await,
        }
    }

    pub async fn set_secret(&self, node: NodeId, secret: SecretEntry) -> Answered<()> {
        match self {
            Wakehub::Here { handle, .. } => handle.set_secret(node, secret).await,
            Wakehub::There(client) => client.set_secret(node, &secret).await,
        }
    }

    /// With the secrets that the keyring has.
    pub async fn test_connection(
        &self,
        node: NodeId,
        entry: NodeEntry,
        checks: mpsc::Sender<CheckView>,
    ) -> Answered<Vec<CheckView>> {
        match self {
            Wakehub::Here { handle, .. } => {
                let tested = handle.test_connection(Some(node), entry, Vec::new(), checks);
                tested.await
            }
            Wakehub::There(client) => {
                client
                    .test_connection(Some(node), &entry, &[], checks)
                    .await
            }
        }
    }

    pub async fn scan(&self, sweep: bool, found: mpsc::Sender<FoundAddress>) -> Answered<()> {
        match self {
            Wakehub::Here { handle, .. } => handle.scan(sweep, found).await,
            Wakehub::There(client) => client.scan(sweep, found).await,
        }
    }

    pub async fn accept(&self, presented: Presented) -> Answered<()> {
        match self {
            Wakehub::Here { handle, .. } => handle.accept(presented).await,
            Wakehub::There(client) => client.accept(&presented).await,
        }
    }

    pub async fn access(&self) -> Answered<ApiStatus> {
        match self {
            Wakehub::Here { .. } => self.gate().await?.access().await,
            Wakehub::There(client) => client.access().await,
        }
    }

    pub async fn set_access(&self, access: ApiAccess) -> Answered<ApiStatus> {
        match self {
            Wakehub::Here { .. } => self.gate().await?.set_access(access).await,
            Wakehub::There(client) => client.set_access(&access).await,
        }
    }

    pub async fn add_token(&self, new: NewApiToken) -> Answered<ShownApiToken> {
        match self {
            Wakehub::Here { .. } => self.gate().await?.add_token(new).await,
            Wakehub::There(client) => client.add_token(&new).await,
        }
    }

    pub async fn remove_token(&self, token: &str) -> Answered<()> {
        match self {
            Wakehub::Here { .. } => self.gate().await?.remove_token(token).await,
            Wakehub::There(client) => client.remove_token(token).await,
        }
    }

    /// Ends our own engine in good order; the running one stays.
    pub async fn close(self) {
        match self {
            Wakehub::Here { handle, .. } => handle.shut_down().await,
            Wakehub::There(_) => {}
        }
    }

    async fn gate(&self) -> Answered<Gate> {
        match self {
            Wakehub::Here { handle, secrets } => Gate::open(handle.clone(), secrets.clone()).await,
            Wakehub::There(_) => Err(CommandError::Other {
                message: "WakeHub runs and answers by itself".to_owned(),
            }),
        }
    }
}
