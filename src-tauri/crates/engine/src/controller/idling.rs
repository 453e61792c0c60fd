//! Who uses what: a sample of every node with an idle rule once a tick, and what the rule says of it.
//!
//! What a rule says is only ever a reason to ask, or to give notice: see [`stopping`](super::stopping).

pub(crate) mod past;
mod why;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use wakehub_connectors::{Meter, Target, Usage};
use wakehub_domain::idle::{
    Criteria, IdleRule, Interruption, Judgement, Sample, TICK, Verdict, Window,
};
use wakehub_domain::{
    Capability, ConnectionId, ConnectorError, ErrorKind, Node, NodeId, NodeKind, PowerState,
    Timestamp,
};

use super::Controller;
use super::stopping::is_used;
use crate::event::Event;
use crate::links::Links;

/// The longest that one connection may take: the judgement of all others waits for it, and the next tick after it. Docker
/// takes the longest: each of its stats is given 10 s, several at a time.
const ASK_LIMIT: Duration = Duration::from_secs(45);
/// An answer that has not come by then does not come.
const LOST: Duration = Duration::from_secs(3 * 60);
/// What is kept of each node for whoever asks why: twelve hours, so that a suggestion has seen more than a quiet evening.
const KEPT: usize = 720;

/// All that is known about the use of nodes. Of each node with a rule that is on: the window, a meter per connection and twelve
/// hours of samples, at most 200 KiB; of other nodes nothing.
#[derive(Default)]
pub(crate) struct Idling {
    watched: BTreeMap<NodeId, Watched>,
    /// When the last tick began, by the clock: a tick is as long as the samples say.
    begun: Option<Timestamp>,
    /// When guards were last looked at while nothing was measured.
    guarded: Option<Timestamp>,
    /// The connections of this tick that have not answered yet, and the nodes that they are to tell of.
    outstanding: BTreeMap<ConnectionId, Vec<NodeId>>,
    /// What this tick has brought, and what it could not.
    samples: BTreeMap<NodeId, Sample>,
    unmeasured: BTreeMap<NodeId, Vec<String>>,
    /// When WakeHub was last off or asleep.
    away: Option<past::Away>,
    /// When somebody last kept it on or started it, in this run.
    wanted: BTreeMap<NodeId, Timestamp>,
}

#[derive(Default)]
pub(crate) struct Watched {
    meters: BTreeMap<ConnectionId, Meter>,
    window: Window,
    samples: VecDeque<Sample>,
    last: Option<(Timestamp, Judgement)>,
    /// When it was last looked at and not quiet, or not whole, whatever there was to compare with.
    used_at: Option<Timestamp>,
    /// Of the time in which WakeHub was away.
    asked: past::Asked,
    before: Option<past::Before>,
    /// When it was first looked at after that, where its platform remembers what was before.
    remembered_until: Option<Timestamp>,
    /// At the last tick, and why.
    unmeasured: Vec<String>,
    /// Quiet or not, it is looked at again no sooner: somebody kept it on, or it could not be stopped.
    pub(super) not_before: Option<Timestamp>,
    /// Somebody has kept it on or started it: until then it does not go with what needed it either.
    pub(super) kept_until: Option<Timestamp>,
    /// What the journal was last told of why it stays on though nobody uses it.
    pub(super) kept_on: Option<String>,
}

impl Watched {
    /// Since when it is quiet; none when it is not, or nobody knows.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.window.since()
    }

    /// The last tick, and what the rule said of it.
    pub(super) fn verdict(&self) -> Option<(Timestamp, &Verdict)> {
        let (at, judgement) = self.last.as_ref()?;
        Some((*at, &judgement.verdict))
    }
}

impl Idling {
    pub(crate) fn after(away: Option<past::Away>) -> Idling {
        Idling {
            away,
            ..Idling::default()
        }
    }

    pub(super) fn was_away(&mut self, away: Option<past::Away>) {
        self.away = away;
    }

    pub(super) fn is_wanted(&mut self, node: NodeId, now: Timestamp) {
        self.wanted.insert(node, now);
    }

    pub(super) fn of(&self, node: NodeId) -> Option<&Watched> {
        self.watched.get(&node)
    }

    pub(super) fn of_mut(&mut self, node: NodeId) -> Option<&mut Watched> {
        self.watched.get_mut(&node)
    }

    /// It is off.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.watched.remove(&node);
    }
}

/// What one connection is to be asked about.
struct Round {
    connection: ConnectionId,
    wanted: Vec<Target>,
    of: Vec<NodeId>,
}

impl Controller {
    /// Begins the next tick when its time has come and the one before has ended: they never overlap.
    pub(super) async fn sample_due(&mut self) {
        let now = self.clock.now();
        let is_due = self
            .idling
            .begun
            .is_none_or(|begun| begun > now || now.since(begun) >= TICK);
        // a task that ended without a word must not be waited for for ever
        let is_lost = self
            .idling
            .begun
            .is_some_and(|begun| now.since(begun) >= LOST);
        if !is_due || !((self.idling.outstanding.is_empty() && self.probing.is_over()) || is_lost) {
            return;
        }
        self.idling.samples.clear();
        self.idling.unmeasured.clear();
        let rounds = self.rounds();
        self.idling.outstanding = rounds
            .iter()
            .map(|round| (round.connection, round.of.clone()))
            .collect();
        self.begin_probes();
        let asks_nobody = rounds.is_empty() && self.probing.is_over();
        if asks_nobody && self.idling.watched.is_empty() {
            // the first tick comes with the first node that is on; until then only the clock forbids a stop
            let guarded = self.idling.guarded.replace(now);
            if guarded.is_none_or(|at| at > now || now.since(at) >= TICK) {
                self.guard(now);
            } else {
                self.idling.guarded = guarded;
            }
            return;
        }
        self.idling.begun = Some(now);
        for round in rounds {
            tokio::spawn(round.run(self.links.clone(), self.events.clone()));
        }
        if asks_nobody {
            self.judge(now).await;
        }
    }

    /// Which connections tell of the nodes that have a rule and are on.
    fn rounds(&mut self) -> Vec<Round> {
        let mut rounds: BTreeMap<ConnectionId, Round> = BTreeMap::new();
        let mut unmeasured = Vec::new();
        let now = self.clock.now();
        for node in self.graph.nodes() {
            let has_rule = node.settings.idle.as_ref().is_some_and(|rule| rule.enabled);
            if !has_rule || self.observations.state(&self.graph, node.id) != PowerState::On {
                continue;
            }
            for (connection, target) in sources(node) {
                let breaker = self.polling.breakers.get(&connection);
                if breaker.is_some_and(|breaker| !breaker.allows(now)) {
                    // left alone for a while; what it would tell is missing meanwhile
                    let failure = self.polling.failures.get(&connection);
                    unmeasured.extend(failure.map(|failure| (node.id, failure.message.clone())));
                    continue;
                }
                let round = rounds.entry(connection).or_insert_with(|| Round {
                    connection,
                    wanted: Vec::new(),
                    of: Vec::new(),
                });
                round.wanted.push(target);
                round.of.push(node.id);
            }
        }
        for (node, why) in unmeasured {
            self.idling.unmeasured.entry(node).or_default().push(why);
        }
        rounds.into_values().collect()
    }
}

impl Controller {
    /// What one connection has told in this tick; the last one to answer has all of them judged.
    pub(super) async fn sampled(
        &mut self,
        connection: ConnectionId,
        result: Result<Vec<Usage>, ConnectorError>,
    ) {
        let now = self.clock.now();
        match result {
            Ok(usages) => {
                for usage in usages {
                    self.take(connection, now, &usage);
                }
            }
            // what it would have told is missing, and missing is never idle
            Err(error) => {
                tracing::debug!(node = %self.graph.name(connection.node), %error, "nothing was measured");
                let of = self.idling.outstanding.get(&connection).cloned();
                for node in of.unwrap_or_default() {
                    let unmeasured = self.idling.unmeasured.entry(node).or_default();
                    unmeasured.push(error.message.clone());
                }
            }
        }
        self.idling.outstanding.remove(&connection);
        self.judge_when_told().await;
    }

    /// The last one to answer has all judged.
    pub(super) async fn judge_when_told(&mut self) {
        if self.idling.outstanding.is_empty() && self.probing.is_over() {
            self.judge(self.clock.now()).await;
        }
    }

    fn take(&mut self, connection: ConnectionId, now: Timestamp, usage: &Usage) {
        let node = match &usage.target {
            Target::Itself => Some(connection.node),
            Target::Guest { kind, platform_id } => self.guest_of(connection, *kind, platform_id),
        };
        let Some(node) = node.and_then(|id| self.graph.get(id)) else {
            return;
        };
        let missing = usage.missing.iter().map(|missing| missing.why.clone());
        let unmeasured = self.idling.unmeasured.entry(node.id).or_default();
        unmeasured.extend(missing);
        let watched = self.idling.watched.entry(node.id).or_default();
        let meter = watched.meters.entry(connection).or_default();
        let told = meter.take(now, usage);
        let sample = self.idling.samples.entry(node.id).or_default();
        if node.kind == NodeKind::Machine || connection.node != node.id {
            *sample = Sample {
                connections: sample.connections.or(told.connections),
                users: sample.users.or(told.users),
                inhibitors: [std::mem::take(&mut sample.inhibitors), told.inhibitors].concat(),
                ..told
            };
        } else {
            // a guest's own SSH adds what its host cannot see; one counter has one source, or it would jump
            sample.connections = told.connections;
            sample.users = told.users;
            sample.inhibitors.extend(told.inhibitors);
        }
    }

    /// Every node that has a rule and is on, by what this tick has brought.
    async fn judge(&mut self, now: Timestamp) {
        let mut samples = std::mem::take(&mut self.idling.samples);
        let mut unmeasured = std::mem::take(&mut self.idling.unmeasured);
        let mut watched = std::mem::take(&mut self.idling.watched);
        let graph = self.graph.clone();
        for node in graph.nodes() {
            let is_on = self.observations.state(&graph, node.id) == PowerState::On;
            let Some(rule) = self.rule_of(node) else {
                watched.remove(&node.id);
                continue;
            };
            if !is_on {
                // nobody knows at the moment, as after a sleep of the computer; what is off was forgotten when it went off
                if let Some(watched) = watched.get_mut(&node.id) {
                    watched.window.begin_anew();
                    watched.last = None;
                }
                continue;
            }
            // as of when it was taken: a connection that was slow must not make all others look so
            let told = samples.remove(&node.id);
            let is_told = told.is_some();
            let mut sample = told.unwrap_or_else(|| Sample {
                at: now,
                ..Sample::default()
            });
            self.put_told(node.id, &mut sample, unmeasured.entry(node.id).or_default());
            let watched = watched.entry(node.id).or_default();
            let judgement = watched.window.take(&rule, &sample);
            watched.unmeasured = unmeasured.remove(&node.id).unwrap_or_default();
            let may_be_used = match &judgement.verdict {
                Verdict::Active { because } => is_used(because),
                Verdict::Inhibited { .. } | Verdict::Unknown { .. } => true,
                Verdict::Idle { .. } => false,
            };
            let is_whole = is_told && watched.unmeasured.is_empty();
            if may_be_used || !is_whole || !sample.inhibitors.is_empty() {
                watched.used_at = Some(sample.at);
            }
            watched.last = Some((sample.at, judgement));
            watched.samples.push_back(sample);
            if watched.samples.len() > KEPT {
                watched.samples.pop_front();
            }
        }
        watched.retain(|id, _| graph.get(*id).is_some());
        let wanted = &mut self.idling.wanted;
        wanted.retain(|id, _| graph.get(*id).is_some());
        self.idling.watched = watched;
        self.ask_for_the_past(now);
        self.judged(now).await;
    }

    /// The rule as it is judged by: with the criteria of its kind where it names none, and everybody's timeout.
    pub(super) fn rule_of(&self, node: &Node) -> Option<IdleRule> {
        let rule = node.settings.idle.clone()?;
        Some(self.completed(node, rule))
    }

    fn completed(&self, node: &Node, mut rule: IdleRule) -> IdleRule {
        rule.timeout_minutes
            .get_or_insert(self.settings.idle_timeout_minutes);
        rule.criteria
            .get_or_insert_with(|| Criteria::usual_of(node.kind, node.ssh.is_some()));
        rule
    }

    pub(super) fn interrupt_windows(&mut self, by: Interruption) {
        let mut all = std::mem::take(&mut self.idling.watched);
        for (node, watched) in &mut all {
            let rule = self.graph.get(*node).and_then(|node| self.rule_of(node));
            watched.before = watched.until_now(rule);
            watched.window.interrupt(by);
            // what was said before says nothing of now
            watched.last = None;
        }
        self.idling.watched = all;
        self.guard(self.clock.now());
    }
}

/// Where a node is measured: at its host, and over its own SSH.
fn sources(node: &Node) -> Vec<(ConnectionId, Target)> {
    let guest = || {
        node.platform_id.clone().map(|platform_id| Target::Guest {
            kind: node.kind,
            platform_id,
        })
    };
    let at_host = match node.kind {
        NodeKind::Machine => None,
        NodeKind::Vm | NodeKind::Lxc => Some(Capability::ProxmoxApi),
        NodeKind::Container => Some(Capability::DockerApi),
    };
    let mut found = Vec::new();
    if let (Some(host), Some(capability), Some(target)) = (node.host, at_host, guest()) {
        let node = host;
        found.push((ConnectionId { node, capability }, target));
    }
    let own = [Capability::Ssh, Capability::ProxmoxApi];
    // a machine's SSH tells all that its Proxmox API does, and who is connected besides
    if let Some(capability) = own.into_iter().find(|own| node.offers(*own)) {
        let node = node.id;
        found.push((ConnectionId { node, capability }, Target::Itself));
    }
    found
}

fn no_answer(connection: ConnectionId) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::TimedOut,
        format!("measure over {}", connection.capability.title()),
        format!("no answer within {} s", ASK_LIMIT.as_secs()),
    )
}

impl Round {
    async fn run(self, links: Arc<Links>, events: mpsc::Sender<Event>) {
        let connection = self.connection;
        let asked = async {
            let connector = links.connector(connection).await?;
            let mut usages = connector.sample(&self.wanted).await?;
            let graph = links.graph().await;
            for usage in &mut usages {
                let mut wanted = self.wanted.iter().zip(&self.of);
                let of =
                    wanted.find_map(|(target, node)| (*target == usage.target).then_some(node));
                if let Some(node) = of.and_then(|id| graph.get(*id)) {
                    let has_told =
                        usage.target == Target::Itself && connection.capability == Capability::Ssh;
                    let but = has_told.then_some(connection);
                    usage.own = usage.own + links.caused(&graph, node, but).await;
                }
            }
            Ok(usages)
        };
        let result = timeout(ASK_LIMIT, asked)
            .await
            .unwrap_or_else(|_| Err(no_answer(connection)));
        let _ = events.send(Event::Sampled { connection, result }).await;
    }
}
