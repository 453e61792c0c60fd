//! This computer: network namespaces, processes, mounts.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A network namespace with an address that is reached from here.
pub struct Network {
    pub name: String,
    pub address: String,
    /// Of this end.
    pub ours: String,
}

impl Network {
    pub fn new() -> Network {
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
            ours,
        }
    }

    /// A command inside, that ends with the thread that started it.
    pub fn command(&self, program: &str) -> Command {
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

/// A folder with a static busybox, enough for an image.
pub fn rootfs(root: &Path) {
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
pub fn unmount_below(dir: &Path) {
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

pub fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .stderr(Stdio::null())
        .status();
}

pub fn run(program: &str, args: &[&str]) {
    output(Command::new(program).args(args));
}

pub fn output(command: &mut Command) -> String {
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
