//! `judge`: a rule and a trace, without any homelab.

use crate::wakehub::Wakehub;
use serde_json::{Value, json};
use std::fmt::Write as _;

const RULE: &str =
    "timeout_minutes = 30\n[criteria.cpu]\n[criteria.network_traffic]\nbytes_per_tick = 1024\n";

/// A line a minute; the counter grows by what each is given.
fn trace(minutes: &[(f64, u64)]) -> String {
    let mut text = String::new();
    let mut rx = 1_000;
    for (minute, (cpu, bytes)) in minutes.iter().enumerate() {
        rx += bytes;
        let t = 60 * minute;
        writeln!(
            text,
            r#"{{"t": {t}, "cpu_cores": {cpu}, "ram_fraction": 0.4, "rx_bytes": {rx}, "tx_bytes": 7, "connections": 0, "users": 0}}"#
        )
        .expect("written");
    }
    text
}

async fn judged(rule: &str, trace: &str) -> Vec<Value> {
    let wakehub = Wakehub::new();
    let rule = wakehub.write("rule.toml", rule);
    let args = ["judge", "--rule", &rule, "--trace", "-", "--json"];
    let ended = wakehub.run_with(&args, trace).await.done();
    assert!(!wakehub.data_dir().exists(), "it needs no homelab");
    ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[tokio::test]
async fn a_film_keeps_it_on_and_half_an_hour_after_it_the_stop_begins_once() {
    let mut minutes = vec![(0.2, 40_000_000); 90];
    minutes.extend(vec![(0.01, 300); 45]);
    let lines = judged(RULE, &trace(&minutes)).await;
    assert_eq!(lines.len(), 135);
    for line in &lines[..90] {
        assert_eq!(line["verdict"], "active", "{line}");
        assert_eq!(line["idle_since"], json!(null), "{line}");
        assert_eq!(line["stop"], false, "{line}");
    }
    let because = lines[50]["because"].as_str().expect("a reason");
    assert!(because.contains("38.1 MiB"), "{because}");
    assert!(because.contains("1.0 KiB"), "{because}");
    for line in &lines[90..] {
        assert_eq!(line["verdict"], "idle", "{line}");
        assert_eq!(line["idle_since"], 89 * 60, "{line}");
    }
    let stops: Vec<_> = lines.iter().filter(|line| line["stop"] == true).collect();
    assert_eq!(stops.len(), 1, "{stops:?}");
    assert_eq!(stops[0]["t"], (89 + 30) * 60);
}

#[tokio::test]
async fn what_is_missing_or_broken_off_is_never_idle() {
    let quiet = trace(&[(0.0, 0); 10]);
    let with = |at: usize, line: &str| {
        let mut lines: Vec<&str> = quiet.lines().collect();
        lines.insert(at, line);
        lines.join("\n")
    };
    let missing = quiet.replacen(r#""cpu_cores": 0, "#, "", 6);
    let lines = judged(RULE, &missing).await;
    assert_eq!(lines[0]["verdict"], "active", "the first look");
    for line in &lines[1..6] {
        assert_eq!(line["verdict"], "unknown", "{line}");
    }
    // what nobody measured may have gone on until the first tick that was
    assert_eq!(lines[6]["idle_since"], 6 * 60);

    for event in ["suspend", "resume", "restart"] {
        let line = format!(r#"{{"t": 280, "event": "{event}"}}"#);
        let lines = judged(RULE, &with(5, &line)).await;
        assert_eq!(lines.len(), 10, "an event is no sample");
        assert_eq!(lines[4]["verdict"], "idle", "{event}");
        assert_eq!(lines[5]["verdict"], "active", "{event}");
        assert_eq!(lines[6]["idle_since"], 300, "{event}");
    }
}

#[tokio::test]
async fn the_table_may_stand_below_its_name_as_in_homelab_toml() {
    let rule = "[idle]\ntimeout_minutes = 2\n[idle.criteria.cpu]\ncores = 2\n";
    let lines = judged(rule, &trace(&[(1.5, 1_000_000); 4])).await;
    assert_eq!(lines[2]["stop"], true, "{lines:?}");
}

#[tokio::test]
async fn without_json_it_is_told_to_people() {
    let wakehub = Wakehub::new();
    let rule = wakehub.write("rule.toml", "timeout_minutes = 1\n[criteria.cpu]\n");
    let trace = wakehub.write("trace.jsonl", &trace(&[(0.9, 0), (0.1, 0)]));
    let ended = wakehub
        .run(&["judge", "--rule", &rule, "--trace", &trace])
        .await
        .done();
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("0 s  active"), "{lines:?}");
    assert!(lines[0].contains("first look"), "{lines:?}");
    assert_eq!(
        lines[1],
        "60 s  idle       nothing uses it; the automatic stop would begin"
    );
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_with_its_line() {
    let wakehub = Wakehub::new();
    let good = wakehub.write("good.toml", RULE);
    for (rule, trace, said) in [
        ("timeout_minutes = 0", "", "10080"),
        ("timeout_minutes = 30\n[criteria.cpus]\n", "", "cpus"),
        ("[criteria.cpu]\ncores = nan\n", "", "cores"),
        ("[criteria.cpu]\ncores = \"many\"\n", "", "line 2"),
        (RULE, "{\"t\": 0}\n{\"t\": ", "line 2"),
        (RULE, "{\"cpu_cores\": 1}", "it has no t"),
        (RULE, "{\"t\": 0, \"rx_bytes\": -5}", "rx_bytes is -5"),
        (RULE, "{\"t\": 0, \"rx_bytes\": 1.5}", "rx_bytes is 1.5"),
        (
            RULE,
            "{\"t\": 0, \"cpu_cores\": \"1\"}",
            "cpu_cores is \"1\"",
        ),
        (
            RULE,
            "{\"t\": 0, \"event\": \"nap\"}",
            "the event is \"nap\"",
        ),
        (RULE, "[]", "line 1"),
    ] {
        let rule = wakehub.write("rule.toml", rule);
        let args = ["judge", "--rule", &rule, "--trace", "-"];
        let ended = wakehub.run_with(&args, trace).await;
        assert_eq!(ended.status, 1, "{ended:?}");
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    }
    let ended = wakehub
        .run(&["judge", "--rule", &good, "--trace", "/nonexistent"])
        .await;
    assert_eq!(ended.status, 1, "{ended:?}");
}

#[tokio::test]
async fn what_a_service_says_of_itself_and_a_port_may_be_in_a_trace() {
    let rule = "timeout_minutes = 2\n[criteria.probe.jellyfin]\nurl = \"http://10.0.0.21:8096\"\n\
                [criteria.last_access]\nlogins = false\nport = 25565\n";
    let trace = [
        r#"{"t": 0, "probe": true, "port_accepts": true}"#,
        r#"{"t": 60, "probe": true, "port_accepts": false}"#,
        r#"{"t": 120, "probe": false, "port_accepts": true}"#,
        r#"{"t": 180, "probe": null, "port_accepts": false}"#,
        r#"{"t": 240, "probe": false}"#,
        r#"{"t": 300, "probe": false, "port_accepts": false}"#,
        r#"{"t": 360, "probe": false, "port_accepts": false}"#,
        r#"{"t": 420, "probe": false, "port_accepts": false}"#,
    ];
    let lines = judged(rule, &trace.join("\n")).await;
    let verdicts: Vec<_> = lines.iter().map(|line| line["verdict"].clone()).collect();
    assert_eq!(
        verdicts,
        [
            "active", "active", "active", "unknown", "unknown", "idle", "idle", "idle"
        ]
    );
    assert_eq!(lines[1]["because"], "its service says that it is used");
    assert_eq!(lines[2]["because"], "port 25565 accepts connections");
    assert_eq!(lines[7]["stop"], true);
}
