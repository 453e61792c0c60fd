//! The lab as a whole: it is made, asked and ended here.

use anyhow::Context;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::event::{Event, Power, Shared};
use crate::homelab::Homelab;
use crate::instance::Instance;
use crate::listener::MagicPacket;
use crate::machine::Command;
use crate::network::written;
use crate::prepare::{self, Access};

mod keeper;

/// For a machine to be ready, or off: seconds on an idle computer.
const READY_LIMIT: Duration = Duration::from_secs(120);

/// How fast the lab's machines are, and which of them run from the beginning.
#[derive(Clone, Debug)]
pub struct Options {
    pub homelab: Homelab,
    /// From the magic packet to sshd.
    pub boot_delay: Duration,
    /// From the magic packet to the answer of a suspended machine.
    pub resume_delay: Duration,
    /// From the command that asks a machine to go down until it begins to.
    pub off_delay: Duration,
    /// What a guest's start task takes.
    pub guest_start: Duration,
    /// What a guest's shutdown task takes.
    pub guest_shutdown: Duration,
    /// Machines that run when the lab is handed over.
    pub on: Vec<String>,
    /// On SIGINT, SIGTERM and SIGHUP the lab takes itself away and ends the process.
    pub end_on_signals: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            homelab: Homelab::reference(),
            boot_delay: Duration::from_millis(1500),
            resume_delay: Duration::from_millis(500),
            off_delay: Duration::from_millis(300),
            guest_start: Duration::from_secs(1),
            guest_shutdown: Duration::from_secs(1),
            on: Vec::new(),
            end_on_signals: true,
        }
    }
}

impl Options {
    /// One machine, `nas`: enough for Wake-on-LAN and SSH.
    pub fn single() -> Options {
        Options {
            homelab: Homelab::single(),
            ..Options::default()
        }
    }

    /// Only these machines of the reference homelab, and their hosts.
    pub fn only(names: &[&str]) -> Options {
        Options {
            homelab: Homelab::reference().only(names),
            ..Options::default()
        }
    }

    #[must_use]
    pub fn on(mut self, names: &[&str]) -> Options {
        self.on = names.iter().map(ToString::to_string).collect();
        self
    }
}

/// A homelab that runs. Dropping it ends everything in it and leaves nothing behind; that blocks for up to a few seconds.
pub struct Lab {
    pub(crate) inner: Arc<Inner>,
    thread: Option<thread::JoinHandle<()>>,
    end: Option<oneshot::Sender<()>>,
}

pub(crate) struct Inner {
    pub(crate) instance: Arc<Instance>,
    pub(crate) options: Arc<Options>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) access: Access,
    runtime: Handle,
    /// How many keys were made.
    keys: AtomicU32,
    commands: Vec<(String, UnboundedSender<Command>)>,
}

impl Lab {
    /// Makes a lab. The machines are off, except those in `options.on`.
    ///
    /// # Errors
    /// When a program is missing, the network cannot be built, or a machine of `options.on` does not boot.
    pub async fn start(options: Options) -> anyhow::Result<Lab> {
        let on = options.on.clone();
        let (end, ended) = oneshot::channel();
        let (made, making) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("lab".to_owned())
            .spawn(move || keeper::keep(options, made, ended))?;
        let inner = making.await.context("the lab's thread ended")??;
        let lab = Lab {
            inner,
            thread: Some(thread),
            end: Some(end),
        };
        for name in &on {
            lab.command(name, Command::PowerOn)?;
        }
        for name in &on {
            lab.wait_until(READY_LIMIT, &format!("{name} is on"), |lab| {
                lab.is_ready(name)
            })
            .await?;
        }
        Ok(lab)
    }

    /// The homelab of DESIGN section 1, with these options.
    ///
    /// # Errors
    /// As [`Lab::start`].
    pub async fn reference(options: Options) -> anyhow::Result<Lab> {
        let homelab = Homelab::reference();
        Lab::start(Options { homelab, ..options }).await
    }

    /// As [`Lab::start`], for tests: where a lab cannot run, prints `SKIPPED:` with the reason and gives `None`. On CI
    /// (`CI` is set) nothing is skipped.
    ///
    /// # Panics
    /// When the lab does not start, or cannot run on CI.
    pub async fn for_test(options: Options) -> Option<Lab> {
        if let Some(reason) = Lab::skip_reason() {
            let on_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
            assert!(!on_ci, "the lab cannot run on CI: {reason}");
            skipped(&format!("SKIPPED: {reason}"));
            return None;
        }
        match Lab::start(options).await {
            Ok(lab) => Some(lab),
            Err(error) => panic!("the lab did not start: {error:#}"),
        }
    }

    /// Why a lab cannot run on this computer: everything that is missing, by name.
    pub fn skip_reason() -> Option<String> {
        let mut missing = Vec::new();
        if !rustix::process::geteuid().is_root() {
            missing.push("the lab needs root".to_owned());
        }
        for (program, package) in [
            ("ip", "iproute2"),
            ("nsenter", "util-linux"),
            ("unshare", "util-linux"),
            ("sshd", "openssh-server"),
            ("ssh-keygen", "openssh-client"),
            ("openssl", "openssl"),
            ("busybox", "busybox-static"),
            ("nft", "nftables"),
            ("dockerd", "docker.io"),
            ("python3", "python3-venv"),
        ] {
            if prepare::find_program(program).is_none() {
                missing.push(format!("no {program} (Debian package {package})"));
            }
        }
        (!missing.is_empty()).then(|| missing.join(", "))
    }

    /// Whether the machine or guest answers: it has booted and has its address.
    pub fn is_on(&self, name: &str) -> bool {
        matches!(self.power(name), Power::On | Power::Stopping)
    }

    /// Whether it is as silent as a machine without power.
    pub fn is_off(&self, name: &str) -> bool {
        self.power(name) == Power::Off
    }

    /// # Panics
    /// When the lab has no machine or guest of this name; so do the other questions about one.
    pub fn power(&self, name: &str) -> Power {
        self.look(name, |view| view.power)
    }

    /// On, with its Docker engine and its Proxmox API, if it has any.
    pub fn is_ready(&self, name: &str) -> bool {
        let machine = self.machine(name);
        self.is_on(name)
            && self.look(name, |view| {
                (machine.proxmox.is_none() || view.proxmox.is_some())
                    && (machine.docker.is_none() || view.docker_ready)
            })
    }

    /// The magic packets that reached the machine's card, on or off.
    pub fn packets(&self, name: &str) -> Vec<MagicPacket> {
        self.look(name, |view| view.packets.clone())
    }

    /// Whether a magic packet switched the machine on at any time.
    pub fn was_woken(&self, name: &str) -> bool {
        self.look(name, |view| view.packets.iter().any(|packet| packet.woke))
    }

    /// Presses the power button, behind WakeHub's back, and waits until the machine is ready.
    ///
    /// # Errors
    /// When it does not get so far within two minutes.
    pub async fn power_on(&self, name: &str) -> anyhow::Result<()> {
        self.command(name, Command::PowerOn)?;
        let what = format!("{name} is on");
        self.wait_until(READY_LIMIT, &what, |lab| lab.is_ready(name))
            .await
    }

    /// Pulls the plug: nothing says goodbye on the network. Waits until it is off.
    ///
    /// # Errors
    /// When it is not off within two minutes.
    pub async fn cut_power(&self, name: &str) -> anyhow::Result<()> {
        self.command(name, Command::CutPower)?;
        self.wait_off(name).await
    }

    /// Shuts the machine down in an orderly way, as its own button would. Waits until it is off.
    ///
    /// # Errors
    /// When it is not off within two minutes.
    pub async fn shut_down(&self, name: &str) -> anyhow::Result<()> {
        self.command(name, Command::ShutDown)?;
        self.wait_off(name).await
    }

    async fn wait_off(&self, name: &str) -> anyhow::Result<()> {
        let what = format!("{name} is off");
        self.wait_until(READY_LIMIT, &what, |lab| lab.is_off(name))
            .await
    }

    /// Waits until `done`, looking whenever something happens in the lab.
    ///
    /// # Errors
    /// When `limit` passes first; the error names `what` and tells what happened instead.
    pub async fn wait_until(
        &self,
        limit: Duration,
        what: &str,
        mut done: impl FnMut(&Lab) -> bool,
    ) -> anyhow::Result<()> {
        let mut changes = self.inner.shared.subscribe();
        // On the lab's own clock: the caller's may be paused.
        let deadline = self.inner.runtime.spawn(tokio::time::sleep(limit));
        tokio::pin!(deadline);
        while !done(self) {
            tokio::select! {
                changed = changes.changed() => changed.context("the lab has ended")?,
                _ = &mut deadline => {
                    let events = self.events();
                    let lines: Vec<String> = events.iter().map(ToString::to_string).collect();
                    anyhow::bail!("not within {limit:?}: {what}. What happened:\n{}", lines.join("\n"));
                }
            }
        }
        deadline.abort();
        Ok(())
    }

    /// Everything that really happened so far, in order.
    pub fn events(&self) -> Vec<Event> {
        self.inner.shared.events()
    }

    /// What happened after the first `count` events; waits until there is something.
    pub async fn events_after(&self, count: usize) -> Vec<Event> {
        let mut changes = self.inner.shared.subscribe();
        loop {
            let events = self.inner.shared.events_after(count);
            if !events.is_empty() || changes.changed().await.is_err() {
                return events;
            }
        }
    }

    pub fn homelab(&self) -> &Homelab {
        &self.inner.options.homelab
    }

    /// 10.77.N.x
    pub fn address(&self, name: &str) -> Ipv4Addr {
        self.inner.instance.address(self.machine(name).last_byte)
    }

    /// `52:54:00:00:00:03`
    pub fn mac(&self, name: &str) -> String {
        written(self.inner.instance.mac(self.machine(name).last_byte))
    }

    /// The directed broadcast address of the lab's subnet.
    pub fn broadcast(&self) -> Ipv4Addr {
        self.inner.instance.address(255)
    }

    /// The interface of this computer that leads to the lab.
    pub fn interface(&self) -> String {
        self.inner.instance.bridge()
    }

    /// A private key without a passphrase that opens all machines for all accounts.
    pub fn key_file(&self) -> &Path {
        &self.inner.access.key_file
    }

    /// Makes another key that opens all machines, of this type (`ed25519`, `rsa`, `ecdsa`) and protected by this passphrase,
    /// unless that is empty; gives the file of the private key.
    ///
    /// # Errors
    /// When ssh-keygen refuses.
    pub fn make_key(&self, kind: &str, passphrase: &str) -> anyhow::Result<PathBuf> {
        let number = self.inner.keys.fetch_add(1, Ordering::Relaxed);
        let file = self.directory().join(format!("key-{number}"));
        prepare::generate_key(&file, kind, passphrase)?;
        let public_key = std::fs::read_to_string(file.with_extension("pub"))?;
        for machine in &self.homelab().machines {
            let control = self.directory().join(&machine.name).join("lab");
            prepare::authorise(&control, &public_key)?;
        }
        Ok(file)
    }

    /// The lab's files, which go with it.
    pub fn directory(&self) -> PathBuf {
        self.inner.instance.directory()
    }

    pub(crate) fn machine(&self, name: &str) -> &crate::Machine {
        match self.homelab().machine(name) {
            Some(machine) => machine,
            None => panic!("no machine {name} in the lab"),
        }
    }

    pub(crate) fn look<T>(&self, name: &str, look: impl FnOnce(&crate::event::View) -> T) -> T {
        match self.inner.shared.look(name, look) {
            Some(seen) => seen,
            None => panic!("no machine {name} in the lab"),
        }
    }

    /// Runs something that blocks on the lab's own threads.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        self.inner.runtime.spawn_blocking(work).await?
    }

    fn command(&self, name: &str, command: Command) -> anyhow::Result<()> {
        let mut known = self.inner.commands.iter();
        let (_, commands) = known
            .find(|(machine, _)| machine == name)
            .with_context(|| format!("no machine {name} in the lab"))?;
        commands.send(command).context("the lab has ended")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was printed; there is no more to do about it here.
            let _ = thread.join();
        }
    }
}

/// On the terminal, and in the file that `npm test` reads: what a test that passes prints is not shown.
fn skipped(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
    if let Some(file) = std::env::var_os("WAKEHUB_SKIPPED_FILE") {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(file);
        let _ = file.and_then(|mut file| writeln!(file, "{line}"));
    }
}
