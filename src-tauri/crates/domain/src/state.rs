//! What is believed about power states, and since when.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::{Action, Graph, NodeId, Timeouts, Timestamp};

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerState {
    /// Nobody could say. Never treated as off.
    #[default]
    Unknown,
    Off,
    Starting,
    On,
    Stopping,
    Failed {
        cause: String,
    },
}

impl PowerState {
    /// Whether others must be kept on for this node's sake. Only what is known to be off is not: an unknown node may be
    /// in use, and one that is starting, stopping or has failed may be too.
    pub fn is_active(&self) -> bool {
        match self {
            PowerState::Off => false,
            PowerState::Unknown
            | PowerState::Starting
            | PowerState::On
            | PowerState::Stopping
            | PowerState::Failed { .. } => true,
        }
    }
}

/// Who says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Nothing has been asked yet.
    None,
    Ping,
    Ssh,
    Proxmox,
    Docker,
    /// The host is off, so its guests are.
    Host,
    /// A cascade of ours is at work on it.
    Cascade,
    /// `--states`
    Given,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observation {
    pub state: PowerState,
    /// When the node came into this state, as far as is known.
    pub since: Timestamp,
    /// When it was last seen in it.
    pub seen: Timestamp,
    pub source: Source,
    /// In plain words: `paused`, `connection refused on port 22`.
    pub note: Option<String>,
}

/// Everything the planner knows beyond the graph. `BTree` collections, so that the same input gives the same plan.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Observations {
    states: BTreeMap<NodeId, Observation>,
    /// Kept on by the user until then.
    pub held: BTreeMap<NodeId, Timestamp>,
    /// Locked by the platform, with its word for it: `backup`, `migrate`.
    pub locked: BTreeMap<NodeId, String>,
    /// What forbids an automatic stop of a node for its own sake, in words: `it is in use: 2 users`. It does not protect what
    /// the node needs: that is protected by the node's being on.
    pub guarded: BTreeMap<NodeId, String>,
    /// What forbids every automatic stop, in words.
    pub paused: Option<String>,
    /// Nodes that a running cascade works on.
    pub in_cascade: BTreeSet<NodeId>,
    /// The median of the last five times that the action took.
    pub usual: BTreeMap<(NodeId, Action), Duration>,
    /// For nodes that set none.
    pub timeouts: Timeouts,
}

impl Observations {
    pub fn set(&mut self, node: NodeId, observation: Observation) {
        self.states.insert(node, observation);
    }

    /// A state without times, for tests and for `plan --states`.
    pub fn give(&mut self, node: NodeId, state: PowerState) {
        self.set(
            node,
            Observation {
                state,
                since: Timestamp::default(),
                seen: Timestamp::default(),
                source: Source::Given,
                note: None,
            },
        );
    }

    pub fn remove(&mut self, node: NodeId) {
        self.states.remove(&node);
    }

    /// What was observed of the node itself.
    pub fn get(&self, node: NodeId) -> Option<&Observation> {
        self.states.get(&node)
    }

    /// What is to be believed: a guest of a host that is off is off, and what nobody has seen is unknown.
    pub fn state(&self, graph: &Graph, node: NodeId) -> PowerState {
        if graph
            .ancestors(node)
            .any(|host| matches!(self.states.get(&host), Some(o) if o.state == PowerState::Off))
        {
            return PowerState::Off;
        }
        self.states
            .get(&node)
            .map_or(PowerState::Unknown, |observation| observation.state.clone())
    }

    /// Whether others are kept on for this node's sake: it is not known to be off, or a running cascade works on it and
    /// may be about to start it.
    pub fn is_active(&self, graph: &Graph, node: NodeId) -> bool {
        self.in_cascade.contains(&node) || self.state(graph, node).is_active()
    }

    /// [`Observations::state`] of every node by its position in the graph, in the few shades that planning needs. Looked
    /// up once: the planner asks at every edge.
    pub(crate) fn beliefs(&self, graph: &Graph) -> Vec<Belief> {
        let mut observed = self.states.iter().peekable();
        let own: Vec<Belief> = graph
            .nodes()
            .iter()
            .map(|node| {
                // both are in order of ids
                while observed.next_if(|(id, _)| **id < node.id).is_some() {}
                match observed.next_if(|(id, _)| **id == node.id) {
                    Some((_, observation)) => Belief::from(&observation.state),
                    None => Belief::Unsure,
                }
            })
            .collect();
        (0..own.len())
            .map(|at| {
                let hosts = &mut graph.links().hosts(at);
                if hosts.any(|host| own[host] == Belief::Off) {
                    Belief::Off
                } else {
                    own[at]
                }
            })
            .collect()
    }
}

/// A power state, as far as planning tells them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Belief {
    Off,
    On,
    /// Neither known to be off nor to be on.
    Unsure,
}

impl From<&PowerState> for Belief {
    fn from(state: &PowerState) -> Belief {
        match state {
            PowerState::Off => Belief::Off,
            PowerState::On => Belief::On,
            PowerState::Unknown
            | PowerState::Starting
            | PowerState::Stopping
            | PowerState::Failed { .. } => Belief::Unsure,
        }
    }
}
