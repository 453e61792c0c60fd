//! What holds for any expression in any zone, most of all on the days around a change of the clock.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::collections::BTreeSet;
use wakehub_domain::Timestamp;
use wakehub_domain::calendar::Expression;

use crate::oracle::{Fields, MINUTE, due};

const DAY: i64 = 24 * 60 * MINUTE;

/// A field as text, and what it stands for.
fn field(least: i8, most: i8) -> impl Strategy<Value = (String, BTreeSet<i8>)> {
    let all = move || (least..=most).collect::<BTreeSet<i8>>();
    let one = (least..=most).prop_map(|n| (n.to_string(), BTreeSet::from([n])));
    let range = (least..=most, least..=most).prop_map(|(a, b)| {
        let (a, b) = (a.min(b), a.max(b));
        (format!("{a}-{b}"), (a..=b).collect())
    });
    let stepped = (2..=most).prop_map(move |step| {
        let values = (least..=most).step_by(usize::try_from(step).unwrap());
        (format!("*/{step}"), values.collect())
    });
    let list = proptest::collection::btree_set(least..=most, 2..5).prop_map(|values| {
        let text: Vec<String> = values.iter().map(ToString::to_string).collect();
        (text.join(","), values)
    });
    prop_oneof![
        4 => Just(("*".to_owned(), all())),
        3 => one,
        1 => range,
        1 => stepped,
        1 => list,
    ]
}

fn expression() -> impl Strategy<Value = (String, Fields)> {
    (
        field(0, 59),
        field(0, 23),
        field(1, 31),
        // most of them in the months of the walks
        prop_oneof![4 => Just(("*".to_owned(), (1..=12).collect())), 1 => field(1, 12)],
        field(0, 6),
    )
        .prop_map(|(minute, hour, date, month, weekday)| {
            let text = [&minute.0, &hour.0, &date.0, &month.0, &weekday.0].map(String::as_str);
            let fields = Fields {
                minutes: minute.1,
                hours: hour.1,
                any_date: date.0 == "*",
                dates: date.1,
                months: month.1,
                any_weekday: weekday.0 == "*",
                weekdays: weekday.1,
            };
            (text.join(" "), fields)
        })
}

/// Three days around a change of the clock, a month's end, or a leap day.
fn place() -> impl Strategy<Value = (TimeZone, Timestamp)> {
    let places = [
        ("Europe/Paris", "2026-03-29T01:00:00Z"),
        ("Europe/Paris", "2026-10-25T01:00:00Z"),
        ("America/New_York", "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"),
        // half an hour
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
        // at midnight, so that a day begins at 01:00
        ("America/Havana", "2026-03-08T05:00:00Z"),
        // a whole day was left out
        ("Pacific/Apia", "2011-12-30T10:00:00Z"),
        // never
        ("Asia/Kolkata", "2026-06-30T12:00:00Z"),
        ("UTC", "2028-02-29T12:00:00Z"),
        // by a rule, for no table goes that far
        ("Europe/Paris", "2065-10-25T01:00:00Z"),
    ];
    proptest::sample::select(places.to_vec()).prop_map(|(zone, moment)| {
        let moment: jiff::Timestamp = moment.parse().unwrap();
        (crate::zone(zone), Timestamp(moment.as_millisecond()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_comes_is_what_an_oracle_finds_minute_by_minute(
        (text, fields) in expression(),
        (zone, middle) in place(),
        offset in 0..2 * DAY,
        until in 0..3 * DAY,
    ) {
        let from = Timestamp(middle.0 - DAY - offset % DAY);
        let to = Timestamp(middle.0 + DAY);
        let expected = due(&fields, from, to, &zone);
        let expression = match Expression::parse(&text) {
            Ok(expression) => expression,
            // 31 February and the like
            Err(_) => {
                prop_assert!(expected.is_empty(), "{text} does come");
                return Ok(());
            }
        };
        let mut found = Vec::new();
        let mut after = from;
        while let Some(next) = expression.next(after, &zone) {
            prop_assert!(next > after, "{text}: {next:?} after {after:?}");
            if next > to {
                break;
            }
            found.push(next);
            after = next;
        }
        prop_assert_eq!(&found, &expected, "{}", text);

        // looked at later, the last of them is seen, and none twice
        let now = Timestamp(from.0 + until);
        if now <= to {
            let last = expected.iter().copied().rfind(|at| *at <= now);
            prop_assert_eq!(expression.latest(from, now, &zone), last, "{}", &text);
            if let Some(last) = last {
                prop_assert_eq!(expression.latest(last, now, &zone), None);
            }
        }
    }

    #[test]
    fn later_is_never_earlier(
        (text, _) in expression(),
        (zone, middle) in place(),
        first in -2 * DAY..2 * DAY,
        step in 0..DAY,
    ) {
        if let Ok(expression) = Expression::parse(&text) {
            let first = Timestamp(middle.0 + first);
            let second = Timestamp(first.0 + step);
            let (next, later) = (expression.next(first, &zone), expression.next(second, &zone));
            prop_assert!(next <= later, "{text}");
            // whoever asks every second sees the same as who asks once
            if let Some(next) = next.filter(|next| *next > second) {
                prop_assert_eq!(Some(next), later, "{}", text);
            }
        }
    }

    #[test]
    fn whatever_is_typed_is_read_or_refused(text in "[-0-9*/,LW#?@+a-zA-Z ]{0,40}") {
        if let Ok(expression) = Expression::parse(&text) {
            prop_assert!(!expression.reading().is_empty());
            let from = Timestamp(1_790_000_000_000);
            prop_assert!(expression.next(from, &TimeZone::UTC).is_some_and(|next| next > from));
        }
    }
}
