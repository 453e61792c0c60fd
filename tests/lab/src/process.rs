//! Processes and namespaces as /proc shows them. A process is only ever ended when it is provably the lab's: by a pid with
//! the start time that was written down for it, or because it lives in a namespace that the lab made.

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A pid together with the moment its process began, so that a reused pid is not taken for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// Clock ticks since the computer booted (proc(5), /proc/PID/stat, field 22).
    started: u64,
}

impl Process {
    pub(crate) fn of(pid: i32) -> Option<Process> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command stands in parentheses and may hold anything, spaces and parentheses too.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        if fields.next()? == "Z" {
            return None;
        }
        // `rest` begins with field 3, the state.
        let started = fields.nth(18)?.parse().ok()?;
        Some(Process { pid, started })
    }

    pub(crate) fn alive(self) -> bool {
        Process::of(self.pid) == Some(self)
    }

    pub(crate) fn signal(self, signal: Signal) {
        if !self.alive() {
            return;
        }
        if let Some(pid) = Pid::from_raw(self.pid) {
            // It may have ended since; that is what was wanted, or shows elsewhere.
            let _ = kill_process(pid, signal);
        }
    }

    pub(crate) fn name(self) -> Option<String> {
        let name = fs::read_to_string(format!("/proc/{}/comm", self.pid)).ok()?;
        Some(name.trim_end().to_owned())
    }

    /// Each of its threads has stopped (SIGSTOP). One that was at work when the signal came may do a little more.
    pub(crate) fn is_stopped(self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid));
        let Ok(mut tasks) = tasks else {
            return true;
        };
        tasks.all(|task| {
            let status = task.and_then(|task| fs::read_to_string(task.path().join("status")));
            // one that has ended does nothing, either
            status.map_or(true, |status| status.contains("\nState:\tT"))
        })
    }

    pub(crate) fn write(self, file: &Path) -> std::io::Result<()> {
        fs::write(file, format!("{} {}\n", self.pid, self.started))
    }

    pub(crate) fn read(file: &Path) -> Option<Process> {
        let text = fs::read_to_string(file).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        Some(Process {
            pid: pid.parse().ok()?,
            started: started.parse().ok()?,
        })
    }

    /// Its first child: of `unshare --fork` that is the init of the new pid namespace.
    pub(crate) fn first_child(self) -> Option<Process> {
        let file = format!("/proc/{0}/task/{0}/children", self.pid);
        let children = fs::read_to_string(file).ok()?;
        Process::of(children.split_ascii_whitespace().next()?.parse().ok()?)
    }

    /// Every process in the same pid namespace, itself included.
    pub(crate) fn pid_namespace(self) -> Vec<Process> {
        let Ok(own) = fs::read_link(format!("/proc/{}/ns/pid", self.pid)) else {
            return Vec::new();
        };
        if fs::read_link("/proc/self/ns/pid").is_ok_and(|ours| ours == own) {
            return Vec::new();
        }
        all_where(|pid| fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|of| of == own))
    }
}

/// Every process in the named network namespace.
pub(crate) fn in_network_namespace(name: &str) -> Vec<Process> {
    use std::os::unix::fs::MetadataExt;
    let Ok(wanted) = fs::metadata(format!("/run/netns/{name}")) else {
        return Vec::new();
    };
    all_where(|pid| {
        fs::metadata(format!("/proc/{pid}/ns/net"))
            .is_ok_and(|of| of.ino() == wanted.ino() && of.dev() == wanted.dev())
    })
}

fn all_where(mut wanted: impl FnMut(i32) -> bool) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&pid| wanted(pid))
        .filter_map(Process::of)
        .collect()
}

/// Runs `work` on a thread of its own inside the named network namespace. Sockets made there stay there.
pub(crate) fn in_namespace<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    use std::os::fd::AsFd;
    let path = format!("/run/netns/{name}");
    let thread = thread::Builder::new().name(format!("lab-{name}"));
    let handle = thread.spawn(move || {
        let namespace = fs::File::open(&path).with_context(|| format!("open {path}"))?;
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .with_context(|| format!("enter {path}"))?;
        work()
    })?;
    handle
        .join()
        .map_err(|_| anyhow::anyhow!("the thread in {name} panicked"))?
}

/// Runs a program to its end with `input` on its standard input, and gives its standard output; an exit status other than
/// zero is an error with what it wrote.
pub(crate) fn run(program: &str, arguments: &[&str], input: &str) -> anyhow::Result<String> {
    use std::io::Write;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("run {program}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input says why with its exit status.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    anyhow::ensure!(
        output.status.success(),
        "{program} {}: {}: {}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Waits until `done`, looking every 10 ms; false when `limit` passes first.
pub(crate) fn wait_for(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if done() {
            return true;
        }
        if begun.elapsed() > limit {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
