//! Podman's service, which speaks the same API.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

use super::host::{Network, eventually, output, rootfs, run, signal, unmount_below};

/// `podman system service` with storage of its own.
pub struct Podman {
    dir: TempDir,
    network: Network,
    service: Child,
}

impl Podman {
    pub fn boot() -> Podman {
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
