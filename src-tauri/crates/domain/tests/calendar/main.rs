//! Schedules and windows: days on which the clock is changed, the laws against a naive oracle, and what is said of them.

#![expect(clippy::unwrap_used, reason = "test code")]

mod clock_changes;
mod laws;
mod oracle;
mod schedules;
mod windows;
mod words;

use jiff::tz::TimeZone;
use wakehub_domain::Timestamp;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// `2026-03-29T02:30` as a clock in the zone shows it, which it does once; or a moment with its offset.
fn at(text: &str, zone: &TimeZone) -> Timestamp {
    let millis = match text.parse::<jiff::Timestamp>() {
        Ok(moment) => moment.as_millisecond(),
        Err(_) => {
            let civil: jiff::civil::DateTime = text.parse().unwrap();
            let ambiguous = zone.to_ambiguous_zoned(civil);
            ambiguous
                .unambiguous()
                .unwrap()
                .timestamp()
                .as_millisecond()
        }
    };
    Timestamp(millis)
}

/// With its offset: `2026-03-29T03:00:00+02:00`.
fn shown(at: Timestamp, zone: &TimeZone) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .unwrap()
        .display_with_offset(zone.to_offset(jiff::Timestamp::from_millisecond(at.0).unwrap()))
        .to_string()
}
