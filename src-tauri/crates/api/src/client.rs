//! A running WakeHub, as its user's programs see it: the same calls as the engine's handle, over the socket.

mod wire;

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use wakehub_domain::{CascadeId, NodeId, Presented, Timestamp};
use wakehub_view::access::{ApiAccess, ApiStatus, NewApiToken, ShownApiToken};
use wakehub_view::homelab::NodeEntry;
use wakehub_view::savings::{SavingsAsk, SavingsView};
use wakehub_view::wire::{
    Ask, CheckView, CommandError, FoundAddress, ImportReport, JournalFormat, JournalLine,
    JournalQuery, PlanAnswer, RunAnswer, SecretEntry, SettingChange, SettingsView, Snapshot,
    WhyView,
};

use self::wire::{NodeOut, SecretOut, TestOut};
use crate::limits;
use crate::socket;
use crate::url;
use crate::wire::{
    About, DiscoveredAnswer, ErrorAnswer, Event, HoldBody, PauseBody, ScanBody, ScanLine, TestLine,
    journal_words,
};

/// Whom the client speaks to: a name that the guard knows, on every computer.
const HOST: &str = "localhost";
const LOST: &str = "failed to speak with the running WakeHub: ";

/// Why nobody is spoken to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing listens there.
    #[error("no WakeHub runs on this data directory")]
    NotRunning,
    #[error(
        "WakeHub {theirs} runs (process {pid}) and this is wakehub {ours}: quit it and start it again, or use the command \
         that came with it"
    )]
    OtherVersion {
        theirs: String,
        ours: String,
        pid: u32,
    },
    #[error("failed to speak with the running WakeHub: {0}")]
    Failed(String),
}

/// A connection to a running WakeHub, with its snapshots. Ends with it.
pub struct Client {
    data_dir: PathBuf,
    pub about: About,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

/// Connects, asks who is there, and listens to its snapshots.
pub async fn connect(data_dir: &Path, version: &str) -> Result<Client, ConnectError> {
    use std::io::ErrorKind;
    match socket::connect(data_dir).await {
        Ok(_) => {}
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            return Err(ConnectError::NotRunning);
        }
        Err(error) => return Err(ConnectError::Failed(error.to_string())),
    }
    let failed = |error: CommandError| ConnectError::Failed(words(error));
    let asking = Asking { data_dir };
    let about: About = tokio::time::timeout(limits::HEAD_TIME, asking.get("/api"))
        .await
        .map_err(|_| ConnectError::Failed("it does not answer".to_owned()))?
        .map_err(failed)?;
    if about.version != version {
        return Err(ConnectError::OtherVersion {
            theirs: about.version,
            ours: version.to_owned(),
            pid: about.pid,
        });
    }
    let snapshots = listen(data_dir).await.map_err(failed)?;
    Ok(Client {
        data_dir: data_dir.to_owned(),
        about,
        snapshots,
    })
}

impl Client {
    /// The newest snapshot that has arrived.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// Closed when WakeHub has ended.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    pub async fn plan(&self, ask: Ask) -> Result<PlanAnswer, CommandError> {
        self.asking().post("/api/v1/plan", &ask).await
    }

    pub async fn run(&self, ask: Ask) -> Result<RunAnswer, CommandError> {
        self.asking().post("/api/v1/run", &ask).await
    }

    pub async fn resume(&self, cascade: CascadeId) -> Result<RunAnswer, CommandError> {
        let path = format!("/api/v1/cascades/{cascade}/resume");
        self.asking().post(&path, &()).await
    }

    pub async fn cancel(&self, cascade: CascadeId) -> Result<(), CommandError> {
        let path = format!("/api/v1/cascades/{cascade}/cancel");
        self.asking().done(Method::POST, &path, &()).await
    }

    pub async fn hold_for(
        &self,
        node: NodeId,
        length: Duration,
        then_stop: bool,
    ) -> Result<(), CommandError> {
        let body = HoldBody::For {
            seconds: length.as_secs(),
            then_stop,
        };
        let path = format!("/api/v1/nodes/{node}/hold");
        self.asking().done(Method::PUT, &path, &body).await
    }

    /// `None` releases it.
    pub async fn hold(&self, node: NodeId, until: Option<Timestamp>) -> Result<(), CommandError> {
        let body = until.map_or(HoldBody::Nothing, HoldBody::Until);
        let path = format!("/api/v1/nodes/{node}/hold");
        self.asking().done(Method::PUT, &path, &body).await
    }

    pub async fn pause_stops(&self, until: Option<Timestamp>) -> Result<(), CommandError> {
        let body = PauseBody { until };
        self.asking()
            .done(Method::PUT, "/api/v1/stops/pause", &body)
            .await
    }

    pub async fn import(&self, text: String) -> Result<ImportReport, CommandError> {
        let body = Some(("application/toml", text.into_bytes()));
        self.asking()
            .ask(Method::POST, "/api/v1/homelab", body)
            .await
    }

    pub async fn export(&self) -> Result<String, CommandError> {
        self.text("/api/v1/homelab").await
    }

    /// Newest first.
    pub async fn journal(&self, query: JournalQuery) -> Result<Vec<JournalLine>, CommandError> {
        let words = journal_words(&query).map_err(lost)?;
        self.asking().get(&format!("/api/v1/journal?{words}")).await
    }

    pub async fn export_journal(
        &self,
        query: JournalQuery,
        format: JournalFormat,
    ) -> Result<String, CommandError> {
        let words = journal_words(&query).map_err(lost)?;
        let format = match format {
            JournalFormat::JsonLines => "json_lines",
            JournalFormat::Csv => "csv",
        };
        let path = format!("/api/v1/journal/export?format={format}&{words}");
        self.text(&path).await
    }

    pub async fn node_entry(&self, node: NodeId) -> Result<NodeEntry, CommandError> {
        self.asking()
            .get(&format!("/api/v1/nodes/{node}/entry"))
            .await
    }

    pub async fn why(&self, node: NodeId) -> Result<WhyView, CommandError> {
        self.asking()
            .get(&format!("/api/v1/nodes/{node}/why"))
            .await
    }

    pub async fn settings(&self) -> Result<SettingsView, CommandError> {
        self.asking().get("/api/v1/settings").await
    }

    /// One of the engine's; those of the desktop are refused.
    pub async fn set_setting(&self, change: &SettingChange) -> Result<(), CommandError> {
        self.asking()
            .done(Method::PUT, "/api/v1/settings", change)
            .await
    }

    pub async fn savings(&self, ask: SavingsAsk) -> Result<SavingsView, CommandError> {
        self.asking().post("/api/v1/savings", &ask).await
    }

    pub async fn discover(&self, node: NodeId) -> Result<u32, CommandError> {
        let path = format!("/api/v1/nodes/{node}/discover");
        let found: DiscoveredAnswer = self.asking().post(&path, &()).await?;
        Ok(found.to_configure)
    }

    pub async fn save_node(
        &self,
        node: Option<NodeId>,
        entry: &NodeEntry,
        secrets: &[SecretEntry],
    ) -> Result<NodeId, CommandError> {
        let body = NodeOut::new(entry, secrets);
        let asking = self.asking();
        let saved: crate::wire::SavedNode = match node {
            None => asking.post("/api/v1/nodes", &body).await?,
            Some(node) => {
                let body = Some(("application/json", json(&body)?));
                let path = format!("/api/v1/nodes/{node}");
                asking.ask(Method::PUT, &path, body).await?
            }
        };
        Ok(saved.node)
    }

    pub async fn set_secret(&self, node: NodeId, secret: &SecretEntry) -> Result<(), CommandError> {
        let path = format!("/api/v1/nodes/{node}/secrets");
        self.asking()
            .done(Method::PUT, &path, &SecretOut::from(secret))
            .await
    }

    /// Sends each check as it ends, and answers with all.
    pub async fn test_connection(
        &self,
        node: Option<NodeId>,
        entry: &NodeEntry,
        secrets: &[SecretEntry],
        checks: mpsc::Sender<CheckView>,
    ) -> Result<Vec<CheckView>, CommandError> {
        let body = json(&TestOut::new(node, entry, secrets))?;
        let body = Some(("application/json", body));
        let answer = self
            .asking()
            .send(Method::POST, "/api/v1/test", body)
            .await?;
        let mut lines = Lines::of(answer);
        loop {
            match lines.next().await? {
                TestLine::Check(check) => drop(checks.send(check).await),
                TestLine::Done(all) => return Ok(all),
                TestLine::Error(error) => return Err(error),
            }
        }
    }

    /// Sends each address as it is found, and again when more is known of it.
    pub async fn scan(
        &self,
        sweep: bool,
        found: mpsc::Sender<FoundAddress>,
    ) -> Result<(), CommandError> {
        let body = Some(("application/json", json(&ScanBody { sweep })?));
        let answer = self
            .asking()
            .send(Method::POST, "/api/v1/scan", body)
            .await?;
        let mut lines = Lines::of(answer);
        loop {
            match lines.next().await? {
                ScanLine::Found(one) => drop(found.send(one).await),
                ScanLine::Done => return Ok(()),
                ScanLine::Error(error) => return Err(error),
            }
        }
    }

    pub async fn accept(&self, presented: &Presented) -> Result<(), CommandError> {
        self.asking()
            .done(Method::POST, "/api/v1/accept", presented)
            .await
    }

    pub async fn access(&self) -> Result<ApiStatus, CommandError> {
        self.asking().get("/api/v1/access").await
    }

    pub async fn set_access(&self, access: &ApiAccess) -> Result<ApiStatus, CommandError> {
        let body = Some(("application/json", json(access)?));
        self.asking().ask(Method::PUT, "/api/v1/access", body).await
    }

    pub async fn add_token(&self, new: &NewApiToken) -> Result<ShownApiToken, CommandError> {
        self.asking().post("/api/v1/tokens", new).await
    }

    /// By id or name.
    pub async fn remove_token(&self, token: &str) -> Result<(), CommandError> {
        let path = format!("/api/v1/tokens/{}", url::encode(token));
        self.asking().done(Method::DELETE, &path, &()).await
    }

    async fn text(&self, path: &str) -> Result<String, CommandError> {
        let answer = self.asking().send(Method::GET, path, None).await?;
        let bytes = answer.into_body().collect().await.map_err(lost)?.to_bytes();
        String::from_utf8(bytes.into()).map_err(lost)
    }

    fn asking(&self) -> Asking<'_> {
        Asking {
            data_dir: &self.data_dir,
        }
    }
}

/// One connection per question: they are few, and a socket costs nothing.
struct Asking<'a> {
    data_dir: &'a Path,
}

impl Asking<'_> {
    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CommandError> {
        self.ask(Method::GET, path, None).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CommandError> {
        let body = Some(("application/json", json(body)?));
        self.ask(Method::POST, path, body).await
    }

    async fn done(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(), CommandError> {
        let body = Some(("application/json", json(body)?));
        self.send(method, path, body).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<T, CommandError> {
        let answer = self.send(method, path, body).await?;
        let bytes = answer.into_body().collect().await.map_err(lost)?.to_bytes();
        serde_json::from_slice(&bytes).map_err(lost)
    }

    /// Fails with what the engine says when it is not 2xx.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Response<hyper::body::Incoming>, CommandError> {
        let stream = socket::connect(self.data_dir).await.map_err(lost)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST);
        let bytes = match body {
            Some((media_type, bytes)) => {
                request = request.header(header::CONTENT_TYPE, media_type);
                bytes
            }
            None => Vec::new(),
        };
        let request = request.body(Full::new(bytes::Bytes::from(bytes)));
        // longer than the server's own patience, whose answer says more
        let patience = limits::LONG_ANSWER + limits::BODY_TIME;
        let answer = tokio::time::timeout(patience, sender.send_request(request.map_err(lost)?))
            .await
            .map_err(|_| lost("it does not answer"))?
            .map_err(lost)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let bytes = answer.into_body().collect().await.map_err(lost)?.to_bytes();
        Err(refusal(status, &bytes))
    }
}

/// JSON values of an answer, a line each.
struct Lines {
    body: hyper::body::Incoming,
    read: Vec<u8>,
}

impl Lines {
    fn of(answer: Response<hyper::body::Incoming>) -> Lines {
        Lines {
            body: answer.into_body(),
            read: Vec::new(),
        }
    }

    async fn next<T: DeserializeOwned>(&mut self) -> Result<T, CommandError> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return serde_json::from_slice(&line).map_err(lost);
            }
            let frame = self.body.frame().await;
            let frame = frame.ok_or_else(|| lost("it ended in the middle of its answer"))?;
            if let Ok(bytes) = frame.map_err(lost)?.into_data() {
                self.read.extend_from_slice(&bytes);
            }
        }
    }
}

/// The snapshots of a WebSocket, kept up for as long as somebody holds the receiver.
async fn listen(data_dir: &Path) -> Result<watch::Receiver<Arc<Snapshot>>, CommandError> {
    let stream = socket::connect(data_dir).await.map_err(lost)?;
    let request = format!("ws://{HOST}/api/v1/events?kinds=snapshot")
        .into_client_request()
        .map_err(lost)?;
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .map_err(lost)?;
    let (sender, receiver) = watch::channel(Arc::new(Snapshot::default()));
    let first = async {
        while let Some(message) = socket.next().await {
            if let Some(snapshot) = snapshot_in(&message.map_err(lost)?)? {
                return Ok(snapshot);
            }
        }
        Err(lost("it ended"))
    };
    let first = tokio::time::timeout(limits::ANSWER, first)
        .await
        .map_err(|_| lost("it does not answer"))??;
    sender.send_replace(first);
    tokio::spawn(async move {
        loop {
            let message = tokio::select! {
                message = socket.next() => message,
                () = sender.closed() => break,
            };
            match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(message)) => match snapshot_in(&message) {
                    Ok(Some(snapshot)) => drop(sender.send_replace(snapshot)),
                    Ok(None) => {}
                    Err(error) => tracing::warn!(?error, "a message of the running WakeHub"),
                },
            }
        }
        let _ = socket.close(None).await;
        let _ = socket.flush().await;
    });
    Ok(receiver)
}

fn snapshot_in(message: &Message) -> Result<Option<Arc<Snapshot>>, CommandError> {
    let Message::Text(text) = message else {
        return Ok(None);
    };
    match serde_json::from_str(text).map_err(lost)? {
        Event::Snapshot { snapshot } => Ok(Some(snapshot)),
        Event::Hello { .. }
        | Event::Node { .. }
        | Event::Removed { .. }
        | Event::Cascade { .. }
        | Event::Ended { .. }
        | Event::Asked { .. }
        | Event::Settled { .. }
        | Event::OpenUrl { .. }
        | Event::Missed { .. } => Ok(None),
    }
}

fn refusal(status: StatusCode, bytes: &[u8]) -> CommandError {
    match serde_json::from_slice::<ErrorAnswer>(bytes) {
        Ok(ErrorAnswer {
            error: CommandError::Other { message },
            advice: Some(advice),
            ..
        }) => CommandError::Other {
            message: format!("{message}\n{advice}"),
        },
        Ok(answer) => answer.error,
        Err(_) => lost(format!("it answers {status}")),
    }
}

fn json(body: &impl Serialize) -> Result<Vec<u8>, CommandError> {
    serde_json::to_vec(body).map_err(lost)
}

fn lost(error: impl ToString) -> CommandError {
    CommandError::Other {
        message: format!("{LOST}{}", error.to_string()),
    }
}

fn words(error: CommandError) -> String {
    match error {
        CommandError::Other { message } => message
            .strip_prefix(LOST)
            .map_or(message.clone(), str::to_owned),
        CommandError::Entry { .. } | CommandError::Failure { .. } => format!("{error:?}"),
    }
}
