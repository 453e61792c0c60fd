use super::*;
use async_trait::async_trait;
use tokio::sync::mpsc;
use wakehub_connectors::reach::Sighting;
use wakehub_connectors::{Check, Connector, Discovered, Report, StopOptions, Target};
use wakehub_domain::idle::{Criteria, IdleRule, JellyfinProbe, LastAccess, QbittorrentProbe};
use wakehub_domain::{NodeKind, Probe};

use crate::secrets::{SecretError, SecretKey, Secrets};
use crate::world::{ConnectionSpec, World};

/// Every question has moved a KiB.
struct Asked;

#[async_trait]
impl Prober for Asked {
    async fn ask(&self) -> Result<ProbeAnswer, ConnectorError> {
        Ok(ProbeAnswer::not_used("quiet"))
    }

    fn traffic(&self) -> Own {
        Own {
            rx_bytes: 1024,
            ..Own::default()
        }
    }
}

/// A connection that has moved four KiB.
struct Connected(Capability);

#[async_trait]
impl Connector for Connected {
    fn capability(&self) -> Capability {
        self.0
    }

    async fn observe(&self) -> Result<Report, ConnectorError> {
        Ok(Report::default())
    }

    async fn start(&self, _target: &Target) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn stop(&self, _target: &Target, _how: &StopOptions) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn discover(&self) -> Result<Vec<Discovered>, ConnectorError> {
        Ok(Vec::new())
    }

    async fn test(&self, _checks: &mpsc::Sender<Check>) {}

    fn traffic(&self) -> Own {
        Own {
            rx_bytes: 4096,
            ..Own::default()
        }
    }

    async fn close(&self) {}
}

/// Every port has been looked at, ten bytes each.
struct Nowhere;

#[async_trait]
impl World for Nowhere {
    fn connector(&self, spec: &ConnectionSpec) -> Result<Arc<dyn Connector>, ConnectorError> {
        Ok(Arc::new(Connected(spec.capability)))
    }

    fn caused(&self, _address: &str, port: Option<u16>) -> Own {
        Own {
            rx_bytes: if port.is_some() { 10 } else { 30 },
            ..Own::default()
        }
    }

    async fn look(&self, _address: &str, _port: u16) -> Sighting {
        Sighting::Silent {
            evidence: "nowhere".to_owned(),
        }
    }

    async fn probe(&self, _probe: &Probe, _address: Option<&str>) -> Result<(), String> {
        Ok(())
    }

    fn prober(&self, _spec: &ProberSpec) -> Result<Arc<dyn Prober>, ConnectorError> {
        Ok(Arc::new(Asked))
    }

    fn forget(&self, _connection: ConnectionId) {}
}

struct Empty;

#[async_trait]
impl Secrets for Empty {
    async fn get(&self, _key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        Ok(None)
    }

    async fn set(&self, _key: &SecretKey, _secret: &Secret) -> Result<(), SecretError> {
        Ok(())
    }

    async fn remove(&self, _key: &SecretKey) -> Result<(), SecretError> {
        Ok(())
    }
}

fn node(id: u32, kind: NodeKind, host: Option<u32>, address: Option<&str>) -> Node {
    let mut node = Node::new(NodeId(id), format!("node {id}"), kind);
    node.host = host.map(NodeId);
    node.address = address.map(str::to_owned);
    node
}

fn asking(mut node: Node, criteria: Criteria) -> Node {
    node.settings.idle = Some(IdleRule {
        criteria: Some(criteria),
        ..IdleRule::default()
    });
    node
}

/// It lets in whoever asks, so that no secret is needed.
fn qbittorrent(url: &str) -> Criteria {
    Criteria {
        probe: Some(UseProbe::Qbittorrent(QbittorrentProbe {
            url: url.to_owned(),
            ..QbittorrentProbe::default()
        })),
        ..Criteria::default()
    }
}

/// A machine with a container that is asked at its port, and another container with one.
fn house() -> Graph {
    let port = Criteria {
        last_access: Some(LastAccess {
            logins: false,
            port: Some(25_565),
        }),
        ..Criteria::default()
    };
    let mut machine = node(1, NodeKind::Machine, None, Some("10.0.0.21"));
    machine.docker_api = Some(wakehub_domain::DockerConfig {
        url: "tcp://10.0.0.21:2375".to_owned(),
        cert_path: None,
    });
    Graph::new(vec![
        machine,
        asking(
            node(2, NodeKind::Container, Some(1), None),
            qbittorrent("http://10.0.0.21:8080/"),
        ),
        asking(node(3, NodeKind::Container, Some(1), None), port),
        asking(
            node(4, NodeKind::Machine, None, Some("10.0.0.22")),
            qbittorrent("http://10.0.0.99:8080"),
        ),
    ])
    .unwrap()
}

#[test]
fn connections_to_where_questions_go_are_our_own() {
    let graph = house();
    let ports = |id| asked_ports(&graph, graph.get(NodeId(id)).unwrap());
    assert_eq!(ports(1), BTreeSet::from([8080, 25_565]));
    // a container has no address of its own, and the last one asks elsewhere
    assert_eq!(ports(2), BTreeSet::new());
    assert_eq!(ports(4), BTreeSet::new());
}

#[test]
fn the_secret_is_required_where_the_question_is_nothing_without_it() {
    let jellyfin = Criteria {
        probe: Some(UseProbe::Jellyfin(JellyfinProbe::default())),
        ..Criteria::default()
    };
    let plain = node(1, NodeKind::Machine, None, None);
    assert_eq!(secret_required(&plain), None);
    assert_eq!(
        secret_required(&asking(plain.clone(), jellyfin)),
        Some(SecretName::Probe)
    );
    assert_eq!(
        secret_required(&asking(plain, qbittorrent("http://a"))),
        None
    );
}

#[tokio::test]
async fn what_questions_move_is_taken_off_where_they_go() {
    let links = Links::new(Arc::new(Nowhere), Arc::new(Empty), "homelab".to_owned());
    let graph = Arc::new(house());
    links.set_graph(graph.clone()).await;
    for id in [2, 4] {
        let node = graph.get(NodeId(id)).unwrap();
        links.ask(node, question(node).unwrap()).await.unwrap();
    }
    let moved = |id| {
        let node = graph.get(NodeId(id)).unwrap();
        links.asked_traffic(&graph, node).rx_bytes
    };
    assert_eq!(moved(1), 1024, "at the machine whose address it is");
    assert_eq!(moved(2), 1024, "and at the container behind the port");
    assert_eq!(moved(3), 0, "another container has none of it");
    assert_eq!(moved(4), 0, "it was asked elsewhere");

    // a rule that asks no longer lets go of its question
    links.set_graph(Arc::new(Graph::default())).await;
    assert_eq!(
        links.asked_traffic(&graph, graph.get(NodeId(1)).unwrap()),
        Own::default()
    );
}

#[tokio::test]
async fn all_that_is_caused_at_a_node_or_passes_through_it_is_taken_off() {
    let links = Links::new(Arc::new(Nowhere), Arc::new(Empty), "homelab".to_owned());
    let mut vm = node(2, NodeKind::Vm, Some(1), Some("10.0.0.11"));
    let ssh = wakehub_domain::SshConfig {
        user: "root".to_owned(),
        auth: wakehub_domain::SshAuth::Agent,
        key_file: None,
        port: 22,
        jump: None,
    };
    vm.ssh = Some(ssh.clone());
    vm.docker_api = Some(wakehub_domain::DockerConfig {
        url: "ssh".to_owned(),
        cert_path: None,
    });
    let mut machine = node(1, NodeKind::Machine, None, Some("10.0.0.1"));
    machine.ssh = Some(ssh);
    machine.proxmox_api = Some(wakehub_domain::ProxmoxConfig {
        url: "https://10.0.0.1:8006".to_owned(),
        node: "pve".to_owned(),
        token_id: Some("root@pam!a".to_owned()),
        user: None,
    });
    let container = asking(
        node(3, NodeKind::Container, Some(2), None),
        Criteria {
            last_access: Some(LastAccess {
                logins: false,
                port: Some(25_565),
            }),
            ..Criteria::default()
        },
    );
    let other = node(4, NodeKind::Machine, None, Some("10.0.0.2"));
    let graph = Arc::new(Graph::new(vec![machine, vm, container, other]).unwrap());
    links.set_graph(graph.clone()).await;
    let connection = |node, capability| ConnectionId {
        node: NodeId(node),
        capability,
    };
    for (node, capability) in [(1, Capability::Ssh), (2, Capability::Ssh)] {
        links.connector(connection(node, capability)).await.unwrap();
    }
    let caused = async |id, but| {
        let node = graph.get(NodeId(id)).unwrap();
        links.caused(&graph, node, but).await.rx_bytes
    };
    assert_eq!(
        caused(1, None).await,
        2 * 4096 + 2 * 30,
        "its own connection and looks, and what passes through to its guest"
    );
    let told = Some(connection(1, Capability::Ssh));
    assert_eq!(
        caused(1, told).await,
        4096 + 2 * 30,
        "without what the measurement has told"
    );
    assert_eq!(
        caused(2, None).await,
        4096 + 30,
        "a guest is measured at its host, which sees our session to the guest"
    );
    assert_eq!(caused(3, None).await, 10, "the port of a container");
    assert_eq!(caused(4, None).await, 30, "another has nothing of it");
}
