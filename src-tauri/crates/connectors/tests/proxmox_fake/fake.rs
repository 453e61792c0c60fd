//! A Proxmox API that is not ours (fakepve, from PyPI) as a child process, and a proxy that counts and cuts connections.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test program uses its own part"
)]

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command as SyncCommand, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use wakehub_connectors::Target;
use wakehub_connectors::proxmox::{ProxmoxAuth, ProxmoxConnector, ProxmoxEndpoint};
use wakehub_domain::{NodeKind, Secret};

pub const PASSWORD: &str = "correct horse";
pub const TOKEN: &str = "wakehub@pve!desk";
pub const TOKEN_SECRET: &str = "6f1d8f5e-3c1a-4f5e-9d53-0d2f6a1b7c11";

/// Newer versions may answer otherwise; the suite says which one it was written against.
const PACKAGE: &str = "fakepve[crypto]==0.5.0";

/// `None`, with the reason printed, where Python or the package cannot be had. On CI that is a failure.
pub async fn fake(spec: Value) -> Option<Fake> {
    match python() {
        Ok(python) => Some(Fake::start(&python, spec).await),
        Err(reason) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "fakepve cannot run: {reason}"
            );
            let _ = writeln!(std::io::stdout(), "SKIPPED: fakepve cannot run: {reason}");
            None
        }
    }
}

pub struct Fake {
    _child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    pub port: u16,
    /// Of its certificate, as our own code writes it.
    pub fingerprint: String,
}

impl Fake {
    async fn start(python: &Path, spec: Value) -> Fake {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proxmox_fake/serve.py");
        let mut child = Command::new(python)
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python starts");
        let orders = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut fake = Fake {
            _child: child,
            orders,
            answers,
            port: 0,
            fingerprint: String::new(),
        };
        let ready = fake.exchange(&spec).await;
        fake.port = u16::try_from(ready["port"].as_u64().expect("a port")).expect("a port");
        let hex = ready["der_sha256"].as_str().expect("a hash").to_uppercase();
        let pairs: Vec<&str> = (0..32).map(|i| &hex[2 * i..2 * i + 2]).collect();
        fake.fingerprint = pairs.join(":");
        fake
    }

    async fn exchange(&mut self, line: &Value) -> Value {
        let line = format!("{line}\n");
        self.orders
            .write_all(line.as_bytes())
            .await
            .expect("fakepve listens");
        let answer = self.answers.next_line().await.expect("fakepve answers");
        serde_json::from_str(&answer.expect("fakepve lives")).expect("JSON")
    }

    pub async fn order(&mut self, order: Value) -> Value {
        let mut answer = self.exchange(&order).await;
        assert!(answer["error"].is_null(), "{order}: {answer}");
        answer["ok"].take()
    }

    /// Calls a method of the FakePve.
    pub async fn call(&mut self, name: &str, args: Value) -> Value {
        self.order(json!({"do": "call", "name": name, "args": args}))
            .await
    }

    pub async fn set(&mut self, vmid: u32, values: Value) {
        self.order(json!({"do": "set", "vmid": vmid, "values": values}))
            .await;
    }

    pub async fn status(&mut self, vmid: u32) -> String {
        let status = self.order(json!({"do": "status", "vmid": vmid})).await;
        status.as_str().expect("a status").to_owned()
    }

    /// `GET /cluster/resources`, in order.
    pub async fn requests(&mut self) -> Vec<String> {
        let seen = self.order(json!({"do": "requests"})).await;
        let seen = seen.as_array().expect("a list").iter();
        seen.map(|row| {
            let path = row[1].as_str().expect("a path");
            let path = path.strip_prefix("/api2/json").unwrap_or(path);
            format!("{} {path}", row[0].as_str().expect("a method"))
        })
        .collect()
    }

    pub async fn forget(&mut self) {
        self.order(json!({"do": "forget"})).await;
    }

    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// With root's password and the certificate accepted.
    pub fn endpoint(&self) -> ProxmoxEndpoint {
        ProxmoxEndpoint {
            url: self.url(),
            member: "pve1".to_owned(),
            auth: ProxmoxAuth::Password {
                user: "root@pam".to_owned(),
                password: Secret::new(PASSWORD),
            },
            pinned: Some(self.fingerprint.clone()),
        }
    }

    pub fn with_token(&self) -> ProxmoxEndpoint {
        ProxmoxEndpoint {
            auth: token(TOKEN_SECRET),
            ..self.endpoint()
        }
    }

    pub fn connector(&self) -> ProxmoxConnector {
        ProxmoxConnector::new(self.endpoint())
    }
}

pub fn vm(vmid: u32) -> Target {
    Target::Guest {
        kind: NodeKind::Vm,
        platform_id: vmid.to_string(),
    }
}

pub fn lxc(vmid: u32) -> Target {
    Target::Guest {
        kind: NodeKind::Lxc,
        platform_id: vmid.to_string(),
    }
}

pub fn token(secret: &str) -> ProxmoxAuth {
    ProxmoxAuth::Token {
        id: TOKEN.to_owned(),
        secret: Secret::new(secret),
    }
}

/// The reference homelab's machine1, with room for what the tests add.
pub fn machine1() -> Value {
    json!({
        "members": ["pve1"],
        "tokens": {TOKEN: TOKEN_SECRET},
        "guests": [
            {"kind": "qemu", "vmid": 100, "name": "vm-docker", "status": "stopped",
             "config": {"cores": 2, "sockets": 2, "memory": "4096", "agent": "1"}},
            {"kind": "lxc", "vmid": 101, "name": "lxc-jellyfin", "status": "running",
             "config": {"cores": 2, "memory": 2048, "net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:21,ip=10.77.0.21/24"}},
        ],
    })
}

/// A virtual environment with fakepve, made once below the target folder and shared by all tests.
fn python() -> Result<PathBuf, String> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fakepve");
    let text = |error: std::io::Error| error.to_string();
    std::fs::create_dir_all(&venv).map_err(text)?;
    let lock = File::create(venv.join("lock")).map_err(text)?;
    lock.lock().map_err(text)?;
    let ready = venv.join("ready");
    let python = venv.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    if std::fs::read_to_string(&ready).is_ok_and(|package| package == PACKAGE) {
        return Ok(python);
    }
    run(SyncCommand::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(SyncCommand::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
    std::fs::write(&ready, PACKAGE).map_err(text)?;
    Ok(python)
}

fn run(command: &mut SyncCommand) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}", said.trim()))
}

/// Stands between a connector and a server, and counts connections: each costs a TLS handshake.
pub struct Proxy {
    pub port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    bytes_up: AtomicUsize,
    bytes_down: AtomicUsize,
    /// For each coming answer, whether it breaks off.
    cuts: Mutex<VecDeque<bool>>,
    drop_idle: tokio::sync::Notify,
}

impl Seen {
    fn next_is_cut(&self) -> bool {
        self.cuts.lock().expect("a plan").pop_front() == Some(true)
    }
}

impl Proxy {
    pub async fn to(target: u16) -> Proxy {
        Proxy::on("127.0.0.1", target).await
    }

    pub async fn on(address: &str, target: u16) -> Proxy {
        let listener = TcpListener::bind((address, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let server = TcpStream::connect(("127.0.0.1", target))
                    .await
                    .expect("a server");
                tokio::spawn(pass(client, server, Arc::clone(&shared)));
            }
        });
        Proxy { port, seen }
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// To the server and from it, TLS with all.
    pub fn bytes(&self) -> (usize, usize) {
        let bytes = [&self.seen.bytes_up, &self.seen.bytes_down];
        let [up, down] = bytes.map(|counter| counter.load(Ordering::SeqCst));
        (up, down)
    }

    /// The next answer breaks off in the middle with a reset.
    pub fn cut_next_answer(&self) {
        self.cut_answers(&[true]);
    }

    /// Of the next answers, those marked do so. Each flight of a handshake counts as one.
    pub fn cut_answers(&self, cuts: &[bool]) {
        self.seen.cuts.lock().expect("a plan").extend(cuts);
    }

    /// Closes the connections that stand now, as a server does with idle ones.
    pub fn drop_connections(&self) {
        self.seen.drop_idle.notify_waiters();
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, seen: Arc<Seen>) {
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut asked = false;
    let dropped = seen.drop_idle.notified();
    tokio::pin!(dropped);
    loop {
        tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(n) if n > 0 => {
                    asked = true;
                    seen.bytes_up.fetch_add(n, Ordering::SeqCst);
                    if server.write_all(&up[..n]).await.is_err() { return; }
                }
                _ => return,
            },
            read = server.read(&mut down) => match read {
                Ok(n) if n > 0 => {
                    seen.bytes_down.fetch_add(n, Ordering::SeqCst);
                    let answers = std::mem::take(&mut asked);
                    if answers && seen.next_is_cut() {
                        let _ = client.write_all(&down[..n / 2]).await;
                        let _ = client.set_zero_linger();
                        return;
                    }
                    if client.write_all(&down[..n]).await.is_err() { return; }
                }
                _ => return,
            },
            () = &mut dropped => return,
        }
    }
}
