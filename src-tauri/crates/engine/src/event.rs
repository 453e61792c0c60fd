//! Everything that the controller reacts to: one closed enum.

use wakehub_connectors::reach::Sighting;
use wakehub_connectors::{Change, Discovered, Report, Usage};
use wakehub_domain::idle::PastUse;
use wakehub_domain::{CascadeId, ConnectionId, ConnectorError, NodeId, SecretName};
use wakehub_store::StoreError;

use crate::controller::probing::Told;
use crate::executor::Progress;
use crate::request::{Reply, Request};
use crate::secrets::SecretError;

pub(crate) enum Event {
    Request(Request),
    /// A poll looked at a machine.
    Looked {
        node: NodeId,
        sighting: Sighting,
    },
    /// A poll asked a connection.
    Answered {
        connection: ConnectionId,
        result: Result<Report, ConnectorError>,
    },
    /// A poll of the node and of all its connections has ended.
    PollEnded {
        node: NodeId,
    },
    /// A connection was asked what its nodes use.
    Sampled {
        connection: ConnectionId,
        result: Result<Vec<Usage>, ConnectorError>,
    },
    /// A node's service was asked whether it is used.
    Probed {
        node: NodeId,
        told: Told,
    },
    /// A platform was asked what a node used while WakeHub was away.
    Remembered {
        node: NodeId,
        result: Result<Vec<PastUse>, ConnectorError>,
    },
    /// A platform told a change by itself.
    Changed {
        connection: ConnectionId,
        change: Change,
    },
    WatchEnded {
        connection: ConnectionId,
    },
    Discovered {
        node: NodeId,
        found: Vec<(ConnectionId, Result<Vec<Discovered>, ConnectorError>)>,
        reply: Option<Reply<u32>>,
    },
    /// Secrets of the node were written or removed.
    SecretsChanged {
        node: NodeId,
    },
    /// What the keyring lacks of what the node's connections require.
    SecretsChecked {
        node: NodeId,
        missing: Vec<SecretName>,
        error: Option<SecretError>,
    },
    /// Something that nobody waits for could not be written down.
    StoreFailed(StoreError),
    Progress(CascadeId, Progress),
}
