//! Both layers of the homelab: who hosts whom, and who needs whom.
//!
//! A [`Graph`] is always valid: every way to make or change one checks it and refuses with the reason. In particular the
//! union of both layers has no cycle, so a NAS in a VM on the machine that needs the NAS is refused, with the whole cycle.

use std::collections::HashMap;

use crate::capability::required_of_host;
use crate::{Capability, Node, NodeId, NodeKind};

#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// In order of creation, that is of ids.
    nodes: Vec<Node>,
    index: HashMap<NodeId, usize>,
    by_name: HashMap<String, NodeId>,
    /// For each node, by index: the nodes that depend on it and the nodes it hosts, in order of creation.
    dependants: Vec<Vec<NodeId>>,
    guests: Vec<Vec<NodeId>>,
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
    #[error("{node} cannot run on {host}: a {} needs a host with a {}, and {host} has none", .kind.as_str(), .missing.title())]
    HostLacksCapability {
        node: String,
        kind: NodeKind,
        host: String,
        missing: Capability,
    },
    #[error("{node} is a {} and needs a host", .kind.as_str())]
    NoHost { node: String, kind: NodeKind },
    #[error("{0} is a machine, and a machine has no host")]
    MachineWithHost(String),
    #[error("{node} runs on {host}, which is a {} and cannot host a {}", .host_kind.as_str(), .kind.as_str())]
    WrongHostKind {
        node: String,
        kind: NodeKind,
        host: String,
        host_kind: NodeKind,
    },
    #[error("{0} is a container, and a container offers nothing to others")]
    ContainerWithCapability(String),
    #[error("a {} has no Proxmox API of its own, so {node} cannot have one", .kind.as_str())]
    ProxmoxOnGuest { node: String, kind: NodeKind },
    #[error("{0} depends on itself")]
    DependsOnItself(String),
    #[error("{node} depends on {dependency} twice")]
    DependsTwice { node: String, dependency: String },
    #[error("there are two nodes named {0}")]
    NameTaken(String),
    #[error(
        "{0:?} is no name for a node: it takes 1 to 64 characters, none of them a control character, and no space at either end"
    )]
    BadName(String),
    #[error("{node} needs the id that {host} knows it by")]
    NoPlatformId { node: String, host: String },
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
    /// Checks everything at once. The order of `nodes` does not matter; their ids must differ.
    pub fn new(mut nodes: Vec<Node>) -> Result<Graph, GraphError> {
        nodes.sort_by_key(|node| node.id);
        let mut graph = Graph {
            index: HashMap::with_capacity(nodes.len()),
            by_name: HashMap::with_capacity(nodes.len()),
            dependants: vec![Vec::new(); nodes.len()],
            guests: vec![Vec::new(); nodes.len()],
            nodes,
        };
        for (at, node) in graph.nodes.iter().enumerate() {
            check_name(&node.name)?;
            graph.index.insert(node.id, at);
            if graph.by_name.insert(node.name.clone(), node.id).is_some() {
                return Err(GraphError::NameTaken(node.name.clone()));
            }
        }
        for at in 0..graph.nodes.len() {
            graph.check_node(&graph.nodes[at])?;
        }
        graph.check_platform_ids()?;
        for at in 0..graph.nodes.len() {
            let (id, host) = (graph.nodes[at].id, graph.nodes[at].host);
            for dependency in graph.nodes[at].depends_on.clone() {
                let dependency = graph.index[&dependency];
                graph.dependants[dependency].push(id);
            }
            if let Some(host) = host {
                let host = graph.index[&host];
                graph.guests[host].push(id);
            }
        }
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
        self.index.get(&id).map(|at| &self.nodes[*at])
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
        self.index.get(&id).map_or(&[], |at| &self.guests[*at])
    }

    /// The nodes that depend on it directly, in order of creation.
    pub fn dependants(&self, id: NodeId) -> &[NodeId] {
        self.index.get(&id).map_or(&[], |at| &self.dependants[*at])
    }

    /// Everything that needs the node directly: its dependants, then its guests.
    pub fn needed_by(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.dependants(id).iter().chain(self.guests(id)).copied()
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
    pub(crate) fn at(&self, id: NodeId) -> usize {
        self.index[&id]
    }

    fn check_node(&self, node: &Node) -> Result<(), GraphError> {
        let name = || node.name.clone();
        if node.kind == NodeKind::Container
            && (node.wol.is_some()
                || node.ssh.is_some()
                || node.proxmox_api.is_some()
                || node.docker_api.is_some())
        {
            return Err(GraphError::ContainerWithCapability(name()));
        }
        if node.kind != NodeKind::Machine && node.proxmox_api.is_some() {
            return Err(GraphError::ProxmoxOnGuest {
                node: name(),
                kind: node.kind,
            });
        }
        for (at, dependency) in node.depends_on.iter().enumerate() {
            let Some(dependency) = self.get(*dependency) else {
                return Err(GraphError::UnknownNode(dependency.to_string()));
            };
            if dependency.id == node.id {
                return Err(GraphError::DependsOnItself(name()));
            }
            if node.depends_on[..at].contains(&dependency.id) {
                return Err(GraphError::DependsTwice {
                    node: name(),
                    dependency: dependency.name.clone(),
                });
            }
        }
        match (required_of_host(node.kind), node.host) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(GraphError::MachineWithHost(name())),
            (Some(_), None) => Err(GraphError::NoHost {
                node: name(),
                kind: node.kind,
            }),
            (Some(needed), Some(host)) => {
                let host = self
                    .get(host)
                    .ok_or_else(|| GraphError::UnknownNode(host.to_string()))?;
                self.check_host(node, host, needed)
            }
        }
    }

    fn check_host(&self, node: &Node, host: &Node, needed: Capability) -> Result<(), GraphError> {
        let wrong_kind = match node.kind {
            NodeKind::Vm | NodeKind::Lxc => host.kind != NodeKind::Machine,
            NodeKind::Container => host.kind == NodeKind::Container,
            NodeKind::Machine => true,
        };
        if wrong_kind {
            return Err(GraphError::WrongHostKind {
                node: node.name.clone(),
                kind: node.kind,
                host: host.name.clone(),
                host_kind: host.kind,
            });
        }
        if !host.offers(needed) {
            return Err(GraphError::HostLacksCapability {
                node: node.name.clone(),
                kind: node.kind,
                host: host.name.clone(),
                missing: needed,
            });
        }
        if node.platform_id.as_deref().is_none_or(str::is_empty) {
            return Err(GraphError::NoPlatformId {
                node: node.name.clone(),
                host: host.name.clone(),
            });
        }
        Ok(())
    }

    fn check_platform_ids(&self) -> Result<(), GraphError> {
        let mut seen: HashMap<(NodeId, bool, &str), &Node> = HashMap::new();
        for node in &self.nodes {
            let (Some(host), Some(platform_id)) = (node.host, node.platform_id.as_deref()) else {
                continue;
            };
            // vms and lxcs share Proxmox's numbers, containers have names of their own
            let key = (host, node.kind == NodeKind::Container, platform_id);
            if let Some(other) = seen.insert(key, node) {
                return Err(GraphError::PlatformIdTaken {
                    node: node.name.clone(),
                    other: other.name.clone(),
                    platform_id: platform_id.to_owned(),
                    host: self.name(host).into_owned(),
                });
            }
        }
        Ok(())
    }

    /// A cycle over the union of both layers, as names, the first one again at the end.
    fn find_cycle(&self) -> Option<Vec<String>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; self.nodes.len()];
        for root in 0..self.nodes.len() {
            if marks[root] != Mark::New {
                continue;
            }
            // the path from the root, each with the needs still to look at; a recursion would overflow on long chains
            let mut path: Vec<(usize, Vec<usize>)> = vec![(root, self.needs_of(root))];
            marks[root] = Mark::Open;
            while let Some((at, rest)) = path.last_mut() {
                match rest.pop() {
                    None => {
                        marks[*at] = Mark::Done;
                        path.pop();
                    }
                    Some(next) if marks[next] == Mark::Open => {
                        let start = path.iter().position(|(at, _)| *at == next).unwrap_or(0);
                        let mut names: Vec<String> = path[start..]
                            .iter()
                            .map(|(at, _)| self.nodes[*at].name.clone())
                            .collect();
                        names.push(self.nodes[next].name.clone());
                        return Some(names);
                    }
                    Some(next) => {
                        if marks[next] == Mark::New {
                            marks[next] = Mark::Open;
                            let needs = self.needs_of(next);
                            path.push((next, needs));
                        }
                    }
                }
            }
        }
        None
    }

    fn needs_of(&self, at: usize) -> Vec<usize> {
        self.nodes[at].needs().map(|id| self.index[&id]).collect()
    }
}

fn check_name(name: &str) -> Result<(), GraphError> {
    let fits = (1..=64).contains(&name.chars().count());
    if fits && name.trim() == name && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(GraphError::BadName(name.to_owned()))
    }
}
