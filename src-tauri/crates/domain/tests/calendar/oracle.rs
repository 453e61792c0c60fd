//! Minute by minute, without a notion of gaps and folds: a minute of the wall clock is over when the clock shows it or a
//! later one for the first time.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{ToSpan, Unit};
use std::collections::BTreeSet;
use wakehub_domain::Timestamp;

pub const MINUTE: i64 = 60_000;

/// The values of each field, and whether the field is written as `*`.
#[derive(Clone, Debug)]
pub struct Fields {
    pub minutes: BTreeSet<i8>,
    pub hours: BTreeSet<i8>,
    pub dates: BTreeSet<i8>,
    pub months: BTreeSet<i8>,
    /// Sunday is 0.
    pub weekdays: BTreeSet<i8>,
    pub any_date: bool,
    pub any_weekday: bool,
}

impl Fields {
    pub fn fit(&self, shown: DateTime) -> bool {
        let date = self.dates.contains(&shown.day());
        let weekday = self
            .weekdays
            .contains(&shown.weekday().to_sunday_zero_offset());
        let day = match (self.any_date, self.any_weekday) {
            (false, false) => date || weekday,
            _ => date && weekday,
        };
        day && self.minutes.contains(&shown.minute())
            && self.hours.contains(&shown.hour())
            && self.months.contains(&shown.month())
    }
}

/// Every time after `from` and not after `to`.
pub fn due(fields: &Fields, from: Timestamp, to: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
    let show = |millis: i64| {
        let at = jiff::Timestamp::from_millisecond(millis).unwrap();
        zone.to_datetime(at)
    };
    let begin = from.0.div_euclid(MINUTE) * MINUTE;
    // the day before tells which minutes are over already
    let mut over = show(begin - 26 * 60 * MINUTE);
    let mut due = Vec::new();
    for millis in (begin - 26 * 60 * MINUTE..=to.0).step_by(usize::try_from(MINUTE).unwrap()) {
        let now = show(millis);
        let mut fits = false;
        while over < now {
            over = over.checked_add(1.minute()).unwrap();
            over = over.round(Unit::Minute).unwrap();
            fits |= fields.fit(over);
        }
        if fits && millis > from.0 {
            due.push(Timestamp(millis));
        }
    }
    due
}
