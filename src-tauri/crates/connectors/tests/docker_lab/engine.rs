//! Real engines for tests: `dockerd` in a network namespace of its own, and Podman's service as a second kind.

#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    unused_imports,
    reason = "each test program uses its own part, and fails where it cannot be set up"
)]

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use wakehub_connectors::docker::DockerEndpoint;

#[path = "certs.rs"]
pub mod certs;
#[path = "host.rs"]
mod host;
#[path = "look.rs"]
mod look;
#[path = "many.rs"]
mod many;
#[path = "podman.rs"]
mod podman;

pub use host::{Network, eventually};
pub use look::*;
pub use many::Many;
pub use podman::Podman;

use certs::Certs;
use host::{output, rootfs, run, signal, unmount_below};

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

    /// Bytes that the kernel has counted on the engine's interface, from here to there and back.
    pub fn on_the_wire(&self) -> (u64, u64) {
        let count = |what: &str| -> u64 {
            let name = &self.network.name;
            let file = format!("/sys/class/net/{name}/statistics/{what}_bytes");
            fs::read_to_string(file).unwrap().trim().parse().unwrap()
        };
        (count("tx"), count("rx"))
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
    /// Returns when it stands still: a thread on another core may answer once more after the signal.
    pub fn freeze(&self) {
        let pid = self.daemon.as_ref().unwrap().id();
        signal(pid, "STOP");
        let stands = || {
            let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
            threads.flatten().all(|thread| {
                // a thread that has ended meanwhile has no file any more
                let stat = fs::read_to_string(thread.path().join("stat"));
                stat.is_ok_and(|stat| stat.rsplit(')').next().unwrap().starts_with(" T"))
            })
        };
        for _ in 0..500 {
            if stands() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the daemon does not stop");
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
