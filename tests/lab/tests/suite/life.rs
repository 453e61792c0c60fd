//! Labs as a whole: several at once, and nothing left of one, however it ended.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use wakehub_lab::{Lab, Options};

use crate::support::{pve, ssh, wake};

const SOON: Duration = Duration::from_secs(60);

/// Everything on this computer that bears the lab's number.
fn traces(number: &str) -> Vec<String> {
    let mut traces = Vec::new();
    let mut named = |folder: &str, prefix: &str| {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            if name.starts_with(prefix) {
                traces.push(format!("{folder}/{name}"));
            }
        }
    };
    named("/run/netns", &format!("lab{number}-"));
    named("/sys/class/net", &format!("wh{number}-"));
    for hierarchy in ["", "memory/", "systemd/", "unified/", "pids/"] {
        named(
            &format!("/sys/fs/cgroup/{hierarchy}"),
            &format!("wakehub-lab-{number}"),
        );
    }
    let folder = format!("/run/wakehub-lab/{number}");
    for exact in [format!("/sys/class/net/wh-lab{number}"), folder.clone()] {
        if Path::new(&exact).exists() {
            traces.push(exact);
        }
    }
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let inside = format!("{folder}/");
    traces.extend(
        mounts
            .lines()
            .filter(|line| line.contains(&inside))
            .map(str::to_owned),
    );
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let command = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        if command.contains(&inside) || command.contains(&format!("netns/lab{number}-")) {
            traces.push(command);
        }
    }
    traces
}

fn number(lab: &Lab) -> String {
    lab.directory()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn two_labs_at_once_do_not_know_of_each_other() {
    let options = || Options {
        boot_delay: Duration::from_millis(100),
        ..Options::single()
    };
    let Some(one) = Lab::for_test(options()).await else {
        return;
    };
    let other = Lab::start(options()).await.unwrap();
    assert_ne!(one.address("nas"), other.address("nas"));
    wake(&one, one.broadcast(), 9, &one.mac("nas"), &[]);
    one.wait_until(SOON, "nas is on", |lab| lab.is_on("nas"))
        .await
        .unwrap();
    assert!(other.is_off("nas"));
    assert!(other.packets("nas").is_empty());
    wake(&other, other.broadcast(), 9, &other.mac("nas"), &[]);
    other
        .wait_until(SOON, "nas is on", |lab| lab.is_on("nas"))
        .await
        .unwrap();
    drop(other);
    assert!(ssh(&one, "nas", "root", "true").status.success());
}

#[tokio::test]
async fn nothing_is_left_when_it_is_dropped() {
    let options = Options {
        guest_start: Duration::from_millis(100),
        ..Options::only(&["raspberry", "lxc-jellyfin"]).on(&["raspberry", "machine2"])
    };
    let Some(lab) = Lab::for_test(options).await else {
        return;
    };
    lab.start_container("raspberry", "pihole").await.unwrap();
    pve(&lab, "machine2", "POST", "/nodes/pve2/lxc/101/status/start");
    lab.wait_until(SOON, "101 is on", |lab| lab.is_on("lxc-jellyfin"))
        .await
        .unwrap();
    let number = number(&lab);
    assert!(traces(&number).len() > 5, "{:?}", traces(&number));
    drop(lab);
    assert_eq!(traces(&number), Vec::<String>::new());
}

/// The program `lab`, once it says that its machines run.
fn program(folder: &Path) -> (Child, ChildStdout, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["--only", "nas", "--on", "nas", "--boot", "0.1", "--folder"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut lines = BufReader::new(&mut output).lines();
    let address = lines.next().unwrap().unwrap();
    assert!(address.starts_with("nas "), "{address}");
    let booted = lines.any(|line| line.unwrap().ends_with("booted"));
    assert!(booted);
    let number = address
        .split_whitespace()
        .nth(1)
        .unwrap()
        .split('.')
        .nth(2)
        .unwrap();
    (child, output, number.to_owned())
}

#[tokio::test]
async fn the_program_ends_clean_on_a_signal() {
    if Lab::for_test(Options::single()).await.is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut child, _output, number) = program(folder.path());
    assert!(folder.path().join("homelab.toml").exists());
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(child.wait().unwrap().success());
    assert_eq!(traces(&number), Vec::<String>::new());
}

#[tokio::test]
async fn the_next_lab_sweeps_up_what_a_killed_one_left() {
    if Lab::for_test(Options::single()).await.is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut child, _output, number) = program(folder.path());
    let pid_file = format!("/run/wakehub-lab/{number}/nas/pid");
    let pid = fs::read_to_string(&pid_file).unwrap();
    let pid = pid.split(' ').next().unwrap();
    let running = Path::new("/proc").join(pid);
    assert!(running.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let next = Lab::start(Options::single()).await.unwrap();
    assert!(next.is_off("nas"));
    assert!(
        !running.exists()
            || fs::read_to_string(running.join("cmdline"))
                .unwrap()
                .is_empty()
    );
    if self::number(&next) != number {
        assert_eq!(traces(&number), Vec::<String>::new());
    }
}

/// Not a test by itself: what the next test runs in a process of its own, to end it.
#[tokio::test]
async fn waits_to_be_told_to_end() {
    if std::env::var_os("LAB_WAITS").is_none() {
        return;
    }
    let lab = Lab::start(Options::single().on(&["nas"])).await.unwrap();
    println!("\nlab {}", number(&lab));
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_test_that_is_told_to_end_takes_its_lab_along() {
    if Lab::for_test(Options::single()).await.is_none() {
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "life::waits_to_be_told_to_end", "--nocapture"])
        .env("LAB_WAITS", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut lines = BufReader::new(&mut output).lines().map(Result::unwrap);
    let number = lines
        .find_map(|line| line.strip_prefix("lab ").map(str::to_owned))
        .unwrap();
    assert!(traces(&number).len() > 3);
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(traces(&number), Vec::<String>::new());
}
