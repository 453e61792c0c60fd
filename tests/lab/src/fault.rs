//! What can be broken on purpose, one machine at a time.

use anyhow::Context;
use rustix::process::Signal;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::event::What;
use crate::lab::Lab;
use crate::network;
use crate::prepare::{HOST_KEYS, generate_key, host_key_file};
use crate::process::{Process, run, wait_for};

/// Holds until [`Lab::heal`], over reboots too except where it says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// sshd is stopped (SIGSTOP): the kernel still accepts connections, and nobody answers. Until it goes off.
    SshHangs,
    /// dockerd is stopped (SIGSTOP). Until it goes off.
    DockerHangs,
    /// Connections to this TCP port are refused.
    PortRefuses(u16),
    /// Connections to this TCP port are accepted, and reset with the first data.
    PortResets(u16),
    /// Every IP packet is dropped; connections run into their timeout.
    DropsAll,
    /// The cable is out: no answer to ARP, so "no route to host", and no magic packet arrives.
    Unplugged,
    /// Magic packets arrive and are recorded, and nothing happens.
    NeverWakes,
    /// The commands that shut it down fail with systemd's words.
    RefusesShutdown,
    /// The commands that shut it down succeed, and it stays on.
    IgnoresShutdown,
}

impl Lab {
    /// Breaks something on a machine or guest.
    ///
    /// # Errors
    /// When the lab's own tools fail, or the machine is off and the fault is one of a running machine.
    pub fn inject(&self, name: &str, fault: Fault) -> anyhow::Result<()> {
        match fault {
            Fault::SshHangs => self.freeze(name, "sshd")?,
            Fault::DockerHangs => self.freeze(name, "dockerd")?,
            Fault::PortRefuses(port) => self.firewall(
                name,
                &format!("add rule inet lab_fault in tcp dport {port} tcp flags & (syn | ack) == syn reject with tcp reset"),
            )?,
            Fault::PortResets(port) => self.firewall(
                name,
                &format!("add rule inet lab_fault in tcp dport {port} tcp flags & psh == psh reject with tcp reset"),
            )?,
            Fault::DropsAll => self.firewall(
                name,
                "add rule inet lab_fault in iifname eth0 drop\nadd rule inet lab_fault out oifname eth0 drop",
            )?,
            Fault::Unplugged => self.cable(name, false)?,
            Fault::NeverWakes => self.change(name, |view| view.never_wakes = true),
            Fault::RefusesShutdown => fs::write(self.refuses_shutdown(name), "")?,
            Fault::IgnoresShutdown => self.change(name, |view| view.ignores_shutdown = true),
        }
        self.inner
            .shared
            .tell(name, What::Fault(format!("{fault:?}")));
        Ok(())
    }

    /// Takes all faults of a machine away.
    ///
    /// # Errors
    /// When the lab's own tools fail.
    pub fn heal(&self, name: &str) -> anyhow::Result<()> {
        for process in self.processes(name, "") {
            process.signal(Signal::CONT);
        }
        self.nft(
            name,
            "add table inet lab_fault\ndelete table inet lab_fault\n",
        )?;
        self.cable(name, true)?;
        self.change(name, |view| {
            view.never_wakes = false;
            view.ignores_shutdown = false;
        });
        let refuses = self.refuses_shutdown(name);
        if refuses.exists() {
            fs::remove_file(refuses)?;
        }
        self.inner.shared.tell(name, What::Healed);
        Ok(())
    }

    /// Gives the machine new host keys, as if it had been installed anew; sshd starts again if it runs. Sessions stay.
    ///
    /// # Errors
    /// When the keys cannot be made, or sshd does not listen again.
    pub fn change_host_key(&self, name: &str) -> anyhow::Result<()> {
        let control = self.directory().join(name).join("lab");
        for kind in HOST_KEYS {
            generate_key(&host_key_file(&control, kind), kind, "")?;
        }
        let listeners = self.processes(name, "sshd").into_iter().filter(|process| {
            let command = fs::read_to_string(format!("/proc/{}/cmdline", process.pid));
            command.is_ok_and(|command| command.contains("[listener]"))
        });
        let listeners: Vec<Process> = listeners.collect();
        if !listeners.is_empty() {
            let pid_file = control.join("sshd.pid");
            // sshd takes its own away when it ends; this one must not be mistaken for the next one's.
            let _ = fs::remove_file(&pid_file);
            for process in listeners {
                process.signal(Signal::KILL);
            }
            let listens = || fs::read(&pid_file).is_ok_and(|pid| pid.ends_with(b"\n"));
            anyhow::ensure!(
                wait_for(Duration::from_secs(10), listens),
                "sshd of {name} did not start again"
            );
        }
        let what = What::Fault("new host keys".to_owned());
        self.inner.shared.tell(name, what);
        Ok(())
    }

    /// The running processes of a machine whose name begins so; sshd's sessions have names of their own in newer versions.
    pub(crate) fn processes(&self, name: &str, program: &str) -> Vec<Process> {
        let init = self.look(name, |view| view.init);
        let all = init.map(Process::pid_namespace).unwrap_or_default();
        all.into_iter()
            .filter(|process| process.name().is_some_and(|name| name.starts_with(program)))
            .collect()
    }

    /// Returns when none of its threads does anything any more.
    fn freeze(&self, name: &str, program: &str) -> anyhow::Result<()> {
        let processes = self.processes(name, program);
        anyhow::ensure!(!processes.is_empty(), "no {program} runs on {name}");
        for process in &processes {
            process.signal(Signal::STOP);
        }
        let stopped = || processes.iter().all(|process| process.is_stopped());
        anyhow::ensure!(
            wait_for(Duration::from_secs(10), stopped),
            "{program} of {name} does not stop"
        );
        Ok(())
    }

    fn firewall(&self, name: &str, rule: &str) -> anyhow::Result<()> {
        let chain = |name: &str, hook: &str| {
            format!(
                "add chain inet lab_fault {name} {{ type filter hook {hook} priority -300; }}\n"
            )
        };
        let (input, output) = (chain("in", "input"), chain("out", "output"));
        self.nft(
            name,
            &format!("add table inet lab_fault\n{input}{output}{rule}\n"),
        )
    }

    fn nft(&self, name: &str, commands: &str) -> anyhow::Result<()> {
        let namespace = self.inner.instance.namespace(name);
        let net = format!("--net=/run/netns/{namespace}");
        run("nsenter", &[&net, "nft", "-f", "-"], commands)
            .with_context(|| format!("change the packet filter of {name}"))
            .map(drop)
    }

    fn cable(&self, name: &str, plugged: bool) -> anyhow::Result<()> {
        network::cable(&self.inner.instance, self.machine(name), plugged)
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut crate::event::View)) {
        self.inner.shared.change(name, change);
    }

    fn refuses_shutdown(&self, name: &str) -> PathBuf {
        self.directory().join(name).join("lab/refuses-shutdown")
    }
}
