//! What a rule says of a node, and why.

use std::fmt;

use super::{Criterion, Interruption, Reading};
use crate::Timestamp;

#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// It is used, or it cannot be told from one that is.
    Active { because: Vec<Use> },
    /// Quiet since the last tick that was not.
    Idle { since: Timestamp },
    /// Quiet, but something must not be interrupted.
    Inhibited { by: Vec<String> },
    /// Nobody can say. Treated as active.
    Unknown { missing: Vec<Missing> },
}

/// Why a node counts as used.
#[derive(Clone, PartialEq, Debug)]
pub enum Use {
    /// A value over its threshold.
    Over(Reading),
    /// There is nothing to compare its counters with yet.
    First,
    /// A counter is less than it was: the node or its platform was restarted.
    CounterReset(Criterion),
    /// Nothing was seen for so long; what happened meanwhile is not known.
    Gap { seconds: u64 },
    /// This computer's clock was set back.
    ClockWentBack,
    /// This computer slept, or WakeHub or the platform was started anew.
    Interrupted(Interruption),
}

/// What would have to be known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Missing {
    Criterion(Criterion),
    /// Whether this TCP port accepts connections.
    Port(u16),
    /// The last sample is too old to say anything of now.
    Late {
        seconds: u64,
    },
    /// No sample was ever taken.
    Everything,
    /// The rule has no criterion: nothing can show that the node is not used.
    Criteria,
    /// The rule is switched off.
    Rule,
}

impl Verdict {
    pub(super) fn unknown(missing: Missing) -> Verdict {
        Verdict::Unknown {
            missing: vec![missing],
        }
    }

    /// `active`, `idle`, `inhibited` or `unknown`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Verdict::Active { .. } => "active",
            Verdict::Idle { .. } => "idle",
            Verdict::Inhibited { .. } => "inhibited",
            Verdict::Unknown { .. } => "unknown",
        }
    }

    pub fn since(&self) -> Option<Timestamp> {
        match self {
            Verdict::Idle { since } => Some(*since),
            Verdict::Active { .. } | Verdict::Inhibited { .. } | Verdict::Unknown { .. } => None,
        }
    }
}

/// The reason, as a fragment in plain words.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Active { because } => listed(f, because),
            Verdict::Idle { .. } => f.write_str("nothing uses it"),
            Verdict::Inhibited { by } => listed(f, by),
            Verdict::Unknown { missing } => listed(f, missing),
        }
    }
}

fn listed(f: &mut fmt::Formatter<'_>, all: &[impl fmt::Display]) -> fmt::Result {
    for (at, one) in all.iter().enumerate() {
        if at > 0 {
            f.write_str("; ")?;
        }
        one.fmt(f)?;
    }
    Ok(())
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Use::Over(reading) => reading.fmt(f),
            Use::First => f.write_str("the first look: there is nothing to compare with yet"),
            Use::CounterReset(criterion) => {
                write!(f, "the counters of its {} began anew", criterion.title())
            }
            Use::Gap { seconds } => write!(f, "nothing was seen of it for {}", Time(*seconds)),
            Use::ClockWentBack => f.write_str("the clock of this computer was set back"),
            Use::Interrupted(by) => f.write_str(match by {
                Interruption::Suspended => "this computer went to sleep",
                Interruption::Resumed => "this computer slept",
                Interruption::Restarted => "it, its platform or WakeHub was started anew",
            }),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Criterion(criterion) => write!(f, "its {} is not known", criterion.title()),
            Missing::Port(port) => write!(f, "whether its port {port} accepts is not known"),
            Missing::Late { seconds } => write!(f, "nothing was seen of it for {}", Time(*seconds)),
            Missing::Everything => f.write_str("nothing was measured yet"),
            Missing::Criteria => f.write_str("its rule has no criterion"),
            Missing::Rule => f.write_str("its rule is switched off"),
        }
    }
}

impl Criterion {
    pub fn title(self) -> &'static str {
        match self {
            Criterion::Cpu => "processor use",
            Criterion::Ram => "memory use",
            Criterion::NetworkTraffic => "network traffic",
            Criterion::NetworkConnections => "number of connections",
            Criterion::Disk => "disk use",
            Criterion::Probe => "service’s answer",
            Criterion::LastAccess => "number of users",
        }
    }
}

/// The two largest units: `2 d 1 h`, `3 h`, `1 h 30 min`, `45 s`.
struct Time(u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.0 / 86_400, "d"),
            (self.0 / 3600 % 24, "h"),
            (self.0 / 60 % 60, "min"),
            (self.0 % 60, "s"),
        ];
        let largest = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
        let (count, unit) = parts[largest];
        write!(f, "{count} {unit}")?;
        match parts.get(largest + 1) {
            Some((count, unit)) if *count > 0 => write!(f, " {count} {unit}"),
            Some(_) | None => Ok(()),
        }
    }
}
