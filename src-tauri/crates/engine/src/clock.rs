//! The only place that reads the time of day. Timers use tokio's clock, which tests can pause.

use jiff::tz::TimeZone;
use std::time::{SystemTime, UNIX_EPOCH};
use wakehub_domain::Timestamp;

pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;

    /// That of the computer; it may change while WakeHub runs.
    fn zone(&self) -> TimeZone {
        TimeZone::system()
    }
}

pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}
