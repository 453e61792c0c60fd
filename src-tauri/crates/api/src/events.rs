//! The WebSocket: what changes, as it changes.
//!
//! Nothing is queued for a client: of snapshots the engine keeps the newest, of announcements the last 256. A client that
//! does not take a message in time is let go with a reason; one that missed announcements is told how many.

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior};
use wakehub_domain::{CascadeId, NodeId};
use wakehub_engine::Announcement;
use wakehub_view::wire::{CascadeView, NodeView, Snapshot};

use crate::endpoints::kind;
use crate::limits;
use crate::problem::Problem;
use crate::routes::{Answers, Call, Described};
use crate::shared::{Bearer, Place, Shared};
use crate::wire::{Event, EventKind};

/// The subprotocol that is chosen. A browser, which can set no header, offers its token beside it: `bearer.TOKEN`.
pub(crate) const PROTOCOL: &str = "wakehub.v1";
const BEARER: &str = "bearer.";

pub(crate) struct Upgraded(Response);

impl Answers for Upgraded {
    fn answer(self) -> Response {
        self.0
    }
    fn describe(schemas: &mut schemars::SchemaGenerator) -> Option<Described> {
        Some(Described {
            media_type: "application/json",
            schema: schemas.subschema_for::<Event>(),
            is_required: true,
        })
    }
}

/// The token among the offered subprotocols.
pub(crate) fn offered_token(headers: &HeaderMap) -> Option<String> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    offered
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|protocol| protocol.trim().strip_prefix(BEARER))
        .map(str::to_owned)
}

pub(crate) async fn listen(mut call: Call, (): ()) -> Result<Upgraded, Problem> {
    let filter = Filter::read(&call)?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut call.parts, &())
        .await
        .map_err(|_| Problem::invalid("this address answers to a WebSocket"))?;
    let place = call.parts.extensions.get::<Place>().cloned();
    let place = place.ok_or_else(|| Problem::invalid("the connection has no place"))?;
    let bearer = call.parts.extensions.get::<Bearer>().cloned();
    let shared = call.shared;
    let response = upgrade
        .protocols([PROTOCOL])
        .max_message_size(limits::MESSAGE)
        .max_frame_size(limits::MESSAGE)
        // what a client does not take is not written
        .max_write_buffer_size(usize::MAX)
        .on_upgrade(move |socket| async move {
            let mut listener = Listener {
                shared,
                filter,
                socket,
                nodes: BTreeMap::new(),
                cascades: BTreeMap::new(),
            };
            let looked = listener.shared.clone();
            let removed = async {
                match &bearer {
                    Some(Bearer(id)) => looked.tokens.gone(id).await,
                    None => std::future::pending().await,
                }
            };
            let closing = place.closing.clone();
            let reason = tokio::select! {
                biased;
                () = looked.ending.cancelled() => away("WakeHub ends"),
                () = closing.cancelled() => away("the API was switched off or moved"),
                () = removed => (close_code::POLICY, "the token was removed".to_owned()),
                reason = listener.tell() => reason,
            };
            listener.close(reason).await;
            drop(place);
        });
    Ok(Upgraded(response))
}

struct Filter {
    kinds: BTreeSet<EventKind>,
    /// All when empty.
    nodes: BTreeSet<NodeId>,
}

impl Filter {
    fn read(call: &Call) -> Result<Filter, Problem> {
        let mut kinds = BTreeSet::new();
        let mut nodes = BTreeSet::new();
        for (name, value) in call.query()? {
            let words = value.split(',').filter(|word| !word.is_empty());
            match name.as_str() {
                "kinds" => {
                    for word in words {
                        kinds.insert(kind(word)?);
                    }
                }
                "nodes" => {
                    for word in words {
                        nodes.insert(call.shared.node(word)?.id);
                    }
                }
                other => return Err(Problem::invalid(format!("events know no {other:?}"))),
            }
        }
        if kinds.is_empty() {
            kinds.extend(EventKind::ALL);
            // a snapshot is about all nodes; without a choice of nodes it says what the single events would
            if nodes.is_empty() {
                kinds.remove(&EventKind::Node);
                kinds.remove(&EventKind::Cascade);
            } else {
                kinds.remove(&EventKind::Snapshot);
            }
        }
        Ok(Filter { kinds, nodes })
    }

    fn wants(&self, kind: EventKind, node: Option<NodeId>) -> bool {
        self.kinds.contains(&kind)
            && (self.nodes.is_empty() || node.is_some_and(|node| self.nodes.contains(&node)))
    }

    /// A cascade concerns every node that it touches.
    fn wants_cascade(&self, kind: EventKind, cascade: &CascadeView) -> bool {
        self.kinds.contains(&kind)
            && (self.nodes.is_empty()
                || cascade
                    .steps
                    .iter()
                    .map(|step| step.node)
                    .chain([cascade.node])
                    .flatten()
                    .any(|node| self.nodes.contains(&node)))
    }
}

struct Listener {
    shared: Arc<Shared>,
    filter: Filter,
    socket: WebSocket,
    /// As they were told last.
    nodes: BTreeMap<NodeId, NodeView>,
    cascades: BTreeMap<CascadeId, CascadeView>,
}

/// Why it ends: a close code and a sentence.
type Reason = (u16, String);
type Told = ControlFlow<Reason>;

impl Listener {
    async fn tell(&mut self) -> Reason {
        match self.tell_on().await {
            ControlFlow::Break(reason) => reason,
            ControlFlow::Continue(never) => match never {},
        }
    }

    async fn tell_on(&mut self) -> ControlFlow<Reason, std::convert::Infallible> {
        let engine = self.shared.engine.clone();
        let mut announcements = engine.announcements();
        let mut snapshots = engine.snapshots();
        let _looking = engine.attention();
        let hello = Event::Hello {
            about: self.shared.about.clone(),
        };
        self.send(&hello).await?;
        snapshots.mark_changed();
        let mut pings = tokio::time::interval(limits::PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let mut due = Instant::now();
        loop {
            tokio::select! {
                news = announcements.recv() => match news {
                    Ok(news) => self.announce(news).await?,
                    Err(broadcast::error::RecvError::Lagged(announcements)) => {
                        self.send(&Event::Missed { announcements }).await?;
                    }
                    Err(broadcast::error::RecvError::Closed) => return ended(),
                },
                changed = async {
                    tokio::time::sleep_until(due).await;
                    snapshots.changed().await
                } => {
                    if changed.is_err() {
                        return ended();
                    }
                    let snapshot = snapshots.borrow_and_update().clone();
                    self.show(&snapshot).await?;
                    due = Instant::now() + limits::FRAME;
                }
                said = self.socket.recv() => match said {
                    Some(Ok(Message::Close(_))) | None => return gone(),
                    // an answer to a ping, mostly; there is nothing else to say
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_) | Message::Binary(_))) => {
                        heard = Instant::now();
                    }
                    Some(Err(error)) => {
                        return ControlFlow::Break((close_code::PROTOCOL, error.to_string()));
                    }
                },
                _ = pings.tick() => {
                    if heard.elapsed() > limits::STALL {
                        return ControlFlow::Break((
                            close_code::POLICY,
                            format!("not heard of for {} s", limits::STALL.as_secs()),
                        ));
                    }
                    self.put(Message::Ping(bytes::Bytes::new())).await?;
                }
            }
        }
    }

    async fn announce(&mut self, news: Announcement) -> Told {
        let event = match news {
            Announcement::Ended(cascade) => {
                if !self.filter.wants_cascade(EventKind::Ended, &cascade) {
                    return Told::Continue(());
                }
                Event::Ended { cascade }
            }
            Announcement::Asked(question) => {
                if !self.filter.wants(EventKind::Asked, Some(question.node)) {
                    return Told::Continue(());
                }
                Event::Asked { question }
            }
            // whose question it was is no longer known
            Announcement::Settled(question) => {
                if !self.filter.kinds.contains(&EventKind::Settled) {
                    return Told::Continue(());
                }
                Event::Settled { question }
            }
            Announcement::OpenUrl { node, url } => {
                if !self.filter.wants(EventKind::OpenUrl, Some(node)) {
                    return Told::Continue(());
                }
                Event::OpenUrl { node, url }
            }
        };
        self.send(&event).await
    }

    async fn show(&mut self, snapshot: &Arc<Snapshot>) -> Told {
        if self.filter.kinds.contains(&EventKind::Snapshot) {
            let text = self.shared.news.text(snapshot);
            self.put(Message::Text(text.into())).await?;
        }
        for event in self.changes(snapshot) {
            self.send(&event).await?;
        }
        Told::Continue(())
    }

    /// What of the nodes and cascades that are asked for differs from what was told last.
    fn changes(&mut self, snapshot: &Snapshot) -> Vec<Event> {
        let mut events = Vec::new();
        if self.filter.kinds.contains(&EventKind::Node) {
            for node in &snapshot.nodes {
                if self.filter.wants(EventKind::Node, Some(node.id))
                    && self.nodes.get(&node.id) != Some(node)
                {
                    self.nodes.insert(node.id, node.clone());
                    events.push(Event::Node { node: node.clone() });
                }
            }
            let there: BTreeSet<NodeId> = snapshot.nodes.iter().map(|node| node.id).collect();
            self.nodes.retain(|id, _| {
                let stays = there.contains(id);
                if !stays {
                    events.push(Event::Removed { node: *id });
                }
                stays
            });
        }
        if self.filter.kinds.contains(&EventKind::Cascade) {
            for cascade in &snapshot.cascades {
                if self.filter.wants_cascade(EventKind::Cascade, cascade)
                    && self.cascades.get(&cascade.id) != Some(cascade)
                {
                    self.cascades.insert(cascade.id, cascade.clone());
                    events.push(Event::Cascade {
                        cascade: cascade.clone(),
                    });
                }
            }
            let there: BTreeSet<CascadeId> = snapshot.cascades.iter().map(|c| c.id).collect();
            self.cascades.retain(|id, _| there.contains(id));
        }
        events
    }

    async fn send(&mut self, event: &Event) -> Told {
        match serde_json::to_string(event) {
            Ok(text) => self.put(Message::Text(text.into())).await,
            Err(error) => ControlFlow::Break((close_code::ERROR, error.to_string())),
        }
    }

    async fn put(&mut self, message: Message) -> Told {
        match tokio::time::timeout(limits::SEND, self.socket.send(message)).await {
            Ok(Ok(())) => Told::Continue(()),
            Ok(Err(_)) => gone(),
            Err(_) => ControlFlow::Break((
                close_code::POLICY,
                format!(
                    "too slow: a message was not taken within {} s",
                    limits::SEND.as_secs()
                ),
            )),
        }
    }

    async fn close(mut self, (code, reason): Reason) {
        tracing::debug!(code, reason, "a listener is let go");
        // RFC 6455 has room for 123 bytes of a reason
        let reason: String = reason.chars().take(40).collect();
        let frame = Message::Close(Some(CloseFrame {
            code,
            reason: Utf8Bytes::from(reason),
        }));
        let _ = tokio::time::timeout(limits::ENDING, self.socket.send(frame)).await;
    }
}

fn ended<T>() -> ControlFlow<Reason, T> {
    ControlFlow::Break(away("WakeHub ends"))
}

fn away(why: &str) -> Reason {
    (close_code::AWAY, why.to_owned())
}

fn gone<T>() -> ControlFlow<Reason, T> {
    ControlFlow::Break((close_code::NORMAL, "the client has gone".to_owned()))
}
