//! What every request may use, and who asks.

use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;
use wakehub_domain::NodeId;
use wakehub_engine::{Handle, Secrets};
use wakehub_view::access::{ApiAccess, ApiScope, ApiStatus};
use wakehub_view::wire::{NodeView, Snapshot};

use crate::limits::Rate;
use crate::problem::Problem;
use crate::tokens::Tokens;
use crate::wire::{About, Event};

pub(crate) struct Shared {
    pub engine: Handle,
    pub secrets: Arc<dyn Secrets>,
    pub tokens: Tokens,
    pub about: About,
    pub data_dir: PathBuf,
    pub is_demo: bool,
    pub access: watch::Sender<ApiAccess>,
    pub status: watch::Sender<ApiStatus>,
    /// Requests over TCP.
    pub requests: Rate,
    /// Wrong tokens.
    pub wrong: Rate,
    /// Cancelled when WakeHub ends.
    pub ending: CancellationToken,
    pub document: Bytes,
    pub news: News,
}

/// Where a connection comes from.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// The socket in the data directory: the user who runs WakeHub.
    Owner,
    Tcp {
        from: IpAddr,
        /// Our end.
        to: SocketAddr,
    },
}

/// Held for as long as the connection is, a WebSocket included.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub _permits: Arc<Vec<OwnedSemaphorePermit>>,
    /// Cancelled when what it came in by is closed.
    pub closing: CancellationToken,
}

/// The id of the token that a request came with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Bearer(pub String);

/// What whoever asks may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Scope {
    /// Anybody who reaches the API.
    Open,
    Read,
    Control,
    /// Tokens and settings of the API itself: over the socket only.
    Owner,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Open => "open",
            Scope::Read => "read",
            Scope::Control => "control",
            Scope::Owner => "owner",
        }
    }
}

impl From<ApiScope> for Scope {
    fn from(scope: ApiScope) -> Scope {
        match scope {
            ApiScope::Read => Scope::Read,
            ApiScope::Control => Scope::Control,
        }
    }
}

impl Shared {
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.engine.snapshot()
    }

    /// Whether the engine still runs.
    pub fn is_alive(&self) -> bool {
        self.engine.snapshots().has_changed().is_ok()
    }

    /// A node by its number, else by its name.
    pub fn node(&self, given: &str) -> Result<NodeView, Problem> {
        let snapshot = self.snapshot();
        let by_id = given.parse().ok().map(NodeId);
        let found = snapshot
            .nodes
            .iter()
            .find(|node| Some(node.id) == by_id)
            .or_else(|| snapshot.nodes.iter().find(|node| node.name == given));
        found
            .cloned()
            .ok_or_else(|| Problem::not_found(format!("there is no node {given}")))
    }
}

/// The newest snapshot as the text of an event, made once for all who listen.
#[derive(Default)]
pub(crate) struct News {
    newest: Mutex<Option<(u64, String)>>,
}

impl News {
    pub fn text(&self, snapshot: &Arc<Snapshot>) -> String {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((revision, text)) = &*newest
            && *revision == snapshot.revision
        {
            return text.clone();
        }
        let event = Event::Snapshot {
            snapshot: snapshot.clone(),
        };
        let text = serde_json::to_string(&event).unwrap_or_default();
        if newest
            .as_ref()
            .is_none_or(|(revision, _)| *revision < snapshot.revision)
        {
            *newest = Some((snapshot.revision, text.clone()));
        }
        text
    }
}
