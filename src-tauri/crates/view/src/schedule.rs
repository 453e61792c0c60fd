//! What a schedule says, while it is typed.

use jiff::tz::TimeZone;
use wakehub_domain::{Action, Schedule, Timestamp};

use crate::wire::{EntryError, ScheduleAsk, ScheduleReading};

/// So many of the next times are told.
const TOLD: usize = 5;

/// In the zone of the computer unless one is named.
pub fn read(ask: &ScheduleAsk, now: Timestamp, system: &TimeZone) -> ScheduleReading {
    let schedule = Schedule {
        time_zone: ask.time_zone.clone(),
        ..Schedule::new(Action::Start, ask.cron.clone())
    };
    let wrong = Schedule::check(std::slice::from_ref(&schedule));
    if let Some((field, message)) = wrong.into_iter().next() {
        let field = field.rsplit('.').next().map(str::to_owned);
        return ScheduleReading {
            reading: None,
            next: Vec::new(),
            error: Some(EntryError {
                field,
                line: None,
                message,
            }),
        };
    }
    let next = std::iter::successors(schedule.next(now, system), |at| schedule.next(*at, system));
    ScheduleReading {
        reading: Some(schedule.reading()),
        next: next.take(TOLD).collect(),
        error: None,
    }
}
