//! Start and stop times of a node.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::expression::Expression;
use super::reading;
use super::zone::zone;
use crate::{Action, Timestamp};

/// Per node.
pub const MOST_SCHEDULES: usize = 16;
/// Later than that it was missed: the loop looks every second, so what comes later waited for a sleep or a start.
const ON_TIME: Duration = Duration::from_secs(2 * 60);
const MOST_CATCH_UP_MINUTES: u32 = 24 * 60;

/// One entry of `schedules` in homelab.toml: `{ action = "start", cron = "0 18 * * 1-5" }`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[cfg_attr(feature = "ts", ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    pub action: Action,
    /// Five fields: minute, hour, day of the month, month, day of the week.
    pub cron: String,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    #[cfg_attr(feature = "ts", ts(as = "Option<bool>", optional))]
    pub enabled: bool,
    /// How late it may still be done after WakeHub was off or the computer slept; 0 leaves it out, 1440 is the most. An hour for
    /// a start and 0 for a stop unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_up_minutes: Option<u32>,
    /// `Europe/Paris`; the computer's unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_yes(enabled: &bool) -> bool {
    *enabled
}

impl Schedule {
    pub fn new(action: Action, cron: impl Into<String>) -> Schedule {
        Schedule {
            action,
            cron: cron.into(),
            enabled: true,
            catch_up_minutes: None,
            time_zone: None,
        }
    }

    /// How late it may be done.
    pub fn catch_up(&self) -> Duration {
        let minutes = self.catch_up_minutes.unwrap_or(match self.action {
            Action::Start => 60,
            Action::Stop => 0,
        });
        Duration::from_secs(60 * u64::from(minutes))
    }

    /// Whether it may be done at `now` what was due at `due`.
    pub fn may_run(&self, due: Timestamp, now: Timestamp) -> bool {
        now.since(due) <= self.catch_up().max(ON_TIME)
    }

    /// The first time after `after`; `None` when it is switched off or its expression or zone says nothing.
    pub fn next(&self, after: Timestamp, system: &TimeZone) -> Option<Timestamp> {
        let (expression, zone) = self.read(system)?;
        expression.next(after, &zone)
    }

    /// "every weekday at 18:00 (time of Europe/Paris)". The expression itself when it cannot be read.
    pub fn reading(&self) -> String {
        let Ok(expression) = Expression::parse(&self.cron) else {
            return self.cron.clone();
        };
        match &self.time_zone {
            None => expression.reading(),
            Some(zone) => reading::in_zone(&expression.reading(), zone),
        }
    }

    fn read(&self, system: &TimeZone) -> Option<(Expression, TimeZone)> {
        if !self.enabled {
            return None;
        }
        let expression = Expression::parse(&self.cron).ok()?;
        Some((expression, zone(self.time_zone.as_deref(), system)?))
    }

    /// All that is wrong with them: the field, as homelab.toml calls it, and what it has to be.
    pub fn check(schedules: &[Schedule]) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if schedules.len() > MOST_SCHEDULES {
            wrong.push(("schedules".to_owned(), "16 at most".to_owned()));
        }
        for (at, schedule) in schedules.iter().enumerate() {
            let mut say = |field: &str, message: String| {
                wrong.push((format!("schedules.{at}.{field}"), message));
            };
            if let Err(mistake) = Expression::parse(&schedule.cron) {
                say("cron", mistake.to_string());
            }
            if schedule
                .catch_up_minutes
                .is_some_and(|minutes| minutes > MOST_CATCH_UP_MINUTES)
            {
                say("catch_up_minutes", "it is from 0 to 1440, a day".to_owned());
            }
            if zone(schedule.time_zone.as_deref(), &TimeZone::UTC).is_none() {
                say("time_zone", NO_SUCH_ZONE.to_owned());
            }
        }
        wrong
    }
}

pub(super) const NO_SUCH_ZONE: &str = "the name of a time zone, for example Europe/Paris";

/// Of all that was due after `since` and not after `now` the last: which of them, and when. At the same moment a start
/// comes before a stop, which the user then sees fail or be asked about, and the one that stands first before others.
pub fn last_due(
    schedules: &[Schedule],
    since: Timestamp,
    now: Timestamp,
    system: &TimeZone,
) -> Option<(usize, Timestamp)> {
    let due = schedules.iter().enumerate().filter_map(|(at, schedule)| {
        let (expression, zone) = schedule.read(system)?;
        Some((at, expression.latest(since, now, &zone)?))
    });
    due.max_by_key(|(at, when)| {
        let is_start = schedules
            .get(*at)
            .is_some_and(|s| s.action == Action::Start);
        (*when, is_start, std::cmp::Reverse(*at))
    })
}
