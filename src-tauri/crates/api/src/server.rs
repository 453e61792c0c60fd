//! The listeners: the socket always, TCP while it is switched on.

use axum::Router;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wakehub_engine::{Handle, Secrets};
use wakehub_view::access::{ApiAccess, ApiStatus, NewApiToken, ShownApiToken};
use wakehub_view::wire::CommandError;

use crate::limits::{self, Rate};
use crate::serve::{connection, router};
use crate::shared::{News, Peer, Place, Shared};
use crate::socket::Listener;
use crate::tokens::Tokens;
use crate::wire::About;
use crate::{access, openapi};

/// After a failure to accept (no file descriptors left, mostly).
const PAUSE: Duration = Duration::from_millis(200);

pub struct Options {
    /// Whose lock the engine holds; the socket stands in it.
    pub data_dir: PathBuf,
    pub secrets: Arc<dyn Secrets>,
    /// Of the program that serves: the command line asks for the same.
    pub version: &'static str,
    /// Whether it is the demo homelab that is served.
    pub demo: bool,
}

/// Why the API does not answer. WakeHub works without it.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("failed to open the socket in {path}: {error}")]
    Socket { path: String, error: std::io::Error },
    #[error("failed to read the settings of the API: {0}")]
    Settings(String),
}

/// Ends by itself when the engine ends.
pub struct Server {
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

impl Server {
    /// How it is doing; without tokens, which are listed on demand.
    pub fn status(&self) -> watch::Receiver<ApiStatus> {
        self.shared.status.subscribe()
    }

    /// When the engine has ended, or is told to.
    pub async fn ending(&self) {
        self.shared.ending.cancelled().await;
    }

    /// How it is reached, with the tokens as they are now.
    pub async fn access(&self) -> ApiStatus {
        access::status(&self.shared).await
    }

    /// Switches TCP on, off or over; answers when that has been done or has failed.
    pub async fn set_access(&self, wanted: ApiAccess) -> Result<ApiStatus, CommandError> {
        access::set(&self.shared, wanted).await
    }

    pub async fn add_token(&self, new: NewApiToken) -> Result<ShownApiToken, CommandError> {
        self.shared.tokens.add(new).await
    }

    /// By id or name. Whoever listens with it is let go.
    pub async fn remove_token(&self, token: &str) -> Result<(), CommandError> {
        access::remove_token(&self.shared.tokens, token).await
    }

    /// Tells every listener that WakeHub ends, and waits until they have gone, two seconds at most.
    pub async fn end(self) {
        self.shared.ending.cancel();
        let _ = self.listening.await;
    }
}

pub async fn serve(engine: Handle, options: Options) -> Result<Server, ServeError> {
    let settings = |error| ServeError::Settings(words(&error));
    let listener = Listener::bind(&options.data_dir).map_err(|error| ServeError::Socket {
        path: options.data_dir.display().to_string(),
        error,
    })?;
    let wanted = access::read(&engine).await.map_err(settings)?;
    let tokens = Tokens::open(engine.clone(), options.secrets.clone())
        .await
        .map_err(settings)?;
    let document = serde_json::to_vec(&openapi::document()).unwrap_or_default();
    let shared = Arc::new(Shared {
        engine,
        secrets: options.secrets,
        tokens,
        about: About {
            name: "WakeHub".to_owned(),
            version: options.version.to_owned(),
            run: format!("{:016x}", rand::random::<u64>()),
            pid: std::process::id(),
        },
        data_dir: options.data_dir,
        is_demo: options.demo,
        status: watch::Sender::new(ApiStatus {
            access: wanted.clone(),
            ..ApiStatus::default()
        }),
        access: watch::Sender::new(wanted),
        requests: Rate::new(300, 60.0),
        wrong: Rate::new(10, 0.2),
        ending: CancellationToken::new(),
        document: document.into(),
        news: News::default(),
    });
    let mut taken = shared.status.subscribe();
    let listening = tokio::spawn(listen(shared.clone(), listener));
    // whoever says that WakeHub runs says so when it can be reached
    let settled = taken.wait_for(access::is_settled);
    let _ = tokio::time::timeout(limits::ENDING, settled).await;
    Ok(Server { shared, listening })
}

async fn listen(shared: Arc<Shared>, socket: Listener) {
    let router = router(&shared);
    let connections = TaskTracker::new();
    let ending = shared.ending.clone();
    let mut snapshots = shared.engine.snapshots();
    let engine_ends = async {
        while snapshots.changed().await.is_ok() {
            snapshots.borrow_and_update();
        }
    };
    tokio::select! {
        () = ending.cancelled() => {}
        () = engine_ends => ending.cancel(),
        () = on_socket(&shared, &router, socket, &connections) => {}
        () = on_tcp(&shared, &router, &connections) => {}
    }
    connections.close();
    let _ = tokio::time::timeout(limits::ENDING, connections.wait()).await;
}

async fn on_socket(
    shared: &Arc<Shared>,
    router: &Router,
    mut socket: Listener,
    connections: &TaskTracker,
) {
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
    loop {
        // one that finds no place waits in the kernel's queue
        let Ok(permit) = places.clone().acquire_owned().await else {
            return;
        };
        match socket.accept().await {
            Ok(stream) => {
                let (shared, router) = (shared.clone(), router.clone());
                let place = Place {
                    _permits: Arc::new(vec![permit]),
                    closing: shared.ending.clone(),
                };
                connections.spawn(connection(shared, router, stream, Peer::Owner, place));
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept on the socket");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Listens as the settings say, from one change of them to the next.
async fn on_tcp(shared: &Arc<Shared>, router: &Router, connections: &TaskTracker) {
    let mut wanted = shared.access.subscribe();
    loop {
        let access = wanted.borrow_and_update().clone();
        // connections of the settings before end with them
        let closing = shared.ending.child_token();
        let _close = closing.clone().drop_guard();
        let changed = tokio::select! {
            changed = wanted.changed() => changed,
            never = listen_as(shared, router, &access, connections, closing) => match never {},
        };
        if changed.is_err() {
            return;
        }
    }
}

async fn listen_as(
    shared: &Arc<Shared>,
    router: &Router,
    access: &ApiAccess,
    connections: &TaskTracker,
    closing: CancellationToken,
) -> std::convert::Infallible {
    loop {
        let bound = if access.tcp {
            Some(bind(access).await)
        } else {
            None
        };
        let (listening, failure) = match &bound {
            None => (None, None),
            Some(Ok((_, address))) => (Some(address.to_string()), None),
            Some(Err(error)) => (None, Some(error.clone())),
        };
        tracing::info!(listening, failure, "the API over TCP");
        shared.status.send_replace(ApiStatus {
            access: access.clone(),
            listening,
            failure,
            ..ApiStatus::default()
        });
        match bound {
            Some(Ok((listener, _))) => {
                accept(shared, router, &listener, connections, &closing).await;
            }
            // the address may come with the network
            Some(Err(_)) => tokio::time::sleep(Duration::from_secs(10)).await,
            None => std::future::pending().await,
        }
    }
}

async fn bind(access: &ApiAccess) -> Result<(TcpListener, SocketAddr), String> {
    // the settings may have been written by hand
    if let Some(wrong) = access.check().into_iter().next() {
        return Err(wrong.message);
    }
    let listener = TcpListener::bind(access.listen)
        .await
        .map_err(|error| format!("failed to listen on {}: {error}", access.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok((listener, address))
}

async fn accept(
    shared: &Arc<Shared>,
    router: &Router,
    listener: &TcpListener,
    connections: &TaskTracker,
    closing: &CancellationToken,
) -> std::convert::Infallible {
    let places = Places::default();
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "failed to accept over TCP");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let from = from.ip().to_canonical();
        let (Some(place), Ok(to)) = (places.take(from, closing), stream.local_addr()) else {
            tracing::debug!(%from, "too many connections");
            drop(stream);
            continue;
        };
        let peer = Peer::Tcp { from, to };
        let serving = connection(shared.clone(), router.clone(), quick(stream), peer, place);
        let closed = closing.clone().cancelled_owned();
        connections.spawn(async move {
            tokio::select! {
                () = serving => {}
                () = closed => {}
            }
        });
    }
}

/// Small messages go out at once.
fn quick(stream: TcpStream) -> TcpStream {
    let _ = stream.set_nodelay(true);
    stream
}

/// How many connections there are, together and by address.
struct Places {
    all: Arc<Semaphore>,
    by_address: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
}

impl Default for Places {
    fn default() -> Places {
        Places {
            all: Arc::new(Semaphore::new(limits::CONNECTIONS)),
            by_address: Mutex::default(),
        }
    }
}

impl Places {
    fn take(&self, from: IpAddr, closing: &CancellationToken) -> Option<Place> {
        let all: OwnedSemaphorePermit = self.all.clone().try_acquire_owned().ok()?;
        let mut by_address = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        by_address.retain(|_, places| places.available_permits() < limits::CONNECTIONS_PER_ADDRESS);
        let own = by_address
            .entry(from)
            .or_insert_with(|| Arc::new(Semaphore::new(limits::CONNECTIONS_PER_ADDRESS)));
        let own = own.clone().try_acquire_owned().ok()?;
        Some(Place {
            _permits: Arc::new(vec![all, own]),
            closing: closing.clone(),
        })
    }
}

fn words(error: &CommandError) -> String {
    match error {
        CommandError::Other { message } => message.clone(),
        CommandError::Failure { failure } => failure.message.clone(),
        CommandError::Entry { errors } => errors
            .iter()
            .map(|error| error.message.clone())
            .collect::<Vec<_>>()
            .join("; "),
    }
}
