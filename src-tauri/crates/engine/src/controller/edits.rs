//! Changes to the homelab: one node by its form, many by an import. Checked by the graph, in one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;
use wakehub_connectors::Report;
use wakehub_domain::{ConnectionId, Node, NodeId, Secret, SecretName};
use wakehub_store::{EditError, NodeChange};
use wakehub_view::homelab::{self, NodeEntry};
use wakehub_view::notice::Code;
use wakehub_view::said::Said;
use wakehub_view::wire::{CommandError, EntryError, ImportReport, SecretEntry};

use super::Controller;
use super::requests::{other, store_failed};
use crate::beliefs::guests_behind;
use crate::event::Event;
use crate::handle::MOST_AT_ONCE;
use crate::links::{Links, connections};
use crate::probing::secret_required;
use crate::request::Reply;
use crate::secrets::SecretError;
use crate::world::{is_required, secrets_wanted};

/// Stands for a node that the database has not numbered yet.
const NEW: NodeId = NodeId(1 << 31);

impl Controller {
    pub(super) async fn save_node(
        &mut self,
        id: Option<NodeId>,
        entry: NodeEntry,
    ) -> Result<NodeId, CommandError> {
        if let Some(id) = id
            && self.graph.get(id).is_none()
        {
            return Err(other(Said::NodeWasRemovedMeanwhile { n: &id.to_string() }));
        }
        let name = entry.name.clone();
        let node = entry
            .into_node(id.unwrap_or(NEW), |name| {
                self.graph.find(name).map(|n| n.id)
            })
            .map_err(|errors| CommandError::Entry { errors })?;
        let change = match id {
            Some(_) => NodeChange::Update(node),
            None => NodeChange::Insert(node),
        };
        self.apply(vec![change]).await?;
        let saved = self
            .graph
            .find(&name)
            .map(|node| node.id)
            .ok_or_else(|| other(Said::NotSaved { name: &name }))?;
        let (name, edited) = (&name, if id.is_some() { "changed" } else { "added" });
        self.journal_edit(saved, Said::Edited { name, edited }, Said::YouSaidSo);
        Ok(saved)
    }

    /// Adds all of them or none.
    pub(super) async fn save_nodes(
        &mut self,
        entries: Vec<NodeEntry>,
    ) -> Result<Vec<NodeId>, CommandError> {
        if entries.len() > MOST_AT_ONCE {
            return Err(other(Said::TooMany {
                most: &MOST_AT_ONCE.to_string(),
                n: &entries.len().to_string(),
            }));
        }
        let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
        let new = |name: &str| {
            let at = names.iter().position(|known| known == name)?;
            Some(NodeId(NEW.0 + u32::try_from(at).ok()?))
        };
        let (mut changes, mut errors) = (Vec::new(), Vec::new());
        for (at, entry) in entries.into_iter().enumerate() {
            let line = u32::try_from(at + 1).ok();
            let name = names[at].clone();
            let taken = names[..at].contains(&name) || self.graph.find(&name).is_some();
            if taken {
                errors.push(EntryError {
                    field: Some("name".to_owned()),
                    line,
                    message: Said::NameIsTaken { name: &name }.to_string(),
                });
            }
            let id = NodeId(NEW.0 + u32::try_from(at).unwrap_or(u32::MAX - NEW.0));
            let find = |name: &str| new(name).or_else(|| self.graph.find(name).map(|n| n.id));
            match entry.into_node(id, find) {
                Ok(node) => changes.push(NodeChange::Insert(node)),
                Err(wrong) => errors.extend(wrong.into_iter().map(|e| EntryError { line, ..e })),
            }
        }
        if !errors.is_empty() {
            return Err(CommandError::Entry { errors });
        }
        self.apply(changes).await?;
        let saved: Vec<NodeId> = names
            .iter()
            .filter_map(|name| self.graph.find(name).map(|node| node.id))
            .collect();
        for (id, name) in saved.iter().zip(&names) {
            let edited = "added";
            self.journal_edit(*id, Said::Edited { name, edited }, Said::YouSaidSo);
            self.check_secrets(*id);
        }
        Ok(saved)
    }

    /// The node stays when the keyring fails: what it lacks is shown at it.
    pub(super) fn finish_saving(
        &self,
        saved: NodeId,
        secrets: Vec<SecretEntry>,
        reply: Reply<NodeId>,
    ) {
        let (links, events) = (self.links.clone(), self.events.clone());
        let name = self.name(saved);
        tokio::spawn(async move {
            let written = write_secrets(&links, saved, &secrets).await;
            let _ = events.send(Event::SecretsChanged { node: saved }).await;
            let _ = reply.send(match written {
                Ok(()) => Ok(saved),
                Err(error) => Err(other(Said::SecretNotSaved {
                    name: &name,
                    why: &error.to_string(),
                })),
            });
        });
    }

    /// Changes the database and, when it agrees, everything that depends on the configuration.
    pub(super) async fn apply(&mut self, changes: Vec<NodeChange>) -> Result<(), CommandError> {
        let edited = self
            .storage
            .call(move |store| store.edit(&changes))
            .await
            .map_err(store_failed)?;
        match edited {
            Ok(edited) => {
                self.replace_graph(Arc::new(edited.graph)).await;
                Ok(())
            }
            Err(EditError::Graph(error)) => Err(CommandError::Entry {
                errors: vec![EntryError {
                    field: None,
                    line: None,
                    message: error.to_string(),
                }],
            }),
            Err(EditError::Store(error)) => {
                self.notice_store(&error);
                Err(store_failed(error))
            }
        }
    }

    async fn replace_graph(&mut self, graph: Arc<wakehub_domain::Graph>) {
        let before = std::mem::replace(&mut self.graph, graph.clone());
        self.links.set_graph(graph.clone()).await;
        for old in before.nodes() {
            match graph.get(old.id) {
                Some(new) if reaches_alike(old, new) => {}
                Some(_) => self.forget_connections(old.id).await,
                None => {
                    self.forget_connections(old.id).await;
                    self.evidence.remove(&old.id);
                    self.observations.remove(old.id);
                    self.observations.held.remove(&old.id);
                    self.failed.remove(&old.id);
                    self.last_known.remove(&old.id);
                }
            }
        }
        // what was just configured or has moved is asked for at once, even when its host was asked a moment ago
        let new = graph
            .nodes()
            .iter()
            .filter(|n| before.get(n.id).is_none_or(|old| old.host != n.host));
        for host in new.filter_map(|node| node.host) {
            self.polling.ended.remove(&host);
            if self.polling.in_flight.contains(&host) {
                self.polling.again.insert(host);
            }
        }
        self.believe();
        // with the rules as they are now
        self.guard(self.clock.now());
        self.changed = true;
        self.poll_due();
    }

    async fn forget_connections(&mut self, id: NodeId) {
        if let Some(evidence) = self.evidence.get_mut(&id) {
            evidence.forget();
        }
        let of_node = |connection: &ConnectionId| connection.node == id;
        self.polling.breakers.retain(|c, _| !of_node(c));
        self.polling.failures.retain(|c, _| !of_node(c));
        self.polling.seen.retain(|c, _| !of_node(c));
        self.polling.listed.retain(|c, _| !of_node(c));
        self.unconfigured.retain(|c, _| !of_node(c));
        self.polling.watching.retain(|c, watcher| {
            if of_node(c) {
                watcher.abort();
            }
            !of_node(c)
        });
        self.polling.ended.remove(&id);
        self.polling.discovered.remove(&id);
        self.links.drop_node(id).await;
    }

    pub(super) async fn remove_node(&mut self, id: NodeId) -> Result<(), CommandError> {
        let name = self.name(id);
        let graph = self.graph.clone();
        if let Err(error) = graph.without(id) {
            return Err(other(error.to_string()));
        }
        self.apply(vec![NodeChange::Remove(id)]).await?;
        let (said, edited) = (&name, "removed");
        let message = Said::Edited { name: said, edited };
        self.journal_edit(id, message, Said::YouSaidSo);
        let links = self.links.clone();
        tokio::spawn(async move {
            for secret in SecretName::ALL {
                let key = links.key(id, secret);
                if let Err(error) = links.secrets().remove(&key).await {
                    tracing::warn!(%error, node = %name, "failed to remove a secret");
                    break;
                }
            }
        });
        Ok(())
    }

    pub(super) async fn set_pinned(
        &mut self,
        id: NodeId,
        pinned: bool,
    ) -> Result<(), CommandError> {
        let Some(mut node) = self.graph.get(id).cloned() else {
            return Err(other(Said::NodeWasRemoved { n: &id.to_string() }));
        };
        node.settings.pinned = pinned;
        self.apply(vec![NodeChange::Update(node)]).await
    }

    pub(super) async fn import(&mut self, text: &str, reply: Reply<ImportReport>) {
        let mut import = match homelab::import(text, &self.graph) {
            Ok(import) => import,
            Err(errors) => return drop(reply.send(Err(CommandError::Entry { errors }))),
        };
        let names = |nodes: &[Node]| nodes.iter().map(|n| n.name.clone()).collect::<Vec<_>>();
        let named = [names(&import.added), names(&import.changed)].concat();
        // what stands there as it is already has not been changed
        let graph = self.graph.clone();
        import
            .changed
            .retain(|node| graph.get(node.id) != Some(node));
        let (added, changed) = (names(&import.added), names(&import.changed));
        let changes = import
            .changed
            .into_iter()
            .map(NodeChange::Update)
            .chain(import.added.into_iter().map(NodeChange::Insert))
            .collect();
        if let Err(error) = self.apply(changes).await {
            return drop(reply.send(Err(error)));
        }
        for name in added.iter().chain(&changed) {
            if let Some(id) = self.graph.find(name).map(|node| node.id) {
                let (name, edited) = (&name, "imported");
                self.journal_edit(id, Said::Edited { name, edited }, Said::FromAFile);
            }
        }
        let imported: Vec<Node> = named
            .iter()
            .filter_map(|name| self.graph.find(name).cloned())
            .collect();
        let (links, events) = (self.links.clone(), self.events.clone());
        tokio::spawn(async move {
            let mut missing_secrets = Vec::new();
            let mut failed = None;
            for node in imported {
                // a keyring that cannot be asked has nothing, and is not asked again for each node
                let (missing, error) = match &failed {
                    Some(error) => (required(&node), Some(SecretError::clone(error))),
                    None => missing(&links, &node).await,
                };
                missing_secrets.extend(missing.iter().map(|secret| (node.name.clone(), *secret)));
                failed.clone_from(&error);
                let event = Event::SecretsChecked {
                    node: node.id,
                    missing,
                    error,
                };
                if events.send(event).await.is_err() {
                    break;
                }
            }
            let _ = reply.send(Ok(ImportReport {
                added,
                changed,
                missing_secrets,
            }));
        });
    }

    /// What the keyring has was changed: connections are made anew with it.
    pub(super) async fn secrets_changed(&mut self, id: NodeId) {
        if self.graph.get(id).is_none() {
            return;
        }
        self.forget_connections(id).await;
        self.check_secrets(id);
        self.poll(id, true);
    }

    pub(crate) fn check_secrets(&self, id: NodeId) {
        let Some(node) = self.graph.get(id).cloned() else {
            return;
        };
        let (links, events) = (self.links.clone(), self.events.clone());
        tokio::spawn(async move {
            let (missing, error) = missing(&links, &node).await;
            let event = Event::SecretsChecked {
                node: node.id,
                missing,
                error,
            };
            let _ = events.send(event).await;
        });
    }

    pub(super) fn secrets_checked(
        &mut self,
        node: NodeId,
        missing: Vec<SecretName>,
        error: Option<&SecretError>,
    ) {
        if let Some(error) = error {
            self.notice_keyring(error);
        } else {
            self.take_down(Code::Keyring);
        }
        if missing.is_empty() {
            self.missing_secrets.remove(&node);
        } else {
            self.missing_secrets.insert(node, missing);
        }
        self.changed = true;
    }

    fn notice_keyring(&mut self, error: &SecretError) {
        let why = &error.to_string();
        let said = match error {
            SecretError::NoKeyring(_) => Said::NoSecretsService { why },
            SecretError::Locked => Said::KeyringIsLocked,
            SecretError::Failed(_) => Said::KeyringFails { why },
        };
        self.notice(Code::Keyring, said);
    }

    /// A guest that was imported without its number gets the one of the only guest of its name and kind.
    pub(super) async fn learn_platform_ids(&mut self, connection: ConnectionId, report: &Report) {
        let learned: Vec<NodeChange> = guests_behind(&self.graph, connection)
            .into_iter()
            .filter(|guest| guest.platform_id.is_none())
            .filter_map(|guest| {
                let mut alike = report
                    .guests
                    .iter()
                    .filter(|r| r.kind == guest.kind && r.name == guest.name);
                let (found, None) = (alike.next()?, alike.next()) else {
                    return None;
                };
                let mut guest = guest.clone();
                guest.platform_id = Some(found.platform_id.clone());
                Some(NodeChange::Update(guest))
            })
            .collect();
        if !learned.is_empty()
            && let Err(error) = self.apply(learned).await
        {
            tracing::warn!(?error, "failed to keep the numbers of guests");
        }
    }

    pub(super) fn write_secret_later(&self, node: NodeId, secret: SecretEntry, reply: Reply<()>) {
        let (links, events) = (self.links.clone(), self.events.clone());
        tokio::spawn(async move {
            let written = write_secrets(&links, node, std::slice::from_ref(&secret)).await;
            let _ = events.send(Event::SecretsChanged { node }).await;
            let _ = reply.send(written.map_err(|error| other(error.to_string())));
        });
    }
}

fn required(node: &Node) -> Vec<SecretName> {
    let mut wanted: Vec<SecretName> = connections(node)
        .into_iter()
        .flat_map(|connection| secrets_wanted(node, connection.capability))
        .filter(|secret| is_required(*secret))
        .chain(secret_required(node))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// The required secrets that the keyring does not have; with an error all of them, and why nobody knows.
async fn missing(links: &Links, node: &Node) -> (Vec<SecretName>, Option<SecretError>) {
    let wanted = required(node);
    let mut missing = Vec::new();
    for secret in &wanted {
        match links.secrets().get(&links.key(node.id, *secret)).await {
            Ok(Some(_)) => {}
            Ok(None) => missing.push(*secret),
            Err(error) => return (wanted, Some(error)),
        }
    }
    (missing, None)
}

/// An empty value removes the secret.
async fn write_secrets(
    links: &Links,
    node: NodeId,
    secrets: &[SecretEntry],
) -> Result<(), SecretError> {
    for entry in secrets {
        let key = links.key(node, entry.name);
        if entry.value.is_empty() {
            links.secrets().remove(&key).await?;
        } else {
            let secret = Secret::new(entry.value.clone());
            links.secrets().set(&key, &secret).await?;
        }
    }
    Ok(())
}

/// Whether both are reached and watched in the same way, so that sessions and what was seen stay good.
fn reaches_alike(old: &Node, new: &Node) -> bool {
    old.kind == new.kind
        && old.host == new.host
        && old.platform_id == new.platform_id
        && old.address == new.address
        && old.wol == new.wol
        && old.ssh == new.ssh
        && old.proxmox_api == new.proxmox_api
        && old.docker_api == new.docker_api
}

pub(super) fn typed(secrets: &[SecretEntry]) -> BTreeMap<SecretName, Secret> {
    secrets
        .iter()
        .filter(|entry| !entry.value.is_empty())
        .map(|entry| (entry.name, Secret::new(entry.value.clone())))
        .collect()
}
