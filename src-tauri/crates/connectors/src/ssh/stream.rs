//! A channel as the rest of the program sees it.

use super::session::Session;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::oneshot;

/// How a command ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exit {
    /// `None` when a signal ended it.
    pub status: Option<i32>,
    /// `TERM`, without `SIG`.
    pub signal: Option<String>,
    /// At most the first 64 KiB.
    pub stderr: Vec<u8>,
}

/// A command's standard input and output, or a connection that the server made for us. Keeps its session open; dropping it
/// closes the channel.
///
/// Reading ends with `Ok(0)` at the end of the other side, and with `ConnectionReset` when the session was lost.
#[derive(Debug)]
pub struct SshStream {
    bytes: DuplexStream,
    ended_well: Arc<AtomicBool>,
    exit: oneshot::Receiver<Exit>,
    session: Option<Session>,
}

impl SshStream {
    pub(super) fn new(
        bytes: DuplexStream,
        ended_well: Arc<AtomicBool>,
        exit: oneshot::Receiver<Exit>,
    ) -> SshStream {
        SshStream {
            bytes,
            ended_well,
            exit,
            session: None,
        }
    }

    pub(super) fn hold(&mut self, session: Session) {
        self.session = Some(session);
    }

    /// Waits until the command has ended; `None` when the session was lost before. Read the output to its end first: a
    /// command whose output nobody takes does not end.
    pub async fn exit(mut self) -> Option<Exit> {
        (&mut self.exit).await.ok()
    }
}

impl AsyncRead for SshStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.bytes).poll_read(cx, buffer))?;
        let at_end = buffer.filled().len() == before && buffer.remaining() > 0;
        if at_end && !self.ended_well.load(Ordering::Acquire) {
            return Poll::Ready(Err(lost()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(cx)
    }
}

fn lost() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the ssh session was lost")
}
