//! The reference homelab under a clock ten times as fast as timers, with idle rules of a minute.

use crate::clockwork;
use crate::sim::{Home, Pocket, REFERENCE, Sim, open_at};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use wakehub_view::wire::{JournalQuery, QuestionView, Snapshot, WhyView};

/// Idle after a minute, by the processor alone.
const RULE: &str = "idle = { timeout_minutes = 1, criteria = { cpu = {} } }\n";

/// The reference homelab with a rule at these nodes that asks first, and what is on in it.
pub async fn home(ruled: &[&str], on: &[&str], busy: &[&str]) -> Home {
    home_that(true, ruled, on, busy).await
}

pub async fn home_that(asks: bool, ruled: &[&str], on: &[&str], busy: &[&str]) -> Home {
    let rule = format!("{RULE}confirm_before_auto_stop = {asks}\n");
    let sim = Sim::reference();
    for key in on {
        sim.switch(key, true);
    }
    sim.with(|s| s.busy.extend(busy.iter().map(|key| (*key).to_owned())));
    let folder = Arc::new(TempDir::new().expect("folder"));
    let mut homelab = REFERENCE.to_owned();
    for name in ruled {
        let named = format!("name = \"{name}\"\n");
        assert!(homelab.contains(&named), "{name}");
        homelab = homelab.replace(&named, &format!("{named}{rule}"));
    }
    let home = Home {
        handle: open(&sim, &folder).await,
        sim,
        folder,
    };
    home.handle.import(homelab).await.expect("imported");
    home.settled().await;
    home
}

pub async fn open(sim: &Sim, folder: &Arc<TempDir>) -> wakehub_engine::Handle {
    let pocket = Arc::new(Pocket::default());
    let handle = open_at(sim, folder.path(), clockwork::clock(), pocket).await;
    clockwork::drive(&handle);
    handle
}

pub fn question(snapshot: &Snapshot, name: &str) -> Option<QuestionView> {
    let mut questions = snapshot.questions.iter();
    questions.find(|one| one.node_name == name).cloned()
}

/// How often the connection was measured.
pub fn samples(home: &Home, host: &str) -> usize {
    let asked = format!("sample {host}");
    home.sim.asked().iter().filter(|one| **one == asked).count()
}

pub async fn until_sampled(home: &Home, host: &str, more: usize) {
    let wanted = samples(home, host) + more;
    let sampled = async {
        while samples(home, host) < wanted {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // and judged
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), sampled).await;
    assert!(
        waited.is_ok(),
        "{host} is not measured: {:?}",
        home.sim.asked()
    );
}

pub async fn why(home: &Home, name: &str) -> WhyView {
    let node = home.node(name).id;
    home.handle.why(node).await.expect("an answer")
}

pub async fn journal(home: &Home, name: &str) -> Vec<(String, String)> {
    let query = JournalQuery {
        node: Some(home.node(name).id),
        limit: Some(50),
        ..JournalQuery::default()
    };
    let lines = home.handle.journal(query).await.expect("journal");
    lines
        .into_iter()
        .map(|line| (line.message, line.reason.unwrap_or_default()))
        .collect()
}

pub const VM: [&str; 5] = ["machine1", "100", "jellystat", "sandbox", "nas"];
