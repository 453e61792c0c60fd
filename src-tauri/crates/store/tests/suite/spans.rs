//! The times in which nodes were on and off.

use crate::fixture::{machine, open};
use std::time::Duration;
use wakehub_domain::savings::{Running, Span, Trail};
use wakehub_domain::{NodeId, Timestamp};
use wakehub_store::NodeChange;

const HOUR: i64 = 3_600_000;

#[test]
fn a_span_grows_in_its_row_and_the_next_run_goes_on_from_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let added = store.edit(&[NodeChange::Insert(machine(0, "nas"))]);
    let nas = added.expect("added").inserted[0];
    let apart = Duration::from_secs(300);
    let mut trail = Trail::default();
    let looks: [(i64, Running); 4] = [
        (0, Running::Off),
        (4, Running::Off),
        (8, Running::Off),
        (12, Running::On),
    ];
    for (minute, running) in looks {
        let spans: Vec<Span> = trail
            .take(nas, running, Timestamp(minute * 60_000), apart)
            .into_iter()
            .collect();
        store.save_spans(&spans).expect("saved");
    }
    drop(store);

    let mut store = open(&directory);
    let last = store.last_spans().expect("reads");
    assert_eq!(last.len(), 1);
    let mut trail = Trail::after(last[0]);
    let later = trail.take(nas, Running::On, Timestamp(10 * HOUR), apart);
    let gone = Span {
        node: NodeId(99),
        ..last[0]
    };
    let spans: Vec<Span> = later.into_iter().chain([gone]).collect();
    store.save_spans(&spans).expect("saved");

    let all = store.spans(None, Timestamp(0), Timestamp(20 * HOUR));
    let all: Vec<_> = all
        .expect("reads")
        .iter()
        .map(|s| (s.running, s.seen, s.since.0 / 60_000, s.until.0 / 60_000))
        .collect();
    // the look at 12 minutes lasted no time: the time that nobody saw begins with it
    assert_eq!(
        all,
        [
            (Running::Off, true, 0, 8),
            (Running::On, false, 12, 600),
            (Running::On, true, 600, 600)
        ]
    );
    assert_eq!(store.spans_begin().expect("reads"), Some(Timestamp(0)));
    let other = store.spans(Some(NodeId(99)), Timestamp(0), Timestamp(20 * HOUR));
    assert_eq!(other.expect("reads"), []);
}

#[test]
fn what_is_old_or_of_a_clock_far_ahead_is_forgotten() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let added = store.edit(&[NodeChange::Insert(machine(0, "nas"))]);
    let node = added.expect("added").inserted[0];
    let now = 500 * 24 * HOUR;
    let span = |days: i64| Span {
        node,
        running: Running::Off,
        seen: true,
        since: Timestamp(now + days * 24 * HOUR - HOUR),
        until: Timestamp(now + days * 24 * HOUR),
    };
    let spans = [span(-401), span(-399), span(0), span(3)];
    store.save_spans(&spans).expect("saved");
    store.forget_spans(Timestamp(now)).expect("forgotten");
    let left = store.spans(None, Timestamp(0), Timestamp(2 * now));
    assert_eq!(left.expect("reads"), [span(-399), span(0)]);
}
