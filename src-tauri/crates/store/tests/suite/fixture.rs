//! The small homelab that the tests work on.

use wakehub_domain::{
    DockerConfig, Graph, Intent, Node, NodeId, NodeKind, Observations, Plan, PowerState,
    ProxmoxConfig, SshAuth, SshConfig, WolConfig, plan,
};
use wakehub_store::{NodeChange, PROVISIONAL, Store};

pub fn open(directory: &tempfile::TempDir) -> Store {
    let (store, notices) = Store::open(directory.path()).expect("opens");
    assert_eq!(notices, []);
    store
}

pub fn machine(id: u32, name: &str) -> Node {
    Node {
        address: Some("10.77.0.2".into()),
        wol: Some(WolConfig {
            mac: "52:54:00:00:00:02".into(),
            broadcast: None,
            interface: None,
        }),
        ssh: Some(SshConfig {
            user: "root".into(),
            auth: SshAuth::Agent,
            key_file: None,
            port: 22,
            jump: None,
        }),
        ..Node::new(NodeId(PROVISIONAL + id), name, NodeKind::Machine)
    }
}

pub fn guest(id: u32, name: &str, kind: NodeKind, host: NodeId) -> Node {
    Node {
        host: Some(host),
        platform_id: Some(name.into()),
        ..Node::new(NodeId(PROVISIONAL + id), name, kind)
    }
}

/// nas; machine2 with lxc-jellyfin, which needs nas. Ids 1 to 3.
pub fn homelab(store: &mut Store) -> Graph {
    let machine2 = Node {
        proxmox_api: Some(ProxmoxConfig {
            url: "https://10.77.0.2:8006".into(),
            node: "pve2".into(),
            token_id: Some("root@pam!wakehub".into()),
            user: None,
        }),
        docker_api: Some(DockerConfig {
            url: "ssh".into(),
            cert_path: None,
        }),
        ..machine(1, "machine2")
    };
    let jellyfin = Node {
        depends_on: vec![NodeId(PROVISIONAL)],
        ..guest(2, "lxc-jellyfin", NodeKind::Lxc, machine2.id)
    };
    let changes = [machine(0, "nas"), machine2, jellyfin].map(NodeChange::Insert);
    let edited = store.edit(&changes).expect("a valid homelab");
    assert_eq!(edited.inserted, [NodeId(1), NodeId(2), NodeId(3)]);
    edited.graph
}

pub fn start_plan(graph: &Graph) -> Plan {
    let mut seen = Observations::default();
    for node in graph.nodes() {
        seen.give(node.id, PowerState::Off);
    }
    plan(graph, &seen, &Intent::start(NodeId(3))).expect("a plan")
}

pub fn stop_plan(graph: &Graph) -> Plan {
    let mut seen = Observations::default();
    for node in graph.nodes() {
        seen.give(node.id, PowerState::On);
    }
    plan(graph, &seen, &Intent::stop_with_dependants(NodeId(1))).expect("a plan")
}

pub fn name(id: NodeId) -> String {
    format!("name of {id}")
}
