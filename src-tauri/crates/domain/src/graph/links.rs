//! Both layers by position in the list of nodes: what the planner walks.
//!
//! All lists of one meaning lie behind each other in one vector, so that a graph of 10,000 nodes costs a handful of
//! allocations rather than tens of thousands, and an edge costs no look-up by id.

use std::ops::Range;

use crate::NodeId;

#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    /// For each node its dependencies in the user's order, then its host.
    needs: Vec<usize>,
    needs_of: Vec<Range<usize>>,
    host: Vec<Option<usize>>,
    /// For each node the nodes that depend on it, then the nodes it hosts, both in order of creation.
    users: Vec<usize>,
    user_ids: Vec<NodeId>,
    dependants_of: Vec<Range<usize>>,
    guests_of: Vec<Range<usize>>,
}

impl Links {
    /// Adds what the next node needs.
    pub(super) fn push(&mut self, dependencies: impl Iterator<Item = usize>, host: Option<usize>) {
        let from = self.needs.len();
        self.needs.extend(dependencies);
        self.needs.extend(host);
        self.needs_of.push(from..self.needs.len());
        self.host.push(host);
    }

    /// Makes the lists of users from the lists of needs, once all nodes are pushed.
    pub(super) fn turn_round(&mut self, id: impl Fn(usize) -> NodeId) {
        let all = 0..self.host.len();
        let mut dependants = vec![0; all.len()];
        let mut guests = vec![0; all.len()];
        for at in all.clone() {
            self.dependencies(at)
                .iter()
                .for_each(|need| dependants[*need] += 1);
            self.host[at].iter().for_each(|host| guests[*host] += 1);
        }
        let mut from = 0;
        for at in all.clone() {
            // empty at first; they grow as they are filled below
            self.dependants_of.push(from..from);
            from += dependants[at];
            self.guests_of.push(from..from);
            from += guests[at];
        }
        self.users = vec![0; from];
        for at in all {
            let needs = &self.needs[self.needs_of[at].clone()];
            let dependencies = needs.len() - usize::from(self.host[at].is_some());
            for (nth, need) in needs.iter().enumerate() {
                let list = if nth < dependencies {
                    &mut self.dependants_of[*need]
                } else {
                    &mut self.guests_of[*need]
                };
                self.users[list.end] = at;
                list.end += 1;
            }
        }
        self.user_ids = self.users.iter().map(|at| id(*at)).collect();
    }

    /// What the node needs directly: its dependencies in the user's order, then its host.
    pub(crate) fn needs(&self, at: usize) -> &[usize] {
        &self.needs[self.needs_of[at].clone()]
    }

    pub(crate) fn dependencies(&self, at: usize) -> &[usize] {
        let needs = self.needs(at);
        &needs[..needs.len() - usize::from(self.host[at].is_some())]
    }

    /// Its host, its host's host, and so on up.
    pub(crate) fn hosts(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.host[at], |host| self.host[*host])
    }

    pub(crate) fn host(&self, at: usize) -> Option<usize> {
        self.host[at]
    }

    pub(crate) fn dependants(&self, at: usize) -> &[usize] {
        &self.users[self.dependants_of[at].clone()]
    }

    pub(crate) fn guests(&self, at: usize) -> &[usize] {
        &self.users[self.guests_of[at].clone()]
    }

    /// What needs the node directly: its dependants, then its guests.
    pub(crate) fn users(&self, at: usize) -> &[usize] {
        &self.users[self.dependants_of[at].start..self.guests_of[at].end]
    }

    pub(super) fn dependant_ids(&self, at: usize) -> &[NodeId] {
        &self.user_ids[self.dependants_of[at].clone()]
    }

    pub(super) fn guest_ids(&self, at: usize) -> &[NodeId] {
        &self.user_ids[self.guests_of[at].clone()]
    }

    pub(super) fn user_ids(&self, at: usize) -> &[NodeId] {
        &self.user_ids[self.dependants_of[at].start..self.guests_of[at].end]
    }
}
