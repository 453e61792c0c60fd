//! What a graph refuses.

use std::collections::HashMap;

use super::{Graph, GraphError};
use crate::capability::required_of_host;
use crate::{Capability, Node, NodeId, NodeKind};

impl Graph {
    pub(super) fn check_node(&self, node: &Node) -> Result<(), GraphError> {
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
        Ok(())
    }

    pub(super) fn check_platform_ids(&self) -> Result<(), GraphError> {
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
    pub(super) fn find_cycle(&self) -> Option<Vec<String>> {
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
            // the path from the root, each with how many of its needs are looked at; a recursion would overflow on long
            // chains
            let mut path: Vec<(usize, usize)> = vec![(root, 0)];
            marks[root] = Mark::Open;
            while let Some((at, looked_at)) = path.last_mut() {
                let Some(next) = self.links.needs(*at).get(*looked_at).copied() else {
                    marks[*at] = Mark::Done;
                    path.pop();
                    continue;
                };
                *looked_at += 1;
                match marks[next] {
                    Mark::Done => {}
                    Mark::New => {
                        marks[next] = Mark::Open;
                        path.push((next, 0));
                    }
                    Mark::Open => {
                        let start = path.iter().position(|(at, _)| *at == next).unwrap_or(0);
                        let around = path[start..].iter().map(|(at, _)| *at);
                        return Some(
                            around
                                .chain([next])
                                .map(|at| self.nodes[at].name.clone())
                                .collect(),
                        );
                    }
                }
            }
        }
        None
    }
}

pub(super) fn check_name(name: &str) -> Result<(), GraphError> {
    let fits = (1..=64).contains(&name.chars().count());
    if fits && name.trim() == name && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(GraphError::BadName(name.to_owned()))
    }
}
