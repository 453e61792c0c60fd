//! Questions that wait for the user's answer.

use rusqlite::{OptionalExtension, Row, params};
use wakehub_domain::{CascadeId, NodeId, QuestionId, Timestamp};

use crate::row::{time, time_if_any};
use crate::{Store, StoreError};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewQuestion {
    pub node: NodeId,
    /// What it is about; a node has at most one open question of a kind.
    pub kind: String,
    /// `no longer needed once lxc-jellyfin is off`
    pub reason: String,
    /// That led to it.
    pub cascade: Option<CascadeId>,
    pub asked_at: Timestamp,
    pub ask_again_at: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    pub id: QuestionId,
    pub node: NodeId,
    pub kind: String,
    pub reason: String,
    pub cascade: Option<CascadeId>,
    pub asked_at: Timestamp,
    pub ask_again_at: Option<Timestamp>,
    /// The first answer, and when it came; `None` while the question is open.
    pub settled: Option<(Timestamp, String)>,
}

impl Store {
    /// A question that is open already is asked anew, with the new reason, and keeps its id.
    pub fn ask(&mut self, question: &NewQuestion) -> Result<QuestionId, StoreError> {
        let id = self.connection.query_row(
            "INSERT INTO question (node, kind, reason, cascade, asked_at, ask_again_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (node, kind) WHERE settled_at IS NULL
             DO UPDATE SET reason = ?3, cascade = ?4, asked_at = ?5, ask_again_at = ?6
             RETURNING id",
            params![
                question.node.0,
                question.kind,
                question.reason,
                question.cascade.map(|id| id.0),
                question.asked_at.0,
                question.ask_again_at.map(|at| at.0),
            ],
            |row| row.get(0),
        )?;
        Ok(QuestionId(id))
    }

    /// When the open question is to be put to the user again.
    pub fn ask_again(&mut self, id: QuestionId, at: Option<Timestamp>) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE question SET ask_again_at = ?2 WHERE id = ?1 AND settled_at IS NULL",
            params![id.0, at.map(|at| at.0)],
        )?;
        Ok(())
    }

    /// True when this answer settled it; false when it was settled before (the first answer stands) or is gone with its
    /// node.
    pub fn settle(
        &mut self,
        id: QuestionId,
        answer: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let settled = self.connection.execute(
            "UPDATE question SET settled_at = ?2, answer = ?3 WHERE id = ?1 AND settled_at IS NULL",
            params![id.0, at.0, answer],
        )?;
        Ok(settled == 1)
    }

    pub fn question(&self, id: QuestionId) -> Result<Option<Question>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT * FROM question WHERE id = ?1")?
            .query_row([id.0], read)
            .optional()?)
    }

    /// Oldest first.
    pub fn open_questions(&self) -> Result<Vec<Question>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT * FROM question WHERE settled_at IS NULL ORDER BY asked_at, id",
        )?;
        let rows = statement.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Question> {
    let settled_at = time_if_any(row, "settled_at")?;
    Ok(Question {
        id: QuestionId(row.get("id")?),
        node: NodeId(row.get("node")?),
        kind: row.get("kind")?,
        reason: row.get("reason")?,
        cascade: row.get::<_, Option<u32>>("cascade")?.map(CascadeId),
        asked_at: time(row, "asked_at")?,
        ask_again_at: time_if_any(row, "ask_again_at")?,
        settled: settled_at.zip(row.get("answer")?),
    })
}
