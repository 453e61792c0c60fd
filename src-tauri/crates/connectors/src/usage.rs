//! What a platform measures of one target, and how one measurement after another becomes the samples that are judged.

use crate::Target;
use std::time::Duration;
use wakehub_domain::Timestamp;
use wakehub_domain::idle::Sample;

/// One measurement of one target. `None` is what could not be measured, which is never the same as nothing; `missing` says
/// why. Counters are cumulative, as the platform counts them.
#[derive(Clone, PartialEq, Debug)]
pub struct Usage {
    pub target: Target,
    /// How long the target has been up. Less than before: it was restarted, and every counter began anew.
    pub up: Option<Duration>,
    pub cpu: Option<CpuUse>,
    pub memory: Option<Memory>,
    /// As the target sees it: received from elsewhere.
    pub rx_bytes: Option<u64>,
    pub tx_bytes: Option<u64>,
    pub rx_packets: Option<u64>,
    pub tx_packets: Option<u64>,
    pub read_bytes: Option<u64>,
    pub written_bytes: Option<u64>,
    /// Established TCP connections to the target, without those of WakeHub itself.
    pub connections: Option<u32>,
    /// How many are logged in.
    pub users: Option<u32>,
    /// What must not be interrupted, in plain words: `recovery of md0, 12.6 % done`.
    pub inhibitors: Vec<String>,
    /// What WakeHub itself caused of the traffic above.
    pub own: Own,
    /// Every signal that the platform has in principle and could not tell now.
    pub missing: Vec<NotMeasured>,
}

/// Traffic of WakeHub's own, cumulative since it was started, as the target sees it. Counted rather too low than too high:
/// what is left of it makes a target look used, the other way round it would look unused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Own {
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub rx_packets: u64,
    pub tx_packets: u64,
}

impl std::ops::Add for Own {
    type Output = Own;

    fn add(self, other: Own) -> Own {
        Own {
            rx_bytes: self.rx_bytes.saturating_add(other.rx_bytes),
            tx_bytes: self.tx_bytes.saturating_add(other.tx_bytes),
            rx_packets: self.rx_packets.saturating_add(other.rx_packets),
            tx_packets: self.tx_packets.saturating_add(other.tx_packets),
        }
    }
}

/// Never below nothing.
impl std::ops::Sub for Own {
    type Output = Own;

    fn sub(self, other: Own) -> Own {
        Own {
            rx_bytes: self.rx_bytes.saturating_sub(other.rx_bytes),
            tx_bytes: self.tx_bytes.saturating_sub(other.tx_bytes),
            rx_packets: self.rx_packets.saturating_sub(other.rx_packets),
            tx_packets: self.tx_packets.saturating_sub(other.tx_packets),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum CpuUse {
    /// Cores in use, where the platform itself averages.
    Cores(f64),
    /// Cumulative, in whatever unit of time both share.
    Busy {
        busy: u64,
        /// The time that went by, of all `cores` together.
        of: u64,
        cores: u32,
    },
}

/// Bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory {
    pub used: u64,
    pub total: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotMeasured {
    pub what: Signal,
    /// In plain words, for the user: `there is no /proc/stat`.
    pub why: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Signal {
    Cpu,
    Memory,
    Network,
    Disk,
    Connections,
    Users,
    Inhibitors,
}

impl Usage {
    /// Nothing measured yet.
    pub fn new(target: Target) -> Usage {
        Usage {
            target,
            up: None,
            cpu: None,
            memory: None,
            rx_bytes: None,
            tx_bytes: None,
            rx_packets: None,
            tx_packets: None,
            read_bytes: None,
            written_bytes: None,
            connections: None,
            users: None,
            inhibitors: Vec::new(),
            own: Own::default(),
            missing: Vec::new(),
        }
    }

    pub fn miss(&mut self, what: Signal, why: impl Into<String>) {
        let why = why.into();
        self.missing.push(NotMeasured { what, why });
    }

    fn restarted_since(&self, before: &Usage) -> bool {
        matches!((self.up, before.up), (Some(now), Some(then)) if now < then)
    }
}

impl CpuUse {
    /// Cores in use on average since the measurement before. `None` for the first one, and after the counters began anew.
    pub fn cores(&self, before: Option<&CpuUse>) -> Option<f64> {
        match (*self, before) {
            (CpuUse::Cores(cores), _) => (cores.is_finite() && cores >= 0.0).then_some(cores),
            (
                CpuUse::Busy { busy, of, cores },
                Some(&CpuUse::Busy {
                    busy: busy_before,
                    of: of_before,
                    ..
                }),
            ) => {
                let busy = busy.checked_sub(busy_before)?;
                let of = of.checked_sub(of_before).filter(|of| *of > 0)?;
                Some(busy as f64 / of as f64 * f64::from(cores))
            }
            (CpuUse::Busy { .. }, Some(CpuUse::Cores(_)) | None) => None,
        }
    }
}

impl Memory {
    /// The used part, from 0 to 1.
    pub fn fraction(&self) -> Option<f64> {
        (self.total > 0).then(|| (self.used as f64 / self.total as f64).min(1.0))
    }
}

/// Turns the measurements of one target, in the order in which they were taken, into samples: makes cores of processor
/// times, and takes WakeHub's own traffic off.
///
/// A counter that went backwards, or a target that was restarted, gives a sample whose counter goes backwards too, or lacks
/// it: either counts as use.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Meter {
    before: Option<Usage>,
    rx_bytes: Counted,
    tx_bytes: Counted,
    rx_packets: Counted,
    tx_packets: Counted,
    read_bytes: Counted,
    written_bytes: Counted,
}

impl Meter {
    pub fn take(&mut self, at: Timestamp, usage: &Usage) -> Sample {
        let before = self.before.replace(usage.clone());
        let before = before.filter(|before| !usage.restarted_since(before));
        let before = before.as_ref();
        let cpu_before = before.and_then(|before| before.cpu.as_ref());
        let mut count = |counted: fn(&mut Meter) -> &mut Counted,
                         of: fn(&Usage) -> (Option<u64>, u64)| {
            counted(self).take(of(usage), before.map(of))
        };
        Sample {
            at,
            rx_bytes: count(|m| &mut m.rx_bytes, |u| (u.rx_bytes, u.own.rx_bytes)),
            tx_bytes: count(|m| &mut m.tx_bytes, |u| (u.tx_bytes, u.own.tx_bytes)),
            rx_packets: count(|m| &mut m.rx_packets, |u| (u.rx_packets, u.own.rx_packets)),
            tx_packets: count(|m| &mut m.tx_packets, |u| (u.tx_packets, u.own.tx_packets)),
            read_bytes: count(|m| &mut m.read_bytes, |u| (u.read_bytes, 0)),
            written_bytes: count(|m| &mut m.written_bytes, |u| (u.written_bytes, 0)),
            cpu_cores: usage.cpu.and_then(|cpu| cpu.cores(cpu_before)),
            ram_fraction: usage.memory.and_then(|memory| memory.fraction()),
            connections: usage.connections,
            users: usage.users,
            probe: None,
            port_accepts: None,
            inhibitors: usage.inhibitors.clone(),
        }
    }
}

/// A counter without our own part. The differences are corrected, not the counter: both begin anew at times of their own,
/// and an estimate that is a little too high must not make it go backwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counted {
    sum: Option<u64>,
    /// Of our own part what the counter has not shown yet: a hypervisor's is some seconds old, and may be read before what
    /// was caused a moment later. Of the last measurement only, so that what never comes hides nothing.
    ahead: u64,
}

impl Counted {
    /// Each with our own part beside it.
    fn take(&mut self, now: (Option<u64>, u64), before: Option<(Option<u64>, u64)>) -> Option<u64> {
        let (all, own) = now;
        let ahead = std::mem::take(&mut self.ahead);
        self.sum = match (all, before, self.sum) {
            (None, _, _) => None,
            (Some(all), Some((Some(all_before), own_before)), Some(sum)) if all >= all_before => {
                let caused = own.saturating_sub(own_before);
                let ours = caused.saturating_add(ahead).min(all - all_before);
                self.ahead = caused
                    .saturating_add(ahead)
                    .saturating_sub(ours)
                    .min(caused);
                Some(sum.saturating_add(all - all_before - ours))
            }
            // Begun anew: less than before, or not there where there is nothing less.
            (Some(_), _, Some(sum)) => (sum > 0).then_some(0),
            (Some(_), _, None) => Some(FIRST),
        };
        self.sum
    }
}

/// Above nothing, so that a counter that begins anew is seen.
const FIRST: u64 = 1;

#[cfg(test)]
mod tests;
