//! What was saved by keeping nodes off, compared with running them day and night.
//!
//! An estimate, and said to be one: the hours are those in which a node was seen off, the energy is these hours times the
//! watts that the user has measured or read on a label. Without watts there are hours and no energy; nothing is made up.
//! While nobody looked (WakeHub was closed, the computer slept) a node that was off before and off afterwards counts as off,
//! and these hours are told apart, since it may have run in between.

mod period;

use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::{NodeId, Timestamp};

pub use period::{Period, periods};

/// What was seen later than this from now was seen by a clock that was wrong.
pub const AHEAD: Duration = Duration::from_secs(24 * 3600);

/// What a node was seen to be. Whether a machine that is off draws power depends on how it was put to sleep.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Running {
    On,
    Off,
    Suspended,
}

/// A time in which a node was one and the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    pub node: NodeId,
    pub running: Running,
    /// False for a time in which nobody looked, and at both ends of which it was the same.
    pub seen: bool,
    pub since: Timestamp,
    /// When it was last seen so.
    pub until: Timestamp,
}

impl Span {
    fn at(node: NodeId, running: Running, at: Timestamp) -> Span {
        Span {
            node,
            running,
            seen: true,
            since: at,
            until: at,
        }
    }

    /// The part of it between the two.
    fn within(&self, from: Timestamp, to: Timestamp) -> Duration {
        let (since, until) = (self.since.max(from), self.until.min(to));
        if until > since {
            until.since(since)
        } else {
            Duration::ZERO
        }
    }
}

/// The spans of one node as they are seen, one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Trail {
    last: Option<Span>,
}

impl Trail {
    /// Goes on from what an earlier run has seen last.
    pub fn after(last: Span) -> Trail {
        Trail { last: Some(last) }
    }

    /// The node was seen so at that time; looks are no more than `apart` from each other while somebody looks. Returns what is
    /// to be kept: the span that grew or began, behind one that nobody saw when there was a gap. A node that nobody can
    /// tell of is not taken.
    ///
    /// A clock that was set back ends a span, and no time is counted twice: the next begins when the clock has come to where
    /// the last one ended. One that was more than a day ahead is not waited for.
    pub fn take(&mut self, node: NodeId, running: Running, at: Timestamp, apart: Duration) -> Few {
        let fresh = Span::at(node, running, at);
        let Some(last) = self.last else {
            self.last = Some(fresh);
            return Few(None, Some(fresh));
        };
        if at <= last.until {
            if last.until.since(at) <= AHEAD {
                return Few(None, None);
            }
            self.last = Some(fresh);
            return Few(None, Some(fresh));
        }
        let gap = at.since(last.until);
        if running == last.running && gap <= apart && last.seen {
            let grown = Span { until: at, ..last };
            self.last = Some(grown);
            return Few(None, Some(grown));
        }
        self.last = Some(fresh);
        if running == last.running {
            let unseen = Span {
                seen: false,
                since: last.until,
                until: at,
                ..last
            };
            return Few(Some(unseen), Some(fresh));
        }
        Few(None, Some(fresh))
    }
}

/// At most two, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Few(Option<Span>, Option<Span>);

impl IntoIterator for Few {
    type Item = Span;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Span>, 2>>;

    fn into_iter(self) -> Self::IntoIter {
        [self.0, self.1].into_iter().flatten()
    }
}

/// What a node draws, in watts, as its owner says.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Watts {
    pub on: Option<f64>,
    pub suspended: Option<f64>,
}

/// Of one node or many, in some time.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Saved {
    pub on: Duration,
    /// Off or suspended, `unseen` included.
    pub off: Duration,
    /// The part of `off` in which nobody looked.
    pub unseen: Duration,
    /// Not used, in kilowatt-hours; none when no watts are known.
    pub kwh: Option<f64>,
}

impl Saved {
    /// What one node's spans come to between the two times.
    pub fn of<'a>(
        spans: impl IntoIterator<Item = &'a Span>,
        watts: Watts,
        from: Timestamp,
        to: Timestamp,
    ) -> Saved {
        let mut saved = Saved::none(watts);
        for span in spans {
            saved.add(span, watts, from, to);
        }
        saved
    }

    fn none(watts: Watts) -> Saved {
        Saved {
            kwh: watts.on.map(|_| 0.0),
            ..Saved::default()
        }
    }

    fn add(&mut self, span: &Span, watts: Watts, from: Timestamp, to: Timestamp) {
        let time = span.within(from, to);
        let on = watts.on.unwrap_or(0.0);
        let spared = match span.running {
            Running::On => {
                self.on += time;
                return;
            }
            Running::Off => on,
            Running::Suspended => (on - watts.suspended.unwrap_or(0.0)).max(0.0),
        };
        self.off += time;
        if !span.seen {
            self.unseen += time;
        }
        if let Some(kwh) = &mut self.kwh {
            *kwh += spared * time.as_secs_f64() / 3_600_000.0;
        }
    }

    /// The same for each of these times, which follow each other without a gap.
    pub fn in_each<'a>(
        spans: impl IntoIterator<Item = &'a Span>,
        watts: Watts,
        times: &[(Timestamp, Timestamp)],
    ) -> Vec<Saved> {
        let mut saved = vec![Saved::none(watts); times.len()];
        for span in spans {
            let first = times.partition_point(|(_, to)| *to <= span.since);
            let reached = times.iter().zip(&mut saved).skip(first);
            for ((from, to), saved) in reached.take_while(|((from, _), _)| *from < span.until) {
                saved.add(span, watts, *from, *to);
            }
        }
        saved
    }

    /// Both together; energy that is not known adds nothing.
    pub fn and(self, other: Saved) -> Saved {
        Saved {
            on: self.on + other.on,
            off: self.off + other.off,
            unseen: self.unseen + other.unseen,
            kwh: match (self.kwh, other.kwh) {
                (None, None) => None,
                (one, two) => Some(one.unwrap_or(0.0) + two.unwrap_or(0.0)),
            },
        }
    }
}

#[cfg(test)]
mod tests;
