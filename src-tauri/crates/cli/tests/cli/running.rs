//! Commands while `wakehub run` holds the directory: the same answers and exit statuses, from the running one.

use crate::wakehub::{Ended, Wakehub, reference};
use serde_json::json;

fn same(alone: &Ended, beside: &Ended, what: &[&str]) {
    assert_eq!(alone.status, beside.status, "{what:?}: {beside:?}");
    assert_eq!(alone.stdout, beside.stdout, "{what:?}");
}

#[tokio::test]
async fn a_running_wakehub_answers_as_an_own_engine_does() {
    let wakehub = Wakehub::with_reference().await;
    // nothing that depends on what was seen meanwhile
    let asks: [&[&str]; 9] = [
        &["export"],
        &["export", "--json"],
        &["journal", "--text", "imported"],
        &["journal", "--json", "--node", "nas", "--text", "imported"],
        &["journal", "--node", "toaster"],
        &["start", "toaster"],
        &["plan", "stop", "toaster", "--json"],
        &["api", "status"],
        &["token", "list", "--json"],
    ];
    let mut alone = Vec::new();
    for ask in asks {
        alone.push(wakehub.run(ask).await);
    }
    let (mut running, _lines) = wakehub.running().await;
    for (ask, alone) in asks.iter().zip(&alone) {
        same(alone, &wakehub.run(ask).await, ask);
    }
    let nodes = wakehub.run(&["nodes", "--json"]).await.done().json();
    assert_eq!(nodes.as_array().map(Vec::len), Some(14), "{nodes}");
    running.kill().await.expect("killed");
}

#[tokio::test]
async fn what_is_changed_beside_a_running_wakehub_is_changed_in_it() {
    let wakehub = Wakehub::new();
    let (mut running, _lines) = wakehub.running().await;
    let imported = wakehub
        .run_with(&["import", "-"], &reference())
        .await
        .done();
    assert!(imported.stdout.contains("14 added"), "{imported:?}");
    let bad = "[[node]]\nname = \"x\"\nkind = \"toaster\"\n";
    let refused = wakehub.run_with(&["import", "-"], bad).await;
    assert_eq!(refused.status, 3, "{refused:?}");
    assert!(refused.stderr.contains("line "), "{refused:?}");
    // without a keyring a secret is refused there, too, and said in the same words
    let set = ["secret", "set", "nas", "ssh-password"];
    let complaint = wakehub.run_with(&set, "pw").await.complaint();
    assert!(complaint.contains("keyring"), "{complaint}");
    let exported = wakehub.run(&["export"]).await.done().stdout;
    running.kill().await.expect("killed");
    let again = wakehub.run(&["export"]).await.done().stdout;
    assert_eq!(again, exported);
}

#[tokio::test]
async fn what_cannot_be_stopped_is_refused_with_3_there_too() {
    let wakehub = Wakehub::new();
    let text = "[[node]]\nname = \"one\"\nkind = \"machine\"\naddress = \"127.77.0.1\"\nmac = \"52:54:00:00:00:01\"\n";
    wakehub.run_with(&["import", "-"], text).await.done();
    let (mut running, _lines) = wakehub.running().await;
    for args in [
        &["stop", "one", "--json"][..],
        &["plan", "stop", "one", "--json"],
    ] {
        let answer = wakehub.run(args).await;
        assert_eq!(answer.status, 3, "{args:?}: {answer:?}");
        assert_eq!(answer.json()["refused"]["kind"], "no_channel");
    }
    let tested = wakehub.run(&["test", "one", "--json"]).await;
    assert!(tested.json().is_array(), "{tested:?}");
    running.kill().await.expect("killed");
}

#[tokio::test]
async fn the_api_is_switched_on_and_off_while_wakehub_runs() {
    let wakehub = Wakehub::new();
    let (mut running, _lines) = wakehub.running().await;
    // a port of the kernel's choice, which is free again
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let listen = format!("127.0.0.1:{port}");
    let on = wakehub
        .run(&["api", "on", "--listen", &listen])
        .await
        .done();
    assert!(
        on.stdout.contains(&format!("on: http://{listen}")),
        "{on:?}"
    );
    let is_open = || std::net::TcpStream::connect(&listen).is_ok();
    assert!(is_open());
    let taken = ["api", "on", "--listen", "0.0.0.0:1"];
    let refused = wakehub.run(&taken).await;
    assert_eq!(refused.status, 3, "{refused:?}");
    assert!(refused.stderr.contains("plain_http"), "{refused:?}");
    let status = wakehub.run(&["api", "status", "--json"]).await.done();
    assert_eq!(status.json()["listening"], json!(listen));
    let off = wakehub.run(&["api", "off"]).await.done();
    assert_eq!(off.stdout, "off\n");
    assert!(!is_open());
    // tokens stand in the keyring, and there is none here
    let token = wakehub.run(&["token", "add", "phone"]).await.complaint();
    assert!(token.contains("keyring"), "{token}");
    running.kill().await.expect("killed");
}

#[cfg(unix)]
#[tokio::test]
async fn another_version_is_named_and_not_spoken_to() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let wakehub = Wakehub::with_reference().await;
    let listener = tokio::net::UnixListener::bind(wakehub.data_dir().join("wakehub.sock"));
    let listener = listener.expect("a socket");
    let old = tokio::spawn(async move {
        let body = r#"{"name":"WakeHub","version":"0.0.9","run":"1","pid":4711}"#;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 1024];
            if stream.read(&mut asked).await.unwrap_or(0) > 0 {
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    });
    let complaint = wakehub.run(&["export"]).await.complaint();
    for word in ["0.0.9", "4711", env!("CARGO_PKG_VERSION")] {
        assert!(complaint.contains(word), "{complaint}");
    }
    old.abort();
}
