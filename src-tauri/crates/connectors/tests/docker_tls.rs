//! The Docker connector over TLS: the certificates that must be accepted, and those that must not.

#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

#[path = "docker_lab/engine.rs"]
mod engine;

use engine::{Engine, Listen, boot, container, eventually, gently, seen};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_connectors::docker::{DockerConnector, DockerEndpoint};
use wakehub_connectors::{Check, CheckKind, CheckOutcome, Connector};
use wakehub_domain::{ConnectorError, ErrorKind, PowerState, Retry};

async fn refusal(endpoint: DockerEndpoint) -> ConnectorError {
    DockerConnector::new(endpoint).observe().await.unwrap_err()
}

async fn checks(endpoint: DockerEndpoint) -> Vec<Check> {
    let (sender, mut receiver) = mpsc::channel(16);
    DockerConnector::new(endpoint).test(&sender).await;
    drop(sender);
    let mut all = Vec::new();
    while let Some(check) = receiver.recv().await {
        all.push(check);
    }
    all
}

fn outcomes(checks: &[Check]) -> Vec<(CheckKind, CheckOutcome)> {
    checks
        .iter()
        .map(|check| (check.what, check.outcome))
        .collect()
}

#[tokio::test]
async fn certificates() {
    use CheckKind::{Login, Protection, Reachable, Trusted, Version};
    use CheckOutcome::{Failed, Passed, Skipped};
    let Some(engine) = boot(Listen::Certificates) else {
        return;
    };

    let connector = DockerConnector::new(engine.over_tls("client"));
    let command = [
        "lab:1",
        "sh",
        "-c",
        "trap 'exit 0' TERM; while :; do sleep 0.1; done",
    ];
    engine.docker(&[&["create", "--name", "web"], &command[..]].concat());
    connector.start(&container("web")).await.unwrap();
    assert_eq!(seen(&connector, "web").await.unwrap().state, PowerState::On);
    connector.stop(&container("web"), &gently()).await.unwrap();
    assert!(!engine.is_running("web"));
    for _ in 0..20 {
        connector.observe().await.unwrap();
    }
    assert_eq!(connector.connections_opened(), 1, "one handshake for all");

    let all = checks(engine.over_tls("client")).await;
    assert_eq!(
        outcomes(&all),
        [
            (Reachable, Passed),
            (Trusted, Passed),
            (Login, Passed),
            (Version, Passed),
            (Protection, Passed)
        ]
    );
    assert!(
        all[1].detail.starts_with("CN=server, valid until "),
        "{}",
        all[1].detail
    );
    assert_eq!(all[2].detail, "client certificate accepted");
    assert_eq!(all[4].detail, "TLS with client certificates");

    // Signed by an authority that the engine does not know.
    let error = refusal(engine.over_tls("client-other")).await;
    assert_eq!(error.kind, ErrorKind::Unauthorised, "{error}");
    assert!(
        error
            .message
            .starts_with("the engine refused the client certificate: "),
        "{error}"
    );
    let all = checks(engine.over_tls("client-other")).await;
    assert_eq!(
        outcomes(&all),
        [
            (Reachable, Passed),
            (Trusted, Passed),
            (Login, Failed),
            (Version, Skipped)
        ]
    );
    assert!(all[2].advice.is_some());

    let error = refusal(engine.over_tls("client-expired")).await;
    assert_eq!(error.kind, ErrorKind::Unauthorised, "{error}");
    assert!(error.message.contains("; it is valid from "), "{error}");

    wrong_authority(&engine).await;
    unusable_files(&engine).await;
    other_servers(&engine).await;

    // Without TLS on the port that speaks it.
    let plain = DockerEndpoint::Tcp {
        host: engine.address().into(),
        port: 2376,
    };
    let error = refusal(plain.clone()).await;
    assert_eq!(error.kind, ErrorKind::Protocol);
    assert!(
        error
            .message
            .ends_with("Client sent an HTTP request to an HTTPS server."),
        "{error}"
    );
    let advice = checks(plain).await.remove(1).advice.unwrap();
    assert!(advice.contains("2376"), "{advice}");
}

async fn wrong_authority(engine: &Engine) {
    let mut wrong = engine.over_tls("client");
    if let DockerEndpoint::Tls { ca, .. } = &mut wrong {
        *ca = engine.certs.file("other-ca.pem");
    }
    let error = refusal(wrong.clone()).await;
    assert_eq!(error.kind, ErrorKind::Untrusted, "{error}");
    assert_eq!(error.retry, Retry::Never);
    assert!(
        error
            .message
            .contains("not signed by the authority in ca.pem"),
        "{error}"
    );
    let all = checks(wrong).await;
    assert_eq!(all[1].what, CheckKind::Trusted);
    assert_eq!(all[1].outcome, CheckOutcome::Failed);
    assert_eq!(all[3].outcome, CheckOutcome::Skipped);
}

/// What is wrong with a file is said by its path, never by its content.
async fn unusable_files(engine: &Engine) {
    let marker = "MARKER-c2VjcmV0";
    let garbage = engine.certs.file("garbage.key");
    let block = format!("-----BEGIN PRIVATE KEY-----\n{marker}\n-----END PRIVATE KEY-----\n");
    std::fs::write(&garbage, block).unwrap();
    let cases = [
        (engine.certs.file("absent.key"), "no such file or directory"),
        (
            engine.certs.file("ca.pem"),
            "it holds no private key without a passphrase",
        ),
        (
            engine.certs.file("client-other.key"),
            "it does not belong to the certificate",
        ),
        (garbage, ""),
    ];
    for (file, reason) in cases {
        let mut endpoint = engine.over_tls("client");
        if let DockerEndpoint::Tls { key, .. } = &mut endpoint {
            key.clone_from(&file);
        }
        let connector = DockerConnector::new(endpoint);
        let error = connector.observe().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NoSecret, "{error}");
        assert!(
            error.message.contains(&file.display().to_string()),
            "{error}"
        );
        assert!(error.message.ends_with(reason), "{error}");
        let shown = format!("{error} {error:?} {connector:?}");
        assert!(!shown.contains(marker), "{shown}");
    }
}

/// openssl's own server, with certificates that no engine should have.
async fn other_servers(engine: &Engine) {
    for (certificate, reason) in [
        ("server-expired", "the engine's certificate has expired"),
        (
            "server-elsewhere",
            "the engine's certificate is made for another name",
        ),
    ] {
        let server = TlsServer::start(engine, certificate);
        let mut endpoint = engine.over_tls("client");
        if let DockerEndpoint::Tls { host, port, .. } = &mut endpoint {
            (*host, *port) = ("127.0.0.1".into(), server.port);
        }
        let error = refusal(endpoint).await;
        assert_eq!(error.kind, ErrorKind::Untrusted, "{error}");
        assert!(error.message.starts_with(reason), "{error}");
    }
    // No TLS at all behind the port.
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = plain.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            use tokio::io::AsyncWriteExt;
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n").await;
        }
    });
    let mut endpoint = engine.over_tls("client");
    if let DockerEndpoint::Tls { host, port, .. } = &mut endpoint {
        (*host, *port) = ("127.0.0.1".into(), at);
    }
    let error = refusal(endpoint).await;
    assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
    assert!(error.message.contains("does not speak TLS"), "{error}");
}

struct TlsServer {
    child: Child,
    port: u16,
}

impl TlsServer {
    fn start(engine: &Engine, certificate: &str) -> TlsServer {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = Command::new("openssl")
            .args([
                "s_server",
                "-quiet",
                "-accept",
                &format!("127.0.0.1:{port}"),
            ])
            .arg("-cert")
            .arg(engine.certs.file(&format!("{certificate}.pem")))
            .arg("-key")
            .arg(engine.certs.file(&format!("{certificate}.key")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let up = eventually(Duration::from_secs(10), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        assert!(up, "openssl s_server did not come up");
        TlsServer { child, port }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An engine that encrypts but lets everybody in is not protected.
#[tokio::test]
async fn encryption_alone_is_no_protection() {
    let Some(engine) = boot(Listen::Encrypted) else {
        return;
    };
    let all = checks(engine.over_tls("client")).await;
    let last = all.last().unwrap();
    assert_eq!(last.what, CheckKind::Protection);
    assert_eq!(last.outcome, CheckOutcome::Warning);
    assert!(
        last.detail.contains("needs no client certificate"),
        "{}",
        last.detail
    );
}
