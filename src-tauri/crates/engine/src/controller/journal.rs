//! What happened and why, for people. Written behind the loop's back, in order.

use tokio::time::Instant;
use wakehub_domain::{CascadeId, Node, NodeId, Plan, PowerState, Refusal, Step, few};
use wakehub_store::{JournalEntry, StoreError};
use wakehub_view::notice::Code;
use wakehub_view::said::Said;
use wakehub_view::text;
use wakehub_view::wire::{Ask, CascadeStatus, CascadeView};

use super::{Controller, TIDY_EVERY};
use crate::executor::StepEnd;

impl Controller {
    fn journal(
        &mut self,
        kind: &str,
        node: Option<NodeId>,
        cascade: Option<CascadeId>,
        message: Said<'_>,
        reason: Option<Said<'_>>,
    ) {
        let entry = JournalEntry {
            at: self.clock.now(),
            kind: kind.to_owned(),
            node: node.filter(|id| self.graph.get(*id).is_some()),
            node_name: node.map(|id| self.name(id)),
            cascade,
            message: message.to_string(),
            reason: reason.map(String::from),
            details: None,
        };
        self.storage.send("write the journal", move |store| {
            store.append(&entry).map(drop)
        });
    }

    pub(super) fn journal_begun(&mut self, cascade: CascadeId, plan: &Plan) {
        let target = plan.intent.node();
        let names: Vec<String> = plan.steps.iter().map(|s| self.name(s.node)).collect();
        let action = plan.intent.action().as_str();
        let name = self.name(target);
        let message = Said::Begins {
            action,
            name: &name,
        };
        let names = few(&names);
        let reason = Some(Said::InThisOrder { names: &names });
        self.journal(action, Some(target), Some(cascade), message, reason);
        for skipped in &plan.skipped {
            let name = self.name(skipped.node);
            let message = Said::LeftAsItIs { name: &name };
            let reason = Some(Said::Elsewhere {
                said: &skipped.reason,
            });
            self.journal(
                "decision",
                Some(skipped.node),
                Some(cascade),
                message,
                reason,
            );
        }
        self.journal_protected(cascade, plan);
    }

    pub(super) fn journal_protected(&mut self, cascade: CascadeId, plan: &Plan) {
        for protected in &plan.protected {
            let name = self.name(protected.node);
            let message = Said::StaysOnBecause {
                name: &name,
                reason: &protected.reason,
            };
            let names = self.on_for(&protected.by);
            let reason = names.as_ref().map(|names| Said::OnFor { names });
            self.journal(
                "decision",
                Some(protected.node),
                Some(cascade),
                message,
                reason,
            );
        }
    }

    /// `qbittorrent (72 h)`, of those that are known to be on.
    fn on_for(&self, nodes: &[NodeId]) -> Option<String> {
        let now = self.clock.now();
        let on = nodes.iter().filter_map(|id| {
            let seen = self.observations.get(*id)?;
            if seen.state != PowerState::On || seen.since.0 == 0 {
                return None;
            }
            let length = u64::try_from(now.since(seen.since).as_millis()).unwrap_or(u64::MAX);
            Some(format!("{} ({})", self.name(*id), text::duration(length)))
        });
        let on: Vec<String> = on.collect();
        (!on.is_empty()).then(|| few(&on))
    }

    pub(super) fn journal_step(&mut self, cascade: CascadeId, step: &Step, outcome: &StepEnd) {
        let name = &self.name(step.node);
        let action = step.action.as_str();
        let (kind, message, reason) = match outcome {
            StepEnd::Done => (
                "step",
                Said::Done { name, action },
                Said::Elsewhere { said: &step.reason },
            ),
            StepEnd::Skipped(why) => (
                "decision",
                Said::StaysOn { name },
                Said::Elsewhere { said: why },
            ),
            StepEnd::Failed(error) => (
                "error",
                Said::Failed { name, action },
                Said::Because {
                    operation: &error.operation,
                    why: &error.message,
                },
            ),
        };
        self.journal(kind, Some(step.node), Some(cascade), message, Some(reason));
    }

    pub(super) fn journal_ended(&mut self, cascade: CascadeId, view: &CascadeView) {
        let word = match view.status {
            CascadeStatus::Completed => "completed",
            CascadeStatus::Failed => "failed",
            CascadeStatus::Cancelled => "cancelled",
            CascadeStatus::Interrupted => "interrupted",
            CascadeStatus::Running => "running",
        };
        let message = Said::Ended {
            action: view.action.as_str(),
            name: &view.node_name,
            ended: word,
        };
        let failure = view.failure.as_ref();
        let reason = failure.map(|f| Said::Elsewhere { said: &f.message });
        self.journal(
            view.action.as_str(),
            view.node,
            Some(cascade),
            message,
            reason,
        );
    }

    pub(super) fn journal_refusal(&mut self, ask: &Ask, refusal: &Refusal) {
        let (action, name) = (ask.action.as_str(), &self.name(ask.node));
        let message = Said::Refused { action, name };
        let reason = Some(Said::Elsewhere {
            said: &refusal.message,
        });
        self.journal("decision", Some(ask.node), None, message, reason);
    }

    pub(super) fn journal_unqueued(&mut self, ask: &Ask) {
        let (action, name) = (ask.action.as_str(), &self.name(ask.node));
        let message = Said::NoLongerWaits { action, name };
        let reason = Some(Said::YouCancelledIt);
        self.journal("decision", Some(ask.node), None, message, reason);
    }

    pub(super) fn journal_nothing_to_do(&mut self, plan: &Plan) {
        let node = plan.intent.node();
        let (action, name) = (plan.intent.action().as_str(), &self.name(node));
        let message = Said::NothingToDo { action, name };
        self.journal("decision", Some(node), None, message, None);
    }

    pub(super) fn journal_question(&mut self, node: NodeId, message: Said<'_>, reason: Said<'_>) {
        self.journal("question", Some(node), None, message, Some(reason));
    }

    pub(super) fn journal_schedule(&mut self, node: NodeId, message: Said<'_>, reason: Said<'_>) {
        self.journal("schedule", Some(node), None, message, Some(reason));
    }

    pub(super) fn journal_pause(&mut self, message: Said<'_>, reason: Said<'_>) {
        self.journal("hold", None, None, message, Some(reason));
    }

    pub(super) fn journal_hold(&mut self, node: NodeId, message: Said<'_>, reason: Said<'_>) {
        self.journal("hold", Some(node), None, message, Some(reason));
    }

    pub(super) fn journal_state(&mut self, node: &Node, word: &str) {
        let message = Said::SeenIn {
            name: &node.name,
            state: word,
        };
        let reason = Some(Said::NotAskedFor);
        self.journal("state", Some(node.id), None, message, reason);
    }

    pub(super) fn journal_edit(&mut self, node: NodeId, message: Said<'_>, reason: Said<'_>) {
        self.journal("edit", Some(node), None, message, Some(reason));
    }

    pub(crate) fn journal_interrupted(&mut self, view: &CascadeView) {
        let message = Said::WasInterrupted {
            action: view.action.as_str(),
            name: &view.node_name,
        };
        let reason = Said::CanBeResumed;
        self.journal("error", view.node, Some(view.id), message, Some(reason));
    }

    /// The database does not take what we write: say so where it is seen, and keep the homelab as it is.
    pub(super) fn notice_store(&mut self, error: &StoreError) {
        tracing::error!(%error, "the database fails");
        if let StoreError::Corrupt(what) = error {
            self.notice_damage(what);
            return;
        }
        let why = &error.to_string();
        let (code, said) = match error {
            StoreError::Full(_) => (Code::DiskFull, Said::DiskIsFull { why }),
            StoreError::Busy(_)
            | StoreError::Corrupt(_)
            | StoreError::ReadOnly(_)
            | StoreError::Unreadable { .. }
            | StoreError::OutOfOrder(_)
            | StoreError::Other(_) => (Code::Database, Said::DatabaseFails { why }),
        };
        self.notice(code, said);
    }

    /// What is left is marked, so that the next start keeps it aside instead of working on with it.
    fn notice_damage(&mut self, what: &str) {
        if !std::mem::replace(&mut self.damaged, true) {
            self.storage
                .send("look at the whole database", |store| store.check());
        }
        self.notice(Code::DatabaseDamaged, Said::DatabaseIsDamaged { why: what });
    }

    /// At the start and then daily, behind everything that waits for an answer: looks at every page, and forgets what is
    /// too old to be asked for.
    pub(super) fn tidy_up(&mut self) {
        let due = self.tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY);
        if !due {
            return;
        }
        self.tidied = Some(Instant::now());
        let now = self.clock.now();
        self.storage
            .send("look at the whole database", |store| store.check());
        self.storage.send("forget what is old", move |store| {
            store.forget_old(now)?;
            store.forget_spans(now)
        });
    }

    /// After the database refused: the ends of cascades that it has not taken, and whether the disk has room again.
    pub(super) async fn write_again(&mut self) {
        let full = Code::DiskFull.as_str();
        let was_full = self.notices.iter().any(|notice| notice.code == full);
        if self.unended.is_empty() && !was_full {
            return;
        }
        for (cascade, at, outcome) in std::mem::take(&mut self.unended) {
            let written = self
                .storage
                .call(move |store| store.end_cascade(cascade, at, outcome))
                .await
                .and_then(|written| written);
            match written {
                // it has been ended already: nothing is locked
                Ok(()) | Err(StoreError::OutOfOrder(_)) => {}
                Err(_) => self.unended.push((cascade, at, outcome)),
            }
        }
        if !was_full || !self.unended.is_empty() {
            return;
        }
        let entry = JournalEntry {
            at: self.clock.now(),
            kind: "error".to_owned(),
            node: None,
            node_name: None,
            cascade: None,
            message: Said::HasRoomAgain.to_string(),
            reason: None,
            details: None,
        };
        let written = self.storage.call(move |store| store.append(&entry)).await;
        if written.and_then(|written| written).is_ok() {
            self.notices.retain(|notice| notice.code != full);
            self.changed = true;
        }
    }

    pub(super) fn take_down(&mut self, code: Code) {
        self.notices.retain(|notice| notice.code != code.as_str());
    }

    /// Replaces an older notice of the same code.
    pub(super) fn notice(&mut self, code: Code, said: Said<'_>) {
        self.take_down(code);
        self.notices.push(code.notice(said));
        self.notices
            .sort_by_key(|notice| std::cmp::Reverse(notice.severity));
        self.changed = true;
    }
}
