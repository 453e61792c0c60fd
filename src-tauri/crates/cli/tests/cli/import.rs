//! `import` and `export`: all or nothing, and what is wrong with its line.

use crate::wakehub::{Wakehub, reference};
use serde_json::json;

#[tokio::test]
async fn an_export_imports_to_the_same_homelab() {
    let first = Wakehub::with_reference().await;
    let text = first.run(&["export"]).await.done().stdout;
    assert!(text.contains("lxc-jellyfin"));
    let second = Wakehub::new();
    let file = second.write("homelab.toml", &text);
    let report = second.run(&["import", &file, "--json"]).await.done().json();
    assert_eq!(report["added"].as_array().map(Vec::len), Some(14));
    assert_eq!(report["changed"], json!([]));
    assert_eq!(second.run(&["export"]).await.done().stdout, text);
    let as_json = second.run(&["export", "--json"]).await.done().json();
    assert_eq!(as_json, json!({ "homelab": text }));
    // again: the same nodes, none twice
    let again = second.run(&["import", &file, "--json"]).await.done().json();
    assert_eq!(again["added"], json!([]));
    assert_eq!(again["changed"], json!([]));
    assert_eq!(again["missing_secrets"], report["missing_secrets"]);
    assert_eq!(second.run(&["export"]).await.done().stdout, text);
}

#[tokio::test]
async fn without_a_keyring_all_secrets_that_are_needed_are_named() {
    let wakehub = Wakehub::new();
    let report = wakehub
        .run_with(&["import", "-", "--json"], &reference())
        .await;
    assert_eq!(
        report.done().json()["missing_secrets"],
        json!([
            ["machine1", "ssh-password"],
            ["machine1", "proxmox-token"],
            ["machine2", "ssh-password"],
            ["machine2", "proxmox-token"],
            ["raspberry", "ssh-password"],
        ])
    );
}

/// Each with the line to blame and words of the reason.
const REFUSED: &[(&str, &str, u32, &str)] = &[
    (
        "an unknown key",
        "[[node]]\nname = \"nas\"\nkind = \"machine\"\ncolour = \"red\"\n",
        4,
        "colour",
    ),
    (
        "a wrong type",
        "[[node]]\nname = \"nas\"\nkind = \"machine\"\npinned = \"yes\"\n",
        4,
        "boolean",
    ),
    (
        "an unknown kind",
        "[[node]]\nname = \"nas\"\nkind = \"toaster\"\n",
        3,
        "toaster",
    ),
    (
        "two hosts",
        "[[node]]\nname = \"x\"\nkind = \"vm\"\nhost = \"a\"\nhost = \"b\"\n",
        5,
        "duplicate key",
    ),
    (
        "a list of hosts",
        "[[node]]\nname = \"x\"\nkind = \"vm\"\nhost = [\"a\", \"b\"]\n",
        4,
        "string",
    ),
    (
        "a host that is not there",
        "[[node]]\nname = \"x\"\nkind = \"vm\"\nhost = \"a\"\n",
        1,
        "there is no node a",
    ),
    (
        "a host without the capability",
        "[[node]]\nname = \"nas\"\nkind = \"machine\"\n\n[[node]]\nname = \"x\"\nkind = \"vm\"\nhost = \"nas\"\n",
        5,
        "nas",
    ),
    (
        "a name twice",
        "[[node]]\nname = \"nas\"\nkind = \"machine\"\n\n[[node]]\nname = \"nas\"\nkind = \"machine\"\n",
        5,
        "line 1",
    ),
    ("no TOML at all", "[[node]\n", 1, ""),
];

#[tokio::test]
async fn a_bad_file_is_refused_as_a_whole_with_line_and_reason() {
    let wakehub = Wakehub::with_reference().await;
    let before = wakehub.run(&["export"]).await.done().stdout;
    let good = "[[node]]\nname = \"new\"\nkind = \"machine\"\n\n";
    for (what, text, line, words) in REFUSED {
        let file = wakehub.write("bad.toml", &format!("{text}\n{good}"));
        let complaint = wakehub.run(&["import", &file]).await.complaint_with(3);
        assert!(
            complaint.contains(&format!("line {line}: ")),
            "{what}: {complaint}"
        );
        assert!(complaint.contains(words), "{what}: {complaint}");
        let answer = wakehub.run(&["import", &file, "--json"]).await;
        assert_eq!(answer.status, 3, "{what}");
        let refused = answer.json()["refused"].clone();
        assert_eq!(refused["errors"][0]["line"], *line, "{what}: {answer:?}");
        let message = refused["message"].as_str().expect("a message");
        assert!(message.contains(words), "{what}: {message}");
    }
    assert_eq!(wakehub.run(&["export"]).await.done().stdout, before);
}

#[tokio::test]
async fn a_cycle_over_both_layers_is_refused_and_named_as_a_whole() {
    let wakehub = Wakehub::new();
    // the NAS is a VM on the machine that needs the NAS
    let text = r#"
[[node]]
name = "box"
kind = "machine"
address = "127.77.0.9"
proxmox_api = { url = "https://127.77.0.9:8006", node = "box", token_id = "root@pam!x" }
depends_on = ["nas"]

[[node]]
name = "nas"
kind = "vm"
host = "box"
platform_id = "100"
"#;
    let complaint = wakehub
        .run_with(&["import", "-"], text)
        .await
        .complaint_with(3);
    for word in ["box", "nas", "line "] {
        assert!(complaint.contains(word), "{complaint}");
    }
    let nodes = wakehub.run(&["nodes", "--json"]).await.done().json();
    assert_eq!(nodes, json!([]));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    let wakehub = Wakehub::new();
    let complaint = wakehub.run(&["import", "/nonexistent/h.toml"]).await;
    let complaint = complaint.complaint();
    assert!(complaint.contains("/nonexistent/h.toml"), "{complaint}");
}

/// Without the limit it would read until the memory is full.
#[cfg(unix)]
#[tokio::test]
async fn a_file_without_end_is_not_read_to_its_end() {
    let wakehub = Wakehub::with_reference().await;
    let asks: [&[&str]; 2] = [
        &["import", "/dev/zero"],
        &["plan", "start", "nas", "--states", "/dev/zero"],
    ];
    for args in asks {
        let complaint = wakehub.run(args).await.complaint();
        assert!(complaint.contains("more than 2000000 bytes"), "{complaint}");
    }
    let long = "x".repeat(100_000);
    let set = ["secret", "set", "nas", "ssh-password"];
    let complaint = wakehub.run_with(&set, &long).await.complaint();
    assert!(complaint.contains("more than 64000 bytes"), "{complaint}");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_no_homelab() {
    let wakehub = Wakehub::new();
    let file = wakehub.home.path().join("binary");
    std::fs::write(&file, [0xff, 0xfe, 0]).expect("written");
    let args = ["import", file.to_str().expect("path")];
    let complaint = wakehub.run(&args).await.complaint();
    assert!(complaint.contains("no UTF-8 text"), "{complaint}");
}

/// Somebody who has begun to type a secret can still change his mind.
#[cfg(unix)]
#[tokio::test]
async fn it_can_be_interrupted_while_it_reads() {
    use tokio::io::AsyncReadExt;
    let wakehub = Wakehub::with_reference().await;
    let asks: [&[&str]; 3] = [
        &["secret", "set", "nas", "ssh-password"],
        &["import", "-"],
        &["plan", "start", "nas", "--states", "-"],
    ];
    for args in asks {
        let mut command = wakehub.command(args);
        // its log tells when it is past everything that comes before the reading
        command.env("WAKEHUB_LOG", "wakehub=debug");
        let mut child = command.spawn().expect("spawned");
        let stdin = child.stdin.take().expect("stdin");
        let mut stderr = child.stderr.take().expect("stderr");
        let mut said = String::new();
        while !said.contains("reads standard input") {
            let mut more = [0; 1024];
            let count = stderr.read(&mut more).await.expect("text");
            assert!(count > 0, "{args:?} has ended: {said}");
            said.push_str(&String::from_utf8_lossy(&more[..count]));
        }
        let pid = child.id().expect("runs").to_string();
        let mut kill = tokio::process::Command::new("kill");
        let told = kill.args(["-INT", &pid]).status().await;
        assert!(told.expect("kill").success());
        let ended = tokio::time::timeout(std::time::Duration::from_secs(30), child.wait()).await;
        let ended = ended
            .unwrap_or_else(|_| panic!("{args:?} reads on"))
            .expect("ended");
        assert!(!ended.success(), "{args:?}: {ended}");
        drop(stdin);
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_crash() {
    let wakehub = Wakehub::with_reference().await;
    let mut child = wakehub.command(&["export"]).spawn().expect("spawned");
    drop(child.stdout.take());
    let ended = child.wait_with_output().await.expect("ended");
    let stderr = String::from_utf8(ended.stderr).expect("text");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_export_to_a_full_disk_has_failed() {
    let wakehub = Wakehub::with_reference().await;
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let mut command = wakehub.command(&["export"]);
    command.stdout(full.expect("/dev/full"));
    let child = command.spawn().expect("spawned");
    let ended = child.wait_with_output().await.expect("ended");
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("No space left"), "{stderr}");
}
