//! Any homelab that the domain takes is kept as it is, and any edit is done whole or not at all.

use proptest::collection::{btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use std::collections::BTreeSet;
use wakehub_domain::idle::IdleRule;
use wakehub_domain::{
    Action, DockerConfig, Graph, Node, NodeId, NodeKind, PowerOff, Probe, ProxmoxConfig, Schedule,
    Settings, SshAuth, SshConfig, SshJump, StopWindow, WolConfig,
};
use wakehub_store::{EditError, NodeChange, PROVISIONAL, StoreError};

use crate::fixture::open;

fn auth() -> impl Strategy<Value = SshAuth> {
    prop_oneof![
        Just(SshAuth::Password),
        Just(SshAuth::Key),
        Just(SshAuth::Agent)
    ]
}

fn ssh() -> BoxedStrategy<SshConfig> {
    let jump = (
        any::<String>(),
        any::<String>(),
        auth(),
        of(any::<String>()),
        any::<u16>(),
    )
        .prop_map(|(address, user, auth, key_file, port)| SshJump {
            address,
            user,
            auth,
            key_file,
            port,
        });
    (
        any::<String>(),
        auth(),
        of(any::<String>()),
        any::<u16>(),
        of(jump),
    )
        .prop_map(|(user, auth, key_file, port, jump)| SshConfig {
            user,
            auth,
            key_file,
            port,
            jump,
        })
        .boxed()
}

fn settings() -> BoxedStrategy<Settings> {
    let probe = prop_oneof![
        any::<String>().prop_map(Probe::Tcp),
        any::<String>().prop_map(Probe::Http)
    ];
    let power_off = prop_oneof![
        Just(PowerOff::ShutDown),
        Just(PowerOff::Suspend),
        Just(PowerOff::Hibernate)
    ];
    (
        (
            any::<[bool; 5]>(),
            of(any::<bool>()),
            of(any::<String>()),
            of(probe),
        ),
        (
            of(any::<u32>()),
            of(any::<u32>()),
            power_off,
            of(any::<String>()),
        ),
        (
            of(0_u16..5_000),
            of(any::<String>()),
            vec(any::<String>(), 0..3),
        ),
    )
        .prop_map(
            |(
                (flags, confirm, url, readiness),
                (start, stop, power_off, command),
                (watts, note, tags),
            )| {
                Settings {
                    pinned: flags[0],
                    url,
                    open_when_started: flags[1],
                    readiness,
                    start_timeout_s: start,
                    stop_timeout_s: stop,
                    confirm_before_auto_stop: confirm,
                    always_on: flags[2],
                    stop_when_empty: flags[3],
                    force_stop: flags[4],
                    power_off,
                    shutdown_command: command,
                    watts_on: watts.map(|w| f64::from(w) / 8.0),
                    watts_suspended: None,
                    note,
                    tags,
                    idle: flags[0].then(|| IdleRule {
                        timeout_minutes: start.map(|minutes| 1 + minutes % 10_080),
                        ..IdleRule::default()
                    }),
                    schedules: stop
                        .map(|minute| Schedule {
                            action: Action::Stop,
                            cron: format!("{} 3 * * 1-5", minute % 60),
                            enabled: flags[1],
                            catch_up_minutes: start.map(|minutes| minutes % 1440),
                            time_zone: None,
                        })
                        .into_iter()
                        .collect(),
                    auto_stop_windows: flags[2]
                        .then(|| StopWindow {
                            from: "22:00".to_owned(),
                            to: "07:00".to_owned(),
                            days: Vec::new(),
                            time_zone: None,
                        })
                        .into_iter()
                        .collect(),
                }
            },
        )
        .boxed()
}

/// A machine with everything, so that anything can run on it.
fn machine(index: u32) -> BoxedStrategy<Node> {
    let wol = (any::<String>(), of(any::<String>()), of(any::<String>())).prop_map(
        |(mac, broadcast, interface)| WolConfig {
            mac,
            broadcast,
            interface,
        },
    );
    let proxmox = (
        any::<String>(),
        any::<String>(),
        of(any::<String>()),
        of(any::<String>()),
    )
        .prop_map(|(url, node, token_id, user)| ProxmoxConfig {
            url,
            node,
            token_id,
            user,
        });
    let docker = (any::<String>(), of(any::<String>()))
        .prop_map(|(url, cert_path)| DockerConfig { url, cert_path });
    (
        ("\\PC{0,8}", of(any::<String>()), settings()),
        of(wol),
        of(ssh()),
        proxmox,
        docker,
    )
        .prop_map(
            move |((name, address, settings), wol, ssh, proxmox, docker)| Node {
                address,
                settings,
                wol,
                ssh,
                proxmox_api: Some(proxmox),
                docker_api: Some(docker),
                ..Node::new(
                    NodeId(PROVISIONAL + index),
                    format!("{index} {name}").trim(),
                    NodeKind::Machine,
                )
            },
        )
        .boxed()
}

/// Machines and guests of them, guests depending on what stands before them.
fn homelab() -> BoxedStrategy<Vec<Node>> {
    let kind = prop_oneof![
        Just(NodeKind::Vm),
        Just(NodeKind::Lxc),
        Just(NodeKind::Container)
    ];
    let guest = (
        kind,
        any::<prop::sample::Index>(),
        any::<String>(),
        btree_set(0_usize..12, 0..4),
    );
    let machines = (machine(0), machine(1), machine(2));
    (machines, vec(guest, 0..9), any::<prop::sample::Index>())
        .prop_map(|((a, b, c), guests, cut)| {
            let mut nodes = vec![a, b, c];
            for (index, (kind, host, platform_id, depends_on)) in guests.into_iter().enumerate() {
                let number = 3 + index;
                let id = |at: usize| NodeId(PROVISIONAL + at as u32);
                nodes.push(Node {
                    host: Some(id(host.index(3))),
                    platform_id: Some(format!("{number}{platform_id}")),
                    depends_on: depends_on
                        .into_iter()
                        .rev()
                        .filter(|d| *d < number)
                        .map(id)
                        .collect(),
                    ..Node::new(id(number), format!("guest {number}"), kind)
                });
            }
            // in any order: guests may come before their hosts
            let at = cut.index(nodes.len());
            nodes.rotate_left(at);
            nodes
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_homelab_is_kept_as_it_is(nodes in homelab()) {
        let directory = tempfile::tempdir().expect("a directory");
        let mut store = open(&directory);
        let changes: Vec<_> = nodes.iter().cloned().map(NodeChange::Insert).collect();
        let edited = store.edit(&changes).expect("a valid homelab");
        let real = |id: NodeId| {
            let at = nodes.iter().position(|node| node.id == id).expect("one of them");
            edited.inserted[at]
        };
        let mut expected: Vec<Node> = nodes.iter().map(|node| Node {
            id: real(node.id),
            host: node.host.map(real),
            depends_on: node.depends_on.iter().map(|id| real(*id)).collect(),
            ..node.clone()
        }).collect();
        expected.sort_by_key(|node| node.id);
        prop_assert_eq!(edited.graph.nodes(), &expected);
        drop(store);
        let store = open(&directory);
        let graph = store.graph().expect("reads");
        prop_assert_eq!(graph.nodes(), &expected);
    }

    #[test]
    fn any_edit_is_done_whole_or_not_at_all(
        nodes in homelab(),
        edits in vec(vec((0_u8..5, 0_u32..14, 0_u32..14, any::<bool>()), 1..4), 1..8),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let mut store = open(&directory);
        let changes: Vec<_> = nodes.into_iter().map(NodeChange::Insert).collect();
        let mut graph = store.edit(&changes).expect("a valid homelab").graph;
        let mut ever: BTreeSet<NodeId> = graph.nodes().iter().map(|node| node.id).collect();
        for edit in edits {
            let changes: Vec<_> = edit.iter().map(|choice| change(&graph, *choice)).collect();
            match store.edit(&changes) {
                Ok(edited) => {
                    for id in edited.inserted {
                        prop_assert!(ever.insert(id), "{} was used before", id);
                    }
                    for id in edited.removed {
                        prop_assert!(edited.graph.get(id).is_none());
                    }
                    graph = edited.graph;
                }
                Err(EditError::Graph(_) | EditError::Store(StoreError::OutOfOrder(_))) => {}
                Err(EditError::Store(error)) => prop_assert!(false, "{}", error),
            }
            let read = store.graph().expect("reads");
            prop_assert_eq!(read.nodes(), graph.nodes());
        }
    }
}

fn change(graph: &Graph, (what, a, b, flag): (u8, u32, u32, bool)) -> NodeChange {
    let (a, b) = (NodeId(a), NodeId(b));
    let node = graph.get(a).cloned();
    match (what, node) {
        (0, _) => NodeChange::Remove(a),
        (1, _) => NodeChange::RemoveWithGuests(a),
        (2, Some(mut node)) => {
            node.depends_on = if flag { vec![b] } else { Vec::new() };
            NodeChange::Update(node)
        }
        (3, Some(mut node)) => {
            node.name = graph.name(b).into_owned();
            NodeChange::Update(node)
        }
        _ => NodeChange::Insert(Node {
            depends_on: if flag { vec![b] } else { Vec::new() },
            ..Node::new(
                NodeId(PROVISIONAL + a.0),
                format!("new {a} {}", graph.len()),
                NodeKind::Machine,
            )
        }),
    }
}

#[test]
fn a_thousand_nodes_are_one_edit() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let id = |at: u32| NodeId(PROVISIONAL + at);
    let changes: Vec<_> = (0..1_000)
        .map(|at| {
            let host = at / 50 * 50;
            let node = Node::new(id(at), format!("node-{at}"), NodeKind::Machine);
            NodeChange::Insert(if at == host {
                Node {
                    docker_api: Some(DockerConfig {
                        url: "ssh".into(),
                        cert_path: None,
                    }),
                    ..node
                }
            } else {
                Node {
                    kind: NodeKind::Container,
                    host: Some(id(host)),
                    platform_id: Some(format!("c{at}")),
                    depends_on: (host + 1..at).rev().take(3).map(id).collect(),
                    ..node
                }
            })
        })
        .collect();
    let began = std::time::Instant::now();
    let graph = store.edit(&changes).expect("a valid homelab").graph;
    let imported = began.elapsed();
    let mut last = graph.nodes()[999].clone();
    last.settings.pinned = true;
    let began = std::time::Instant::now();
    store.edit(&[NodeChange::Update(last)]).expect("edited");
    println!(
        "1,000 nodes in {imported:?}, one changed in {:?}",
        began.elapsed()
    );
    assert_eq!(store.graph().expect("reads").len(), 1_000);
}
