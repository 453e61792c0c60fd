//! What whoever types a schedule is told.

use jiff::tz::TimeZone;
use wakehub_domain::Timestamp;
use wakehub_view::schedule::read;
use wakehub_view::wire::{ScheduleAsk, ScheduleReading};

/// 1 June 2026, a Monday, at noon in UTC.
const NOON: Timestamp = Timestamp(1_780_315_200_000);

fn ask(cron: &str, time_zone: Option<&str>) -> ScheduleReading {
    let ask = ScheduleAsk {
        cron: cron.to_owned(),
        time_zone: time_zone.map(str::to_owned),
    };
    read(&ask, NOON, &TimeZone::UTC)
}

#[test]
fn what_can_be_read_has_its_words_and_the_next_times() {
    let said = ask("0 18 * * 1-5", None);
    assert_eq!(said.reading.as_deref(), Some("every weekday at 18:00"));
    assert_eq!(said.error, None);
    let hours = said.next.iter().map(|at| (at.0 - NOON.0) / 3_600_000);
    assert_eq!(hours.collect::<Vec<_>>(), [6, 30, 54, 78, 102]);

    let said = ask("0 18 * * 1-5", Some("Europe/Paris"));
    let reading = "every weekday at 18:00 (time of Europe/Paris)";
    assert_eq!(said.reading.as_deref(), Some(reading));
    assert_eq!(said.next[0].0 - NOON.0, 4 * 3_600_000);
}

#[test]
fn what_cannot_says_which_field_is_wrong() {
    for (cron, zone, field) in [
        ("0 25 * * *", None, "cron"),
        ("", None, "cron"),
        ("0 18 * * *", Some("Europe/Nowhere"), "time_zone"),
    ] {
        let said = ask(cron, zone);
        assert_eq!((said.reading, said.next), (None, vec![]));
        let error = said.error.expect("an error");
        assert_eq!(error.field.as_deref(), Some(field));
        assert!(!error.message.is_empty());
    }
}
