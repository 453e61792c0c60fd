//! `plan` from given states: the JSON of the design, to the letter.

use crate::wakehub::Wakehub;
use serde_json::{Value, json};

async fn plan(wakehub: &Wakehub, args: &[&str], states: &Value) -> crate::wakehub::Ended {
    let file = wakehub.write("states.json", &states.to_string());
    let mut all = vec!["plan"];
    all.extend_from_slice(args);
    all.extend_from_slice(&["--states", &file, "--json"]);
    wakehub.run(&all).await
}

fn nodes_of(plan: &Value) -> Vec<Value> {
    let steps = plan["steps"].as_array().expect("steps").iter();
    steps.map(|step| step["node"].clone()).collect()
}

/// Everything that sandbox needs, and sandbox itself.
fn sandbox_on() -> Value {
    json!({"nas": "on", "machine1": "on", "vm-docker": "on", "sandbox": "on",
           "machine2": "on", "lxc-jellyfin": "on"})
}

#[tokio::test]
async fn a_start_from_all_off() {
    let wakehub = Wakehub::with_reference().await;
    let answer = plan(&wakehub, &["start", "lxc-jellyfin"], &json!({})).await;
    assert_eq!(
        answer.done().json(),
        json!({
            "intent": {"action": "start", "node": "lxc-jellyfin"},
            "steps": [
                {"node": "nas", "action": "start", "channel": "wol", "reason": "needed by lxc-jellyfin"},
                {"node": "machine2", "action": "start", "channel": "wol", "reason": "hosts lxc-jellyfin"},
                {"node": "lxc-jellyfin", "action": "start", "channel": "proxmox_api", "reason": "you asked for it"},
            ],
            "skipped": [],
            "protected": [],
            "follow_ups": [],
        })
    );
}

#[tokio::test]
async fn a_start_skips_what_is_on_and_tries_what_is_unknown() {
    let wakehub = Wakehub::with_reference().await;
    let states = json!({"nas": "on", "machine2": "unknown"});
    let answer = plan(&wakehub, &["start", "lxc-jellyfin"], &states).await;
    let answer = answer.done().json();
    let steps = nodes_of(&answer);
    assert_eq!(steps, ["machine2", "lxc-jellyfin"]);
    assert_eq!(
        answer["skipped"],
        json!([{"node": "nas", "reason": "on already"}])
    );
}

#[tokio::test]
async fn a_stop_with_what_it_frees() {
    let wakehub = Wakehub::with_reference().await;
    let answer = plan(&wakehub, &["stop", "machine1"], &sandbox_on()).await;
    assert_eq!(
        answer.done().json(),
        json!({
            "intent": {"action": "stop", "node": "machine1"},
            "steps": [
                {"node": "sandbox", "action": "stop", "channel": "docker_api", "reason": "runs on vm-docker"},
                {"node": "vm-docker", "action": "stop", "channel": "proxmox_api", "reason": "runs on machine1"},
                {"node": "machine1", "action": "stop", "channel": "ssh", "reason": "you asked for it"},
                {"node": "lxc-jellyfin", "action": "stop", "channel": "proxmox_api",
                 "reason": "no longer needed once sandbox is off"},
            ],
            "skipped": [
                {"node": "qbittorrent", "reason": "off already"},
                {"node": "jellystat", "reason": "off already"},
                {"node": "vm-ubuntu", "reason": "off already"},
            ],
            "protected": [],
            "follow_ups": [
                {"node": "lxc-jellyfin", "mode": "auto", "reason": "no longer needed once sandbox is off"},
                {"node": "nas", "mode": "confirm", "reason": "no longer needed once lxc-jellyfin is off"},
            ],
        })
    );
}

#[tokio::test]
async fn what_others_use_is_protected_by_name() {
    let wakehub = Wakehub::with_reference().await;
    let mut states = sandbox_on();
    states["raspberry"] = json!("on");
    states["nextcloud"] = json!("on");
    let answer = plan(&wakehub, &["stop", "machine1"], &states).await;
    let answer = answer.done().json();
    let protected = answer["protected"].as_array().expect("protected");
    assert_eq!(protected.len(), 1, "{answer:#}");
    assert_eq!(protected[0]["node"], "nas");
    assert_eq!(protected[0]["by"], json!(["nextcloud"]));
    assert!(protected[0]["reason"].is_string());
}

#[tokio::test]
async fn a_refusal_ends_with_3_and_says_by_whom() {
    let wakehub = Wakehub::with_reference().await;
    let refused = json!({"refused": {
        "node": "lxc-jellyfin",
        "kind": "needed_by",
        "by": ["sandbox"],
        "message": "lxc-jellyfin is needed by sandbox",
    }});
    let asks: [&[&str]; 2] = [
        &["stop", "lxc-jellyfin"],
        &["stop", "lxc-jellyfin", "--automatic"],
    ];
    for args in asks {
        let answer = plan(&wakehub, args, &sandbox_on()).await;
        assert_eq!(answer.status, 3, "{answer:?}");
        assert_eq!(answer.json(), refused);
    }
    let with = ["stop", "lxc-jellyfin", "--with-dependants"];
    let taken = plan(&wakehub, &with, &sandbox_on()).await.done().json();
    let steps = nodes_of(&taken);
    assert_eq!(steps, ["sandbox", "lxc-jellyfin"]);

    let states = wakehub.write("states.json", &sandbox_on().to_string());
    let args = ["plan", "stop", "lxc-jellyfin", "--states", &states];
    // as a user runs it: the other tests switch the log on
    let mut command = wakehub.command(&args);
    let output = command.env_remove("WAKEHUB_LOG").output().await;
    let output = output.expect("run");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stdout, b"");
    assert_eq!(
        String::from_utf8(output.stderr).expect("text"),
        "wakehub: refused: lxc-jellyfin is needed by sandbox\n"
    );
}

#[tokio::test]
async fn names_and_words_that_mean_nothing_end_with_2() {
    let wakehub = Wakehub::with_reference().await;
    let unknown = plan(&wakehub, &["start", "toaster"], &json!({})).await;
    assert_eq!(unknown.status, 2);
    assert_eq!(
        unknown.json()["error"]["message"],
        "there is no node toaster"
    );
    for (states, named) in [
        (r#"{"toaster": "on"}"#, "there is no node toaster"),
        (r#"{"nas": "asleep"}"#, "on, off or unknown"),
        (r#"{"nas": "On"}"#, "on, off or unknown"),
        (r#"{"nas": true}"#, "states"),
        (r#"["nas"]"#, "states"),
        ("", "states"),
        ("null", "states"),
        (r#"{"nas": "on"} {"nas": "off"}"#, "states"),
        // the last of two would win unseen
        (r#"{"nas": "on", "nas": "off"}"#, "nas stands in it twice"),
    ] {
        let file = wakehub.write("states.json", states);
        let args = ["plan", "start", "nas", "--states", &file, "--json"];
        let answer = wakehub.run(&args).await;
        assert_eq!(answer.status, 2, "{states}: {answer:?}");
        let error = answer.json()["error"].clone();
        assert_eq!(error["kind"], "usage");
        let message = error["message"].to_string();
        assert!(message.contains(named), "{states}: {message}");
        assert!(message.contains("states.json"), "{states}: {message}");
    }
    let asks: [&[&str]; 7] = [
        &["plan", "stop", "toaster"],
        &["start", "toaster"],
        &["stop", "toaster", "--yes"],
        &["test", "toaster"],
        &["discover", "toaster"],
        &["journal", "--node", "toaster"],
        &["secret", "set", "toaster", "ssh-password"],
    ];
    for args in asks {
        let complaint = wakehub.run(args).await.complaint_with(2);
        assert!(
            complaint.contains("there is no node toaster"),
            "{complaint}"
        );
        assert!(complaint.contains("wakehub nodes"), "{complaint}");
    }
    let absent = wakehub.run(&["plan", "start", "nas", "--states", "/nonexistent/states"]);
    let complaint = absent.await.complaint();
    assert!(complaint.contains("/nonexistent/states"), "{complaint}");
}

#[tokio::test]
async fn states_come_from_standard_input_too() {
    let wakehub = Wakehub::with_reference().await;
    let args = ["plan", "start", "lxc-jellyfin", "--states", "-", "--json"];
    let answer = wakehub.run_with(&args, r#"{"nas": "on"}"#).await;
    assert_eq!(
        nodes_of(&answer.done().json()),
        ["machine2", "lxc-jellyfin"]
    );
}

#[tokio::test]
async fn a_folder_without_a_homelab_is_said_and_not_made() {
    let wakehub = Wakehub::new();
    let states = wakehub.write("states.json", "{}");
    let answer = wakehub
        .run(&["plan", "start", "nas", "--states", &states])
        .await;
    let complaint = answer.complaint();
    assert!(complaint.contains("there is no homelab"), "{complaint}");
    assert!(complaint.contains("wakehub import"), "{complaint}");
    assert!(!wakehub.data_dir().exists(), "planning writes nothing");
}

#[tokio::test]
async fn wrong_usage_ends_with_2() {
    let wakehub = Wakehub::new();
    let asks: [&[&str]; 6] = [
        &[],
        &["plan"],
        &["plan", "restart", "nas"],
        &["plan", "start"],
        &["nodes", "--colour"],
        &["journal", "-n", "many"],
    ];
    for args in asks {
        let answer = wakehub.run(args).await;
        assert_eq!(answer.status, 2, "{args:?}: {answer:?}");
        assert_eq!(answer.stdout, "", "{args:?}");
    }
    assert!(!wakehub.data_dir().exists());
}

#[tokio::test]
async fn given_states_need_no_lock() {
    let wakehub = Wakehub::with_reference().await;
    let (mut running, _lines) = wakehub.running().await;
    let answer = plan(&wakehub, &["start", "nas"], &json!({})).await;
    assert_eq!(answer.done().json()["steps"][0]["node"], "nas");
    assert!(running.try_wait().expect("status").is_none(), "still there");
    running.kill().await.expect("killed");
    // also from what a killed one left behind
    let answer = plan(&wakehub, &["start", "nas"], &json!({})).await;
    answer.done();
}
