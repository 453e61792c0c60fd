//! Who uses what: a sample of every node with an idle rule once a tick, and what the rule says of it.
//!
//! What a rule says is only ever a reason to ask. Nothing is stopped here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use wakehub_connectors::{Meter, Target, Usage};
use wakehub_domain::idle::{
    Criteria, IdleRule, Interruption, Judgement, Sample, TICK, Use, Verdict, Window,
};
use wakehub_domain::{
    Capability, ConnectionId, ConnectorError, ErrorKind, Intent, Node, NodeId, NodeKind,
    PowerState, Timestamp,
};
use wakehub_view::said::Said;
use wakehub_view::text;
use wakehub_view::wire::{CommandError, IdleView, SignalView, VerdictWord, WhyView};

use super::Controller;
use super::discovery::power;
use super::plans::Goal;
use super::questions::About;
use super::requests::removed;
use crate::event::Event;
use crate::handle::Announcement;
use crate::links::Links;

/// The longest that one connection may take; more would hold up the judgement of all others.
const ASK_LIMIT: Duration = Duration::from_secs(20);
/// An answer that has not come by then does not come.
const LOST: Duration = Duration::from_secs(3 * 60);
/// What is kept of each node for whoever asks why: an hour.
const KEPT: usize = 60;

/// All that is known about the use of nodes. Of each node the window, a meter per connection and an hour of judgements, some
/// 20 KiB; of nodes without a rule nothing.
#[derive(Default)]
pub(crate) struct Idling {
    watched: BTreeMap<NodeId, Watched>,
    /// When the last tick began, by the clock: a tick is as long as the samples say.
    begun: Option<Timestamp>,
    /// The connections of this tick that have not answered yet.
    outstanding: BTreeSet<ConnectionId>,
    /// What this tick has brought, and what it could not.
    samples: BTreeMap<NodeId, Sample>,
    unmeasured: BTreeMap<NodeId, Vec<String>>,
}

#[derive(Default)]
pub(crate) struct Watched {
    meters: BTreeMap<ConnectionId, Meter>,
    window: Window,
    recent: VecDeque<(Timestamp, Judgement)>,
    /// At the last tick, and why.
    unmeasured: Vec<String>,
    /// What the journal was last told of why it stays on though nobody uses it.
    kept_on: Option<String>,
}

/// What one connection is to be asked about.
struct Round {
    connection: ConnectionId,
    wanted: Vec<Target>,
}

impl Controller {
    /// Begins the next tick when its time has come and the one before has ended: they never overlap.
    pub(super) fn sample_due(&mut self) {
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
        self.idling.begun = Some(now);
        self.idling.outstanding = rounds.iter().map(|round| round.connection).collect();
        for round in rounds {
            tokio::spawn(round.run(self.links.clone(), self.events.clone()));
        }
        self.begin_probes();
    }

    /// Which connections tell of the nodes that have a rule and are on.
    fn rounds(&self) -> Vec<Round> {
        let mut wanted: BTreeMap<ConnectionId, Vec<Target>> = BTreeMap::new();
        for node in self.graph.nodes() {
            let has_rule = rule_of(node).is_some_and(|rule| rule.enabled);
            let is_on = self.observations.state(&self.graph, node.id) == PowerState::On;
            if has_rule && is_on {
                for (connection, target) in sources(node) {
                    wanted.entry(connection).or_default().push(target);
                }
            }
        }
        let now = self.clock.now();
        wanted
            .into_iter()
            // what does not answer is left alone for a while; what it would tell is missing meanwhile
            .filter(|(connection, _)| {
                let breaker = self.polling.breakers.get(connection);
                breaker.is_none_or(|breaker| breaker.allows(now))
            })
            .map(|(connection, wanted)| Round { connection, wanted })
            .collect()
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
        let usage = &Usage {
            own: usage.own + self.links.asked_traffic(&self.graph, node),
            ..usage.clone()
        };
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
        let mut quiet = Vec::new();
        let graph = self.graph.clone();
        for node in graph.nodes() {
            let Some(rule) = rule_of(node) else {
                watched.remove(&node.id);
                continue;
            };
            if self.observations.state(&graph, node.id) != PowerState::On {
                watched.remove(&node.id);
                continue;
            }
            let mut sample = samples.remove(&node.id).unwrap_or_default();
            sample.at = now;
            self.put_told(node.id, &mut sample, unmeasured.entry(node.id).or_default());
            let watched = watched.entry(node.id).or_default();
            let judgement = watched.window.take(&rule, &sample);
            if judgement.stop {
                quiet.push(node.id);
            }
            if matches!(judgement.verdict, Verdict::Active { .. }) {
                watched.kept_on = None;
            }
            watched.unmeasured = unmeasured.remove(&node.id).unwrap_or_default();
            watched.recent.push_back((now, judgement));
            if watched.recent.len() > KEPT {
                watched.recent.pop_front();
            }
        }
        watched.retain(|id, _| graph.get(*id).is_some());
        self.idling.watched = watched;
        self.review_questions();
        self.ask_again(now);
        for node in quiet {
            self.after_looking(Goal::Idle { node }).await;
        }
    }

    /// Quiet for as long as its rule says: whoever may be asked is asked.
    pub(super) async fn idle(&mut self, node: NodeId) {
        let now = self.clock.now();
        let since = self
            .idling
            .watched
            .get(&node)
            .and_then(|watched| watched.window.since());
        // used, switched off or without a rule meanwhile
        let Some(since) = since else {
            return;
        };
        match self.plan_intent(&Intent::stop_automatically(node)) {
            Ok(_) => {
                // in whole minutes: a tick is no stopwatch
                let minutes = now.since(since).as_secs() / 60;
                let reason = Said::NotUsedFor {
                    time: &text::duration(minutes * 60_000),
                };
                self.ask_about(node, About::NotUsed, reason.to_string())
                    .await;
            }
            Err(refusal) => {
                // what keeps it on may go: it is looked at again after another timeout, and told again when it has changed
                self.begin_window_anew(node);
                let told = self.idling.watched.get_mut(&node);
                let before = told.and_then(|told| told.kept_on.replace(refusal.message.clone()));
                if before.as_ref() != Some(&refusal.message) {
                    let (name, said) = (&self.name(node), &refusal.message);
                    self.journal_question(node, Said::StaysOn { name }, Said::Elsewhere { said });
                }
            }
        }
    }

    pub(super) fn why(&self, node: NodeId) -> Result<WhyView, CommandError> {
        let node = self.graph.get(node).ok_or_else(|| removed(node))?;
        let state = self.observations.state(&self.graph, node.id);
        let is_on = state != PowerState::Off;
        let refusal = self.plan_intent(&Intent::stop_automatically(node.id)).err();
        let idle = rule_of(node).map(|rule| {
            let watched = self.idling.watched.get(&node.id);
            let last = watched.and_then(|watched| watched.recent.back());
            let judgement = last.map(|(_, judgement)| judgement);
            let readings = judgement.map(|judgement| judgement.readings.as_slice());
            IdleView {
                enabled: rule.enabled,
                timeout_s: u32::try_from(rule.timeout().as_secs()).unwrap_or(u32::MAX),
                verdict: judgement.map(|judgement| VerdictWord::of(&judgement.verdict)),
                because: judgement.map(|judgement| judgement.verdict.to_string()),
                idle_since: judgement.and_then(|judgement| judgement.verdict.since()),
                at: last.map(|(at, _)| *at),
                signals: readings
                    .unwrap_or_default()
                    .iter()
                    .map(|reading| SignalView {
                        criterion: reading.criterion,
                        value: reading.value.to_string(),
                        threshold: reading.threshold.to_string(),
                        over: reading.is_over(),
                    })
                    .collect(),
                unmeasured: watched.map_or_else(Vec::new, |w| w.unmeasured.clone()),
            }
        });
        Ok(WhyView {
            node: node.id,
            node_name: node.name.clone(),
            power: power(&state),
            kept_on: refusal.filter(|_| is_on).map(|refusal| refusal.message),
            idle,
            next_scheduled: self.next_scheduled(node.id),
        })
    }

    /// No answer means that it stays on, and is asked again after another timeout.
    fn ask_again(&mut self, now: Timestamp) {
        let graph = self.graph.clone();
        let mut again = Vec::new();
        for question in &mut self.questions {
            let rule = graph.get(question.node).and_then(rule_of);
            let is_idle = self
                .idling
                .watched
                .get(&question.node)
                .is_some_and(|watched| watched.window.since().is_some());
            if let (About::NotUsed, Some(rule), true) = (question.about, rule, is_idle)
                && now.since(question.asked_at) >= rule.timeout()
            {
                question.asked_at = now;
                again.push(question.view(&graph));
            }
        }
        for view in again {
            self.changed = true;
            self.announce(Announcement::Asked(view));
        }
    }

    /// Why a question about a node that is not used is over: somebody uses it, or its rule is gone.
    pub(super) fn used_again(&self, node: NodeId) -> Option<String> {
        let name = &self.name(node);
        if self.graph.get(node).and_then(rule_of).is_none() {
            return Some(Said::NoRule { name }.to_string());
        }
        let (_, judgement) = self.idling.watched.get(&node)?.recent.back()?;
        let Verdict::Active { because } = &judgement.verdict else {
            return None;
        };
        // that nothing is known for a moment takes no question back
        let used = because.iter().any(|used| matches!(used, Use::Over(_)));
        let why = judgement.verdict.to_string();
        used.then(|| Said::UsedAgain { name, why: &why }.to_string())
    }

    pub(super) fn begin_window_anew(&mut self, node: NodeId) {
        if let Some(watched) = self.idling.watched.get_mut(&node) {
            watched.window.begin_anew();
        }
    }

    pub(super) fn interrupt_windows(&mut self, by: Interruption) {
        for watched in self.idling.watched.values_mut() {
            watched.window.interrupt(by);
        }
    }
}

/// The rule as it is judged by: with the criteria of its kind where it names none.
fn rule_of(node: &Node) -> Option<IdleRule> {
    let mut rule = node.settings.idle.clone()?;
    rule.criteria
        .get_or_insert_with(|| Criteria::usual_of(node.kind, node.ssh.is_some()));
    Some(rule)
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

impl Round {
    async fn run(self, links: Arc<Links>, events: mpsc::Sender<Event>) {
        let connection = self.connection;
        let asked = async {
            let connector = links.connector(connection).await?;
            let mut usages = connector.sample(&self.wanted).await?;
            for usage in &mut usages {
                if usage.target == Target::Itself {
                    usage.own = usage.own + links.traffic(connection.node).await;
                }
            }
            Ok(usages)
        };
        let result = timeout(ASK_LIMIT, asked).await.unwrap_or_else(|_| {
            Err(ConnectorError::new(
                ErrorKind::TimedOut,
                format!("measure over {}", connection.capability.title()),
                format!("no answer within {} s", ASK_LIMIT.as_secs()),
            ))
        });
        let _ = events.send(Event::Sampled { connection, result }).await;
    }
}
