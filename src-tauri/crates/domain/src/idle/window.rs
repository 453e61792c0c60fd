//! The window of quiet ticks, carried from sample to sample: a few values, however long the timeout is.

use std::time::Duration;

use super::reading::{Told, read};
use super::{Criteria, IdleRule, Missing, Reading, Sample, Use, Verdict};
use crate::Timestamp;

/// How often a rule is evaluated. Samples may come more often, but a burst then weighs more, see [`Reading`]: whoever looks
/// every few seconds passes on one sample a tick.
pub const TICK: Duration = Duration::from_secs(60);

/// Samples farther apart than this have a hole between them: a tick and a half, so that one that was missed is noticed and
/// one that was answered late is not. A clock that is set forward by less than what is left of this is not noticed.
pub const GAP: Duration = Duration::from_secs(90);

/// What makes everything before it worthless.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interruption {
    Suspended,
    Resumed,
    /// Of WakeHub, of the node, or of the platform that counts for it.
    Restarted,
}

#[derive(Clone, Debug, Default)]
pub struct Window {
    last: Option<Sample>,
    /// What it was judged by. Another rule would have seen other ticks as quiet.
    rule: Option<IdleRule>,
    phase: Phase,
    interrupted: Option<Interruption>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    /// Used, inhibited or not known at the last tick, and maybe still after it: somebody who was logged in then leaves later.
    #[default]
    Used,
    /// Used up to the last tick and no longer: what a counter has counted was over when it was read.
    UsedUntil(Timestamp),
    Idle {
        since: Timestamp,
        /// The stop of this window was begun.
        has_stopped: bool,
    },
}

/// What a tick has shown.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    pub verdict: Verdict,
    /// Every criterion that could be read, in the order of DESIGN's table.
    pub readings: Vec<Reading>,
    /// The automatic stop would begin now.
    pub stop: bool,
}

impl Window {
    pub fn interrupt(&mut self, by: Interruption) {
        self.phase = Phase::Used;
        self.interrupted = Some(by);
    }

    /// Nobody knows whether it is on: the window begins at the next quiet tick.
    pub fn begin_anew(&mut self) {
        self.phase = Phase::Used;
    }

    /// It was quiet before it was looked at, too, by what its platform remembers. A window that began earlier stays as it is, and
    /// so does one whose stop was begun.
    pub fn was_quiet_since(&mut self, at: Timestamp) {
        if let Phase::Idle {
            since,
            has_stopped: false,
        } = &mut self.phase
        {
            *since = at.min(*since);
        }
    }

    /// Since when the node is quiet; none when it is not, or nobody knows.
    pub fn since(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Idle { since, .. } => Some(since),
            Phase::Used | Phase::UsedUntil(_) => None,
        }
    }

    pub fn take(&mut self, rule: &IdleRule, sample: &Sample) -> Judgement {
        if self.rule.as_ref() != Some(rule) {
            self.phase = Phase::Used;
            self.rule = Some(rule.clone());
        }
        let broken = self.broken(sample);
        let before = self.last.as_ref().filter(|_| broken.is_empty());
        let criteria = rule.criteria.clone().unwrap_or_else(Criteria::usual);
        let tick = Tick::of(&criteria, sample, before, broken);
        let verdict = if !rule.enabled {
            Verdict::unknown(Missing::Rule)
        } else if criteria.is_empty() {
            Verdict::unknown(Missing::Criteria)
        } else if !tick.because.is_empty() {
            Verdict::Active {
                because: tick.because,
            }
        } else if !sample.inhibitors.is_empty() {
            Verdict::Inhibited {
                by: sample.inhibitors.clone(),
            }
        } else if !tick.missing.is_empty() {
            Verdict::Unknown {
                missing: tick.missing,
            }
        } else {
            Verdict::Idle {
                since: match self.phase {
                    Phase::Used => sample.at,
                    Phase::UsedUntil(since) | Phase::Idle { since, .. } => since,
                },
            }
        };
        let mut stop = false;
        self.phase = match verdict {
            Verdict::Idle { since } => {
                let had_stopped = match self.phase {
                    Phase::Idle { has_stopped, .. } => has_stopped,
                    Phase::Used | Phase::UsedUntil(_) => false,
                };
                let is_over = sample.at.since(since) >= rule.timeout();
                stop = is_over && !had_stopped;
                Phase::Idle {
                    since,
                    has_stopped: had_stopped || stop,
                }
            }
            Verdict::Active { .. } if tick.is_quiet_from_here && sample.inhibitors.is_empty() => {
                Phase::UsedUntil(sample.at)
            }
            Verdict::Active { .. } | Verdict::Inhibited { .. } | Verdict::Unknown { .. } => {
                Phase::Used
            }
        };
        self.last = Some(sample.clone());
        self.interrupted = None;
        Judgement {
            verdict,
            readings: tick.readings,
            stop,
        }
    }

    /// Why the sample before says nothing of this one.
    fn broken(&self, sample: &Sample) -> Vec<Use> {
        let Some(last) = &self.last else {
            return vec![Use::First];
        };
        let told = self.interrupted.map(Use::Interrupted);
        told.into_iter().chain(hole(last, sample)).collect()
    }
}

/// What lies between two samples that makes the first say nothing of the second.
pub(super) fn hole(before: &Sample, sample: &Sample) -> Option<Use> {
    if sample.at <= before.at {
        return Some(Use::ClockWentBack);
    }
    let apart = sample.at.since(before.at);
    (apart > GAP).then_some(Use::Gap {
        seconds: apart.as_secs(),
    })
}

/// One sample under the criteria.
struct Tick {
    readings: Vec<Reading>,
    because: Vec<Use>,
    missing: Vec<Missing>,
    /// All that was seen of use lies before the sample.
    is_quiet_from_here: bool,
}

impl Tick {
    fn of(criteria: &Criteria, sample: &Sample, before: Option<&Sample>, broken: Vec<Use>) -> Tick {
        let mut tick = Tick {
            readings: Vec::new(),
            because: broken,
            missing: Vec::new(),
            is_quiet_from_here: true,
        };
        for told in read(criteria, sample, before) {
            match told {
                Told::Reading(reading) => {
                    if reading.is_over() {
                        tick.is_quiet_from_here &= reading.is_of_the_past();
                        tick.because.push(Use::Over(reading.clone()));
                    }
                    tick.readings.push(reading);
                }
                Told::Missing(criterion) => {
                    tick.is_quiet_from_here = false;
                    tick.missing.push(Missing::Criterion(criterion));
                }
                Told::MissingPort(port) => {
                    tick.is_quiet_from_here = false;
                    tick.missing.push(Missing::Port(port));
                }
                Told::Reset(criterion) => tick.because.push(Use::CounterReset(criterion)),
                Told::First if tick.because.is_empty() => tick.because.push(Use::First),
                Told::First => {}
            }
        }
        tick
    }
}
