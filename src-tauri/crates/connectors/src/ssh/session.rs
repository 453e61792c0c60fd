//! One session: connected, trusted, logged in, and driven by a task of its own.

use super::auth;
use super::config::{AcceptedKey, SshEndpoint, Timing};
use super::driver::{Driver, Open, OpenError, Request};
use super::fault;
use super::fd::Socket;
use super::stream::SshStream;
use super::traffic::Traffic;
use super::trust::{Trust, TrustedBy};
use crate::reach::is_this_computer;
use std::io;
use std::net::Shutdown;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};
use wakehub_domain::{ConnectorError, ErrorKind};

/// A handle; the session ends when the last one is dropped.
#[derive(Clone, Debug)]
pub(super) struct Session(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    requests: mpsc::UnboundedSender<Request>,
    driver: AbortHandle,
    /// Why the driver ended.
    ended: Arc<OnceLock<String>>,
    keep_alive: OnceLock<AbortOnDrop>,
    /// Copies between the jump host's channel and the socket.
    _relay: Option<AbortOnDrop>,
}

/// Reached one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Milestone {
    Connected,
    /// What the server calls itself: `OpenSSH_9.2p1 Debian-2+deb12u7`.
    Greeted(String),
    Trusted(AcceptedKey, TrustedBy),
    /// How: `password`, `key /home/u/.ssh/id_ed25519`.
    LoggedIn(String),
}

/// Tells about milestones while they are reached.
pub(super) type Progress = mpsc::UnboundedSender<Milestone>;

impl Session {
    /// Connects (through the jump host, if there is one), checks the host key and logs in. Dropping the future closes the
    /// socket, which ends the blocking thread too.
    pub(super) async fn connect(
        endpoint: &SshEndpoint,
        timing: Timing,
        progress: Option<Progress>,
        traffic: &Arc<Traffic>,
    ) -> Result<Session, ConnectorError> {
        let (tcp, relay) = dial(endpoint, timing).await?;
        let failed = |error: io::Error| fault::connect(format!("connect to {endpoint}"), &error);
        tcp.set_nodelay(true).map_err(failed)?;
        let end = tcp.local_addr().ok().filter(|_| relay.is_none());
        let is_here = relay.is_none() && tcp.peer_addr().is_ok_and(|to| is_this_computer(to.ip()));
        if let Some(progress) = &progress {
            let _ = progress.send(Milestone::Connected);
        }

        let socket = Socket::new(tcp);
        let guard = ShutOnDrop(Some(socket.clone()));
        let (theirs, mine) = (socket.clone(), endpoint.clone());
        // Shorter than the whole operation, so that the error says which part hung.
        let limit = timing.operation / 2;
        let session = tokio::task::spawn_blocking(move || log_in(theirs, &mine, limit, progress))
            .await
            .map_err(|error| {
                let operation = format!("log in to {endpoint}");
                ConnectorError::new(ErrorKind::Protocol, operation, error)
            })??;
        guard.disarm();
        traffic.logged_in(end, is_here);

        let (requests, received) = mpsc::unbounded_channel();
        let mut driver = Driver::new(session, socket, received, traffic.clone());
        let ended = Arc::new(OnceLock::new());
        let reason = ended.clone();
        let driver = tokio::spawn(async move {
            let end = std::future::poll_fn(|cx| driver.poll(cx)).await;
            // Set before the drop, which answers those that wait.
            let _ = reason.set(end.err().unwrap_or_else(|| "closed".to_owned()));
            drop(driver);
        });
        Ok(Session(Arc::new(Inner {
            requests,
            driver: driver.abort_handle(),
            ended,
            keep_alive: OnceLock::new(),
            _relay: relay,
        })))
    }

    /// Looks every now and then whether the session still lives, and ends it if not.
    pub(super) fn keep_alive(&self, timing: Timing) {
        let session = Arc::downgrade(&self.0);
        let task = tokio::spawn(keep_alive(session, timing));
        let _ = self.0.keep_alive.set(AbortOnDrop(task));
    }

    pub(super) async fn open(
        &self,
        open: Open,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<SshStream, OpenError> {
        let (reply, answer) = oneshot::channel();
        let request = Request {
            open,
            permit,
            reply: Some(reply),
        };
        let unsent = OpenError::Lost { sent: false };
        if self.0.requests.send(request).is_err() {
            return Err(unsent);
        }
        let mut stream = answer.await.unwrap_or(Err(unsent))?;
        stream.hold(self.clone());
        Ok(stream)
    }

    /// Whether the server answers within `limit`. A server that refuses another channel does answer.
    pub(super) async fn answers(&self, limit: Duration) -> bool {
        match tokio::time::timeout(limit, self.open(Open::Ping, None)).await {
            Ok(Ok(_) | Err(OpenError::Refused(_))) => true,
            Ok(Err(OpenError::Lost { .. })) | Err(_) => false,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.0.requests.is_closed()
    }

    /// Why the session ended.
    pub(super) fn reason(&self) -> String {
        let reason = self.0.ended.get().cloned();
        reason.unwrap_or_else(|| "the server did not answer any more".to_owned())
    }

    pub(super) fn is(&self, other: &Session) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Ends the session at once, whatever is under way.
    pub(super) fn abort(&self) {
        self.0.driver.abort();
    }
}

async fn keep_alive(session: Weak<Inner>, timing: Timing) {
    loop {
        tokio::time::sleep(timing.keep_alive).await;
        let Some(inner) = session.upgrade() else {
            return;
        };
        let session = Session(inner);
        if !session.answers(timing.ping).await {
            tracing::debug!("an ssh session does not answer any more");
            session.abort();
            return;
        }
    }
}

/// On a blocking thread: `limit` bounds each exchange, and a shut socket ends them all.
fn log_in(
    socket: Socket,
    endpoint: &SshEndpoint,
    limit: Duration,
    progress: Option<Progress>,
) -> Result<ssh2::Session, ConnectorError> {
    let reached = |milestone: Milestone| {
        if let Some(progress) = &progress {
            let _ = progress.send(milestone);
        }
    };
    let operation = || format!("connect to {endpoint}");
    let broken = |error: ssh2::Error| fault::session(operation(), &error);
    let trust = Trust::read(endpoint);

    let mut session = ssh2::Session::new().map_err(broken)?;
    session.set_timeout(u32::try_from(limit.as_millis()).unwrap_or(u32::MAX));
    session
        .method_pref(ssh2::MethodType::HostKey, &trust.preference())
        .map_err(broken)?;
    session.set_tcp_stream(socket);
    let begun = std::time::Instant::now();
    session.handshake().map_err(|error| {
        // Silence has many codes in libssh2, depending on where it fell.
        match begun.elapsed() >= limit {
            true => fault::silent(operation()),
            false => broken(error),
        }
    })?;
    let banner = session.banner().unwrap_or_default();
    let banner = banner.splitn(3, '-').nth(2).unwrap_or(banner);
    reached(Milestone::Greeted(banner.to_owned()));

    let Some((blob, _)) = session.host_key() else {
        let message = "the server showed no host key";
        return Err(ConnectorError::new(
            ErrorKind::Protocol,
            operation(),
            message,
        ));
    };
    let (key, by) = trust.judge(endpoint, blob)?;
    reached(Milestone::Trusted(key, by));

    let how = auth::log_in(&session, endpoint)?;
    reached(Milestone::LoggedIn(how));
    session.set_blocking(false);
    Ok(session)
}

async fn dial(
    endpoint: &SshEndpoint,
    timing: Timing,
) -> Result<(TcpStream, Option<AbortOnDrop>), ConnectorError> {
    let operation = format!("connect to {endpoint}");
    match &endpoint.jump {
        None => {
            let dialled = TcpStream::connect((endpoint.host(), endpoint.port));
            let limit = timing.operation / 2;
            match tokio::time::timeout(limit, dialled).await {
                Ok(Ok(tcp)) => Ok((tcp, None)),
                Ok(Err(error)) => Err(fault::connect(operation, &error)),
                Err(_) => Err(fault::timed_out(operation, limit)),
            }
        }
        Some(jump) => {
            let session = Box::pin(Session::connect(jump, timing, None, &Arc::default()))
                .await
                .map_err(|error| {
                    let operation = format!("reach jump host: {}", error.operation);
                    error.during(operation)
                })?;
            let open = Open::Tcp(endpoint.host().to_owned(), endpoint.port);
            let stream = session
                .open(open, None)
                .await
                .map_err(|error| match error {
                    OpenError::Refused(words) => ConnectorError::new(
                        ErrorKind::Unreachable,
                        &operation,
                        format!("the jump host {jump} cannot connect to it ({words})"),
                    ),
                    OpenError::Lost { .. } => fault::lost(&operation, session.reason()),
                })?;
            let relayed = relay(stream).await;
            let (tcp, task) = relayed.map_err(|error| fault::connect(&operation, &error))?;
            Ok((tcp, Some(task)))
        }
    }
}

/// libssh2 wants a socket, so the channel is joined to one end of a loopback connection.
async fn relay(mut stream: SshStream) -> io::Result<(TcpStream, AbortOnDrop)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let outer = TcpStream::connect(listener.local_addr()?).await?;
    let ours = outer.local_addr()?;
    let mut inner = loop {
        // Somebody else on this computer may have been faster.
        let (accepted, from) = listener.accept().await?;
        if from == ours {
            break accepted;
        }
    };
    inner.set_nodelay(true)?;
    let task = tokio::spawn(async move {
        // However it ends, both sides are dropped and so see it.
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut inner).await;
    });
    Ok((outer, AbortOnDrop(task)))
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ends a blocking login that nobody waits for any more.
struct ShutOnDrop(Option<Socket>);

impl ShutOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for ShutOnDrop {
    fn drop(&mut self) {
        if let Some(socket) = &self.0 {
            let _ = socket2::SockRef::from(socket.tcp()).shutdown(Shutdown::Both);
        }
    }
}
