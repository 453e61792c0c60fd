//! Guests that a host knows and the homelab does not, and those that have moved.

use std::collections::BTreeSet;
use wakehub_connectors::{Discovered, GuestReport, Report};
use wakehub_domain::{
    Capability, ConnectionId, ConnectorError, Node, NodeId, NodeKind, PowerState, Timestamp,
};
use wakehub_view::advice::failure_view;
use wakehub_view::homelab::NodeEntry;
use wakehub_view::said::Said;
use wakehub_view::wire::{CommandError, DiscoveredView, Power};

use super::Controller;
use crate::beliefs::guests_behind;
use crate::event::Event;
use crate::links::connections;
use crate::request::Reply;

/// Vms and lxcs share Proxmox's numbers; containers have names of their own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct DiscoveredKey {
    pub host: NodeId,
    pub container: bool,
    pub platform_id: String,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct DiscoveredGuest {
    pub found: Discovered,
    pub last_seen: Timestamp,
    pub vanished: bool,
}

/// A guest as the API of its cluster lists it.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Listed {
    kind: NodeKind,
    platform_id: String,
    name: String,
    member: Option<String>,
}

impl From<&GuestReport> for Listed {
    fn from(report: &GuestReport) -> Listed {
        Listed {
            kind: report.kind,
            platform_id: report.platform_id.clone(),
            name: report.name.clone(),
            member: report.member.clone(),
        }
    }
}

impl Controller {
    /// Asks in a task of its own; the answer comes back as [`Event::Discovered`].
    pub(super) fn discover(&self, node: NodeId, reply: Option<Reply<u32>>) {
        let links = self.links.clone();
        let events = self.events.clone();
        let asked: Vec<ConnectionId> = self
            .graph
            .get(node)
            .map(connections)
            .unwrap_or_default()
            .into_iter()
            .filter(|connection| match connection.capability {
                Capability::ProxmoxApi | Capability::DockerApi => true,
                Capability::Wol | Capability::Ssh => false,
            })
            .collect();
        tokio::spawn(async move {
            let mut found = Vec::new();
            for connection in asked {
                let result = async {
                    let connector = links.connector(connection).await?;
                    connector.discover().await
                };
                found.push((connection, result.await));
            }
            let _ = events.send(Event::Discovered { node, found, reply }).await;
        });
    }

    pub(super) fn found(
        &mut self,
        node: NodeId,
        found: Vec<(ConnectionId, Result<Vec<Discovered>, ConnectorError>)>,
        reply: Option<Reply<u32>>,
    ) {
        let now = self.clock.now();
        let mut failure = None;
        let nothing_to_ask = found.is_empty();
        for (connection, result) in found {
            match result {
                Ok(guests) => self.keep_discovered(connection, guests),
                Err(error) => failure = Some(failure_view(&error, now)),
            }
        }
        self.changed = true;
        let Some(reply) = reply else {
            return;
        };
        let _ = reply.send(match failure {
            _ if nothing_to_ask => Err(CommandError::Other {
                message: Said::NothingToDiscover {
                    name: &self.name(node),
                }
                .to_string(),
            }),
            Some(failure) => Err(CommandError::Failure { failure }),
            None => Ok(self.to_configure(node)),
        });
    }

    fn keep_discovered(&mut self, connection: ConnectionId, guests: Vec<Discovered>) {
        let now = self.clock.now();
        let container = connection.capability == Capability::DockerApi;
        let mut seen = BTreeSet::new();
        for found in guests {
            let host = self.host_of(connection, &found.report);
            let key = DiscoveredKey {
                host,
                container,
                platform_id: found.report.platform_id.clone(),
            };
            seen.insert(key.clone());
            self.discovered.insert(
                key,
                DiscoveredGuest {
                    found,
                    last_seen: now,
                    vanished: false,
                },
            );
        }
        for (key, guest) in &mut self.discovered {
            if key.host == connection.node && key.container == container && !seen.contains(key) {
                guest.vanished = true;
            }
        }
    }

    pub(super) fn note_listed(&mut self, connection: ConnectionId, report: &Report) {
        if connection.capability == Capability::ProxmoxApi {
            let listed = report.guests.iter().map(Listed::from).collect();
            self.polling.listed.insert(connection, listed);
        }
    }

    /// Whether both APIs list a guest alike. Machines of different clusters may be called alike (`pve`), their guests not.
    fn is_one_cluster(&self, one: ConnectionId, other: ConnectionId) -> bool {
        let listed = |connection| self.polling.listed.get(&connection);
        listed(one)
            .zip(listed(other))
            .is_some_and(|(one, other)| !one.is_disjoint(other))
    }

    /// A cluster's API lists the guests of all members: each belongs to the machine that is its member.
    fn host_of(&self, connection: ConnectionId, report: &GuestReport) -> NodeId {
        let own = self
            .graph
            .get(connection.node)
            .and_then(|node| node.proxmox_api.as_ref());
        let (Some(own), Some(member)) = (own, &report.member) else {
            return connection.node;
        };
        if own.node == *member {
            return connection.node;
        }
        self.graph
            .nodes()
            .iter()
            .find(|node| {
                let api = ConnectionId {
                    node: node.id,
                    capability: Capability::ProxmoxApi,
                };
                node.proxmox_api
                    .as_ref()
                    .is_some_and(|api| api.node == *member)
                    && self.is_one_cluster(connection, api)
            })
            .map_or(connection.node, |node| node.id)
    }

    /// A guest that migrated keeps its number: its node follows it to the machine that has it now.
    pub(super) async fn follow_moved_guests(&mut self, connection: ConnectionId, report: &Report) {
        let moved: Vec<(Node, NodeId)> = guests_behind(&self.graph, connection)
            .into_iter()
            .filter_map(|guest| {
                let reported = report.guests.iter().find(|reported| {
                    reported.kind == guest.kind
                        && Some(&reported.platform_id) == guest.platform_id.as_ref()
                })?;
                let host = self.host_of(connection, reported);
                (host != connection.node).then(|| (guest.clone(), host))
            })
            .chain(self.renamed_containers(connection, report))
            .collect();
        for (mut guest, host) in moved {
            let (id_there, to) = (guest.platform_id.clone(), self.name(host));
            let reason = if guest.host == Some(host) {
                Said::MadeAnew {
                    id: id_there.as_deref().unwrap_or("?"),
                }
            } else {
                Said::Migrated { name: &to }
            };
            guest.host = Some(host);
            let (id, name) = (guest.id, guest.name.clone());
            if self
                .apply(vec![wakehub_store::NodeChange::Update(guest)])
                .await
                .is_ok()
            {
                self.journal_edit(id, Said::Followed { name: &name }, reason);
            }
        }
    }

    /// A container that compose made anew under another name is found by its project and service.
    fn renamed_containers(&self, connection: ConnectionId, report: &Report) -> Vec<(Node, NodeId)> {
        if connection.capability != Capability::DockerApi || !report.complete {
            return Vec::new();
        }
        let configured = guests_behind(&self.graph, connection);
        let is_known = |platform_id: &str| {
            configured
                .iter()
                .any(|guest| guest.platform_id.as_deref() == Some(platform_id))
        };
        configured
            .iter()
            .filter(|guest| {
                !report
                    .guests
                    .iter()
                    .any(|r| Some(&r.platform_id) == guest.platform_id.as_ref())
            })
            .filter_map(|guest| {
                let identity = self.evidence.get(&guest.id)?.identity()?;
                let mut anew = report.guests.iter().filter(|reported| {
                    reported.identity.as_ref() == Some(identity) && !is_known(&reported.platform_id)
                });
                let (found, None) = (anew.next()?, anew.next()) else {
                    return None;
                };
                let mut guest = (*guest).clone();
                guest.platform_id = Some(found.platform_id.clone());
                Some((guest, connection.node))
            })
            .collect()
    }

    pub(super) fn note_unconfigured(&mut self, connection: ConnectionId, report: &Report) {
        let names: Vec<String> = report
            .guests
            .iter()
            .filter(|guest| guest.state.is_active())
            .filter(|guest| self.host_of(connection, guest) == connection.node)
            .filter(|guest| {
                self.configured(connection.node, guest.kind, &guest.platform_id)
                    .is_none()
            })
            .map(|guest| guest.name.clone())
            .collect();
        if names.is_empty() {
            self.unconfigured.remove(&connection);
        } else {
            self.unconfigured.insert(connection, names);
        }
    }

    /// Why the host is not stopped automatically although no configured guest runs on it.
    pub(super) fn unconfigured_lock(&self, host: NodeId) -> Option<String> {
        let names: Vec<&str> = self
            .unconfigured
            .iter()
            .filter(|(connection, _)| connection.node == host)
            .flat_map(|(_, names)| names.iter().map(String::as_str))
            .collect();
        let names = names.join(", ");
        (!names.is_empty()).then(|| Said::Unconfigured { names: &names }.to_string())
    }

    fn configured(&self, host: NodeId, kind: NodeKind, platform_id: &str) -> Option<&Node> {
        self.graph
            .guests(host)
            .iter()
            .filter_map(|id| self.graph.get(*id))
            .find(|guest| {
                (guest.kind == NodeKind::Container) == (kind == NodeKind::Container)
                    && guest.platform_id.as_deref() == Some(platform_id)
            })
    }

    fn is_waiting(&self, key: &DiscoveredKey, guest: &DiscoveredGuest) -> bool {
        !guest.vanished
            && self
                .configured(key.host, guest.found.report.kind, &key.platform_id)
                .is_none()
    }

    pub(super) fn to_configure(&self, host: NodeId) -> u32 {
        let waiting = self
            .discovered
            .iter()
            .filter(|(key, guest)| key.host == host && self.is_waiting(key, guest))
            .count();
        u32::try_from(waiting).unwrap_or(u32::MAX)
    }

    pub(super) fn discovered_views(&self) -> Vec<DiscoveredView> {
        self.discovered
            .iter()
            .filter(|(key, guest)| self.is_waiting(key, guest))
            .map(|(key, guest)| self.discovered_view(key, &guest.found))
            .collect()
    }

    fn discovered_view(&self, key: &DiscoveredKey, found: &Discovered) -> DiscoveredView {
        let compose = match (&found.compose_project, &found.compose_service) {
            (Some(project), Some(service)) => Some(format!("{project} / {service}")),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        };
        DiscoveredView {
            host: key.host,
            kind: found.report.kind,
            platform_id: key.platform_id.clone(),
            name: found.report.name.clone(),
            power: power(&found.report.state),
            addresses: found.addresses.clone(),
            ports: found.ports.clone(),
            image: found.image.clone(),
            compose,
            cores: found.cores,
            memory_bytes: found.memory,
            entry: self.entry_for(key, found),
            suggested: found
                .suggested_dependencies
                .iter()
                .filter(|id| self.configured(key.host, found.report.kind, id).is_none())
                .cloned()
                .collect(),
        }
    }

    /// The form with all that the platform knows; the user adds what nobody can know.
    fn entry_for(&self, key: &DiscoveredKey, found: &Discovered) -> NodeEntry {
        let mut entry = NodeEntry::new(self.free_name(&found.report.name), found.report.kind);
        entry.host = Some(self.name(key.host));
        entry.platform_id = Some(key.platform_id.clone());
        let host = self.graph.get(key.host);
        let address = match found.report.kind {
            NodeKind::Container => host.and_then(|host| host.address.clone()),
            NodeKind::Machine | NodeKind::Vm | NodeKind::Lxc => found.addresses.first().cloned(),
        };
        if let (Some(address), Some(port)) = (&address, found.ports.first()) {
            let scheme = if matches!(port, 443 | 8443) {
                "https"
            } else {
                "http"
            };
            entry.url = Some(format!("{scheme}://{address}:{port}"));
        }
        if found.report.kind != NodeKind::Container {
            entry.address = address;
        }
        entry.depends_on = found
            .suggested_dependencies
            .iter()
            .filter_map(|platform_id| self.configured(key.host, found.report.kind, platform_id))
            .map(|node| node.name.clone())
            .collect();
        entry
    }

    fn free_name(&self, wanted: &str) -> String {
        let wanted: String = wanted
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .take(60)
            .collect();
        let wanted = if wanted.is_empty() {
            "guest".to_owned()
        } else {
            wanted
        };
        if self.graph.find(&wanted).is_none() {
            return wanted;
        }
        (2..)
            .map(|number| format!("{wanted}-{number}"))
            .find(|name| self.graph.find(name).is_none())
            .unwrap_or(wanted)
    }
}

pub(super) fn power(state: &PowerState) -> Power {
    match state {
        PowerState::Unknown => Power::Unknown,
        PowerState::Off => Power::Off,
        PowerState::Starting => Power::Starting,
        PowerState::On => Power::On,
        PowerState::Stopping => Power::Stopping,
        PowerState::Failed { .. } => Power::Failed,
    }
}
