//! What was saved, from what the engine has seen.

#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/sim.rs"]
mod sim;

use sim::{Home, Pocket, REFERENCE, Sim, open_at};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use wakehub_domain::savings::Period;
use wakehub_domain::{Action, NodeId, Timestamp};
use wakehub_engine::{Clock, SystemClock};
use wakehub_view::savings::{SavedView, SavingsAsk, SavingsView};
use wakehub_view::wire::CommandError;

/// It is as many milliseconds ahead as it is put.
#[derive(Default)]
struct Ahead(AtomicI64);

impl Ahead {
    fn put(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).expect("small");
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }
}

async fn home(clock: &Arc<Ahead>, on: &[&str]) -> Home {
    let sim = Sim::reference();
    for key in on {
        sim.switch(key, true);
    }
    let folder = Arc::new(TempDir::new().expect("folder"));
    let handle = open_at(
        &sim,
        folder.path(),
        clock.clone(),
        Arc::new(Pocket::default()),
    )
    .await;
    handle.import(REFERENCE.to_owned()).await.expect("imported");
    let home = Home {
        sim,
        handle,
        folder,
    };
    home.settled().await;
    home
}

async fn saved(home: &Home) -> SavingsView {
    let ask = SavingsAsk {
        by: Period::Day,
        count: 3,
        node: None,
    };
    home.handle.savings(ask).await.expect("an answer")
}

fn of(view: &SavingsView, name: &str) -> SavedView {
    let node = view.nodes.iter().find(|node| node.name == name);
    node.map_or_else(SavedView::default, |node| node.saved)
}

/// The clock goes ten seconds on, which is too little for a sleep, and somebody looks: who previews a stop has nas looked at.
async fn look(home: &Home, clock: &Ahead) {
    clock.put(Duration::from_secs(10));
    let _ = home.handle.plan(home.ask(Action::Stop, "nas")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
}

/// Until so much of nas being off is taken down.
async fn until_off(home: &Home, clock: &Ahead, hours: f64) -> SavingsView {
    for _ in 0..100 {
        look(home, clock).await;
        let view = saved(home).await;
        if of(&view, "nas").off_hours >= hours {
            return view;
        }
    }
    panic!("nas was never off for {hours} h: {:?}", saved(home).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_off_are_counted_and_go_on_after_a_sleep_and_a_restart() {
    let clock = Arc::new(Ahead::default());
    let home_now = home(&clock, &["machine1"]).await;
    let nas = home_now.node("nas").id;
    let mut entry = home_now.handle.node_entry(nas).await.expect("entry");
    entry.watts_on = Some(40.0);
    let saving = home_now.handle.save_node(Some(nas), entry, vec![]);
    saving.await.expect("saved");
    let mut settings = home_now.handle.engine_settings().await.expect("settings");
    settings.price_per_kwh = Some(0.5);
    let configuring = home_now.handle.configure(settings);
    configuring.await.expect("configured");

    let view = until_off(&home_now, &clock, 2.0 / 60.0).await;
    assert!(of(&view, "nas").unseen_hours == 0.0, "{view:?}");

    // the computer sleeps for eight hours
    clock.put(Duration::from_secs(8 * 3600));
    let view = until_off(&home_now, &clock, 8.0).await;
    let by_nas = of(&view, "nas");
    assert!((7.9..8.1).contains(&by_nas.unseen_hours), "{by_nas:?}");
    let kwh = by_nas.kwh.expect("its watts are known");
    assert!((kwh - by_nas.off_hours * 0.040).abs() < 1e-9, "{by_nas:?}");
    assert_eq!(by_nas.money, Some(kwh * 0.5));
    assert_eq!(of(&view, "machine1").off_hours, 0.0, "it was on");
    assert!(view.total.on_hours > 0.0, "machine1 was on");
    assert_eq!(view.total.kwh, Some(kwh));
    // machines of which nobody knows what they draw are named, guests are not
    let without = |name: &str| view.without_watts.iter().any(|one| one == name);
    assert!(without("machine2") && !without("nas") && !without("lxc-jellyfin"));
    // the hours of all are those of machines
    let machines = ["nas", "machine2", "raspberry"];
    let hours: f64 = machines.iter().map(|one| of(&view, one).off_hours).sum();
    assert!((view.total.off_hours - hours).abs() < 1e-6, "{view:?}");
    assert!(of(&view, "lxc-jellyfin").off_hours > 0.0);
    let days: f64 = view.periods.iter().map(|day| day.saved.off_hours).sum();
    assert!((view.total.off_hours - days).abs() < 1e-6, "{view:?}");

    // closed, and opened ten hours later: what was seen is still there, and it goes on
    let Home {
        handle,
        sim,
        folder,
    } = home_now;
    handle.shut_down().await;
    drop(handle);
    clock.put(Duration::from_secs(10 * 3600));
    let secrets = Arc::new(Pocket::default());
    let home_then = Home {
        handle: open_at(&sim, folder.path(), clock.clone(), secrets).await,
        sim,
        folder,
    };
    let view = until_off(&home_then, &clock, 18.0).await;
    let by_nas = of(&view, "nas");
    assert!((17.9..18.1).contains(&by_nas.unseen_hours), "{by_nas:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_answer_is_refused() {
    let home = home(&Arc::default(), &[]).await;
    let ask = |by, count, node| SavingsAsk { by, count, node };
    for wrong in [
        ask(Period::Day, 0, None),
        ask(Period::Month, 14, None),
        ask(Period::Day, 1, Some(NodeId(999))),
    ] {
        let refused = home.handle.savings(wrong).await;
        let Err(CommandError::Other { message }) = refused else {
            panic!("{refused:?}");
        };
        assert!(!message.is_empty());
    }
}
