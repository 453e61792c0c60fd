//! One channel of a session, bridged to the stream that its user holds.

use super::driver::{Open, OpenError, Reply, Request, blocked, is_again};
use super::stream::{Exit, SshStream};
use super::traffic::Traffic;
use ssh2::{Channel, ErrorCode, Session};
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Bytes between the task and the channel's user, each way.
const BUFFER: usize = 128 * 1024;
/// `LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED`
const REQUEST_DENIED: i32 = -22;
/// Of what a command writes to its standard error, this much is kept.
const STDERR: usize = 64 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    /// Asks for the command to be run.
    Exec,
    Read,
    ReadErrors,
    Write,
    SendEof,
    /// Waits until the server closes: only then is the exit status known.
    AwaitClose,
    Close,
}

impl Operation {
    pub(super) const DATA: [Operation; 4] = [
        Operation::Read,
        Operation::ReadErrors,
        Operation::Write,
        Operation::SendEof,
    ];
    pub(super) const CONTROL: [Operation; 3] =
        [Operation::Exec, Operation::AwaitClose, Operation::Close];
}

/// What a call came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// There was nothing to do.
    Idle,
    Moved,
    /// libssh2 has read the socket dry and needs more.
    Waits,
    /// libssh2 sent a packet in part; the same call must come next.
    HalfSent,
}

pub(super) struct Bridge {
    id: u64,
    channel: Channel,
    phase: Phase,
    is_exec: bool,
    near: DuplexStream,
    /// Read from the channel, not yet taken by the user.
    inbound: Vec<u8>,
    inbound_taken: usize,
    /// Written by the user, not yet sent.
    outbound: Vec<u8>,
    outbound_sent: usize,
    stderr: Vec<u8>,
    remote_eof: bool,
    user: UserSide,
    /// Tells the user's stream that the other side ended, in contrast to a session that was lost.
    ended_well: Arc<AtomicBool>,
    exit: Option<oneshot::Sender<Exit>>,
    permit: Option<OwnedSemaphorePermit>,
    traffic: Arc<Traffic>,
}

enum Phase {
    /// The command is being asked for.
    Requesting {
        command: String,
        answer: Option<(Reply, SshStream)>,
    },
    Open,
    /// A close was begun and must be finished.
    Closing,
    Closed,
}

/// What the user still writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UserSide {
    Writing,
    /// Shut down; the server does not know yet.
    Done,
    EofSent,
}

impl Bridge {
    pub(super) fn new(
        id: u64,
        channel: Channel,
        request: Request,
        traffic: Arc<Traffic>,
    ) -> Bridge {
        let (near, far) = tokio::io::duplex(BUFFER);
        let (exit, exited) = oneshot::channel();
        let ended_well = Arc::new(AtomicBool::new(false));
        let stream = SshStream::new(far, ended_well.clone(), exited);
        let (phase, is_exec) = match (request.open, request.reply) {
            (Open::Exec(command), reply) => {
                let answer = reply.map(|reply| (reply, stream));
                (Phase::Requesting { command, answer }, true)
            }
            (Open::Local(_) | Open::Tcp(..) | Open::Ping, reply) => {
                if let Some(reply) = reply {
                    let _ = reply.send(Ok(stream));
                }
                (Phase::Open, false)
            }
        };
        Bridge {
            id,
            channel,
            phase,
            is_exec,
            near,
            inbound: Vec::new(),
            inbound_taken: 0,
            outbound: Vec::new(),
            outbound_sent: 0,
            stderr: Vec::new(),
            remote_eof: false,
            user: UserSide::Writing,
            ended_well,
            exit: Some(exit),
            permit: request.permit,
            traffic,
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// A control message was sent whose answer another call may read.
    pub(super) fn awaits_control(&self) -> bool {
        match self.phase {
            Phase::Requesting { .. } | Phase::Closing => true,
            Phase::Open => self.is_drained(),
            Phase::Closed => false,
        }
    }

    /// What was received waits for the user to take it.
    pub(super) fn is_held_up(&self) -> bool {
        !self.is_abandoned() && self.inbound_taken < self.inbound.len()
    }

    /// True when another channel's call has queued something for this one.
    pub(super) fn missed(&self) -> bool {
        if !matches!(self.phase, Phase::Open) {
            return false;
        }
        let listens = !self.is_abandoned() && !self.is_held_up();
        let unread = listens
            && (self.channel.read_window().available > 0
                || (!self.remote_eof && self.channel.eof()));
        let unsent =
            self.outbound_sent < self.outbound.len() && self.channel.write_window().remaining > 0;
        unread || unsent
    }

    pub(super) fn step(
        &mut self,
        operation: Operation,
        session: &Session,
        buffer: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Result<Step, String> {
        match (&self.phase, operation) {
            (Phase::Requesting { .. }, Operation::Exec) => Ok(self.exec(session)),
            (Phase::Open, Operation::Read) => self.read(session, buffer, cx),
            (Phase::Open, Operation::ReadErrors) => self.read_errors(session, buffer),
            (Phase::Open, Operation::Write) => Ok(self.write(session, buffer, cx)),
            (Phase::Open, Operation::SendEof) => Ok(self.send_eof(session)),
            (Phase::Open, Operation::AwaitClose) => self.await_close(session, cx),
            (Phase::Closing, Operation::Close) => self.close(session),
            (
                Phase::Requesting { .. } | Phase::Open | Phase::Closing | Phase::Closed,
                Operation::Exec
                | Operation::Read
                | Operation::ReadErrors
                | Operation::Write
                | Operation::SendEof
                | Operation::AwaitClose
                | Operation::Close,
            ) => Ok(Step::Idle),
        }
    }

    fn exec(&mut self, session: &Session) -> Step {
        let Phase::Requesting { command, answer } = &mut self.phase else {
            return Step::Idle;
        };
        let accepted = match self.channel.exec(command) {
            Err(error) if is_again(&error) => return blocked(session),
            Ok(()) => Ok(()),
            Err(error) => Err(error),
        };
        let answer = answer.take();
        match accepted {
            Ok(()) => {
                self.traffic.sent(command.len());
                self.traffic.received(0);
                self.phase = Phase::Open;
                if let Some((reply, stream)) = answer {
                    // When nobody waits any more the stream is dropped here, and the next round closes the channel.
                    let _ = reply.send(Ok(stream));
                }
            }
            Err(error) => {
                self.phase = Phase::Closing;
                if let Some((reply, _)) = answer {
                    let refused = error.code() == ErrorCode::Session(REQUEST_DENIED);
                    let _ = reply.send(Err(match refused {
                        true => OpenError::Refused(error.message().to_owned()),
                        false => OpenError::Lost { sent: true },
                    }));
                }
            }
        }
        Step::Moved
    }

    fn read(
        &mut self,
        session: &Session,
        buffer: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Result<Step, String> {
        if self.inbound_taken < self.inbound.len() {
            let taken =
                Pin::new(&mut self.near).poll_write(cx, &self.inbound[self.inbound_taken..]);
            match taken {
                Poll::Pending => return Ok(Step::Idle),
                Poll::Ready(Ok(taken)) => self.inbound_taken += taken,
                Poll::Ready(Err(_)) => self.inbound_taken = self.inbound.len(),
            }
            return Ok(Step::Moved);
        }
        if self.remote_eof || self.is_abandoned() {
            return Ok(Step::Idle);
        }
        match self.channel.read(buffer) {
            Ok(0) => {
                self.remote_eof = true;
                self.ended_well.store(true, Ordering::Release);
                let _ = Pin::new(&mut self.near).poll_shutdown(cx);
                Ok(Step::Moved)
            }
            Ok(count) => {
                self.traffic.received(count);
                self.inbound.clear();
                self.inbound.extend_from_slice(&buffer[..count]);
                self.inbound_taken = 0;
                Ok(Step::Moved)
            }
            Err(error) => stalled(error, session),
        }
    }

    fn read_errors(&mut self, session: &Session, buffer: &mut [u8]) -> Result<Step, String> {
        if !self.is_exec || self.is_abandoned() || self.channel.eof() {
            return Ok(Step::Idle);
        }
        match self.channel.stderr().read(buffer) {
            Ok(0) => Ok(Step::Idle),
            Ok(count) => {
                self.traffic.received(count);
                let room = STDERR.saturating_sub(self.stderr.len()).min(count);
                self.stderr.extend_from_slice(&buffer[..room]);
                Ok(Step::Moved)
            }
            Err(error) => stalled(error, session),
        }
    }

    fn write(&mut self, session: &Session, buffer: &mut [u8], cx: &mut Context<'_>) -> Step {
        if self.outbound_sent < self.outbound.len() {
            match self.channel.write(&self.outbound[self.outbound_sent..]) {
                Ok(0) => return Step::Waits,
                Ok(count) => {
                    self.traffic.sent(count);
                    self.outbound_sent += count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return blocked(session),
                Err(_) => {
                    // The other side takes no more; what it has to say is still read.
                    self.outbound_sent = self.outbound.len();
                    self.user = UserSide::EofSent;
                }
            }
            return Step::Moved;
        }
        if self.user != UserSide::Writing {
            return Step::Idle;
        }
        let mut written = ReadBuf::new(buffer);
        match Pin::new(&mut self.near).poll_read(cx, &mut written) {
            Poll::Pending => Step::Idle,
            Poll::Ready(Ok(())) if !written.filled().is_empty() => {
                self.outbound.clear();
                self.outbound.extend_from_slice(written.filled());
                self.outbound_sent = 0;
                Step::Moved
            }
            Poll::Ready(_) => {
                self.user = UserSide::Done;
                Step::Moved
            }
        }
    }

    fn send_eof(&mut self, session: &Session) -> Step {
        if self.user != UserSide::Done {
            return Step::Idle;
        }
        if let Err(error) = self.channel.send_eof()
            && is_again(&error)
        {
            return blocked(session);
        }
        self.user = UserSide::EofSent;
        Step::Moved
    }

    /// Begins to close when both sides have ended, or when the user let go.
    fn await_close(&mut self, session: &Session, cx: &mut Context<'_>) -> Result<Step, String> {
        // Registers the waker: a user that only waits is not seen to leave by anything else.
        let abandoned = match &mut self.exit {
            Some(exit) => exit.poll_closed(cx).is_ready(),
            None => true,
        };
        if abandoned {
            // The server may keep the command running, and its answer to the close back until it ends.
            self.permit = None;
            self.phase = Phase::Closing;
            return Ok(Step::Moved);
        }
        if !self.is_drained() {
            return Ok(Step::Idle);
        }
        // A command may shut its output and run on, so its end is the server's close, not the end of its output.
        if self.is_exec
            && let Err(error) = self.channel.wait_close()
        {
            if is_again(&error) {
                return Ok(blocked(session));
            }
            return Err(error.message().to_owned());
        }
        self.phase = Phase::Closing;
        Ok(Step::Moved)
    }

    fn close(&mut self, session: &Session) -> Result<Step, String> {
        if let Err(error) = self.channel.close() {
            if is_again(&error) {
                return Ok(blocked(session));
            }
            return Err(error.message().to_owned());
        }
        let signal = self.channel.exit_signal().ok().and_then(|s| s.exit_signal);
        let status = match signal {
            None if self.is_exec => self.channel.exit_status().ok(),
            None | Some(_) => None,
        };
        if let Some(exit) = self.exit.take() {
            let _ = exit.send(Exit {
                status,
                signal,
                stderr: std::mem::take(&mut self.stderr),
            });
        }
        self.traffic.closed();
        self.permit = None;
        self.phase = Phase::Closed;
        Ok(Step::Moved)
    }

    /// Nothing more will come from the server but its close, and for a connection nothing more will go there.
    fn is_drained(&self) -> bool {
        self.remote_eof
            && self.inbound_taken == self.inbound.len()
            && self.channel.eof()
            && (self.is_exec || self.user == UserSide::EofSent)
    }

    fn is_abandoned(&self) -> bool {
        self.exit.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

impl Drop for Bridge {
    /// The session ended while the command was asked for: whether it began is not known.
    fn drop(&mut self) {
        if let Phase::Requesting { answer, .. } = &mut self.phase
            && let Some((reply, _)) = answer.take()
        {
            let _ = reply.send(Err(OpenError::Lost { sent: true }));
        }
    }
}

fn stalled(error: io::Error, session: &Session) -> Result<Step, String> {
    if error.kind() == io::ErrorKind::WouldBlock {
        return Ok(blocked(session));
    }
    Err(error.to_string())
}
