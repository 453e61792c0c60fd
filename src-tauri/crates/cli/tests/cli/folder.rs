//! One data directory, one WakeHub; and what the reading commands say.

use crate::wakehub::Wakehub;
use serde_json::json;

#[tokio::test]
async fn a_second_one_is_refused_with_the_process_that_holds_the_directory() {
    let wakehub = Wakehub::with_reference().await;
    let (mut running, _lines) = wakehub.running().await;
    let pid = running.id().expect("runs");
    let complaint = wakehub.run(&["run"]).await.complaint();
    assert!(complaint.contains(&format!("process {pid}")), "{complaint}");
    let answer = wakehub.run(&["run", "--json"]).await;
    assert_eq!(answer.status, 1);
    let message = answer.json()["error"]["message"].to_string();
    assert!(message.contains(&pid.to_string()), "{message}");
    // whatever way it ends, the next one gets the directory
    running.kill().await.expect("killed");
    wakehub.run(&["journal"]).await.done();
}

#[cfg(unix)]
#[tokio::test]
async fn run_ends_well_when_it_is_told_to() {
    for signal in ["INT", "TERM"] {
        let wakehub = Wakehub::new();
        let (running, _lines) = wakehub.running().await;
        let pid = running.id().expect("runs").to_string();
        let told = tokio::process::Command::new("kill")
            .args([&format!("-{signal}"), &pid])
            .status();
        assert!(told.await.expect("kill").success());
        let ended = running.wait_with_output().await.expect("ended");
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(0), "{signal}: {stderr}");
    }
}

#[tokio::test]
async fn nodes_lists_what_there_is() {
    let wakehub = Wakehub::new();
    let text = "[[node]]\nname = \"one\"\nkind = \"machine\"\naddress = \"127.77.0.1\"\nmac = \"52:54:00:00:00:01\"\n";
    wakehub.run_with(&["import", "-"], text).await.done();
    let words = wakehub.run(&["nodes"]).await.done().stdout;
    assert_eq!(words.lines().count(), 1, "{words}");
    assert!(
        words.contains("one") && words.contains("machine"),
        "{words}"
    );
    let nodes = wakehub.run(&["nodes", "--json"]).await.done().json();
    let node = &nodes.as_array().expect("a list")[0];
    assert_eq!(node["name"], "one");
    assert_eq!(node["kind"], "machine");
    assert!(node["power"].is_string());
    let unknown = wakehub.run(&["start", "two"]).await.complaint_with(2);
    assert!(unknown.contains("there is no node two"), "{unknown}");
}

#[tokio::test]
async fn the_journal_tells_what_happened_newest_last() {
    let wakehub = Wakehub::with_reference().await;
    let words = wakehub.run(&["journal"]).await.done().stdout;
    assert!(
        words.contains("nas was imported (from a homelab.toml)"),
        "{words}"
    );
    let args = ["journal", "--json", "--node", "nas", "-n", "5"];
    let lines = wakehub.run(&args).await.done().json();
    let lines = lines.as_array().expect("a list");
    assert!(!lines.is_empty() && lines.len() <= 5);
    assert!(
        lines.iter().all(|line| line["node_name"] == "nas"),
        "{lines:?}"
    );
    let order: Vec<_> = lines.iter().map(|line| line["id"].as_i64()).collect();
    assert!(order.is_sorted(), "{order:?}");
    let none = wakehub.run(&["journal", "--json", "--text", "no such words"]);
    assert_eq!(none.await.done().json(), json!([]));
    let complaint = wakehub.run(&["journal", "--node", "toaster"]).await;
    assert!(complaint.complaint_with(2).contains("toaster"));
}

#[tokio::test]
async fn a_database_that_cannot_be_read_is_kept_and_said() {
    let wakehub = Wakehub::with_reference().await;
    for file in ["wakehub.db-wal", "wakehub.db-shm"] {
        let _ = std::fs::remove_file(wakehub.data_dir().join(file));
    }
    let garbage = b"no database at all ".repeat(1000);
    std::fs::write(wakehub.data_dir().join("wakehub.db"), &garbage).expect("written");
    let answer = wakehub.run(&["nodes", "--json"]).await.done();
    assert_eq!(answer.json(), json!([]));
    assert!(
        answer
            .stderr
            .contains("wakehub: The database could not be read"),
        "{}",
        answer.stderr
    );
    let kept = std::fs::read_dir(wakehub.data_dir())
        .expect("folder")
        .flatten();
    let kept: Vec<_> = kept
        .filter(|entry| std::fs::read(entry.path()).is_ok_and(|bytes| bytes == garbage))
        .collect();
    assert_eq!(kept.len(), 1, "what was there is kept");
    // said once; from then on the new one is the homelab
    let again = wakehub.run(&["nodes"]).await.done();
    assert!(!again.stderr.contains("wakehub: "), "{}", again.stderr);
}

#[tokio::test]
async fn what_cannot_be_stopped_is_refused_with_3_and_journaled() {
    let wakehub = Wakehub::new();
    // it answers a ping, and there is no way to shut it down
    let text = "[[node]]\nname = \"one\"\nkind = \"machine\"\naddress = \"127.77.0.1\"\nmac = \"52:54:00:00:00:01\"\n";
    wakehub.run_with(&["import", "-"], text).await.done();
    for args in [
        &["stop", "one", "--json"][..],
        &["plan", "stop", "one", "--json"],
    ] {
        let answer = wakehub.run(args).await;
        assert_eq!(answer.status, 3, "{args:?}: {answer:?}");
        let refused = &answer.json()["refused"];
        assert_eq!(refused["node"], "one");
        assert_eq!(refused["kind"], "no_channel");
        assert_eq!(refused["by"], json!([]));
        assert!(refused["message"].is_string());
    }
    let journal = wakehub.run(&["journal"]).await.done().stdout;
    assert!(journal.contains("refused to stop one"), "{journal}");
}

/// What is found depends on where this runs; that it ends well, and says it in the promised form, does not.
#[tokio::test]
async fn scan_lists_addresses() {
    let wakehub = Wakehub::new();
    let found = wakehub.run(&["scan", "--json"]).await.done().json();
    for one in found.as_array().expect("a list") {
        let address = one["address"].as_str().expect("an address");
        assert!(address.parse::<std::net::IpAddr>().is_ok(), "{one}");
        assert!(one["node"].is_null(), "{one}");
    }
}
