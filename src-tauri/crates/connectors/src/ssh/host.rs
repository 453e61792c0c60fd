//! One SSH host, and the one session to it that is kept and reused.

use super::config::{SshEndpoint, Timing};
use super::driver::{Open, OpenError};
use super::fault;
use super::session::Session;
use super::stream::{Exit, SshStream};
use super::traffic::Traffic;
use crate::Own;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use wakehub_domain::{ConnectorError, ErrorKind};

/// sshd's `MaxSessions` (10 unless set) counts commands; two are left for pings and for what is just closing.
const COMMANDS: usize = 8;
/// A session that was quiet for so long is asked whether it still lives before it is used.
const QUIET: Duration = Duration::from_secs(5);
/// The most that a command may write to its standard output.
const OUTPUT: u64 = 256 * 1024 * 1024;

/// A host; clones share its session. Connects when it is first used and again after the session was lost.
#[derive(Clone, Debug)]
pub struct SshHost(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    endpoint: SshEndpoint,
    timing: Timing,
    /// Held while connecting, so that many who ask at once make one connection.
    slot: Mutex<Slot>,
    /// Counts attempts to connect that have ended.
    attempts: AtomicU64,
    commands: Arc<Semaphore>,
    traffic: Arc<Traffic>,
}

#[derive(Debug, Default)]
struct Slot {
    kept: Option<Kept>,
    /// Why the last attempt failed.
    failure: Option<ConnectorError>,
}

#[derive(Debug)]
struct Kept {
    session: Session,
    used: Instant,
}

/// What a command came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// `None` when a signal ended it.
    pub status: Option<i32>,
    /// `TERM`
    pub signal: Option<String>,
    pub stdout: Vec<u8>,
    /// At most the first 64 KiB.
    pub stderr: Vec<u8>,
}

impl Output {
    pub fn is_success(&self) -> bool {
        self.status == Some(0)
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }

    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim().to_owned()
    }
}

/// How a command came to its end, for those to whom the loss of the connection is an answer too.
#[derive(Debug)]
pub(super) enum Ran {
    Ended(Output),
    /// The server had accepted the command; then the session was lost.
    Lost(ConnectorError),
    /// The server had accepted the command, and nothing came back in time.
    Silent {
        session: Session,
        error: ConnectorError,
    },
}

impl SshHost {
    pub fn new(endpoint: SshEndpoint) -> SshHost {
        SshHost::with_timing(endpoint, Timing::default())
    }

    pub fn with_timing(endpoint: SshEndpoint, timing: Timing) -> SshHost {
        SshHost(Arc::new(Shared {
            endpoint,
            timing,
            slot: Mutex::new(Slot::default()),
            attempts: AtomicU64::new(0),
            commands: Arc::new(Semaphore::new(COMMANDS)),
            traffic: Arc::default(),
        }))
    }

    pub fn endpoint(&self) -> &SshEndpoint {
        &self.0.endpoint
    }

    pub fn timing(&self) -> Timing {
        self.0.timing
    }

    /// What our sessions have moved so far, as the host sees it; an estimate, rather too low. Never goes backwards.
    pub fn traffic(&self) -> Own {
        self.0.traffic.own()
    }

    /// Runs a command through the login shell and waits for its end, within the operation's deadline (20 s). An exit
    /// status other than 0 is no error.
    ///
    /// # Errors
    /// Of connecting, trusting and logging in; `Rejected` when the server refuses the command; `Unreachable` when the
    /// session is lost; `TimedOut`. A command that may have begun is never sent twice.
    pub async fn exec(&self, command: &str, stdin: &[u8]) -> Result<Output, ConnectorError> {
        self.exec_within(self.0.timing.operation, command, stdin)
            .await
    }

    /// [`SshHost::exec`] with a deadline of its own.
    pub async fn exec_within(
        &self,
        limit: Duration,
        command: &str,
        stdin: &[u8],
    ) -> Result<Output, ConnectorError> {
        match self.run(limit, command, stdin).await? {
            Ran::Ended(output) => Ok(output),
            Ran::Lost(error) | Ran::Silent { error, .. } => Err(error),
        }
    }

    /// Starts a command and hands out its standard input and output. Counts as one of eight commands until it is dropped.
    pub async fn exec_stream(&self, command: &str) -> Result<SshStream, ConnectorError> {
        let starting = async {
            let permit = self.permit().await;
            self.open(Open::Exec(command.to_owned()), permit).await
        };
        self.stream("start a command", starting).await
    }

    /// Connects to a Unix socket on the host. Not counted by sshd's `MaxSessions`.
    pub async fn stream_local(&self, path: &str) -> Result<SshStream, ConnectorError> {
        let open = self.open(Open::Local(path.to_owned()), None);
        self.stream("open a socket", open).await
    }

    /// Connects from the host on to another address.
    pub async fn direct_tcpip(&self, host: &str, port: u16) -> Result<SshStream, ConnectorError> {
        let open = self.open(Open::Tcp(host.to_owned(), port), None);
        self.stream("open a connection", open).await
    }

    /// Sees that the host answers: asks the kept session, or logs in.
    pub async fn check(&self) -> Result<(), ConnectorError> {
        self.within(self.0.timing.operation, "log in", async {
            let session = self.session().await?;
            if session.answers(self.0.timing.ping).await {
                return Ok(());
            }
            self.discard(&session).await;
            // The old session's death says nothing about the host: it may have restarted.
            self.session().await.map(drop)
        })
        .await
    }

    /// Ends the session and every channel on it. The host may be used again.
    pub async fn close(&self) {
        let kept = self.0.slot.lock().await.kept.take();
        if let Some(kept) = kept {
            kept.session.abort();
        }
    }

    pub(super) fn counter(&self) -> &Arc<Traffic> {
        &self.0.traffic
    }

    pub(super) async fn run(
        &self,
        limit: Duration,
        command: &str,
        stdin: &[u8],
    ) -> Result<Ran, ConnectorError> {
        let deadline = Instant::now() + limit;
        let starting = async {
            let permit = self.permit().await;
            self.open(Open::Exec(command.to_owned()), permit).await
        };
        let (stream, session) = self.within(limit, "start a command", starting).await?;
        let operation = self.operation("run a command");
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, talk(stream, stdin)).await {
            Ok(Ok((Some(exit), stdout))) => Ok(Ran::Ended(Output {
                status: exit.status,
                signal: exit.signal,
                stdout,
                stderr: exit.stderr,
            })),
            Ok(Ok((None, _))) => Ok(Ran::Lost(fault::lost(operation, session.reason()))),
            Ok(Err(error)) => Err(error.during(operation)),
            // Dropping the stream closes the channel. Should the session be dead, the next use finds out.
            Err(_) => Ok(Ran::Silent {
                session,
                error: fault::timed_out(operation, limit),
            }),
        }
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        self.0.commands.clone().acquire_owned().await.ok()
    }

    async fn open(
        &self,
        open: Open,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<(SshStream, Session), ConnectorError> {
        let operation = match &open {
            Open::Exec(_) => self.operation("start a command"),
            Open::Local(path) => self.operation(&format!("open {path}")),
            Open::Tcp(host, port) => self.operation(&format!("connect to {host}:{port}")),
            Open::Ping => self.operation("ask"),
        };
        let mut permit = permit;
        let open_is_command = matches!(open, Open::Exec(_));
        let mut again = open.again();
        let mut open = open;
        loop {
            let session = self.session().await?;
            // The permit travels with the request; a second attempt takes a new one.
            let second = match session.open(open, permit.take()).await {
                Ok(stream) => return Ok((stream, session)),
                // Commands that nobody waited for may still run there, and count (sshd's MaxSessions). A new session
                // starts from none; what runs on the old one goes on.
                Err(OpenError::Refused(_)) if open_is_command && again.is_some() => {
                    self.forget(&session).await;
                    again.take()
                }
                Err(OpenError::Refused(words)) => {
                    return Err(ConnectorError::new(ErrorKind::Rejected, operation, words));
                }
                // The session had died unnoticed, before the request was sent: one more try on a new one.
                Err(OpenError::Lost { sent: false }) if again.is_some() => {
                    self.discard(&session).await;
                    again.take()
                }
                Err(OpenError::Lost { .. }) => {
                    self.discard(&session).await;
                    return Err(fault::lost(operation, session.reason()));
                }
            };
            match second {
                Some(second) => open = second,
                None => return Err(fault::lost(operation, session.reason())),
            }
            if open_is_command {
                permit = self.permit().await;
            }
        }
    }

    /// The kept session, or a new one.
    async fn session(&self) -> Result<Session, ConnectorError> {
        let seen = self.0.attempts.load(Ordering::Acquire);
        let mut slot = self.0.slot.lock().await;
        if let Some(kept) = &mut slot.kept {
            let quiet = kept.used.elapsed() > QUIET;
            if !kept.session.has_ended()
                && (!quiet || kept.session.answers(self.0.timing.ping).await)
            {
                kept.used = Instant::now();
                return Ok(kept.session.clone());
            }
            kept.session.abort();
            slot.kept = None;
        } else if self.0.attempts.load(Ordering::Acquire) > seen
            && let Some(failure) = &slot.failure
        {
            // Somebody tried while we waited; the answer would be the same.
            return Err(failure.clone());
        }
        let connected =
            Session::connect(&self.0.endpoint, self.0.timing, None, &self.0.traffic).await;
        self.0.attempts.fetch_add(1, Ordering::Release);
        match connected {
            Ok(session) => {
                session.keep_alive(self.0.timing);
                slot.failure = None;
                slot.kept = Some(Kept {
                    session: session.clone(),
                    used: Instant::now(),
                });
                Ok(session)
            }
            Err(failure) => {
                slot.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    async fn discard(&self, dead: &Session) {
        dead.abort();
        self.forget(dead).await;
    }

    /// The session ends when the last stream on it does.
    async fn forget(&self, old: &Session) {
        let mut slot = self.0.slot.lock().await;
        if slot.kept.as_ref().is_some_and(|kept| kept.session.is(old)) {
            slot.kept = None;
        }
    }

    async fn stream(
        &self,
        what: &str,
        opening: impl Future<Output = Result<(SshStream, Session), ConnectorError>>,
    ) -> Result<SshStream, ConnectorError> {
        let limit = self.0.timing.operation;
        Ok(self.within(limit, what, opening).await?.0)
    }

    async fn within<T>(
        &self,
        limit: Duration,
        what: &str,
        work: impl Future<Output = Result<T, ConnectorError>>,
    ) -> Result<T, ConnectorError> {
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(fault::timed_out(self.operation(what), limit)),
        }
    }

    fn operation(&self, what: &str) -> String {
        format!("{what} on {}", self.0.endpoint)
    }
}

/// Feeds the command and takes its output. `None` for the exit: the session was lost.
async fn talk(
    mut stream: SshStream,
    stdin: &[u8],
) -> Result<(Option<Exit>, Vec<u8>), ConnectorError> {
    let mut stdout = Vec::new();
    let (reader, mut writer) = tokio::io::split(&mut stream);
    let feed = async {
        // A command that does not want its input has a right to.
        let _ = writer.write_all(stdin).await;
        let _ = writer.shutdown().await;
    };
    let mut limited = reader.take(OUTPUT + 1);
    let (_, read) = tokio::join!(feed, limited.read_to_end(&mut stdout));
    if u64::try_from(stdout.len()).unwrap_or(u64::MAX) > OUTPUT {
        return Err(ConnectorError::new(
            ErrorKind::Protocol,
            "run a command",
            "it wrote more than 256 MiB",
        ));
    }
    match read {
        Ok(_) => Ok((stream.exit().await, stdout)),
        Err(_) => Ok((None, stdout)),
    }
}
