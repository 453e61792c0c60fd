//! What really happened, in order, as the lab saw it and not as anyone told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

use crate::listener::MagicPacket;
use crate::process::Process;
use crate::proxmox::Line;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Since the lab began.
    pub at: Duration,
    pub time: SystemTime,
    /// The machine or guest it happened to.
    pub node: String,
    pub what: What,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A magic packet switched it on.
    Woken,
    /// [`Lab::power_on`](crate::Lab::power_on), or its host started it.
    PoweredOn,
    /// It has its address, and sshd accepts.
    Booted,
    BootFailed(String),
    DockerReady,
    ProxmoxReady,
    /// Somebody asked it to go down: `poweroff`, `reboot`, `suspend` or `hibernate`, or the Proxmox API did.
    ShutdownAsked(String),
    Suspended,
    Resumed,
    /// It is down: no process and no address is left.
    Off,
    /// The plug was pulled.
    PowerCut,
    /// A guest, by what the Proxmox API believes; `Booted` and `Off` tell when it really was.
    GuestStatus {
        vmid: u32,
        status: String,
    },
    ContainerStarted(String),
    ContainerStopped(String),
    Fault(String),
    Healed,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Woken => f.write_str("woken by a magic packet"),
            What::PoweredOn => f.write_str("powered on"),
            What::Booted => f.write_str("booted"),
            What::BootFailed(why) => write!(f, "failed to boot: {why}"),
            What::DockerReady => f.write_str("Docker is ready"),
            What::ProxmoxReady => f.write_str("the Proxmox API is ready"),
            What::ShutdownAsked(how) => write!(f, "asked to {how}"),
            What::Suspended => f.write_str("suspended"),
            What::Resumed => f.write_str("resumed"),
            What::Off => f.write_str("off"),
            What::PowerCut => f.write_str("power cut"),
            What::GuestStatus { vmid, status } => write!(f, "guest {vmid} is {status}"),
            What::ContainerStarted(name) => write!(f, "container {name} started"),
            What::ContainerStopped(name) => write!(f, "container {name} stopped"),
            What::Fault(fault) => write!(f, "fault: {fault}"),
            What::Healed => f.write_str("faults healed"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_secs_f64();
        write!(f, "{seconds:8.2} s  {:<18} {}", self.node, self.what)
    }
}

/// What a machine does at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Power {
    Off,
    /// Switched on; no address yet.
    Starting,
    On,
    /// Was asked to go down and still answers.
    Stopping,
    /// Suspended or hibernated: as silent as when off, its processes frozen.
    Suspended,
}

/// What is known of one machine.
pub(crate) struct View {
    pub(crate) power: Power,
    pub(crate) packets: Vec<MagicPacket>,
    /// Its first process, while it runs.
    pub(crate) init: Option<Process>,
    pub(crate) docker_ready: bool,
    /// While its Proxmox API answers.
    pub(crate) proxmox: Option<Line>,
    pub(crate) never_wakes: bool,
    pub(crate) ignores_shutdown: bool,
}

impl View {
    pub(crate) fn set(&mut self, power: Power) {
        self.power = power;
        match power {
            Power::Off => {
                self.init = None;
                self.docker_ready = false;
                self.proxmox = None;
            }
            Power::Starting | Power::On | Power::Stopping | Power::Suspended => {}
        }
    }
}

/// What the machines' tasks write and the lab's user reads.
pub(crate) struct Shared {
    begun: Instant,
    views: Mutex<BTreeMap<String, View>>,
    events: Mutex<Vec<Event>>,
    changed: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new<'a>(machines: impl Iterator<Item = &'a str>) -> Shared {
        let view = |name: &str| {
            let view = View {
                power: Power::Off,
                packets: Vec::new(),
                init: None,
                docker_ready: false,
                proxmox: None,
                never_wakes: false,
                ignores_shutdown: false,
            };
            (name.to_owned(), view)
        };
        Shared {
            begun: Instant::now(),
            views: Mutex::new(machines.map(view).collect()),
            events: Mutex::new(Vec::new()),
            changed: watch::Sender::new(0),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Looks at a machine; `None` if there is none of this name.
    pub(crate) fn look<T>(&self, machine: &str, look: impl FnOnce(&View) -> T) -> Option<T> {
        lock(&self.views).get(machine).map(look)
    }

    /// Changes what is known of a machine and wakes all who wait.
    pub(crate) fn change<T>(
        &self,
        machine: &str,
        change: impl FnOnce(&mut View) -> T,
    ) -> Option<T> {
        let changed = lock(&self.views).get_mut(machine).map(change);
        self.changed.send_modify(|count| *count += 1);
        changed
    }

    /// Changes what is known of a machine and tells why, so that nobody sees the one without the other.
    pub(crate) fn become_known(&self, machine: &str, what: What, change: impl FnOnce(&mut View)) {
        let mut views = lock(&self.views);
        if let Some(view) = views.get_mut(machine) {
            change(view);
        }
        self.tell(machine, what);
    }

    pub(crate) fn tell(&self, node: &str, what: What) {
        let event = Event {
            at: self.elapsed(),
            time: SystemTime::now(),
            node: node.to_owned(),
            what,
        };
        lock(&self.events).push(event);
        self.changed.send_modify(|count| *count += 1);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        lock(&self.events).clone()
    }

    pub(crate) fn events_after(&self, count: usize) -> Vec<Event> {
        lock(&self.events).iter().skip(count).cloned().collect()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

/// What a panic elsewhere left behind is still worth reading: the panic itself fails the test.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
