//! What the network and the server do wrong, and what a poll costs when they do nothing wrong.

#[path = "proxmox_fake/fake.rs"]
mod fake;

use fake::{Proxy, fake, machine1, vm};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wakehub_connectors::Connector;
use wakehub_connectors::proxmox::{ProxmoxConnector, ProxmoxEndpoint};
use wakehub_domain::{ErrorKind, PowerState, Retry};

fn through(proxy: &Proxy, endpoint: ProxmoxEndpoint) -> ProxmoxConnector {
    ProxmoxConnector::new(ProxmoxEndpoint {
        url: format!("https://127.0.0.1:{}", proxy.port),
        ..endpoint
    })
}

#[tokio::test]
async fn one_poll_is_one_request_and_no_new_handshake() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let proxy = Proxy::to(pve.port).await;
    let connector = through(&proxy, pve.with_token());
    for _ in 0..10 {
        let report = connector.observe().await.unwrap();
        assert_eq!(report.itself, Some(PowerState::On));
        assert_eq!(report.guests.len(), 2);
        assert!(report.complete);
    }
    assert_eq!(pve.requests().await.len(), 10);
    assert_eq!(proxy.connections(), 1);

    // Commands, discovery and the tasks they follow use the same connection.
    connector.start(&vm(100)).await.unwrap();
    assert_eq!(proxy.connections(), 1);
    connector.close().await;
    connector.observe().await.unwrap();
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_is_made_anew() {
    let Some(pve) = fake(machine1()).await else {
        return;
    };
    let proxy = Proxy::to(pve.port).await;
    let connector = through(&proxy, pve.with_token());
    for polls in 1..=3 {
        connector.observe().await.unwrap();
        assert_eq!(proxy.connections(), polls);
        proxy.drop_connections();
    }
}

#[tokio::test]
async fn a_reset_in_the_middle_of_an_answer_is_read_again() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let proxy = Proxy::to(pve.port).await;
    let connector = through(&proxy, pve.with_token());
    connector.observe().await.unwrap();
    proxy.cut_next_answer();
    connector.observe().await.unwrap();
    assert_eq!(pve.requests().await.len(), 3);
}

#[tokio::test]
async fn a_command_is_never_sent_twice() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let proxy = Proxy::to(pve.port).await;
    let connector = through(&proxy, pve.with_token());
    connector.observe().await.unwrap();
    // After the look at its status.
    proxy.cut_answers(&[false, true]);
    let error = connector.start(&vm(100)).await.unwrap_err();
    assert_eq!(
        (error.kind, error.retry),
        (ErrorKind::Unreachable, Retry::Later)
    );
    assert!(
        error.message.starts_with("the connection broke off"),
        "{error}"
    );
    let requests = pve.requests().await;
    let starts = requests
        .iter()
        .filter(|r| r.ends_with("status/start"))
        .count();
    assert_eq!(starts, 1);
}

#[tokio::test]
async fn a_host_that_is_off_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let endpoint = ProxmoxEndpoint {
        url: format!("https://127.0.0.1:{port}"),
        member: "pve1".to_owned(),
        auth: fake::token(fake::TOKEN_SECRET),
        pinned: None,
    };
    let error = ProxmoxConnector::new(endpoint).observe().await.unwrap_err();
    assert_eq!(
        (error.kind, error.retry),
        (ErrorKind::Unreachable, Retry::Later)
    );
    assert!(error.message.contains("refused"), "{error}");
    assert!(
        error.message.starts_with(&format!("127.0.0.1:{port}: ")),
        "{error}"
    );
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_unreachable() {
    let endpoint = ProxmoxEndpoint {
        url: "https://pve.invalid:8006".to_owned(),
        member: "pve1".to_owned(),
        auth: fake::token(fake::TOKEN_SECRET),
        pinned: None,
    };
    let error = ProxmoxConnector::new(endpoint).observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
}

#[tokio::test]
async fn what_goes_away_is_unreachable_and_comes_back() {
    let Some(pve) = fake(machine1()).await else {
        return;
    };
    let endpoint = pve.with_token();
    let connector = ProxmoxConnector::new(endpoint.clone());
    connector.observe().await.unwrap();
    drop(pve);
    // The process is killed at once, its port closed a moment later.
    let error = loop {
        if let Err(error) = connector.observe().await {
            break error;
        }
    };
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
}

#[tokio::test]
async fn a_server_that_accepts_and_then_hangs_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = ProxmoxEndpoint {
        url: format!("https://127.0.0.1:{port}"),
        member: "pve1".to_owned(),
        auth: fake::token(fake::TOKEN_SECRET),
        pinned: None,
    };
    // The handshake counts as connecting: 5 s.
    let error = ProxmoxConnector::new(endpoint).observe().await.unwrap_err();
    assert_eq!(
        (error.kind, error.retry),
        (ErrorKind::Unreachable, Retry::Later)
    );
    assert!(
        error.message.ends_with("did not answer within 5 s"),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_never_comes_times_out() {
    let mut spec = machine1();
    spec["time_scale"] = json!(1);
    let Some(mut pve) = fake(spec).await else {
        return;
    };
    let connector =
        ProxmoxConnector::new(pve.with_token()).with_request_timeout(Duration::from_secs(1));
    connector.observe().await.unwrap();
    pve.call("slow_network", json!([600])).await;
    let error = connector.observe().await.unwrap_err();
    assert_eq!(
        (error.kind, error.retry),
        (ErrorKind::TimedOut, Retry::Later)
    );
    assert_eq!(error.message, "no answer within 1 s");
    pve.call("slow_network", json!([0])).await;
    connector.observe().await.unwrap();
}

#[tokio::test]
async fn a_slow_network_is_only_slow() {
    let mut spec = machine1();
    spec["time_scale"] = json!(0.05);
    let Some(mut pve) = fake(spec).await else {
        return;
    };
    pve.call("slow_network", json!([6, 4])).await;
    let connector = pve.connector();
    connector.start(&vm(100)).await.unwrap();
    assert_eq!(pve.status(100).await, "running");
}

/// Reading goes on after a lost answer, so that a command that was given is followed to its end.
#[tokio::test]
async fn a_flaky_network_does_not_lose_a_task() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    pve.set(100, json!({"start_secs": 60})).await;
    let proxy = Proxy::to(pve.port).await;
    let connector = through(&proxy, pve.with_token());
    connector.observe().await.unwrap();
    // Status and command are answered; then one answer is lost, and one of the connection made anew.
    proxy.cut_answers(&[false, false, true, false, true]);
    connector.start(&vm(100)).await.unwrap();
    assert_eq!(pve.status(100).await, "running");
    assert!(proxy.connections() >= 3, "answers were cut");
}

#[tokio::test]
async fn errors_of_the_server_keep_its_words() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let connector = ProxmoxConnector::new(pve.with_token());
    for (status, words, kind, retry) in [
        (
            500,
            "rados_connect failed - No such file or directory",
            ErrorKind::Rejected,
            Retry::Never,
        ),
        (
            500,
            "can't lock file '/var/lock/x' - got timeout",
            ErrorKind::Rejected,
            Retry::Later,
        ),
        (
            501,
            "Method 'GET /cluster/resources' not implemented",
            ErrorKind::Unsupported,
            Retry::Never,
        ),
        (
            503,
            "service unavailable",
            ErrorKind::Unreachable,
            Retry::Later,
        ),
        (
            595,
            "No route to host",
            ErrorKind::Unreachable,
            Retry::Later,
        ),
        (596, "Broken pipe", ErrorKind::Unreachable, Retry::Later),
        (504, "Gateway Timeout", ErrorKind::TimedOut, Retry::Later),
        (
            403,
            "Permission check failed (/, Sys.Audit)",
            ErrorKind::Unauthorised,
            Retry::Never,
        ),
    ] {
        pve.call("fail", json!(["GET", "/cluster/resources", status, words]))
            .await;
        let error = connector.observe().await.unwrap_err();
        assert_eq!((error.kind, error.retry), (kind, retry), "{status}");
        assert!(error.message.starts_with(words), "{error}");
        assert_eq!(error.operation, "read the guests");
    }
}

#[tokio::test]
async fn errors_of_single_parameters_are_shown() {
    let Some(pve) = fake(machine1()).await else {
        return;
    };
    // A name that the schema's own check refuses.
    let connector = ProxmoxConnector::new(ProxmoxEndpoint {
        member: "not a name".to_owned(),
        ..pve.endpoint()
    });
    let how = wakehub_connectors::StopOptions {
        timeout: Duration::from_secs(1),
        force: false,
        power_off: wakehub_domain::PowerOff::ShutDown,
        command: None,
    };
    let error = connector
        .stop(&wakehub_connectors::Target::Itself, &how)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert!(
        error
            .message
            .starts_with("Parameter verification failed. node: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_page_instead_of_json_is_not_the_api() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let page = "<html><title>Welcome to nginx!</title></html>";
    pve.order(
        json!({"do": "call", "name": "fail", "args": ["GET", "/cluster/resources", 200, page],
                     "kwargs": {"html": true}}),
    )
    .await;
    let error = ProxmoxConnector::new(pve.with_token())
        .observe()
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
    assert_eq!(
        error.message,
        "the answer is text/html, not JSON: is this the address of a Proxmox API?"
    );
}

#[tokio::test]
async fn a_huge_answer_is_not_swallowed() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let connector = ProxmoxConnector::new(pve.with_token());
    pve.call("huge_resources", json!([15])).await;
    connector.observe().await.unwrap();
    pve.call("huge_resources", json!([17])).await;
    let error = connector.observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
    assert_eq!(error.message, "the answer is larger than 16 MiB");
}

#[tokio::test]
async fn a_server_without_tls_is_not_the_api() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut hello = [0; 1024];
            let _ = socket.read(&mut hello).await;
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let endpoint = ProxmoxEndpoint {
        url: format!("https://127.0.0.1:{port}"),
        member: "pve1".to_owned(),
        auth: fake::token(fake::TOKEN_SECRET),
        pinned: None,
    };
    let error = ProxmoxConnector::new(endpoint).observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
    assert!(error.message.contains("does not speak TLS"), "{error}");
}

#[tokio::test]
async fn an_unprotected_address_is_refused_without_a_packet() {
    let endpoint = ProxmoxEndpoint {
        url: "http://127.0.0.1:8006".to_owned(),
        member: "pve1".to_owned(),
        auth: fake::token(fake::TOKEN_SECRET),
        pinned: None,
    };
    let error = ProxmoxConnector::new(endpoint).observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("https, not http"), "{error}");
}
