//! What a sample costs with many containers, and what one of them that cannot be asked costs the others.

#[path = "docker_lab/engine.rs"]
mod engine;

use engine::{Many, available, container};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use wakehub_connectors::docker::DockerConnector;
use wakehub_connectors::{Connector, Signal, Target};

const STATS: &str = include_str!("recorded/docker/stats-web-20.10.json");

fn all(count: usize) -> Vec<Target> {
    (0..count).map(|at| container(&format!("c{at}"))).collect()
}

fn times(list: usize, stats: usize) -> BTreeMap<&'static str, usize> {
    BTreeMap::from([("list", list), ("stats", stats)])
}

/// One request for the list and one for each container; after the first tick no new connection, and so no handshake.
#[tokio::test]
async fn a_tick_of_500_containers_makes_no_new_connection() {
    if !available(&["openssl"]) {
        return;
    }
    let many = Many::new(500, STATS).await;
    // Long enough to meet others.
    many.asked.waits.store(1, Ordering::SeqCst);
    let connector = DockerConnector::new(many.endpoint.clone());
    let wanted = all(500);
    assert_eq!(connector.sample(&wanted).await.unwrap().len(), 500);
    many.asked.requests();
    let after_first = many.asked.connections();
    let most = many.asked.most_at_once.load(Ordering::SeqCst);
    assert!((2..=8).contains(&most), "{most} at once");
    // Some are opened in vain: another one was free before they stood.
    assert!(after_first <= 32, "{after_first} connections");
    for _ in 0..10 {
        assert_eq!(connector.sample(&wanted).await.unwrap().len(), 500);
        assert_eq!(many.asked.requests(), times(1, 500));
    }
    assert_eq!(many.asked.connections(), after_first);
}

/// Whoever waits for a collector that comes round once a second waits together.
#[tokio::test]
async fn a_slow_engine_is_asked_about_more_at_once() {
    if !available(&["openssl"]) {
        return;
    }
    let many = Many::new(100, STATS).await;
    many.asked.waits.store(300, Ordering::SeqCst);
    let connector = DockerConnector::new(many.endpoint.clone());
    assert_eq!(connector.sample(&all(100)).await.unwrap().len(), 100);
    assert_eq!(many.asked.most_at_once.load(Ordering::SeqCst), 32);
    let after_first = many.asked.connections();
    assert_eq!(connector.sample(&all(100)).await.unwrap().len(), 100);
    assert_eq!(many.asked.connections(), after_first);
}

#[tokio::test]
async fn only_wanted_containers_are_asked_about() {
    if !available(&["openssl"]) {
        return;
    }
    let many = Many::new(20, STATS).await;
    let connector = DockerConnector::new(many.endpoint.clone());
    assert_eq!(connector.sample(&[]).await.unwrap(), []);
    assert_eq!(many.asked.connections(), 0);
    let some = [
        container("c3"),
        container("c19"),
        container("gone"),
        Target::Itself,
    ];
    let usages = connector.sample(&some).await.unwrap();
    let mut targets: Vec<Target> = usages.into_iter().map(|usage| usage.target).collect();
    targets.sort_by_key(|target| format!("{target:?}"));
    assert_eq!(targets, [container("c19"), container("c3")]);
    let mut cost = times(1, 2);
    cost.insert("ping", 1);
    assert_eq!(many.asked.requests(), cost);
}

#[tokio::test]
async fn one_that_cannot_be_asked_is_missing_alone() {
    if !available(&["openssl"]) {
        return;
    }
    let many = Many::new(5, STATS).await;
    let refusals = [
        (0, "404 Not Found", r#"{"message":"No such container: c0"}"#),
        (1, "403 Forbidden", "<html>forbidden by a proxy</html>"),
        (2, "200 OK", "<html>"),
        // What an engine says of a container that has just stopped.
        (
            3,
            "200 OK",
            r#"{"name":"/c3","id":"3","read":"0001-01-01T00:00:00Z","cpu_stats":{"cpu_usage":{"total_usage":0}}}"#,
        ),
    ];
    for (at, status, body) in refusals {
        let id = format!("{at:064x}");
        many.asked
            .refused
            .lock()
            .unwrap()
            .insert(id, (status, body));
    }
    let connector = DockerConnector::new(many.endpoint.clone());
    let usages = connector.sample(&all(5)).await.unwrap();
    let why = |name: &str| -> Option<Vec<(Signal, String)>> {
        let usage = usages
            .iter()
            .find(|usage| usage.target == container(name))?;
        Some(
            usage
                .missing
                .iter()
                .map(|one| (one.what, one.why.clone()))
                .collect(),
        )
    };
    let all_missing = |why: &str| {
        let signals = [Signal::Cpu, Signal::Memory, Signal::Network, Signal::Disk];
        Some(signals.map(|what| (what, why.to_owned())).to_vec())
    };
    assert_eq!(why("c0"), all_missing("No such container: c0"));
    assert_eq!(why("c1"), all_missing("<html>forbidden by a proxy</html>"));
    let odd = why("c2").unwrap();
    assert!(
        odd[0].1.starts_with("the engine's answer is not what"),
        "{odd:?}"
    );
    assert_eq!(why("c3"), None, "it does not run any more");
    assert!(
        usages
            .iter()
            .any(|usage| usage.target == container("c4") && usage.cpu.is_some())
    );
}
