//! The times in which nodes were seen on, off or suspended.

use rusqlite::{Row, params};
use wakehub_domain::savings::{AHEAD, Span};
use wakehub_domain::{NodeId, Timestamp};

use crate::row::{from_word, time, to_word};
use crate::{Store, StoreError};

/// A year and the month before it, so that a month can be held against the same one of last year.
const KEPT_MS: i64 = 400 * 24 * 3600 * 1000;

impl Store {
    /// In one transaction. A span takes the place of that of the same node and beginning; nodes that were removed meanwhile are
    /// passed over.
    pub fn save_spans(&mut self, spans: &[Span]) -> Result<(), StoreError> {
        let transaction = self.write()?;
        let mut save = transaction.prepare_cached(
            "INSERT OR REPLACE INTO power_span (node, since, until, running, seen)
             SELECT id, ?2, ?3, ?4, ?5 FROM node WHERE id = ?1",
        )?;
        for span in spans {
            save.execute(params![
                span.node.0,
                span.since.0,
                span.until.0,
                to_word(&span.running)?,
                span.seen,
            ])?;
        }
        drop(save);
        Ok(transaction.commit()?)
    }

    /// Those that reach into the time between the two, of one node or of all, by node and beginning.
    pub fn spans(
        &self,
        node: Option<NodeId>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Span>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT * FROM power_span
             WHERE until > ?1 AND since < ?2 AND (?3 IS NULL OR node = ?3) ORDER BY node, since",
        )?;
        let mut rows = statement.query(params![from.0, to.0, node.map(|node| node.0)])?;
        let mut spans = Vec::new();
        while let Some(row) = rows.next()? {
            spans.push(read(row)?);
        }
        Ok(spans)
    }

    /// Of each node the one that was seen last.
    pub fn last_spans(&self) -> Result<Vec<Span>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT * FROM power_span AS span WHERE since =
                 (SELECT max(since) FROM power_span WHERE node = span.node) ORDER BY node",
        )?;
        let mut rows = statement.query([])?;
        let mut spans = Vec::new();
        while let Some(row) = rows.next()? {
            spans.push(read(row)?);
        }
        Ok(spans)
    }

    /// When the first look was that is still known.
    pub fn spans_begin(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT min(since) FROM power_span")?;
        Ok(statement
            .query_row([], |row| row.get::<_, Option<i64>>(0))?
            .map(Timestamp))
    }

    /// Those of more than 400 days ago, and those that a clock far ahead has made. To be called daily.
    pub fn forget_spans(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.connection.execute(
            "DELETE FROM power_span WHERE until < ?1 OR since > ?2",
            params![now.0.saturating_sub(KEPT_MS), now.plus(AHEAD).0],
        )?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> Result<Span, StoreError> {
    let node = NodeId(row.get("node")?);
    let running: String = row.get("running")?;
    Ok(Span {
        node,
        running: from_word(|| format!("a span of node {node}"), &running)?,
        seen: row.get("seen")?,
        since: time(row, "since")?,
        until: time(row, "until")?,
    })
}
