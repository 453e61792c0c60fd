//! Expressions and windows in plain words.

use jiff::tz::TimeZone;
use wakehub_domain::calendar::{Expression, outside};
use wakehub_domain::{Action, Day, Schedule, StopWindow, Timestamp};

#[track_caller]
fn check(cron: &str, expected: &str) {
    assert_eq!(
        Expression::parse(cron).unwrap().reading(),
        expected,
        "{cron}"
    );
}

#[test]
fn expressions_read_plainly() {
    check("0 18 * * 1-5", "every weekday at 18:00");
    check("0 18 * * MON-FRI", "every weekday at 18:00");
    check("30 23 * * *", "every day at 23:30");
    check("0 8,12,18 * * *", "every day at 08:00, 12:00 and 18:00");
    check("0,30 8 * * *", "every day at 08:00 and 08:30");
    check("0 9 * * 0,6", "every Saturday and Sunday at 09:00");
    check("0 9 * * 7", "every Sunday at 09:00");
    check("30 3 1 * *", "on the 1st of each month at 03:30");
    check(
        "30 3 1,15 * *",
        "on the 1st and 15th of each month at 03:30",
    );
    check("0 0 L * *", "on the last day of each month at 00:00");
    check(
        "0 0 2,3,11,12,13,21,22,23 * *",
        "on the 2nd, 3rd, 11th, 12th, 13th, 21st, 22nd and 23rd of each month at 00:00",
    );
    check("0 6 24 12 *", "on the 24th of December at 06:00");
    check(
        "0 6 1,2 1,7 *",
        "on the 1st and 2nd of January and July at 06:00",
    );
    check("0 6 L 2 *", "on the last day of February at 06:00");
    check("0 7 * 6-8 *", "every day in June, July and August at 07:00");
    check("0 7 * 9 1-5", "every weekday in September at 07:00");
    check("0 7 * 9 3", "every Wednesday in September at 07:00");
    check("* * * * *", "every minute");
    check("*/15 * * * *", "every 15 minutes");
    check("*/15 * * * 1-5", "every weekday every 15 minutes");
    check("0 * * * *", "every hour");
    check("5 * * * *", "every hour at minute 5");
    check("0 */6 * * *", "every 6 hours");
    check("0 */12 * * *", "every day at 00:00 and 12:00");
    check("0 0 * * *", "every day at 00:00");
    check(
        "0 0 */1 * 1-5",
        "minute 0, hour 0, day of the month */1, month *, day of the week 1-5",
    );
}

#[test]
fn what_is_complicated_names_its_fields() {
    check(
        "*/7 8-18 * * *",
        "minute */7, hour 8-18, day of the month *, month *, day of the week *",
    );
    check(
        "0 3 1 * 1",
        "minute 0, hour 3, day of the month 1, month *, day of the week 1",
    );
    check(
        "0 3 * * MON#1",
        "minute 0, hour 3, day of the month *, month *, day of the week 1#1",
    );
    check(
        "0 3 15W * *",
        "minute 0, hour 3, day of the month 15W, month *, day of the week *",
    );
}

#[test]
fn schedules_name_their_zone() {
    let mut schedule = Schedule::new(Action::Start, "0 18 * * *");
    assert_eq!(schedule.reading(), "every day at 18:00");
    schedule.time_zone = Some("Europe/Paris".to_owned());
    assert_eq!(
        schedule.reading(),
        "every day at 18:00 (time of Europe/Paris)"
    );
}

#[test]
fn windows_say_when() {
    let closed =
        |windows: &[StopWindow]| outside(windows, Timestamp(1_780_315_200_000), &TimeZone::UTC);
    let night = StopWindow::new("22:00", "07:00");
    let weekend = StopWindow {
        days: vec![Day::Sun, Day::Sat],
        ..StopWindow::new("00:00", "00:00")
    };
    let abroad = StopWindow {
        time_zone: Some("America/New_York".to_owned()),
        ..StopWindow::new("01:00", "02:00")
    };
    assert_eq!(
        closed(std::slice::from_ref(&night)).unwrap(),
        "automatic stops are allowed from 22:00 to 07:00"
    );
    assert_eq!(
        closed(&[night, weekend, abroad]).unwrap(),
        "automatic stops are allowed from 22:00 to 07:00; also on Saturday and Sunday all day; also from 01:00 to 02:00 \
         (time of America/New_York)"
    );
}
