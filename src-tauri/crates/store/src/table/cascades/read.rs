//! Cascades as they are read back.

use rusqlite::{Row, params};
use std::collections::BTreeMap;
use std::time::Duration;
use wakehub_domain::{Action, CascadeId, NodeId, Plan, Step, Timestamp};

use super::{CascadeRecord, Outcome, StepRecord, StepStatus};
use crate::row::{from_json, from_word, time, time_if_any};
use crate::{Store, StoreError};

/// So many of the last times make the usual one.
const USUAL_OF: u32 = 5;

impl Store {
    pub fn cascade(&self, id: CascadeId) -> Result<Option<CascadeRecord>, StoreError> {
        let found = self.cascades("WHERE id = ?1", i64::from(id.0))?;
        Ok(found.into_iter().next())
    }

    /// Oldest first.
    pub fn unfinished(&self) -> Result<Vec<CascadeRecord>, StoreError> {
        self.cascades("WHERE ended_at IS NULL AND ?1 ORDER BY id", 1)
    }

    /// Interrupted, and neither resumed nor dismissed yet; oldest first.
    pub fn interrupted(&self) -> Result<Vec<CascadeRecord>, StoreError> {
        self.cascades(
            "WHERE outcome = 'interrupted' AND dismissed_at IS NULL AND ?1 ORDER BY id",
            1,
        )
    }

    /// Newest first, whatever became of them.
    pub fn recent_cascades(&self, limit: u32) -> Result<Vec<CascadeRecord>, StoreError> {
        self.cascades("ORDER BY id DESC LIMIT ?1", i64::from(limit))
    }

    /// The cascade that works on each locked node.
    pub fn locks(&self) -> Result<BTreeMap<NodeId, CascadeId>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT node, cascade FROM node_lock")?;
        let rows =
            statement.query_map([], |row| Ok((NodeId(row.get(0)?), CascadeId(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The median of the last five times that the action was done, of every node and action that was ever done. Times in
    /// which the clock went backwards do not count.
    pub fn usual_durations(&self) -> Result<BTreeMap<(NodeId, Action), Duration>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT node, action, took FROM (
                 SELECT node, action, ended_at - begun_at AS took,
                        row_number() OVER (PARTITION BY node, action ORDER BY ended_at DESC, cascade DESC) AS age
                 FROM cascade_step
                 WHERE outcome = 'done' AND node IS NOT NULL AND ended_at >= begun_at)
             WHERE age <= ?1 ORDER BY node, action, took",
        )?;
        let mut rows = statement.query([USUAL_OF])?;
        let mut times: BTreeMap<(NodeId, Action), Vec<u64>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let action: String = row.get(1)?;
            let action = from_word(|| "an action".to_owned(), &action)?;
            let took: i64 = row.get(2)?;
            let key = (NodeId(row.get(0)?), action);
            times.entry(key).or_default().push(took.unsigned_abs());
        }
        Ok(times
            .into_iter()
            .map(|(key, sorted)| (key, Duration::from_millis(median(&sorted))))
            .collect())
    }

    fn cascades(&self, which: &str, parameter: i64) -> Result<Vec<CascadeRecord>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT * FROM cascade {which}"))?;
        let mut rows = statement.query([parameter])?;
        let mut cascades = Vec::new();
        while let Some(row) = rows.next()? {
            let mut cascade = read_cascade(row)?;
            cascade.steps = self.steps(cascade.id, &cascade.plan)?;
            cascades.push(cascade);
        }
        Ok(cascades)
    }

    fn steps(&self, id: CascadeId, plan: &Plan) -> Result<Vec<StepRecord>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT * FROM cascade_step WHERE cascade = ?1 ORDER BY position")?;
        let mut rows = statement.query(params![id.0])?;
        let mut steps = Vec::with_capacity(plan.steps.len());
        for planned in &plan.steps {
            let Some(row) = rows.next()? else {
                let what = format!("cascade {id}");
                return Err(StoreError::unreadable(what, "a step is missing"));
            };
            steps.push(read_step(row, id, planned)?);
        }
        Ok(steps)
    }
}

/// Of numbers in ascending order.
fn median(sorted: &[u64]) -> u64 {
    let upper = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2).copied();
    lower.unwrap_or(upper).midpoint(upper)
}

fn read_cascade(row: &Row<'_>) -> Result<CascadeRecord, StoreError> {
    let id = CascadeId(row.get("id")?);
    let what = || format!("cascade {id}");
    let (plan, names): (String, String) = (row.get("plan")?, row.get("names")?);
    let outcome: Option<String> = row.get("outcome")?;
    let outcome = match outcome.as_deref() {
        None => None,
        Some("completed") => Some(Outcome::Completed),
        Some("failed") => Some(Outcome::Failed),
        Some("cancelled") => Some(Outcome::Cancelled),
        Some("interrupted") => Some(Outcome::Interrupted),
        Some(other) => return Err(StoreError::unreadable(what(), other)),
    };
    Ok(CascadeRecord {
        id,
        node: row.get::<_, Option<u32>>("node")?.map(NodeId),
        node_name: row.get("node_name")?,
        plan: from_json(what, &plan)?,
        names: from_json(what, &names)?,
        begun_at: time(row, "begun_at")?,
        ended: time_if_any(row, "ended_at")?.zip(outcome),
        dismissed_at: time_if_any(row, "dismissed_at")?,
        steps: Vec::new(),
    })
}

fn read_step(row: &Row<'_>, id: CascadeId, planned: &Step) -> Result<StepRecord, StoreError> {
    let what = || format!("a step of cascade {id}");
    let begun_at: Option<Timestamp> = time_if_any(row, "begun_at")?;
    let outcome: Option<String> = row.get("outcome")?;
    let status = match outcome.as_deref() {
        None if begun_at.is_some() => StepStatus::Running,
        None => StepStatus::Pending,
        Some("done") => StepStatus::Done,
        Some("failed") => StepStatus::Failed(from_json(what, &row.get::<_, String>("error")?)?),
        Some("skipped") => {
            StepStatus::Skipped(row.get::<_, Option<String>>("reason")?.unwrap_or_default())
        }
        Some("cancelled") => StepStatus::Cancelled,
        Some("interrupted") => StepStatus::Interrupted,
        Some(other) => return Err(StoreError::unreadable(what(), other)),
    };
    Ok(StepRecord {
        node: row.get::<_, Option<u32>>("node")?.map(NodeId),
        node_name: row.get("node_name")?,
        step: planned.clone(),
        status,
        begun_at,
        ended_at: time_if_any(row, "ended_at")?,
    })
}
