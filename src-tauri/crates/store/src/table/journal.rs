//! What happened and why.

mod search;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};
use std::time::Duration;
use wakehub_domain::{CascadeId, NodeId, Timestamp};

use crate::row::{from_json, time, to_json};
use crate::{Store, StoreError};

/// At most so many entries are kept …
const KEPT: i64 = 100_000;
/// … for so long …
const KEPT_FOR: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// … but so many whatever their age: a clock that was wrong for a day must not empty the journal.
const KEPT_AT_LEAST: i64 = 1_000;
/// Looked at for removal with every so many new entries, twice as many of the oldest.
const PRUNE_EVERY: i64 = 256;

/// The number of entries that a query answers unless it says otherwise, and the greatest that it may ask for.
pub const JOURNAL_PAGE: (u32, u32) = (100, 500);

#[derive(Clone, PartialEq, Debug, Default)]
pub struct JournalEntry {
    pub at: Timestamp,
    /// `start`, `stop`, `step`, `decision`, `question`, `edit`, …
    pub kind: String,
    pub node: Option<NodeId>,
    /// Kept when the node is removed.
    pub node_name: Option<String>,
    pub cascade: Option<CascadeId>,
    pub message: String,
    pub reason: Option<String>,
    pub details: Option<serde_json::Value>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct JournalRecord {
    /// Grows with every entry.
    pub id: i64,
    pub entry: JournalEntry,
}

/// Everything that is set must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JournalFilter {
    pub node: Option<NodeId>,
    /// One of these; none stands for all.
    pub kinds: Vec<String>,
    pub cascade: Option<CascadeId>,
    /// Included.
    pub from: Option<Timestamp>,
    /// Excluded.
    pub to: Option<Timestamp>,
    /// Words, or their beginnings, that all stand in the message, the reason or the node's name. Any text is allowed.
    pub text: Option<String>,
    /// Only entries with a smaller id, to page on.
    pub before: Option<i64>,
    /// See [`JOURNAL_PAGE`].
    pub limit: Option<u32>,
}

impl Store {
    /// Answers the entry's id. A node or cascade that is gone is left out, its name stays. Removes old entries as it goes.
    pub fn append(&mut self, entry: &JournalEntry) -> Result<i64, StoreError> {
        let transaction = self.write()?;
        let details = entry.details.as_ref().map(to_json).transpose()?;
        let id: i64 = transaction
            .prepare_cached(
                "INSERT INTO journal (at, kind, node, node_name, cascade, message, reason, details)
                 VALUES (?1, ?2, (SELECT id FROM node WHERE id = ?3), ?4,
                         (SELECT id FROM cascade WHERE id = ?5), ?6, ?7, ?8)
                 RETURNING id",
            )?
            .query_row(
                params![
                    entry.at.0,
                    entry.kind,
                    entry.node.map(|id| id.0),
                    entry.node_name,
                    entry.cascade.map(|id| id.0),
                    entry.message,
                    entry.reason,
                    details,
                ],
                |row| row.get(0),
            )?;
        if id % PRUNE_EVERY == 0 {
            prune(&transaction, id, entry.at)?;
        }
        transaction.commit()?;
        Ok(id)
    }

    /// Newest first.
    pub fn journal(&self, filter: &JournalFilter) -> Result<Vec<JournalRecord>, StoreError> {
        let mut conditions: Vec<&str> = Vec::new();
        let mut values: Vec<Value> = Vec::new();
        let mut add = |condition, value: Value| {
            conditions.push(condition);
            values.push(value);
        };
        if let Some(node) = filter.node {
            add("node = ?", i64::from(node.0).into());
        }
        if !filter.kinds.is_empty() {
            add(
                "kind IN (SELECT value FROM json_each(?))",
                to_json(&filter.kinds)?.into(),
            );
        }
        if let Some(cascade) = filter.cascade {
            add("cascade = ?", i64::from(cascade.0).into());
        }
        if let Some(from) = filter.from {
            add("at >= ?", from.0.into());
        }
        if let Some(to) = filter.to {
            add("at < ?", to.0.into());
        }
        if let Some(before) = filter.before {
            add("id < ?", before.into());
        }
        let search = search::Search::new(filter.text.as_deref().unwrap_or_default());
        if let Some(words) = search.words {
            let indexed = "id IN (SELECT rowid FROM journal_text WHERE journal_text MATCH ?)";
            add(indexed, words.into());
        }
        for sign in search.signs {
            let anywhere = "instr(concat_ws(' ', message, reason, node_name), ?) > 0";
            add(anywhere, sign.into());
        }
        let (usual, most) = JOURNAL_PAGE;
        values.push(i64::from(filter.limit.unwrap_or(usual).min(most)).into());
        let filters = match conditions.is_empty() {
            true => String::new(),
            false => format!("WHERE {}", conditions.join(" AND ")),
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT * FROM journal {filters} ORDER BY id DESC LIMIT ?"
        ))?;
        let mut rows = statement.query(params_from_iter(values))?;
        let mut records = Vec::new();
        while let Some(row) = rows.next()? {
            records.push(read(row)?);
        }
        Ok(records)
    }
}

impl Store {
    /// Of the journal and of what it tells of: settled questions, and cascades that have been dealt with. To be called
    /// daily; a quiet homelab writes too little for [`Store::append`] to come by.
    pub fn forget_old(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let transaction = self.write()?;
        let newest: i64 =
            transaction.query_row("SELECT coalesce(max(id), 0) FROM journal", [], |row| {
                row.get(0)
            })?;
        prune(&transaction, newest, now)?;
        let before = now
            .0
            .saturating_sub(i64::try_from(KEPT_FOR.as_millis()).unwrap_or(i64::MAX));
        transaction.execute("DELETE FROM question WHERE settled_at < ?1", [before])?;
        transaction.execute(
            "DELETE FROM cascade WHERE ended_at < ?1 AND (outcome <> 'interrupted' OR dismissed_at IS NOT NULL)",
            [before],
        )?;
        transaction.commit()?;
        Ok(())
    }
}

fn prune(connection: &Connection, newest: i64, now: Timestamp) -> Result<(), StoreError> {
    let too_old = i64::try_from(KEPT_FOR.as_millis()).unwrap_or(i64::MAX);
    connection.execute(
        "DELETE FROM journal WHERE id IN (SELECT id FROM journal ORDER BY id LIMIT ?1)
            AND (id <= ?2 OR (id <= ?3 AND at < ?4))",
        params![
            2 * PRUNE_EVERY,
            newest - KEPT,
            newest - KEPT_AT_LEAST,
            now.0.saturating_sub(too_old)
        ],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<JournalRecord, StoreError> {
    let id = row.get("id")?;
    let details: Option<String> = row.get("details")?;
    Ok(JournalRecord {
        id,
        entry: JournalEntry {
            at: time(row, "at")?,
            kind: row.get("kind")?,
            node: row.get::<_, Option<u32>>("node")?.map(NodeId),
            node_name: row.get("node_name")?,
            cascade: row.get::<_, Option<u32>>("cascade")?.map(CascadeId),
            message: row.get("message")?,
            reason: row.get("reason")?,
            details: details
                .map(|text| from_json(|| format!("journal entry {id}"), &text))
                .transpose()?,
        },
    })
}
