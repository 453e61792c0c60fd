//! The last observed states, for display until something has been observed anew. A plan is never made from them.

use rusqlite::params;
use std::collections::BTreeMap;
use wakehub_domain::{NodeId, Observation, Timestamp};

use crate::row::{from_json, from_word, to_json, to_word};
use crate::{Store, StoreError};

impl Store {
    /// In one transaction. Nodes that were removed meanwhile are passed over.
    pub fn save_states<'a>(
        &mut self,
        states: impl IntoIterator<Item = (NodeId, &'a Observation)>,
    ) -> Result<(), StoreError> {
        let transaction = self.write()?;
        let mut save = transaction.prepare_cached(
            "INSERT OR REPLACE INTO state (node, state, since, seen, source, note)
             SELECT id, ?2, ?3, ?4, ?5, ?6 FROM node WHERE id = ?1",
        )?;
        for (node, observation) in states {
            save.execute(params![
                node.0,
                to_json(&observation.state)?,
                observation.since.0,
                observation.seen.0,
                to_word(&observation.source)?,
                observation.note,
            ])?;
        }
        drop(save);
        Ok(transaction.commit()?)
    }

    pub fn states(&self) -> Result<BTreeMap<NodeId, Observation>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT * FROM state")?;
        let mut rows = statement.query([])?;
        let mut states = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let node = NodeId(row.get("node")?);
            let what = || format!("the state of node {node}");
            let (state, source): (String, String) = (row.get("state")?, row.get("source")?);
            let observation = Observation {
                state: from_json(what, &state)?,
                since: Timestamp(row.get("since")?),
                seen: Timestamp(row.get("seen")?),
                source: from_word(what, &source)?,
                note: row.get("note")?,
            };
            states.insert(node, observation);
        }
        Ok(states)
    }
}
