//! One arm per request. What only reads answers at once; what waits does so in a task of its own.

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use wakehub_connectors::{Check, CheckKind, CheckOutcome};
use wakehub_domain::{Capability, Node, NodeId, Presented, SecretName};
use wakehub_store::{JournalFilter, StoreError};
use wakehub_view::advice::failure_view;
use wakehub_view::homelab::{self, NodeEntry};
use wakehub_view::journal;
use wakehub_view::said::Said;
use wakehub_view::wire::{
    Ask, CheckOutcomeView, CheckView, CommandError, EngineSettings, JournalFormat, JournalLine,
    JournalQuery, RunAnswer, SecretEntry,
};

use super::Controller;
use super::edits::typed;
use super::plans::{Goal, Order};
use crate::request::{Reply, Request};
use crate::start::ENGINE;
use crate::storage::Storage;

impl Controller {
    pub(super) async fn request(&mut self, request: Request) {
        match request {
            Request::Plan { ask, reply } => {
                if self.knows(ask.node) {
                    self.after_looking(Goal::Plan { ask, reply }).await;
                } else {
                    let _ = reply.send(Err(removed(ask.node)));
                }
            }
            Request::Run { ask, reply } => self.run_order(Order::from(ask), reply).await,
            Request::Resume { cascade, reply } => match self.resume_order(cascade) {
                Ok(order) => self.run_order(order, reply).await,
                Err(error) => drop(reply.send(Err(error))),
            },
            Request::Cancel { cascade, reply } => self.cancel(cascade, reply),
            Request::CancelQueued { id, reply } => {
                self.cancel_queued(id);
                let _ = reply.send(Ok(()));
            }
            Request::Dismiss { cascade, reply } => {
                self.forget_cascade(cascade);
                let _ = reply.send(Ok(()));
            }
            Request::Answer {
                question,
                answer,
                reply,
            } => self.answered_question(question, answer, reply).await,
            Request::SetPinned {
                node,
                pinned,
                reply,
            } => drop(reply.send(self.set_pinned(node, pinned).await)),
            Request::Hold {
                node,
                hold,
                then_stop,
                reply,
            } => drop(reply.send(self.hold(node, hold, then_stop).await)),
            Request::Savings { ask, reply } => self.savings(ask, reply),
            Request::Why { node, reply } => drop(reply.send(self.why(node))),
            Request::ReadSchedule { ask, reply } => {
                let (now, zone) = (self.clock.now(), self.clock.zone());
                // one that never comes is looked for until the year 5000
                tokio::task::spawn_blocking(move || {
                    reply.send(Ok(wakehub_view::schedule::read(&ask, now, &zone)))
                });
            }
            Request::Judge { node, rule, reply } => {
                drop(reply.send(self.would_judge(node, *rule)));
            }
            Request::PauseStops { until, reply } => {
                drop(reply.send(self.pause_stops(until).await));
            }
            Request::NodeEntry { node, reply } => {
                let entry = self.graph.get(node).map(|n| NodeEntry::of(&self.graph, n));
                let _ = reply.send(entry.ok_or_else(|| removed(node)));
            }
            Request::SaveNode {
                node,
                entry,
                secrets,
                reply,
            } => match self.save_node(node, *entry).await {
                Ok(saved) => self.finish_saving(saved, secrets, reply),
                Err(error) => drop(reply.send(Err(error))),
            },
            Request::SaveNodes { entries, reply } => {
                drop(reply.send(self.save_nodes(entries).await));
            }
            Request::RemoveNode { node, reply } => {
                drop(reply.send(self.remove_node(node).await));
            }
            Request::SecretsPresent { node, reply } => self.secrets_present(node, reply),
            Request::SetSecret {
                node,
                secret,
                reply,
            } => {
                if self.knows(node) {
                    self.write_secret_later(node, secret, reply);
                } else {
                    let _ = reply.send(Err(removed(node)));
                }
            }
            Request::Test {
                node,
                entry,
                secrets,
                checks,
                reply,
            } => self.test(node, *entry, &secrets, checks, reply),
            Request::Accept { presented, reply } => {
                drop(reply.send(self.accept(presented).await));
            }
            Request::Discover { node, reply } => self.discover(node, Some(reply)),
            Request::Scan {
                sweep,
                found,
                reply,
            } => self.scan(sweep, found, reply),
            Request::Import { text, reply } => self.import(&text, reply).await,
            Request::Export { reply } => {
                let text = homelab::export(&self.graph);
                let _ = reply.send(text.map_err(|error| other(error.message)));
            }
            Request::Journal { query, reply } => drop(reply.send(self.read_journal(query).await)),
            Request::ExportJournal {
                query,
                format,
                reply,
            } => self.export_journal(query, format, reply),
            Request::Configure { settings, reply } => {
                drop(reply.send(self.configure(settings).await));
            }
            Request::Settings { job } => self.storage.send("keep a setting", job),
            // the loop takes it before it comes here
            Request::ShutDown { reply } => drop(reply.send(())),
        }
    }

    async fn run_order(&mut self, order: Order, reply: Reply<RunAnswer>) {
        if self.knows(order.ask.node) {
            self.after_looking(Goal::Run { order, reply }).await;
        } else {
            let _ = reply.send(Err(removed(order.ask.node)));
        }
    }

    fn knows(&self, node: NodeId) -> bool {
        self.graph.get(node).is_some()
    }

    /// Nobody waits for the answer of a queued ask, so what became of it goes to the journal.
    pub(super) fn watch_queued(
        &self,
        ask: Ask,
        answer: oneshot::Receiver<Result<RunAnswer, CommandError>>,
    ) {
        let name = self.name(ask.node);
        tokio::spawn(async move {
            match answer.await {
                Ok(Ok(answer)) => tracing::info!(node = %name, ?answer, "asked for earlier"),
                Ok(Err(error)) => tracing::error!(node = %name, ?error, "asked for earlier"),
                Err(_) => {}
            }
        });
    }

    fn secrets_present(&self, node: NodeId, reply: Reply<Vec<SecretName>>) {
        let links = self.links.clone();
        tokio::spawn(async move {
            let mut present = Vec::new();
            for name in SecretName::ALL {
                match links.secrets().get(&links.key(node, name)).await {
                    Ok(Some(_)) => present.push(name),
                    Ok(None) => {}
                    Err(error) => {
                        let _ = reply.send(Err(other(error.to_string())));
                        return;
                    }
                }
            }
            let _ = reply.send(Ok(present));
        });
    }

    fn test(
        &self,
        id: Option<NodeId>,
        entry: NodeEntry,
        secrets: &[SecretEntry],
        checks: mpsc::Sender<CheckView>,
        reply: Reply<Vec<CheckView>>,
    ) {
        let id = id.unwrap_or(NodeId(u32::MAX));
        let node = match entry.into_node(id, |name| self.graph.find(name).map(|n| n.id)) {
            Ok(node) => node,
            Err(errors) => {
                let _ = reply.send(Err(CommandError::Entry { errors }));
                return;
            }
        };
        let typed = typed(secrets);
        let (links, clock) = (self.links.clone(), self.clock.clone());
        tokio::spawn(async move {
            let mut all = Vec::new();
            for capability in offered(&node) {
                let (sender, mut receiver) = mpsc::channel::<Check>(8);
                let mut seen = Vec::new();
                let run = async {
                    match links.make(&node, capability, &typed).await {
                        Ok(connector) => {
                            connector.test(&sender).await;
                            connector.close().await;
                        }
                        Err(error) => {
                            let advice = failure_view(&error, clock.now()).advice;
                            let check = Check {
                                what: CheckKind::Login,
                                outcome: CheckOutcome::Failed,
                                detail: error.message,
                                advice: Some(advice),
                                presented: None,
                                took: std::time::Duration::ZERO,
                            };
                            let _ = sender.send(check).await;
                        }
                    }
                    drop(sender);
                };
                let forward = async {
                    while let Some(check) = receiver.recv().await {
                        let view = check_view(capability, check);
                        seen.push(view.clone());
                        // a form that was closed listens no more; the test still ends
                        let _ = checks.send(view).await;
                    }
                };
                tokio::join!(run, forward);
                all.extend(seen);
            }
            let _ = reply.send(Ok(all));
        });
    }

    async fn accept(&mut self, presented: Presented) -> Result<(), CommandError> {
        let now = self.clock.now();
        let kept = presented.clone();
        let accepted = self
            .storage
            .call(move |store| {
                store.accept(
                    &kept.endpoint,
                    kept.kind,
                    &kept.algorithm,
                    &kept.fingerprint,
                    now,
                )?;
                crate::start::accepted(store)
            })
            .await
            .and_then(|accepted| accepted)
            .map_err(store_failed)?;
        self.links.set_accepted(accepted).await;
        // whoever was refused for it tries again at once
        let waiting: Vec<NodeId> = self
            .polling
            .failures
            .iter()
            .filter(|(_, failure)| failure.presented.is_some())
            .map(|(connection, _)| connection.node)
            .collect();
        self.links.drop_all().await;
        for node in waiting {
            self.poll(node, true);
        }
        tracing::info!(endpoint = %presented.endpoint, fingerprint = %presented.fingerprint, "accepted");
        Ok(())
    }

    async fn configure(&mut self, settings: EngineSettings) -> Result<(), CommandError> {
        settings.check().map_err(other)?;
        self.storage
            .call({
                let settings = settings.clone();
                move |store| store.set_setting(&ENGINE, &settings)
            })
            .await
            .and_then(|written| written)
            .map_err(store_failed)?;
        self.observations.timeouts = settings.timeouts();
        self.settings = settings;
        Ok(())
    }

    async fn read_journal(&self, query: JournalQuery) -> Result<Vec<JournalLine>, CommandError> {
        read_lines(&self.storage, query).await
    }

    /// Page by page, so that nothing else waits for the database meanwhile.
    fn export_journal(&self, mut query: JournalQuery, format: JournalFormat, reply: Reply<String>) {
        let storage = self.storage.clone();
        tokio::spawn(async move {
            let mut left = query.limit.map_or(usize::MAX, |limit| limit as usize);
            let mut lines = Vec::new();
            while left > 0 {
                query.limit = Some(u32::try_from(left).unwrap_or(u32::MAX));
                let page = match read_lines(&storage, query.clone()).await {
                    Ok(page) => page,
                    Err(error) => return drop(reply.send(Err(error))),
                };
                let Some(last) = page.last() else {
                    break;
                };
                query.before = Some(last.id);
                left = left.saturating_sub(page.len());
                lines.extend(page.iter().map(|line| journal::line(line, format)));
            }
            lines.push(journal::head(format));
            lines.reverse();
            let _ = reply.send(Ok(lines.concat()));
        });
    }
}

async fn read_lines(
    storage: &Storage,
    query: JournalQuery,
) -> Result<Vec<JournalLine>, CommandError> {
    let filter = JournalFilter {
        node: query.node,
        kinds: query.kinds.unwrap_or_default(),
        cascade: query.cascade,
        from: query.from,
        to: query.to,
        text: query.text,
        before: query.before,
        limit: query.limit,
    };
    let rows = storage
        .call(move |store| store.journal(&filter))
        .await
        .and_then(|rows| rows)
        .map_err(store_failed)?;
    Ok(rows
        .into_iter()
        .map(|row| JournalLine {
            id: row.id,
            at: row.entry.at,
            kind: row.entry.kind,
            node: row.entry.node,
            node_name: row.entry.node_name,
            cascade: row.entry.cascade,
            message: row.entry.message,
            reason: row.entry.reason,
        })
        .collect())
}

pub(super) fn other(message: impl Into<String>) -> CommandError {
    CommandError::Other {
        message: message.into(),
    }
}

pub(super) fn removed(node: NodeId) -> CommandError {
    other(Said::NoNode {
        n: &node.to_string(),
    })
}

pub(super) fn store_failed(error: StoreError) -> CommandError {
    other(error.to_string())
}

fn offered(node: &Node) -> Vec<Capability> {
    [
        Capability::Wol,
        Capability::Ssh,
        Capability::ProxmoxApi,
        Capability::DockerApi,
    ]
    .into_iter()
    .filter(|capability| node.offers(*capability))
    .collect()
}

fn check_view(capability: Capability, check: Check) -> CheckView {
    let (what, title) = match check.what {
        CheckKind::Reachable => ("reachable", "Reachable"),
        CheckKind::Trusted => ("trusted", "Known"),
        CheckKind::Login => ("login", "Login"),
        CheckKind::Privileges => ("privileges", "Rights"),
        CheckKind::Sudo => ("sudo", "May shut down"),
        CheckKind::Version => ("version", "Version"),
        CheckKind::Protection => ("protection", "Protected"),
        CheckKind::Packets => ("packets", "Magic packets"),
    };
    CheckView {
        capability,
        what: what.to_owned(),
        title: title.to_owned(),
        outcome: match check.outcome {
            CheckOutcome::Passed => CheckOutcomeView::Passed,
            CheckOutcome::Warning => CheckOutcomeView::Warning,
            CheckOutcome::Failed => CheckOutcomeView::Failed,
            CheckOutcome::Skipped => CheckOutcomeView::Skipped,
        },
        detail: check.detail,
        advice: check.advice,
        presented: check.presented,
        took_ms: u64::try_from(check.took.as_millis()).unwrap_or(u64::MAX),
    }
}
