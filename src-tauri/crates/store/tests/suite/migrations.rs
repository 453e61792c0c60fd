//! A database of every earlier version is brought up to date, and what stood in it is read.

use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use wakehub_domain::{Action, Intent, NodeId, PowerOff, PresentedKind, Probe, Timestamp};
use wakehub_store::{JournalFilter, NodeChange, OpenError, Outcome, SettingKey, StepStatus, Store};

use crate::fixture::{machine, open};

/// One recorded database per version, the first first. A new migration adds the one that its version makes.
const RECORDED: &[&str] = &[
    include_str!("../fixtures/v1.sql"),
    include_str!("../fixtures/v2.sql"),
];

fn record(directory: &Path, sql: &str) {
    let raw = Connection::open(directory.join("wakehub.db")).expect("made");
    raw.execute_batch(sql).expect("the fixture is valid");
}

fn schema(directory: &Path) -> Vec<(String, String, Option<String>)> {
    let raw = Connection::open(directory.join("wakehub.db")).expect("opens");
    let mut statement = raw
        .prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")
        .expect("prepared");
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("reads");
    rows.collect::<Result<_, _>>().expect("reads")
}

fn version(directory: &Path) -> usize {
    let raw = Connection::open(directory.join("wakehub.db")).expect("opens");
    let version: u32 = raw
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .expect("reads");
    version as usize
}

#[test]
fn every_version_is_recorded() {
    let directory = tempfile::tempdir().expect("a directory");
    drop(open(&directory));
    assert_eq!(version(directory.path()), RECORDED.len());
    for (at, sql) in RECORDED.iter().enumerate() {
        let recorded = tempfile::tempdir().expect("a directory");
        record(recorded.path(), sql);
        assert_eq!(version(recorded.path()), at + 1);
    }
}

#[test]
fn a_migrated_database_has_the_form_of_a_fresh_one() {
    let fresh = tempfile::tempdir().expect("a directory");
    drop(open(&fresh));
    for sql in RECORDED {
        let migrated = tempfile::tempdir().expect("a directory");
        record(migrated.path(), sql);
        drop(open(&migrated));
        assert_eq!(schema(migrated.path()), schema(fresh.path()));
    }
}

#[test]
fn a_recorded_database_is_read_whole() {
    const POLL: SettingKey<u32> = SettingKey::new("poll_s");
    for (at, sql) in RECORDED.iter().enumerate() {
        let directory = tempfile::tempdir().expect("a directory");
        record(directory.path(), sql);
        let mut store = open(&directory);
        assert_eq!(store.homelab_id(), "00112233445566778899aabbccddeeff");
        let graph = store.graph().expect("reads");
        let names: Vec<_> = graph.nodes().iter().map(|n| n.name.as_str()).collect();
        assert_eq!(names, ["nas", "machine2", "lxc-jellyfin"]);
        let nas = graph.find("nas").expect("there");
        assert!(nas.settings.pinned && nas.settings.confirm_before_auto_stop == Some(true));
        assert_eq!(nas.settings.watts_on, Some(35.5));
        let machine2 = graph.find("machine2").expect("there");
        assert_eq!(machine2.settings.power_off, PowerOff::Suspend);
        let jellyfin = graph.find("lxc-jellyfin").expect("there");
        assert_eq!(jellyfin.depends_on, [nas.id]);
        let probe = Probe::Tcp("10.77.0.21:8096".into());
        assert_eq!(jellyfin.settings.readiness, Some(probe));

        assert_eq!(store.discovered().expect("reads").len(), 2);
        let keys = store.accepted("10.77.0.3:22", PresentedKind::HostKey);
        assert_eq!(keys.expect("reads").len(), 1);
        assert_eq!(store.holds(Timestamp(10)).expect("reads").len(), 1);
        assert_eq!(store.open_questions().expect("reads").len(), 1);
        assert_eq!(store.states().expect("reads").len(), 2);
        assert_eq!(store.setting(&POLL).expect("reads"), Some(30));
        let found = store.journal(&JournalFilter {
            text: Some("jellyfin ask".into()),
            ..JournalFilter::default()
        });
        assert_eq!(found.expect("reads").len(), 1);

        let spans = store.last_spans().expect("reads");
        let spans: Vec<_> = spans
            .iter()
            .map(|s| (s.node.0, s.seen, s.until.0))
            .collect();
        let recorded: &[_] = if at == 0 {
            &[]
        } else {
            &[(1, false, 9000), (2, true, 9000)]
        };
        assert_eq!(spans, recorded);

        let cascades = store.recent_cascades(9).expect("reads");
        let [second, first] = cascades.as_slice() else {
            panic!("{cascades:?}")
        };
        assert_eq!(first.ended, Some((Timestamp(9000), Outcome::Failed)));
        assert!(
            matches!(&first.steps[1].status, StepStatus::Failed(e) if e.message == "CT is locked (backup)")
        );
        assert_eq!(second.steps[0].status, StepStatus::Running);
        assert!(matches!(
            second.resume(),
            Intent::Stop { automatic: true, stopped_before, .. } if stopped_before.len() == 2
        ));
        let usual = BTreeMap::from([((nas.id, Action::Start), Duration::from_secs(4))]);
        assert_eq!(store.usual_durations().expect("reads"), usual);

        store
            .interrupt_unfinished(Timestamp(11_000))
            .expect("marked");
        let added = store.edit(&[NodeChange::Insert(machine(0, "raspberry"))]);
        assert_eq!(added.expect("added").inserted, [NodeId(7)]);
    }
}

#[test]
fn a_migration_that_cannot_be_done_leaves_the_database_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let raw = Connection::open(directory.path().join("wakehub.db")).expect("made");
    raw.execute_batch("CREATE TABLE seat (id INTEGER);")
        .expect("made");
    // somebody else is writing, for longer than the store waits
    raw.execute_batch("BEGIN EXCLUSIVE").expect("begun");
    assert!(matches!(
        Store::open(directory.path()),
        Err(OpenError::Store(_))
    ));
    raw.execute_batch("ROLLBACK").expect("ended");
    assert_eq!(schema(directory.path()).len(), 1);
}
