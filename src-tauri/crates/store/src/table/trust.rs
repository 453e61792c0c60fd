//! Host keys and certificates that the user accepted.

use rusqlite::params;
use wakehub_domain::{PresentedKind, Timestamp};

use crate::row::{from_word, time, to_word};
use crate::{Store, StoreError};

/// In the forms of [`wakehub_domain::Presented`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    pub algorithm: String,
    pub fingerprint: String,
    pub at: Timestamp,
}

impl Store {
    /// A host may have a key per algorithm, and each is accepted for itself: a new one of the same algorithm takes the
    /// place of the old. Of certificates an endpoint has one.
    pub fn accept(
        &mut self,
        endpoint: &str,
        kind: PresentedKind,
        algorithm: &str,
        fingerprint: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let word = to_word(&kind)?;
        let transaction = self.write()?;
        match kind {
            PresentedKind::Certificate => {
                transaction.execute(
                    "DELETE FROM trust WHERE endpoint = ?1 AND kind = ?2",
                    params![endpoint, word],
                )?;
            }
            PresentedKind::HostKey => {}
        }
        transaction.execute(
            "INSERT OR REPLACE INTO trust (endpoint, kind, algorithm, fingerprint, accepted_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![endpoint, word, algorithm, fingerprint, at.0],
        )?;
        Ok(transaction.commit()?)
    }

    /// Empty when nothing was accepted yet.
    pub fn accepted(
        &self,
        endpoint: &str,
        kind: PresentedKind,
    ) -> Result<Vec<Accepted>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT * FROM trust WHERE endpoint = ?1 AND kind = ?2 ORDER BY algorithm",
        )?;
        let rows = statement.query_map(params![endpoint, to_word(&kind)?], |row| {
            Ok(Accepted {
                algorithm: row.get("algorithm")?,
                fingerprint: row.get("fingerprint")?,
                at: time(row, "accepted_at")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Everything that was ever accepted and not forgotten, by endpoint.
    pub fn all_accepted(&self) -> Result<Vec<(String, PresentedKind, Accepted)>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT * FROM trust ORDER BY endpoint, kind, algorithm")?;
        let rows = statement.query_map([], |row| {
            let kind: String = row.get("kind")?;
            let accepted = Accepted {
                algorithm: row.get("algorithm")?,
                fingerprint: row.get("fingerprint")?,
                at: time(row, "accepted_at")?,
            };
            Ok((row.get::<_, String>("endpoint")?, kind, accepted))
        })?;
        rows.map(|row| {
            let (endpoint, kind, accepted) = row?;
            let kind = from_word(|| format!("what was accepted of {endpoint}"), &kind)?;
            Ok((endpoint, kind, accepted))
        })
        .collect()
    }

    /// All that was accepted of the endpoint; what it presents next is shown as new.
    pub fn forget(&mut self, endpoint: &str, kind: PresentedKind) -> Result<(), StoreError> {
        self.connection.execute(
            "DELETE FROM trust WHERE endpoint = ?1 AND kind = ?2",
            params![endpoint, to_word(&kind)?],
        )?;
        Ok(())
    }
}
