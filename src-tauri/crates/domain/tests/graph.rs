//! What a graph refuses, each with its sentence, and what it answers.

#![expect(clippy::unwrap_used, reason = "test code")]

use wakehub_domain::{
    Capability, DockerConfig, Graph, GraphError, Intent, Node, NodeId, NodeKind, Observations,
    PowerState, ProxmoxConfig, SshAuth, SshConfig, WolConfig, plan,
};

fn node(id: u32, name: &str, kind: NodeKind) -> Node {
    Node::new(NodeId(id), name, kind)
}

/// A machine that can host everything.
fn machine(id: u32, name: &str) -> Node {
    Node {
        wol: Some(wol()),
        ssh: Some(ssh()),
        proxmox_api: Some(proxmox()),
        docker_api: Some(docker()),
        ..node(id, name, NodeKind::Machine)
    }
}

fn guest(id: u32, name: &str, kind: NodeKind, host: u32) -> Node {
    Node {
        host: Some(NodeId(host)),
        platform_id: Some(name.to_owned()),
        ..node(id, name, kind)
    }
}

fn needing(node: Node, dependencies: &[u32]) -> Node {
    Node {
        depends_on: dependencies.iter().map(|id| NodeId(*id)).collect(),
        ..node
    }
}

fn wol() -> WolConfig {
    WolConfig {
        mac: "52:54:00:00:00:01".to_owned(),
        broadcast: None,
        interface: None,
    }
}

fn ssh() -> SshConfig {
    SshConfig {
        user: "root".to_owned(),
        auth: SshAuth::Agent,
        key_file: None,
        port: 22,
        jump: None,
    }
}

fn proxmox() -> ProxmoxConfig {
    ProxmoxConfig {
        url: "https://10.77.0.1:8006".to_owned(),
        node: "pve1".to_owned(),
        token_id: Some("root@pam!wakehub".to_owned()),
        user: None,
    }
}

fn docker() -> DockerConfig {
    DockerConfig {
        url: "ssh".to_owned(),
        cert_path: None,
    }
}

#[track_caller]
fn refused(nodes: Vec<Node>, error: GraphError, sentence: &str) {
    assert_eq!(error.to_string(), sentence);
    assert_eq!(Graph::new(nodes).unwrap_err(), error);
}

#[test]
fn a_nas_in_a_vm_on_the_machine_that_needs_it() {
    let names = ["machine1", "nas", "machine1"].map(str::to_owned).to_vec();
    refused(
        vec![
            needing(machine(1, "machine1"), &[2]),
            guest(2, "nas", NodeKind::Vm, 1),
        ],
        GraphError::Cycle(names),
        "machine1 would need itself: machine1 → nas → machine1",
    );
}

#[test]
fn a_cycle_over_both_layers_names_the_whole_way() {
    // machine1 needs a service on machine2, which needs a container in a vm on machine1
    let names = ["machine1", "dns", "machine2", "proxy", "vm", "machine1"];
    refused(
        vec![
            machine(9, "alone"),
            needing(machine(1, "machine1"), &[4]),
            needing(machine(2, "machine2"), &[5]),
            Node {
                docker_api: Some(docker()),
                ..guest(3, "vm", NodeKind::Vm, 1)
            },
            guest(4, "dns", NodeKind::Lxc, 2),
            guest(5, "proxy", NodeKind::Container, 3),
        ],
        GraphError::Cycle(names.map(str::to_owned).to_vec()),
        "machine1 would need itself: machine1 → dns → machine2 → proxy → vm → machine1",
    );
}

#[test]
fn a_cycle_that_is_not_reached_from_the_oldest_node() {
    let names = ["b", "c", "b"].map(str::to_owned).to_vec();
    refused(
        vec![
            needing(machine(1, "a"), &[2]),
            needing(machine(2, "b"), &[3]),
            needing(machine(3, "c"), &[2]),
        ],
        GraphError::Cycle(names),
        "b would need itself: b → c → b",
    );
}

#[test]
fn an_edit_is_checked_as_the_whole_is() {
    let graph = Graph::new(vec![machine(1, "a"), needing(machine(2, "b"), &[1])]).unwrap();
    let edit = graph.with(needing(machine(1, "a"), &[2]));
    let names = ["a", "b", "a"].map(str::to_owned).to_vec();
    assert_eq!(edit.unwrap_err(), GraphError::Cycle(names));
    let renamed = graph.with(machine(2, "c")).unwrap();
    assert_eq!(renamed.len(), 2);
    assert!(renamed.find("b").is_none());
    assert!(renamed.dependants(NodeId(1)).is_empty());
}

#[test]
fn a_node_on_its_own_guest() {
    let mut vm = guest(2, "vm", NodeKind::Vm, 1);
    vm.docker_api = Some(docker());
    let names = ["machine1", "c", "vm", "machine1"].map(str::to_owned);
    refused(
        vec![
            needing(machine(1, "machine1"), &[3]),
            vm,
            guest(3, "c", NodeKind::Container, 2),
        ],
        GraphError::Cycle(names.to_vec()),
        "machine1 would need itself: machine1 → c → vm → machine1",
    );
}

#[test]
fn nodes_that_do_not_exist() {
    refused(
        vec![needing(machine(1, "a"), &[7])],
        GraphError::UnknownNode("7".to_owned()),
        "there is no node 7",
    );
    refused(
        vec![guest(1, "a", NodeKind::Vm, 8)],
        GraphError::UnknownNode("8".to_owned()),
        "there is no node 8",
    );
    let empty = Graph::default();
    let error = empty.without(NodeId(9)).unwrap_err();
    assert_eq!(error, GraphError::UnknownNode("9".to_owned()));
}

#[test]
fn two_hosts() {
    // a node has room for one host only; whoever reads lists of hosts says this
    let error = GraphError::SecondHost {
        node: "vm".to_owned(),
        first: "machine1".to_owned(),
        second: "machine2".to_owned(),
    };
    let sentence = "vm runs on machine1 already and cannot run on machine2 too";
    assert_eq!(error.to_string(), sentence);
}

#[test]
fn a_host_without_the_capability() {
    let cases = [
        (
            NodeKind::Vm,
            Capability::ProxmoxApi,
            "a vm needs a host with a Proxmox API",
        ),
        (
            NodeKind::Lxc,
            Capability::ProxmoxApi,
            "an lxc needs a host with a Proxmox API",
        ),
        (
            NodeKind::Container,
            Capability::DockerApi,
            "a container needs a host with a Docker API",
        ),
    ];
    for (kind, missing, rule) in cases {
        let host = Node {
            proxmox_api: (missing != Capability::ProxmoxApi).then(proxmox),
            docker_api: (missing != Capability::DockerApi).then(docker),
            ..machine(1, "raspberry")
        };
        refused(
            vec![host, guest(2, "x", kind, 1)],
            GraphError::HostLacksCapability {
                node: "x".to_owned(),
                kind,
                host: "raspberry".to_owned(),
                missing,
            },
            &format!("x cannot run on raspberry: {rule}, and raspberry has none"),
        );
    }
}

#[test]
fn a_guest_without_a_host() {
    refused(
        vec![node(1, "x", NodeKind::Lxc)],
        GraphError::NoHost {
            node: "x".to_owned(),
            kind: NodeKind::Lxc,
        },
        "x is an lxc and needs a host",
    );
}

#[test]
fn a_machine_with_a_host() {
    let hosted = Node {
        host: Some(NodeId(1)),
        ..machine(2, "b")
    };
    refused(
        vec![machine(1, "a"), hosted],
        GraphError::MachineWithHost("b".to_owned()),
        "b is a machine, and a machine has no host",
    );
}

#[test]
fn a_host_of_the_wrong_kind() {
    let vm = guest(2, "vm", NodeKind::Vm, 1);
    refused(
        vec![machine(1, "a"), vm, guest(3, "x", NodeKind::Lxc, 2)],
        GraphError::WrongHostKind {
            node: "x".to_owned(),
            kind: NodeKind::Lxc,
            host: "vm".to_owned(),
            host_kind: NodeKind::Vm,
        },
        "x runs on vm, which is a vm and cannot host an lxc",
    );
    let container = guest(2, "c", NodeKind::Container, 1);
    refused(
        vec![
            machine(1, "a"),
            container,
            guest(3, "x", NodeKind::Container, 2),
        ],
        GraphError::WrongHostKind {
            node: "x".to_owned(),
            kind: NodeKind::Container,
            host: "c".to_owned(),
            host_kind: NodeKind::Container,
        },
        "x runs on c, which is a container and cannot host a container",
    );
}

#[test]
fn a_container_is_always_a_leaf() {
    let container = || guest(2, "c", NodeKind::Container, 1);
    let offering = [
        Node {
            wol: Some(wol()),
            ..container()
        },
        Node {
            ssh: Some(ssh()),
            ..container()
        },
        Node {
            proxmox_api: Some(proxmox()),
            ..container()
        },
        Node {
            docker_api: Some(docker()),
            ..container()
        },
    ];
    for container in offering {
        refused(
            vec![machine(1, "a"), container],
            GraphError::ContainerWithCapability("c".to_owned()),
            "c is a container, and a container offers nothing to others",
        );
    }
}

#[test]
fn proxmox_in_a_guest() {
    let vm = Node {
        proxmox_api: Some(proxmox()),
        ..guest(2, "vm", NodeKind::Vm, 1)
    };
    refused(
        vec![machine(1, "a"), vm],
        GraphError::ProxmoxOnGuest {
            node: "vm".to_owned(),
            kind: NodeKind::Vm,
        },
        "a vm has no Proxmox API of its own, so vm cannot have one",
    );
}

#[test]
fn dependencies_on_itself_and_twice() {
    refused(
        vec![needing(machine(1, "a"), &[1])],
        GraphError::DependsOnItself("a".to_owned()),
        "a depends on itself",
    );
    refused(
        vec![machine(1, "a"), needing(machine(2, "b"), &[1, 1])],
        GraphError::DependsTwice {
            node: "b".to_owned(),
            dependency: "a".to_owned(),
        },
        "b depends on a twice",
    );
}

#[test]
fn names_and_ids_are_unique() {
    refused(
        vec![machine(1, "a"), machine(2, "a")],
        GraphError::NameTaken("a".to_owned()),
        "there are two nodes named a",
    );
    refused(
        vec![machine(3, "a"), machine(3, "b")],
        GraphError::IdTaken {
            id: NodeId(3),
            first: "a".to_owned(),
            second: "b".to_owned(),
        },
        "a and b have the same id, 3",
    );
}

#[test]
fn names_that_are_none() {
    let rule =
        "it takes 1 to 64 characters, none of them a control character, and no space at either end";
    let long = "ä".repeat(65);
    for name in ["", " a", "a ", "a\nb", "\u{7}", &long] {
        refused(
            vec![machine(1, name)],
            GraphError::BadName(name.to_owned()),
            &format!("{name:?} is no name for a node: {rule}"),
        );
    }
    let longest = "ä".repeat(64);
    for name in ["a", "my nas (old)", "日本", &longest] {
        assert!(Graph::new(vec![machine(1, name)]).is_ok());
    }
}

#[test]
fn platform_ids_of_one_host_differ() {
    // not known before the first discovery
    let nameless = |id, name| Node {
        platform_id: None,
        ..guest(id, name, NodeKind::Vm, 1)
    };
    assert!(Graph::new(vec![machine(1, "a"), nameless(2, "x"), nameless(3, "y")]).is_ok());
    let numbered = |id, name, kind, host| Node {
        platform_id: Some("101".to_owned()),
        ..guest(id, name, kind, host)
    };
    refused(
        vec![
            machine(1, "a"),
            numbered(2, "x", NodeKind::Vm, 1),
            numbered(3, "y", NodeKind::Lxc, 1),
        ],
        GraphError::PlatformIdTaken {
            node: "y".to_owned(),
            other: "x".to_owned(),
            platform_id: "101".to_owned(),
            host: "a".to_owned(),
        },
        "y and x are both 101 on a",
    );
    let elsewhere = Graph::new(vec![
        machine(1, "a"),
        machine(2, "b"),
        numbered(3, "x", NodeKind::Vm, 1),
        numbered(4, "y", NodeKind::Lxc, 2),
        numbered(5, "z", NodeKind::Container, 1),
    ]);
    assert!(elsewhere.is_ok());
}

#[test]
fn removing_what_is_used() {
    let graph = Graph::new(vec![
        machine(1, "a"),
        guest(2, "vm", NodeKind::Vm, 1),
        needing(machine(3, "b"), &[2]),
        needing(machine(4, "c"), &[2]),
    ])
    .unwrap();
    let error = graph.without(NodeId(1)).unwrap_err();
    assert_eq!(error.to_string(), "a still hosts vm");
    let error = graph.without(NodeId(2)).unwrap_err();
    assert_eq!(error.to_string(), "vm is still needed by b, c");
    let smaller = graph.without(NodeId(3)).unwrap();
    assert_eq!(smaller.dependants(NodeId(2)), [NodeId(4)]);
    assert_eq!(smaller.get(NodeId(3)), None);
    assert_eq!(smaller.name(NodeId(3)), "node 3");
}

#[test]
fn both_layers_both_ways() {
    // given in no order, and a guest that depends on its own host too
    let graph = Graph::new(vec![
        needing(guest(7, "c2", NodeKind::Container, 5), &[4, 5]),
        machine(4, "nas"),
        Node {
            docker_api: Some(docker()),
            ..guest(5, "vm", NodeKind::Vm, 9)
        },
        needing(guest(6, "c1", NodeKind::Container, 5), &[4]),
        machine(9, "machine1"),
    ])
    .unwrap();
    let ids = |list: &[u32]| list.iter().map(|id| NodeId(*id)).collect::<Vec<_>>();
    let all: Vec<NodeId> = graph.nodes().iter().map(|node| node.id).collect();
    assert_eq!(all, ids(&[4, 5, 6, 7, 9]));
    assert_eq!(graph.guests(NodeId(9)), ids(&[5]));
    assert_eq!(graph.guests(NodeId(5)), ids(&[6, 7]));
    assert_eq!(graph.dependants(NodeId(4)), ids(&[6, 7]));
    assert_eq!(graph.dependants(NodeId(5)), ids(&[7]));
    assert_eq!(
        graph.needed_by(NodeId(5)).collect::<Vec<_>>(),
        ids(&[7, 6, 7])
    );
    assert_eq!(graph.ancestors(NodeId(7)).collect::<Vec<_>>(), ids(&[5, 9]));
    assert_eq!(graph.hosted(NodeId(9)), ids(&[5, 6, 7]));
    assert_eq!(graph.find("vm").map(|node| node.id), Some(NodeId(5)));
    assert!(graph.needed_by(NodeId(77)).next().is_none());
}

/// The length of chains that would overflow the stack of a recursion: a test's thread has 2 MiB.
const DEEP: u32 = 50_000;

fn chain() -> Vec<Node> {
    let link = |id: u32| {
        let needs: &[u32] = if id == 1 { &[] } else { &[id - 1] };
        let mut machine = needing(machine(id, &format!("n{id}")), needs);
        machine.settings.confirm_before_auto_stop = Some(false);
        machine
    };
    (1..=DEEP).map(link).collect()
}

#[test]
fn deep_chains_are_planned() {
    let graph = Graph::new(chain()).unwrap();
    let (first, last) = (NodeId(1), NodeId(DEEP));
    let mut observations = Observations::default();
    graph
        .nodes()
        .iter()
        .for_each(|node| observations.give(node.id, PowerState::Off));
    let start = plan(&graph, &observations, &Intent::start(last)).unwrap();
    assert!(start.steps.iter().map(|step| step.node.0).eq(1..=DEEP));

    graph
        .nodes()
        .iter()
        .for_each(|node| observations.give(node.id, PowerState::On));
    // all that it needed follows, to the end
    let stop = plan(&graph, &observations, &Intent::stop(last)).unwrap();
    assert!(
        stop.steps
            .iter()
            .map(|step| step.node.0)
            .eq((1..=DEEP).rev())
    );
    let stop = plan(&graph, &observations, &Intent::stop_with_dependants(first)).unwrap();
    assert!(
        stop.steps
            .iter()
            .map(|step| step.node.0)
            .eq((1..=DEEP).rev())
    );

    // only its ends are on: the way between them is looked along from the other end
    graph
        .nodes()
        .iter()
        .for_each(|node| observations.give(node.id, PowerState::Off));
    observations.give(first, PowerState::On);
    observations.give(last, PowerState::Unknown);
    let refusal = plan(&graph, &observations, &Intent::stop(first)).unwrap_err();
    assert_eq!(refusal.kind.by(), [last]);
}

#[test]
fn deep_cycles_are_found() {
    let mut nodes = chain();
    nodes[0].depends_on = vec![NodeId(DEEP)];
    let GraphError::Cycle(path) = Graph::new(nodes).unwrap_err() else {
        panic!("no cycle");
    };
    assert_eq!(path.len(), usize::try_from(DEEP).unwrap() + 1);
}
