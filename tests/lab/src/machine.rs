//! One machine's life: a task that owns its card, its power and its first process.

use anyhow::Context;
use rustix::process::Signal;
use std::future::pending;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command as Program};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::docker;
use crate::event::{Power, Shared, What};
use crate::homelab::{Kind, Machine as Description};
use crate::instance::Instance;
use crate::lab::Options;
use crate::listener::{Listener, Magic, MagicPacket};
use crate::network;
use crate::process::Process;
use crate::proxmox;

/// sshd listens within a tenth of a second on an idle computer; this is for a busy one.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
/// How long what runs on a machine may take to end when it shuts down; then it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(8);

/// What a machine can be told, by the lab's user or by its host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    PowerOn,
    /// Goes down in an orderly way, without the delay that a command over SSH has.
    ShutDown,
    /// As [`Command::ShutDown`], and then on again.
    Reboot,
    CutPower,
    /// With its host.
    Freeze,
    /// With its host.
    Thaw,
    /// The lab ends.
    End,
}

pub(crate) struct Machine {
    pub(crate) description: Description,
    pub(crate) directory: PathBuf,
    pub(crate) instance: Arc<Instance>,
    pub(crate) options: Arc<Options>,
    pub(crate) shared: Arc<Shared>,
    /// Its guests.
    pub(crate) guests: Vec<Guest>,
    /// To itself: for what runs on it.
    pub(crate) own: UnboundedSender<Command>,
}

#[derive(Clone)]
pub(crate) struct Guest {
    pub(crate) vmid: u32,
    pub(crate) name: String,
    pub(crate) commands: UnboundedSender<Command>,
}

/// The card and the ears, which work whether the machine is on or off.
struct Ears {
    listener: Listener,
    power: Lines<BufReader<pipe::Receiver>>,
    commands: UnboundedReceiver<Command>,
}

enum Happening {
    Packet(Magic),
    Command(Command),
    /// A line from the power commands inside the machine.
    Asked(String),
    Due,
    /// The first process ended by itself.
    Ended,
}

/// The processes of a machine that runs; dropping it ends nothing.
struct Running {
    child: Child,
    /// Those that watch its Docker engine and its Proxmox API.
    watchers: JoinSet<()>,
}

enum Phase {
    Off,
    /// Its power button was pressed; it boots at this time.
    Starting(Instant),
    On(Running),
    /// It was asked to go down, and does so at this time.
    Stopping(Running, Instant, After),
    Suspended(Running),
    Resuming(Running, Instant),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Off,
    Reboot,
    Suspend,
}

impl Machine {
    /// Opens the machine's ears, so that it hears packets from now on, and gives its life.
    pub(crate) fn begin(
        self,
        commands: UnboundedReceiver<Command>,
    ) -> anyhow::Result<impl Future<Output = ()> + Send> {
        let mac = self.instance.mac(self.description.last_byte);
        let namespace = self.instance.namespace(&self.description.name);
        let power = pipe::OpenOptions::new()
            // Never at its end, although every writer closes it.
            .read_write(true)
            .open_receiver(self.control().join("power"))
            .context("open the power fifo")?;
        let ears = Ears {
            listener: Listener::open(&namespace, mac)?,
            power: BufReader::new(power).lines(),
            commands,
        };
        Ok(self.live(ears))
    }

    /// What the machine sees as /run/lab.
    pub(crate) fn control(&self) -> PathBuf {
        self.directory.join("lab")
    }

    fn name(&self) -> &str {
        &self.description.name
    }

    async fn live(self, mut ears: Ears) {
        let mut phase = Phase::Off;
        while let Some(happening) = next(&mut ears, &mut phase).await {
            let at_work = matches!(
                phase,
                Phase::On(_) | Phase::Suspended(_) | Phase::Stopping(..)
            );
            phase = match self.step(phase, happening).await {
                Ok(phase) => phase,
                Err(error) => {
                    self.shared
                        .tell(self.name(), What::BootFailed(format!("{error:#}")));
                    if at_work {
                        self.shared.tell(self.name(), What::Off);
                    }
                    self.seen(Power::Off);
                    Phase::Off
                }
            };
        }
        // The lab ends.
        match phase {
            Phase::Off | Phase::Starting(_) => {}
            Phase::On(running)
            | Phase::Stopping(running, _, _)
            | Phase::Suspended(running)
            | Phase::Resuming(running, _) => self.kill(running).await,
        }
    }

    async fn step(&self, phase: Phase, happening: Happening) -> anyhow::Result<Phase> {
        if let Happening::Packet(magic) = happening {
            return Ok(self.hear(phase, magic));
        }
        Ok(match (phase, happening) {
            (Phase::Off, Happening::Command(Command::PowerOn)) => {
                self.shared.tell(self.name(), What::PoweredOn);
                match self.description.kind {
                    Kind::Machine => self.press(self.options.boot_delay),
                    // What its Proxmox calls running has begun to boot.
                    Kind::Vm | Kind::Lxc => self.press(Duration::ZERO),
                }
            }
            (Phase::Suspended(running), Happening::Command(Command::PowerOn | Command::Thaw)) => {
                self.shared.tell(self.name(), What::PoweredOn);
                self.wake_up(running)
            }
            (Phase::Starting(_), Happening::Due) => Phase::On(self.boot().await?),
            (Phase::Resuming(running, _), Happening::Due) => Phase::On(self.resume(running)?),
            (Phase::Starting(_), Happening::Command(Command::CutPower | Command::ShutDown)) => {
                self.shared.tell(self.name(), What::PowerCut);
                self.seen(Power::Off);
                Phase::Off
            }
            (Phase::On(running), Happening::Asked(line)) => self.asked(running, &line),
            (Phase::Stopping(running, _, After::Suspend), Happening::Due)
            | (Phase::On(running), Happening::Command(Command::Freeze)) => self.suspend(running)?,
            (Phase::Stopping(running, _, after), Happening::Due) => {
                self.shut_down(running).await?;
                match after {
                    After::Reboot => self.press(self.options.boot_delay),
                    After::Off | After::Suspend => Phase::Off,
                }
            }
            (
                Phase::On(running) | Phase::Stopping(running, _, _),
                Happening::Command(Command::Reboot),
            ) => {
                self.shut_down(running).await?;
                self.press(self.options.boot_delay)
            }
            (
                Phase::On(running) | Phase::Stopping(running, _, _),
                Happening::Command(Command::ShutDown),
            ) => {
                self.shut_down(running).await?;
                Phase::Off
            }
            (
                Phase::On(running)
                | Phase::Stopping(running, _, _)
                | Phase::Suspended(running)
                | Phase::Resuming(running, _),
                Happening::Command(Command::CutPower | Command::ShutDown),
            ) => {
                self.cut_power(running).await?;
                Phase::Off
            }
            (
                Phase::On(mut running)
                | Phase::Stopping(mut running, _, _)
                | Phase::Suspended(mut running)
                | Phase::Resuming(mut running, _),
                Happening::Ended,
            ) => {
                running.watchers.abort_all();
                self.gone()?;
                self.shared.tell(self.name(), What::Off);
                Phase::Off
            }
            // Anything else means nothing now: a machine that is on is not switched on again.
            (phase, _) => phase,
        })
    }

    /// The card heard a magic packet with its address.
    fn hear(&self, phase: Phase, magic: Magic) -> Phase {
        let wanted = self.description.secure_on;
        let asleep = matches!(phase, Phase::Off | Phase::Suspended(_));
        let able = self.description.kind == Kind::Machine
            && (wanted.is_none() || magic.secure_on == wanted);
        let at = self.shared.elapsed();
        let wakes = self.shared.change(self.name(), |view| {
            let woke = asleep && able && !view.never_wakes;
            view.packets.push(MagicPacket {
                at,
                time: SystemTime::now(),
                source_mac: magic.source_mac,
                destination_mac: magic.destination_mac,
                carried_by: magic.carried_by,
                secure_on: magic.secure_on,
                woke,
            });
            woke
        });
        if wakes != Some(true) {
            return phase;
        }
        self.shared.tell(self.name(), What::Woken);
        match phase {
            Phase::Suspended(running) => self.wake_up(running),
            Phase::Off
            | Phase::Starting(_)
            | Phase::On(_)
            | Phase::Stopping(..)
            | Phase::Resuming(..) => self.press(self.options.boot_delay),
        }
    }

    fn press(&self, delay: Duration) -> Phase {
        self.seen(Power::Starting);
        Phase::Starting(Instant::now() + delay)
    }

    fn wake_up(&self, running: Running) -> Phase {
        self.seen(Power::Starting);
        Phase::Resuming(running, Instant::now() + self.options.resume_delay)
    }

    async fn boot(&self) -> anyhow::Result<Running> {
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
        self.shared.change(self.name(), |view| {
            view.init = init;
            view.power = Power::On;
        });
        self.shared.tell(self.name(), What::Booted);
        let watchers = self.watch();
        Ok(Running { child, watchers })
    }

    /// Begins to watch what the machine hosts.
    fn watch(&self) -> JoinSet<()> {
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

    fn console(&self) -> String {
        tail(&self.directory.join("console.log"))
    }

    fn asked(&self, running: Running, line: &str) -> Phase {
        self.shared
            .tell(self.name(), What::ShutdownAsked(line.to_owned()));
        let after = match line {
            "reboot" => After::Reboot,
            "suspend" | "hibernate" => After::Suspend,
            _ => After::Off,
        };
        if self.shared.look(self.name(), |view| view.ignores_shutdown) == Some(true) {
            return Phase::On(running);
        }
        self.seen(Power::Stopping);
        Phase::Stopping(running, Instant::now() + self.options.off_delay, after)
    }

    /// Guests first, then what runs here, then the address.
    async fn shut_down(&self, mut running: Running) -> anyhow::Result<()> {
        self.seen(Power::Stopping);
        self.guests_down(Command::ShutDown).await;
        running.watchers.abort_all();
        if let Some(init) = self.shared.look(self.name(), |view| view.init).flatten() {
            init.signal(Signal::TERM);
        }
        if timeout(STOP_LIMIT, running.child.wait()).await.is_err() {
            self.kill(running).await;
        }
        self.gone()?;
        self.shared.tell(self.name(), What::Off);
        Ok(())
    }

    async fn cut_power(&self, mut running: Running) -> anyhow::Result<()> {
        self.shared.tell(self.name(), What::PowerCut);
        running.watchers.abort_all();
        network::take_away(&self.instance, &self.description, || {
            for guest in &self.guests {
                let _ = guest.commands.send(Command::CutPower);
            }
            // Before the address comes back nothing may be left that could speak.
            if let Some(pid) = running.child.id().and_then(|pid| i32::try_from(pid).ok())
                && let Some(process) = Process::of(pid)
            {
                process.signal(Signal::KILL);
            }
        })?;
        let _ = running.child.wait().await;
        self.guests_down(Command::CutPower).await;
        self.seen(Power::Off);
        self.shared.tell(self.name(), What::Off);
        Ok(())
    }

    fn suspend(&self, running: Running) -> anyhow::Result<Phase> {
        network::take_away(&self.instance, &self.description, || {
            self.signal_all(Signal::STOP)
        })?;
        for guest in &self.guests {
            let _ = guest.commands.send(Command::Freeze);
        }
        self.seen(Power::Suspended);
        self.shared.tell(self.name(), What::Suspended);
        Ok(Phase::Suspended(running))
    }

    fn resume(&self, running: Running) -> anyhow::Result<Running> {
        network::plug_in(&self.instance, &self.description)?;
        self.signal_all(Signal::CONT);
        for guest in &self.guests {
            let _ = guest.commands.send(Command::Thaw);
        }
        self.seen(Power::On);
        self.shared.tell(self.name(), What::Resumed);
        Ok(running)
    }

    fn signal_all(&self, signal: Signal) {
        let init = self.shared.look(self.name(), |view| view.init).flatten();
        for process in init.map(Process::pid_namespace).unwrap_or_default() {
            process.signal(signal);
        }
    }

    /// Tells all guests, and waits until none is up.
    async fn guests_down(&self, command: Command) {
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

    async fn kill(&self, mut running: Running) {
        running.watchers.abort_all();
        // An error means that it has ended.
        let _ = running.child.kill().await;
    }

    /// The machine has no processes any more.
    fn gone(&self) -> anyhow::Result<()> {
        network::take_away(&self.instance, &self.description, || {})?;
        self.instance.remove_cgroups(Some(self.name()));
        self.seen(Power::Off);
        Ok(())
    }

    fn seen(&self, power: Power) {
        self.shared.change(self.name(), |view| {
            view.power = power;
            match power {
                Power::Off => {
                    view.init = None;
                    view.docker_ready = false;
                    view.proxmox = None;
                }
                Power::Starting | Power::On | Power::Stopping | Power::Suspended => {}
            }
        });
    }
}

async fn next(ears: &mut Ears, phase: &mut Phase) -> Option<Happening> {
    let due = match phase {
        Phase::Starting(at) | Phase::Stopping(_, at, _) | Phase::Resuming(_, at) => Some(*at),
        Phase::Off | Phase::On(_) | Phase::Suspended(_) => None,
    };
    let child = match phase {
        Phase::Off | Phase::Starting(_) => None,
        Phase::On(running)
        | Phase::Stopping(running, _, _)
        | Phase::Suspended(running)
        | Phase::Resuming(running, _) => Some(&mut running.child),
    };
    tokio::select! {
        biased;
        command = ears.commands.recv() => {
            command.filter(|&command| command != Command::End).map(Happening::Command)
        }
        packet = ears.listener.next() => packet.ok().map(Happening::Packet),
        line = ears.power.next_line() => line.ok().flatten().map(Happening::Asked),
        () = async { match due { Some(at) => sleep_until(at).await, None => pending().await } } => {
            Some(Happening::Due)
        }
        () = async { match child { Some(child) => { let _ = child.wait().await; } None => pending().await } } => {
            Some(Happening::Ended)
        }
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
