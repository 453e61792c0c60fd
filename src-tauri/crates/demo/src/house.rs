//! The simulated house: what is on in it, and how long it takes to come and go.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use wakehub_connectors::reach::Sighting;
use wakehub_connectors::{GuestReport, Health};
use wakehub_domain::{NodeKind, PowerState};

use crate::furniture::{self, HOUSE, Thing};
use crate::habits::{self, Meters};
use crate::mishap::{self, Asked, Mishap};

/// A machine's API and a VM's Docker come up a little after SSH does.
const SERVICES: Duration = Duration::from_secs(2);
const HEALTH_CHECK: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq, Debug)]
enum Power {
    Off,
    Starting { until: Instant },
    On { since: Instant },
    Stopping { begun: Instant, until: Instant },
}

pub(crate) struct House {
    speed: f64,
    seed: u64,
    rooms: Mutex<BTreeMap<&'static str, Room>>,
    /// Counts changes, for those who listen to Docker.
    changes: watch::Sender<u64>,
    meters: Meters,
}

struct Room {
    power: Power,
    /// Of a container that ended: `exited (1)`.
    note: Option<String>,
    starts: u32,
    stops: u32,
}

impl House {
    /// `speed` 2 makes everything happen twice as fast.
    pub fn new(speed: f64, seed: u64) -> House {
        let long_ago = Instant::now();
        let rooms = HOUSE.iter().map(|thing| {
            let power = if thing.on {
                // its services have been up for long, too
                Power::On {
                    since: long_ago.checked_sub(SERVICES * 2).unwrap_or(long_ago),
                }
            } else {
                Power::Off
            };
            let room = Room {
                power,
                note: None,
                starts: 0,
                stops: 0,
            };
            (thing.key, room)
        });
        House {
            speed: if speed.is_finite() && speed > 0.0 {
                speed
            } else {
                1.0
            },
            seed,
            rooms: Mutex::new(rooms.collect()),
            changes: watch::Sender::new(0),
            meters: Meters::default(),
        }
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// So long in this house.
    pub fn pace(&self, real: Duration) -> Duration {
        real.div_f64(self.speed)
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub fn is_on(&self, thing: &Thing) -> bool {
        self.on_since(thing).is_some()
    }

    /// Whether its Proxmox API or Docker engine answers, too.
    pub fn serves(&self, thing: &Thing) -> bool {
        self.on_since(thing)
            .is_some_and(|since| since.elapsed() >= self.pace(SERVICES))
    }

    /// Nobody has started or stopped it since the demo began.
    pub fn is_untouched(&self, thing: &Thing) -> bool {
        self.lock()
            .get(thing.key)
            .is_some_and(|room| room.starts + room.stops == 0)
    }

    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// For so many minutes of the house it is on.
    pub fn minutes_on(&self, thing: &Thing) -> Option<u64> {
        let since = self.on_since(thing)?;
        Some(habits::minutes(since.elapsed().mul_f64(self.speed)))
    }

    pub fn on_since(&self, thing: &Thing) -> Option<Instant> {
        if thing.hosted_on().is_some_and(|host| !self.is_on(host)) {
            return None;
        }
        match self.power(thing) {
            Power::On { since } => Some(since),
            Power::Off | Power::Starting { .. } | Power::Stopping { .. } => None,
        }
    }

    fn power(&self, thing: &Thing) -> Power {
        let now = Instant::now();
        match self.lock().get(thing.key).map(|room| room.power) {
            Some(Power::Starting { until }) if until <= now => Power::On { since: until },
            Some(Power::Stopping { until, .. }) if until <= now => Power::Off,
            Some(power) => power,
            None => Power::Off,
        }
    }

    /// What somebody sees who looks at a machine from outside.
    pub fn look(&self, thing: Option<&Thing>, address: &str, port: u16) -> Sighting {
        let silent = || Sighting::Silent {
            evidence: format!("nobody answers for {address} in the demo"),
        };
        let Some(thing) = thing else {
            return silent();
        };
        let refuses = || Sighting::Refuses {
            why: format!("connection refused on port {port}"),
        };
        let now = Instant::now();
        match self.power(thing) {
            Power::On { .. } => Sighting::Answers {
                port_open: true,
                how: format!("port {port}"),
            },
            // the network comes up before sshd does
            Power::Starting { until } if until - now < self.pace(Duration::from_secs(2)) => {
                refuses()
            }
            Power::Stopping { begun, until } if now - begun < (until - begun) / 2 => refuses(),
            Power::Off | Power::Starting { .. } | Power::Stopping { .. } => silent(),
        }
    }

    pub fn report(&self, thing: &'static Thing) -> GuestReport {
        let state = match self.power(thing) {
            Power::On { .. } => PowerState::On,
            Power::Off => PowerState::Off,
            Power::Starting { .. } => PowerState::Starting,
            Power::Stopping { .. } => PowerState::Stopping,
        };
        let health = self.on_since(thing).filter(|_| thing.checks_health);
        GuestReport {
            kind: thing.kind,
            platform_id: thing.key.to_owned(),
            name: thing.name.to_owned(),
            state,
            health: health.map(|since| {
                if since.elapsed() < self.pace(HEALTH_CHECK) {
                    Health::Starting
                } else {
                    Health::Healthy
                }
            }),
            note: self
                .lock()
                .get(thing.key)
                .and_then(|room| room.note.clone()),
            lock: None,
            member: thing
                .hosted_on()
                .and_then(|host| host.member)
                .map(str::to_owned),
            identity: thing
                .compose
                .map(|(project, service)| format!("{project}/{service}")),
        }
    }

    /// A magic packet arrives; the machine takes 8 to 20 s.
    pub fn wake(&self, thing: &'static Thing) {
        if self.power(thing) != Power::Off {
            return;
        }
        let attempt = self.counted(thing, |room| &mut room.starts);
        let seconds = 8 + mishap::chance(self.seed, thing.key, attempt) % 13;
        self.begin(thing, Duration::from_secs(seconds));
    }

    /// Returns when it runs, or says what befell it.
    pub async fn start(&self, thing: &'static Thing) -> Result<(), Mishap> {
        match self.power(thing) {
            Power::On { .. } => return Ok(()),
            Power::Starting { until } => {
                tokio::time::sleep_until(until).await;
                return Ok(());
            }
            Power::Off | Power::Stopping { .. } => {}
        }
        let attempt = self.counted(thing, |room| &mut room.starts);
        let asked = match thing.kind {
            NodeKind::Container => Asked::StartContainer,
            NodeKind::Machine | NodeKind::Vm | NodeKind::Lxc => Asked::StartGuest,
        };
        let mishap = mishap::befalls(self.seed, thing.key, asked, attempt);
        if let Some(mishap) = mishap {
            tokio::time::sleep(self.pace(Duration::from_millis(600))).await;
            self.set(
                thing,
                Power::Off,
                Some("exited (1)").filter(|_| mishap == Mishap::Exits),
            );
            return Err(mishap);
        }
        let until = self.begin(thing, starting(thing.kind));
        tokio::time::sleep_until(until).await;
        self.tell();
        Ok(())
    }

    /// Returns when a guest is off. A machine only begins to go off, and takes all that it hosts with it.
    pub async fn stop(&self, thing: &'static Thing, may_be_deaf: bool) -> Result<(), Mishap> {
        if self.power(thing) == Power::Off {
            return Ok(());
        }
        let attempt = self.counted(thing, |room| &mut room.stops);
        let mishap = mishap::befalls(self.seed, thing.key, Asked::StopGuest, attempt);
        if let (Some(mishap), true) = (mishap, may_be_deaf) {
            return Err(mishap);
        }
        let begun = Instant::now();
        let until = begun + self.pace(stopping(thing.kind));
        self.set(thing, Power::Stopping { begun, until }, None);
        if thing.kind == NodeKind::Machine {
            tokio::time::sleep(self.pace(Duration::from_millis(300))).await;
        } else {
            tokio::time::sleep_until(until).await;
        }
        self.empty(thing);
        self.tell();
        Ok(())
    }

    /// Somebody switches it elsewhere: no word before, and no mishap.
    pub fn switch(&self, thing: &'static Thing, on: bool) {
        let since = Instant::now();
        let (power, note) = if on {
            (Power::On { since }, None)
        } else {
            (
                Power::Off,
                Some("exited (0)").filter(|_| thing.image.is_some()),
            )
        };
        self.set(thing, power, note);
    }

    fn empty(&self, thing: &Thing) {
        for guest in thing.guests() {
            self.set(guest, Power::Off, None);
            self.empty(guest);
        }
    }

    fn begin(&self, thing: &'static Thing, takes: Duration) -> Instant {
        let until = Instant::now() + self.pace(takes);
        self.set(thing, Power::Starting { until }, None);
        until
    }

    fn set(&self, thing: &'static Thing, power: Power, note: Option<&str>) {
        if let Some(room) = self.lock().get_mut(thing.key) {
            room.power = power;
            room.note = note.map(str::to_owned);
        }
        self.tell();
    }

    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// How often it happened before.
    fn counted(&self, thing: &Thing, which: impl Fn(&mut Room) -> &mut u32) -> u32 {
        self.lock().get_mut(thing.key).map_or(0, |room| {
            let count = which(room);
            *count += 1;
            *count - 1
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn starting(kind: NodeKind) -> Duration {
    Duration::from_secs(match kind {
        NodeKind::Machine => 12,
        NodeKind::Vm => 6,
        NodeKind::Lxc => 2,
        NodeKind::Container => 1,
    })
}

fn stopping(kind: NodeKind) -> Duration {
    Duration::from_millis(match kind {
        NodeKind::Machine => 6000,
        NodeKind::Vm => 4000,
        NodeKind::Lxc => 1500,
        NodeKind::Container => 700,
    })
}

/// One try of a readiness probe: `host:port` or a URL.
pub(crate) fn probed(house: &House, target: &str) -> Result<(), String> {
    let secure = target.starts_with("https://");
    let rest = target
        .split_once("://")
        .map_or(target, |(_, rest)| rest)
        .split('/')
        .next()
        .unwrap_or_default();
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(0)),
        None => (rest, if secure { 443 } else { 80 }),
    };
    let refused = || format!("{host}:{port}: connection refused");
    let Some(thing) = furniture::at(host) else {
        return Err(format!("{host}: no route to host"));
    };
    // a port that a container of it publishes is open while that one runs
    let behind = thing
        .guests()
        .find(|guest| guest.kind == NodeKind::Container && guest.ports.contains(&port));
    if house.is_on(behind.unwrap_or(thing)) {
        Ok(())
    } else {
        Err(refused())
    }
}
