//! From any earlier schema to this version's.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use crate::StoreError;

/// In order; the number of those applied is the database's `user_version`. Released ones never change:
/// tests/migrations.rs holds each against its recorded fixture.
const STEPS: &[M<'static>] = &[
    M::up(include_str!("../migrations/0001_first.sql")),
    M::up(include_str!("../migrations/0002_spans.sql")),
];

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

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &[&str] = &[
        include_str!("../tests/fixtures/v1.sql"),
        include_str!("../tests/fixtures/v2.sql"),
    ];

    fn schema(connection: &Connection) -> Vec<(String, Option<String>)> {
        let mut statement = connection
            .prepare("SELECT name, sql FROM sqlite_schema ORDER BY type, name")
            .expect("prepared");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.expect("reads")
            .collect::<Result<_, _>>()
            .expect("reads")
    }

    #[test]
    fn a_released_step_makes_what_it_always_made() {
        assert_eq!(RECORDED.len(), STEPS.len());
        for (at, sql) in RECORDED.iter().enumerate() {
            let recorded = Connection::open_in_memory().expect("opens");
            recorded.execute_batch(sql).expect("the fixture is valid");
            let mut made = Connection::open_in_memory().expect("opens");
            Migrations::from_slice(STEPS)
                .to_version(&mut made, at + 1)
                .expect("migrates");
            assert_eq!(schema(&made), schema(&recorded));
        }
    }

    #[test]
    fn the_mark_is_the_one_that_is_looked_for() {
        let mut made = Connection::open_in_memory().expect("opens");
        to_latest(&mut made).expect("migrates");
        let mark = made.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0));
        assert_eq!(mark, Ok(APPLICATION_ID));
    }
}
