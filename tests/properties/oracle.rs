//! What a plan must be, said again in another way: closure matrices, recursion and a fixpoint instead of traversals.
//! Slow on purpose; shares no code with the planner.

use std::collections::BTreeSet;

use wakehub_domain::{
    FollowUpMode, Intent, Node, NodeId, NodeKind, Observations, PowerState, StopScope,
};

use crate::homelab::Homelab;

pub type Matrix = Vec<Vec<bool>>;

#[derive(PartialEq, Eq, Debug)]
pub enum Answer {
    Refused {
        node: usize,
        kind: &'static str,
        by: Vec<usize>,
    },
    Planned {
        steps: Vec<usize>,
        skipped: BTreeSet<usize>,
        /// With the nearest users.
        protected: BTreeSet<(usize, Vec<usize>)>,
        follow_ups: Vec<(usize, FollowUpMode)>,
    },
}

/// `[a][b]`: a needs b, directly or not.
pub fn needs(nodes: &[Node]) -> Matrix {
    closure(direct(nodes, |a, b| {
        a.host == Some(b.id) || a.depends_on.contains(&b.id)
    }))
}

/// `[a][b]`: a runs on b, directly or not.
fn runs_on(nodes: &[Node]) -> Matrix {
    closure(direct(nodes, |a, b| a.host == Some(b.id)))
}

fn direct(nodes: &[Node], edge: impl Fn(&Node, &Node) -> bool) -> Matrix {
    nodes
        .iter()
        .map(|a| nodes.iter().map(|b| edge(a, b)).collect())
        .collect()
}

fn closure(matrix: Matrix) -> Matrix {
    let everywhere = vec![true; matrix.len()];
    closure_through(matrix, &everywhere)
}

/// Floyd and Warshall, by way of the nodes that `through` allows only.
fn closure_through(mut matrix: Matrix, through: &[bool]) -> Matrix {
    let all = 0..matrix.len();
    for via in all.clone().filter(|via| through[*via]) {
        for a in all.clone() {
            for b in all.clone() {
                if matrix[a][via] && matrix[via][b] {
                    matrix[a][b] = true;
                }
            }
        }
    }
    matrix
}

/// Everything about one homelab that answers are made from.
pub struct Oracle<'a> {
    nodes: &'a [Node],
    observations: &'a Observations,
    pub needs: Matrix,
    runs_on: Matrix,
    pub on: Vec<bool>,
    pub active: Vec<bool>,
}

impl<'a> Oracle<'a> {
    pub fn new(homelab: &'a Homelab, observations: &'a Observations) -> Oracle<'a> {
        let nodes = &homelab.nodes[..];
        let runs_on = runs_on(nodes);
        let saw = |at: usize, state: &PowerState| {
            observations.get(nodes[at].id).map(|o| &o.state) == Some(state)
        };
        let off = |at: usize| {
            saw(at, &PowerState::Off)
                || (0..nodes.len()).any(|host| runs_on[at][host] && saw(host, &PowerState::Off))
        };
        let all = 0..nodes.len();
        Oracle {
            nodes,
            observations,
            needs: needs(nodes),
            on: all
                .clone()
                .map(|at| saw(at, &PowerState::On) && !off(at))
                .collect(),
            active: all
                .map(|at| !off(at) || observations.in_cascade.contains(&nodes[at].id))
                .collect(),
            runs_on,
        }
    }

    pub fn answer(&self, intent: &Intent) -> Answer {
        let target = self.at(intent.node());
        match intent {
            Intent::Start { .. } => self.start(target),
            Intent::Stop {
                scope,
                automatic,
                stopped_before,
                ..
            } => {
                let before = stopped_before
                    .iter()
                    .filter_map(|id| self.find(*id))
                    .collect();
                self.stop(target, *scope, *automatic, before)
            }
        }
    }

    fn start(&self, target: usize) -> Answer {
        let mut order = Vec::new();
        self.visit(target, &mut order);
        let steps: Vec<usize> = order.iter().copied().filter(|at| !self.on[*at]).collect();
        if let Some(node) = steps.iter().find(|at| !self.can_start(**at)) {
            return refused(*node, "no_channel");
        }
        Answer::Planned {
            steps,
            skipped: order.into_iter().filter(|at| self.on[*at]).collect(),
            protected: BTreeSet::new(),
            follow_ups: Vec::new(),
        }
    }

    fn stop(
        &self,
        target: usize,
        scope: StopScope,
        automatic: bool,
        before: BTreeSet<usize>,
    ) -> Answer {
        let users: BTreeSet<usize> = self.all(|at| self.needs[at][target]);
        let hosted: BTreeSet<usize> = self.all(|at| self.runs_on[at][target] || at == target);
        let active = |set: &BTreeSet<usize>| -> BTreeSet<usize> {
            set.iter().copied().filter(|at| self.active[*at]).collect()
        };
        let mut set = active(&hosted);
        if !set.is_empty() {
            let id = self.nodes[target].id;
            let settings = &self.nodes[target].settings;
            let in_the_way: Vec<usize> = if automatic {
                users
                    .iter()
                    .copied()
                    .filter(|at| self.occupied(*at))
                    .collect()
            } else {
                active(&users).difference(&hosted).copied().collect()
            };
            if automatic || scope == StopScope::RefuseIfNeeded {
                if !in_the_way.is_empty() {
                    return Answer::Refused {
                        node: target,
                        kind: "needed_by",
                        by: in_the_way,
                    };
                }
            } else {
                set.extend(active(&users));
            }
            if automatic && settings.always_on {
                return refused(target, "always_on");
            }
            if automatic && self.observations.held.contains_key(&id) {
                return refused(target, "held");
            }
            if automatic
                && (self.observations.locked.contains_key(&id)
                    || self.observations.in_cascade.contains(&id))
            {
                return refused(target, "locked");
            }
            let state = self.observations.get(id).map(|o| &o.state);
            if automatic && state.is_none_or(|state| *state == PowerState::Unknown) {
                return refused(target, "stale_observation");
            }
            if automatic && self.guarded(id) {
                return refused(target, "guarded");
            }
        }

        let mut order = Vec::new();
        for root in users.iter().chain([&target]).collect::<BTreeSet<_>>() {
            self.visit(*root, &mut order);
        }
        let mut steps: Vec<usize> = order
            .into_iter()
            .rev()
            .filter(|at| set.contains(at))
            .collect();
        if let Some(node) = steps.iter().find(|at| !self.can_stop(**at)) {
            return refused(*node, "no_channel");
        }

        let earlier: BTreeSet<usize> = before.into_iter().filter(|at| !self.active[*at]).collect();
        let roots: BTreeSet<usize> = set.union(&earlier).copied().collect();
        let mut down = roots.clone();
        // what went down earlier may have been locked since
        let stopping = |down: &BTreeSet<usize>| down.difference(&earlier).copied().collect();
        while let Some(next) = (0..self.nodes.len()).find(|at| {
            self.freed(*at, &down)
                && self.users_left(*at, &stopping(&down)).is_empty()
                && !self.kept(*at)
                && !self.asks(*at)
        }) {
            down.insert(next);
        }

        let mut order = Vec::new();
        for root in &roots {
            self.visit(*root, &mut order);
        }
        order.reverse();
        let mut protected = BTreeSet::new();
        let mut follow_ups = Vec::new();
        for at in order {
            if down.contains(&at) && !roots.contains(&at) {
                steps.push(at);
                follow_ups.push((at, FollowUpMode::Auto));
            } else if self.freed(at, &down) {
                let users = self.users_left(at, &stopping(&down));
                if users.is_empty() && !self.kept(at) {
                    follow_ups.push((at, FollowUpMode::Confirm));
                } else {
                    protected.insert((at, self.nearest(at, &users)));
                }
            }
        }
        Answer::Planned {
            steps,
            skipped: hosted.into_iter().filter(|at| !self.active[*at]).collect(),
            protected,
            follow_ups,
        }
    }

    /// On, and something that goes down depended on it, or ran on it and it stops when it is empty.
    fn freed(&self, at: usize, down: &BTreeSet<usize>) -> bool {
        let node = &self.nodes[at];
        self.on[at]
            && !down.contains(&at)
            && down.iter().map(|user| &self.nodes[*user]).any(|user| {
                user.depends_on.contains(&node.id)
                    || (node.settings.stop_when_empty && user.host == Some(node.id))
            })
    }

    fn users_left(&self, at: usize, stopping: &BTreeSet<usize>) -> BTreeSet<usize> {
        self.all(|user| self.needs[user][at] && self.occupied(user) && !stopping.contains(&user))
    }

    /// Those of its users from which a way leads to it that meets none of the others.
    fn nearest(&self, at: usize, users: &BTreeSet<usize>) -> Vec<usize> {
        let edges = direct(self.nodes, |a, b| {
            a.host == Some(b.id) || a.depends_on.contains(&b.id)
        });
        let through: Vec<bool> = (0..self.nodes.len())
            .map(|via| !users.contains(&via))
            .collect();
        let ways = closure_through(edges, &through);
        users
            .iter()
            .copied()
            .filter(|user| ways[*user][at])
            .collect()
    }

    fn kept(&self, at: usize) -> bool {
        let id = self.nodes[at].id;
        self.nodes[at].settings.always_on
            || self.observations.held.contains_key(&id)
            || self.observations.locked.contains_key(&id)
            || self.observations.in_cascade.contains(&id)
            || self.guarded(id)
            || !self.can_stop(at)
    }

    fn guarded(&self, id: NodeId) -> bool {
        self.observations.paused.is_some() || self.observations.guarded.contains_key(&id)
    }

    fn asks(&self, at: usize) -> bool {
        match self.nodes[at].settings.confirm_before_auto_stop {
            Some(asks) => asks,
            None => self.nodes[at].kind == NodeKind::Machine,
        }
    }

    fn occupied(&self, at: usize) -> bool {
        let id = self.nodes[at].id;
        self.active[at]
            || self.observations.locked.contains_key(&id)
            || self.observations.held.contains_key(&id)
    }

    fn can_start(&self, at: usize) -> bool {
        let node = &self.nodes[at];
        node.kind != NodeKind::Machine || node.wol.is_some()
    }

    fn can_stop(&self, at: usize) -> bool {
        let node = &self.nodes[at];
        node.kind != NodeKind::Machine || node.ssh.is_some() || node.proxmox_api.is_some()
    }

    /// DESIGN section 4, word for word: its dependencies, then its hosts from the top down, then itself.
    fn visit(&self, at: usize, order: &mut Vec<usize>) {
        if order.contains(&at) {
            return;
        }
        for dependency in &self.nodes[at].depends_on {
            self.visit(self.at(*dependency), order);
        }
        let mut hosts = Vec::new();
        let mut next = self.nodes[at].host;
        while let Some(host) = next {
            hosts.insert(0, self.at(host));
            next = self.nodes[self.at(host)].host;
        }
        for host in hosts {
            self.visit(host, order);
        }
        order.push(at);
    }

    fn all(&self, holds: impl Fn(usize) -> bool) -> BTreeSet<usize> {
        (0..self.nodes.len()).filter(|at| holds(*at)).collect()
    }

    fn at(&self, id: NodeId) -> usize {
        self.find(id).unwrap()
    }

    fn find(&self, id: NodeId) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id)
    }
}

fn refused(node: usize, kind: &'static str) -> Answer {
    Answer::Refused {
        node,
        kind,
        by: Vec::new(),
    }
}
