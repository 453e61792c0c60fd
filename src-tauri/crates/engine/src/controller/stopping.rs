//! From "nobody uses it" to off: a question, or a notice with a minute to object, and then the stop.
//!
//! What forbids it for the node's own sake is told to the planner as a guard, so that the rule's stop, a follow-up and the second
//! look before a step all see the same: a node with a rule is not stopped automatically by anything while its rule does not
//! say idle.

use std::collections::BTreeMap;
use std::time::Duration;
use wakehub_domain::idle::{Use, Verdict};
use wakehub_domain::{Action, Intent, Node, NodeId, PowerState, QuestionId, Timestamp};
use wakehub_store::SettingKey;
use wakehub_view::said::Said;
use wakehub_view::text;
use wakehub_view::wire::{Ask, CommandError, RunAnswer};

use super::Controller;
use super::plans::{Goal, Order};
use super::questions::{About, Question};
use super::requests::{other, store_failed};
use crate::handle::Announcement;

/// DESIGN section 7: how long somebody can object to a stop that is not asked about.
pub(super) const GRACE: Duration = Duration::from_secs(60);
/// What could not be stopped is looked at again after that, or after its timeout if that is shorter: what needed it may go.
const AGAIN: Duration = Duration::from_secs(5 * 60);
/// A stop that waits for a measurement waits no longer than this.
const UNMEASURED: Duration = Duration::from_secs(3 * 60);
/// When a stop could not begin yet it is tried again after that.
const SOON: Duration = Duration::from_secs(5);
/// Pausing for longer is switching the rules off.
const LONGEST_PAUSE: Duration = Duration::from_secs(366 * 24 * 60 * 60);

pub(crate) const PAUSED: SettingKey<Timestamp> = SettingKey::new("stops_paused_until");

impl Controller {
    /// A tick has been judged: what follows from it.
    pub(super) async fn judged(&mut self, now: Timestamp) {
        self.guard(now);
        self.review_questions();
        self.ask_again(now).await;
        for node in self.due(now) {
            self.after_looking(Goal::Idle { node }).await;
        }
    }

    /// What is not stopped automatically for its own sake, whoever would stop it. Worked out at each tick and whenever something
    /// is seen to have changed, so that what has just come on is guarded before it was ever measured.
    pub(super) fn guard(&mut self, now: Timestamp) {
        let graph = self.graph.clone();
        let ruled = graph.nodes().iter().filter_map(|node| {
            let rule = self.rule_of(node)?;
            let is_on = self.observations.state(&graph, node.id) == PowerState::On;
            if !rule.enabled || !is_on {
                return None;
            }
            Some((node.id, self.in_use(node.id, now)?))
        });
        let mut guarded: BTreeMap<NodeId, String> = ruled.collect();
        for node in graph.nodes() {
            if let Some(why) = self.outside_window(node, now) {
                guarded.insert(node.id, why);
            }
        }
        self.observations.guarded = guarded;
    }

    /// By its rule; `None` when it was quiet for as long as that says.
    fn in_use(&self, node: NodeId, now: Timestamp) -> Option<String> {
        let verdict = self.idling.of(node).and_then(|watched| watched.verdict());
        let rule = self.graph.get(node).and_then(|node| self.rule_of(node));
        let (Some((_, verdict)), Some(rule)) = (verdict, rule) else {
            return Some(Said::NotMeasuredYet.to_string());
        };
        let kept_until = self.idling.of(node).and_then(|watched| watched.kept_until);
        if kept_until.is_some_and(|until| until > now) {
            return Some(Said::YouKeepItOn.to_string());
        }
        let why = &verdict.to_string();
        match verdict {
            Verdict::Idle { since } => (now.since(*since) < rule.timeout()).then(|| {
                let time = &text::duration(rule.timeout().as_secs() * 1000);
                Said::UsedWithin { time }.to_string()
            }),
            Verdict::Active { because } if is_used(because) => {
                Some(Said::InUse { why }.to_string())
            }
            Verdict::Inhibited { .. } => Some(Said::NotToBeInterrupted { why }.to_string()),
            Verdict::Active { .. } | Verdict::Unknown { .. } => {
                Some(Said::MayBeInUse { why }.to_string())
            }
        }
    }

    /// Quiet for as long as their rule says, and nobody asks about them yet.
    fn due(&mut self, now: Timestamp) -> Vec<NodeId> {
        let graph = self.graph.clone();
        let mut due = Vec::new();
        for node in graph.nodes() {
            let Some(rule) = self.rule_of(node) else {
                continue;
            };
            let is_asked = self
                .questions
                .iter()
                .any(|question| question.node == node.id);
            let Some(watched) = self.idling.of_mut(node.id) else {
                continue;
            };
            let Some(since) = watched.since() else {
                watched.not_before = None;
                watched.kept_until = None;
                watched.kept_on = None;
                continue;
            };
            let is_over = now.since(since) >= rule.timeout();
            let may_ask = watched.not_before.is_none_or(|at| at <= now);
            if is_over && may_ask && !is_asked {
                due.push(node.id);
            }
        }
        due
    }

    /// Quiet for as long as its rule says: whoever may be asked is asked.
    pub(super) async fn idle(&mut self, node: NodeId) {
        let now = self.clock.now();
        let graph = self.graph.clone();
        let since = self.idling.of(node).and_then(|watched| watched.since());
        // used, switched off or without a rule meanwhile
        let (Some(since), Some(rule)) = (since, graph.get(node).and_then(|n| self.rule_of(n)))
        else {
            return;
        };
        if let Some(at) = self.questions.iter().position(|asked| asked.node == node) {
            return self.asked_again(at, now);
        }
        match self.plan_intent(&Intent::stop_automatically(node)) {
            Ok(_) => {
                let reason = not_used_for(since, now);
                self.ask_about(node, About::NotUsed, reason).await;
            }
            Err(refusal) => {
                // told once, and again when it is something else
                let Some(watched) = self.idling.of_mut(node) else {
                    return;
                };
                watched.not_before = Some(now.plus(rule.timeout().min(AGAIN)));
                let before = watched.kept_on.replace(refusal.message.clone());
                if before.as_ref() != Some(&refusal.message) {
                    let (name, said) = (&self.name(node), &refusal.message);
                    self.journal_question(node, Said::StaysOn { name }, Said::Elsewhere { said });
                }
            }
        }
    }

    /// No answer means that it stays on, and is asked again after another timeout.
    async fn ask_again(&mut self, now: Timestamp) {
        let questions = self.questions.iter();
        let again: Vec<NodeId> = questions
            .filter(|question| self.is_to_be_asked_again(question, now).is_some())
            .map(|question| question.node)
            .collect();
        for node in again {
            self.after_looking(Goal::Idle { node }).await;
        }
    }

    /// Since when it was not used, when it has not been for another timeout and nobody has answered.
    fn is_to_be_asked_again(&self, question: &Question, now: Timestamp) -> Option<Timestamp> {
        let rule = self
            .graph
            .get(question.node)
            .and_then(|n| self.rule_of(n))?;
        let since = self.idling.of(question.node)?.since()?;
        let is_over = |since: Timestamp| now.since(since) >= rule.timeout();
        let waits = question.about == About::NotUsed && question.stops_at.is_none();
        (waits && is_over(question.asked_at) && is_over(since)).then_some(since)
    }

    /// It has been looked at: what is needed meanwhile is no longer asked about.
    fn asked_again(&mut self, at: usize, now: Timestamp) {
        let question = &self.questions[at];
        let Some(since) = self.is_to_be_asked_again(question, now) else {
            return;
        };
        let intent = Intent::stop_automatically(question.node);
        if self.plan_intent(&intent).is_err() {
            return self.review_questions();
        }
        let question = &mut self.questions[at];
        question.asked_at = now;
        question.reason = not_used_for(since, now);
        // asked anew, it keeps its number
        let (new, view) = (question.as_new(), question.view(&self.graph));
        self.changed = true;
        self.storage
            .send("ask again", move |store| store.ask(&new).map(drop));
        self.announce(Announcement::Asked(view));
    }

    /// Nobody is asked about a node that is not used when its rule is gone.
    pub(super) fn without_rule(&self, node: NodeId) -> Option<String> {
        let name = &self.name(node);
        let rule = self.graph.get(node).and_then(|node| self.rule_of(node));
        let is_ruled = rule.is_some_and(|rule| rule.enabled);
        (!is_ruled).then(|| Said::NoRule { name }.to_string())
    }

    /// Why a question about a node is over, whatever it is about: somebody uses it.
    pub(super) fn used_again(&self, node: NodeId) -> Option<String> {
        let name = &self.name(node);
        let (_, verdict) = self.idling.of(node)?.verdict()?;
        let Verdict::Active { because } = verdict else {
            return None;
        };
        // that nothing is known for a moment takes no question back
        let why = verdict.to_string();
        is_used(because).then(|| Said::UsedAgain { name, why: &why }.to_string())
    }

    /// Somebody keeps it on, however quiet it is: asked again after another timeout.
    pub(super) fn leave_alone(&mut self, node: NodeId) {
        let now = self.clock.now();
        self.idling.is_wanted(node, now);
        let rule = self.graph.get(node).and_then(|node| self.rule_of(node));
        if let (Some(rule), Some(watched)) = (rule, self.idling.of_mut(node)) {
            watched.not_before = Some(now.plus(rule.timeout()));
            watched.kept_on = None;
        }
    }

    /// Until then nothing else stops it automatically.
    pub(super) fn keep_on(&mut self, node: NodeId) {
        self.leave_alone(node);
        if let Some(watched) = self.idling.of_mut(node) {
            watched.kept_until = watched.not_before;
        }
        self.guard(self.clock.now());
    }

    /// It is held: that says more than what kept it on before.
    pub(super) fn is_held(&mut self, node: NodeId) {
        if let Some(watched) = self.idling.of_mut(node) {
            watched.not_before = None;
            watched.kept_until = None;
        }
    }

    /// It is no longer held: as soon as it is seen to be quiet it is asked about, unless somebody has wanted it meanwhile.
    pub(super) fn look_soon(&mut self, node: NodeId) {
        let now = self.clock.now();
        if let Some(watched) = self.idling.of_mut(node) {
            watched.not_before = watched.kept_until.filter(|until| *until > now);
        }
    }
}

/// The stops that nobody objected to.
impl Controller {
    pub(super) async fn end_graces(&mut self) {
        let now = self.clock.now();
        let over: Vec<QuestionId> = self
            .questions
            .iter()
            .filter(|question| question.stops_at.is_some_and(|at| at <= now))
            .map(|question| question.id)
            .collect();
        for id in over {
            if self.stops_begun.insert(id) {
                self.after_looking(Goal::GraceOver { question: id }).await;
            }
        }
    }

    /// The minute is over: what nobody objected to is stopped, if it still may be.
    pub(super) async fn grace_over(&mut self, id: QuestionId) {
        self.stops_begun.remove(&id);
        let Some(question) = self.questions.iter().find(|q| q.id == id).cloned() else {
            return;
        };
        let now = self.clock.now();
        // put off meanwhile, or it is to be asked about now
        if question.stops_at.is_none_or(|at| at > now) {
            return;
        }
        match self.still_unused(&question) {
            Ok(true) => {}
            // its next measurement decides; without one it stays on
            Ok(false) if now.since(question.asked_at) < GRACE + UNMEASURED => {
                return self.put_off(id, SOON);
            }
            Ok(false) => return self.withdraw(&question, &Said::NotMeasuredYet.to_string()),
            Err(why) => return self.withdraw(&question, &why),
        }
        if let Err(refusal) = self.plan_intent(&Intent::stop_automatically(question.node)) {
            return self.withdraw(&question, &refusal.message);
        }
        let order = Order {
            automatic: true,
            ..Order::from(Ask {
                action: Action::Stop,
                node: question.node,
                with_dependants: false,
                queue: false,
                automatic: true,
            })
        };
        match self.begin(order).await {
            Ok(RunAnswer::Started { .. } | RunAnswer::NothingToDo) => {
                self.settle(&question, "no_objection");
            }
            // another cascade works on it or beside it: tried again in a moment, with another look
            Ok(RunAnswer::Busy { .. } | RunAnswer::Queued { .. }) => self.put_off(id, SOON),
            Ok(RunAnswer::Refused { refusal }) => self.withdraw(&question, &refusal.message),
            Err(error) => {
                tracing::error!(?error, "an automatic stop could not begin");
                self.put_off(id, GRACE);
            }
        }
    }

    fn put_off(&mut self, id: QuestionId, by: Duration) {
        let stops_at = self.clock.now().plus(by);
        for question in self.questions.iter_mut().filter(|q| q.id == id) {
            question.stops_at = Some(stops_at);
            self.changed = true;
        }
    }

    /// Somebody wants to be asked first since the notice was given: no answer keeps it on.
    pub(super) fn ask_instead(&mut self) {
        for question in &mut self.questions {
            let node = self.graph.get(question.node);
            if question.stops_at.is_some() && node.is_some_and(Node::confirm_before_auto_stop) {
                question.stops_at = None;
                self.changed = true;
            }
        }
    }

    /// `false` while nothing was measured since the notice.
    fn still_unused(&self, question: &Question) -> Result<bool, String> {
        match question.about {
            About::NotNeeded | About::Scheduled | About::TimeOver => Ok(true),
            About::NotUsed => {
                let watched = self.idling.of(question.node);
                let Some((at, _)) = watched.and_then(|watched| watched.verdict()) else {
                    return Ok(false);
                };
                if at <= question.asked_at {
                    return Ok(false);
                }
                self.in_use(question.node, self.clock.now())
                    .map_or(Ok(true), Err)
            }
        }
    }

    /// Left from an earlier run: nobody knows whether its notices were seen.
    pub(crate) fn take_up_questions(&mut self) {
        let stops_at = self.clock.now().plus(GRACE);
        let mut over = Vec::new();
        for question in &mut self.questions {
            let node = self.graph.get(question.node);
            let asks = node.is_none_or(Node::confirm_before_auto_stop);
            if !asks && question.about.stops_unasked() {
                question.stops_at = Some(stops_at);
                // whether it is used is measured anew first
                if question.about == About::NotUsed {
                    over.push(question.clone());
                }
            }
        }
        for question in over {
            self.withdraw(&question, &Said::StartedAnew.to_string());
        }
    }

    /// The computer slept, or its clock was set: a minute to object begins anew.
    pub(super) fn begin_graces_anew(&mut self) {
        let stops_at = self.clock.now().plus(GRACE);
        for question in &mut self.questions {
            if question.stops_at.is_some() {
                question.stops_at = Some(stops_at);
                self.changed = true;
            }
        }
    }
}

/// "Nothing stops until tomorrow."
impl Controller {
    pub(super) async fn pause_stops(
        &mut self,
        until: Option<Timestamp>,
    ) -> Result<(), CommandError> {
        let now = self.clock.now();
        if until.is_some_and(|until| until <= now) {
            return Err(other(Said::PauseIsOver));
        }
        if until.is_some_and(|until| until > now.plus(LONGEST_PAUSE)) {
            return Err(other(Said::PauseIsTooLong));
        }
        self.storage
            .call(move |store| match until {
                Some(until) => store.set_setting(&PAUSED, &until),
                None => store.unset_setting(&PAUSED),
            })
            .await
            .and_then(|written| written)
            .map_err(store_failed)?;
        match until {
            Some(until) => {
                let length = u64::try_from(until.since(now).as_millis()).unwrap_or(u64::MAX);
                let time = &text::duration(length);
                self.journal_pause(Said::StopsPausedFor { time }, Said::YouSaidSo);
            }
            None if self.paused_until.is_some() => {
                self.journal_pause(Said::StopsNotPaused, Said::YouSaidSo);
            }
            None => {}
        }
        self.set_pause(until);
        self.review_questions();
        Ok(())
    }

    pub(super) fn end_pause(&mut self) {
        let now = self.clock.now();
        if self.paused_until.is_some_and(|until| until <= now) {
            self.storage
                .send("end a pause", |store| store.unset_setting(&PAUSED));
            self.journal_pause(Said::StopsNotPaused, Said::ItsTimeIsOver);
            self.set_pause(None);
        }
    }

    pub(crate) fn set_pause(&mut self, until: Option<Timestamp>) {
        self.paused_until = until;
        self.observations.paused = until.map(|_| Said::StopsArePaused.to_string());
        for node in self.graph.clone().nodes() {
            // what somebody keeps on is none of it
            let refused = self.idling.of_mut(node.id).filter(|w| w.kept_on.is_some());
            if let Some(watched) = refused {
                watched.not_before = None;
            }
        }
        self.changed = true;
    }
}

/// Measured, and over a threshold: not only that nobody can tell.
pub(super) fn is_used(because: &[Use]) -> bool {
    because.iter().any(|used| match used {
        Use::Over(_) => true,
        Use::First
        | Use::CounterReset(_)
        | Use::Gap { .. }
        | Use::ClockWentBack
        | Use::Interrupted(_) => false,
    })
}

/// In whole minutes: a tick is no stopwatch.
fn not_used_for(since: Timestamp, now: Timestamp) -> String {
    let minutes = now.since(since).as_secs() / 60;
    let time = &text::duration(minutes * 60_000);
    Said::NotUsedFor { time }.to_string()
}
