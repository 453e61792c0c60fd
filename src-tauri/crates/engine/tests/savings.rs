//! What was saved, from what the engine has seen.

#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/clockwork.rs"]
mod clockwork;
#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/sim.rs"]
mod sim;

use clockwork::Clockwork;
use sim::{Home, Pocket, REFERENCE, Sim, open_at};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use wakehub_domain::NodeId;
use wakehub_domain::savings::Period;
use wakehub_engine::Handle;
use wakehub_view::savings::{SavedView, SavingsAsk, SavingsView};
use wakehub_view::wire::CommandError;

const MINUTE: Duration = Duration::from_secs(60);

async fn open(clockwork: &Clockwork, sim: &Sim, folder: &Arc<TempDir>) -> Handle {
    let secrets = Arc::new(Pocket::default());
    open_at(sim, folder.path(), clockwork.clock.clone(), secrets).await
}

/// The reference homelab, in which this is on.
async fn home(clockwork: &Clockwork, on: &[&str]) -> Home {
    let sim = Sim::reference();
    for key in on {
        sim.switch(key, true);
    }
    let folder = Arc::new(TempDir::new().expect("folder"));
    let handle = open(clockwork, &sim, &folder).await;
    handle.import(REFERENCE.to_owned()).await.expect("imported");
    let home = Home {
        sim,
        handle,
        folder,
    };
    clockwork.pass(MINUTE, &home.handle).await;
    home
}

async fn saved(home: &Home) -> SavingsView {
    let ask = SavingsAsk {
        by: Period::Day,
        count: 4,
        node: None,
    };
    home.handle.savings(ask).await.expect("an answer")
}

fn of(view: &SavingsView, name: &str) -> SavedView {
    let node = view.nodes.iter().find(|node| node.name == name);
    node.map_or_else(SavedView::default, |node| node.saved)
}

#[test]
fn hours_off_are_counted_and_go_on_after_a_sleep_and_a_restart() {
    clockwork::run(|clockwork| async move {
        let home_now = home(&clockwork, &["machine1"]).await;
        let nas = home_now.node("nas").id;
        let mut entry = home_now.handle.node_entry(nas).await.expect("entry");
        entry.watts_on = Some(40.0);
        let saving = home_now.handle.save_node(Some(nas), entry, vec![]);
        saving.await.expect("saved");
        let mut settings = home_now.handle.engine_settings().await.expect("settings");
        settings.price_per_kwh = Some(0.5);
        let configuring = home_now.handle.configure(settings);
        configuring.await.expect("configured");

        // two hours in which it is looked at
        clockwork.pass(MINUTE * 120, &home_now.handle).await;
        let by_nas = of(&saved(&home_now).await, "nas");
        assert!((1.9..2.05).contains(&by_nas.off_hours), "{by_nas:?}");
        assert_eq!(by_nas.unseen_hours, 0.0);

        // the computer sleeps for eight
        clockwork.clock.sleep(MINUTE * 8 * 60);
        clockwork.pass(MINUTE * 5, &home_now.handle).await;
        let view = saved(&home_now).await;
        let by_nas = of(&view, "nas");
        assert!((9.9..10.2).contains(&by_nas.off_hours), "{by_nas:?}");
        assert!((7.9..8.1).contains(&by_nas.unseen_hours), "{by_nas:?}");
        let kwh = by_nas.kwh.expect("its watts are known");
        assert!((kwh - by_nas.off_hours * 0.040).abs() < 1e-9, "{by_nas:?}");
        assert_eq!(by_nas.money, Some(kwh * 0.5));
        assert_eq!(of(&view, "machine1").off_hours, 0.0, "it was on");
        assert!(view.total.on_hours > 9.0, "machine1 was");
        assert!((view.total.kwh.expect("nas's") - kwh).abs() < 1e-9);
        // machines of which nobody knows what they draw are named, guests are not
        let without = |name: &str| view.without_watts.iter().any(|one| one == name);
        assert!(without("machine2") && !without("nas") && !without("lxc-jellyfin"));
        // the hours of all are those of machines
        let machines = ["nas", "machine2", "raspberry"];
        let hours: f64 = machines.iter().map(|one| of(&view, one).off_hours).sum();
        assert!((view.total.off_hours - hours).abs() < 1e-6, "{view:?}");
        assert!(of(&view, "lxc-jellyfin").off_hours > 9.0);
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
        clockwork.clock.sleep(MINUTE * 10 * 60);
        let home_then = Home {
            handle: open(&clockwork, &sim, &folder).await,
            sim,
            folder,
        };
        clockwork.pass(MINUTE * 5, &home_then.handle).await;
        let by_nas = of(&saved(&home_then).await, "nas");
        assert!((19.9..20.3).contains(&by_nas.off_hours), "{by_nas:?}");
        assert!((17.9..18.2).contains(&by_nas.unseen_hours), "{by_nas:?}");
    });
}

#[test]
fn what_nobody_can_answer_is_refused() {
    clockwork::run(|clockwork| async move {
        let home = home(&clockwork, &[]).await;
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
    });
}
