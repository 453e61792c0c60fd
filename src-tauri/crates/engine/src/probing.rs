//! Questions to services: who is asked, with which secret, and what that causes at the machines they run on.
//!
//! A question keeps its connection for as long as the rule stays the same. What it moves, and the connection itself, is taken
//! off what is measured at the node that its URL leads to: asking is no use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use wakehub_connectors::{Own, Prober};
use wakehub_domain::idle::{Login, ProbeAnswer, UseProbe};
use wakehub_domain::{
    Capability, ConnectionId, ConnectorError, ErrorKind, Graph, Node, NodeId, NodeKind,
    PresentedKind, Secret, SecretName,
};

use crate::links::Links;
use crate::world::ProberSpec;

/// The questions in use, one per node.
#[derive(Default)]
pub(crate) struct Probers(Mutex<BTreeMap<NodeId, Kept>>);

struct Kept {
    probe: UseProbe,
    prober: Arc<dyn Prober>,
}

impl Probers {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<NodeId, Kept>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Those of nodes that no longer ask so are let go of.
    pub fn retain(&self, graph: &Graph) {
        self.with(|kept| {
            kept.retain(|id, kept| graph.get(*id).and_then(question) == Some(&kept.probe));
        });
    }

    pub fn forget(&self, node: NodeId) {
        self.with(|kept| kept.remove(&node));
    }

    pub fn forget_all(&self) {
        self.with(BTreeMap::clear);
    }
}

/// What the node's rule asks.
pub(crate) fn question(node: &Node) -> Option<&UseProbe> {
    let rule = node.settings.idle.as_ref()?;
    rule.criteria.as_ref()?.probe.as_ref()
}

/// The port whose accepting counts as use of the node.
pub(crate) fn port(node: &Node) -> Option<u16> {
    let rule = node.settings.idle.as_ref()?;
    rule.criteria.as_ref()?.last_access.as_ref()?.port
}

/// The secret without which the node's question cannot be asked.
pub(crate) fn secret_required(node: &Node) -> Option<SecretName> {
    match question(node)?.login() {
        Login::Required => Some(SecretName::Probe),
        Login::None | Login::Optional => None,
    }
}

/// The node's own address, or that of the nearest host that has one.
pub(crate) fn address<'a>(graph: &'a Graph, node: &'a Node) -> Option<&'a str> {
    let above = graph.ancestors(node.id).filter_map(|id| graph.get(id));
    std::iter::once(node)
        .chain(above)
        .find_map(|node| node.address.as_deref())
}

/// TCP ports at the node's own address on which WakeHub asks questions of any node.
pub(crate) fn asked_ports(graph: &Graph, node: &Node) -> BTreeSet<u16> {
    let Some(own) = node.address.as_deref() else {
        return BTreeSet::new();
    };
    let mut ports = BTreeSet::new();
    for other in graph.nodes() {
        let led = question(other).and_then(UseProbe::leads_to);
        ports.extend(
            led.filter(|(host, _)| is_same(host, own))
                .map(|(_, port)| port),
        );
        if address(graph, other) == Some(own) {
            ports.extend(port(other));
        }
    }
    ports
}

fn is_same(host: &str, address: &str) -> bool {
    host.trim_matches(['[', ']'])
        .eq_ignore_ascii_case(address.trim_matches(['[', ']']))
}

impl Links {
    /// Asks the node's question.
    pub async fn ask(&self, node: &Node, probe: &UseProbe) -> Result<ProbeAnswer, ConnectorError> {
        match probe {
            UseProbe::Ssh(ssh) => {
                let graph = self.graph().await;
                let mut near = std::iter::once(node.id).chain(graph.ancestors(node.id));
                let has_ssh = |id: &NodeId| graph.get(*id).is_some_and(|node| node.ssh.is_some());
                let Some(node) = near.find(has_ssh) else {
                    return Err(ConnectorError::new(
                        ErrorKind::Unsupported,
                        format!("ask {}", node.name),
                        "neither it nor a host of it has SSH",
                    ));
                };
                let capability = Capability::Ssh;
                let connector = self.connector(ConnectionId { node, capability }).await?;
                connector.ask(&ssh.command).await
            }
            UseProbe::Http(_)
            | UseProbe::Jellyfin(_)
            | UseProbe::Plex(_)
            | UseProbe::Qbittorrent(_)
            | UseProbe::Syncthing(_) => self.prober(node, probe).await?.ask().await,
        }
    }

    /// The kept one, made now if there is none.
    async fn prober(
        &self,
        node: &Node,
        probe: &UseProbe,
    ) -> Result<Arc<dyn Prober>, ConnectorError> {
        let found = self.probers().with(|kept| {
            let found = kept.get(&node.id).filter(|kept| kept.probe == *probe);
            found.map(|kept| kept.prober.clone())
        });
        if let Some(prober) = found {
            return Ok(prober);
        }
        let spec = ProberSpec {
            probe: probe.clone(),
            secret: self.probe_secret(node, probe).await?,
            accepted: self.accepted_certificate(probe).await,
        };
        let prober = self.world().prober(&spec)?;
        self.probers().with(|kept| {
            let (probe, prober) = (probe.clone(), prober.clone());
            kept.insert(node.id, Kept { probe, prober });
        });
        Ok(prober)
    }

    async fn probe_secret(
        &self,
        node: &Node,
        probe: &UseProbe,
    ) -> Result<Option<Secret>, ConnectorError> {
        let is_required = match probe.login() {
            Login::None => return Ok(None),
            Login::Optional => false,
            Login::Required => true,
        };
        let name = SecretName::Probe;
        let failed = |message: String| {
            let operation = format!("ask {}", probe.title());
            ConnectorError::new(ErrorKind::NoSecret, operation, message)
        };
        match self.secrets().get(&self.key(node.id, name)).await {
            Ok(None) if is_required => Err(failed(format!(
                "the keyring has no {name} for {}",
                node.name
            ))),
            Ok(secret) => Ok(secret),
            Err(_) if !is_required => Ok(None),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// A certificate that the user has accepted for the same host and port.
    async fn accepted_certificate(&self, probe: &UseProbe) -> Option<String> {
        let (host, port) = probe.leads_to()?;
        let shown = match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let accepted = self.accepted().await;
        accepted
            .iter()
            .find(|one| one.kind == PresentedKind::Certificate && one.endpoint == shown)
            .map(|one| one.fingerprint.clone())
    }

    /// What questions have moved at the node, as its network counters see it: of a container its own question, where it is asked
    /// at its own or its host's address; of a machine, VM or LXC all that are asked at its address or one of its guests'.
    pub fn asked_traffic(&self, graph: &Graph, node: &Node) -> Own {
        let addresses = addresses(graph, node);
        let published = address(graph, node);
        self.probers().with(|kept| {
            let mut sum = Own::default();
            for (asked, kept) in kept.iter() {
                let Some((host, _)) = kept.probe.leads_to() else {
                    continue;
                };
                let is_at = |address: &str| is_same(host, address);
                let is_here = if node.kind == NodeKind::Container {
                    *asked == node.id && published.is_some_and(is_at)
                } else {
                    addresses.iter().any(|address| is_at(address))
                };
                if is_here {
                    sum = sum + kept.prober.traffic();
                }
            }
            sum
        })
    }

    /// What looks have caused at the node, likewise: of a container those at its own port.
    pub fn looked_traffic(&self, graph: &Graph, node: &Node) -> Own {
        if node.kind == NodeKind::Container {
            let at = address(graph, node).zip(port(node));
            return at.map_or_else(Own::default, |(address, port)| {
                self.world().caused(address, Some(port))
            });
        }
        let addresses = addresses(graph, node).into_iter();
        addresses.fold(Own::default(), |sum, address| {
            sum + self.world().caused(address, None)
        })
    }
}

/// The node's own and those of all that it hosts, each once.
fn addresses<'a>(graph: &'a Graph, node: &'a Node) -> BTreeSet<&'a str> {
    let below = graph.hosted(node.id);
    let below = below.iter().filter_map(|id| graph.get(*id));
    std::iter::once(node)
        .chain(below)
        .filter_map(|node| node.address.as_deref())
        .collect()
}

#[cfg(test)]
#[path = "probing_tests.rs"]
mod tests;
