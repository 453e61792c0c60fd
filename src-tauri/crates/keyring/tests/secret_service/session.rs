//! A D-Bus session of a test's own. A program finds its session in the environment, so the test runs itself again in one.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its session has failed"
)]

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use zbus::zvariant::OwnedObjectPath;
use zbus::{Connection, Proxy, fdo, interface};

const INSIDE: &str = "WAKEHUB_TEST_SESSION";
const SECRETS: &str = "org.freedesktop.secrets";
const CONFIGURATION: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;

pub struct Session {
    home: PathBuf,
}

pub struct Daemon(Child);

/// Password dialogs that were opened; nobody answers them.
#[derive(Clone)]
pub struct Dialogs(
    Arc<AtomicUsize>,
    #[expect(dead_code, reason = "keeps the name")] Connection,
);

impl Session {
    /// Runs the test named in a session of its own and answers `None`; in that run, answers the session.
    pub async fn enter(test: &str) -> Option<Session> {
        if let Ok(home) = std::env::var(INSIDE) {
            return Some(Session { home: home.into() });
        }
        let home = TempDir::new().unwrap();
        let configuration = home.path().join("bus.conf");
        std::fs::write(&configuration, CONFIGURATION).unwrap();
        let mut bus = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", configuration.display()))
            .args(["--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("dbus-daemon must be installed");
        let mut lines = BufReader::new(bus.stdout.take().unwrap()).lines();
        let address = lines.next_line().await.unwrap().unwrap();
        again(test, &home, &address).await;
        bus.kill().await.unwrap();
        None
    }

    pub async fn enter_without_bus(test: &str) -> Option<Session> {
        if let Ok(home) = std::env::var(INSIDE) {
            return Some(Session { home: home.into() });
        }
        let home = TempDir::new().unwrap();
        again(test, &home, "unix:path=/nonexistent/bus").await;
        None
    }

    /// The real daemon, with the login collection unlocked. Answers when it serves.
    pub async fn keyring(&self) -> Daemon {
        let mut daemon = Command::new("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .arg(format!(
                "--control-directory={}",
                self.home.join("control").display()
            ))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("gnome-keyring-daemon must be installed");
        let mut stdin = daemon.stdin.take().unwrap();
        stdin.write_all(b"password of the login").await.unwrap();
        drop(stdin);
        owned(SECRETS, true).await;
        Daemon(daemon)
    }

    /// Stands in for the desktop's password dialog: it opens, and nobody answers.
    pub async fn dialog_left_open(&self) -> Dialogs {
        let opened = Arc::new(AtomicUsize::new(0));
        let connection = zbus::connection::Builder::session()
            .unwrap()
            .name("org.gnome.keyring.SystemPrompter")
            .unwrap()
            .serve_at("/org/gnome/keyring/Prompter", Prompter(opened.clone()))
            .unwrap()
            .build()
            .await
            .unwrap();
        Dialogs(opened, connection)
    }

    pub async fn lock(&self) {
        let connection = Connection::session().await.unwrap();
        let service = Proxy::new(
            &connection,
            SECRETS,
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service",
        )
        .await
        .unwrap();
        let path: OwnedObjectPath = service.call("ReadAlias", &"default").await.unwrap();
        let (locked, _): (Vec<OwnedObjectPath>, OwnedObjectPath) =
            service.call("Lock", &[path].as_slice()).await.unwrap();
        assert_eq!(locked.len(), 1);
    }

    pub async fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program)
            .args(arguments)
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Daemon {
    pub async fn end(mut self) {
        self.0.kill().await.unwrap();
        owned(SECRETS, false).await;
    }
}

impl Dialogs {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

struct Prompter(Arc<AtomicUsize>);

#[interface(name = "org.gnome.keyring.internal.Prompter")]
impl Prompter {
    fn begin_prompting(&self, _callback: OwnedObjectPath) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn stop_prompting(&self, _callback: OwnedObjectPath) {}
}

async fn again(test: &str, home: &TempDir, address: &str) {
    let path = home.path();
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, path)
        .env("DBUS_SESSION_BUS_ADDRESS", address)
        .env("HOME", path)
        .env("XDG_RUNTIME_DIR", path)
        .env("XDG_DATA_HOME", path.join("data"))
        .env("XDG_CACHE_HOME", path.join("cache"))
        .env("XDG_CONFIG_HOME", path.join("config"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .kill_on_drop(true)
        .status()
        .await
        .unwrap();
    assert!(run.success(), "{test} failed in its session");
}

/// Waits until the name has an owner, or has none.
async fn owned(name: &str, wanted: bool) {
    use futures_util::StreamExt;
    let connection = Connection::session().await.unwrap();
    let bus = fdo::DBusProxy::new(&connection).await.unwrap();
    let mut changes = bus
        .receive_name_owner_changed_with_args(&[(0, name)])
        .await
        .unwrap();
    while bus.name_has_owner(name.try_into().unwrap()).await.unwrap() != wanted {
        changes.next().await.unwrap();
    }
}
