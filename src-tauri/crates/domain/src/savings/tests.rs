use super::*;
use jiff::tz::TimeZone;
use proptest::prelude::*;

const NAS: NodeId = NodeId(1);
const APART: Duration = Duration::from_secs(300);

fn at(minutes: i64) -> Timestamp {
    Timestamp(minutes * 60_000)
}

fn followed(seen: &[(i64, Running)]) -> Vec<Span> {
    let mut trail = Trail::default();
    let mut kept: Vec<Span> = Vec::new();
    for (minute, running) in seen {
        for span in trail.take(NAS, *running, at(*minute), APART) {
            // as the database keeps them: by node and beginning
            kept.retain(|old| old.since != span.since);
            kept.push(span);
        }
    }
    kept
}

fn hours(saved: Saved) -> (f64, f64, f64) {
    let hours = |time: Duration| time.as_secs_f64() / 3600.0;
    (hours(saved.on), hours(saved.off), hours(saved.unseen))
}

#[test]
fn what_was_seen_is_counted_and_what_nobody_saw_is_told_apart() {
    let watts = Watts {
        on: Some(40.0),
        suspended: None,
    };
    let mut seen: Vec<(i64, Running)> = (0..=60).map(|m| (m, Running::Off)).collect();
    // WakeHub is closed for ten hours; the nas is off before and after
    seen.extend((660..=720).map(|m| (m, Running::Off)));
    // and on an hour later, of which nobody saw the beginning
    seen.extend((780..=840).map(|m| (m, Running::On)));
    let spans = followed(&seen);
    let saved = Saved::of(&spans, watts, at(0), at(10_000));
    assert_eq!(hours(saved), (1.0, 12.0, 10.0));
    assert!((saved.kwh.expect("watts") - 0.48).abs() < 1e-9);
}

#[test]
fn suspended_draws_what_its_owner_says_and_nothing_is_made_up() {
    let night: Vec<(i64, Running)> = (0..=600).map(|m| (m, Running::Suspended)).collect();
    let spans = followed(&night);
    let watts = |on, suspended| Watts { on, suspended };
    let kwh = |watts| Saved::of(&spans, watts, at(0), at(600)).kwh;
    assert!((kwh(watts(Some(40.0), Some(5.0))).expect("known") - 0.35).abs() < 1e-9);
    assert_eq!(kwh(watts(None, Some(5.0))), None);
    let more = kwh(watts(Some(4.0), Some(5.0))).expect("known");
    assert!(more.abs() < 1e-9, "never less than nothing: {more}");
}

#[test]
fn a_clock_that_was_set_back_counts_nothing_twice() {
    let mut trail = Trail::default();
    let mut told = |minute, running| {
        trail
            .take(NAS, running, at(minute), APART)
            .into_iter()
            .count()
    };
    assert_eq!(told(60, Running::Off), 1);
    assert_eq!(told(30, Running::Off), 0);
    assert_eq!(told(45, Running::On), 0);
    assert_eq!(told(61, Running::On), 1);
    // a clock that was years ahead for a while must not silence all until then
    assert_eq!(told(1_000_000, Running::On), 2);
    assert_eq!(told(62, Running::On), 1);
}

#[test]
fn periods_are_those_of_the_wall() {
    let zone = TimeZone::get("Europe/Paris").expect("a zone");
    // Wednesday 1 April 2026, 12:00 in Paris; the clock was changed on 29 March
    let now = Timestamp(1_775_037_600_000);
    let days = periods(Period::Day, 4, now, &zone);
    let lengths: Vec<u64> = days
        .iter()
        .map(|(_, from, to)| to.since(*from).as_secs() / 3600)
        .collect();
    assert_eq!(lengths, [23, 24, 24, 24]);
    let first = |by| {
        let all = periods(by, 2, now, &zone);
        all.iter()
            .map(|(day, ..)| day.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(first(Period::Week), ["2026-03-23", "2026-03-30"]);
    assert_eq!(first(Period::Month), ["2026-03-01", "2026-04-01"]);
}

proptest! {
    /// Whatever was seen, no minute is counted twice, none outside what was looked at, and days add up to their week.
    #[test]
    fn nothing_is_counted_twice(seen in prop::collection::vec((1i64..400, 0u8..3), 1..60)) {
        let mut minute = 0;
        let looks: Vec<(i64, Running)> = seen
            .iter()
            .map(|(step, what)| {
                minute += step;
                let running = match what {
                    0 => Running::On,
                    1 => Running::Off,
                    _ => Running::Suspended,
                };
                (minute, running)
            })
            .collect();
        let spans = followed(&looks);
        let mut sorted = spans.clone();
        sorted.sort_by_key(|span| (span.since, span.until));
        for pair in sorted.windows(2) {
            prop_assert!(pair[0].until <= pair[1].since, "{pair:?}");
        }
        let whole = Saved::of(&spans, Watts { on: Some(10.0), suspended: Some(1.0) }, at(0), at(minute));
        let looked_at = at(minute).since(at(looks[0].0));
        prop_assert!(whole.on + whole.off <= looked_at);
        let watts = Watts { on: Some(10.0), suspended: Some(1.0) };
        let times: Vec<_> = (0..=minute / 100)
            .map(|part| (at(part * 100), at((part + 1) * 100)))
            .collect();
        let each = Saved::in_each(&spans, watts, &times);
        for (saved, (from, to)) in each.iter().zip(&times) {
            prop_assert_eq!(*saved, Saved::of(&spans, watts, *from, *to));
        }
        let parts = each.into_iter().fold(Saved::default(), Saved::and);
        prop_assert_eq!(parts.off, whole.off);
        prop_assert_eq!(parts.on, whole.on);
        let (parts, whole) = (parts.kwh.unwrap_or_default(), whole.kwh.unwrap_or_default());
        prop_assert!((parts - whole).abs() < 1e-9);
    }
}
