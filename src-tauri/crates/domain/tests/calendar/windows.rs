//! When automatic stops are allowed.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use wakehub_domain::calendar::{allows, next_allowed, outside};
use wakehub_domain::{Day, Settings, StopWindow, Timestamp};

use crate::{at, shown, zone};

fn on(days: &[Day], from: &str, to: &str) -> StopWindow {
    StopWindow {
        days: days.to_vec(),
        ..StopWindow::new(from, to)
    }
}

#[track_caller]
fn check(windows: &[StopWindow], zone: &TimeZone, open: &[&str], closed: &[&str]) {
    for time in open {
        assert!(allows(windows, at(time, zone), zone), "{time}");
        assert_eq!(outside(windows, at(time, zone), zone), None);
    }
    for time in closed {
        assert!(!allows(windows, at(time, zone), zone), "{time}");
        assert!(outside(windows, at(time, zone), zone).is_some());
    }
}

#[test]
fn without_a_window_it_is_always_allowed() {
    let now = Timestamp(1_790_000_000_000);
    assert!(allows(&[], now, &TimeZone::UTC));
    assert_eq!(next_allowed(&[], now, &TimeZone::UTC), Some(now));
}

#[test]
fn a_window_crosses_midnight() {
    let paris = zone("Europe/Paris");
    check(
        &[StopWindow::new("22:00", "7:00")],
        &paris,
        &["2026-06-01T22:00", "2026-06-01T23:59", "2026-06-02T06:59"],
        &["2026-06-01T21:59", "2026-06-02T07:00", "2026-06-01T12:00"],
    );
}

#[test]
fn it_belongs_to_the_day_on_which_it_begins() {
    let paris = zone("Europe/Paris");
    // 5 June 2026 is a Friday
    check(
        &[on(&[Day::Fri], "22:00", "07:00")],
        &paris,
        &["2026-06-05T23:00", "2026-06-06T06:00"],
        &["2026-06-05T06:00", "2026-06-06T23:00", "2026-06-04T23:00"],
    );
    check(
        &[
            on(&[Day::Sat, Day::Sun], "00:00", "00:00"),
            StopWindow::new("12:00", "13:00"),
        ],
        &paris,
        &[
            "2026-06-06T00:00",
            "2026-06-07T23:59",
            "2026-06-08T12:30",
            "2026-06-06T15:00",
        ],
        &["2026-06-05T23:59", "2026-06-08T00:00", "2026-06-08T13:00"],
    );
}

#[test]
fn it_says_when_it_opens_next() {
    let paris = zone("Europe/Paris");
    let next = |windows: &[StopWindow], now: &str| {
        next_allowed(windows, at(now, &paris), &paris).map(|next| shown(next, &paris))
    };
    let night = [StopWindow::new("22:00", "07:00")];
    assert_eq!(
        next(&night, "2026-06-01T12:00").unwrap(),
        "2026-06-01T22:00:00+02:00"
    );
    assert_eq!(
        next(&night, "2026-06-01T23:00").unwrap(),
        "2026-06-01T23:00:00+02:00"
    );
    let friday = [on(&[Day::Fri], "22:00", "07:00")];
    assert_eq!(
        next(&friday, "2026-06-06T07:00").unwrap(),
        "2026-06-12T22:00:00+02:00"
    );
}

#[test]
fn changes_of_the_clock_move_its_ends() {
    let paris = zone("Europe/Paris");
    let early = [StopWindow::new("02:30", "04:00")];
    // 02:30 does not exist: it opens after the gap
    check(
        &early,
        &paris,
        &["2026-03-29T03:00", "2026-03-29T03:59"],
        &["2026-03-29T01:59", "2026-03-29T04:00"],
    );
    // 02:30 exists twice: it opens the first time and stays open
    check(
        &early,
        &paris,
        &[
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:10:00Z",
            "2026-10-25T03:30",
        ],
        &["2026-10-25T00:29:00Z", "2026-10-25T04:00"],
    );
    // one that lies in the gap alone is not open on that day
    let short = [StopWindow::new("02:10", "02:40")];
    check(&short, &paris, &["2026-03-28T02:20"], &["2026-03-29T03:00"]);
    assert_eq!(
        shown(
            next_allowed(&short, at("2026-03-28T12:00", &paris), &paris).unwrap(),
            &paris
        ),
        "2026-03-30T02:10:00+02:00"
    );
}

#[test]
fn a_zone_of_its_own_counts() {
    let mut window = StopWindow::new("22:00", "07:00");
    window.time_zone = Some("America/New_York".to_owned());
    let paris = zone("Europe/Paris");
    check(
        &[window],
        &paris,
        &["2026-06-02T05:00"],
        &["2026-06-02T03:00"],
    );
}

#[test]
fn what_cannot_be_read_allows_nothing() {
    let mut elsewhere = StopWindow::new("00:00", "00:00");
    elsewhere.time_zone = Some("Moon/Tranquillity".to_owned());
    let now = Timestamp(1_790_000_000_000);
    for window in [elsewhere, StopWindow::new("25:00", "7")] {
        assert!(!allows(std::slice::from_ref(&window), now, &TimeZone::UTC));
        assert_eq!(next_allowed(&[window], now, &TimeZone::UTC), None);
    }
}

#[test]
fn mistakes_are_told_at_their_fields() {
    let mut wrong = on(&[Day::Fri, Day::Fri], "24:00", "7 am");
    wrong.time_zone = Some("Nowhere".to_owned());
    let windows = [StopWindow::new("22:00", "07:00"), wrong];
    let fields: Vec<String> = StopWindow::check(&windows)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(
        fields,
        ["from", "to", "days", "time_zone"].map(|field| format!("auto_stop_windows.1.{field}"))
    );
    let many = vec![StopWindow::new("22:00", "07:00"); 9];
    assert_eq!(StopWindow::check(&many)[0].0, "auto_stop_windows");
    for time in ["2:5", "1:60", "-1:00", "+1:00", "12", "12:00:00", "", ":"] {
        let wrong = StopWindow::check(&[StopWindow::new(time, "07:00")]);
        assert_eq!(wrong.len(), 1, "{time}");
    }
}

#[test]
fn it_reads_as_it_is_written() {
    let written = r#"
        auto_stop_windows = [
            { from = "22:00", to = "07:00" },
            { from = "00:00", to = "00:00", days = ["sat", "sun"], time_zone = "Europe/Paris" },
        ]
    "#;
    let settings: Settings = toml::from_str(written).unwrap();
    assert_eq!(settings.auto_stop_windows[1].days, [Day::Sat, Day::Sun]);
    assert_eq!(StopWindow::check(&settings.auto_stop_windows), []);
    let text = serde_json::to_string(&settings).unwrap();
    let again: Settings = serde_json::from_str(&text).unwrap();
    assert_eq!(again, settings);
}

proptest! {
    /// In a zone without changes it is arithmetic.
    #[test]
    fn a_window_is_open_when_the_clock_says_so(from in 0..1440_i64, to in 0..1440_i64, day in 0..7_usize, at in 0..7 * 1440_i64) {
        let clock = |minutes: i64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let days = Day::ALL;
        let window = on(&[days[day]], &clock(from), &clock(to));
        // 1 June 2026 is a Monday
        let monday = 1_780_272_000_000;
        let length = if to > from { to - from } else { to - from + 1440 };
        let begin = i64::try_from(day).unwrap() * 1440 + from;
        let is_open = [begin, begin - 7 * 1440].iter().any(|begin| (*begin..begin + length).contains(&at));
        let now = Timestamp(monday + at * 60_000);
        let windows = [window];
        prop_assert_eq!(allows(&windows, now, &TimeZone::UTC), is_open);
        let next = next_allowed(&windows, now, &TimeZone::UTC).unwrap();
        prop_assert!(next >= now && allows(&windows, next, &TimeZone::UTC));
        if !is_open {
            prop_assert!(!allows(&windows, Timestamp(next.0 - 1), &TimeZone::UTC));
        }
    }
}
