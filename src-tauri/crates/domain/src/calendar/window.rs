//! The times of day at which automatic stops are allowed.

use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::reading;
use super::schedule::NO_SUCH_ZONE;
use super::zone::{civil, moment, zone};
use crate::Timestamp;

/// Per node.
pub const MOST_WINDOWS: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    pub const ALL: [Day; 7] = [
        Day::Mon,
        Day::Tue,
        Day::Wed,
        Day::Thu,
        Day::Fri,
        Day::Sat,
        Day::Sun,
    ];

    fn of(weekday: Weekday) -> Day {
        match weekday {
            Weekday::Monday => Day::Mon,
            Weekday::Tuesday => Day::Tue,
            Weekday::Wednesday => Day::Wed,
            Weekday::Thursday => Day::Thu,
            Weekday::Friday => Day::Fri,
            Weekday::Saturday => Day::Sat,
            Weekday::Sunday => Day::Sun,
        }
    }
}

/// One entry of `auto_stop_windows` in homelab.toml: `{ from = "22:00", to = "07:00", days = ["fri", "sat"] }`. It ends on the
/// next day when `to` is not after `from`, so that the same time twice is a whole day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[cfg_attr(feature = "ts", ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct StopWindow {
    /// `22:00`
    pub from: String,
    /// `07:00`
    pub to: String,
    /// On which it begins; every day when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(as = "Option<Vec<Day>>", optional))]
    pub days: Vec<Day>,
    /// `Europe/Paris`; the computer's unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

impl StopWindow {
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> StopWindow {
        StopWindow {
            from: from.into(),
            to: to.into(),
            days: Vec::new(),
            time_zone: None,
        }
    }

    /// All that is wrong with them: the field, as homelab.toml calls it, and what it has to be.
    pub fn check(windows: &[StopWindow]) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if windows.len() > MOST_WINDOWS {
            wrong.push(("auto_stop_windows".to_owned(), "8 at most".to_owned()));
        }
        for (at, window) in windows.iter().enumerate() {
            let mut say = |field: &str, message: &str| {
                wrong.push((
                    format!("auto_stop_windows.{at}.{field}"),
                    message.to_owned(),
                ));
            };
            for (field, text) in [("from", &window.from), ("to", &window.to)] {
                if time(text).is_none() {
                    say(field, "a time of day from 00:00 to 23:59");
                }
            }
            let mut days = window.days.clone();
            days.sort_unstable();
            days.dedup();
            if days.len() != window.days.len() {
                say("days", "each day once");
            }
            if zone(window.time_zone.as_deref(), &TimeZone::UTC).is_none() {
                say("time_zone", NO_SUCH_ZONE);
            }
        }
        wrong
    }

    /// From when until when it is open, if it opens on that day.
    fn opens(&self, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        if !(self.days.is_empty() || self.days.contains(&Day::of(day.weekday()))) {
            return None;
        }
        let (from, to) = (time(&self.from)?, time(&self.to)?);
        let last = if to > from { day } else { day.tomorrow().ok()? };
        let (from, to) = (day.to_datetime(from), last.to_datetime(to));
        Some((moment(from, zone)?, moment(to, zone)?))
    }

    /// Its openings from the day before until a good week later.
    fn openings(&self, at: Timestamp, system: &TimeZone) -> Vec<(Timestamp, Timestamp)> {
        let read = || {
            let zone = zone(self.time_zone.as_deref(), system)?;
            Some((civil(at, &zone)?.date(), zone))
        };
        let Some((today, zone)) = read() else {
            return Vec::new();
        };
        (-1..=8)
            .filter_map(|days| today.checked_add(i64::from(days).days()).ok())
            .filter_map(|day| self.opens(day, &zone))
            .collect()
    }
}

/// Whether a node with these may be stopped automatically. One that cannot be read allows nothing.
pub fn allows(windows: &[StopWindow], at: Timestamp, system: &TimeZone) -> bool {
    let is_open = |(from, to): (Timestamp, Timestamp)| from <= at && at < to;
    windows.is_empty()
        || windows
            .iter()
            .any(|window| window.openings(at, system).into_iter().any(is_open))
}

/// The first moment, not before `at`, at which an automatic stop is allowed.
pub fn next_allowed(windows: &[StopWindow], at: Timestamp, system: &TimeZone) -> Option<Timestamp> {
    if allows(windows, at, system) {
        return Some(at);
    }
    let openings = windows
        .iter()
        .flat_map(|window| window.openings(at, system));
    openings
        .filter(|(from, to)| *from > at && from < to)
        .map(|(from, _)| from)
        .min()
}

/// Why it is not stopped now: "automatic stops are allowed from 22:00 to 07:00". `None` when it may be.
pub fn outside(windows: &[StopWindow], at: Timestamp, system: &TimeZone) -> Option<String> {
    (!allows(windows, at, system)).then(|| reading::of_windows(windows))
}

/// `07:00`, and `7:00` as people write it.
fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str, least: usize| {
        ((least..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<i8>().ok())
            .flatten()
    };
    Time::new(digits(hour, 1)?, digits(minute, 2)?, 0, 0).ok()
}
