//! The Docker connector against a real engine, over its socket and over TCP.

#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

#[path = "docker_lab/engine.rs"]
mod engine;

use engine::{Engine, Listen, boot, container, gently, seen, seen_to_be};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_connectors::docker::{DockerConnector, DockerEndpoint};
use wakehub_connectors::{CheckKind, CheckOutcome, Connector, GuestReport, Health, StopOptions};
use wakehub_domain::{Capability, ErrorKind, NodeKind, PowerState, Retry};

/// Ends at SIGTERM, so that stops do not wait for the grace.
const SERVE: [&str; 4] = [
    "lab:1",
    "sh",
    "-c",
    "trap 'exit 0' TERM; while :; do sleep 0.1; done",
];

fn make(engine: &Engine, name: &str, options: &[&str], command: &[&str]) -> String {
    engine.docker(&[&["create", "--name", name], options, command].concat())
}

fn connect(endpoint: DockerEndpoint) -> DockerConnector {
    DockerConnector::new(endpoint)
}

/// A container's life, over the local socket.
#[tokio::test]
async fn containers() {
    let Some(engine) = boot(Listen::Open) else {
        return;
    };
    let connector = connect(engine.over_socket());
    starts_and_stops(&engine, &connector).await;
    exits_at_once(&engine, &connector).await;
    refuses_in_its_own_words(&engine, &connector).await;
    pauses(&engine, &connector).await;
    reports_health(&engine, &connector).await;
    finds_a_recreated_container(&engine, &connector).await;
    does_not_take_a_name_for_an_id(&engine, &connector).await;
    keeps_the_grace_or_kills(&engine, &connector).await;
    discovers(&engine, &connector).await;
    reuses_connections(&engine).await;
    survives_dropped_calls(&engine, &connector).await;
    checks_the_connection(&engine).await;
}

async fn starts_and_stops(engine: &Engine, connector: &DockerConnector) {
    assert_eq!(connector.capability(), Capability::DockerApi);
    make(engine, "web", &[], &SERVE);
    let report = connector.observe().await.unwrap();
    assert_eq!(report.itself, Some(PowerState::On));
    let web = seen(connector, "web").await.unwrap();
    assert_eq!(web.state, PowerState::Off);
    assert_eq!(web.note.as_deref(), Some("created"));
    assert_eq!(web.kind, NodeKind::Container);

    connector.start(&container("web")).await.unwrap();
    assert!(engine.is_running("web"));
    let pid = engine.ask("web", "{{.State.Pid}}");
    connector.start(&container("web")).await.unwrap();
    assert_eq!(engine.ask("web", "{{.State.Pid}}"), pid, "started twice");
    assert_eq!(seen(connector, "web").await.unwrap().state, PowerState::On);

    connector.stop(&container("web"), &gently()).await.unwrap();
    assert!(!engine.is_running("web"));
    connector.stop(&container("web"), &gently()).await.unwrap();
    let web = seen(connector, "web").await.unwrap();
    assert_eq!(web.state, PowerState::Off);
    assert_eq!(web.note.as_deref(), Some("exited (0)"));
}

async fn exits_at_once(engine: &Engine, connector: &DockerConnector) {
    let script = "seq 1 30; echo the last words; exit 3";
    make(engine, "brief", &[], &["lab:1", "sh", "-c", script]);
    let error = connector.start(&container("brief")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(error.operation, "start container brief");
    assert!(
        error
            .message
            .starts_with("exited at once with code 3; its last output:\n"),
        "{error}"
    );
    assert!(error.message.contains("the last words"), "{error}");
    assert!(error.message.lines().count() <= 21, "{error}");
    let brief = seen(connector, "brief").await.unwrap();
    assert_eq!(brief.note.as_deref(), Some("exited (3)"));

    // 100 KB in one line.
    let flood = "head=$(seq 1 20000); echo $head; exit 1";
    make(engine, "flood", &[], &["lab:1", "sh", "-c", flood]);
    let error = connector.start(&container("flood")).await.unwrap_err();
    assert!(error.message.len() < 5000, "{} bytes", error.message.len());

    make(
        engine,
        "loop",
        &["--restart=always"],
        &["lab:1", "sh", "-c", "exit 7"],
    );
    let error = connector.start(&container("loop")).await.unwrap_err();
    assert!(
        error.message.starts_with("exited at once with code 7"),
        "{error}"
    );
    let looping = seen_to_be(connector, "loop", |one| one.state == PowerState::Starting).await;
    assert_eq!(looping.note.as_deref(), Some("restarting (7)"));
    connector.stop(&container("loop"), &gently()).await.unwrap();
    seen_to_be(connector, "loop", |one| one.state == PowerState::Off).await;

    make(engine, "fleeting", &["--rm"], &["lab:1", "true"]);
    let error = connector.start(&container("fleeting")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected, "{error}");
    assert!(error.message.starts_with("exited at once"), "{error}");
}

async fn refuses_in_its_own_words(engine: &Engine, connector: &DockerConnector) {
    let error = connector.start(&container("nope")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(error.message, "No such container: nope");
    assert_eq!(error.retry, Retry::Never);
    let error = connector
        .stop(&container("nope"), &gently())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "stop container nope: No such container: nope"
    );

    make(engine, "taker", &["-p", "8081:80"], &SERVE);
    make(engine, "taken", &["-p", "8081:80"], &SERVE);
    connector.start(&container("taker")).await.unwrap();
    let error = connector.start(&container("taken")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert!(
        error.message.ends_with("port is already allocated"),
        "{error}"
    );

    make(engine, "absent", &[], &["lab:1", "/nonexistent"]);
    let error = connector.start(&container("absent")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert!(
        error.message.contains("no such file or directory"),
        "{error}"
    );

    for odd in ["../../version", "a/b", "", "ü", "-x", "a b"] {
        let error = connector.start(&container(odd)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Rejected, "{odd}");
        assert!(error.message.ends_with("not a container's name"), "{error}");
    }
}

async fn pauses(engine: &Engine, connector: &DockerConnector) {
    make(engine, "still", &[], &SERVE);
    connector.start(&container("still")).await.unwrap();
    engine.docker(&["pause", "still"]);
    let still = seen(connector, "still").await.unwrap();
    assert_eq!(still.state, PowerState::On, "its memory is in use");
    assert_eq!(still.note.as_deref(), Some("paused"));
    connector.start(&container("still")).await.unwrap();
    assert_eq!(engine.ask("still", "{{.State.Paused}}"), "false");

    engine.docker(&["pause", "still"]);
    connector
        .stop(&container("still"), &gently())
        .await
        .unwrap();
    assert_eq!(
        engine.ask("still", "{{.State.ExitCode}}"),
        "0",
        "ended by itself"
    );
}

async fn reports_health(engine: &Engine, connector: &DockerConnector) {
    let checked = [
        "--health-cmd=test -e /tmp/well",
        "--health-interval=1s",
        "--health-retries=1",
    ];
    make(engine, "patient", &checked, &SERVE);
    connector.start(&container("patient")).await.unwrap();
    let is = |health| move |one: &GuestReport| one.health == Some(health);
    assert_eq!(
        seen(connector, "patient").await.unwrap().health,
        Some(Health::Starting)
    );
    let ill = seen_to_be(connector, "patient", is(Health::Unhealthy)).await;
    assert_eq!(ill.state, PowerState::On);
    engine.docker(&["exec", "patient", "touch", "/tmp/well"]);
    seen_to_be(connector, "patient", is(Health::Healthy)).await;
}

const SHOP: [&str; 6] = [
    "--label=com.docker.compose.project=shop",
    "--label=com.docker.compose.service=db",
    "--label=com.docker.compose.container-number=1",
    "--label=com.docker.compose.oneoff=False",
    "--cpus=0.5",
    "--memory=32m",
];

async fn finds_a_recreated_container(engine: &Engine, connector: &DockerConnector) {
    let before = make(engine, "shop-db-1", &SHOP, &SERVE);
    let first = seen(connector, "shop-db-1").await.unwrap();
    engine.docker(&["rm", "shop-db-1"]);
    assert_eq!(seen(connector, "shop-db-1").await, None);
    // Compose v1 and v2 join the name with different signs.
    let after = make(engine, "shop_db_1", &SHOP, &SERVE);
    assert_ne!(before, after);
    let second = seen(connector, "shop_db_1").await.unwrap();
    assert_eq!(first.identity.as_deref(), Some("shop/db"));
    assert_eq!(second.identity, first.identity);
    connector.start(&container("shop_db_1")).await.unwrap();
    assert!(engine.is_running("shop_db_1"));
}

/// An engine takes any unambiguous beginning of an id for the container, so a removed `cafe` could name another one.
async fn does_not_take_a_name_for_an_id(engine: &Engine, connector: &DockerConnector) {
    let id = make(engine, "victim", &[], &SERVE);
    connector.start(&container("victim")).await.unwrap();
    let beginning = &id[..12];
    assert_eq!(engine.ask(beginning, "{{.Name}}"), "/victim");
    for error in [
        connector
            .stop(&container(beginning), &gently())
            .await
            .unwrap_err(),
        connector.start(&container(beginning)).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Rejected);
        assert_eq!(error.message, format!("No such container: {beginning}"));
    }
    assert!(engine.is_running("victim"));
}

async fn keeps_the_grace_or_kills(engine: &Engine, connector: &DockerConnector) {
    // As process 1 it ignores SIGTERM.
    let deaf = ["lab:1", "sleep", "1000"];
    make(engine, "deaf", &["--stop-timeout=1"], &deaf);
    connector.start(&container("deaf")).await.unwrap();
    connector.stop(&container("deaf"), &gently()).await.unwrap();
    assert_eq!(engine.ask("deaf", "{{.State.ExitCode}}"), "137");
    assert_eq!(
        seen(connector, "deaf").await.unwrap().note.as_deref(),
        Some("exited (137)")
    );

    make(engine, "stubborn", &["--stop-timeout=60"], &deaf);
    connector.start(&container("stubborn")).await.unwrap();
    let hurried = StopOptions {
        timeout: Duration::from_secs(1),
        ..gently()
    };
    let error = connector
        .stop(&container("stubborn"), &hurried)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert_eq!(error.message, "has not stopped within 1 s");
    assert!(engine.is_running("stubborn"), "not forced");
    let forced = StopOptions {
        force: true,
        ..hurried
    };
    connector
        .stop(&container("stubborn"), &forced)
        .await
        .unwrap();
    assert!(!engine.is_running("stubborn"));
}

async fn discovers(engine: &Engine, connector: &DockerConnector) {
    let labels = [
        "--label=com.docker.compose.project=shop",
        "--label=com.docker.compose.service=front",
        "--label=com.docker.compose.depends_on=db:service_healthy:false,redis:service_started:true",
        "-p=8082:80",
        "-p=127.0.0.1:8083:81",
        "-p=8084:53/udp",
        "--cpus=1.5",
        "--memory=64m",
    ];
    make(engine, "front", &labels, &SERVE);
    let over_network = connect(engine.over_tcp());
    let found = over_network.discover().await.unwrap();
    let seen: Vec<GuestReport> = connector.observe().await.unwrap().guests;
    assert_eq!(found.len(), seen.len());
    let front = found.iter().find(|one| one.report.name == "front").unwrap();
    assert_eq!(front.ports, [8082]);
    assert_eq!(front.addresses, [engine.address()]);
    assert_eq!(front.image.as_deref(), Some("lab:1"));
    assert_eq!(front.compose_project.as_deref(), Some("shop"));
    assert_eq!(front.compose_service.as_deref(), Some("front"));
    assert_eq!(front.cores, Some(1.5));
    assert_eq!(front.memory, Some(64 << 20));
    assert_eq!(front.suggested_dependencies, ["shop_db_1"]);
    over_network.start(&container("front")).await.unwrap();
    let again = over_network.discover().await.unwrap();
    let front = again.iter().find(|one| one.report.name == "front").unwrap();
    assert_eq!(front.ports, [8082], "the same when it runs");
    assert_eq!(front.report.state, PowerState::On);
}

async fn reuses_connections(engine: &Engine) {
    for endpoint in [engine.over_socket(), engine.over_tcp()] {
        let connector = Arc::new(connect(endpoint));
        for _ in 0..20 {
            connector.observe().await.unwrap();
        }
        connector.start(&container("web")).await.unwrap();
        connector.stop(&container("web"), &gently()).await.unwrap();
        assert_eq!(connector.connections_opened(), 1);
        connector.close().await;
        connector.observe().await.unwrap();
        assert_eq!(connector.connections_opened(), 2, "anew after close");
        let looks = (0..8).map(|_| {
            let connector = connector.clone();
            tokio::spawn(async move { connector.observe().await.map(|_| ()) })
        });
        for look in futures_util::future::join_all(looks).await {
            look.unwrap().unwrap();
        }
    }
}

/// At whatever point a call is dropped, the next one works.
async fn survives_dropped_calls(engine: &Engine, connector: &DockerConnector) {
    for micros in [0, 50, 200, 500, 1000, 5000] {
        let limit = Duration::from_micros(micros);
        let _ = tokio::time::timeout(limit, connector.observe()).await;
        let _ = tokio::time::timeout(limit, connector.start(&container("web"))).await;
        let _ = tokio::time::timeout(limit, connector.stop(&container("web"), &gently())).await;
    }
    connector.start(&container("web")).await.unwrap();
    assert!(engine.is_running("web"));
    connector.stop(&container("web"), &gently()).await.unwrap();
    assert!(!engine.is_running("web"));
}

pub async fn checks(connector: &DockerConnector) -> Vec<(CheckKind, CheckOutcome, String)> {
    let (sender, mut receiver) = mpsc::channel(16);
    connector.test(&sender).await;
    drop(sender);
    let mut all = Vec::new();
    while let Some(check) = receiver.recv().await {
        assert!(
            check.outcome != CheckOutcome::Warning || check.advice.is_some(),
            "{check:?}"
        );
        all.push((check.what, check.outcome, check.detail));
    }
    all
}

async fn checks_the_connection(engine: &Engine) {
    use CheckKind::{Login, Protection, Reachable, Version};
    use CheckOutcome::{Failed, Passed, Skipped, Warning};
    let open = checks(&connect(engine.over_tcp())).await;
    let kinds: Vec<_> = open
        .iter()
        .map(|(what, outcome, _)| (*what, *outcome))
        .collect();
    assert_eq!(
        kinds,
        [
            (Reachable, Passed),
            (Login, Passed),
            (Version, Passed),
            (Protection, Warning)
        ]
    );
    assert!(open[2].2.starts_with("Docker "), "{}", open[2].2);
    assert!(open[2].2.contains(", API 1."), "{}", open[2].2);
    assert!(open[3].2.starts_with("unprotected: "), "{}", open[3].2);

    let local = checks(&connect(engine.over_socket())).await;
    assert_eq!(local[3], (Protection, Passed, "local socket".into()));

    let nobody = DockerEndpoint::Tcp {
        host: engine.address().to_owned(),
        port: 1,
    };
    let refused = checks(&connect(nobody)).await;
    assert_eq!(
        refused,
        [
            (
                Reachable,
                Failed,
                format!("{}:1: connection refused", engine.address())
            ),
            (Login, Skipped, String::new()),
            (Version, Skipped, String::new()),
        ]
    );
    let absent = DockerEndpoint::Unix {
        path: "/nonexistent/docker.sock".into(),
    };
    let absent = checks(&connect(absent)).await;
    assert_eq!(
        absent[0].2,
        "/nonexistent/docker.sock: no such file or directory"
    );
}
