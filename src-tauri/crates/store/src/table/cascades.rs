//! Executions of plans, written down before each action and after it, and the locks that they hold on their nodes.

mod read;

use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};
use wakehub_domain::{CascadeId, ConnectorError, Intent, NodeId, Plan, Step, Timestamp};

use crate::row::to_json;
use crate::{Store, StoreError};

/// Of cascades, the newest so many are kept.
const KEPT: u32 = 10_000;

/// How a cascade ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    Completed,
    Failed,
    Cancelled,
    /// WakeHub itself ended in the middle of it.
    Interrupted,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
            Outcome::Interrupted => "interrupted",
        }
    }
}

/// How a step ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StepOutcome {
    Done,
    Failed(ConnectorError),
    /// There was nothing to do any more, and why.
    Skipped(String),
    Cancelled,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StepStatus {
    Pending,
    Running,
    Done,
    Failed(ConnectorError),
    Skipped(String),
    Cancelled,
    /// It had begun when the cascade was interrupted; nobody knows how far it came.
    Interrupted,
}

#[derive(Clone, PartialEq, Debug)]
pub struct StepRecord {
    /// `None` when the node was removed.
    pub node: Option<NodeId>,
    pub node_name: String,
    /// As it was planned.
    pub step: Step,
    pub status: StepStatus,
    pub begun_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct CascadeRecord {
    pub id: CascadeId,
    /// The target; `None` when it was removed.
    pub node: Option<NodeId>,
    pub node_name: String,
    pub plan: Plan,
    /// Of every node that the plan names, as they were when it began.
    pub names: BTreeMap<NodeId, String>,
    pub begun_at: Timestamp,
    /// `None` while it runs.
    pub ended: Option<(Timestamp, Outcome)>,
    /// When the user put it away, or resumed it.
    pub dismissed_at: Option<Timestamp>,
    /// As many as the plan has, in its order.
    pub steps: Vec<StepRecord>,
}

impl CascadeRecord {
    /// The intent by which to plan again. A stop remembers what it had begun to stop, so that the dependencies of those
    /// are looked at again; what turns out to be on still is simply stopped again.
    pub fn resume(&self) -> Intent {
        match &self.plan.intent {
            Intent::Start { node } => Intent::Start { node: *node },
            Intent::Stop {
                node,
                scope,
                automatic,
                stopped_before,
            } => {
                let begun = self.steps.iter().filter(|step| step.begun_at.is_some());
                let mut stopped_before = stopped_before.clone();
                stopped_before.extend(begun.map(|step| step.step.node));
                Intent::Stop {
                    node: *node,
                    scope: *scope,
                    automatic: *automatic,
                    stopped_before,
                }
            }
        }
    }
}

/// The cascade has not begun, and no lock was taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BeginError {
    #[error("{name} is in cascade {cascade}, which is still running")]
    Locked {
        node: NodeId,
        name: String,
        cascade: CascadeId,
    },
    /// Since the plan was made.
    #[error("{name} was removed")]
    Removed { node: NodeId, name: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for BeginError {
    fn from(error: rusqlite::Error) -> BeginError {
        BeginError::Store(error.into())
    }
}

impl Store {
    /// Writes the plan down and locks its target and the nodes of all its steps, in one transaction.
    pub fn begin_cascade(
        &mut self,
        plan: &Plan,
        name: &dyn Fn(NodeId) -> String,
        at: Timestamp,
    ) -> Result<CascadeId, BeginError> {
        let target = plan.intent.node();
        let names: BTreeMap<NodeId, String> = named_in(plan)
            .into_iter()
            .map(|id| (id, name(id)))
            .collect();
        let automatic = match plan.intent {
            Intent::Start { .. } => false,
            Intent::Stop { automatic, .. } => automatic,
        };
        let transaction = self.write()?;
        let steps = plan.steps.iter().map(|step| step.node);
        let nodes: BTreeSet<NodeId> = steps.chain([target]).collect();
        for node in &nodes {
            check_free(&transaction, *node, &names)?;
        }
        let id: u32 = transaction.query_row(
            "INSERT INTO cascade (node, node_name, action, automatic, plan, names, begun_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
            params![
                target.0,
                names.get(&target),
                plan.intent.action().as_str(),
                automatic,
                to_json(plan)?,
                to_json(&names)?,
                at.0
            ],
            |row| row.get(0),
        )?;
        for (position, step) in plan.steps.iter().enumerate() {
            transaction
                .prepare_cached(
                    "INSERT INTO cascade_step (cascade, position, node, node_name, action)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    id,
                    position as i64,
                    step.node.0,
                    names.get(&step.node),
                    step.action.as_str()
                ])?;
        }
        for node in nodes {
            transaction
                .prepare_cached("INSERT INTO node_lock (node, cascade) VALUES (?1, ?2)")?
                .execute([node.0, id])?;
        }
        transaction.execute(
            "DELETE FROM cascade WHERE id IN
                 (SELECT id FROM cascade WHERE id <= ?1 AND ended_at IS NOT NULL ORDER BY id LIMIT 10)",
            [i64::from(id) - i64::from(KEPT)],
        )?;
        transaction.commit()?;
        Ok(CascadeId(id))
    }

    /// Before the action. Refused unless the cascade runs, every earlier step has ended and this one has not begun.
    pub fn step_begun(
        &mut self,
        id: CascadeId,
        index: usize,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let written = self
            .connection
            .prepare_cached(
                "UPDATE cascade_step SET begun_at = ?3
                 WHERE cascade = ?1 AND position = ?2 AND begun_at IS NULL AND ended_at IS NULL
                   AND EXISTS (SELECT 1 FROM cascade WHERE id = ?1 AND ended_at IS NULL)
                   AND NOT EXISTS (SELECT 1 FROM cascade_step
                                   WHERE cascade = ?1 AND position < ?2 AND ended_at IS NULL)",
            )?
            .execute(params![id.0, index as i64, at.0])?;
        in_order(written, || {
            format!("step {index} of cascade {id} cannot begin now")
        })
    }

    /// After the action. A step may be skipped, cancelled or failed before it began, but not done.
    pub fn step_ended(
        &mut self,
        id: CascadeId,
        index: usize,
        at: Timestamp,
        outcome: &StepOutcome,
    ) -> Result<(), StoreError> {
        let (word, error, reason) = match outcome {
            StepOutcome::Done => ("done", None, None),
            StepOutcome::Failed(error) => ("failed", Some(to_json(error)?), None),
            StepOutcome::Skipped(reason) => ("skipped", None, Some(reason)),
            StepOutcome::Cancelled => ("cancelled", None, None),
        };
        let written = self
            .connection
            .prepare_cached(
                "UPDATE cascade_step SET ended_at = ?3, outcome = ?4, error = ?5, reason = ?6
                 WHERE cascade = ?1 AND position = ?2 AND ended_at IS NULL
                   AND (begun_at IS NOT NULL OR ?4 <> 'done')
                   AND EXISTS (SELECT 1 FROM cascade WHERE id = ?1 AND ended_at IS NULL)",
            )?
            .execute(params![id.0, index as i64, at.0, word, error, reason])?;
        in_order(written, || {
            format!("step {index} of cascade {id} cannot end now")
        })
    }

    /// Releases the locks. A step that has begun and not ended is interrupted, one that has not begun stays pending.
    pub fn end_cascade(
        &mut self,
        id: CascadeId,
        at: Timestamp,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        let transaction = self.write()?;
        end(&transaction, id, at, outcome)?;
        Ok(transaction.commit()?)
    }

    /// At start-up, before anything else runs: whatever still counts as running was interrupted. Releases all locks and
    /// answers what it marked, oldest first.
    pub fn interrupt_unfinished(
        &mut self,
        at: Timestamp,
    ) -> Result<Vec<CascadeRecord>, StoreError> {
        let unfinished = self.unfinished()?;
        let transaction = self.write()?;
        for cascade in &unfinished {
            end(&transaction, cascade.id, at, Outcome::Interrupted)?;
        }
        transaction.execute("DELETE FROM node_lock", [])?;
        transaction.commit()?;
        let marked = unfinished.iter().map(|cascade| self.cascade(cascade.id));
        Ok(marked
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Puts an ended cascade away, because the user did or because another has taken over from it. Once is enough.
    pub fn dismiss_cascade(&mut self, id: CascadeId, at: Timestamp) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE cascade SET dismissed_at = ?2
             WHERE id = ?1 AND ended_at IS NOT NULL AND dismissed_at IS NULL",
            params![id.0, at.0],
        )?;
        Ok(())
    }
}

fn end(
    connection: &Connection,
    id: CascadeId,
    at: Timestamp,
    outcome: Outcome,
) -> Result<(), StoreError> {
    let written = connection.execute(
        "UPDATE cascade SET ended_at = ?2, outcome = ?3 WHERE id = ?1 AND ended_at IS NULL",
        params![id.0, at.0, outcome.as_str()],
    )?;
    in_order(written, || format!("cascade {id} is not running"))?;
    connection.execute(
        "UPDATE cascade_step SET ended_at = ?2, outcome = 'interrupted'
         WHERE cascade = ?1 AND begun_at IS NOT NULL AND ended_at IS NULL",
        params![id.0, at.0],
    )?;
    connection.execute("DELETE FROM node_lock WHERE cascade = ?1", [id.0])?;
    Ok(())
}

fn in_order(written: usize, otherwise: impl FnOnce() -> String) -> Result<(), StoreError> {
    match written {
        1 => Ok(()),
        _ => Err(StoreError::OutOfOrder(otherwise())),
    }
}

fn check_free(
    connection: &Connection,
    node: NodeId,
    names: &BTreeMap<NodeId, String>,
) -> Result<(), BeginError> {
    let name = || names.get(&node).cloned().unwrap_or_default();
    let locked: Option<Option<u32>> = connection
        .prepare_cached(
            "SELECT node_lock.cascade FROM node LEFT JOIN node_lock ON node_lock.node = node.id WHERE node.id = ?1",
        )?
        .query_row([node.0], |row| row.get(0))
        .optional()?;
    match locked {
        Some(None) => Ok(()),
        Some(Some(cascade)) => Err(BeginError::Locked {
            node,
            name: name(),
            cascade: CascadeId(cascade),
        }),
        None => Err(BeginError::Removed { node, name: name() }),
    }
}

fn named_in(plan: &Plan) -> BTreeSet<NodeId> {
    let mut named = BTreeSet::from([plan.intent.node()]);
    named.extend(plan.steps.iter().map(|step| step.node));
    named.extend(plan.skipped.iter().map(|skipped| skipped.node));
    named.extend(plan.follow_ups.iter().map(|follow_up| follow_up.node));
    for protected in &plan.protected {
        named.insert(protected.node);
        named.extend(&protected.by);
    }
    named
}
