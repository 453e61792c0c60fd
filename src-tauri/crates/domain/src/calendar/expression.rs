//! A cron expression of five fields, read by croner.
//!
//! croner is asked about wall clocks only, which know no change of the clock; [`zone`](super::zone) says when they show
//! what. So a time in a gap, or one that comes twice, is treated alike for every expression.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::reading;
use super::zone::{civil, moment};
use crate::Timestamp;

/// Longer than any that a person writes.
const LONGEST: usize = 200;

/// `minute hour day-of-month month day-of-week`, as crontab(5) has it: `*`, lists, ranges, steps, and names of months and
/// days. Beyond it `L` (last), `W` (nearest weekday) and `#` (`MON#2`: the second Monday).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expression {
    cron: Cron,
}

/// What is wrong with an expression, as it stands at its field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Mistake {
    #[error(
        "five fields: minute, hour, day of the month, month and day of the week; 0 18 * * 1-5 is every weekday at 18:00"
    )]
    Fields,
    #[error("the first field, the minute, is from 0 to 59, for example 0, 0,30 or */15")]
    Minute,
    #[error("the second field, the hour, is from 0 to 23, for example 7, 8-18 or */2")]
    Hour,
    #[error("the third field, the day of the month, is from 1 to 31, L for the last, or *")]
    DayOfMonth,
    #[error("the fourth field, the month, is from 1 to 12, JAN to DEC, or *")]
    Month,
    #[error(
        "the fifth field, the day of the week, is from 0 to 7 (0 and 7 are Sunday), MON to SUN, or *"
    )]
    DayOfWeek,
    #[error("there is no such day in any year")]
    Never,
}

impl Mistake {
    /// All of them, for whoever translates.
    pub const ALL: [Mistake; 7] = [
        Mistake::Fields,
        Mistake::Minute,
        Mistake::Hour,
        Mistake::DayOfMonth,
        Mistake::Month,
        Mistake::DayOfWeek,
        Mistake::Never,
    ];
}

impl Expression {
    pub fn parse(text: &str) -> Result<Expression, Mistake> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(Mistake::Fields);
        };
        if text.len() > LONGEST {
            return Err(Mistake::Fields);
        }
        // each for itself, so that the one that is wrong can be named
        let each = [
            (Mistake::Minute, format!("{minute} * * * *")),
            (Mistake::Hour, format!("0 {hour} * * *")),
            (Mistake::DayOfMonth, format!("0 0 {day} * *")),
            (Mistake::Month, format!("0 0 1 {month} *")),
            (Mistake::DayOfWeek, format!("0 0 * * {weekday}")),
        ];
        for (mistake, alone) in each {
            if text.contains('@') || parse(&alone).is_none() {
                return Err(mistake);
            }
        }
        let cron = parse(&fields.join(" ")).ok_or(Mistake::Fields)?;
        let some_day = jiff::civil::date(2000, 1, 1).at(0, 0, 0, 0);
        if cron.find_next_occurrence(&some_day, true).is_err() {
            return Err(Mistake::Never);
        }
        Ok(Expression { cron })
    }

    /// The first time after `after`.
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut shown = civil(after, zone)?;
        // whatever a clock shows later comes later, or at the same moment. While an hour is repeated, some of it is over
        loop {
            shown = self.following(shown)?;
            let at = moment(shown, zone)?;
            if at > after {
                return Some(at);
            }
        }
    }

    /// The last time after `after` and not after `until`.
    pub fn latest(&self, after: Timestamp, until: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let shown = civil(until, zone)?;
        let mut shown = self.cron.find_previous_occurrence(&shown, true).ok()?;
        let mut last = moment(shown, zone)?;
        // while an hour is repeated, the rest of it was before
        while let Some(next) = self.following(shown)
            && let Some(at) = moment(next, zone)
            && at <= until
        {
            (shown, last) = (next, at);
        }
        (last > after && last <= until).then_some(last)
    }

    /// "every weekday at 18:00". Each part has its French in the catalogue, see [`TEMPLATES`](super::TEMPLATES).
    pub fn reading(&self) -> String {
        reading::of(&self.cron)
    }

    fn following(&self, shown: DateTime) -> Option<DateTime> {
        self.cron.find_next_occurrence(&shown, false).ok()
    }
}

fn parse(text: &str) -> Option<Cron> {
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
        .parse(text)
        .ok()
}
