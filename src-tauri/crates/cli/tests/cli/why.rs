//! `why NODE`

use crate::wakehub::Wakehub;
use serde_json::json;

const HOMELAB: &str = r#"
[[node]]
name = "here"
kind = "machine"
address = "127.0.0.1"
ssh = { user = "root", auth = "agent" }
always_on = true
idle = { timeout_minutes = 20, criteria = { cpu = {} } }

[[node]]
name = "plain"
kind = "machine"
address = "127.0.0.1"
ssh = { user = "root", auth = "agent" }
"#;

#[tokio::test]
async fn it_says_what_keeps_a_node_on_and_what_its_rule_says() {
    let wakehub = Wakehub::new();
    wakehub.run_with(&["import", "-"], HOMELAB).await.done();
    let why = wakehub.run(&["why", "here", "--json"]).await.done().json();
    assert_eq!(why["node_name"], "here");
    let kept_on = why["kept_on"].as_str().expect("a reason");
    assert!(kept_on.contains("always on"), "{why}");
    assert_eq!(why["idle"]["timeout_s"], 20 * 60);
    assert_eq!(why["idle"]["enabled"], true);
    assert_eq!(why["idle"]["verdict"], json!(null), "nothing was measured");

    let told = wakehub.run(&["why", "here"]).await.done().stdout;
    assert!(told.contains("always on"), "{told}");
    assert!(told.contains("nothing was measured yet"), "{told}");
    let told = wakehub.run(&["why", "plain"]).await.done().stdout;
    assert!(told.contains("it has no idle rule"), "{told}");
    let why = wakehub.run(&["why", "plain", "--json"]).await.done().json();
    assert_eq!(why["idle"], json!(null));

    let unknown = wakehub.run(&["why", "nobody"]).await;
    assert_eq!(unknown.status, 2, "{unknown:?}");
    assert!(unknown.stderr.contains("nobody"), "{unknown:?}");
}
