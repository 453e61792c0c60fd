//! Days that are not 24 hours long, worked out by hand.

use wakehub_domain::calendar::Expression;

use crate::{at, shown, zone};

/// The first times after a moment, as clocks in the zone show them.
#[track_caller]
fn check(cron: &str, name: &str, after: &str, expected: &[&str]) {
    let zone = zone(name);
    let expression = Expression::parse(cron).unwrap();
    let mut now = at(after, &zone);
    for expected in expected {
        now = expression.next(now, &zone).unwrap();
        assert_eq!(shown(now, &zone), *expected, "{cron} in {name}");
    }
}

#[test]
fn a_time_that_does_not_exist_comes_after_the_gap() {
    check(
        "30 2 * * *",
        "Europe/Paris",
        "2026-03-28T12:00",
        &["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
    );
    check(
        "30 2 * * *",
        "America/New_York",
        "2026-03-07T12:00",
        &["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"],
    );
    check(
        "15 2 * * *",
        "Australia/Lord_Howe",
        "2026-10-03T12:00",
        &["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
    );
}

#[test]
fn all_of_a_gap_come_together_once() {
    check(
        "*/15 * * * *",
        "Europe/Paris",
        "2026-03-29T01:30",
        &[
            "2026-03-29T01:45:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-29T03:15:00+02:00",
        ],
    );
}

#[test]
fn a_time_that_exists_twice_comes_once() {
    check(
        "30 2 * * *",
        "Europe/Paris",
        "2026-10-24T12:00",
        &["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"],
    );
    check(
        "30 1 * * *",
        "America/New_York",
        "2026-10-31T12:00",
        &["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
    );
    check(
        "45 1 * * *",
        "Australia/Lord_Howe",
        "2026-04-04T12:00",
        &["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"],
    );
    // looked at in the second half: the first is over
    check(
        "30 2 * * *",
        "Europe/Paris",
        "2026-10-25T01:10:00Z",
        &["2026-10-26T02:30:00+01:00"],
    );
    check(
        "*/30 * * * *",
        "Europe/Paris",
        "2026-10-25T00:10:00Z",
        &["2026-10-25T02:30:00+02:00", "2026-10-25T03:00:00+01:00"],
    );
}

#[test]
fn a_zone_without_changes_has_none() {
    check(
        "30 2 * * *",
        "Asia/Kolkata",
        "2026-03-28T12:00",
        &["2026-03-29T02:30:00+05:30", "2026-03-30T02:30:00+05:30"],
    );
}

#[test]
fn months_have_the_days_that_they_have() {
    check(
        "0 12 29 2 *",
        "UTC",
        "2025-01-01T00:00",
        &["2028-02-29T12:00:00+00:00", "2032-02-29T12:00:00+00:00"],
    );
    check(
        "0 0 31 * *",
        "UTC",
        "2026-01-31T12:00",
        &[
            "2026-03-31T00:00:00+00:00",
            "2026-05-31T00:00:00+00:00",
            "2026-07-31T00:00:00+00:00",
            "2026-08-31T00:00:00+00:00",
        ],
    );
    check(
        "0 0 L * *",
        "UTC",
        "2028-01-31T12:00",
        &["2028-02-29T00:00:00+00:00", "2028-03-31T00:00:00+00:00"],
    );
}

#[test]
fn it_is_evening_in_paris_when_it_is_noon_in_new_york() {
    let paris = zone("Europe/Paris");
    let expression = Expression::parse("0 18 * * *").unwrap();
    let next = expression
        .next(at("2026-06-01T00:00:00Z", &paris), &paris)
        .unwrap();
    assert_eq!(
        shown(next, &zone("America/New_York")),
        "2026-06-01T12:00:00-04:00"
    );
}
