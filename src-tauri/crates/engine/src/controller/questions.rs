//! "Shut it down?" One list behind the notification, the tray menu, the window and the command line.
//!
//! No answer means that the node stays on. A question ends when it is answered anywhere, and by itself when its node is
//! off or is needed again.

use wakehub_domain::{Action, Graph, Intent, NodeId, PowerState, QuestionId, Timestamp};
use wakehub_view::said::Said;
use wakehub_view::wire::{Answer, Ask, QuestionView};

use super::Controller;
use super::plans::{Goal, Order};
use crate::handle::Announcement;
use crate::request::Reply;

/// What made somebody ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum About {
    /// What needed it went down, or it was kept on for something.
    NotNeeded,
    /// Its idle rule.
    NotUsed,
    /// One of its schedules.
    Scheduled,
}

impl About {
    /// As the database has it; `None` for what this version does not ask.
    pub fn of(kind: &str) -> Option<About> {
        [About::NotNeeded, About::NotUsed, About::Scheduled]
            .into_iter()
            .find(|about| about.as_str() == kind)
    }

    fn as_str(self) -> &'static str {
        match self {
            About::NotNeeded => "shut_down",
            About::NotUsed => "idle",
            About::Scheduled => "schedule",
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
}

impl Question {
    pub fn view(&self, graph: &Graph) -> QuestionView {
        QuestionView {
            id: self.id,
            node: self.node,
            node_name: graph.name(self.node).into_owned(),
            reason: self.reason.clone(),
            asked_at: self.asked_at,
        }
    }
}

impl Controller {
    pub(super) async fn ask(&mut self, node: NodeId, reason: String) {
        self.ask_about(node, About::NotNeeded, reason).await;
    }

    /// Never two questions for one node.
    pub(super) async fn ask_about(&mut self, node: NodeId, about: About, reason: String) {
        if self.questions.iter().any(|question| question.node == node) {
            return;
        }
        let asked_at = self.clock.now();
        let new = wakehub_store::NewQuestion {
            node,
            kind: about.as_str().to_owned(),
            reason: reason.clone(),
            cascade: None,
            asked_at,
            ask_again_at: None,
        };
        let asked = self
            .storage
            .call(move |store| store.ask(&new))
            .await
            .and_then(|asked| asked);
        let id = match asked {
            Ok(id) => id,
            Err(error) => {
                self.notice_store(&error);
                return;
            }
        };
        let question = Question {
            id,
            node,
            about,
            reason,
            asked_at,
        };
        let view = question.view(&self.graph);
        self.journal_question(
            node,
            Said::Asked {
                name: &view.node_name,
            },
            Said::Elsewhere { said: &view.reason },
        );
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
        let word = match answer {
            Answer::ShutDown => "shut_down",
            Answer::KeepOn => "keep_on",
        };
        self.settle(&question, word);
        let name = &self.name(question.node);
        match answer {
            Answer::KeepOn => {
                self.journal_question(question.node, Said::StaysOn { name }, Said::YouKeepItOn);
                self.begin_window_anew(question.node);
                let _ = reply.send(Ok(()));
            }
            Answer::ShutDown => {
                self.journal_question(question.node, Said::ToBeShutDown { name }, Said::YouSaidSo);
                self.begin_window_anew(question.node);
                let _ = reply.send(Ok(()));
                let (reply, answer) = tokio::sync::oneshot::channel();
                let ask = Ask {
                    action: Action::Stop,
                    node: question.node,
                    with_dependants: false,
                    queue: true,
                    automatic: false,
                };
                self.watch_queued(ask.clone(), answer);
                self.after_looking(Goal::Run {
                    order: Order::from(ask),
                    reply,
                })
                .await;
            }
        }
    }

    /// Takes back what need not be asked any longer.
    pub(super) fn review_questions(&mut self) {
        let over: Vec<(Question, String)> = self
            .questions
            .iter()
            .filter_map(|question| Some((question.clone(), self.over(question)?)))
            .collect();
        for (question, why) in over {
            self.settle(&question, "withdrawn");
            let name = self.name(question.node);
            self.journal_question(
                question.node,
                Said::NoLongerAsked { name: &name },
                Said::Elsewhere { said: &why },
            );
        }
    }

    /// A scheduled start says that it is wanted.
    pub(super) fn withdraw_scheduled(&mut self, node: NodeId, why: Said<'_>) {
        let asked = self
            .questions
            .iter()
            .find(|question| question.node == node && question.about == About::Scheduled)
            .cloned();
        if let Some(question) = asked {
            self.settle(&question, "withdrawn");
            let name = &self.name(node);
            self.journal_question(node, Said::NoLongerAsked { name }, why);
        }
    }

    fn over(&self, question: &Question) -> Option<String> {
        let name = &self.name(question.node);
        if self.graph.get(question.node).is_none() {
            let edited = "removed";
            return Some(Said::Edited { name, edited }.to_string());
        }
        if question.about == About::NotUsed
            && let Some(why) = self.used_again(question.node)
        {
            return Some(why);
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
                let refusal = self.plan_intent(&Intent::stop(question.node)).err()?;
                let known = refusal
                    .kind
                    .by()
                    .iter()
                    .any(|by| self.observations.state(&self.graph, *by) == PowerState::On);
                known.then_some(refusal.message)
            }
        }
    }

    fn settle(&mut self, question: &Question, answer: &'static str) {
        let (id, now) = (question.id, self.clock.now());
        self.questions.retain(|other| other.id != id);
        self.storage.send("settle a question", move |store| {
            store.settle(id, answer, now).map(drop)
        });
        self.announce(Announcement::Settled(id));
        self.changed = true;
    }
}
