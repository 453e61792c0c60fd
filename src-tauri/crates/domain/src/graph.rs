//! Both layers of the homelab: who hosts whom, and who needs whom.
//!
//! A [`Graph`] is always valid: every way to make or change one checks it and refuses with the reason. In particular the
//! union of both layers has no cycle, so a NAS in a VM on the machine that needs the NAS is refused, with the whole cycle.

mod check;
mod links;

use std::collections::HashMap;

pub(crate) use links::Links;

use crate::{Capability, Node, NodeId, NodeKind};

#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// In order of creation, that is of ids.
    nodes: Vec<Node>,
    /// Of `nodes`, in order: looked up at every edge, and quicker searched than hashed.
    ids: Vec<NodeId>,
    by_name: HashMap<String, NodeId>,
    links: Links,
}

/// Why an edit is refused. Names rather than ids: the sentence is for the user.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GraphError {
    #[error("{} would need itself: {}", .0.first().map_or("", String::as_str), .0.join(" → "))]
    Cycle(Vec<String>),
    #[error("there is no node {0}")]
    UnknownNode(String),
    #[error("{node} runs on {first} already and cannot run on {second} too")]
    SecondHost {
        node: String,
        first: String,
        second: String,
    },
    #[error("{node} cannot run on {host}: {} needs a host with a {}, and {host} has none", .kind.with_article(), .missing.title())]
    HostLacksCapability {
        node: String,
        kind: NodeKind,
        host: String,
        missing: Capability,
    },
    #[error("{node} is {} and needs a host", .kind.with_article())]
    NoHost { node: String, kind: NodeKind },
    #[error("{0} is a machine, and a machine has no host")]
    MachineWithHost(String),
    #[error("{node} runs on {host}, which is {} and cannot host {}", .host_kind.with_article(), .kind.with_article())]
    WrongHostKind {
        node: String,
        kind: NodeKind,
        host: String,
        host_kind: NodeKind,
    },
    #[error("{0} is a container, and a container offers nothing to others")]
    ContainerWithCapability(String),
    #[error("{} has no Proxmox API of its own, so {node} cannot have one", .kind.with_article())]
    ProxmoxOnGuest { node: String, kind: NodeKind },
    #[error("{0} depends on itself")]
    DependsOnItself(String),
    #[error("{node} depends on {dependency} twice")]
    DependsTwice { node: String, dependency: String },
    #[error("{first} and {second} have the same id, {id}")]
    IdTaken {
        id: NodeId,
        first: String,
        second: String,
    },
    #[error("there are two nodes named {0}")]
    NameTaken(String),
    #[error(
        "{0:?} is no name for a node: it takes 1 to 64 characters, none of them a control character, and no space at either end"
    )]
    BadName(String),
    #[error("{node} and {other} are both {platform_id} on {host}")]
    PlatformIdTaken {
        node: String,
        other: String,
        platform_id: String,
        host: String,
    },
    #[error("{node} still hosts {}", .guests.join(", "))]
    HasGuests { node: String, guests: Vec<String> },
    #[error("{node} is still needed by {}", .dependants.join(", "))]
    HasDependants {
        node: String,
        dependants: Vec<String>,
    },
}

impl Graph {
    /// Checks everything at once. The order of `nodes` does not matter.
    pub fn new(mut nodes: Vec<Node>) -> Result<Graph, GraphError> {
        nodes.sort_by_key(|node| node.id);
        let mut graph = Graph {
            ids: nodes.iter().map(|node| node.id).collect(),
            by_name: HashMap::with_capacity(nodes.len()),
            links: Links::default(),
            nodes,
        };
        for (at, node) in graph.nodes.iter().enumerate() {
            check::check_name(&node.name)?;
            let before = at.checked_sub(1).map(|before| &graph.nodes[before]);
            if let Some(first) = before.filter(|before| before.id == node.id) {
                return Err(GraphError::IdTaken {
                    id: node.id,
                    first: first.name.clone(),
                    second: node.name.clone(),
                });
            }
            if graph.by_name.insert(node.name.clone(), node.id).is_some() {
                return Err(GraphError::NameTaken(node.name.clone()));
            }
        }
        for node in &graph.nodes {
            graph.check_node(node)?;
        }
        graph.check_platform_ids()?;
        graph.links = graph.link();
        match graph.find_cycle() {
            Some(path) => Err(GraphError::Cycle(path)),
            None => Ok(graph),
        }
    }

    /// This graph with the node added, or with it in the place of the node that has its id.
    pub fn with(&self, node: Node) -> Result<Graph, GraphError> {
        let mut nodes: Vec<Node> = self
            .nodes
            .iter()
            .filter(|n| n.id != node.id)
            .cloned()
            .collect();
        nodes.push(node);
        Graph::new(nodes)
    }

    /// This graph without the node; refused while something runs on it or needs it.
    pub fn without(&self, id: NodeId) -> Result<Graph, GraphError> {
        let node = self
            .get(id)
            .ok_or_else(|| GraphError::UnknownNode(id.to_string()))?;
        let names = |ids: &[NodeId]| ids.iter().map(|id| self.name(*id).into_owned()).collect();
        if !self.guests(id).is_empty() {
            return Err(GraphError::HasGuests {
                node: node.name.clone(),
                guests: names(self.guests(id)),
            });
        }
        if !self.dependants(id).is_empty() {
            return Err(GraphError::HasDependants {
                node: node.name.clone(),
                dependants: names(self.dependants(id)),
            });
        }
        Graph::new(
            self.nodes
                .iter()
                .filter(|node| node.id != id)
                .cloned()
                .collect(),
        )
    }

    /// In order of creation.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.position(id).map(|at| &self.nodes[at])
    }

    pub fn find(&self, name: &str) -> Option<&Node> {
        self.by_name.get(name).and_then(|id| self.get(*id))
    }

    /// The node's name, for messages; a removed node reads `node 7`.
    pub fn name(&self, id: NodeId) -> std::borrow::Cow<'_, str> {
        match self.get(id) {
            Some(node) => node.name.as_str().into(),
            None => format!("node {id}").into(),
        }
    }

    /// The nodes that it hosts, in order of creation.
    pub fn guests(&self, id: NodeId) -> &[NodeId] {
        let at = self.position(id);
        at.map_or(&[], |at| self.links.guest_ids(at))
    }

    /// The nodes that depend on it directly, in order of creation.
    pub fn dependants(&self, id: NodeId) -> &[NodeId] {
        let at = self.position(id);
        at.map_or(&[], |at| self.links.dependant_ids(at))
    }

    /// Everything that needs the node directly: its dependants, then its guests.
    pub fn needed_by(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let at = self.position(id);
        at.map_or(&[][..], |at| self.links.user_ids(at))
            .iter()
            .copied()
    }

    /// Its host, its host's host, and so on up.
    pub fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(self.get(id).and_then(|node| node.host), |host| {
            self.get(*host).and_then(|node| node.host)
        })
    }

    /// All that it hosts, transitively, hosts before their guests; without the node itself.
    pub fn hosted(&self, id: NodeId) -> Vec<NodeId> {
        let mut hosted: Vec<NodeId> = self.guests(id).to_vec();
        let mut at = 0;
        while at < hosted.len() {
            hosted.extend_from_slice(self.guests(hosted[at]));
            at += 1;
        }
        hosted
    }

    /// The position in [`Graph::nodes`], for dense tables.
    pub(crate) fn position(&self, id: NodeId) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    pub(crate) fn node(&self, at: usize) -> &Node {
        &self.nodes[at]
    }

    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// Both layers by position; every id in them has been checked to exist.
    fn link(&self) -> Links {
        let mut links = Links::default();
        for node in &self.nodes {
            let dependencies = node.depends_on.iter();
            links.push(
                dependencies.filter_map(|id| self.position(*id)),
                node.host.and_then(|host| self.position(host)),
            );
        }
        links.turn_round(|at| self.nodes[at].id);
        links
    }
}
