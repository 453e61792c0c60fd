//! Whether a node is used: a rule, what was measured, and the verdict.
//!
//! # The window
//!
//! A sample is taken once per tick. A node is idle when every criterion of its rule was measured and quiet at this tick; the
//! window reaches back to the last use, and when it is as long as the rule's timeout the automatic stop begins, once.
//! Whatever cannot be known keeps the node on and begins the window anew: the first look, a value that is missing, a counter
//! that went backwards, a tick that was missed, a clock that jumped, a sleep of this computer, a rule that was changed.
//!
//! When the last use was is told by what has shown it. A counter, and the processor's average, tell of the time before they
//! were read, so the window begins at the last tick that was over. Who is logged in, a connection, memory, an inhibitor are
//! seen at one moment and may go on after it, and so may whatever is missing: the window begins at the first tick without.
//!
//! What happened before the first look after WakeHub was off or asleep may be known to a platform that remembers it: then the
//! window reaches back ([`quiet_before`], [`Window::was_quiet_since`]).
//!
//! # Where two verdicts fit
//!
//! A rule that is switched off or has no criterion is unknown whatever is measured. Otherwise active comes before inhibited,
//! and that before unknown: the strongest reason to keep it on is the one that is told. A value that is no number, negative or
//! otherwise impossible is a missing one.
//!
//! # Laws
//!
//! Held by the property tests against a naive oracle: no stop unless every tick of the timeout before it was measured whole,
//! quiet and uninhibited, without a gap, or remembered so; a stop at the first tick at which the window is as long as the
//! timeout; at most one in a window; what the rule does not look at does not change the verdict; a higher threshold never makes
//! an idle tick active.

mod past;
mod probe;
mod reading;
mod rule;
mod sample;
mod suggest;
mod verdict;
mod window;

pub use past::{PastUse, SKEW, quiet_before};
pub use probe::{
    HttpProbe, JellyfinProbe, Login, Means, PlexProbe, QbittorrentProbe, Scalar, SshProbe,
    SyncthingProbe, UseProbe,
};
pub use reading::{Reading, Value};
pub use rule::{
    Cpu, Criteria, Criterion, Disk, IdleRule, LastAccess, NetworkConnections, NetworkTraffic, Ram,
    TIMEOUT_MINUTES,
};
pub use sample::{ProbeAnswer, Sample};
pub use suggest::{Suggestion, suggest};
pub use verdict::{Missing, Use, Verdict};
pub use window::{GAP, Interruption, Judgement, TICK, Window};

use crate::Timestamp;

/// What a rule says at `now` of samples in the order in which they were taken.
pub fn judge(rule: &IdleRule, samples: &[Sample], now: Timestamp) -> Verdict {
    let mut window = Window::default();
    let last = samples
        .iter()
        .map(|sample| (window.take(rule, sample).verdict, sample.at))
        .last();
    match last {
        None => Verdict::unknown(Missing::Everything),
        Some((_, at)) if now < at => Verdict::Active {
            because: vec![Use::ClockWentBack],
        },
        Some((_, at)) if now.since(at) > GAP => Verdict::unknown(Missing::Late {
            seconds: now.since(at).as_secs(),
        }),
        Some((verdict, _)) => verdict,
    }
}
