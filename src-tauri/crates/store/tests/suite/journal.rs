//! The journal's filters and its search.

use proptest::prelude::*;
use std::cell::RefCell;
use wakehub_domain::{NodeId, Timestamp};
use wakehub_store::{JournalEntry, JournalFilter, NewQuestion, Outcome, Store};

use crate::fixture::{homelab, name, open, start_plan};

fn entry(at: i64, kind: &str, node: Option<u32>, message: &str) -> JournalEntry {
    JournalEntry {
        at: Timestamp(at),
        kind: kind.into(),
        node: node.map(NodeId),
        message: message.into(),
        ..JournalEntry::default()
    }
}

fn found(store: &Store, filter: JournalFilter) -> Vec<i64> {
    let records = store.journal(&filter).expect("a query never fails");
    records.iter().map(|record| record.id).collect()
}

fn search(store: &Store, text: &str) -> Vec<i64> {
    found(
        store,
        JournalFilter {
            text: Some(text.into()),
            ..JournalFilter::default()
        },
    )
}

#[test]
fn filters_hold_together() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let graph = homelab(&mut store);
    let cascade = store
        .begin_cascade(&start_plan(&graph), &name, Timestamp(0))
        .expect("begins");
    let full = JournalEntry {
        node_name: Some("nas".into()),
        cascade: Some(cascade),
        reason: Some("needed by qbittorrent (On for 72 h)".into()),
        details: Some(serde_json::json!({"packets": [1, 2.5, null]})),
        ..entry(30, "decision", Some(1), "nas kept on")
    };
    store.append(&entry(10, "start", Some(1), "a")).expect("1");
    store.append(&entry(20, "stop", Some(1), "b")).expect("2");
    assert_eq!(store.append(&full).expect("written"), 3);
    store.append(&entry(40, "start", Some(2), "c")).expect("4");

    let all = JournalFilter::default();
    let records = store.journal(&all).expect("reads");
    assert_eq!(records[1].entry, full);
    assert_eq!(found(&store, all.clone()), [4, 3, 2, 1]);
    let node = Some(NodeId(1));
    let of_nas = JournalFilter {
        node,
        ..all.clone()
    };
    assert_eq!(found(&store, of_nas.clone()), [3, 2, 1]);
    let kinds = vec!["start".to_owned(), "party's".to_owned()];
    assert_eq!(
        found(
            &store,
            JournalFilter {
                kinds,
                ..of_nas.clone()
            }
        ),
        [1]
    );
    let kinds = vec!["start".to_owned(), "decision".to_owned()];
    let of_both = JournalFilter {
        kinds,
        ..all.clone()
    };
    assert_eq!(found(&store, of_both), [4, 3, 1]);
    let cascade = Some(cascade);
    assert_eq!(
        found(
            &store,
            JournalFilter {
                cascade,
                ..all.clone()
            }
        ),
        [3]
    );
    let (from, to) = (Some(Timestamp(20)), Some(Timestamp(40)));
    assert_eq!(
        found(
            &store,
            JournalFilter {
                from,
                to,
                ..all.clone()
            }
        ),
        [3, 2]
    );
    let (before, limit) = (Some(3), Some(1));
    assert_eq!(
        found(
            &store,
            JournalFilter {
                before,
                limit,
                ..of_nas.clone()
            }
        ),
        [2]
    );
    let text = Some("KEPT qbit".to_owned());
    assert_eq!(found(&store, JournalFilter { text, ..of_nas }), [3]);
    let limit = Some(0);
    assert!(found(&store, JournalFilter { limit, ..all }).is_empty());
}

#[test]
fn a_page_is_bounded() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    for at in 0..120 {
        store
            .append(&entry(at, "state", None, "x"))
            .expect("written");
    }
    assert_eq!(found(&store, JournalFilter::default()).len(), 100);
    let limit = Some(u32::MAX);
    let most = JournalFilter {
        limit,
        ..JournalFilter::default()
    };
    assert_eq!(found(&store, most).len(), 120);
}

#[test]
fn odd_words_are_found_or_not_but_never_fail() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    for message in [
        "lxc-jellyfin started: 8096/tcp",
        "machine1 s’est éteinte → off",
        "party 🎉 on the \"nas\"",
        "100% * of (NEAR) OR AND NOT: column",
        "10.77.0.3 answered",
    ] {
        store
            .append(&entry(0, "x", None, message))
            .expect("written");
    }
    for (text, ids) in [
        ("jelly", vec![1]),
        ("lxc-jelly", vec![1]),
        ("8096/t", vec![1]),
        ("ETEINTE", vec![2]),
        ("éteinte", vec![2]),
        ("→", vec![2]),
        ("🎉", vec![3]),
        ("party 🎉", vec![3]),
        ("🎉 machine1", vec![]),
        ("\"nas\"", vec![3]),
        ("\"nas", vec![3]),
        ("'", vec![]),
        ("*", vec![4]),
        ("%", vec![4]),
        ("AND", vec![4]),
        ("OR NOT", vec![4]),
        ("NEAR(", vec![4]),
        ("message:", vec![]),
        ("column:", vec![4]),
        ("^machine1", vec![2]),
        ("-nas", vec![3]),
        ("10.77", vec![5]),
        ("{message} : nas", vec![]),
        ("nas\0", vec![3]),
        ("\0", vec![5, 4, 3, 2, 1]),
        ("   ", vec![5, 4, 3, 2, 1]),
        ("\"", vec![3]),
        ("\"\"", vec![]),
    ] {
        assert_eq!(search(&store, text), ids, "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_can_be_searched_for(text in any::<String>()) {
        thread_local! {
            static STORE: RefCell<(tempfile::TempDir, Store)> = RefCell::new({
                let directory = tempfile::tempdir().expect("a directory");
                let mut store = open(&directory);
                store.append(&entry(0, "x", None, "nas kept on")).expect("written");
                (directory, store)
            });
        }
        STORE.with_borrow(|(_, store)| search(store, &text));
    }

    #[test]
    fn what_is_written_is_found(message in "[a-zé0-9→%\"'*(): -]{0,24}") {
        thread_local! {
            static STORE: RefCell<(tempfile::TempDir, Store)> = RefCell::new({
                let directory = tempfile::tempdir().expect("a directory");
                let store = open(&directory);
                (directory, store)
            });
        }
        STORE.with_borrow_mut(|(_, store)| {
            let id = store.append(&entry(0, "x", None, &message)).expect("written");
            let ids = search(store, &message);
            prop_assert_eq!(ids.first(), Some(&id));
            Ok(())
        })?;
    }
}

#[test]
fn what_is_old_and_dealt_with_is_forgotten() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let graph = homelab(&mut store);
    let ask = |store: &mut Store, kind: &str, at: i64| {
        let question = NewQuestion {
            node: NodeId(1),
            kind: kind.into(),
            reason: "no longer needed".into(),
            cascade: None,
            asked_at: Timestamp(at),
            ask_again_at: None,
        };
        store.ask(&question).expect("asked")
    };
    let old = ask(&mut store, "a", 0);
    store
        .settle(old, "keep_on", Timestamp(DAY))
        .expect("settled");
    let open_still = ask(&mut store, "b", 0);
    let fresh = ask(&mut store, "a", 0);
    store
        .settle(fresh, "keep_on", Timestamp(3 * DAY))
        .expect("settled");

    let plan = start_plan(&graph);
    let mut end = |outcome: Option<Outcome>| {
        let id = store
            .begin_cascade(&plan, &name, Timestamp(0))
            .expect("begins");
        match outcome {
            Some(outcome) => store
                .end_cascade(id, Timestamp(DAY), outcome)
                .expect("ended"),
            None => drop(
                store
                    .interrupt_unfinished(Timestamp(DAY))
                    .expect("interrupted"),
            ),
        }
        id
    };
    let done = end(Some(Outcome::Cancelled));
    let waits = end(None);
    let line = JournalEntry {
        cascade: Some(done),
        ..entry(0, "start", Some(1), "begun")
    };
    store.append(&line).expect("written");

    store.forget_old(Timestamp(402 * DAY)).expect("forgotten");
    assert_eq!(store.question(old).expect("reads"), None);
    assert!(store.question(open_still).expect("reads").is_some());
    assert!(store.question(fresh).expect("reads").is_some());
    let left: Vec<_> = store.recent_cascades(9).expect("reads");
    let left: Vec<_> = left.iter().map(|cascade| cascade.id).collect();
    assert_eq!(left, [waits], "what can be resumed stays");
    let lines = store.journal(&JournalFilter::default()).expect("reads");
    assert_eq!(
        lines.len(),
        1,
        "the last thousand lines stay whatever their age"
    );
    assert_eq!(lines[0].entry.cascade, None);

    for at in 0..1100 {
        store
            .append(&entry(at, "state", None, "x"))
            .expect("written");
    }
    store.forget_old(Timestamp(402 * DAY)).expect("forgotten");
    assert_eq!(
        store
            .journal(&JournalFilter {
                before: Some(102),
                ..JournalFilter::default()
            })
            .expect("reads")
            .len(),
        0
    );
}
