//! From what was seen to what is believed: pure, so that every rule about On, Off and Unknown can be tested as a table.
//!
//! Off is never guessed: a machine is off when it was silent twice and the silence proves something, a guest is off when
//! its host says so or is off itself. Whatever fails on the way is Unknown, with the reason.

use std::collections::BTreeMap;
use wakehub_connectors::reach::{Presence, Sighting};
use wakehub_connectors::{GuestReport, Health, Report};
use wakehub_domain::{
    Capability, ConnectionId, Graph, Node, NodeId, NodeKind, Observation, PowerState, Source,
    Timestamp,
};
use wakehub_view::said::Said;

/// Everything that was last seen of one node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    presence: Presence,
    sighting: Option<(Sighting, Timestamp)>,
    /// When each of its own connections last said that it is on, unless it has failed since.
    connections: BTreeMap<Capability, Timestamp>,
    /// What its host last reported of it.
    guest: Option<(GuestSeen, Timestamp)>,
    /// What it is known by when it is made anew under another name: remembered while it is gone, for that is just when
    /// it is asked for.
    identity: Option<String>,
}

#[derive(Clone, Debug)]
enum GuestSeen {
    Reported(GuestReport),
    /// The host answered, and does not know it.
    Vanished,
    /// The host was asked and did not answer.
    Failed(String),
}

/// What is believed of a node beyond its power state.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Extras {
    pub health: Option<Health>,
    pub lock: Option<String>,
    pub vanished: bool,
}

impl Evidence {
    pub fn looked(&mut self, sighting: Sighting, at: Timestamp) {
        self.presence.see(&sighting);
        self.sighting = Some((sighting, at));
    }

    pub fn is_off(&self) -> bool {
        self.presence.is_off()
    }

    pub fn answered(&mut self, capability: Capability, report: &Report, at: Timestamp) {
        // a cluster's API may answer for a member that is off
        if report.itself == Some(PowerState::On) {
            self.connections.insert(capability, at);
        } else {
            self.connections.remove(&capability);
        }
    }

    pub fn failed(&mut self, capability: Capability) {
        self.connections.remove(&capability);
    }

    pub fn reported(&mut self, report: GuestReport, at: Timestamp) {
        if report.identity.is_some() {
            self.identity.clone_from(&report.identity);
        }
        self.guest = Some((GuestSeen::Reported(report), at));
    }

    pub fn identity(&self) -> Option<&String> {
        self.identity.as_ref()
    }

    /// The last thing that its host said of it.
    pub fn last_report(&self) -> Option<GuestReport> {
        match &self.guest {
            Some((GuestSeen::Reported(report), _)) => Some(report.clone()),
            Some((GuestSeen::Vanished | GuestSeen::Failed(_), _)) | None => None,
        }
    }

    /// A stop of ours has seen the machine off, twice.
    pub fn stopped(&mut self, at: Timestamp) {
        self.connections.clear();
        self.presence = Presence::off();
        self.sighting = Some((
            Sighting::Silent {
                evidence: "seen off by its stop".to_owned(),
            },
            at,
        ));
    }

    pub fn vanished(&mut self, at: Timestamp) {
        self.guest = Some((GuestSeen::Vanished, at));
    }

    pub fn host_failed(&mut self, why: String, at: Timestamp) {
        self.guest = Some((GuestSeen::Failed(why), at));
    }

    /// The configuration has changed: what was seen before was perhaps of something else.
    pub fn forget(&mut self) {
        *self = Evidence::default();
    }

    /// After a sleep of this computer nothing seen before it counts.
    pub fn stale(&mut self) {
        self.presence = Presence::default();
    }

    pub fn extras(&self) -> Extras {
        match &self.guest {
            Some((GuestSeen::Reported(report), _)) => Extras {
                health: report.health,
                lock: report.lock.clone(),
                vanished: false,
            },
            Some((GuestSeen::Vanished, _)) => Extras {
                vanished: true,
                ..Extras::default()
            },
            Some((GuestSeen::Failed(_), _)) | None => Extras::default(),
        }
    }

    /// State, who says so, when, and a note. `None` when nothing has been seen yet.
    fn judge(&self, node: &Node) -> Option<(PowerState, Source, Timestamp, Option<String>)> {
        match node.kind {
            NodeKind::Machine => self.judge_machine(),
            NodeKind::Vm | NodeKind::Lxc => self.judge_guest(Source::Proxmox),
            NodeKind::Container => self.judge_guest(Source::Docker),
        }
    }

    /// The newest answer of a connection of its own.
    fn answer(&self) -> Option<(Capability, Timestamp)> {
        self.connections
            .iter()
            .map(|(capability, at)| (*capability, *at))
            .max_by_key(|(_, at)| *at)
    }

    /// Its host was asked about it and did not answer: only itself can tell.
    pub fn is_untold(&self) -> bool {
        matches!(&self.guest, Some((GuestSeen::Failed(_), _)))
    }

    fn judge_machine(&self) -> Option<(PowerState, Source, Timestamp, Option<String>)> {
        let answered = self.answer();
        let looked = self.sighting.as_ref().map(|(_, at)| *at);
        // an answer of its own API counts for as long as nothing newer was seen
        if let Some((capability, at)) = answered
            && looked.is_none_or(|looked| at >= looked)
        {
            return Some((PowerState::On, source_of(capability), at, None));
        }
        let (sighting, at) = self.sighting.as_ref()?;
        let (state, note) = match sighting {
            Sighting::Answers { .. } => (PowerState::On, None),
            Sighting::Silent { .. } if self.presence.is_off() => (PowerState::Off, None),
            Sighting::Silent { .. } => (PowerState::Unknown, Some(Said::SilentOnce.to_string())),
            Sighting::Mute { .. } if self.presence.is_off() => (PowerState::Off, None),
            Sighting::Refuses { why } | Sighting::Mute { why } | Sighting::NoWay { why } => {
                (PowerState::Unknown, Some(why.clone()))
            }
        };
        Some((state, Source::Ping, *at, note))
    }

    fn judge_guest(
        &self,
        source: Source,
    ) -> Option<(PowerState, Source, Timestamp, Option<String>)> {
        let (seen, at) = self.guest.as_ref()?;
        // its host's API says nothing, and its own SSH or Docker engine answers
        if let (GuestSeen::Failed(why), Some((capability, answered))) = (seen, self.answer()) {
            let note = Some(why.clone());
            return Some((PowerState::On, source_of(capability), answered, note));
        }
        Some(match seen {
            GuestSeen::Reported(report) => (report.state.clone(), source, *at, report.note.clone()),
            GuestSeen::Vanished => (
                PowerState::Unknown,
                source,
                *at,
                Some(Said::NoLongerKnown.to_string()),
            ),
            GuestSeen::Failed(why) => (PowerState::Unknown, source, *at, Some(why.clone())),
        })
    }
}

/// The new observation of a node, given the one before: `since` moves only when the state does.
pub(crate) fn observe(
    graph: &Graph,
    node: &Node,
    evidence: &BTreeMap<NodeId, Evidence>,
    before: Option<&Observation>,
    now: Timestamp,
) -> Observation {
    let host_off = graph.ancestors(node.id).any(|host| {
        let is_machine = graph.get(host).is_some_and(|n| n.kind == NodeKind::Machine);
        evidence.get(&host).is_some_and(|seen| {
            if is_machine {
                seen.judge_machine()
                    .is_some_and(|(state, ..)| state == PowerState::Off)
            } else {
                seen.judge_guest(Source::Proxmox)
                    .is_some_and(|(state, ..)| state == PowerState::Off)
            }
        })
    });
    let (state, source, seen, note) = if host_off {
        (PowerState::Off, Source::Host, now, None)
    } else {
        evidence
            .get(&node.id)
            .and_then(|evidence| evidence.judge(node))
            .unwrap_or_else(|| {
                let note = unknown_host(graph, node, evidence);
                (
                    PowerState::Unknown,
                    Source::None,
                    Timestamp::default(),
                    note,
                )
            })
    };
    let since = match before {
        Some(before) if before.state == state => before.since,
        // what becomes unknown was last seen as something: keep saying since when
        Some(_) | None => now,
    };
    Observation {
        state,
        since,
        seen,
        source,
        note,
    }
}

/// Why nobody asks about a guest that was never seen.
fn unknown_host(
    graph: &Graph,
    node: &Node,
    evidence: &BTreeMap<NodeId, Evidence>,
) -> Option<String> {
    graph
        .ancestors(node.id)
        .filter_map(|host| graph.get(host))
        .find(|host| {
            let seen = evidence.get(&host.id).and_then(|seen| seen.judge(host));
            seen.is_some_and(|(state, ..)| state == PowerState::Unknown)
        })
        .map(|host| Said::HostIsUnknown { host: &host.name }.to_string())
}

pub(crate) fn source_of(capability: Capability) -> Source {
    match capability {
        Capability::Wol => Source::Ping,
        Capability::Ssh => Source::Ssh,
        Capability::ProxmoxApi => Source::Proxmox,
        Capability::DockerApi => Source::Docker,
    }
}

/// The configured nodes behind a connection, by what the platform calls them.
pub(crate) fn guests_behind(graph: &Graph, connection: ConnectionId) -> Vec<&Node> {
    graph
        .guests(connection.node)
        .iter()
        .filter_map(|id| graph.get(*id))
        .filter(|guest| {
            wakehub_domain::capability::required_of_host(guest.kind) == Some(connection.capability)
        })
        .collect()
}
