//! Times that people name: "tonight", "until tomorrow morning". In the time zone of this computer.

use jiff::civil::Time;
use jiff::{ToSpan, Zoned};
use wakehub_domain::Timestamp;

/// What is kept on "tonight" may go at six: whoever is still up by then says so again.
pub const END_OF_NIGHT: Time = Time::constant(6, 0, 0, 0);
/// What is paused "until tomorrow" goes on at eight.
pub const MORNING: Time = Time::constant(8, 0, 0, 0);

/// The end of this night: six o'clock today or tomorrow, whichever is next.
pub fn end_of_night(now: Timestamp) -> Timestamp {
    next(now, END_OF_NIGHT)
}

/// Eight o'clock tomorrow, or today if that is still to come and it is night.
pub fn next_morning(now: Timestamp) -> Timestamp {
    next(now, MORNING)
}

/// The next time that a clock on the wall shows this; on the day that has no such time, the moment after the gap.
pub fn next(now: Timestamp, time: Time) -> Timestamp {
    let zoned = zoned(now);
    let today = at(&zoned, time).filter(|found| *found > now);
    let tomorrow = || {
        zoned
            .checked_add(1.day())
            .ok()
            .and_then(|day| at(&day, time))
    };
    // only beyond the end of the calendar is there none
    today.or_else(tomorrow).unwrap_or(now)
}

fn zoned(now: Timestamp) -> Zoned {
    jiff::Timestamp::from_millisecond(now.0)
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::system())
}

fn at(day: &Zoned, time: Time) -> Option<Timestamp> {
    let found = day
        .date()
        .to_datetime(time)
        .to_zoned(day.time_zone().clone());
    Some(Timestamp(found.ok()?.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_six_and_eight_o_clock_are_within_a_day_and_on_the_hour() {
        for hours in 0..100 {
            let now = Timestamp(1_700_000_000_000 + hours * 3_600_000);
            for (found, hour) in [(end_of_night(now), 6), (next_morning(now), 8)] {
                assert!(found > now);
                // a day may have 25 hours
                assert!(found.since(now).as_secs() <= 25 * 3600);
                assert_eq!(zoned(found).hour(), hour);
                assert_eq!(zoned(found).minute(), 0);
            }
        }
    }
}
