//! No room for the database: nothing is started or stopped that cannot be written down, and all is well again with room.

use crate::sim::{Home, Pocket, REFERENCE, Sim, open_at};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;
use wakehub_domain::Action;
use wakehub_engine::SystemClock;
use wakehub_view::wire::{CascadeStatus, RunAnswer};

const DISK: &str = "WAKEHUB_ENGINE_DISK";

/// Runs the test named again in a mount namespace of its own, with a small disk; there, answers the disk.
fn on_a_small_disk(test: &str) -> Option<PathBuf> {
    if let Some(disk) = std::env::var_os(DISK) {
        let disk = PathBuf::from(disk);
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
            .arg(&disk)
            .status();
        assert!(mounted.expect("mount").success());
        return Some(disk);
    }
    let disk = TempDir::new().expect("folder");
    let unshared = |arguments: &[&str]| {
        Command::new("unshare")
            .args([
                "--map-root-user",
                "--user",
                "--mount",
                "--propagation",
                "private",
            ])
            .args(arguments)
            .env(DISK, disk.path())
            .output()
    };
    let path = disk.path().display().to_string();
    let can = unshared(&["mount", "-t", "tmpfs", "tmpfs", &path]);
    if !can.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "no mount namespace");
        let mut out = std::io::stdout();
        writeln!(out, "SKIPPED: no mount namespace to make a small disk in").expect("told");
        return None;
    }
    let this = std::env::current_exe().expect("this binary");
    let output = unshared(&[&this.display().to_string(), "--exact", test, "--nocapture"]);
    let output = output.expect("ran");
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    None
}

/// To the last byte; removing the file frees the disk.
fn fill(disk: &Path) {
    let mut ballast = std::fs::File::create(disk.join("ballast")).expect("ballast");
    for size in [64 * 1024, 4096, 1] {
        while ballast.write_all(&vec![7; size]).is_ok() {}
    }
}

fn free(disk: &Path) {
    std::fs::remove_file(disk.join("ballast")).expect("freed");
}

async fn home_on(disk: &Path) -> Home {
    let sim = Sim::reference();
    let data = disk.join("data");
    let clock = Arc::new(SystemClock);
    let handle = open_at(&sim, &data, clock, Arc::new(Pocket::default())).await;
    handle.import(REFERENCE.to_owned()).await.expect("imported");
    let home = Home {
        sim,
        handle,
        folder: Arc::new(TempDir::new().expect("folder")),
    };
    home.settled().await;
    home
}

async fn until_told(home: &Home, full: bool) {
    home.wait_for("the notice, or its end", |s| {
        s.notices.iter().any(|n| n.code == "disk_full") == full
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_begins_on_a_full_disk() {
    let Some(disk) = on_a_small_disk("disk_full::nothing_begins_on_a_full_disk") else {
        return;
    };
    let home = home_on(&disk).await;
    fill(&disk);
    let refused = home
        .handle
        .run(home.ask(Action::Start, "lxc-jellyfin"))
        .await;
    let said = format!("{refused:?}");
    assert!(said.contains("the disk is full"), "{said}");
    until_told(&home, true).await;
    assert_eq!(home.sim.asked(), Vec::<String>::new());
    // reading still works
    home.handle.export().await.expect("export");

    free(&disk);
    until_told(&home, false).await;
    let ended = home.run(Action::Start, "lxc-jellyfin").await;
    assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_halts_the_cascade_and_locks_nothing_for_ever() {
    let test = "disk_full::a_disk_that_fills_up_halts_the_cascade_and_locks_nothing_for_ever";
    let Some(disk) = on_a_small_disk(test) else {
        return;
    };
    let home = home_on(&disk).await;
    let filled = disk.clone();
    home.sim.with(|s| {
        s.hook = Some(Arc::new(move |sim: &Sim| {
            if sim.asked().len() == 1 {
                fill(&filled);
            }
        }));
    });
    let answer = home
        .handle
        .run(home.ask(Action::Start, "lxc-jellyfin"))
        .await
        .expect("begun");
    assert!(matches!(answer, RunAnswer::Started { .. }), "{answer:?}");
    let ended = home.ended(answer).await;
    assert_eq!(ended.status, CascadeStatus::Failed, "{ended:#?}");
    let failure = ended.failure.expect("why");
    assert!(
        failure.message.contains("the disk is full"),
        "{}",
        failure.message
    );
    until_told(&home, true).await;
    assert_eq!(
        home.sim.asked(),
        ["wake nas"],
        "no step that is not written"
    );

    home.sim.with(|s| s.hook = None);
    free(&disk);
    until_told(&home, false).await;
    let answer = home.handle.resume(ended.id).await.expect("resumed");
    let ended = home.ended(answer).await;
    assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
}
