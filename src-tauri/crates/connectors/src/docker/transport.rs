//! Opens connections for the HTTP client, and counts them.

use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use wakehub_domain::{ConnectorError, ErrorKind};

use super::config::DockerEndpoint;
use super::remote::Remote;
use super::tls::{self, Tls};
use crate::wire::{Counted, Wire};

/// Until a connection stands, TLS included. A machine on the local network answers within milliseconds; one that is off
/// does not answer at all.
pub(super) const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// A peer that lost its power says nothing, so that an event stream would wait for ever: after this much silence the
/// kernel asks, three times.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(20);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);

const OPERATION: &str = "connect";

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Of one answer in bytes: the list of 1,000 containers is about 1.5 MB. An event stream that comes to it is begun anew.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;

/// Any of the ways in, once it is open.
pub(super) struct Socket {
    stream: Box<dyn Duplex>,
    /// Bytes since something was last asked.
    answered: usize,
}

impl Socket {
    fn new(stream: impl Duplex + 'static) -> Socket {
        Socket {
            stream: Box::new(stream),
            answered: 0,
        }
    }
}

/// Opens sockets to one endpoint.
#[derive(Clone)]
pub(super) struct Dial {
    endpoint: Arc<DockerEndpoint>,
    tls: Option<Tls>,
    remote: Arc<Remote>,
    opened: Arc<AtomicU64>,
    wire: Arc<Wire>,
}

impl Dial {
    /// Reads the TLS files, if the endpoint has any.
    pub(super) async fn new(
        endpoint: Arc<DockerEndpoint>,
        socket_on_host: &str,
        opened: Arc<AtomicU64>,
    ) -> Result<Dial, ConnectorError> {
        let tls = match &*endpoint {
            DockerEndpoint::Tls { ca, cert, key, .. } => Some(Tls::load(ca, cert, key).await?),
            DockerEndpoint::Tcp { .. }
            | DockerEndpoint::Unix { .. }
            | DockerEndpoint::Ssh { .. } => None,
        };
        Ok(Dial {
            endpoint,
            tls,
            remote: Arc::new(Remote::new(socket_on_host)),
            opened,
            wire: Arc::default(),
        })
    }

    /// Counts what its TCP connections carry.
    pub(super) fn counted_by(self, wire: Arc<Wire>) -> Dial {
        Dial { wire, ..self }
    }

    pub(super) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    pub(super) fn is_over_ssh(&self) -> bool {
        match &*self.endpoint {
            DockerEndpoint::Ssh { .. } => true,
            DockerEndpoint::Tcp { .. }
            | DockerEndpoint::Tls { .. }
            | DockerEndpoint::Unix { .. } => false,
        }
    }

    /// Whether each connection is a command on the host.
    pub(super) fn is_bridged(&self) -> bool {
        self.remote.is_bridged()
    }

    /// What lets us in, once a request was answered.
    pub(super) fn admitted_by(&self) -> String {
        match &*self.endpoint {
            DockerEndpoint::Tcp { .. } => "the engine asks for none".into(),
            DockerEndpoint::Tls { .. } => "client certificate accepted".into(),
            DockerEndpoint::Unix { path } => format!("may use {}", path.display()),
            DockerEndpoint::Ssh { .. } => self.remote.way(),
        }
    }

    pub(super) async fn open(&self) -> Result<Socket, ConnectorError> {
        let socket = match &*self.endpoint {
            // The host has a deadline of its own: logging in may take seconds.
            DockerEndpoint::Ssh { host } => Socket::new(self.remote.open(host).await?),
            DockerEndpoint::Tcp { .. }
            | DockerEndpoint::Tls { .. }
            | DockerEndpoint::Unix { .. } => {
                within_deadline(&self.endpoint, self.open_direct()).await?
            }
        };
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(socket)
    }

    async fn open_direct(&self) -> Result<Socket, ConnectorError> {
        if let DockerEndpoint::Unix { path } = &*self.endpoint {
            return local(path).await.map_err(|error| self.failed(&error));
        }
        let socket = Counted::new(tcp(&self.endpoint).await?, self.wire.clone());
        let Some(tls) = &self.tls else {
            return Ok(Socket::new(socket));
        };
        let host = self.endpoint.host().unwrap_or_default();
        let stream = tls
            .handshake(host, socket)
            .await
            .map_err(|error| self.failed(&error))?;
        Ok(Socket::new(stream))
    }

    /// What an IO error of this endpoint means, be it while connecting or later.
    pub(super) fn failed(&self, error: &io::Error) -> ConnectorError {
        if let (Some(tls), Some(reason)) = (&self.tls, tls::within(error)) {
            return tls.explained(OPERATION, reason);
        }
        failed(&self.endpoint, error)
    }
}

/// A connection to a TCP endpoint, without TLS.
pub(super) async fn tcp(endpoint: &DockerEndpoint) -> Result<TcpStream, ConnectorError> {
    let (host, port) = match endpoint {
        DockerEndpoint::Tcp { host, port } | DockerEndpoint::Tls { host, port, .. } => {
            (host.as_str(), *port)
        }
        DockerEndpoint::Unix { .. } | DockerEndpoint::Ssh { .. } => {
            let error = io::Error::new(io::ErrorKind::Unsupported, "not a TCP endpoint");
            return Err(failed(endpoint, &error));
        }
    };
    let socket = TcpStream::connect((host, port))
        .await
        .map_err(|error| failed(endpoint, &error))?;
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY);
    // Without them the connection still works, only less reliably.
    if let Err(error) = socket
        .set_nodelay(true)
        .and_then(|()| socket2::SockRef::from(&socket).set_tcp_keepalive(&keepalive))
    {
        tracing::debug!(%endpoint, %error, "cannot set TCP options");
    }
    Ok(socket)
}

#[cfg(unix)]
async fn local(path: &std::path::Path) -> io::Result<Socket> {
    Ok(Socket::new(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(windows)]
#[expect(clippy::unused_async, reason = "async on the other systems")]
async fn local(path: &std::path::Path) -> io::Result<Socket> {
    let pipe = tokio::net::windows::named_pipe::ClientOptions::new().open(path)?;
    Ok(Socket::new(pipe))
}

pub(super) async fn within_deadline<T>(
    endpoint: &DockerEndpoint,
    opening: impl Future<Output = Result<T, ConnectorError>>,
) -> Result<T, ConnectorError> {
    tokio::time::timeout(CONNECT_DEADLINE, opening)
        .await
        .unwrap_or_else(|_| {
            Err(ConnectorError::new(
                ErrorKind::TimedOut,
                OPERATION,
                format!(
                    "{endpoint}: no connection within {} s",
                    CONNECT_DEADLINE.as_secs()
                ),
            ))
        })
}

fn failed(endpoint: &DockerEndpoint, error: &io::Error) -> ConnectorError {
    let local = endpoint.host().is_none();
    let kind = if error.kind() == io::ErrorKind::TimedOut {
        ErrorKind::TimedOut
    } else if local && error.kind() == io::ErrorKind::PermissionDenied {
        // Of a local socket it means that the user is not in the group that owns it; of TCP, a firewall of ours.
        ErrorKind::Unauthorised
    } else {
        ErrorKind::Unreachable
    };
    ConnectorError::new(kind, OPERATION, format!("{endpoint}: {}", io_words(error)))
}

fn too_long() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Protocol,
        OPERATION,
        format!(
            "the answer is longer than {} MiB",
            LONGEST_ANSWER / 1024 / 1024
        ),
    )
}

/// One of our errors that travels in one of IO.
pub(super) fn carried(error: &io::Error) -> Option<ConnectorError> {
    error.get_ref()?.downcast_ref().cloned()
}

/// The system's words without its number: `connection refused`.
pub(super) fn io_words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

impl tower_service::Service<Uri> for Dial {
    type Response = TokioIo<Socket>;
    type Error = ConnectorError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dial = self.clone();
        Box::pin(async move { dial.open().await.map(TokioIo::new) })
    }
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.answered += buf.filled().len() - before;
        if self.answered > LONGEST_ANSWER {
            return Poll::Ready(Err(io::Error::other(too_long())));
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.answered = 0;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
