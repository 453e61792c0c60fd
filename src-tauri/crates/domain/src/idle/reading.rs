//! One criterion's value beside its threshold.

use std::fmt;
use std::time::Duration;

use super::{Criteria, Criterion, ProbeAnswer, Sample, TICK};

/// What was measured, and the most that still counts as quiet. Counters are told as a tick's worth: what they grew by in less
/// than a tick is scaled up to one, and what they grew by in more is not scaled down, so that it is never told as less than it was.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    pub criterion: Criterion,
    pub value: Value,
    pub threshold: Value,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    Cores(f64),
    Fraction(f64),
    Bytes(u64),
    Packets(u64),
    Connections(u32),
    Users(u32),
    Answer(ProbeAnswer),
    Port { port: u16, accepts: bool },
}

/// What became of one criterion at one tick.
pub(super) enum Told {
    Reading(Reading),
    Missing(Criterion),
    /// Nobody knows whether the port accepts.
    MissingPort(u16),
    /// A counter that was not there before.
    First,
    Reset(Criterion),
}

impl Reading {
    pub fn is_over(&self) -> bool {
        match (&self.value, &self.threshold) {
            (Value::Cores(value), Value::Cores(most))
            | (Value::Fraction(value), Value::Fraction(most)) => {
                // a threshold that is no number, or has no end, would call everything quiet
                !(most.is_finite() && value <= most)
            }
            (Value::Bytes(value), Value::Bytes(most))
            | (Value::Packets(value), Value::Packets(most)) => value > most,
            (Value::Connections(value), Value::Connections(most))
            | (Value::Users(value), Value::Users(most)) => value > most,
            // these have no threshold
            (Value::Answer(answer), _) => answer.is_used,
            (Value::Port { accepts, .. }, _) => *accepts,
            // what cannot be compared is not quiet
            (
                Value::Cores(_)
                | Value::Fraction(_)
                | Value::Bytes(_)
                | Value::Packets(_)
                | Value::Connections(_)
                | Value::Users(_),
                _,
            ) => true,
        }
    }

    /// It tells what was until it was taken, and not what is at that moment and maybe goes on.
    pub(super) fn is_of_the_past(&self) -> bool {
        match self.value {
            Value::Cores(_) | Value::Bytes(_) | Value::Packets(_) => true,
            Value::Fraction(_)
            | Value::Connections(_)
            | Value::Users(_)
            | Value::Answer(_)
            | Value::Port { .. } => false,
        }
    }
}

/// Every criterion at this tick; counters against the sample before, `None` when that says nothing of this one.
pub(super) fn read(criteria: &Criteria, sample: &Sample, before: Option<&Sample>) -> Vec<Told> {
    let elapsed = before.map_or(TICK, |before| sample.at.since(before.at));
    let mut told = Vec::new();
    if let Some(cpu) = &criteria.cpu {
        told.push(gauge(
            Criterion::Cpu,
            sample
                .cpu_cores
                .filter(|cores| (0.0..f64::INFINITY).contains(cores))
                .map(Value::Cores),
            Value::Cores(cpu.cores),
        ));
    }
    if let Some(ram) = &criteria.ram {
        told.push(gauge(
            Criterion::Ram,
            sample
                .ram_fraction
                .filter(|part| (0.0..=1.0).contains(part))
                .map(Value::Fraction),
            Value::Fraction(ram.fraction),
        ));
    }
    if let Some(traffic) = &criteria.network_traffic {
        if let Some(most) = traffic.bytes() {
            let counters: [Counter; 2] = [|s| s.rx_bytes, |s| s.tx_bytes];
            told.push(match sum(counters, sample, before, elapsed) {
                Ok(bytes) => reading(
                    Criterion::NetworkTraffic,
                    Value::Bytes(bytes),
                    Value::Bytes(most),
                ),
                Err(fault) => fault.of(Criterion::NetworkTraffic),
            });
        }
        if let Some(most) = traffic.packets_per_tick {
            let counters: [Counter; 2] = [|s| s.rx_packets, |s| s.tx_packets];
            told.push(match sum(counters, sample, before, elapsed) {
                Ok(packets) => reading(
                    Criterion::NetworkTraffic,
                    Value::Packets(packets),
                    Value::Packets(most),
                ),
                Err(fault) => fault.of(Criterion::NetworkTraffic),
            });
        }
    }
    if let Some(connections) = &criteria.network_connections {
        told.push(gauge(
            Criterion::NetworkConnections,
            sample.connections.map(Value::Connections),
            Value::Connections(connections.more_than),
        ));
    }
    if let Some(disk) = &criteria.disk {
        let counters: [Counter; 2] = [|s| s.read_bytes, |s| s.written_bytes];
        told.push(match sum(counters, sample, before, elapsed) {
            Ok(bytes) => reading(
                Criterion::Disk,
                Value::Bytes(bytes),
                Value::Bytes(disk.bytes_per_tick),
            ),
            Err(fault) => fault.of(Criterion::Disk),
        });
    }
    if criteria.probe.is_some() {
        told.push(gauge(
            Criterion::Probe,
            sample.probe.clone().map(Value::Answer),
            Value::Answer(ProbeAnswer::not_used("no use")),
        ));
    }
    if let Some(access) = &criteria.last_access {
        if access.logins {
            told.push(gauge(
                Criterion::LastAccess,
                sample.users.map(Value::Users),
                Value::Users(0),
            ));
        }
        if let Some(port) = access.port {
            let accepting = |accepts| Value::Port { port, accepts };
            told.push(match sample.port_accepts {
                Some(accepts) => {
                    reading(Criterion::LastAccess, accepting(accepts), accepting(false))
                }
                None => Told::MissingPort(port),
            });
        }
    }
    told
}

fn reading(criterion: Criterion, value: Value, threshold: Value) -> Told {
    Told::Reading(Reading {
        criterion,
        value,
        threshold,
    })
}

fn gauge(criterion: Criterion, value: Option<Value>, threshold: Value) -> Told {
    match value {
        Some(value) => reading(criterion, value, threshold),
        None => Told::Missing(criterion),
    }
}

type Counter = fn(&Sample) -> Option<u64>;

enum Fault {
    Missing,
    First,
    Reset,
}

impl Fault {
    fn of(self, criterion: Criterion) -> Told {
        match self {
            Fault::Missing => Told::Missing(criterion),
            Fault::First => Told::First,
            Fault::Reset => Told::Reset(criterion),
        }
    }
}

/// How much two counters have grown together, as a tick's worth where it was less than a tick: half of it in half the time
/// is as much.
fn sum(
    counters: [Counter; 2],
    sample: &Sample,
    before: Option<&Sample>,
    elapsed: Duration,
) -> Result<u64, Fault> {
    let of = |sample: Option<&Sample>| counters.map(|counter| sample.and_then(counter));
    let pairs: Vec<_> = of(Some(sample)).into_iter().zip(of(before)).collect();
    // also where the other one is missing: an answer that is half there shows a restart as well as a whole one
    if pairs.iter().any(|(now, then)| now.is_some() && now < then) {
        return Err(Fault::Reset);
    }
    if pairs.iter().any(|(now, _)| now.is_none()) {
        return Err(Fault::Missing);
    }
    let mut grown = 0_u64;
    for (now, then) in pairs {
        let (Some(now), Some(then)) = (now, then) else {
            return Err(Fault::First);
        };
        grown = grown.saturating_add(now.saturating_sub(then));
    }
    let elapsed = elapsed.min(TICK).as_millis().max(1);
    let worth = u128::from(grown) * TICK.as_millis() / elapsed;
    Ok(u64::try_from(worth).unwrap_or(u64::MAX))
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // one is enough, there is no threshold to set
        match &self.value {
            Value::Users(0) => return f.write_str("nobody logged in"),
            Value::Users(_) => return write!(f, "{} logged in", self.value),
            Value::Answer(_) | Value::Port { .. } => return self.value.fmt(f),
            Value::Cores(_)
            | Value::Fraction(_)
            | Value::Bytes(_)
            | Value::Packets(_)
            | Value::Connections(_) => {}
        }
        let mut value = self.value.to_string();
        let mut threshold = self.threshold.to_string();
        // "1.0 KiB, more than 1.0 KiB" helps nobody
        if value == threshold && self.is_over() {
            value = self.value.in_full();
            threshold = self.threshold.in_full();
        }
        let of = match &self.value {
            Value::Bytes(_) | Value::Packets(_) => match self.criterion {
                Criterion::Disk => "read and written in a minute",
                Criterion::Cpu
                | Criterion::Ram
                | Criterion::NetworkTraffic
                | Criterion::NetworkConnections
                | Criterion::Probe
                | Criterion::LastAccess => "sent and received in a minute",
            },
            Value::Cores(_) => "of the processor in use",
            Value::Fraction(_) => "of the memory in use",
            Value::Connections(_) => "to it",
            Value::Users(_) => "logged in",
            Value::Answer(_) | Value::Port { .. } => "",
        };
        let more = if self.is_over() { "more" } else { "not more" };
        write!(f, "{value} {of}, {more} than {threshold}")
    }
}

impl Value {
    /// With every digit.
    fn in_full(&self) -> String {
        match self {
            Value::Cores(cores) => format!("{cores} cores"),
            Value::Fraction(part) => format!("{} %", part * 100.0),
            Value::Bytes(bytes) => format!("{bytes} B"),
            Value::Packets(_)
            | Value::Connections(_)
            | Value::Users(_)
            | Value::Answer(_)
            | Value::Port { .. } => self.to_string(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Cores(cores) => write!(f, "{cores:.2} cores"),
            Value::Fraction(part) => write!(f, "{:.0} %", part * 100.0),
            Value::Bytes(bytes) => write!(f, "{}", Bytes(*bytes)),
            Value::Packets(1) => f.write_str("1 packet"),
            Value::Packets(packets) => write!(f, "{packets} packets"),
            Value::Connections(1) => f.write_str("1 connection"),
            Value::Connections(connections) => write!(f, "{connections} connections"),
            Value::Users(1) => f.write_str("1 user"),
            Value::Users(users) => write!(f, "{users} users"),
            Value::Answer(answer) => f.write_str(&answer.why),
            Value::Port {
                port,
                accepts: true,
            } => write!(f, "port {port} accepts connections"),
            Value::Port {
                port,
                accepts: false,
            } => write!(f, "port {port} accepts no connection"),
        }
    }
}

/// `512 B`, `8.1 KiB`, `3.4 GiB`
struct Bytes(u64);

impl fmt::Display for Bytes {
    #[expect(
        clippy::cast_precision_loss,
        reason = "it is shown with one digit after the point"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64 / 1024.0;
        for unit in ["KiB", "MiB", "GiB"] {
            // what is rounded to 1024.0 is 1.0 of the next
            if value < 1023.95 {
                return write!(f, "{value:.1} {unit}");
            }
            value /= 1024.0;
        }
        write!(f, "{value:.1} TiB")
    }
}
