//! "Shut it down?" One list behind the notification, the tray menu, the window and the command line.
//!
//! No answer means that the node stays on, unless its stop is not asked about but given notice of. A question ends when it is
//! answered anywhere, and by itself when its node is off or is needed again.

use std::time::Duration;
use wakehub_domain::{Action, Graph, Intent, Node, NodeId, PowerState, QuestionId, Timestamp};
use wakehub_store::{NewQuestion, NodeChange};
use wakehub_view::said::Said;
use wakehub_view::wire::{Answer, Ask, CommandError, QuestionView, RunAnswer};

use super::Controller;
use super::holds::needs_of;
use super::plans::{Goal, Order};
use super::requests::{other, removed};
use super::stopping::GRACE;
use crate::handle::Announcement;
use crate::request::{HoldFor, Reply};

/// DESIGN section 7: *Snooze 1 h*.
const SNOOZE: Duration = Duration::from_secs(60 * 60);

/// What made somebody ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum About {
    /// What needed it went down, or it was kept on for something.
    NotNeeded,
    /// Its idle rule.
    NotUsed,
    /// One of its schedules.
    Scheduled,
    /// It was wanted for so long and no longer.
    TimeOver,
}

impl About {
    /// As the database has it; `None` for what this version does not ask.
    pub fn of(kind: &str) -> Option<About> {
        [
            About::NotNeeded,
            About::NotUsed,
            About::Scheduled,
            About::TimeOver,
        ]
        .into_iter()
        .find(|about| about.as_str() == kind)
    }

    /// Whether no answer may mean yes, where the node need not be asked about: somebody has set a rule or a time for it.
    pub(super) fn stops_unasked(self) -> bool {
        match self {
            About::NotNeeded => false,
            About::NotUsed | About::Scheduled | About::TimeOver => true,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            About::NotNeeded => "shut_down",
            About::NotUsed => "idle",
            About::Scheduled => "schedule",
            About::TimeOver => "time_over",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Question {
    pub id: QuestionId,
    pub node: NodeId,
    pub about: About,
    pub reason: String,
    pub asked_at: Timestamp,
    /// Without an objection it is stopped then; `None` where it is asked first.
    pub stops_at: Option<Timestamp>,
}

impl Question {
    pub fn as_new(&self) -> NewQuestion {
        NewQuestion {
            node: self.node,
            kind: self.about.as_str().to_owned(),
            reason: self.reason.clone(),
            cascade: None,
            asked_at: self.asked_at,
            ask_again_at: None,
        }
    }

    pub fn view(&self, graph: &Graph) -> QuestionView {
        QuestionView {
            id: self.id,
            node: self.node,
            node_name: graph.name(self.node).into_owned(),
            reason: self.reason.clone(),
            asked_at: self.asked_at,
            stops_at: self.stops_at,
        }
    }
}

impl Controller {
    pub(super) async fn ask(&mut self, node: NodeId, reason: String) {
        self.ask_about(node, About::NotNeeded, reason).await;
    }

    /// Never two questions for one node. One that need not be asked is given notice, with a minute to object.
    pub(super) async fn ask_about(&mut self, node: NodeId, about: About, reason: String) {
        if self.questions.iter().any(|question| question.node == node) {
            return;
        }
        let asked_at = self.clock.now();
        let confirms = self
            .graph
            .get(node)
            .is_none_or(Node::confirm_before_auto_stop);
        let mut question = Question {
            // until the database has given it its number
            id: QuestionId(0),
            node,
            about,
            reason,
            asked_at,
            stops_at: (!confirms && about.stops_unasked()).then(|| asked_at.plus(GRACE)),
        };
        let new = question.as_new();
        let asked = self
            .storage
            .call(move |store| store.ask(&new))
            .await
            .and_then(|asked| asked);
        question.id = match asked {
            Ok(id) => id,
            Err(error) => {
                self.notice_store(&error);
                return;
            }
        };
        let view = question.view(&self.graph);
        let name = &view.node_name;
        let message = match view.stops_at {
            None => Said::Asked { name },
            Some(_) => Said::GivenNotice { name },
        };
        let said = &view.reason;
        self.journal_question(node, message, Said::Elsewhere { said });
        self.questions.push(question);
        self.announce(Announcement::Asked(view));
        self.changed = true;
    }

    pub(super) async fn answered_question(
        &mut self,
        id: QuestionId,
        answer: Answer,
        reply: Reply<()>,
    ) {
        let Some(question) = self.questions.iter().find(|q| q.id == id).cloned() else {
            // somebody else was faster: their answer stands
            let _ = reply.send(Ok(()));
            return;
        };
        self.settle(&question, answer.as_str());
        let name = &self.name(question.node);
        match answer {
            Answer::KeepOn => {
                self.journal_question(question.node, Said::StaysOn { name }, Said::YouKeepItOn);
                self.keep_on(question.node);
                let _ = reply.send(Ok(()));
            }
            // a hold says until when, can be ended, and asks again when it is over
            Answer::Snooze => {
                // its rule asks again by itself, and so does what was needed
                let then_stop = match question.about {
                    About::NotNeeded | About::NotUsed => false,
                    About::Scheduled | About::TimeOver => true,
                };
                let held = self
                    .hold(question.node, HoldFor::Duration(SNOOZE), then_stop)
                    .await;
                let _ = reply.send(held);
            }
            Answer::AlwaysKeepOn => {
                let _ = reply.send(self.always_keep_on(question.node).await);
            }
            Answer::ShutDown => {
                self.journal_question(question.node, Said::ToBeShutDown { name }, Said::YouSaidSo);
                self.leave_alone(question.node);
                let ask = Ask {
                    action: Action::Stop,
                    node: question.node,
                    with_dependants: false,
                    queue: true,
                    automatic: false,
                };
                let goal = Goal::Run {
                    order: Order::from(ask),
                    reply: unless_refused(name.clone(), reply),
                };
                self.after_looking(goal).await;
            }
        }
    }

    /// Takes back what need not be asked any longer.
    pub(super) fn review_questions(&mut self) {
        self.ask_instead();
        let over: Vec<(Question, String)> = self
            .questions
            .iter()
            .filter_map(|question| Some((question.clone(), self.over(question)?)))
            .collect();
        for (question, why) in over {
            self.withdraw(&question, &why);
        }
    }

    /// A start says that the node is wanted, with all that it needs, and it may all be on already: nobody is asked about
    /// these before another timeout.
    pub(super) fn is_wanted(&mut self, node: NodeId, why: &Said<'_>) {
        for wanted in needs_of(&self.graph.clone(), node) {
            self.keep_on(wanted);
            let asked = self.questions.iter().find(|q| q.node == wanted).cloned();
            if let Some(question) = asked {
                self.withdraw(&question, &why.to_string());
            }
        }
    }

    pub(super) fn withdraw(&mut self, question: &Question, why: &str) {
        self.settle(question, "withdrawn");
        let name = &self.name(question.node);
        let message = match question.stops_at {
            None => Said::NoLongerAsked { name },
            Some(_) => Said::StaysOn { name },
        };
        self.journal_question(question.node, message, Said::Elsewhere { said: why });
    }

    async fn always_keep_on(&mut self, node: NodeId) -> Result<(), CommandError> {
        let Some(mut changed) = self.graph.get(node).cloned() else {
            return Err(removed(node));
        };
        changed.settings.always_on = true;
        self.apply(vec![NodeChange::Update(changed)]).await?;
        let (name, edited) = (&self.name(node), "changed");
        self.journal_edit(node, Said::Edited { name, edited }, Said::AlwaysOnByYou);
        Ok(())
    }

    fn over(&self, question: &Question) -> Option<String> {
        let name = &self.name(question.node);
        if self.graph.get(question.node).is_none() {
            let edited = "removed";
            return Some(Said::Edited { name, edited }.to_string());
        }
        if question.about == About::NotUsed
            && let Some(why) = self.without_rule(question.node)
        {
            return Some(why);
        }
        if let Some(why) = self.used_again(question.node) {
            return Some(why);
        }
        if self
            .graph
            .get(question.node)
            .is_some_and(|node| node.settings.always_on)
        {
            return Some(Said::IsAlwaysOn { name }.to_string());
        }
        if let Some(why) = &self.observations.paused {
            return Some(why.clone());
        }
        if self.observations.in_cascade.contains(&question.node) {
            return Some(Said::BeingChanged { name }.to_string());
        }
        match self.observations.state(&self.graph, question.node) {
            PowerState::Off => Some(Said::SeenIn { name, state: "off" }.to_string()),
            // until it is known again nothing is decided
            PowerState::Unknown => None,
            PowerState::Starting
            | PowerState::On
            | PowerState::Stopping
            | PowerState::Failed { .. } => {
                if let Some(held) = self.held_for(question.node) {
                    let name = &self.name(held);
                    return Some(Said::KeptOnByYou { name }.to_string());
                }
                self.is_needed(question.node)
            }
        }
    }

    /// By something that is seen to be on: nobody is asked about it.
    pub(super) fn is_needed(&self, node: NodeId) -> Option<String> {
        let refusal = self.plan_intent(&Intent::stop(node)).err()?;
        let known = refusal
            .kind
            .by()
            .iter()
            .any(|by| self.observations.state(&self.graph, *by) == PowerState::On);
        known.then_some(refusal.message)
    }

    pub(super) fn settle(&mut self, question: &Question, answer: &'static str) {
        let (id, now) = (question.id, self.clock.now());
        self.questions.retain(|other| other.id != id);
        self.storage.send("settle a question", move |store| {
            store.settle(id, answer, now).map(drop)
        });
        self.announce(Announcement::Settled(id));
        self.changed = true;
    }
}

/// Whoever wants it shut down is told when the look before it shows that it cannot be.
fn unless_refused(name: String, reply: Reply<()>) -> Reply<RunAnswer> {
    let (run, answer) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let done = match answer.await {
            Ok(Ok(RunAnswer::Refused { refusal })) => {
                let (name, why) = (&name, &refusal.message);
                Err(other(Said::NotShutDown { name, why }))
            }
            Ok(Ok(
                RunAnswer::Started { .. }
                | RunAnswer::NothingToDo
                | RunAnswer::Queued { .. }
                | RunAnswer::Busy { .. },
            )) => Ok(()),
            Ok(Err(error)) => Err(error),
            // the engine ends
            Err(_) => return,
        };
        let _ = reply.send(done);
    });
    run
}
