//! The verdict as the design words it, from the whole list at every tick: no state, no window carried along.

use wakehub_domain::Timestamp;
use wakehub_domain::idle::{Criteria, IdleRule, Sample};

/// One tick as it was passed on.
#[derive(Clone, Debug)]
pub struct Seen {
    pub rule: IdleRule,
    /// Between the tick before and this one.
    pub is_interrupted: bool,
    pub sample: Sample,
}

#[derive(Clone, Copy, PartialEq)]
enum Found {
    Quiet,
    /// Before the sample, and over by then.
    UsedBefore,
    /// At the moment of the sample.
    UsedNow,
    Missing,
}

impl Seen {
    pub fn verdict(all: &[Seen], at: usize) -> &'static str {
        let seen = &all[at];
        let found = found(all, at);
        let is_used = |one: &Found| matches!(one, Found::UsedBefore | Found::UsedNow);
        if !seen.rule.enabled || criteria(&seen.rule) == Criteria::default() {
            "unknown"
        } else if is_after_a_hole(all, at) || found.iter().any(is_used) {
            "active"
        } else if !seen.sample.inhibitors.is_empty() {
            "inhibited"
        } else if found.contains(&Found::Missing) {
            "unknown"
        } else {
            "idle"
        }
    }

    /// Since when it is idle at this tick.
    pub fn since(all: &[Seen], at: usize) -> Option<Timestamp> {
        if Seen::verdict(all, at) != "idle" {
            return None;
        }
        let mut begin = at;
        while begin > 0
            && Seen::verdict(all, begin - 1) == "idle"
            && all[begin - 1].rule == all[at].rule
        {
            begin -= 1;
        }
        // the tick before it was not idle, or judged by another rule
        let last = begin.checked_sub(1)?;
        let is_over_by_then = all[last].rule == all[at].rule
            && all[last].rule.enabled
            && all[last].sample.inhibitors.is_empty()
            && found(all, last)
                .iter()
                .all(|one| matches!(one, Found::Quiet | Found::UsedBefore));
        Some(all[if is_over_by_then { last } else { begin }].sample.at)
    }

    /// The first tick of its window at which it was idle for the whole timeout.
    pub fn stops(all: &[Seen], at: usize) -> bool {
        let is_long = |at: usize| {
            Seen::since(all, at)
                .is_some_and(|since| all[at].sample.at.since(since) >= all[at].rule.timeout())
        };
        is_long(at) && !(is_long(at - 1) && Seen::since(all, at - 1) == Seen::since(all, at))
    }
}

fn criteria(rule: &IdleRule) -> Criteria {
    rule.criteria.clone().unwrap_or_else(Criteria::usual)
}

/// Nothing before this tick says anything of it.
fn is_after_a_hole(all: &[Seen], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|at| &all[at].sample) else {
        return true;
    };
    let apart = all[at].sample.at.0 - before.at.0;
    all[at].is_interrupted || apart <= 0 || apart > 90_000
}

/// What each criterion of the rule shows at a tick.
fn found(all: &[Seen], at: usize) -> Vec<Found> {
    let Sample {
        at: _,
        cpu_cores,
        ram_fraction,
        rx_bytes,
        tx_bytes,
        rx_packets,
        tx_packets,
        read_bytes,
        written_bytes,
        connections,
        users,
        ref probe,
        port_accepts,
        inhibitors: _,
    } = all[at].sample;
    let before = (!is_after_a_hole(all, at)).then(|| &all[at - 1].sample);
    let elapsed = before.map_or(0, |before| all[at].sample.at.0 - before.at.0);
    let two = |now: [Option<u64>; 2], then: Option<[Option<u64>; 2]>, most: u64| {
        let then = then.unwrap_or_default();
        let went_back = |(now, then): (&Option<u64>, &Option<u64>)| match (now, then) {
            (Some(now), Some(then)) => now < then,
            (_, _) => false,
        };
        if now.iter().zip(&then).any(went_back) {
            return Found::UsedBefore;
        }
        let [Some(a), Some(b)] = now else {
            return Found::Missing;
        };
        let [Some(c), Some(d)] = then else {
            return Found::UsedBefore;
        };
        let grown = u128::from(a - c) + u128::from(b - d);
        // as much as in a minute, where less than a minute has passed; the remainder does not count
        let in_a_minute = match u128::try_from(elapsed).unwrap() {
            less if less < 60_000 => grown * 60_000 / less,
            _ => grown,
        };
        match in_a_minute > u128::from(most) {
            true => Found::UsedBefore,
            false => Found::Quiet,
        }
    };
    let now = |is_over: Option<bool>| match is_over {
        None => Found::Missing,
        Some(true) => Found::UsedNow,
        Some(false) => Found::Quiet,
    };
    let criteria = criteria(&all[at].rule);
    let mut found = Vec::new();
    if let Some(cpu) = criteria.cpu {
        let cores = cpu_cores.filter(|cores| cores.is_finite() && *cores >= 0.0);
        found.push(match now(cores.map(|cores| cores > cpu.cores)) {
            Found::UsedNow => Found::UsedBefore,
            other @ (Found::Quiet | Found::UsedBefore | Found::Missing) => other,
        });
    }
    if let Some(ram) = criteria.ram {
        let part = ram_fraction.filter(|part| *part >= 0.0 && *part <= 1.0);
        found.push(now(part.map(|part| part > ram.fraction)));
    }
    if let Some(traffic) = criteria.network_traffic {
        let bytes = match (traffic.bytes_per_tick, traffic.packets_per_tick) {
            (None, None) => Some(1024),
            (bytes, _) => bytes,
        };
        if let Some(most) = bytes {
            let then = before.map(|before| [before.rx_bytes, before.tx_bytes]);
            found.push(two([rx_bytes, tx_bytes], then, most));
        }
        if let Some(most) = traffic.packets_per_tick {
            let then = before.map(|before| [before.rx_packets, before.tx_packets]);
            found.push(two([rx_packets, tx_packets], then, most));
        }
    }
    if let Some(most) = criteria.network_connections {
        found.push(now(connections.map(|number| number > most.more_than)));
    }
    if let Some(disk) = criteria.disk {
        let then = before.map(|before| [before.read_bytes, before.written_bytes]);
        found.push(two([read_bytes, written_bytes], then, disk.bytes_per_tick));
    }
    if criteria.probe.is_some() {
        found.push(now(probe.as_ref().map(|answer| answer.is_used)));
    }
    if let Some(access) = criteria.last_access {
        if access.logins {
            found.push(now(users.map(|users| users > 0)));
        }
        if access.port.is_some() {
            found.push(now(port_accepts));
        }
    }
    found
}
