//! The Docker connector against Podman's service, a second engine with the same API and other habits.

#[path = "docker_lab/engine.rs"]
mod engine;

use engine::{Podman, boot_podman, container, gently, seen};
use tokio::sync::mpsc;
use wakehub_connectors::docker::{DockerConnector, DockerEndpoint};
use wakehub_connectors::{CheckKind, CheckOutcome, Connector};
use wakehub_domain::{ErrorKind, PowerState};

fn make(podman: &Podman, name: &str, options: &[&str], script: &str) {
    let command = ["lab:1", "sh", "-c", script];
    let name = ["create", "--name", name];
    podman.podman(&[&name[..], &Podman::MODEST, options, &command].concat());
}

const SERVE: &str = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

#[tokio::test]
async fn podman() {
    let Some(podman) = boot_podman() else {
        return;
    };
    let connector = DockerConnector::new(DockerEndpoint::Unix {
        path: podman.socket(),
    });
    let labels = [
        "--label=com.docker.compose.project=shop",
        "--label=com.docker.compose.service=web",
    ];
    make(&podman, "web", &labels, SERVE);
    let web = seen(&connector, "web").await.unwrap();
    assert_eq!(web.state, PowerState::Off);
    assert_eq!(web.identity.as_deref(), Some("shop/web"));

    connector.start(&container("web")).await.unwrap();
    connector.start(&container("web")).await.unwrap();
    assert_eq!(seen(&connector, "web").await.unwrap().state, PowerState::On);
    podman.podman(&["pause", "web"]);
    let paused = seen(&connector, "web").await.unwrap();
    assert_eq!(paused.note.as_deref(), Some("paused"));
    connector.stop(&container("web"), &gently()).await.unwrap();
    connector.stop(&container("web"), &gently()).await.unwrap();
    let stopped = seen(&connector, "web").await.unwrap();
    assert_eq!(stopped.state, PowerState::Off);
    assert_eq!(stopped.note.as_deref(), Some("exited (0)"));

    make(&podman, "brief", &[], "echo the last words; exit 3");
    let error = connector.start(&container("brief")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(
        error.message,
        "exited at once with code 3; its last output:\nthe last words"
    );

    let error = connector.start(&container("nope")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(
        error.message,
        "no container with name or ID \"nope\" found: no such container"
    );

    assert_eq!(connector.connections_opened(), 1);

    let found = connector.discover().await.unwrap();
    let web = found.iter().find(|one| one.report.name == "web").unwrap();
    assert_eq!(web.compose_service.as_deref(), Some("web"));
    assert_eq!(web.image.as_deref(), Some("localhost/lab:1"));

    let (sender, mut checks) = mpsc::channel(16);
    connector.test(&sender).await;
    drop(sender);
    let mut version = None;
    while let Some(check) = checks.recv().await {
        assert_eq!(check.outcome, CheckOutcome::Passed, "{check:?}");
        if check.what == CheckKind::Version {
            version = Some(check.detail);
        }
    }
    assert!(version.unwrap().starts_with("Podman "));
}
