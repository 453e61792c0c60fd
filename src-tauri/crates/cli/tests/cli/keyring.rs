//! Secrets: with the real gnome-keyring on a D-Bus of the test's own, and without any.

use crate::wakehub::{Ended, Wakehub};
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

const MARKER: &str = "marker-5f0c9b";
const CONFIGURATION: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;

/// A bus and the keyring on it; both end with the test.
struct Session {
    address: String,
    _bus: Child,
    _keyring: Child,
    _home: TempDir,
}

impl Session {
    async fn new() -> Session {
        let home = TempDir::new().expect("folder");
        let configuration = home.path().join("bus.conf");
        std::fs::write(&configuration, CONFIGURATION).expect("written");
        let mut bus = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", configuration.display()))
            .args(["--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("dbus-daemon must be installed");
        let mut lines = BufReader::new(bus.stdout.take().expect("stdout")).lines();
        let address = lines.next_line().await.expect("text").expect("an address");
        let mut keyring = Command::new("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .arg(format!(
                "--control-directory={}",
                home.path().join("control").display()
            ))
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .env("HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .env("XDG_DATA_HOME", home.path().join("data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("gnome-keyring-daemon must be installed");
        let mut stdin = keyring.stdin.take().expect("stdin");
        stdin
            .write_all(b"password of the login")
            .await
            .expect("unlocked");
        drop(stdin);
        // answers when the name has an owner
        let waited = Command::new("gdbus")
            .args([
                "wait",
                "--session",
                "--timeout",
                "20",
                "org.freedesktop.secrets",
            ])
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .status();
        assert!(waited.await.expect("gdbus must be installed").success());
        Session {
            address,
            _bus: bus,
            _keyring: keyring,
            _home: home,
        }
    }
}

impl Session {
    /// As a screen saver does. Nobody is there to answer a password dialog.
    async fn lock(&self) {
        let locked = Command::new("gdbus")
            .args(["call", "--session", "--dest", "org.freedesktop.secrets"])
            .args(["--object-path", "/org/freedesktop/secrets"])
            .args(["--method", "org.freedesktop.Secret.Service.Lock"])
            .arg("['/org/freedesktop/secrets/collection/login']")
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .output();
        let locked = locked.await.expect("gdbus must be installed");
        let said = String::from_utf8_lossy(&locked.stdout).into_owned();
        assert!(said.contains("collection/login"), "{locked:?}");
    }
}

fn hides(ended: &Ended) {
    assert!(!ended.stdout.contains(MARKER), "on standard output");
    assert!(!ended.stderr.contains(MARKER), "on standard error");
}

fn in_files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(in_files(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap_or_default();
            if bytes
                .windows(MARKER.len())
                .any(|part| part == MARKER.as_bytes())
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_secret_is_in_the_keyring_and_nowhere_else() {
    let session = Session::new().await;
    let mut wakehub = Wakehub::with_reference().await;
    wakehub.bus = Some(session.address.clone());
    let set = ["secret", "set", "machine1", "proxmox-token", "--json"];
    let answer = wakehub.run_with(&set, &format!("{MARKER}\n")).await.done();
    hides(&answer);
    assert_eq!(answer.json()["removed"], false);

    let kept = |wakehub: &Wakehub| {
        let mut command = Command::new("secret-tool");
        command.args(["search", "--all", "service", "wakehub"]).env(
            "DBUS_SESSION_BUS_ADDRESS",
            wakehub.bus.as_deref().unwrap_or_default(),
        );
        async move {
            let output = command.output().await.expect("secret-tool");
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
    };
    let found = kept(&wakehub).await;
    assert!(found.contains(MARKER), "the keyring has it: {found}");
    assert!(
        !found.contains(&format!("{MARKER}\\n")),
        "without the line's end"
    );

    // it is used (the log is on trace) and still shown nowhere
    for args in [
        &["nodes"][..],
        &["nodes", "--json"],
        &["test", "machine1"],
        &["test", "machine1", "--json"],
        &["journal", "--json"],
        &["export"],
        &["export", "--json"],
        &["plan", "stop", "machine1", "--json"],
    ] {
        hides(&wakehub.run(args).await);
    }
    assert_eq!(in_files(wakehub.home.path()), Vec::<String>::new());
    let again = wakehub
        .run_with(&["import", "-", "--json"], &crate::wakehub::reference())
        .await;
    let report = again.done().json();
    let missing = report["missing_secrets"].to_string();
    assert!(
        !missing.contains(r#"["machine1","proxmox-token"]"#),
        "{missing}"
    );
    assert!(
        missing.contains(r#"["machine2","proxmox-token"]"#),
        "{missing}"
    );

    // an empty value removes it
    let removed = wakehub.run_with(&set, "").await.done();
    assert_eq!(removed.json()["removed"], true);
    assert!(!kept(&wakehub).await.contains(MARKER));
}

#[tokio::test]
async fn without_a_keyring_a_secret_is_refused_and_shown_nowhere() {
    let mut wakehub = Wakehub::with_reference().await;
    for bus in [None, Some("unix:path=/nonexistent/bus"), Some("nonsense")] {
        wakehub.bus = bus.map(str::to_owned);
        for args in [
            &["secret", "set", "machine1", "ssh-password"][..],
            &["secret", "set", "machine1", "ssh-password", "--json"],
        ] {
            let answer = wakehub.run_with(args, MARKER).await;
            hides(&answer);
            assert_eq!(answer.status, 1, "{bus:?}: {answer:?}");
            let said = format!("{}{}", answer.stdout, answer.stderr);
            assert!(said.contains("there is no keyring"), "{bus:?}: {said}");
        }
    }
    assert_eq!(in_files(wakehub.home.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_locked_keyring_is_said_and_what_needs_no_secret_works() {
    let session = Session::new().await;
    let mut wakehub = Wakehub::with_reference().await;
    wakehub.bus = Some(session.address.clone());
    let set = ["secret", "set", "machine1", "proxmox-token"];
    wakehub.run_with(&set, "kept before").await.done();
    session.lock().await;

    for args in [
        &set[..],
        &["secret", "set", "nas", "ssh-password", "--json"],
    ] {
        let answer = wakehub.run_with(args, MARKER).await;
        hides(&answer);
        assert_eq!(answer.status, 1, "{answer:?}");
        let said = format!("{}{}", answer.stdout, answer.stderr);
        assert!(said.contains("the keyring is locked"), "{said}");
    }
    // what is in it is missing nowhere: it is only out of reach
    let asked = wakehub.run(&["discover", "machine1"]).await.complaint();
    assert!(asked.contains("the keyring is locked"), "{asked}");
    let plan = ["plan", "start", "vm-ubuntu"];
    let plan = wakehub.run(&plan).await.done().stdout;
    assert!(plan.contains("start vm-ubuntu"), "{plan}");
    for args in [&["nodes"][..], &["journal"], &["export"], &["test", "nas"]] {
        let answer = wakehub.run(args).await;
        assert!(!answer.stderr.contains("panicked"), "{answer:?}");
        if args[0] != "test" {
            answer.done();
        }
    }
}

#[tokio::test]
async fn a_secret_of_a_name_that_is_none_is_refused_with_those_there_are() {
    let wakehub = Wakehub::with_reference().await;
    let answer = wakehub
        .run_with(&["secret", "set", "nas", "pin"], MARKER)
        .await;
    hides(&answer);
    let complaint = answer.complaint_with(2);
    assert!(complaint.contains("ssh-password"), "{complaint}");
}
