//! Nodes that the user keeps on until a time.

use rusqlite::params;
use wakehub_domain::{NodeId, Timestamp};

use crate::row::time;
use crate::{Store, StoreError};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hold {
    pub node: NodeId,
    pub until: Timestamp,
    pub set_at: Timestamp,
}

impl Store {
    /// Replaces the node's hold, be it longer or shorter.
    pub fn hold(&mut self, hold: Hold) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT OR REPLACE INTO hold (node, held_until, set_at) VALUES (?1, ?2, ?3)",
            params![hold.node.0, hold.until.0, hold.set_at.0],
        )?;
        Ok(())
    }

    /// No error when there is none.
    pub fn release(&mut self, node: NodeId) -> Result<(), StoreError> {
        self.connection
            .execute("DELETE FROM hold WHERE node = ?1", [node.0])?;
        Ok(())
    }

    /// Those that still hold, in order of creation of their nodes.
    pub fn holds(&self, now: Timestamp) -> Result<Vec<Hold>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT * FROM hold WHERE held_until > ?1 ORDER BY node")?;
        let rows = statement.query_map([now.0], |row| {
            Ok(Hold {
                node: NodeId(row.get("node")?),
                until: time(row, "held_until")?,
                set_at: time(row, "set_at")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
