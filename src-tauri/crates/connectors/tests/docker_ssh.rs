//! The Docker connector over a real sshd: a forwarded socket, and Docker's own bridge where that is forbidden.

#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

#[path = "docker_lab/engine.rs"]
mod engine;
#[path = "ssh/sshd.rs"]
#[expect(dead_code, reason = "each test program uses its own part")]
mod sshd;

use engine::{Engine, Listen, boot, container, gently, seen};
use sshd::Sshd;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_connectors::docker::{DockerConnector, DockerEndpoint};
use wakehub_connectors::ssh::{SshEndpoint, SshHost};
use wakehub_connectors::{Change, Check, CheckKind, CheckOutcome, Connector, Watch};
use wakehub_domain::{ErrorKind, PowerState};

const SERVE: &str = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

fn connect(engine: &Engine, endpoint: SshEndpoint) -> DockerConnector {
    let host = SshHost::new(endpoint);
    DockerConnector::new(DockerEndpoint::Ssh { host })
        .with_socket_on_host(engine.socket().display().to_string())
}

/// The host's own `docker` command, for this engine.
fn install_docker(sshd: &Sshd, engine: &Engine) {
    let script = "PATH=/usr/local/bin:/usr/bin:/bin DOCKER_HOST=unix://SOCKET exec docker \"$@\"";
    let socket = engine.socket().display().to_string();
    sshd.command("docker", &script.replace("SOCKET", &socket));
}

async fn checks(connector: &DockerConnector) -> Vec<Check> {
    let (sender, mut receiver) = mpsc::channel(16);
    connector.test(&sender).await;
    drop(sender);
    let mut all = Vec::new();
    while let Some(check) = receiver.recv().await {
        all.push(check);
    }
    all
}

fn outcomes(checks: &[Check]) -> Vec<(CheckKind, CheckOutcome)> {
    let outcome = |check: &Check| (check.what, check.outcome);
    checks.iter().map(outcome).collect()
}

async fn works(engine: &Engine, connector: &DockerConnector) {
    connector.start(&container("web")).await.unwrap();
    assert!(engine.is_running("web"));
    assert_eq!(seen(connector, "web").await.unwrap().state, PowerState::On);
    connector.stop(&container("web"), &gently()).await.unwrap();
    assert!(!engine.is_running("web"));
    for _ in 0..20 {
        connector.observe().await.unwrap();
    }
    assert_eq!(connector.connections_opened(), 1);
    let error = connector.start(&container("nope")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "start container nope: No such container: nope"
    );
}

#[tokio::test]
async fn over_ssh() {
    use CheckKind::{Login, Protection, Reachable, Trusted, Version};
    use CheckOutcome::{Failed, Passed, Skipped};
    let (Some(mut engine), Some(sshd)) = (boot(Listen::Open), Sshd::start()) else {
        return;
    };
    engine.docker(&[
        "create",
        "--name=web",
        "-p=8080:80",
        "lab:1",
        "sh",
        "-c",
        SERVE,
    ]);

    // No docker command is needed on the host.
    let connector = Arc::new(connect(&engine, sshd.endpoint()));
    works(&engine, &connector).await;
    let found = connector.discover().await.unwrap();
    assert_eq!(found[0].addresses, std::slice::from_ref(&sshd.address));
    let all = checks(&connector).await;
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
    measures_many(&engine, &connector).await;
    listens(&engine, &sshd, &connector).await;

    // Not the accepted host key.
    let mut stranger = sshd.endpoint();
    stranger.accepted.clear();
    let all = checks(&connect(&engine, stranger)).await;
    assert_eq!(
        outcomes(&all),
        [
            (Reachable, Passed),
            (Trusted, Failed),
            (Login, Skipped),
            (Version, Skipped)
        ]
    );
    let presented = all[1].presented.clone().unwrap();
    assert_eq!(presented.fingerprint, sshd.host_key().fingerprint);

    let wrong = connect(&engine, sshd.with_password("root", "not this"));
    let error = wrong.observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorised, "{error}");
    let all = checks(&wrong).await;
    assert_eq!(
        outcomes(&all),
        [
            (Reachable, Passed),
            (Trusted, Passed),
            (Login, Failed),
            (Version, Skipped)
        ]
    );

    // A user who may not use the socket; the docker command says so.
    install_docker(&sshd, &engine);
    let guest = connect(&engine, sshd.with_password("guest", sshd::PASSWORD));
    let error = guest.observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorised, "{error}");
    assert!(error.message.contains("permission denied"), "{error}");
    let advice = checks(&guest).await[2].advice.clone().unwrap();
    assert!(advice.contains("group"), "{advice}");

    engine.stop_daemon();
    let error = connector.observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    let words = "docker.sock: connect: no such file or directory";
    assert!(error.message.contains(words), "{error}");
    let elsewhere = DockerConnector::new(DockerEndpoint::Ssh {
        host: SshHost::new(sshd.endpoint()),
    })
    .with_socket_on_host("/nonexistent/docker.sock");
    sshd.command("docker", "echo no such thing >&2; exit 127");
    let error = elsewhere.observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
    assert!(
        error.message.contains("/nonexistent/docker.sock"),
        "{error}"
    );
    engine.start_daemon();
    connector.observe().await.unwrap();
}

/// More than sshd allows commands at once.
async fn measures_many(engine: &Engine, connector: &DockerConnector) {
    let names: Vec<String> = (0..12).map(|at| format!("many{at}")).collect();
    for name in &names {
        engine.docker(&[
            "run", "-d", "--rm", "--name", name, "lab:1", "sh", "-c", SERVE,
        ]);
    }
    let wanted: Vec<_> = names.iter().map(|name| container(name)).collect();
    for _ in 0..2 {
        let usages = connector.sample(&wanted).await.unwrap();
        assert_eq!(usages.len(), names.len());
        assert!(usages.iter().all(|usage| usage.cpu.is_some()), "{usages:?}");
    }
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    engine.docker(&[&["rm", "-f"], &all[..]].concat());
}

/// Events come over the same session, end with it, and come again on the next.
async fn listens(engine: &Engine, sshd: &Sshd, connector: &Arc<DockerConnector>) {
    let (sender, mut changes) = mpsc::channel(64);
    let watching = connector.clone();
    let task = tokio::spawn(async move { watching.watch(&sender).await });
    let web_is_on = async {
        loop {
            if let Some(Change::Guest(report)) = changes.recv().await
                && report.platform_id == "web"
            {
                return;
            }
        }
    };
    let change = async {
        loop {
            engine.try_docker(&["restart", "-t", "2", "web"]);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = web_is_on => {}
        () = change => {}
        () = tokio::time::sleep(Duration::from_secs(30)) => panic!("nothing told"),
    }
    assert_eq!(sshd.log_lines("Accepted publickey"), 1, "one login for all");
    sshd.signal_sessions("KILL");
    let ended = tokio::time::timeout(Duration::from_secs(30), task).await;
    match ended.unwrap().unwrap() {
        Ok(watch) => assert_eq!(watch, Watch::Ended),
        Err(error) => assert_eq!(error.kind, ErrorKind::Unreachable, "{error}"),
    }
    connector.observe().await.unwrap();
}

#[tokio::test]
async fn where_forwarding_is_forbidden() {
    let (Some(engine), Some(sshd)) = (
        boot(Listen::Open),
        Sshd::with(&["AllowStreamLocalForwarding no"]),
    ) else {
        return;
    };
    engine.docker(&["create", "--name=web", "lab:1", "sh", "-c", SERVE]);
    install_docker(&sshd, &engine);
    let host = SshHost::new(sshd.endpoint());
    let endpoint = DockerEndpoint::Ssh { host: host.clone() };
    let socket = engine.socket().display().to_string();
    let connector = DockerConnector::new(endpoint).with_socket_on_host(socket);
    works(&engine, &connector).await;
    let all = checks(&connector).await;
    assert_eq!(all[2].detail, "SSH, docker system dial-stdio");
    measures_many(&engine, &connector).await;
    // What is kept for the next sample leaves room for other commands.
    let others = (0..3).map(|_| host.exec("true", b""));
    for output in futures_util::future::join_all(others).await {
        assert!(output.unwrap().is_success());
    }

    let (sender, mut changes) = mpsc::channel(64);
    let restarts = async {
        loop {
            engine.try_docker(&["restart", "-t", "2", "web"]);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        change = changes.recv() => assert!(change.is_some()),
        ended = connector.watch(&sender) => panic!("{ended:?}"),
        () = restarts => {}
        () = tokio::time::sleep(Duration::from_secs(30)) => panic!("nothing told"),
    }
}
