//! Real engines for tests: `dockerd` in a network namespace of its own, and Podman's service as a second kind.

#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "each test program uses its own part, and fails where it cannot be set up"
)]

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wakehub_connectors::docker::{DockerConnector, DockerEndpoint};
use wakehub_connectors::{Connector, GuestReport, StopOptions, Target};
use wakehub_domain::{NodeKind, PowerOff};

#[path = "certs.rs"]
pub mod certs;

use certs::Certs;

/// How the engine listens, beside its socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listen {
    /// 2375, without any protection.
    Open,
    /// 2376, for clients with a certificate of its authority.
    Certificates,
    /// 2376, encrypted, for everybody.
    Encrypted,
}

/// `None`, with the reason printed, where no engine can run. On CI that is a failure.
pub fn boot(listen: Listen) -> Option<Engine> {
    available(&["dockerd", "docker", "ip", "nsenter", "setpriv", "openssl"])
        .then(|| Engine::boot(listen))
}

/// As [`boot`].
pub fn boot_podman() -> Option<Podman> {
    available(&["podman", "ip", "nsenter", "setpriv"]).then(Podman::boot)
}

pub fn available(programs: &[&str]) -> bool {
    let missing = missing(programs);
    if let Some(reason) = &missing {
        assert!(
            std::env::var_os("CI").is_none(),
            "no engine can run here: {reason}"
        );
        let _ = writeln!(
            std::io::stdout(),
            "SKIPPED: no engine can run here: {reason}"
        );
    }
    missing.is_none()
}

fn missing(programs: &[&str]) -> Option<String> {
    if output(Command::new("id").arg("-u")) != "0" {
        return Some("not root".into());
    }
    if !Path::new("/bin/busybox").exists() {
        return Some("busybox-static is not installed".into());
    }
    programs
        .iter()
        .find(|program| !in_path(program))
        .map(|program| format!("{program} is not installed"))
}

fn in_path(program: &str) -> bool {
    Command::new("sh")
        .args([
            "-c",
            &format!("PATH=$PATH:/usr/sbin:/sbin command -v {program}"),
        ])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A network namespace with an address that is reached from here.
struct Network {
    name: String,
    address: String,
}

impl Network {
    fn new() -> Network {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let process = std::process::id();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("wkd{process}x{number}");
        // A /30 of its own for each, from 10.192.0.0/12.
        let slot = (process * 7 + number) % (1 << 18);
        let base = (10 << 24) | (192 << 16) | (slot * 4);
        let ip = |host: u32| std::net::Ipv4Addr::from(base + host).to_string();
        let (ours, theirs) = (ip(1), ip(2));
        run("ip", &["netns", "add", &name]);
        run(
            "ip",
            &[
                "link", "add", &name, "type", "veth", "peer", "name", "eth0", "netns", &name,
            ],
        );
        run("ip", &["addr", "add", &format!("{ours}/30"), "dev", &name]);
        run("ip", &["link", "set", &name, "up"]);
        run("ip", &["-n", &name, "link", "set", "lo", "up"]);
        run(
            "ip",
            &[
                "-n",
                &name,
                "addr",
                "add",
                &format!("{theirs}/30"),
                "dev",
                "eth0",
            ],
        );
        run("ip", &["-n", &name, "link", "set", "eth0", "up"]);
        run(
            "ip",
            &["-n", &name, "route", "add", "default", "via", &ours],
        );
        Network {
            name,
            address: theirs,
        }
    }

    /// A command inside, that ends with the thread that started it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.name));
        command.args(["setpriv", "--pdeathsig", "KILL", program]);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
        let _ = Command::new("ip")
            .args(["link", "del", &self.name])
            .stderr(Stdio::null())
            .status();
    }
}

/// One `dockerd`.
pub struct Engine {
    dir: TempDir,
    listen: Listen,
    network: Network,
    daemon: Option<Child>,
    pub certs: Certs,
}

impl Engine {
    fn boot(listen: Listen) -> Engine {
        let dir = tempfile::Builder::new().prefix("wkd").tempdir().unwrap();
        let network = Network::new();
        let certs = Certs::new(&dir.path().join("certs"), &network.address);
        let mut engine = Engine {
            dir,
            listen,
            network,
            daemon: None,
            certs,
        };
        engine.start_daemon();
        engine.import();
        engine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn socket(&self) -> PathBuf {
        self.path("docker.sock")
    }

    pub fn address(&self) -> &str {
        &self.network.address
    }

    pub fn start_daemon(&mut self) {
        let tcp = |port: u16| format!("tcp://{}:{port}", self.network.address);
        let mut command = self.network.command("dockerd");
        command
            .args([
                "--storage-driver=vfs",
                "--log-level=error",
                "--shutdown-timeout=1",
            ])
            .arg("--data-root")
            .arg(self.path("data"))
            .arg("--exec-root")
            .arg(self.path("exec"))
            .arg("-p")
            .arg(self.path("pid"))
            .arg("-H")
            .arg(format!("unix://{}", self.socket().display()));
        match self.listen {
            Listen::Open => {
                // Without it dockerd waits 15 s in protest.
                command.args(["--tls=false", "-H", &tcp(2375)]);
            }
            Listen::Certificates => {
                command.args(["--tlsverify", "-H", &tcp(2376)]);
            }
            Listen::Encrypted => {
                command.args(["--tls", "--tlsverify=false", "-H", &tcp(2376)]);
            }
        }
        if self.listen != Listen::Open {
            command.arg("--tlscacert").arg(self.certs.file("ca.pem"));
            command.arg("--tlscert").arg(self.certs.file("server.pem"));
            command.arg("--tlskey").arg(self.certs.file("server.key"));
        }
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.daemon = Some(command.process_group(0).spawn().unwrap());
        let ready = eventually(Duration::from_secs(60), || {
            Command::new("docker")
                .args(["-H", &format!("unix://{}", self.socket().display()), "info"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        });
        let log = || fs::read_to_string(self.path("log")).unwrap_or_default();
        assert!(ready, "dockerd did not come up:\n{}", log());
    }

    /// As `systemctl stop docker` does.
    pub fn stop_daemon(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            signal(daemon.id(), "TERM");
            let ended = eventually(Duration::from_secs(20), || {
                daemon.try_wait().is_ok_and(|status| status.is_some())
            });
            if !ended {
                let _ = daemon.kill();
                let _ = daemon.wait();
            }
        }
        self.end_containerd();
    }

    /// dockerd ends its containerd too, unless it was killed.
    fn end_containerd(&self) {
        let file = self.path("exec/containerd/containerd.pid");
        let Some(pid) = fs::read_to_string(file)
            .ok()
            .and_then(|text| text.trim().parse::<u32>().ok())
        else {
            return;
        };
        // Its pid may be another's by now.
        let ours = fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.contains(&self.path("exec").display().to_string()));
        if ours {
            signal(pid, "KILL");
        }
    }

    /// Stops answering without closing anything, as an overloaded machine does.
    pub fn freeze(&self) {
        signal(self.daemon.as_ref().unwrap().id(), "STOP");
    }

    pub fn thaw(&self) {
        signal(self.daemon.as_ref().unwrap().id(), "CONT");
    }

    fn import(&self) {
        let root = self.path("root");
        rootfs(&root);
        let script = format!(
            "tar -C {} -c . | docker -H unix://{} import - lab:1",
            root.display(),
            self.socket().display()
        );
        run("sh", &["-c", &script]);
    }

    /// Runs the `docker` command, and returns what it printed.
    pub fn docker(&self, args: &[&str]) -> String {
        output(
            Command::new("docker")
                .arg("-H")
                .arg(format!("unix://{}", self.socket().display()))
                .args(args),
        )
    }

    /// As [`Engine::docker`], whether it succeeds or not.
    pub fn try_docker(&self, args: &[&str]) {
        let _ = Command::new("docker")
            .arg("-H")
            .arg(format!("unix://{}", self.socket().display()))
            .args(args)
            .output();
    }

    /// `docker inspect -f FORMAT`: what the engine says, not what the connector says.
    pub fn ask(&self, name: &str, format: &str) -> String {
        self.docker(&["inspect", "-f", format, name])
    }

    pub fn is_running(&self, name: &str) -> bool {
        self.ask(name, "{{.State.Running}}") == "true"
    }

    pub fn over_socket(&self) -> DockerEndpoint {
        DockerEndpoint::Unix {
            path: self.socket(),
        }
    }

    pub fn over_tcp(&self) -> DockerEndpoint {
        DockerEndpoint::Tcp {
            host: self.network.address.clone(),
            port: 2375,
        }
    }

    /// With the client certificate of this name, see [`Certs`].
    pub fn over_tls(&self, client: &str) -> DockerEndpoint {
        DockerEndpoint::Tls {
            host: self.network.address.clone(),
            port: 2376,
            ca: self.certs.file("ca.pem"),
            cert: self.certs.file(&format!("{client}.pem")),
            key: self.certs.file(&format!("{client}.key")),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.daemon.is_some() {
            self.thaw();
            self.try_docker(&["container", "prune", "-f"]);
            let mut running = Command::new("docker");
            running
                .arg("-H")
                .arg(format!("unix://{}", self.socket().display()));
            // The daemon may be down: a test that failed must still end the rest.
            if let Ok(all) = running.args(["ps", "-q"]).output() {
                for id in String::from_utf8_lossy(&all.stdout).lines() {
                    self.try_docker(&["rm", "-f", id]);
                }
            }
        }
        self.stop_daemon();
        unmount_below(self.dir.path());
    }
}

/// `podman system service`, which speaks the same API.
pub struct Podman {
    dir: TempDir,
    network: Network,
    service: Child,
}

impl Podman {
    fn boot() -> Podman {
        let dir = tempfile::Builder::new().prefix("wkp").tempdir().unwrap();
        let network = Network::new();
        let socket = dir.path().join("podman.sock");
        let service = podman(&network, dir.path())
            .args(["system", "service", "--time", "0"])
            .arg(format!("unix://{}", socket.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let podman = Podman {
            dir,
            network,
            service,
        };
        let ready = eventually(Duration::from_secs(30), || {
            std::os::unix::net::UnixStream::connect(podman.socket()).is_ok()
        });
        assert!(ready, "podman did not come up");
        let root = podman.dir.path().join("rootfs");
        rootfs(&root);
        let archive = podman.dir.path().join("root.tar");
        run(
            "tar",
            &[
                "-C",
                &root.display().to_string(),
                "-cf",
                &archive.display().to_string(),
                ".",
            ],
        );
        podman.podman(&["import", &archive.display().to_string(), "lab:1"]);
        podman
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("podman.sock")
    }

    pub fn podman(&self, args: &[&str]) -> String {
        output(podman(&self.network, self.dir.path()).args(args))
    }

    /// Limits that a container within a container may set, and no network to set up.
    pub const MODEST: [&'static str; 5] = [
        "--network=host",
        "--ulimit=nofile=1024:1024",
        "--ulimit=nproc=1024:1024",
        "--log-driver=k8s-file",
        "--stop-timeout=1",
    ];
}

fn podman(network: &Network, dir: &Path) -> Command {
    let mut command = network.command("podman");
    for (option, folder) in [
        ("--root", "root"),
        ("--runroot", "run"),
        ("--tmpdir", "tmp"),
        ("--network-config-dir", "net"),
    ] {
        command.arg(option).arg(dir.join(folder));
    }
    command.args([
        "--storage-driver=vfs",
        "--cgroup-manager=cgroupfs",
        "--events-backend=file",
    ]);
    command
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = podman(&self.network, self.dir.path())
            .args(["rm", "-fa", "-t", "0"])
            .output();
        signal(self.service.id(), "TERM");
        let _ = self.service.wait();
        unmount_below(self.dir.path());
    }
}

/// The one container of this name.
pub fn container(name: &str) -> Target {
    Target::Guest {
        kind: NodeKind::Container,
        platform_id: name.into(),
    }
}

/// What a cascade passes: 30 s, the default of containers.
pub fn gently() -> StopOptions {
    StopOptions {
        timeout: NodeKind::Container.stop_timeout(),
        force: false,
        power_off: PowerOff::ShutDown,
        command: None,
    }
}

/// One look at one container.
pub async fn seen(connector: &DockerConnector, name: &str) -> Option<GuestReport> {
    let report = connector.observe().await.unwrap();
    assert!(report.complete);
    report
        .guests
        .into_iter()
        .find(|guest| guest.platform_id == name)
}

/// Looks again until what is seen is as wanted.
pub async fn seen_to_be(
    connector: &DockerConnector,
    name: &str,
    wanted: impl Fn(&GuestReport) -> bool,
) -> GuestReport {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let last = seen(connector, name).await;
        if let Some(report) = &last
            && wanted(report)
        {
            return report.clone();
        }
        assert!(Instant::now() < until, "last seen of {name}: {last:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A folder with a static busybox, enough for an image.
fn rootfs(root: &Path) {
    let bin = root.join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::create_dir_all(root.join("tmp")).unwrap();
    fs::copy("/bin/busybox", bin.join("busybox")).unwrap();
    for applet in [
        "sh", "sleep", "echo", "test", "touch", "rm", "true", "false", "httpd", "seq", "kill",
    ] {
        std::os::unix::fs::symlink("busybox", bin.join(applet)).unwrap();
    }
}

/// The deepest first.
fn unmount_below(dir: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let below = dir.display().to_string();
    for point in mounts
        .lines()
        .rev()
        .filter_map(|line| line.split(' ').nth(1))
    {
        if point.starts_with(&below) {
            let _ = Command::new("umount").args(["-l", point]).status();
        }
    }
}

fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .stderr(Stdio::null())
        .status();
}

pub fn run(program: &str, args: &[&str]) {
    output(Command::new(program).args(args));
}

fn output(command: &mut Command) -> String {
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// Asks again until it is so.
pub fn eventually(limit: Duration, mut so: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + limit;
    while !so() {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}
