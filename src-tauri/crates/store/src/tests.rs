//! What can be seen only from inside.

use rusqlite::Connection;
use wakehub_domain::Timestamp;

use crate::{JournalEntry, JournalFilter, Store, StoreError};

fn open() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().expect("a directory");
    let (store, notices) = Store::open(directory.path()).expect("opens");
    assert_eq!(notices, []);
    (directory, store)
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection
        .query_row(sql, [], |row| row.get(0))
        .expect("a number")
}

#[test]
fn every_commit_is_flushed() {
    let (_directory, store) = open();
    let mode: String = store
        .connection
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .expect("reads");
    assert_eq!(mode, "wal");
    // 2 is FULL (https://sqlite.org/pragma.html#pragma_synchronous)
    assert_eq!(number(&store.connection, "PRAGMA synchronous"), 2);
    assert_eq!(number(&store.connection, "PRAGMA fullfsync"), 1);
    assert_eq!(number(&store.connection, "PRAGMA foreign_keys"), 1);
    assert_eq!(number(&store.connection, "PRAGMA busy_timeout"), 5_000);
}

#[test]
fn a_database_at_its_greatest_size_says_so_and_is_read() {
    let (_directory, mut store) = open();
    let pages = number(&store.connection, "PRAGMA page_count");
    store
        .connection
        .pragma_update(None, "max_page_count", pages + 4)
        .expect("set");
    let entry = JournalEntry {
        message: "x".repeat(2_000),
        ..JournalEntry::default()
    };
    let error = (0..100).find_map(|_| store.append(&entry).err());
    assert!(matches!(error, Some(StoreError::Full(_))), "{error:?}");
    let written = store.journal(&JournalFilter::default()).expect("reads");
    assert!(!written.is_empty());
    store
        .connection
        .pragma_update(None, "max_page_count", pages + 4_000)
        .expect("set");
    let id = store.append(&entry).expect("there is room again");
    assert_eq!(id, written[0].id + 1);
}

/// In one transaction: as many entries as the journal keeps, and more.
fn fill_journal(store: &Store, entries: u32, at: i64) {
    store
        .connection
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
             INSERT INTO journal (at, kind, message, reason)
             SELECT ?2, 'step', 'step ' || i || ' of lxc-jellyfin is done', 'needed by entry' || i FROM n",
            [i64::from(entries), at],
        )
        .expect("filled");
}

#[test]
fn the_journal_is_bounded_in_number() {
    let (directory, mut store) = open();
    let now = Timestamp(1_000_000);
    fill_journal(&store, 100_500, now.0);
    let entry = JournalEntry {
        at: now,
        message: "the newest".into(),
        ..JournalEntry::default()
    };
    // every 256th looks at the oldest
    for _ in 0..512 {
        store.append(&entry).expect("written");
    }
    let kept = number(&store.connection, "SELECT count(*) FROM journal");
    assert!((100_000..100_300).contains(&kept), "{kept}");
    let search = |text: &str| {
        let text = Some(text.to_owned());
        let filter = JournalFilter {
            text,
            ..JournalFilter::default()
        };
        store.journal(&filter).expect("reads").len()
    };
    assert_eq!(search("entry100499"), 1);
    // gone from the index too
    assert_eq!(search("entry7"), 100);
    assert_eq!(
        number(
            &store.connection,
            "SELECT count(*) FROM journal_text WHERE journal_text MATCH '\"entry1\"'"
        ),
        0
    );
    assert_eq!(search("jellyfin done"), 100);
    drop(store);
    let (store, _) = Store::open(directory.path()).expect("opens");
    drop(store);
}

#[test]
fn old_entries_go_but_never_the_last_thousand() {
    let (_directory, mut store) = open();
    fill_journal(&store, 1_535, 0);
    let entry = JournalEntry {
        at: Timestamp(401 * 24 * 60 * 60 * 1000),
        ..JournalEntry::default()
    };
    // the 1,536th looks at the 512 oldest
    assert_eq!(store.append(&entry).expect("written"), 1_536);
    assert_eq!(
        number(&store.connection, "SELECT count(*) FROM journal"),
        1_024
    );
    for _ in 0..256 {
        store.append(&entry).expect("written");
    }
    assert_eq!(
        number(&store.connection, "SELECT count(*) FROM journal"),
        1_000
    );
    assert_eq!(
        number(&store.connection, "SELECT min(id) FROM journal"),
        793
    );
}

#[test]
fn no_table_has_a_place_for_a_secret() {
    let (_directory, store) = open();
    let mut statement = store
        .connection
        .prepare(
            "SELECT t.name || '.' || c.name FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
             WHERE t.schema = 'main'",
        )
        .expect("prepared");
    let columns: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .expect("reads")
        .collect::<Result<_, _>>()
        .expect("reads");
    assert!(columns.len() > 50);
    for word in ["password", "passphrase", "secret", "token"] {
        assert!(
            columns.iter().all(|column| !column.contains(word)),
            "{word}"
        );
    }
}

#[test]
fn a_store_can_be_given_to_another_thread() {
    fn sendable<T: Send>() {}
    sendable::<Store>();
}
