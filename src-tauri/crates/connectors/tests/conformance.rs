//! Every connector against the same promises. A new connector, or a new way to one, is a new row here.

#[path = "docker_lab/engine.rs"]
mod engine;
#[path = "proxmox_fake/fake.rs"]
mod fake;
#[path = "conformance/suite.rs"]
mod suite;

use async_trait::async_trait;
use engine::{Listen, Podman};
use fake::Fake;
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use suite::{Subject, conform};
use wakehub_connectors::docker::{DockerConnector, DockerEndpoint};
use wakehub_connectors::proxmox::{ProxmoxConnector, ProxmoxEndpoint};
use wakehub_connectors::ssh::{SshHost, Timing};
use wakehub_connectors::{Connector, Target};
use wakehub_domain::{Capability, NodeKind};

const SERVE: [&str; 4] = [
    "lab:1",
    "sh",
    "-c",
    "trap 'exit 0' TERM; while :; do sleep 0.1; done",
];

/// An SSH handshake runs on a thread of its own, for which no clock can be paused.
const QUICK: Timing = Timing {
    operation: Duration::from_secs(1),
    keep_alive: Duration::from_secs(30),
    ping: Duration::from_secs(1),
};

struct Docker<'a> {
    name: &'static str,
    endpoint: DockerEndpoint,
    socket_on_host: Option<&'static str>,
    is_on: &'a dyn Fn() -> bool,
    secrets: Vec<String>,
}

#[async_trait(?Send)]
impl Subject for Docker<'_> {
    fn name(&self) -> String {
        format!("Docker {}", self.name)
    }

    fn capability(&self) -> Capability {
        Capability::DockerApi
    }

    fn connect(&self) -> (Arc<dyn Connector>, String) {
        let mut connector = DockerConnector::new(self.endpoint.clone());
        if let Some(path) = self.socket_on_host {
            connector = connector.with_socket_on_host(path);
        }
        let shown = format!("{connector:?}");
        (Arc::new(connector), shown)
    }

    fn to_port(&self, to: u16) -> Option<Arc<dyn Connector>> {
        let mut endpoint = self.endpoint.clone();
        match &mut endpoint {
            DockerEndpoint::Tcp { host, port } | DockerEndpoint::Tls { host, port, .. } => {
                (*host, *port) = ("127.0.0.1".to_owned(), to);
            }
            DockerEndpoint::Ssh { host } => {
                let mut ssh = host.endpoint().clone();
                (ssh.address, ssh.port) = ("127.0.0.1".to_owned(), to);
                *host = SshHost::with_timing(ssh, QUICK);
            }
            DockerEndpoint::Unix { .. } => return None,
        }
        Some(Arc::new(DockerConnector::new(endpoint)))
    }

    fn to_socket(&self, to: &Path) -> Option<Arc<dyn Connector>> {
        match &self.endpoint {
            DockerEndpoint::Unix { .. } => {
                let path = to.to_owned();
                Some(Arc::new(DockerConnector::new(DockerEndpoint::Unix {
                    path,
                })))
            }
            DockerEndpoint::Tcp { .. }
            | DockerEndpoint::Tls { .. }
            | DockerEndpoint::Ssh { .. } => None,
        }
    }

    fn target(&self) -> Target {
        engine::container("web")
    }

    async fn is_on(&self) -> bool {
        (self.is_on)()
    }

    fn unknown(&self) -> Vec<(Target, String)> {
        vec![
            (engine::container("ghost"), "ghost".into()),
            (engine::container("../ghost"), "../ghost".into()),
            (fake::vm(100), "100".into()),
            (Target::Itself, "machine".into()),
        ]
    }

    fn secrets(&self) -> Vec<String> {
        self.secrets.clone()
    }
}

#[tokio::test]
async fn docker_over_socket_and_tcp() {
    let Some(engine) = engine::boot(Listen::Open) else {
        return;
    };
    engine.docker(&[&["create", "--name", "web"], &SERVE[..]].concat());
    for (name, endpoint) in [
        ("over its socket", engine.over_socket()),
        ("over TCP", engine.over_tcp()),
    ] {
        conform(&Docker {
            name,
            endpoint,
            socket_on_host: None,
            is_on: &|| engine.is_running("web"),
            secrets: Vec::new(),
        })
        .await;
    }
}

#[tokio::test]
async fn docker_over_tls() {
    let Some(engine) = engine::boot(Listen::Certificates) else {
        return;
    };
    engine.docker(&[&["create", "--name", "web"], &SERVE[..]].concat());
    let key = std::fs::read_to_string(engine.certs.file("client.key")).expect("a key");
    conform(&Docker {
        name: "over TLS",
        endpoint: engine.over_tls("client"),
        socket_on_host: None,
        is_on: &|| engine.is_running("web"),
        secrets: key
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .map(str::to_owned)
            .collect(),
    })
    .await;
}

#[tokio::test]
async fn docker_of_podman() {
    let Some(podman) = engine::boot_podman() else {
        return;
    };
    let create = ["create", "--name", "web"];
    podman.podman(&[&create[..], &Podman::MODEST, &SERVE].concat());
    conform(&Docker {
        name: "of Podman",
        endpoint: DockerEndpoint::Unix {
            path: podman.socket(),
        },
        socket_on_host: None,
        is_on: &|| podman.podman(&["inspect", "-f", "{{.State.Running}}", "web"]) == "true",
        secrets: Vec::new(),
    })
    .await;
}

struct Proxmox<'a> {
    name: &'static str,
    endpoint: ProxmoxEndpoint,
    fake: &'a RefCell<Fake>,
    target: u32,
}

impl Proxmox<'_> {
    fn to(&self, endpoint: ProxmoxEndpoint) -> ProxmoxConnector {
        ProxmoxConnector::new(endpoint)
    }
}

#[async_trait(?Send)]
impl Subject for Proxmox<'_> {
    fn name(&self) -> String {
        format!("Proxmox {}", self.name)
    }

    fn capability(&self) -> Capability {
        Capability::ProxmoxApi
    }

    fn connect(&self) -> (Arc<dyn Connector>, String) {
        let shown = format!("{:?}", self.endpoint);
        (Arc::new(self.to(self.endpoint.clone())), shown)
    }

    fn to_port(&self, port: u16) -> Option<Arc<dyn Connector>> {
        let endpoint = ProxmoxEndpoint {
            url: format!("https://127.0.0.1:{port}"),
            ..self.endpoint.clone()
        };
        Some(Arc::new(self.to(endpoint)))
    }

    fn target(&self) -> Target {
        fake::vm(self.target)
    }

    #[expect(
        clippy::await_holding_refcell_ref,
        reason = "nobody else asks meanwhile"
    )]
    async fn is_on(&self) -> bool {
        self.fake.borrow_mut().status(self.target).await == "running"
    }

    fn unknown(&self) -> Vec<(Target, String)> {
        vec![
            (fake::vm(999), "999".into()),
            (fake::lxc(999), "999".into()),
            (fake::vm(101), "101".into()),
            (engine::container("ghost"), "ghost".into()),
            (
                Target::Guest {
                    kind: NodeKind::Vm,
                    platform_id: "../100".into(),
                },
                "../100".into(),
            ),
        ]
    }

    fn secrets(&self) -> Vec<String> {
        vec![fake::PASSWORD.into(), fake::TOKEN_SECRET.into()]
    }
}

#[tokio::test]
async fn proxmox() {
    let Some(fake) = fake::fake(fake::machine1()).await else {
        return;
    };
    let fake = RefCell::new(fake);
    let ways = {
        let fake = fake.borrow();
        [
            ("with a password", fake.endpoint()),
            ("with a token", fake.with_token()),
        ]
    };
    for (name, endpoint) in ways {
        conform(&Proxmox {
            name,
            endpoint,
            fake: &fake,
            target: 100,
        })
        .await;
    }
}
