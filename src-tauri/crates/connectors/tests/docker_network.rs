//! The Docker connector where the network or the other side is at fault. The servers here speak just enough HTTP to be
//! wrong; what they say was recorded from real engines.

#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use wakehub_connectors::docker::{DockerConnector, DockerEndpoint};
use wakehub_connectors::{CheckKind, CheckOutcome, Connector, Target, Watch};
use wakehub_domain::{ErrorKind, NodeKind, Retry};

/// Answers each request with what `answer` makes of its number and its first line; `None` closes the connection.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start<F>(answer: F) -> Server
    where
        F: Fn(usize, &str) -> Option<String> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (requests, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(answer));
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let (requests, answer) = (requests.clone(), answer.clone());
                tokio::spawn(async move { serve(stream, &requests, &*answer).await });
            }
        });
        Server { port, connections }
    }

    fn connector(&self) -> DockerConnector {
        connector("127.0.0.1", self.port)
    }
}

async fn serve(
    mut stream: TcpStream,
    requests: &AtomicUsize,
    answer: &(dyn Fn(usize, &str) -> Option<String> + Send + Sync),
) {
    let mut head = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        head.push(byte);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        head.clear();
        let line = text.lines().next().unwrap_or_default();
        let number = requests.fetch_add(1, Ordering::Relaxed);
        let Some(answer) = answer(number, line) else {
            return;
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn connector(host: &str, port: u16) -> DockerConnector {
    DockerConnector::new(DockerEndpoint::Tcp {
        host: host.into(),
        port,
    })
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ping(version: &str) -> String {
    http("200 OK", &format!("Api-Version: {version}\r\n"), "OK")
}

fn container(name: &str) -> Target {
    Target::Guest {
        kind: NodeKind::Container,
        platform_id: name.into(),
    }
}

const TOO_OLD: &str = "client version 1.52 is too old. Minimum supported API version is 1.60, please upgrade your client to a newer version";

#[tokio::test]
async fn an_engine_that_is_too_new() {
    let server = Server::start(|_, line| {
        Some(if line.contains("/_ping") {
            ping("1.70")
        } else {
            assert!(line.contains("/v1.52/"), "the newest that we speak: {line}");
            http(
                "400 Bad Request",
                "",
                &format!(r#"{{"message":"{TOO_OLD}"}}"#),
            )
        })
    })
    .await;
    let connector = server.connector();
    for error in [
        connector.observe().await.unwrap_err(),
        connector.start(&container("web")).await.unwrap_err(),
        connector.watch(&mpsc::channel(1).0).await.unwrap_err(),
        connector.discover().await.unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert_eq!(error.message, TOO_OLD);
        assert_eq!(error.retry, Retry::Never);
    }
    let (sender, mut checks) = mpsc::channel(16);
    connector.test(&sender).await;
    let mut version = None;
    while let Ok(check) = checks.try_recv() {
        if check.what == CheckKind::Version {
            version = Some(check);
        }
    }
    let version = version.unwrap();
    assert_eq!(version.outcome, CheckOutcome::Failed);
    assert_eq!(version.detail, TOO_OLD);
    assert!(version.advice.is_some());
}

#[tokio::test]
async fn an_engine_that_is_too_old() {
    let refusal =
        "client is newer than server (client API version: 1.24, server API version: 1.18)\n";
    let server = Server::start(move |_, line| {
        Some(if line.contains("/_ping") {
            ping("1.18")
        } else {
            assert!(line.contains("/v1.24/"), "{line}");
            http("400 Bad Request", "", refusal)
        })
    })
    .await;
    let error = server.connector().observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert_eq!(error.message, refusal.trim());
}

/// The kept version is refused once the engine has been updated: the connector asks anew, within the same call.
#[tokio::test]
async fn an_engine_that_is_updated_meanwhile() {
    let updated = Arc::new(AtomicUsize::new(0));
    let at = updated.clone();
    let server = Server::start(move |_, line| {
        let updated = at.load(Ordering::Relaxed) == 1;
        Some(match (line.contains("/_ping"), updated) {
            (true, false) => ping("1.41"),
            (true, true) => ping("1.51"),
            (false, true) if line.contains("/v1.41/") => {
                let text = "client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version";
                http("400 Bad Request", "", &format!(r#"{{"message":"{text}"}}"#))
            }
            (false, _) => http("200 OK", "", "[]"),
        })
    })
    .await;
    let connector = server.connector();
    connector.observe().await.unwrap();
    updated.store(1, Ordering::Relaxed);
    assert!(connector.observe().await.unwrap().complete);
}

#[tokio::test]
async fn what_is_not_an_engine() {
    for (status, body, expected) in [
        (
            "404 Not Found",
            "<html>nothing here</html>",
            "what answers is not a Docker engine: 404 Not Found: <html>nothing here</html>",
        ),
        (
            "200 OK",
            "hello",
            "what answers is not a Docker engine: 200 OK: hello",
        ),
    ] {
        let server = Server::start(move |_, _| Some(http(status, "", body))).await;
        let error = server.connector().observe().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol);
        assert_eq!(error.message, expected);
        assert_eq!(error.operation, "list containers");
    }
    // Not even HTTP.
    let server = Server::start(|_, _| Some("SSH-2.0-OpenSSH_9.2p1\r\n".into())).await;
    let error = server.connector().observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
    // An engine that answers nonsense.
    let server = Server::start(|_, line| {
        Some(if line.contains("/_ping") {
            ping("1.41")
        } else {
            http("200 OK", "", r#"{"not": "a list"}"#)
        })
    })
    .await;
    let error = server.connector().observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
}

/// A socket proxy that allows reading only.
#[tokio::test]
async fn a_proxy_that_forbids() {
    let server = Server::start(|_, line| {
        Some(if line.contains("/_ping") {
            ping("1.41")
        } else if line.starts_with("GET") {
            let one = r#"{"Id":"a1","Name":"/web","State":{"Running":false}}"#;
            let list = r#"[{"Id":"a1","Names":["/web"],"State":"exited"}]"#;
            let body = if line.contains("/web/") { one } else { list };
            http("200 OK", "", body)
        } else {
            http(
                "403 Forbidden",
                "",
                "<html><body><h1>403 Forbidden</h1>\n</body></html>",
            )
        })
    })
    .await;
    let connector = server.connector();
    assert_eq!(connector.observe().await.unwrap().guests.len(), 1);
    let error = connector.start(&container("web")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert!(error.message.contains("403 Forbidden"), "{error}");
}

#[tokio::test]
async fn nobody_there() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let error = connector("127.0.0.1", port).observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert_eq!(
        error.message,
        format!("127.0.0.1:{port}: connection refused")
    );
    assert_eq!(error.retry, Retry::Later);

    let error = connector("no-such-host.invalid", 2375)
        .observe()
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");

    // The system forbids TCP to a broadcast address, as a firewall may: our own side is at fault.
    let error = connector("255.255.255.255", 2375)
        .observe()
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");

    let error = DockerConnector::new(DockerEndpoint::Unix {
        path: "/nonexistent/docker.sock".into(),
    })
    .observe()
    .await
    .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert_eq!(
        error.message,
        "/nonexistent/docker.sock: no such file or directory"
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_accepts_and_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connector = connector("127.0.0.1", listener.local_addr().unwrap().port());
    let error = connector.observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert_eq!(error.retry, Retry::Later);
    let error = connector.watch(&mpsc::channel(1).0).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TimedOut);
}

/// Engines and proxies close connections that were quiet; the next call must not fail for it.
#[tokio::test]
async fn a_kept_connection_that_was_closed() {
    let server = Server::start(|number, line| {
        // Every second request finds the connection closed.
        if number % 2 == 1 {
            return None;
        }
        Some(if line.contains("/_ping") {
            ping("1.41")
        } else {
            http("200 OK", "", "[]")
        })
    })
    .await;
    let connector = server.connector();
    for _ in 0..5 {
        connector.observe().await.unwrap();
    }
    assert!(server.connections.load(Ordering::Relaxed) > 1);
}

#[tokio::test]
async fn one_that_always_hangs_up() {
    let server = Server::start(|_, _| None).await;
    let error = server.connector().observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    assert_eq!(
        server.connections.load(Ordering::Relaxed),
        2,
        "tried twice, not for ever"
    );
}

#[tokio::test]
async fn an_event_stream_that_breaks_off() {
    // A chunk that promises more than comes, as when the engine dies.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 1024];
        for answer in [
            ping("1.41"),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{\"Type\"".into(),
        ] {
            let _ = stream.read(&mut buffer).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let (sender, _changes) = mpsc::channel(1);
    let ended = connector("127.0.0.1", port).watch(&sender).await;
    assert_eq!(ended.unwrap(), Watch::Ended);
}
