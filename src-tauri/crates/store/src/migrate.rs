//! From any earlier schema to this version's.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use crate::StoreError;

/// In order; the number of those applied is the database's `user_version`. Released ones never change:
/// tests/migrations.rs holds each against its recorded fixture.
const STEPS: &[M<'static>] = &[M::up(include_str!("../migrations/0001_first.sql"))];

/// The schema that this version writes.
pub(crate) const KNOWN: u32 = STEPS.len() as u32;

/// Marks the file as WakeHub's (SQLite's `application_id`): `Wake` in ASCII.
pub(crate) const APPLICATION_ID: i64 = 0x5761_6b65;

/// Each step in a transaction of its own.
pub(crate) fn to_latest(connection: &mut Connection) -> Result<(), StoreError> {
    Migrations::from_slice(STEPS)
        .to_latest(connection)
        .map_err(|error| {
            if let rusqlite_migration::Error::RusqliteError { err, .. } = error {
                return err.into();
            }
            StoreError::Other(error.to_string())
        })
}
