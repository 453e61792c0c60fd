//! `start NODE --for 2h`

use crate::wakehub::Wakehub;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// `there` is on: its port is this process's, which hangs up on everybody.
async fn homelab() -> Wakehub {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let wakehub = Wakehub::new();
    let text = format!(
        r#"
        [[node]]
        name = "there"
        kind = "machine"
        address = "127.0.0.1"
        mac = "52:54:00:00:00:03"
        ssh = {{ user = "root", auth = "agent", port = {port} }}
        "#
    );
    wakehub.run_with(&["import", "-"], &text).await.done();
    wakehub
}

/// With an address that nobody has (RFC 5737), and nothing to wake it by.
const GONE: &str = r#"
[[node]]
name = "gone"
kind = "machine"
address = "192.0.2.9"
ssh = { user = "root", auth = "agent" }
"#;

async fn held_until(wakehub: &Wakehub, name: &str) -> Value {
    let nodes = wakehub.run(&["nodes", "--json"]).await.done().json();
    let nodes = nodes.as_array().expect("nodes").clone();
    let node = nodes.into_iter().find(|node| node["name"] == name);
    node.expect("there")["held_until"].clone()
}

#[tokio::test]
async fn what_is_on_already_is_kept_on() {
    let wakehub = homelab().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("now");
    let now = i64::try_from(now.as_millis()).expect("fits");
    let started = wakehub.run(&["start", "there", "--for", "1h30m"]).await;
    let started = started.done();
    assert!(
        started.stdout.contains("there is kept on until "),
        "{started:?}"
    );
    let until = held_until(&wakehub, "there").await;
    let minutes = (until.as_i64().expect("held") - now) / 60_000;
    assert_eq!(minutes, 90);

    let args = ["start", "there", "--for", "1d", "--json"];
    let again = wakehub.run(&args).await.done();
    let last = again.stdout.lines().last().expect("an answer");
    let last: Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(last["node"], "there");
    assert_eq!(
        last["held_until"],
        held_until(&wakehub, "there").await,
        "longer than before"
    );
}

#[tokio::test]
async fn what_did_not_start_is_not_kept_on() {
    let wakehub = Wakehub::new();
    wakehub.run_with(&["import", "-"], GONE).await.done();
    let refused = wakehub.run(&["start", "gone", "--for", "2h"]).await;
    assert_eq!(refused.status, 3, "{refused:?}");
    assert_eq!(held_until(&wakehub, "gone").await, json!(null));
}

#[tokio::test]
async fn a_time_that_is_none_is_a_usage_error() {
    let wakehub = Wakehub::new();
    for time in ["soon", "2", "-2h", "0m"] {
        let for_time = format!("--for={time}");
        let ended = wakehub.run(&["start", "there", &for_time]).await;
        assert_eq!(ended.status, 2, "{ended:?}");
        assert!(ended.stderr.contains("--for"), "{ended:?}");
    }
}

#[tokio::test]
async fn kept_on_tonight_until_a_time_of_day_and_released() {
    let wakehub = homelab().await;
    for until in ["tonight", "23:30", "2h"] {
        let held = wakehub.run(&["hold", "there", until]).await.done();
        assert!(
            held.stdout.contains("there is kept on until "),
            "{until}: {held:?}"
        );
        assert!(held_until(&wakehub, "there").await.is_i64(), "{until}");
    }
    let released = wakehub.run(&["hold", "there", "off"]).await.done();
    assert!(
        released.stdout.contains("no longer kept on"),
        "{released:?}"
    );
    assert_eq!(held_until(&wakehub, "there").await, Value::Null);
    let wrong = wakehub.run(&["hold", "there", "25:99"]).await;
    assert_eq!(wrong.status, 2, "{wrong:?}");
    assert!(
        wrong.stderr.contains("a time of day is written 23:30"),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn automatic_stops_are_paused_and_allowed_again() {
    let wakehub = homelab().await;
    let args = ["pause", "tomorrow", "--json"];
    let paused = wakehub.run(&args).await.done().json();
    let until = paused["stops_paused_until"].as_i64().expect("a time");
    assert!(until > 0);
    let why = wakehub.run(&["why", "there", "--json"]).await.done().json();
    assert_eq!(
        why["kept_on"],
        json!("there stays on: automatic stops are paused")
    );
    let over = wakehub.run(&["pause", "off"]).await.done();
    assert!(over.stdout.contains("allowed again"), "{over:?}");
    let why = wakehub.run(&["why", "there", "--json"]).await.done().json();
    assert_eq!(why["kept_on"], Value::Null);
}
