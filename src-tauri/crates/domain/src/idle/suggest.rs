//! Thresholds from what a node does while nobody uses it.
//!
//! A node is stopped when a whole timeout is quiet, so what a threshold has to tolerate is the largest value of a whole
//! timeout: a burst every five minutes is in each of them, one that comes every hour leaves most half hours without it. Of
//! every stretch of the samples as long as the timeout the largest value is taken, and of these the one that a sixth of the
//! stretches stay below, the middle of the quietest third: a node that is used two thirds of the day is measured at its
//! quietest all the same. Half as much again is the margin, because tomorrow's noise is not today's, and what comes out is
//! rounded up to a number that reads well. Connections have no margin, one more of them may be somebody; memory has a tenth
//! of all, because half as much again is soon more than there is.
//!
//! Where even that is more than a node does that somebody may be using, nothing is suggested: a threshold above a music stream
//! would call it silence. A lower one than what nothing at all does is not suggested either.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::reading::{Told, read};
use super::window::hole;
use super::{
    Cpu, Criteria, Criterion, Disk, LastAccess, NetworkConnections, NetworkTraffic, Ram, Sample,
    TICK, Value,
};
use crate::Timestamp;

/// Fewer hours say nothing of a day.
const LEAST: Duration = Duration::from_secs(6 * 3600);
/// Of a longer timeout only so much is looked at, or a day's samples would hold too few of them.
const LONGEST_STRETCH: Duration = Duration::from_secs(6 * 3600);
/// One of so many stretches stays below.
const QUIETEST: usize = 6;
const MARGIN: f64 = 1.5;

const KIB: f64 = 1024.0;
/// Music of 64 kbit/s brings 469 KiB in a minute.
const MOST_TRAFFIC: f64 = 400.0 * KIB;
/// The same in packets of 1,400 bytes, with an acknowledgement for every second one, are 514.
const MOST_PACKETS: f64 = 500.0;
/// A film of 3 Mbit/s that is read from the disk is 21.5 MiB.
const MOST_DISK: f64 = 20.0 * 1024.0 * KIB;
const MOST_CORES: f64 = 1.0;
const MOST_MEMORY: f64 = 0.9;
const MOST_CONNECTIONS: f64 = 20.0;

/// The thresholds that a node's quiet hours stay below; none where too little was measured, or nothing was quiet.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(default)]
pub struct Suggestion {
    pub cpu_cores: Option<f64>,
    pub ram_fraction: Option<f64>,
    #[cfg_attr(feature = "ts", ts(type = "number | null"))]
    pub bytes_per_tick: Option<u64>,
    #[cfg_attr(feature = "ts", ts(type = "number | null"))]
    pub packets_per_tick: Option<u64>,
    pub connections: Option<u32>,
    #[cfg_attr(feature = "ts", ts(type = "number | null"))]
    pub disk_bytes_per_tick: Option<u64>,
}

impl Suggestion {
    /// In the place of the thresholds that are there. What is off stays off, what has no suggestion stays as it is.
    pub fn apply(&self, criteria: &mut Criteria) {
        fn set<T>(threshold: &mut T, suggested: Option<T>) {
            if let Some(suggested) = suggested {
                *threshold = suggested;
            }
        }
        if let Some(cpu) = &mut criteria.cpu {
            set(&mut cpu.cores, self.cpu_cores);
        }
        if let Some(ram) = &mut criteria.ram {
            set(&mut ram.fraction, self.ram_fraction);
        }
        if let Some(traffic) = &mut criteria.network_traffic {
            if traffic.bytes().is_some() && self.bytes_per_tick.is_some() {
                traffic.bytes_per_tick = self.bytes_per_tick;
            }
            if traffic.packets_per_tick.is_some() && self.packets_per_tick.is_some() {
                traffic.packets_per_tick = self.packets_per_tick;
            }
        }
        if let Some(connections) = &mut criteria.network_connections {
            set(&mut connections.more_than, self.connections);
        }
        if let Some(disk) = &mut criteria.disk {
            set(&mut disk.bytes_per_tick, self.disk_bytes_per_tick);
        }
    }
}

/// From the samples of the last day, or so many as there are, in the order in which they were taken.
pub fn suggest(samples: &[Sample], timeout: Duration) -> Suggestion {
    let stretch = timeout.clamp(TICK, LONGEST_STRETCH);
    let quiet = |of: fn(Criterion, Value) -> Option<f64>| quiet(samples, stretch, of);
    let with_margin = |value: f64| value * MARGIN;
    Suggestion {
        cpu_cores: quiet(|_, value| match value {
            Value::Cores(cores) => Some(cores),
            Value::Fraction(_)
            | Value::Bytes(_)
            | Value::Packets(_)
            | Value::Connections(_)
            | Value::Users(_)
            | Value::Answer(_)
            | Value::Port { .. } => None,
        })
        .map(with_margin)
        .and_then(|cores| readable(cores, 0.05, MOST_CORES)),
        ram_fraction: quiet(|_, value| match value {
            Value::Fraction(part) => Some(part),
            Value::Cores(_)
            | Value::Bytes(_)
            | Value::Packets(_)
            | Value::Connections(_)
            | Value::Users(_)
            | Value::Answer(_)
            | Value::Port { .. } => None,
        })
        // in steps of a twentieth
        .map(|part| ((part + 0.1) * 20.0).ceil() / 20.0)
        .filter(|part| *part <= MOST_MEMORY),
        bytes_per_tick: quiet(|criterion, value| match (criterion, value) {
            (Criterion::NetworkTraffic, Value::Bytes(bytes)) => Some(float(bytes)),
            (_, _) => None,
        })
        .map(with_margin)
        .and_then(|bytes| readable(bytes / KIB, 1.0, MOST_TRAFFIC / KIB))
        .map(|kib| whole(kib * KIB)),
        packets_per_tick: quiet(|_, value| match value {
            Value::Packets(packets) => Some(float(packets)),
            Value::Cores(_)
            | Value::Fraction(_)
            | Value::Bytes(_)
            | Value::Connections(_)
            | Value::Users(_)
            | Value::Answer(_)
            | Value::Port { .. } => None,
        })
        .map(with_margin)
        .and_then(|packets| readable(packets, 10.0, MOST_PACKETS))
        .map(whole),
        connections: quiet(|_, value| match value {
            Value::Connections(connections) => Some(f64::from(connections)),
            Value::Cores(_)
            | Value::Fraction(_)
            | Value::Bytes(_)
            | Value::Packets(_)
            | Value::Users(_)
            | Value::Answer(_)
            | Value::Port { .. } => None,
        })
        .filter(|connections| *connections <= MOST_CONNECTIONS)
        .and_then(|connections| u32::try_from(whole(connections)).ok()),
        disk_bytes_per_tick: quiet(|criterion, value| match (criterion, value) {
            (Criterion::Disk, Value::Bytes(bytes)) => Some(float(bytes)),
            (_, _) => None,
        })
        .map(with_margin)
        .and_then(|bytes| readable(bytes / KIB, 100.0, MOST_DISK / KIB))
        .map(|kib| whole(kib * KIB)),
    }
}

/// What a sixth of the stretches stay below.
fn quiet(
    samples: &[Sample],
    stretch: Duration,
    of: fn(Criterion, Value) -> Option<f64>,
) -> Option<f64> {
    let mut largest = Vec::new();
    let mut measured = Duration::ZERO;
    for run in runs(samples, of) {
        let (first, last) = (run.first()?.0, run.last()?.1);
        measured += last.since(first);
        for (at, (begin, ..)) in run.iter().enumerate() {
            let end = begin.plus(stretch);
            if end > last {
                break;
            }
            let within = run[at..].iter().take_while(|(from, ..)| *from < end);
            largest.push(within.map(|(.., value)| *value).fold(0.0, f64::max));
        }
    }
    if measured < LEAST || largest.is_empty() {
        return None;
    }
    largest.sort_by(f64::total_cmp);
    largest.get(largest.len() / QUIETEST).copied()
}

/// From when until when, and what was read of that time.
type Interval = (Timestamp, Timestamp, f64);

/// What was measured without a hole.
fn runs(samples: &[Sample], of: fn(Criterion, Value) -> Option<f64>) -> Vec<Vec<Interval>> {
    let all = all();
    let mut runs = vec![Vec::new()];
    for pair in samples.windows(2) {
        let [before, sample] = pair else { continue };
        let told = match hole(before, sample) {
            None => read(&all, sample, Some(before)),
            Some(_) => Vec::new(),
        };
        let value = told.into_iter().find_map(|told| match told {
            Told::Reading(reading) => of(reading.criterion, reading.value),
            Told::Missing(_) | Told::MissingPort(_) | Told::First | Told::Reset(_) => None,
        });
        match (value, runs.last_mut()) {
            (Some(value), Some(run)) => run.push((before.at, sample.at, value)),
            (_, _) => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Every criterion, whatever the threshold.
fn all() -> Criteria {
    Criteria {
        cpu: Some(Cpu::default()),
        ram: Some(Ram::default()),
        network_traffic: Some(NetworkTraffic {
            bytes_per_tick: Some(0),
            packets_per_tick: Some(0),
        }),
        network_connections: Some(NetworkConnections::default()),
        disk: Some(Disk::default()),
        probe: None,
        last_access: Some(LastAccess::default()),
    }
}

/// Rounded up to 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6 or 8 of a power of ten; none above the most.
fn readable(value: f64, least: f64, most: f64) -> Option<f64> {
    if value <= least {
        return Some(least);
    }
    if value > most {
        return None;
    }
    // in hundredths, so that what is a hundredth reads like one
    let mut power = 1.0;
    loop {
        for digits in [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0] {
            let hundredths: f64 = digits * power;
            if hundredths >= value * 100.0 {
                return Some((hundredths.round() / 100.0).min(most));
            }
        }
        power *= 10.0;
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "of what may be suggested no digit is lost"
)]
fn float(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0, and below the most that may be suggested"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
