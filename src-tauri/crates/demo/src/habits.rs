//! How the things of the house are used, minute by minute: somebody watches a film, a torrent comes in, nextcloud looks for
//! changes, and the rest does what a thing does that nobody uses. The same for the same seed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use wakehub_connectors::{CpuUse, Memory, Target, Usage};
use wakehub_domain::NodeKind;

use crate::furniture::{self, Thing};
use crate::house::House;
use crate::mishap;

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * KIB;
/// Ethernet packets of a stream are nearly full.
const PACKET: u64 = 1200;
/// Whose files are on nas.
const KEPT_ON_NAS: [&str; 3] = ["101", "qbittorrent", "nextcloud"];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Habit {
    Quiet,
    Film,
    Torrent,
    Changes,
}

fn habit(thing: &Thing) -> Habit {
    match thing.key {
        "101" => Habit::Film,
        "qbittorrent" => Habit::Torrent,
        "nextcloud" => Habit::Changes,
        _ => Habit::Quiet,
    }
}

/// Whether somebody uses it in this minute since it is on.
fn is_busy(thing: &Thing, minute: u64) -> bool {
    match habit(thing) {
        Habit::Quiet => false,
        Habit::Film => minute % 135 < 95,
        Habit::Torrent => minute % 180 < 50,
        Habit::Changes => minute % 45 < 3,
    }
}

/// Somebody fetches something to eat: the film is paused, and nothing moves.
fn is_paused(thing: &Thing, minute: u64) -> bool {
    habit(thing) == Habit::Film && (48..54).contains(&(minute % 135))
}

/// What it does in a minute.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Rate {
    cores: f64,
    rx: f64,
    tx: f64,
    read: f64,
    written: f64,
    connections: u32,
}

impl Rate {
    fn plus(self, other: Rate) -> Rate {
        Rate {
            cores: self.cores + other.cores,
            rx: self.rx + other.rx,
            tx: self.tx + other.tx,
            read: self.read + other.read,
            written: self.written + other.written,
            connections: self.connections.saturating_add(other.connections),
        }
    }
}

/// By itself, without what it hosts.
fn own(seed: u64, thing: &Thing, minute: u64) -> Rate {
    let attempt = u32::try_from(minute).unwrap_or(u32::MAX);
    #[expect(clippy::cast_precision_loss, reason = "a number below 1000")]
    let noise = (mishap::chance(seed, thing.key, attempt) % 1000) as f64 / 1000.0;
    let quiet = Rate {
        cores: 0.02 + 0.05 * noise,
        rx: (1.0 + 3.0 * noise) * KIB,
        tx: (0.6 + 2.0 * noise) * KIB,
        read: 0.0,
        written: (8.0 + 40.0 * noise) * KIB,
        connections: 0,
    };
    if !is_busy(thing, minute) || is_paused(thing, minute) {
        return quiet;
    }
    let busy = match habit(thing) {
        Habit::Quiet => Rate::default(),
        Habit::Film => Rate {
            cores: 0.8 + 0.7 * noise,
            rx: (55.0 + 30.0 * noise) * MIB,
            tx: (50.0 + 30.0 * noise) * MIB,
            connections: 2,
            ..Rate::default()
        },
        Habit::Torrent => Rate {
            cores: 0.3 + 0.3 * noise,
            rx: (150.0 + 180.0 * noise) * MIB,
            tx: (155.0 + 180.0 * noise) * MIB,
            connections: 40,
            ..Rate::default()
        },
        Habit::Changes => Rate {
            cores: 0.6 + 0.3 * noise,
            rx: (2.0 + 4.0 * noise) * MIB,
            tx: (1.0 + 2.0 * noise) * MIB,
            connections: 1,
            ..Rate::default()
        },
    };
    quiet.plus(busy)
}

/// What uses nas, as nas sees it: what one of them receives it has read from there.
fn at_nas(user: Rate) -> Rate {
    Rate {
        cores: 0.1,
        rx: user.tx,
        tx: user.rx,
        read: user.rx,
        written: user.tx,
        connections: 1,
    }
}

/// Nothing of what is off.
fn rate(house: &House, thing: &'static Thing) -> Rate {
    let Some(minute) = house.minutes_on(thing) else {
        return Rate::default();
    };
    let below = thing.guests().map(|guest| rate(house, guest));
    let users = KEPT_ON_NAS.iter().filter(|_| thing.key == "nas");
    let users = users.filter_map(|key| {
        let user = furniture::find(key)?;
        let minute = house.minutes_on(user)?;
        let is_at_work = is_busy(user, minute) && !is_paused(user, minute);
        is_at_work.then(|| at_nas(own(house.seed(), user, minute)))
    });
    below
        .chain(users)
        .fold(own(house.seed(), thing, minute), Rate::plus)
}

/// Counters as a platform keeps them: they grow from one look to the next, and begin anew with the thing.
#[derive(Default)]
pub(crate) struct Meters(Mutex<BTreeMap<&'static str, Meter>>);

#[derive(Clone, Copy)]
struct Meter {
    on_since: Instant,
    looked: Instant,
    moved: [f64; 4],
}

impl Meters {
    /// Received, sent, read and written since it is on.
    fn look(&self, thing: &'static Thing, on_since: Instant, rate: Rate) -> [u64; 4] {
        let now = Instant::now();
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Meter {
            on_since,
            looked: on_since,
            moved: [0.0; 4],
        };
        let meter = meters.entry(thing.key).or_insert(fresh);
        if meter.on_since != on_since {
            *meter = fresh;
        }
        let minutes = now.saturating_duration_since(meter.looked).as_secs_f64() / 60.0;
        meter.looked = now;
        let rates = [rate.rx, rate.tx, rate.read, rate.written];
        for (moved, rate) in meter.moved.iter_mut().zip(rates) {
            *moved += rate * minutes;
        }
        meter.moved.map(whole)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bytes of a demo"
)]
fn whole(bytes: f64) -> u64 {
    bytes as u64
}

/// As its platform measures it now; none of what is off. Only SSH knows who is connected and logged in.
pub(crate) fn usage(
    house: &House,
    target: Target,
    thing: &'static Thing,
    is_ssh: bool,
) -> Option<Usage> {
    let since = house.on_since(thing)?;
    let minute = house.minutes_on(thing)?;
    let rate = rate(house, thing);
    let [rx, tx, read, written] = house.meters().look(thing, since, rate);
    let total = thing.memory.unwrap_or(16) << 30;
    let used = if is_busy(thing, minute) { 45 } else { 28 };
    Some(Usage {
        up: Some(since.elapsed()),
        cpu: Some(CpuUse::Cores(rate.cores)),
        memory: Some(Memory {
            used: total / 100 * used,
            total,
        }),
        rx_bytes: Some(rx),
        tx_bytes: Some(tx),
        rx_packets: Some(rx / PACKET),
        tx_packets: Some(tx / PACKET),
        read_bytes: Some(read),
        written_bytes: Some(written),
        connections: is_ssh.then_some(rate.connections),
        users: is_ssh.then_some(0),
        inhibitors: inhibitor(thing, minute, is_ssh).into_iter().collect(),
        ..Usage::new(target)
    })
}

/// In its second hour nas looks after its disks, and cloudflared is backed up a while after it starts.
fn inhibitor(thing: &Thing, minute: u64, is_ssh: bool) -> Option<String> {
    match (thing.key, minute) {
        ("nas", 60..80) if is_ssh => {
            let part = (minute - 60) * 5;
            Some(format!("scrub of tank, {part}.00 % done"))
        }
        ("103", 12..16) if !is_ssh => Some("a backup runs".to_owned()),
        _ => None,
    }
}

/// What a service answers that is asked whether it is used; `None` is one that does not run.
pub(crate) fn plays(house: &House, port: u16) -> Option<bool> {
    let thing = furniture::HOUSE
        .iter()
        .find(|thing| thing.ports.contains(&port) && thing.kind != NodeKind::Machine)?;
    let minute = house.minutes_on(thing)?;
    Some(is_busy(thing, minute))
}

/// How long the house takes for a minute of a habit.
pub(crate) fn minutes(on: Duration) -> u64 {
    on.as_secs() / 60
}

#[cfg(test)]
#[path = "habits_tests.rs"]
mod tests;
