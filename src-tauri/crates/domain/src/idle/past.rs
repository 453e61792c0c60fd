//! What a platform remembers of the time in which WakeHub was off or asleep.
//!
//! It is judged as what was seen is: by the same readings, against the same thresholds. What it does not remember, such as who
//! was logged in, is missing, and then the whole span is not known to be quiet.

use std::time::Duration;

use super::reading::{Told, read};
use super::{Criteria, GAP, IdleRule, Sample, TICK};
use crate::Timestamp;

/// The platform's clock may differ by so much from ours before what it remembers is put at a wrong time.
pub const SKEW: Duration = Duration::from_secs(60);

/// Averages over a span of time. They are *rates*, never to be mixed with the counters of a [`Sample`]. `None` is a hole: the
/// node was off then, or whoever measures it was.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PastUse {
    /// Which time it is about, to within one span, by the platform's clock.
    pub at: Timestamp,
    /// The span: a minute for the last hour; beyond it perhaps half an hour.
    pub over: Duration,
    pub cpu_cores: Option<f64>,
    /// The used part of the memory, from 0 to 1.
    pub ram_fraction: Option<f64>,
    /// Bytes per second.
    pub rx_rate: Option<f64>,
    pub tx_rate: Option<f64>,
    pub read_rate: Option<f64>,
    pub written_rate: Option<f64>,
}

impl PastUse {
    fn is_hole(&self) -> bool {
        let gauges = [self.cpu_cores, self.ram_fraction];
        let rates = [
            self.rx_rate,
            self.tx_rate,
            self.read_rate,
            self.written_rate,
        ];
        gauges.iter().chain(&rates).all(Option::is_none)
    }

    /// Of every minute of the span, as long as one of them alone may have been all of what the average tells.
    fn is_quiet(&self, criteria: &Criteria) -> bool {
        let ticks = self.over.as_secs_f64() / TICK.as_secs_f64();
        let in_all =
            |rate: Option<f64>| rate.and_then(|rate| whole(rate * self.over.as_secs_f64()));
        let before = Sample {
            rx_bytes: Some(0),
            tx_bytes: Some(0),
            read_bytes: Some(0),
            written_bytes: Some(0),
            ..Sample::default()
        };
        let sample = Sample {
            at: before.at.plus(self.over),
            cpu_cores: self.cpu_cores.map(|cores| cores * ticks.max(1.0)),
            // how much was in use at one moment of a long span is not known
            ram_fraction: self.ram_fraction.filter(|_| self.over <= GAP),
            rx_bytes: in_all(self.rx_rate),
            tx_bytes: in_all(self.tx_rate),
            read_bytes: in_all(self.read_rate),
            written_bytes: in_all(self.written_rate),
            ..Sample::default()
        };
        let told = read(criteria, &sample, Some(&before));
        !told.is_empty()
            && told
                .iter()
                .all(|told| matches!(told, Told::Reading(reading) if !reading.is_over()))
    }
}

impl Criteria {
    /// A platform that remembers what was used remembers all that these look at.
    pub fn are_remembered(&self) -> bool {
        let Criteria {
            cpu: _,
            ram: _,
            network_traffic,
            network_connections,
            disk: _,
            probe,
            last_access,
        } = self;
        let packets = network_traffic.as_ref().and_then(|t| t.packets_per_tick);
        let is_seen_only =
            network_connections.is_some() || probe.is_some() || last_access.is_some();
        !self.is_empty() && packets.is_none() && !is_seen_only
    }
}

/// Since when the node was quiet without a hole until `began`, its first quiet look, by what the platform remembers (`past`, the
/// oldest first) as it was asked at `now`. A span that is not there is a hole, too. `None` when that is not known: nothing reaches
/// back from `began`, or the platform's clock is not ours.
pub fn quiet_before(
    rule: &IdleRule,
    past: &[PastUse],
    began: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let criteria = rule.criteria.clone().unwrap_or_else(Criteria::usual);
    if !rule.enabled || !criteria.are_remembered() {
        return None;
    }
    // the minute that is not over yet is not known yet
    let ends = past.iter().rposition(|span| !span.is_hole())?;
    let last = past[ends].at;
    if last < began.plus(SKEW) || last > now.plus(SKEW) {
        return None;
    }
    let mut first: Option<&PastUse> = None;
    for span in past[..=ends].iter().rev() {
        let leaves_none_out = first.is_none_or(|next| next.at <= span.at.plus(span.over));
        if !span.is_quiet(&criteria) || !leaves_none_out {
            break;
        }
        first = Some(span);
    }
    let first = first?;
    // to within one span
    let since = first.at.plus(first.over.max(SKEW));
    (since < began).then_some(since)
}

/// Rounded up: less than a byte is more than none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is a whole number between 0 and 2^53"
)]
fn whole(bytes: f64) -> Option<u64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    let bytes = bytes.ceil();
    (0.0..MOST).contains(&bytes).then_some(bytes as u64)
}
