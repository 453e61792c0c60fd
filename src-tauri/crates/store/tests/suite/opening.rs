//! What Store::open refuses, sets aside, and leaves untouched.

use rusqlite::Connection;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use wakehub_store::{OpenError, OpenNotice, Store, StoreError};

use crate::fixture::{homelab, open};

/// Tells a child process, which is this test binary again, what to do; see [`child`].
const ROLE: &str = "WAKEHUB_STORE_HOLD";

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry"))
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("reads"))
        })
        .filter(|(name, _)| name != "wakehub.lock" && !name.ends_with("-shm"))
        .collect();
    files.sort();
    files
}

/// With a homelab, closed.
fn filled() -> (TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    homelab(&mut store);
    let id = store.homelab_id().to_owned();
    (directory, id)
}

fn database(directory: &TempDir) -> std::path::PathBuf {
    directory.path().join("wakehub.db")
}

#[test]
fn a_newer_database_is_refused_and_left_untouched() {
    let (directory, _) = filled();
    let raw = Connection::open(database(&directory)).expect("opens");
    raw.pragma_update(None, "user_version", 4_000).expect("set");
    drop(raw);
    let before = files(directory.path());
    let known = match Store::open(directory.path()) {
        Err(OpenError::Newer { found, known }) => {
            assert_eq!(found, 4_000);
            known
        }
        other => panic!("{other:?}"),
    };
    assert!(known >= 1);
    assert_eq!(files(directory.path()), before);
}

#[test]
fn a_newer_version_that_stands_only_in_the_log_is_seen_too() {
    let (directory, _) = filled();
    let raw = Connection::open(database(&directory)).expect("opens");
    raw.pragma_update(None, "wal_autocheckpoint", 0)
        .expect("set");
    raw.pragma_update(None, "user_version", 4_000).expect("set");
    // what a power cut leaves behind
    let left = tempfile::tempdir().expect("a directory");
    for file in ["wakehub.db", "wakehub.db-wal"] {
        fs::copy(directory.path().join(file), left.path().join(file)).expect("copied");
    }
    let before = files(left.path());
    assert_eq!(before.len(), 2);
    assert!(matches!(
        Store::open(left.path()),
        Err(OpenError::Newer { found: 4_000, .. })
    ));
    assert_eq!(files(left.path()), before);
}

fn assert_set_aside(directory: &TempDir, number: u32, content: &[u8]) {
    let (store, notices) = Store::open(directory.path()).expect("opens");
    let kept = directory
        .path()
        .join(format!("wakehub.db.unreadable-{number}"));
    let [OpenNotice::SetAside { path, reason }] = notices.as_slice() else {
        panic!("{notices:?}")
    };
    assert_eq!(path, &kept);
    assert!(!reason.is_empty());
    assert!(fs::read(&kept).expect("kept") == content, "{number}");
    assert!(store.graph().expect("reads").is_empty());
    drop(store);
    // and that is the end of it
    open(directory);
}

#[test]
fn what_is_no_database_is_set_aside_each_time_under_another_name() {
    let (directory, id) = filled();
    let rubbish = b"this is no database, and long enough to be one".repeat(100);
    for number in 1..=3 {
        fs::write(database(&directory), &rubbish).expect("written");
        assert_set_aside(&directory, number, &rubbish);
    }
    assert_ne!(open(&directory).homelab_id(), id);
}

#[test]
fn a_damaged_database_is_set_aside() {
    let (directory, _) = filled();
    let mut bytes = fs::read(database(&directory)).expect("reads");
    // everything but the first page, so that only a look at all pages notices
    for byte in &mut bytes[4096..] {
        *byte = 0x5a;
    }
    fs::write(database(&directory), &bytes).expect("written");
    assert_set_aside(&directory, 1, &bytes);
}

/// Damages the first page of one table alone.
fn damage(directory: &TempDir, table: &str) -> Vec<u8> {
    let raw = Connection::open(database(directory)).expect("opens");
    let page: u32 = raw
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?1",
            [table],
            |row| row.get(0),
        )
        .expect("reads");
    drop(raw);
    let page = page as usize;
    let mut bytes = fs::read(database(directory)).expect("reads");
    bytes[(page - 1) * 4096..page * 4096].fill(0x5a);
    fs::write(database(directory), &bytes).expect("written");
    bytes
}

#[test]
fn damage_to_any_one_table_but_the_journal_is_found_at_once() {
    for table in [
        "node",
        "dependency",
        "cascade",
        "cascade_step",
        "trust",
        "setting",
    ] {
        let (directory, _) = filled();
        let bytes = damage(&directory, table);
        assert_set_aside(&directory, 1, &bytes);
    }
}

#[test]
fn a_damaged_journal_is_found_by_the_check_and_set_aside_when_next_opened() {
    let (directory, _) = filled();
    let bytes = damage(&directory, "journal");
    let store = open(&directory);
    assert_eq!(store.graph().expect("reads").len(), 3);
    assert!(matches!(store.check(), Err(StoreError::Corrupt(_))));
    drop(store);
    assert_set_aside(&directory, 1, &bytes);
    assert_eq!(open(&directory).check(), Ok(()));
}

#[test]
fn a_damaged_journal_is_set_aside_at_once_after_a_crash() {
    let (directory, _) = filled();
    let bytes = damage(&directory, "journal");
    fs::write(directory.path().join("wakehub.db-wal"), b"").expect("written");
    assert_set_aside(&directory, 1, &bytes);
}

#[test]
fn a_truncated_database_is_set_aside() {
    let (directory, _) = filled();
    let mut bytes = fs::read(database(&directory)).expect("reads");
    bytes.truncate(3 * 4096);
    fs::write(database(&directory), &bytes).expect("written");
    assert_set_aside(&directory, 1, &bytes);
}

#[test]
fn the_database_of_another_program_is_set_aside() {
    let directory = tempfile::tempdir().expect("a directory");
    let raw = Connection::open(database(&directory)).expect("opens");
    raw.execute_batch("CREATE TABLE bookmark (url TEXT); PRAGMA user_version = 1;")
        .expect("made");
    drop(raw);
    let bytes = fs::read(database(&directory)).expect("reads");
    assert_set_aside(&directory, 1, &bytes);
}

#[test]
fn the_log_goes_with_the_database_that_is_set_aside() {
    let (directory, _) = filled();
    let raw = Connection::open(database(&directory)).expect("opens");
    raw.execute("UPDATE node SET name = 'renamed'||id", [])
        .expect("written to the log");
    let left = tempfile::tempdir().expect("a directory");
    fs::copy(
        directory.path().join("wakehub.db-wal"),
        left.path().join("wakehub.db-wal"),
    )
    .expect("copied");
    let log = fs::read(left.path().join("wakehub.db-wal")).expect("reads");
    assert!(!log.is_empty());
    let rubbish = vec![b'x'; 8192];
    fs::write(left.path().join("wakehub.db"), &rubbish).expect("written");
    assert_set_aside(&left, 1, &rubbish);
    let kept = left.path().join("wakehub.db.unreadable-1-wal");
    assert!(fs::read(kept).expect("kept") == log);
}

#[test]
fn an_empty_file_is_a_database_not_begun() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(database(&directory), b"").expect("written");
    open(&directory);
}

#[test]
fn what_is_in_the_way_is_an_error_and_stays() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(database(&directory)).expect("made");
    assert!(matches!(
        Store::open(directory.path()),
        Err(OpenError::Io { .. })
    ));
    assert!(database(&directory).is_dir());

    let file = directory.path().join("file");
    fs::write(&file, "x").expect("written");
    assert!(matches!(
        Store::open(&file.join("data")),
        Err(OpenError::Io { .. })
    ));
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_what_is_made() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let above = tempfile::tempdir().expect("a directory");
    let directory = above.path().join("a/b");
    let (mut store, _) = Store::open(&directory).expect("opens");
    homelab(&mut store);
    assert_eq!(mode(&directory), 0o700);
    for file in [
        "wakehub.db",
        "wakehub.db-wal",
        "wakehub.db-shm",
        "wakehub.lock",
    ] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
    drop(store);
    // somebody may have pointed us to a directory of theirs
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("set");
    Store::open(&directory).expect("opens");
    assert_eq!(mode(&directory), 0o755);
}

#[test]
fn a_second_store_in_the_same_process_is_refused() {
    let (directory, id) = filled();
    let first = open(&directory);
    match Store::open(directory.path()) {
        Err(error @ OpenError::Held { pid }) => {
            if cfg!(unix) {
                assert_eq!(pid, Some(std::process::id()));
                let pid = std::process::id();
                assert!(error.to_string().contains(&format!("process {pid}")));
            }
        }
        other => panic!("{other:?}"),
    }
    assert!(!first.graph().expect("reads").is_empty());
    drop(first);
    assert_eq!(open(&directory).homelab_id(), id);
}

#[test]
fn a_store_in_another_process_is_refused_until_that_ends() {
    let (directory, _) = filled();
    let mut holder = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "opening::child", "--nocapture"])
        .env(ROLE, directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("spawned");
    let output = BufReader::new(holder.stdout.take().expect("piped"));
    let mut lines = output.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.ends_with("holding")));
    match Store::open(directory.path()) {
        Err(OpenError::Held { pid }) => {
            if cfg!(unix) {
                assert_eq!(pid, Some(holder.id()));
            }
        }
        other => panic!("{other:?}"),
    }
    holder.kill().expect("killed");
    holder.wait().expect("ended");
    open(&directory);
}

/// Not a test of its own: holds a store until it is killed.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(ROLE) else {
        return;
    };
    let (_store, _) = Store::open(Path::new(&directory)).expect("opens");
    writeln!(std::io::stdout(), "holding").expect("written");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("waits");
}
