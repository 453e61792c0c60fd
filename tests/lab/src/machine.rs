//! One machine's life: a task that owns its card, its power and its first process.

use anyhow::Context;
use rustix::process::Signal;
use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::event::{Power, Shared, What};
use crate::homelab::{Kind, Machine as Description};
use crate::instance::Instance;
use crate::lab::Options;
use crate::listener::{Listener, Magic, MagicPacket};
use crate::process::Process;

mod power;

pub(crate) use power::{first_process, tail};

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
                    // Half a machine would be worse than none.
                    if let Some(process) = Process::read(&self.directory.join("pid")) {
                        process.signal(Signal::KILL);
                    }
                    if at_work {
                        self.becomes(Power::Off, What::Off);
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

    fn seen(&self, power: Power) {
        self.shared.change(self.name(), |view| view.set(power));
    }

    fn becomes(&self, power: Power, what: What) {
        self.shared
            .become_known(self.name(), what, |view| view.set(power));
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
