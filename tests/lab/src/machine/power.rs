//! Power: how a machine's processes begin and end.

use anyhow::Context;
use rustix::process::Signal;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command as Program;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Command, Guest, Machine, Phase, Running};
use crate::event::{Power, What};
use crate::homelab::Machine as Description;
use crate::instance::Instance;
use crate::process::Process;
use crate::{docker, network, proxmox};

/// sshd listens within a tenth of a second on an idle computer; this is for a busy one.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
/// How long what runs on a machine may take to end when it shuts down; then it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(8);

impl Machine {
    pub(super) async fn boot(&self) -> anyhow::Result<Running> {
        network::plug_in(&self.instance, &self.description)?;
        let pid_file = self.control().join("sshd.pid");
        // What the machine's last life left would look like an sshd that listens.
        let _ = std::fs::remove_file(&pid_file);
        let first = first_process(&self.instance, &self.description, &self.directory)?;
        let mut child = Program::from(first).spawn().context("run nsenter")?;
        let outer = child
            .id()
            .and_then(|pid| Process::of(i32::try_from(pid).ok()?));
        let outer = outer.context("the machine's first process ended at once")?;
        outer.write(&self.directory.join("pid"))?;
        let booted = timeout(BOOT_LIMIT, async {
            loop {
                if std::fs::read(&pid_file).is_ok_and(|pid| pid.ends_with(b"\n")) {
                    return Ok(());
                }
                if let Some(status) = child.try_wait()? {
                    anyhow::bail!("its first process ended: {status}: {}", self.console());
                }
                sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        let init = outer.first_child();
        let booted = match booted {
            Ok(result) => result,
            Err(_) => Err(anyhow::anyhow!(
                "no sshd after {BOOT_LIMIT:?}: {}",
                self.console()
            )),
        };
        if let Err(error) = booted {
            let watchers = JoinSet::new();
            self.kill(Running { child, watchers }).await;
            self.gone()?;
            return Err(error);
        }
        self.shared.become_known(self.name(), What::Booted, |view| {
            view.init = init;
            view.set(Power::On);
        });
        let watchers = self.watch();
        Ok(Running { child, watchers })
    }

    /// Begins to watch what the machine hosts.
    pub(super) fn watch(&self) -> JoinSet<()> {
        let mut watchers = JoinSet::new();
        if self.description.docker.is_some() {
            watchers.spawn(docker::follow(
                self.shared.clone(),
                self.control(),
                self.name().to_owned(),
            ));
        }
        if self.description.proxmox.is_some() {
            watchers.spawn(proxmox::follow(
                self.shared.clone(),
                self.control(),
                self.name().to_owned(),
                self.own.clone(),
                self.guests.clone(),
            ));
        }
        watchers
    }

    pub(super) fn console(&self) -> String {
        tail(&self.directory.join("console.log"))
    }

    /// Guests first, then what runs here, then the address.
    pub(super) async fn shut_down(&self, mut running: Running) -> anyhow::Result<()> {
        self.seen(Power::Stopping);
        self.guests_down(Command::ShutDown).await;
        running.watchers.abort_all();
        if let Some(init) = self.shared.look(self.name(), |view| view.init).flatten() {
            init.signal(Signal::TERM);
        }
        if timeout(STOP_LIMIT, running.child.wait()).await.is_err() {
            self.kill(running).await;
        }
        self.gone()
    }

    pub(super) async fn cut_power(&self, running: Running) -> anyhow::Result<()> {
        self.shared.tell(self.name(), What::PowerCut);
        network::take_away(&self.instance, &self.description)?;
        for guest in &self.guests {
            let _ = guest.commands.send(Command::CutPower);
        }
        self.kill(running).await;
        self.guests_down(Command::CutPower).await;
        self.gone()
    }

    pub(super) fn suspend(&self, running: Running) -> anyhow::Result<Phase> {
        network::take_away(&self.instance, &self.description)?;
        self.signal_all(Signal::STOP);
        for guest in &self.guests {
            let _ = guest.commands.send(Command::Freeze);
        }
        self.becomes(Power::Suspended, What::Suspended);
        Ok(Phase::Suspended(running))
    }

    pub(super) fn resume(&self, running: Running) -> anyhow::Result<Running> {
        network::plug_in(&self.instance, &self.description)?;
        self.signal_all(Signal::CONT);
        for guest in &self.guests {
            let _ = guest.commands.send(Command::Thaw);
        }
        self.becomes(Power::On, What::Resumed);
        Ok(running)
    }

    pub(super) fn signal_all(&self, signal: Signal) {
        let init = self.shared.look(self.name(), |view| view.init).flatten();
        for process in init.map(Process::pid_namespace).unwrap_or_default() {
            process.signal(signal);
        }
    }

    /// Tells all guests, and waits until none is up.
    pub(super) async fn guests_down(&self, command: Command) {
        for guest in &self.guests {
            let _ = guest.commands.send(command);
        }
        let mut changes = self.shared.subscribe();
        let all_down = async {
            loop {
                let up = |guest: &Guest| {
                    self.shared
                        .look(&guest.name, |view| view.power != Power::Off)
                        == Some(true)
                };
                if !self.guests.iter().any(up) || changes.changed().await.is_err() {
                    break;
                }
            }
        };
        // A guest that hangs is killed by its own limit; the host does not wait longer than that.
        let _ = timeout(STOP_LIMIT, all_down).await;
    }

    pub(super) async fn kill(&self, mut running: Running) {
        running.watchers.abort_all();
        // An error means that it has ended.
        let _ = running.child.kill().await;
    }

    /// The machine has no processes any more.
    pub(super) fn gone(&self) -> anyhow::Result<()> {
        network::take_away(&self.instance, &self.description)?;
        self.instance.remove_cgroups(Some(self.name()));
        self.becomes(Power::Off, What::Off);
        Ok(())
    }
}

/// What a machine's first process is begun with: nsenter, which becomes unshare, which has the init as its child. Killing
/// unshare kills the init, and with it the kernel ends all that runs in the machine.
pub(crate) fn first_process(
    instance: &Instance,
    machine: &Description,
    directory: &Path,
) -> anyhow::Result<std::process::Command> {
    let namespace = instance.namespace(&machine.name);
    let console = std::fs::File::create(directory.join("console.log"))?;
    let mut command = std::process::Command::new("nsenter");
    command
        .arg(format!("--net=/run/netns/{namespace}"))
        .args([
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "--uts",
            "--pid",
        ])
        .args(["--fork", "--kill-child", "--mount-proc", "/bin/sh"])
        .arg(directory.join("init.sh"))
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(console.try_clone()?)
        .stderr(console)
        // Ctrl-C at the lab's terminal is the lab's to answer, not its machines'.
        .process_group(0);
    Ok(command)
}

/// The last lines of a log, for an error message.
pub(crate) fn tail(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join(" / ")
}
