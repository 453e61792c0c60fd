//! The event stream of a real engine, while things change, while it restarts, and while it hangs.

#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

#[path = "docker_lab/engine.rs"]
mod engine;

use engine::{Engine, Listen, boot, container, gently};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_connectors::docker::DockerConnector;
use wakehub_connectors::{Change, Connector, GuestReport, Health, Watch};
use wakehub_domain::{ErrorKind, NodeKind, PowerState};

/// Ends at SIGTERM, so that stops do not wait for the grace.
const SERVE: [&str; 4] = [
    "lab:1",
    "sh",
    "-c",
    "trap 'exit 0' TERM; while :; do sleep 0.1; done",
];

fn make(engine: &Engine, name: &str, options: &[&str]) -> String {
    engine.docker(&[&["create", "--name", name], options, &SERVE].concat())
}

#[tokio::test]
async fn events() {
    let Some(mut engine) = boot(Listen::Open) else {
        return;
    };
    let connector = Arc::new(DockerConnector::new(engine.over_tcp()));
    let mut told = Listener::new(&engine, &connector).await;

    make(&engine, "web", &[]);
    assert_eq!(told.guest("web").await.state, PowerState::Off);
    engine.docker(&["start", "web"]);
    told.until("web", |one| one.state == PowerState::On).await;
    engine.docker(&["pause", "web"]);
    told.until("web", |one| one.note.as_deref() == Some("paused"))
        .await;
    engine.docker(&["unpause", "web"]);
    told.until("web", |one| one.note.is_none()).await;
    engine.docker(&["rename", "web", "site"]);
    told.gone("web").await;
    told.until("site", |one| one.state == PowerState::On).await;
    engine.docker(&["rm", "-f", "site"]);
    told.gone("site").await;

    let checked = [
        "--health-cmd=test -e /tmp/well",
        "--health-interval=1s",
        "--health-retries=1",
    ];
    make(&engine, "patient", &checked);
    connector.start(&container("patient")).await.unwrap();
    told.until("patient", |one| one.health == Some(Health::Unhealthy))
        .await;
    engine.docker(&["exec", "patient", "touch", "/tmp/well"]);
    told.until("patient", |one| one.health == Some(Health::Healthy))
        .await;
    connector
        .stop(&container("patient"), &gently())
        .await
        .unwrap();
    told.until("patient", |one| one.note.as_deref() == Some("exited (0)"))
        .await;

    engine.stop_daemon();
    assert_eq!(told.end().await.unwrap(), Watch::Ended);
    let error = connector.observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    let error = connector.watch(&mpsc::channel(1).0).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);

    engine.start_daemon();
    let report = connector.observe().await.unwrap();
    assert_eq!(report.guests.len(), 1, "the connector is as new");
    let mut told = Listener::new(&engine, &connector).await;
    engine.docker(&["start", "patient"]);
    told.until("patient", |one| one.state == PowerState::On)
        .await;
    assert_eq!(told.stop_listening().await.unwrap(), Watch::Ended);

    engine.freeze();
    // Nothing else happens in this runtime, so the clock jumps to the deadline.
    tokio::time::pause();
    let error = connector.observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert_eq!(error.message, "no answer within 20 s");
    tokio::time::resume();
    engine.thaw();
    connector.observe().await.unwrap();
}

struct Listener {
    changes: mpsc::Receiver<Change>,
    task: tokio::task::JoinHandle<Result<Watch, wakehub_domain::ConnectorError>>,
}

impl Listener {
    /// Returns once the engine tells: nothing says when its stream stands, so something is changed until it is heard.
    async fn new(engine: &Engine, connector: &Arc<DockerConnector>) -> Listener {
        let (sender, mut changes) = mpsc::channel(64);
        let watching = connector.clone();
        let task = tokio::spawn(async move { watching.watch(&sender).await });
        let id = make(engine, "probe", &[]);
        for round in 0.. {
            engine.docker(&["rename", &id, &format!("probe{round}")]);
            let heard = tokio::time::timeout(Duration::from_millis(100), changes.recv()).await;
            if heard.is_ok() {
                break;
            }
            assert!(round < 100, "nothing told");
        }
        engine.docker(&["rm", &id]);
        Listener { changes, task }
    }

    async fn next(&mut self) -> Change {
        tokio::time::timeout(Duration::from_secs(30), self.changes.recv())
            .await
            .expect("told in time")
            .expect("listening")
    }

    async fn guest(&mut self, name: &str) -> GuestReport {
        self.until(name, |_| true).await
    }

    async fn until(&mut self, name: &str, so: impl Fn(&GuestReport) -> bool) -> GuestReport {
        loop {
            if let Change::Guest(report) = self.next().await
                && report.platform_id == name
                && so(&report)
            {
                return report;
            }
        }
    }

    async fn gone(&mut self, name: &str) {
        let wanted = Change::Gone {
            kind: NodeKind::Container,
            platform_id: name.into(),
        };
        while self.next().await != wanted {}
    }

    async fn end(self) -> Result<Watch, wakehub_domain::ConnectorError> {
        tokio::time::timeout(Duration::from_secs(30), self.task)
            .await
            .expect("ends in time")
            .unwrap()
    }

    async fn stop_listening(self) -> Result<Watch, wakehub_domain::ConnectorError> {
        drop(self.changes);
        tokio::time::timeout(Duration::from_secs(30), self.task)
            .await
            .expect("ends in time")
            .unwrap()
    }
}
