//! What is believed, by position in the graph, and the steps that follow from it.

use crate::capability::{start_channel, stop_channel};
use crate::few::few;
use crate::state::Belief;
use crate::{Action, Graph, Node, NodeId, Observations, Readiness, Refusal, RefusalKind, Step};

pub(super) struct Situation<'a> {
    pub graph: &'a Graph,
    pub observations: &'a Observations,
    pub beliefs: Vec<Belief>,
    active: Vec<bool>,
    /// Off, but its platform works on it or the user wants it kept on.
    claimed: Vec<bool>,
}

impl<'a> Situation<'a> {
    pub fn new(graph: &'a Graph, observations: &'a Observations) -> Situation<'a> {
        let beliefs = observations.beliefs(graph);
        let mut active: Vec<bool> = beliefs.iter().map(|b| *b != Belief::Off).collect();
        let mut claimed = vec![false; graph.len()];
        for at in positions(graph, &observations.in_cascade) {
            active[at] = true;
        }
        let (locked, held) = (observations.locked.keys(), observations.held.keys());
        for at in positions(graph, locked.chain(held)) {
            claimed[at] = true;
        }
        Situation {
            graph,
            observations,
            beliefs,
            active,
            claimed,
        }
    }

    /// Not known to be off, or worked on by a cascade that may be about to start it.
    pub fn is_active(&self, at: usize) -> bool {
        self.active[at]
    }

    /// Whether it forbids an automatic stop of what it needs: active, locked by its platform (a backup of a vm that is off
    /// runs on its host all the same), or kept on by the user, who is about to use it.
    pub fn is_occupied(&self, at: usize) -> bool {
        self.active[at] || self.claimed[at]
    }

    /// What forbids an automatic stop of it now, for its own sake or of all.
    pub fn guard(&self, id: NodeId) -> Option<&'a str> {
        let own = self.observations.guarded.get(&id);
        let all = self.observations.paused.as_ref();
        own.or(all).map(String::as_str)
    }

    pub fn id(&self, at: usize) -> NodeId {
        self.graph.node(at).id
    }

    pub fn name(&self, at: usize) -> &'a str {
        &self.graph.node(at).name
    }

    pub fn ids(&self, positions: &[usize]) -> Vec<NodeId> {
        positions.iter().map(|at| self.id(*at)).collect()
    }

    /// `a, b (locked: backup), c (kept on by you)`; of many only the first few.
    pub fn names(&self, positions: &[usize]) -> String {
        let name = |at: &usize| match self.observations.locked.get(&self.id(*at)) {
            Some(lock) if !self.active[*at] => format!("{} (locked: {lock})", self.name(*at)),
            None if !self.is_active(*at) && self.claimed[*at] => {
                format!("{} (kept on by you)", self.name(*at))
            }
            Some(_) | None => self.name(*at).to_owned(),
        };
        few(&positions.iter().map(name).collect::<Vec<_>>())
    }

    /// Whether every one of `users` runs on `host`, directly or on a guest of it.
    pub fn all_run_on(&self, users: &[usize], host: usize) -> bool {
        let links = self.graph.links();
        users.iter().all(|at| links.hosts(*at).any(|h| h == host))
    }

    pub fn step(&self, at: usize, action: Action, reason: String) -> Result<Step, Refusal> {
        let node = self.graph.node(at);
        let channel = match action {
            Action::Start => start_channel(node),
            Action::Stop => stop_channel(node),
        };
        let Some(channel) = channel else {
            return Err(Refusal {
                node: node.id,
                kind: RefusalKind::NoChannel,
                message: format!("{} cannot be {}", node.name, no_channel(action)),
            });
        };
        Ok(Step {
            node: node.id,
            action,
            channel,
            readiness: readiness(node, action),
            timeout: self.observations.timeouts.of(node, action),
            usual: self.observations.usual.get(&(node.id, action)).copied(),
            reason,
        })
    }
}

/// The positions of those that are in the graph; observations may know nodes that have been removed.
pub(super) fn positions<'b>(
    graph: &'b Graph,
    ids: impl IntoIterator<Item = &'b NodeId> + 'b,
) -> impl Iterator<Item = usize> + 'b {
    ids.into_iter().filter_map(|id| graph.position(*id))
}

/// Only machines lack a way: guests have their host's.
pub(super) fn no_channel(action: Action) -> &'static str {
    match action {
        Action::Start => "started: it has no Wake-on-LAN address",
        Action::Stop => "stopped: it has neither SSH nor a Proxmox API",
    }
}

fn readiness(node: &Node, action: Action) -> Readiness {
    let probe = node.settings.readiness.clone();
    match action {
        Action::Stop => Readiness::Off,
        Action::Start if node.host.is_some() => Readiness::Running { probe },
        Action::Start => Readiness::Answers {
            port: node.ssh.as_ref().map_or(22, |ssh| ssh.port),
            probe,
        },
    }
}
