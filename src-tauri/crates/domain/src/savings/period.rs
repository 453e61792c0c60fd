//! Days, weeks and months as a calendar on the wall shows them.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Weeks begin on Monday (ISO 8601).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Day,
    Week,
    Month,
}

impl Period {
    fn begin(self, day: Date) -> Date {
        match self {
            Period::Day => day,
            Period::Week => {
                let days = day.weekday().since(Weekday::Monday);
                day.saturating_sub(i64::from(days).days())
            }
            Period::Month => day.first_of_month(),
        }
    }

    fn next(self, begin: Date) -> Date {
        match self {
            Period::Day => begin.saturating_add(1.day()),
            Period::Week => begin.saturating_add(1.week()),
            Period::Month => begin.saturating_add(1.month()),
        }
    }
}

/// The last `count` of them, the oldest first and the one that is not over last: its first day, its beginning and its end.
/// A day in which the clock is changed has 23 or 25 hours. Empty outside the years that jiff knows.
pub fn periods(
    by: Period,
    count: u32,
    now: Timestamp,
    zone: &TimeZone,
) -> Vec<(Date, Timestamp, Timestamp)> {
    let Ok(now) = jiff::Timestamp::from_millisecond(now.0) else {
        return Vec::new();
    };
    let midnight = |day: Date| -> Option<Timestamp> {
        let midnight: Zoned = day.to_zoned(zone.clone()).ok()?;
        Some(Timestamp(midnight.timestamp().as_millisecond()))
    };
    let mut found = Vec::new();
    let mut begin = by.begin(zone.to_datetime(now).date());
    for _ in 0..count {
        let (Some(from), Some(to)) = (midnight(begin), midnight(by.next(begin))) else {
            break;
        };
        found.push((begin, from, to));
        begin = by.begin(begin.saturating_sub(1.day()));
    }
    found.reverse();
    found
}
