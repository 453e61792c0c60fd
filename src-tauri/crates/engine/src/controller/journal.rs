//! What happened and why, for people. Written behind the loop's back, in order.

use tokio::time::Instant;
use wakehub_domain::{CascadeId, Node, NodeId, Plan, Refusal, Step, few};
use wakehub_store::{JournalEntry, StoreError};
use wakehub_view::wire::{Ask, CascadeStatus, CascadeView, Notice, Severity};

use super::cascades::failed_because;
use super::{Controller, TIDY_EVERY};
use crate::executor::StepEnd;

const DISK_FULL: &str = "disk_full";

impl Controller {
    fn journal(
        &mut self,
        kind: &str,
        node: Option<NodeId>,
        cascade: Option<CascadeId>,
        message: String,
        reason: Option<String>,
    ) {
        let entry = JournalEntry {
            at: self.clock.now(),
            kind: kind.to_owned(),
            node: node.filter(|id| self.graph.get(*id).is_some()),
            node_name: node.map(|id| self.name(id)),
            cascade,
            message,
            reason,
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
        let message = format!("begin to {action} {}", self.name(target));
        let reason = format!("in this order: {}", few(&names));
        self.journal(action, Some(target), Some(cascade), message, Some(reason));
        for skipped in &plan.skipped {
            let message = format!("{} is left as it is", self.name(skipped.node));
            let reason = Some(skipped.reason.clone());
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
            let message = format!("{} {}", self.name(protected.node), protected.reason);
            self.journal(
                "decision",
                Some(protected.node),
                Some(cascade),
                message,
                None,
            );
        }
    }

    pub(super) fn journal_step(&mut self, cascade: CascadeId, step: &Step, outcome: &StepEnd) {
        let name = self.name(step.node);
        let action = step.action.as_str();
        let (kind, message, reason) = match outcome {
            StepEnd::Done => (
                "step",
                format!("{name}: {action} done"),
                Some(step.reason.clone()),
            ),
            StepEnd::Skipped(why) => ("decision", format!("{name} stays on"), Some(why.clone())),
            StepEnd::Failed(error) => (
                "error",
                format!("{name}: {action} failed"),
                Some(failed_because(error)),
            ),
        };
        self.journal(kind, Some(step.node), Some(cascade), message, reason);
    }

    pub(super) fn journal_ended(&mut self, cascade: CascadeId, view: &CascadeView) {
        let word = match view.status {
            CascadeStatus::Completed => "completed",
            CascadeStatus::Failed => "failed",
            CascadeStatus::Cancelled => "cancelled",
            CascadeStatus::Interrupted => "interrupted",
            CascadeStatus::Running => "running",
        };
        let message = format!("the {} of {} {word}", view.action.as_str(), view.node_name);
        let reason = view.failure.as_ref().map(|f| f.message.clone());
        self.journal(
            view.action.as_str(),
            view.node,
            Some(cascade),
            message,
            reason,
        );
    }

    pub(super) fn journal_refusal(&mut self, ask: &Ask, refusal: &Refusal) {
        let message = format!("refused to {} {}", ask.action.as_str(), self.name(ask.node));
        self.journal(
            "decision",
            Some(ask.node),
            None,
            message,
            Some(refusal.message.clone()),
        );
    }

    pub(super) fn journal_unqueued(&mut self, ask: &Ask) {
        let (action, name) = (ask.action.as_str(), self.name(ask.node));
        let message = format!("the {action} of {name} no longer waits");
        let reason = Some("you cancelled it".to_owned());
        self.journal("decision", Some(ask.node), None, message, reason);
    }

    pub(super) fn journal_nothing_to_do(&mut self, plan: &Plan) {
        let node = plan.intent.node();
        let message = format!(
            "nothing to do to {} {}",
            plan.intent.action().as_str(),
            self.name(node)
        );
        self.journal("decision", Some(node), None, message, None);
    }

    pub(super) fn journal_question(&mut self, node: NodeId, message: String, reason: &str) {
        self.journal(
            "question",
            Some(node),
            None,
            message,
            Some(reason.to_owned()),
        );
    }

    pub(super) fn journal_hold(&mut self, node: NodeId, message: String, reason: &str) {
        self.journal("hold", Some(node), None, message, Some(reason.to_owned()));
    }

    pub(super) fn journal_state(&mut self, node: &Node, word: &str) {
        let message = format!("{} is {word}", node.name);
        self.journal(
            "state",
            Some(node.id),
            None,
            message,
            Some("seen, not asked for".to_owned()),
        );
    }

    pub(super) fn journal_edit(&mut self, node: NodeId, message: String, reason: &str) {
        self.journal("edit", Some(node), None, message, Some(reason.to_owned()));
    }

    pub(crate) fn journal_interrupted(&mut self, view: &CascadeView) {
        let message = format!(
            "the {} of {} was interrupted",
            view.action.as_str(),
            view.node_name
        );
        let reason = "WakeHub ended in the middle of it; it can be resumed".to_owned();
        self.journal("error", view.node, Some(view.id), message, Some(reason));
    }

    /// The database does not take what we write: say so where it is seen, and keep the homelab as it is.
    pub(super) fn notice_store(&mut self, error: &StoreError) {
        tracing::error!(%error, "the database fails");
        if let StoreError::Corrupt(what) = error {
            self.notice_damage(what);
            return;
        }
        let code = match error {
            StoreError::Full(_) => DISK_FULL,
            StoreError::Busy(_)
            | StoreError::Corrupt(_)
            | StoreError::ReadOnly(_)
            | StoreError::Unreadable { .. }
            | StoreError::OutOfOrder(_)
            | StoreError::Other(_) => "database",
        };
        let message = match error {
            StoreError::Full(_) => {
                format!("{error}. WakeHub starts and stops nothing until there is room again.")
            }
            StoreError::Busy(_)
            | StoreError::Corrupt(_)
            | StoreError::ReadOnly(_)
            | StoreError::Unreadable { .. }
            | StoreError::OutOfOrder(_)
            | StoreError::Other(_) => {
                format!("{error}. WakeHub starts and stops nothing that it cannot write down.")
            }
        };
        self.notice(Severity::Critical, code, message);
    }

    /// What is left is marked, so that the next start keeps it aside instead of working on with it.
    fn notice_damage(&mut self, what: &str) {
        if !std::mem::replace(&mut self.damaged, true) {
            self.storage
                .send("look at the whole database", |store| store.check());
        }
        let message = format!(
            "The database is damaged: {what}. Export your homelab in the settings, then quit WakeHub and start it \
             again: it keeps the damaged file aside and begins a new one, into which you import what you have \
             exported. Nothing in the homelab itself is lost."
        );
        self.notice(Severity::Critical, "database_damaged", message);
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
        self.storage
            .send("forget what is old", move |store| store.forget_old(now));
    }

    /// After the database refused: the ends of cascades that it has not taken, and whether the disk has room again.
    pub(super) async fn write_again(&mut self) {
        let was_full = self.notices.iter().any(|notice| notice.code == DISK_FULL);
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
            message: "the disk had no room for the database; now it has".to_owned(),
            reason: None,
            details: None,
        };
        let written = self.storage.call(move |store| store.append(&entry)).await;
        if written.and_then(|written| written).is_ok() {
            self.notices.retain(|notice| notice.code != DISK_FULL);
            self.changed = true;
        }
    }

    /// Replaces an older notice of the same code.
    pub(super) fn notice(&mut self, severity: Severity, code: &str, message: String) {
        self.notices.retain(|notice| notice.code != code);
        self.notices.push(Notice {
            severity,
            code: code.to_owned(),
            message,
        });
        self.notices
            .sort_by_key(|notice| std::cmp::Reverse(notice.severity));
        self.changed = true;
    }
}
