//! Every connector against the same promises. A new connector, or a new way to one, is a new row here.

#[path = "docker_lab/engine.rs"]
mod engine;
#[path = "proxmox_fake/fake.rs"]
mod fake;
#[path = "ssh/sshd.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "each test program uses its own part, and fails where it cannot be set up"
)]
mod sshd;
#[path = "conformance/suite.rs"]
mod suite;

use async_trait::async_trait;
use engine::{Listen, Podman};
use fake::Fake;
use sshd::Sshd;
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use suite::{Subject, conform};
use tokio::net::UdpSocket;
use wakehub_connectors::docker::{DockerConnector, DockerEndpoint};
use wakehub_connectors::proxmox::{ProxmoxConnector, ProxmoxEndpoint};
use wakehub_connectors::ssh::{SshConnector, SshEndpoint, SshHost, SshLogin, Timing};
use wakehub_connectors::wol::{WolConnector, WolEndpoint};
use wakehub_connectors::{CheckKind, Connector, Target};
use wakehub_domain::{Capability, NodeKind, Secret};

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
    socket_on_host: Option<String>,
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
        if let Some(path) = &self.socket_on_host {
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

#[tokio::test]
async fn docker_over_ssh() {
    let (Some(engine), Some(sshd)) = (engine::boot(Listen::Open), Sshd::start()) else {
        return;
    };
    engine.docker(&[&["create", "--name", "web"], &SERVE[..]].concat());
    conform(&Docker {
        name: "over SSH",
        endpoint: DockerEndpoint::Ssh {
            host: SshHost::new(sshd.with_password("root", sshd::PASSWORD)),
        },
        socket_on_host: Some(engine.socket().display().to_string()),
        is_on: &|| engine.is_running("web"),
        secrets: vec![sshd::PASSWORD.into()],
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

struct Ssh {
    name: &'static str,
    sshd: Sshd,
    endpoint: SshEndpoint,
    secrets: Vec<String>,
}

/// The machine is on, and stays so in truth: what would shut it down leaves a file behind.
#[async_trait(?Send)]
impl Subject for Ssh {
    fn name(&self) -> String {
        format!("SSH {}", self.name)
    }

    fn capability(&self) -> Capability {
        Capability::Ssh
    }

    fn connect(&self) -> (Arc<dyn Connector>, String) {
        let connector = SshConnector::new(SshHost::new(self.endpoint.clone()));
        let shown = format!("{connector:?}");
        (Arc::new(connector), shown)
    }

    fn to_port(&self, port: u16) -> Option<Arc<dyn Connector>> {
        let endpoint = SshEndpoint {
            address: "127.0.0.1".to_owned(),
            port,
            ..self.endpoint.clone()
        };
        let host = SshHost::with_timing(endpoint, QUICK);
        Some(Arc::new(SshConnector::new(host)))
    }

    fn target(&self) -> Target {
        Target::Itself
    }

    fn can_start(&self) -> bool {
        false
    }

    async fn is_on(&self) -> bool {
        !self.sshd.path("off").exists()
    }

    fn unknown(&self) -> Vec<(Target, String)> {
        vec![(fake::vm(100), self.endpoint.to_string())]
    }

    fn secrets(&self) -> Vec<String> {
        self.secrets.clone()
    }
}

#[tokio::test]
async fn ssh_with_a_password() {
    let Some(sshd) = Sshd::start() else { return };
    power_off_leaves_a_file(&sshd);
    conform(&Ssh {
        name: "with a password",
        endpoint: sshd.with_password("root", sshd::PASSWORD),
        sshd,
        secrets: vec![sshd::PASSWORD.into()],
    })
    .await;
}

#[tokio::test]
async fn ssh_with_a_key() {
    let Some(sshd) = Sshd::start() else { return };
    power_off_leaves_a_file(&sshd);
    let path = sshd.path("id_locked");
    let key = std::fs::read_to_string(&path).expect("a key");
    let mut secrets: Vec<String> = key
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::to_owned)
        .collect();
    // The last line may be too short to look for.
    secrets.retain(|line| line.len() >= 20);
    secrets.push(sshd::PASSPHRASE.into());
    let mut endpoint = sshd.endpoint();
    endpoint.login = SshLogin::Key {
        path,
        passphrase: Some(Secret::new(sshd::PASSPHRASE)),
    };
    conform(&Ssh {
        name: "with a key",
        endpoint,
        sshd,
        secrets,
    })
    .await;
}

fn power_off_leaves_a_file(sshd: &Sshd) {
    let off = sshd.path("off");
    sshd.command("systemctl", &format!(": > {}", off.display()));
}

const MAC: &str = "02:57:4b:00:00:03";
const SECURE_ON: &str = "a1:b2:c3:d4:e5:f6";

struct Wol {
    endpoint: WolEndpoint,
    /// Where the card of the sleeping machine would be.
    card: UdpSocket,
}

#[async_trait(?Send)]
impl Subject for Wol {
    fn name(&self) -> String {
        "Wake-on-LAN".into()
    }

    fn capability(&self) -> Capability {
        Capability::Wol
    }

    fn connect(&self) -> (Arc<dyn Connector>, String) {
        let shown = format!("{:?}", self.endpoint);
        (Arc::new(WolConnector::new(self.endpoint.clone())), shown)
    }

    /// Nobody answers a magic packet, so that nobody can be missed.
    fn to_port(&self, _: u16) -> Option<Arc<dyn Connector>> {
        None
    }

    fn target(&self) -> Target {
        Target::Itself
    }

    fn can_stop(&self) -> bool {
        false
    }

    /// Each start must send a packet with six times FF, sixteen times the address, and the password.
    async fn is_on(&self) -> bool {
        let mut packet = [0; 200];
        let received = tokio::time::timeout(Duration::from_secs(5), self.card.recv(&mut packet));
        let Ok(Ok(length)) = received.await else {
            return false;
        };
        let mac = [0x02, 0x57, 0x4b, 0x00, 0x00, 0x03];
        let mut expected = vec![0xff; 6];
        expected.extend(mac.repeat(16));
        expected.extend([0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6]);
        packet[..length] == expected
    }

    fn unknown(&self) -> Vec<(Target, String)> {
        vec![(fake::vm(100), MAC.into())]
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECURE_ON.into(), SECURE_ON.replace(':', "")]
    }

    fn first_check(&self) -> CheckKind {
        CheckKind::Packets
    }
}

#[tokio::test]
async fn wake_on_lan() {
    if !engine::available(&["ip", "nsenter"]) {
        return;
    }
    // An interface of our own, so that no packet leaves for a real network.
    let network = engine::Network::new();
    let card = UdpSocket::bind((network.ours.as_str(), 9))
        .await
        .expect("the discard port");
    conform(&Wol {
        endpoint: WolEndpoint {
            mac: MAC.into(),
            address: Some(network.ours.clone()),
            broadcast: None,
            interface: Some(network.name.clone()),
            password: Some(Secret::new(SECURE_ON)),
        },
        card,
    })
    .await;
}
