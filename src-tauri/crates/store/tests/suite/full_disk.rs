//! A disk that fills up, and one that cannot be written: a small file system in a mount namespace of its own.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use wakehub_domain::{NodeId, Timestamp};
use wakehub_store::{
    EditError, Hold, JournalEntry, JournalFilter, NodeChange, OpenError, Outcome, StepOutcome,
    Store, StoreError,
};

use crate::fixture::{homelab, machine, name, start_plan};

const ROLE: &str = "WAKEHUB_STORE_DISK";

/// Runs the test named after `role` again, as `full_disk::child`, where it may mount.
fn in_own_namespace(role: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args([
            "--map-root-user",
            "--user",
            "--mount",
            "--propagation",
            "private",
        ]);
        command.args(arguments).env(ROLE, role);
        command.env("WAKEHUB_STORE_MOUNT", directory.path());
        command.output()
    };
    let mount = directory.path().to_string_lossy().into_owned();
    let can = run(&["mount", "-t", "tmpfs", "tmpfs", &mount]);
    if !can.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "no mount namespace");
        let mut output = std::io::stdout();
        writeln!(
            output,
            "SKIPPED: no mount namespace to make a small disk in"
        )
        .expect("told");
        return;
    }
    let this = std::env::current_exe().expect("this binary");
    let this = this.to_string_lossy();
    let output = run(&[&this, "--exact", "full_disk::child", "--nocapture"]).expect("ran");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success() && out.contains("reached the end"),
        "{out}{err}"
    );
}

#[test]
fn a_disk_that_fills_up_costs_nothing_that_was_written() {
    in_own_namespace("fills");
}

#[test]
fn opening_on_a_full_disk_sets_nothing_aside() {
    in_own_namespace("full");
}

#[test]
fn a_disk_that_cannot_be_written_is_told() {
    in_own_namespace("read-only");
}

/// Not a test of its own: runs in the namespace.
#[test]
fn child() {
    let (Ok(role), Some(mount)) = (std::env::var(ROLE), std::env::var_os("WAKEHUB_STORE_MOUNT"))
    else {
        return;
    };
    let disk = Path::new(&mount);
    mount_with(disk, "size=1m");
    match role.as_str() {
        "fills" => fills(disk),
        "full" => full(disk),
        "read-only" => read_only(disk),
        other => panic!("{other}"),
    }
    writeln!(std::io::stdout(), "reached the end").expect("written");
}

fn mount_with(disk: &Path, options: &str) {
    let status = Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(disk)
        .status()
        .expect("ran");
    assert!(status.success());
}

fn fill(disk: &Path) {
    let mut ballast = fs::File::create(disk.join("ballast")).expect("made");
    while ballast.write(&[0; 1024]).is_ok_and(|written| written > 0) {}
}

fn fills(disk: &Path) {
    fs::write(disk.join("reserve"), [0; 256 * 1024]).expect("there is room yet");
    let (mut store, _) = Store::open(&disk.join("data")).expect("opens");
    let graph = homelab(&mut store);
    let cascade = store
        .begin_cascade(&start_plan(&graph), &name, Timestamp(1))
        .expect("begins");
    store.step_begun(cascade, 0, Timestamp(2)).expect("begins");
    let entry = JournalEntry {
        message: "x".repeat(1_000),
        ..JournalEntry::default()
    };
    let mut written = 0;
    let error = loop {
        match store.append(&entry) {
            Ok(id) => written = id,
            Err(error) => break error,
        }
        assert!(written < 10_000, "the disk is small");
    };
    assert!(
        matches!(&error, StoreError::Full(m) if m.contains("full")),
        "{error:?}"
    );

    let full = |error: StoreError| assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    fill(disk);
    // what a larger write left room for takes a smaller one, until that is gone too
    let hold = Hold {
        node: NodeId(1),
        until: Timestamp(9),
        set_at: Timestamp(2),
    };
    let refused = (0..1_000).find_map(|_| store.hold(hold).err());
    full(refused.expect("the disk is small"));
    full(
        store
            .step_ended(cascade, 0, Timestamp(3), &StepOutcome::Done)
            .expect_err("no room"),
    );
    full(
        store
            .end_cascade(cascade, Timestamp(3), Outcome::Completed)
            .expect_err("no room"),
    );
    match store.edit(&[NodeChange::Insert(machine(0, "raspberry"))]) {
        Err(EditError::Store(error)) => full(error),
        other => panic!("{other:?}"),
    }
    let check = |store: &Store| {
        assert_eq!(store.graph().expect("reads").nodes(), graph.nodes());
        let newest = &store.journal(&JournalFilter::default()).expect("reads")[0];
        assert_eq!(newest.id, written);
        let record = store.cascade(cascade).expect("reads").expect("is there");
        assert_eq!(record.ended, None);
        assert_eq!(record.steps[0].begun_at, Some(Timestamp(2)));
        assert_eq!(record.steps[0].ended_at, None);
        assert_eq!(store.locks().expect("reads").len(), 3);
    };
    check(&store);

    fs::remove_file(disk.join("reserve")).expect("removed");
    drop(store);
    let (mut store, notices) = Store::open(&disk.join("data")).expect("opens");
    assert_eq!(notices, []);
    check(&store);
    store
        .step_ended(cascade, 0, Timestamp(3), &StepOutcome::Done)
        .expect("there is room");
    store
        .end_cascade(cascade, Timestamp(3), Outcome::Completed)
        .expect("there is room");
}

fn full(disk: &Path) {
    let data = disk.join("data");
    let (mut store, _) = Store::open(&data).expect("opens");
    let graph = homelab(&mut store);
    drop(store);
    fill(disk);
    match Store::open(&data) {
        Ok((store, notices)) => {
            assert_eq!(notices, []);
            assert_eq!(store.graph().expect("reads").nodes(), graph.nodes());
        }
        Err(error) => assert!(matches!(error, OpenError::Full { .. }), "{error:?}"),
    }
    let fresh = Store::open(&disk.join("fresh")).expect_err("no room for a database");
    assert!(matches!(fresh, OpenError::Full { .. }), "{fresh:?}");
    fs::remove_file(disk.join("ballast")).expect("removed");
    for directory in [&data, &disk.join("fresh")] {
        let (_, notices) = Store::open(directory).expect("opens");
        assert_eq!(notices, []);
    }
    let (store, _) = Store::open(&data).expect("opens");
    assert_eq!(store.graph().expect("reads").nodes(), graph.nodes());
}

fn read_only(disk: &Path) {
    let data = disk.join("data");
    let (mut store, _) = Store::open(&data).expect("opens");
    homelab(&mut store);
    drop(store);
    let before = fs::read(data.join("wakehub.db")).expect("reads");
    mount_with(disk, "remount,ro");
    for directory in [&data, &disk.join("fresh")] {
        let error = Store::open(directory).expect_err("it cannot be written");
        assert!(matches!(error, OpenError::Denied { .. }), "{error:?}");
    }
    assert!(fs::read(data.join("wakehub.db")).expect("reads") == before);
}
