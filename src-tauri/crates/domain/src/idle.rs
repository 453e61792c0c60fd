//! Whether a node is used: a rule, what was measured, and the verdict.
//!
//! # The window
//!
//! A sample is taken once per tick. A node is idle when every criterion of its rule was measured and quiet at every tick since
//! the last one that was not; that one is where the window begins, and when the window is as long as the rule's timeout the
//! automatic stop begins. Whatever cannot be known keeps the node on and begins the window anew: the first look, a value
//! that is missing, a counter that went backwards, a tick that was missed, a clock that jumped, a sleep of this computer.
//!
//! # Laws
//!
//! Held by the property tests against a naive oracle: no stop unless every tick of the timeout before it was measured whole,
//! quiet and uninhibited, without a gap; a stop within the timeout and one tick of the last use; at most one in a window;
//! what the verdict does not look at does not change it.

mod reading;
mod rule;
mod sample;
mod verdict;
mod window;

pub use reading::{Reading, Value};
pub use rule::{
    Cpu, Criteria, Criterion, Disk, IdleRule, LastAccess, NetworkConnections, NetworkTraffic, Ram,
};
pub use sample::Sample;
pub use verdict::{Missing, Use, Verdict};
pub use window::{GAP, Interruption, Judgement, TICK, Window};

use crate::Timestamp;

/// What a rule says at `now` of samples in the order in which they were taken.
pub fn judge(rule: &IdleRule, samples: &[Sample], now: Timestamp) -> Verdict {
    let mut window = Window::default();
    let last = samples
        .iter()
        .map(|sample| window.take(rule, sample).verdict)
        .last();
    match (last, samples.last()) {
        (Some(verdict), Some(sample)) if now.since(sample.at) <= GAP => verdict,
        (_, Some(sample)) => Verdict::unknown(Missing::Late {
            seconds: now.since(sample.at).as_secs(),
        }),
        (_, None) => Verdict::unknown(Missing::Everything),
    }
}
