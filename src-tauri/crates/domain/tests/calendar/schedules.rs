//! The entries of `schedules`: what may stand there, what was missed, and which of several counts.

use jiff::tz::TimeZone;
use wakehub_domain::calendar::last_due;
use wakehub_domain::{Action, Schedule, Settings, Timestamp};

use crate::{at, zone};

fn start(cron: &str) -> Schedule {
    Schedule::new(Action::Start, cron)
}

fn stop(cron: &str) -> Schedule {
    Schedule::new(Action::Stop, cron)
}

#[track_caller]
fn wrong(schedules: &[Schedule]) -> Vec<(String, String)> {
    Schedule::check(schedules)
}

#[test]
fn a_mistake_is_told_at_its_field() {
    for (cron, said) in [
        ("", "five fields"),
        ("0 18 * *", "five fields"),
        ("0 0 18 * * *", "five fields"),
        ("@daily", "five fields"),
        ("60 18 * * *", "the first field"),
        ("x 18 * * *", "the first field"),
        ("*/0 18 * * *", "the first field"),
        ("0 24 * * *", "the second field"),
        ("0 -1 * * *", "the second field"),
        ("0 18 0 * *", "the third field"),
        ("0 18 32 * *", "the third field"),
        ("0 18 * 13 *", "the fourth field"),
        ("0 18 * * 8", "the fifth field"),
        ("0 18 * * FUN", "the fifth field"),
        ("0 18 30 2 *", "there is no such day"),
        ("0 18 31 4,6,9,11 *", "there is no such day"),
    ] {
        let wrong = wrong(&[start("0 7 * * *"), start(cron)]);
        let [(field, message)] = wrong.as_slice() else {
            panic!("{cron}: {wrong:?}");
        };
        assert_eq!(field, "schedules.1.cron");
        assert!(message.starts_with(said), "{cron}: {message}");
    }
    for cron in [
        "0 18 * * 1-5",
        "0 18 * * MON-FRI",
        "0 18 * * fri",
        "30 23 * * 7",
        "*/15 8-18 1,15 JAN-MAR *",
        "0 3 L * *",
        "0 3 * * MON#1",
        "  0   3 * * *  ",
    ] {
        assert_eq!(wrong(&[start(cron)]), [], "{cron}");
    }
}

#[test]
fn limits_are_told() {
    let mut late = stop("0 1 * * *");
    late.catch_up_minutes = Some(1441);
    late.time_zone = Some("Europe/Nowhere".to_owned());
    let fields: Vec<String> = wrong(&[late]).into_iter().map(|(field, _)| field).collect();
    assert_eq!(
        fields,
        ["schedules.0.catch_up_minutes", "schedules.0.time_zone"]
    );
    let many = vec![start("0 1 * * *"); 17];
    assert_eq!(wrong(&many)[0].0, "schedules");
    assert_eq!(wrong(&many[..16]), []);
}

#[test]
fn it_reads_as_it_is_written() {
    let written = r#"
        [[schedules]]
        action = "start"
        cron = "0 18 * * 1-5"

        [[schedules]]
        action = "stop"
        cron = "30 23 * * *"
        enabled = false
        catch_up_minutes = 30
        time_zone = "Europe/Paris"
    "#;
    let settings: Settings = toml::from_str(written).unwrap();
    let mut second = stop("30 23 * * *");
    second.enabled = false;
    second.catch_up_minutes = Some(30);
    second.time_zone = Some("Europe/Paris".to_owned());
    assert_eq!(settings.schedules, [start("0 18 * * 1-5"), second]);
    let text = serde_json::to_string(&settings.schedules).unwrap();
    assert!(
        text.starts_with(r#"[{"action":"start","cron":"0 18 * * 1-5"},"#),
        "{text}"
    );
    let again: Vec<Schedule> = serde_json::from_str(&text).unwrap();
    assert_eq!(again, settings.schedules);
    assert!(serde_json::from_str::<Schedule>(r#"{"action":"start"}"#).is_err());
    // what was written before there were schedules
    let old: Settings = serde_json::from_str(r#"{"pinned": true}"#).unwrap();
    assert!(old.schedules.is_empty() && old.auto_stop_windows.is_empty());
}

#[test]
fn what_is_switched_off_never_comes() {
    let now = Timestamp(1_790_000_000_000);
    let mut schedule = start("* * * * *");
    assert!(schedule.next(now, &TimeZone::UTC).is_some());
    schedule.enabled = false;
    assert_eq!(schedule.next(now, &TimeZone::UTC), None);
    assert_eq!(
        last_due(&[schedule], Timestamp(0), now, &TimeZone::UTC),
        None
    );
}

#[test]
fn a_start_is_made_up_for_within_an_hour_and_a_stop_is_not() {
    let due = Timestamp(1_790_000_000_000);
    let after = |minutes: i64| Timestamp(due.0 + minutes * 60_000);
    assert!(start("0 18 * * *").may_run(due, after(60)));
    assert!(!start("0 18 * * *").may_run(due, after(61)));
    assert!(stop("0 18 * * *").may_run(due, after(1)));
    assert!(!stop("0 18 * * *").may_run(due, after(3)));
    let mut patient = stop("0 18 * * *");
    patient.catch_up_minutes = Some(1440);
    assert!(patient.may_run(due, after(1440)));
    patient.catch_up_minutes = Some(0);
    assert!(patient.may_run(due, after(2)) && !patient.may_run(due, after(3)));
}

#[test]
fn the_last_of_all_that_was_missed_counts() {
    let paris = zone("Europe/Paris");
    let schedules = [start("0 18 * * *"), stop("0 22 * * *"), start("0 22 * * 6")];
    let last = |since: &str, now: &str| {
        last_due(&schedules, at(since, &paris), at(now, &paris), &paris)
            .map(|(which, when)| (which, crate::shown(when, &paris)))
    };
    // a Friday
    assert_eq!(
        last("2026-06-05T12:00", "2026-06-05T23:00"),
        Some((1, "2026-06-05T22:00:00+02:00".to_owned()))
    );
    assert_eq!(
        last("2026-06-01T12:00", "2026-06-05T19:00"),
        Some((0, "2026-06-05T18:00:00+02:00".to_owned()))
    );
    assert_eq!(last("2026-06-05T22:00", "2026-06-06T17:59"), None);
    // a Saturday: of a start and a stop at the same moment the start
    assert_eq!(last("2026-06-06T21:00", "2026-06-06T22:00").unwrap().0, 2);
}

#[test]
fn a_zone_of_its_own_counts_before_that_of_the_computer() {
    let mut schedule = start("0 18 * * *");
    schedule.time_zone = Some("America/New_York".to_owned());
    let paris = zone("Europe/Paris");
    let next = schedule.next(at("2026-06-01T12:00", &paris), &paris);
    assert_eq!(
        crate::shown(next.unwrap(), &paris),
        "2026-06-02T00:00:00+02:00"
    );
}
