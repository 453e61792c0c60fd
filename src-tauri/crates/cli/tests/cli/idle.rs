//! `idle [NODE]`: rules shown and set, with an engine of its own and beside a running WakeHub.

use crate::wakehub::Wakehub;
use serde_json::json;

const HOMELAB: &str = r#"
[[node]]
name = "nas"
kind = "machine"
address = "192.0.2.9"
ssh = { user = "root", auth = "agent" }
"#;
const RULE: &str = "timeout_minutes = 45\n[criteria.cpu]\ncores = 0.25\n";

#[tokio::test]
async fn a_rule_is_shown_taken_from_a_file_and_switched_off() {
    for beside in [false, true] {
        let wakehub = Wakehub::new();
        wakehub.run_with(&["import", "-"], HOMELAB).await.done();
        let running = if beside {
            Some(wakehub.running().await)
        } else {
            None
        };
        let none = wakehub.run(&["idle", "nas"]).await.done();
        assert!(none.stdout.contains("no idle rule"), "{none:?}");

        let set = wakehub.run_with(&["idle", "nas", "--rule", "-"], RULE);
        assert!(set.await.done().stdout.contains("timeout_minutes = 45"));
        let off = ["idle", "nas", "--off", "--timeout", "2h", "--json"];
        let off = wakehub.run(&off).await.done().json();
        let rule =
            json!({"enabled": false, "timeout_minutes": 120, "criteria": {"cpu": {"cores": 0.25}}});
        assert_eq!(off, json!({"node": "nas", "idle": rule}));
        let exported = wakehub.run(&["export"]).await.done().stdout;
        assert!(exported.contains("enabled = false"), "{exported}");

        // what is wrong changes nothing
        for (wrong, text) in [
            (["idle", "nas", "--rule", "-"].as_slice(), "colour = 1\n"),
            (&["idle", "nas", "--timeout", "90s"], ""),
            (&["idle", "nas", "--timeout", "30d"], ""),
            (&["idle", "toaster", "--off"], ""),
            (&["idle", "--off"], ""),
        ] {
            let refused = wakehub.run_with(wrong, text).await;
            assert_ne!(refused.status, 0, "{wrong:?}: {refused:?}");
        }
        let still = wakehub.run(&["idle", "nas", "--json"]).await.done().json();
        assert_eq!(still["idle"], rule);

        let all = wakehub.run(&["idle", "--json"]).await.done().json();
        assert_eq!(all, json!({"idle_timeout_minutes": 30}));
        let all = wakehub.run(&["idle", "--timeout", "50m"]).await.done();
        assert!(all.stdout.contains("unused for 50 min"), "{all:?}");
        if let Some((mut running, _lines)) = running {
            running.kill().await.expect("killed");
        }
    }
}
