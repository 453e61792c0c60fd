//! The window of quiet ticks, carried from sample to sample: a few values, however long the timeout is.

use std::time::Duration;

use super::reading::{Told, read};
use super::{IdleRule, Missing, Reading, Sample, Use, Verdict};
use crate::Timestamp;

/// How often a rule is evaluated.
pub const TICK: Duration = Duration::from_secs(60);

/// Samples farther apart than this have a hole between them: a tick and a half, so that one that was missed is noticed and
/// one that was answered late is not.
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
    /// The last tick that was not quiet.
    since: Option<Timestamp>,
    /// The stop of this window was begun.
    has_stopped: bool,
    is_interrupted: bool,
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
    pub fn interrupt(&mut self, _by: Interruption) {
        self.is_interrupted = true;
    }

    /// Since when the node is quiet; none when it is not, or nobody knows.
    pub fn since(&self) -> Option<Timestamp> {
        let last = self.last.as_ref()?;
        self.since.filter(|since| *since < last.at)
    }

    pub fn take(&mut self, rule: &IdleRule, sample: &Sample) -> Judgement {
        let broken = self.broken(sample);
        let before = match broken {
            None => self.last.take(),
            Some(_) => None,
        };
        let criteria = rule.criteria.clone().unwrap_or_else(super::Criteria::usual);
        let mut judgement = Judgement {
            verdict: Verdict::Idle { since: sample.at },
            readings: Vec::new(),
            stop: false,
        };
        let mut because: Vec<Use> = broken.into_iter().collect();
        let mut missing = Vec::new();
        for told in read(&criteria, sample, before.as_ref()) {
            match told {
                Told::Reading(reading) => {
                    if reading.is_over() {
                        because.push(Use::Over(reading.clone()));
                    }
                    judgement.readings.push(reading);
                }
                Told::Missing(criterion) => missing.push(Missing::Criterion(criterion)),
                Told::Reset(criterion) => because.push(Use::CounterReset(criterion)),
                Told::First if because.is_empty() => because.push(Use::First),
                Told::First => {}
            }
        }
        if !rule.enabled {
            missing = vec![Missing::Rule];
            because.clear();
        } else if criteria.is_empty() {
            missing = vec![Missing::Criteria];
            because.clear();
        }
        judgement.verdict = if !because.is_empty() {
            Verdict::Active { because }
        } else if !sample.inhibitors.is_empty() {
            Verdict::Inhibited {
                by: sample.inhibitors.clone(),
            }
        } else if !missing.is_empty() {
            Verdict::Unknown { missing }
        } else if let Some(since) = self.since {
            if !self.has_stopped && sample.at.since(since) >= rule.timeout() {
                self.has_stopped = true;
                judgement.stop = true;
            }
            Verdict::Idle { since }
        } else {
            // only a window that was never begun: what came before was not quiet
            Verdict::Active {
                because: vec![Use::First],
            }
        };
        if !matches!(judgement.verdict, Verdict::Idle { .. }) {
            self.since = Some(sample.at);
            self.has_stopped = false;
        }
        self.last = Some(sample.clone());
        self.is_interrupted = false;
        judgement
    }

    /// Why the sample before says nothing of this one.
    fn broken(&self, sample: &Sample) -> Option<Use> {
        let Some(last) = &self.last else {
            return Some(Use::First);
        };
        if sample.at <= last.at {
            return Some(Use::ClockWentBack);
        }
        let apart = sample.at.since(last.at);
        if apart > GAP {
            return Some(Use::Gap {
                seconds: apart.as_secs(),
            });
        }
        self.is_interrupted.then_some(Use::Interrupted)
    }
}
