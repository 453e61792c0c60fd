//! The connectors in use, one per connection, made when they are first needed and kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::{Mutex, RwLock};
use wakehub_connectors::{Connector, Own};
use wakehub_domain::{
    Capability, ConnectionId, ConnectorError, ErrorKind, Graph, Node, NodeId, NodeKind, Secret,
    SecretName,
};

use crate::probing::{Probers, asked_ports};
use crate::secrets::{SecretKey, Secrets};
use crate::world::{Accepted, ConnectionSpec, World, is_required, secrets_wanted};

/// Shared by the poller and the executors, so that both use the same sessions.
pub(crate) struct Links {
    world: Arc<dyn World>,
    secrets: Arc<dyn Secrets>,
    homelab: String,
    /// What is true now; the controller replaces it at every edit.
    graph: RwLock<Arc<Graph>>,
    accepted: RwLock<Arc<Vec<Accepted>>>,
    kept: Mutex<HashMap<ConnectionId, Arc<dyn Connector>>>,
    probers: Probers,
}

impl Links {
    pub fn new(world: Arc<dyn World>, secrets: Arc<dyn Secrets>, homelab: String) -> Links {
        Links {
            world,
            secrets,
            homelab,
            graph: RwLock::default(),
            accepted: RwLock::default(),
            kept: Mutex::default(),
            probers: Probers::default(),
        }
    }

    pub fn world(&self) -> &Arc<dyn World> {
        &self.world
    }

    pub async fn graph(&self) -> Arc<Graph> {
        self.graph.read().await.clone()
    }

    pub async fn set_graph(&self, graph: Arc<Graph>) {
        self.probers.retain(&graph);
        let before = std::mem::replace(&mut *self.graph.write().await, graph.clone());
        // made anew over the session that is there: which connections to the machine are our own is told when it is made
        self.kept.lock().await.retain(|id, _| {
            let ports = |graph: &Graph| graph.get(id.node).map(|node| asked_ports(graph, node));
            id.capability != Capability::Ssh || ports(&before) == ports(&graph)
        });
    }

    pub fn probers(&self) -> &Probers {
        &self.probers
    }

    pub async fn accepted(&self) -> Arc<Vec<Accepted>> {
        self.accepted.read().await.clone()
    }

    pub async fn set_accepted(&self, accepted: Vec<Accepted>) {
        self.probers.forget_all();
        *self.accepted.write().await = Arc::new(accepted);
    }

    /// The connector of this connection, made now if there is none.
    pub async fn connector(&self, id: ConnectionId) -> Result<Arc<dyn Connector>, ConnectorError> {
        if let Some(connector) = self.kept.lock().await.get(&id) {
            return Ok(connector.clone());
        }
        let graph = self.graph().await;
        let node = graph.get(id.node).ok_or_else(|| {
            ConnectorError::new(
                ErrorKind::Unsupported,
                format!("connect to node {}", id.node),
                "it was removed",
            )
        })?;
        let connector = self.make(node, id.capability, &BTreeMap::new()).await?;
        let mut kept = self.kept.lock().await;
        Ok(kept.entry(id).or_insert(connector).clone())
    }

    /// What all of WakeHub has caused at the node, as its network counters see it: its looks, its questions, and its
    /// connections to the node and to guests of it, whose traffic passes through the host. `but`: a connection of whose
    /// traffic the measurement itself has told.
    pub async fn caused(&self, graph: &Graph, node: &Node, but: Option<ConnectionId>) -> Own {
        let mut within = match node.kind {
            NodeKind::Machine | NodeKind::Vm | NodeKind::Lxc => graph.hosted(node.id),
            NodeKind::Container => Vec::new(),
        };
        within.push(node.id);
        let kept = self.kept.lock().await;
        let there = kept
            .iter()
            .filter(|(id, _)| within.contains(&id.node) && Some(**id) != but);
        let connections = there.fold(Own::default(), |sum, (_, connector)| {
            sum + connector.traffic()
        });
        drop(kept);
        connections + self.asked_traffic(graph, node) + self.looked_traffic(graph, node)
    }

    /// A connector that is not kept, from a configuration that may not be saved yet; typed secrets come first.
    pub async fn make(
        &self,
        node: &Node,
        capability: Capability,
        typed: &BTreeMap<SecretName, Secret>,
    ) -> Result<Arc<dyn Connector>, ConnectorError> {
        let mut secrets = BTreeMap::new();
        for name in secrets_wanted(node, capability) {
            match self.secret(node, name, typed).await? {
                Some(secret) => {
                    secrets.insert(name, secret);
                }
                None if is_required(name) => {
                    return Err(ConnectorError::new(
                        ErrorKind::NoSecret,
                        format!("connect to {}", node.name),
                        format!("the keyring has no {name} for {}", node.name),
                    ));
                }
                None => {}
            }
        }
        self.world.connector(&ConnectionSpec {
            node: node.clone(),
            capability,
            secrets,
            accepted: self.accepted.read().await.to_vec(),
            asked_ports: asked_ports(&*self.graph().await, node),
        })
    }

    async fn secret(
        &self,
        node: &Node,
        name: SecretName,
        typed: &BTreeMap<SecretName, Secret>,
    ) -> Result<Option<Secret>, ConnectorError> {
        if let Some(secret) = typed.get(&name) {
            return Ok(Some(secret.clone()));
        }
        let found = self.secrets.get(&self.key(node.id, name)).await;
        match found {
            Ok(secret) => Ok(secret),
            // without a keyring a key without a passphrase still works
            Err(_) if !is_required(name) => Ok(None),
            Err(error) => Err(ConnectorError::new(
                ErrorKind::NoSecret,
                format!("read the {name} of {}", node.name),
                error,
            )),
        }
    }

    pub fn key(&self, node: NodeId, name: SecretName) -> SecretKey {
        SecretKey::of_node(&self.homelab, node, name)
    }

    pub fn secrets(&self) -> &Arc<dyn Secrets> {
        &self.secrets
    }

    /// Closes and forgets all connectors of the node: it was changed or removed, or it went off.
    pub async fn drop_node(&self, node: NodeId) {
        self.probers.forget(node);
        let mut gone = Vec::new();
        self.kept.lock().await.retain(|id, connector| {
            let stays = id.node != node;
            if !stays {
                gone.push((*id, connector.clone()));
            }
            stays
        });
        for (id, connector) in gone {
            self.world.forget(id);
            connector.close().await;
        }
    }

    pub async fn drop_all(&self) {
        self.probers.forget_all();
        let gone: Vec<_> = self.kept.lock().await.drain().collect();
        for (id, connector) in gone {
            self.world.forget(id);
            connector.close().await;
        }
    }
}

/// The connections that a node offers and that can be asked: all but magic packets, which nobody answers.
pub(crate) fn connections(node: &Node) -> Vec<ConnectionId> {
    [
        Capability::Ssh,
        Capability::ProxmoxApi,
        Capability::DockerApi,
    ]
    .into_iter()
    .filter(|capability| node.offers(*capability))
    .map(|capability| ConnectionId {
        node: node.id,
        capability,
    })
    .collect()
}
