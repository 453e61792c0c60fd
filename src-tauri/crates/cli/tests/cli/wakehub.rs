//! One data directory and the command on it, with an environment of its own: no keyring and no D-Bus unless given.

use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The reference homelab on addresses of this computer's loopback, where nothing of it answers.
pub fn reference() -> String {
    include_str!("../../../engine/tests/support/reference.toml").replace("10.77.0.", "127.77.0.")
}

/// Far longer than any of these commands takes; one that hangs fails its test.
const PATIENCE: Duration = Duration::from_secs(60);
const NO_BUS: &str = "unix:path=/nonexistent/bus";

pub struct Wakehub {
    pub home: TempDir,
    /// `DBUS_SESSION_BUS_ADDRESS`; `None` leaves it out.
    pub bus: Option<String>,
}

#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Wakehub {
    pub fn new() -> Wakehub {
        Wakehub {
            home: TempDir::new().expect("folder"),
            bus: Some(NO_BUS.to_owned()),
        }
    }

    /// With the reference homelab imported.
    pub async fn with_reference() -> Wakehub {
        let wakehub = Wakehub::new();
        let imported = wakehub.run_with(&["import", "-"], &reference()).await;
        assert_eq!(imported.status, 0, "{imported:?}");
        wakehub
    }

    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    pub async fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, "").await
    }

    pub async fn run_with(&self, args: &[&str], input: &str) -> Ended {
        let mut child = self.command(args).spawn().expect("spawned");
        let mut stdin = child.stdin.take().expect("stdin");
        // a command that does not read its input closes it; that is no failure
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
            .await
            .unwrap_or_else(|_| panic!("wakehub {args:?} hangs"))
            .expect("output");
        Ended {
            status: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// `wakehub run`, once it says that it runs.
    pub async fn running(&self) -> (Child, Lines<BufReader<ChildStdout>>) {
        self.running_with(&["run"]).await
    }

    pub async fn running_with(&self, args: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
        let mut child = self
            .command(args)
            // nobody reads its log while it runs, and a pipe that is full would hold it up
            .env("WAKEHUB_LOG", "warn")
            .spawn()
            .expect("spawned");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let first = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let first = first.expect("says something").expect("text");
        assert!(
            first
                .as_deref()
                .is_some_and(|line| line.starts_with("running")),
            "{first:?}"
        );
        (child, lines)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wakehub"));
        let home = self.home.path();
        command
            .args(args)
            .env_clear()
            .env("HOME", home)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("XDG_RUNTIME_DIR", home)
            .env("WAKEHUB_DATA_DIR", self.data_dir())
            .env("WAKEHUB_LOG", "trace")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(bus) = &self.bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", bus);
        }
        command
    }
}

impl Ended {
    /// The only line on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(self.stdout.trim_end())
            .unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn done(self) -> Ended {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    /// Ended with exit status 1; the complaint, without log lines.
    pub fn complaint(&self) -> String {
        self.complaint_with(1)
    }

    pub fn complaint_with(&self, status: i32) -> String {
        assert_eq!(self.status, status, "{self:?}");
        let at = self.stderr.find("wakehub: ");
        let at = at.unwrap_or_else(|| panic!("no complaint: {self:?}"));
        self.stderr[at..].trim_end().to_owned()
    }
}
