//! The one task that owns a session: it alone calls libssh2, and moves bytes between channels and their streams.
//!
//! libssh2 is not made for several waiters on one session. What keeps it sound here:
//!
//! 1. Any call reads the socket dry and queues what is for other channels. So before the task sleeps it looks whether a
//!    channel has unread bytes or window ([`Bridge::missed`]), else a wake-up would be lost.
//! 2. The state of a channel being opened lives in the session: one at a time, and never abandoned half way.
//! 3. After a packet was sent in part, the same call comes first ([`Driver::stuck`]).
//! 4. Dropping a channel calls libssh2 without its lock: channels are dropped here only.
//! 5. With the socket shut before the session is freed, freeing neither waits for the peer nor leaks.

use super::bridge::{Bridge, Operation, Step};
use super::fd::Socket;
use super::stream::SshStream;
use super::traffic::Traffic;
use ssh2::{BlockDirections, Channel, ErrorCode, Session};
use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{Interest, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, Sleep};

/// `LIBSSH2_ERROR_EAGAIN`
const AGAIN: i32 = -37;
/// `LIBSSH2_ERROR_CHANNEL_FAILURE`: the server refused to open a channel; the session is as good as before.
const CHANNEL_FAILURE: i32 = -21;
/// After so many rounds in a row other tasks get their turn.
const ROUNDS: usize = 64;
/// While several control messages are under way, one call may have read the answer to another.
const SECOND_LOOK: Duration = Duration::from_millis(5);

/// What kind of channel is asked for.
#[derive(Debug)]
pub(super) enum Open {
    Exec(String),
    /// A Unix socket on the server.
    Local(String),
    /// A TCP connection from the server on.
    Tcp(String, u16),
    /// A session channel that is closed again: shows that the server still answers.
    Ping,
}

impl Open {
    /// For a second attempt.
    pub(super) fn again(&self) -> Option<Open> {
        match self {
            Open::Exec(command) => Some(Open::Exec(command.clone())),
            Open::Local(path) => Some(Open::Local(path.clone())),
            Open::Tcp(host, port) => Some(Open::Tcp(host.clone(), *port)),
            Open::Ping => None,
        }
    }
}

pub(super) struct Request {
    pub(super) open: Open,
    /// Given back when the channel is closed on both sides, or nobody uses it any more.
    pub(super) permit: Option<OwnedSemaphorePermit>,
    /// `None`: nobody waits for it.
    pub(super) reply: Option<Reply>,
}

pub(super) type Reply = oneshot::Sender<Result<SshStream, OpenError>>;

/// Why there is no channel.
#[derive(Debug)]
pub(super) enum OpenError {
    /// The server said no; the session goes on.
    Refused(String),
    /// The session ended first. `sent` is true when the command may have begun.
    Lost { sent: bool },
}

/// Why the session ended; `Ok` when nobody uses it any more.
pub(super) type Ended = Result<(), String>;

pub(super) struct Driver {
    session: Session,
    socket: Socket,
    requests: mpsc::UnboundedReceiver<Request>,
    waiting: VecDeque<Request>,
    opening: Option<Request>,
    bridges: Vec<Bridge>,
    /// The call that sent a packet in part.
    stuck: Option<Call>,
    next_id: u64,
    unused: bool,
    second_look: Pin<Box<Sleep>>,
    buffer: Vec<u8>,
    traffic: Arc<Traffic>,
}

#[derive(Clone, Copy)]
enum Call {
    Open,
    Channel(u64, Operation),
}

impl Driver {
    /// Takes over a session that is logged in and set non-blocking.
    pub(super) fn new(
        session: Session,
        socket: Socket,
        requests: mpsc::UnboundedReceiver<Request>,
        traffic: Arc<Traffic>,
    ) -> Driver {
        Driver {
            session,
            socket,
            requests,
            waiting: VecDeque::new(),
            opening: None,
            bridges: Vec::new(),
            stuck: None,
            next_id: 0,
            unused: false,
            second_look: Box::pin(tokio::time::sleep(Duration::ZERO)),
            buffer: vec![0; 32 * 1024],
            traffic,
        }
    }

    /// Ends when nobody holds the session any more, or when it is lost.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        for _ in 0..ROUNDS {
            self.take_requests(cx);
            if self.unused {
                // Says goodbye if the socket takes it; the drop shuts it anyway.
                let _ = self.session.disconnect(None, "", None);
                return Poll::Ready(Ok(()));
            }
            if self.stuck.is_some() {
                match ready!(self.poll_stuck(cx)) {
                    Ok(()) => {}
                    Err(reason) => return Poll::Ready(Err(reason)),
                }
                continue;
            }
            let round = match self.round(cx) {
                Ok(round) => round,
                Err(reason) => return Poll::Ready(Err(reason)),
            };
            self.bridges.retain(|bridge| !bridge.is_closed());
            if round.moved || self.stuck.is_some() || self.bridges.iter().any(Bridge::missed) {
                continue;
            }
            if self.controls_under_way() > 1 {
                self.second_look
                    .as_mut()
                    .reset(Instant::now() + SECOND_LOOK);
                if self.second_look.as_mut().poll(cx).is_ready() {
                    continue;
                }
            }
            match ready!(self.poll_socket(cx, round.waits)) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(reason) => return Poll::Ready(Err(reason)),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn take_requests(&mut self, cx: &mut Context<'_>) {
        while !self.unused {
            match self.requests.poll_recv(cx) {
                Poll::Ready(Some(request)) => self.waiting.push_back(request),
                Poll::Ready(None) => self.unused = true,
                Poll::Pending => break,
            }
        }
    }

    /// Repeats the call that sent a packet in part, as often as the socket takes more.
    fn poll_stuck(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let Some(call) = self.stuck else {
            return Poll::Ready(Ok(()));
        };
        ready!(self.socket.poll_write_ready(cx)).map_err(words)?;
        let socket = self.socket.clone();
        let tried = socket.try_io(Interest::WRITABLE, || match self.run(call, cx) {
            Ok(Step::HalfSent) => Err(io::ErrorKind::WouldBlock.into()),
            Ok(Step::Idle | Step::Moved | Step::Waits) => Ok(Ok(())),
            Err(reason) => Ok(Err(reason)),
        });
        match tried {
            Ok(Ok(())) => {
                self.stuck = None;
                Poll::Ready(Ok(()))
            }
            Ok(Err(reason)) => Poll::Ready(Err(reason)),
            // Readiness is cleared now; the next look registers the waker.
            Err(_) => Poll::Ready(Ok(())),
        }
    }

    /// One turn for every channel: data first, so that a control call that follows finds what data calls have queued.
    fn round(&mut self, cx: &mut Context<'_>) -> Result<Round, String> {
        let mut round = Round::default();
        let ids: Vec<u64> = self.bridges.iter().map(Bridge::id).collect();
        for operations in [&Operation::DATA[..], &Operation::CONTROL[..]] {
            for id in &ids {
                for operation in operations {
                    if self.turn(Call::Channel(*id, *operation), &mut round, cx)? {
                        return Ok(round);
                    }
                }
            }
        }
        self.turn(Call::Open, &mut round, cx)?;
        Ok(round)
    }

    /// True when the packet could be sent in part only, so that nothing else may be called.
    fn turn(
        &mut self,
        call: Call,
        round: &mut Round,
        cx: &mut Context<'_>,
    ) -> Result<bool, String> {
        match self.run(call, cx)? {
            Step::Idle => {}
            Step::Moved => round.moved = true,
            Step::Waits => round.waits = true,
            Step::HalfSent => {
                self.stuck = Some(call);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn run(&mut self, call: Call, cx: &mut Context<'_>) -> Result<Step, String> {
        match call {
            Call::Open => self.open(),
            Call::Channel(id, operation) => {
                let Some(bridge) = self.bridges.iter_mut().find(|bridge| bridge.id() == id) else {
                    return Ok(Step::Idle);
                };
                bridge.step(operation, &self.session, &mut self.buffer, cx)
            }
        }
    }

    fn open(&mut self) -> Result<Step, String> {
        while self.opening.is_none() {
            let Some(request) = self.waiting.pop_front() else {
                return Ok(Step::Idle);
            };
            // Whoever gave up waiting needs no channel.
            if request
                .reply
                .as_ref()
                .is_none_or(|reply| !reply.is_closed())
            {
                self.opening = Some(request);
            }
        }
        let Some(request) = &self.opening else {
            return Ok(Step::Idle);
        };
        let opened = match &request.open {
            Open::Exec(_) | Open::Ping => self.session.channel_session(),
            Open::Local(path) => self.session.channel_direct_streamlocal(path, None),
            Open::Tcp(host, port) => self.session.channel_direct_tcpip(host, *port, None),
        };
        match opened {
            Ok(channel) => {
                self.opened(channel);
                Ok(Step::Moved)
            }
            Err(error) if is_again(&error) => Ok(blocked(&self.session)),
            Err(error) if error.code() == ErrorCode::Session(CHANNEL_FAILURE) => {
                if let Some(Request {
                    reply: Some(reply), ..
                }) = self.opening.take()
                {
                    let _ = reply.send(Err(OpenError::Refused(error.message().to_owned())));
                }
                Ok(Step::Moved)
            }
            Err(error) => Err(error.message().to_owned()),
        }
    }

    fn opened(&mut self, channel: Channel) {
        let Some(request) = self.opening.take() else {
            return;
        };
        self.next_id += 1;
        self.traffic.opened();
        let traffic = self.traffic.clone();
        self.bridges
            .push(Bridge::new(self.next_id, channel, request, traffic));
    }

    fn controls_under_way(&self) -> usize {
        let opening = usize::from(self.opening.is_some());
        opening
            + self
                .bridges
                .iter()
                .filter(|bridge| bridge.awaits_control())
                .count()
    }

    /// Sleeps until the socket has something to read; peeking registers the waker and is free of races. True when there is
    /// a reason for another round.
    fn poll_socket(&mut self, cx: &mut Context<'_>, waits: bool) -> Poll<Result<bool, String>> {
        let mut byte = [0; 1];
        let mut byte = ReadBuf::new(&mut byte);
        let seen = ready!(self.socket.poll_peek(cx, &mut byte)).map_err(words)?;
        let idle = self.bridges.is_empty() && self.opening.is_none();
        Poll::Ready(match seen {
            // A call that waits will read it, or find the end of the connection.
            _ if waits => Ok(true),
            // Every channel waits for its reader; what is left unread may still be theirs.
            0 if self.bridges.iter().any(Bridge::is_held_up) => Ok(false),
            0 => Err("the server closed the connection".to_owned()),
            // Nobody listens, yet the server speaks: it renews its keys, asks whether we live, or ends the session. Any
            // call answers it.
            _ if idle => {
                self.waiting.push_back(Request {
                    open: Open::Ping,
                    permit: None,
                    reply: None,
                });
                Ok(true)
            }
            _ => Ok(false),
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = socket2::SockRef::from(self.socket.tcp()).shutdown(Shutdown::Both);
        self.bridges.clear();
        self.requests.close();
        while let Ok(request) = self.requests.try_recv() {
            self.waiting.push_back(request);
        }
        for request in self
            .opening
            .take()
            .into_iter()
            .chain(self.waiting.drain(..))
        {
            if let Some(reply) = request.reply {
                let _ = reply.send(Err(OpenError::Lost { sent: false }));
            }
        }
    }
}

#[derive(Default)]
struct Round {
    moved: bool,
    /// A call has read the socket dry and waits for more.
    waits: bool,
}

pub(super) fn is_again(error: &ssh2::Error) -> bool {
    error.code() == ErrorCode::Session(AGAIN)
}

/// What a call that could not finish waits for.
pub(super) fn blocked(session: &Session) -> Step {
    match session.block_directions() {
        BlockDirections::Outbound | BlockDirections::Both => Step::HalfSent,
        BlockDirections::Inbound | BlockDirections::None => Step::Waits,
    }
}

fn words(error: io::Error) -> String {
    error.to_string()
}
