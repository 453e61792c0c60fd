//! Opens after three failures in a row, so that a dead connection is not asked at every tick.
//!
//! Closed, it lets everything through. After [`FAILURES`] failures in a row it opens for 5 s, then for twice as long each
//! time a trial fails, up to 5 min. When the time is over, one trial is let through (half-open): a success closes it, a
//! failure opens it again. What cannot pass by itself, a refused login or an untrusted key, opens it at once and for the
//! longest time: asking again only fills the other side's log, or locks the account.
//!
//! Pure: the time is passed in, and the jitter comes from a seed.

use std::time::Duration;
use wakehub_domain::{ConnectorError, ErrorKind, Timestamp};

/// In a row, to open.
pub const FAILURES: u32 = 3;
/// The first pause (DESIGN section 6).
pub const SHORTEST: Duration = Duration::from_secs(5);
/// The longest pause (DESIGN section 6).
pub const LONGEST: Duration = Duration::from_secs(300);
/// A trial that never reported is forgotten after this long; no operation of a connector takes longer.
const TRIAL: Duration = Duration::from_secs(60);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breaker {
    state: State,
    /// Of the jitter: the state of a SplitMix64 generator.
    seed: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Timestamp,
        /// Before jitter.
        pause: Duration,
        /// When a trial was let through that has not reported yet.
        trial: Option<Timestamp>,
        reason: String,
    },
}

/// With a seed of its own, so that the connections of a host that went down are not all tried in the same moment.
impl Default for Breaker {
    fn default() -> Breaker {
        Breaker::seeded(rand::random())
    }
}

impl Breaker {
    pub fn seeded(seed: u64) -> Breaker {
        Breaker {
            state: State::Closed { failures: 0 },
            seed,
        }
    }

    /// Whether the connection may be asked now. Changes nothing; whoever asks says so with [`Breaker::begin`].
    pub fn allows(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Closed { .. } => true,
            State::Open { until, trial, .. } => {
                let busy = trial.is_some_and(|begun| begun <= now && now < begun.plus(TRIAL));
                now >= *until && !busy
            }
        }
    }

    /// Takes the turn: true when the connection may be asked, and while an open breaker's one trial has not reported,
    /// false for everybody else.
    pub fn begin(&mut self, now: Timestamp) -> bool {
        if !self.allows(now) {
            return false;
        }
        match &mut self.state {
            State::Closed { .. } => {}
            State::Open { trial, .. } => *trial = Some(now),
        }
        true
    }

    pub fn succeeded(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    pub fn failed(&mut self, error: &ConnectorError, now: Timestamp) {
        let hopeless = cannot_pass_by_itself(error.kind);
        let pause = match &self.state {
            State::Closed { failures } if !hopeless && failures + 1 < FAILURES => {
                self.state = State::Closed {
                    failures: failures + 1,
                };
                return;
            }
            State::Closed { .. } | State::Open { .. } if hopeless => LONGEST,
            State::Closed { .. } => SHORTEST,
            // An ask that went past the breaker says nothing about the pause.
            State::Open { until, pause, .. } if now < *until => *pause,
            State::Open { pause, .. } => pause.saturating_mul(2).min(LONGEST),
        };
        self.state = State::Open {
            until: now.plus(self.jittered(pause)),
            pause,
            trial: None,
            reason: error.to_string(),
        };
    }

    /// When the next trial is let through; `None` while the breaker is closed.
    pub fn open_until(&self) -> Option<Timestamp> {
        match &self.state {
            State::Closed { .. } => None,
            State::Open { until, .. } => Some(*until),
        }
    }

    /// What to answer instead of asking; `None` while the breaker is closed.
    pub fn paused(&self, operation: &str) -> Option<ConnectorError> {
        match &self.state {
            State::Closed { .. } => None,
            State::Open { reason, .. } => Some(ConnectorError::new(
                ErrorKind::Paused,
                operation,
                format!("it failed too often just now, last with: {reason}"),
            )),
        }
    }

    /// Between 80 and 100 % of the pause.
    fn jittered(&mut self, pause: Duration) -> Duration {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.seed;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let permille = 800 + u32::try_from(bits % 201).unwrap_or(0);
        pause * permille / 1000
    }
}

fn cannot_pass_by_itself(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Unauthorised | ErrorKind::Untrusted | ErrorKind::NoSecret => true,
        ErrorKind::Unreachable
        | ErrorKind::Rejected
        | ErrorKind::Unsupported
        | ErrorKind::TimedOut
        | ErrorKind::Protocol
        | ErrorKind::Paused => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1000)
    }

    fn error(kind: ErrorKind) -> ConnectorError {
        ConnectorError::new(kind, "look", "no route to host")
    }

    fn open() -> Breaker {
        let mut breaker = Breaker::seeded(7);
        for _ in 0..FAILURES {
            breaker.failed(&error(ErrorKind::Unreachable), at(0));
        }
        breaker
    }

    /// The pause before the next trial, counted from `now`.
    fn pause(breaker: &Breaker, now: Timestamp) -> Duration {
        breaker.open_until().unwrap().since(now)
    }

    #[test]
    fn two_failures_keep_it_closed_and_the_third_opens_it() {
        let mut breaker = Breaker::seeded(7);
        for _ in 0..2 {
            breaker.failed(&error(ErrorKind::TimedOut), at(0));
            assert!(breaker.allows(at(0)));
        }
        breaker.failed(&error(ErrorKind::TimedOut), at(0));
        assert!(!breaker.allows(at(0)));
        assert!(!breaker.allows(at(3)));
        assert!(breaker.allows(at(5)));
    }

    #[test]
    fn a_success_in_between_starts_the_count_anew() {
        let mut breaker = Breaker::seeded(7);
        for _ in 0..10 {
            breaker.failed(&error(ErrorKind::TimedOut), at(0));
            breaker.failed(&error(ErrorKind::TimedOut), at(0));
            breaker.succeeded();
        }
        assert!(breaker.allows(at(0)));
    }

    #[test]
    fn the_pause_doubles_to_five_minutes_with_jitter_below_it() {
        let mut breaker = open();
        let mut now = at(0);
        for expected in [5, 10, 20, 40, 80, 160, 300, 300] {
            let expected = Duration::from_secs(expected);
            let seen = pause(&breaker, now);
            assert!(seen <= expected && seen >= expected * 8 / 10, "{seen:?}");
            now = now.plus(seen);
            assert!(breaker.begin(now));
            breaker.failed(&error(ErrorKind::Unreachable), now);
        }
    }

    #[test]
    fn jitter_differs_between_seeds_and_repeats_for_one() {
        let pauses = |seed| {
            let mut breaker = Breaker::seeded(seed);
            for _ in 0..FAILURES {
                breaker.failed(&error(ErrorKind::Unreachable), at(0));
            }
            pause(&breaker, at(0))
        };
        assert_eq!(pauses(1), pauses(1));
        let different: std::collections::BTreeSet<_> = (0..20).map(pauses).collect();
        assert!(different.len() > 10);
    }

    #[test]
    fn half_open_lets_one_trial_through() {
        let mut breaker = open();
        assert!(breaker.begin(at(5)));
        assert!(!breaker.begin(at(5)));
        assert!(!breaker.allows(at(10)));
        breaker.succeeded();
        assert!(breaker.begin(at(10)));
        assert!(breaker.begin(at(10)));
    }

    #[test]
    fn a_trial_that_never_reports_does_not_block_for_ever() {
        let mut breaker = open();
        assert!(breaker.begin(at(5)));
        assert!(breaker.begin(at(66)));
    }

    #[test]
    fn a_clock_that_goes_back_does_not_block_the_trial() {
        let mut breaker = open();
        assert!(breaker.begin(at(500)));
        assert!(breaker.allows(at(5)));
    }

    #[test]
    fn what_needs_somebody_to_act_opens_at_once_and_for_five_minutes() {
        for kind in [
            ErrorKind::Unauthorised,
            ErrorKind::Untrusted,
            ErrorKind::NoSecret,
        ] {
            let mut breaker = Breaker::seeded(7);
            breaker.failed(&error(kind), at(0));
            assert!(pause(&breaker, at(0)) >= LONGEST * 8 / 10, "{kind:?}");
        }
    }

    #[test]
    fn a_failure_of_an_ask_that_went_past_it_does_not_double_the_pause() {
        let mut breaker = open();
        breaker.failed(&error(ErrorKind::Unreachable), at(1));
        assert!(pause(&breaker, at(1)) <= SHORTEST);
    }

    #[test]
    fn it_says_why_it_does_not_ask() {
        assert_eq!(Breaker::seeded(7).paused("look"), None);
        let paused = open().paused("look").unwrap();
        assert_eq!(paused.kind, ErrorKind::Paused);
        assert!(paused.message.contains("no route to host"), "{paused}");
    }
}
