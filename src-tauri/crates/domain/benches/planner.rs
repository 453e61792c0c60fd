//! The planner at ten times the size of a large homelab: 10,000 nodes and 30,000 edges, hosting included. The budget is
//! 10 ms a plan.

#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use wakehub_domain::{
    DockerConfig, Graph, Intent, Node, NodeId, NodeKind, Observations, PowerState, ProxmoxConfig,
    SshAuth, SshConfig, WolConfig, plan,
};

const NODES: u32 = 10_000;
const EDGES: usize = 30_000;
const MACHINES: u32 = 500;
const GUESTS: u32 = 2_500;

/// 500 machines, 2,000 vms and lxcs, 7,500 containers. Dependencies point at random from younger to older services, so
/// that there is no cycle, and prefer the oldest, as a NAS or a database is preferred.
fn nodes() -> Vec<Node> {
    let mut dice = Dice(42);
    let mut nodes: Vec<Node> = (0..NODES).map(|at| node(at, &mut dice)).collect();
    let mut edges = nodes.iter().filter(|node| node.host.is_some()).count();
    while edges < EDGES {
        let from = MACHINES + dice.below(NODES - MACHINES);
        let to = dice.below(from);
        let to = if dice.below(4) == 0 {
            to
        } else {
            dice.below(to / 4 + 1)
        };
        let id = nodes[usize::try_from(to).unwrap()].id;
        let depends_on = &mut nodes[usize::try_from(from).unwrap()].depends_on;
        if !depends_on.contains(&id) {
            depends_on.push(id);
            edges += 1;
        }
    }
    nodes
}

fn node(at: u32, dice: &mut Dice) -> Node {
    let (kind, host) = if at < MACHINES {
        (NodeKind::Machine, None)
    } else if at < GUESTS {
        let kind = if at.is_multiple_of(2) {
            NodeKind::Vm
        } else {
            NodeKind::Lxc
        };
        (kind, Some(dice.below(MACHINES)))
    } else {
        (NodeKind::Container, Some(dice.below(GUESTS)))
    };
    let machine = kind == NodeKind::Machine;
    let mut node = Node::new(NodeId(1 + 2 * at), format!("{}-{at}", kind.as_str()), kind);
    node.host = host.map(|host| NodeId(1 + 2 * host));
    node.platform_id = host.map(|_| at.to_string());
    node.address = Some(format!("10.77.{}.{}", at / 250, at % 250));
    node.wol = machine.then(|| WolConfig {
        mac: "52:54:00:00:00:01".to_owned(),
        broadcast: None,
        interface: None,
    });
    node.ssh = machine.then(|| SshConfig {
        user: "root".to_owned(),
        auth: SshAuth::Agent,
        key_file: None,
        port: 22,
        jump: None,
    });
    node.proxmox_api = machine.then(|| ProxmoxConfig {
        url: format!("https://10.77.0.{at}:8006"),
        node: "pve".to_owned(),
        token_id: Some("root@pam!wakehub".to_owned()),
        user: None,
    });
    node.docker_api = (kind != NodeKind::Container).then(|| DockerConfig {
        url: "ssh".to_owned(),
        cert_path: None,
    });
    node
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((z ^ (z >> 31)) % u64::from(end)).unwrap()
    }
}

fn all(graph: &Graph, state: impl Fn(&Node) -> PowerState) -> Observations {
    let mut observations = Observations::default();
    for node in graph.nodes() {
        observations.give(node.id, state(node));
    }
    observations
}

/// Everything is planned for the node where it costs most steps, so that a plan walks most of the graph.
fn largest(graph: &Graph, size: impl Fn(NodeId) -> usize) -> NodeId {
    let ids = graph.nodes().iter().map(|node| node.id);
    ids.max_by_key(|id| size(*id)).unwrap()
}

fn planner(c: &mut Criterion) {
    let nodes = nodes();
    let graph = Graph::new(nodes.clone()).unwrap();
    let edges: usize = graph.nodes().iter().map(|node| node.needs().count()).sum();
    assert_eq!((graph.len(), edges), (10_000, EDGES));

    let off = all(&graph, |_| PowerState::Off);
    let on = all(&graph, |_| PowerState::On);
    let steps = |observations: &Observations, intent: &Intent| {
        plan(&graph, observations, intent).map_or(0, |plan| plan.steps.len())
    };

    let mut group = c.benchmark_group("plan");
    group.measurement_time(Duration::from_secs(3));
    let mut bench = |name: &str, graph: &Graph, observations: &Observations, intent: Intent| {
        let answer = plan(graph, observations, &intent);
        let about = match &answer {
            Ok(plan) => format!(
                "{} steps, {} follow-ups, {} protected",
                plan.steps.len(),
                plan.follow_ups.len(),
                plan.protected.len()
            ),
            Err(refusal) => format!("refused by {}", refusal.kind.by().len()),
        };
        group.bench_function(format!("{name} ({about})"), |b| {
            b.iter(|| black_box(plan(black_box(graph), observations, &intent)));
        });
    };

    let youngest = NodeId(1 + 2 * (NODES - 1));
    bench("start one service", &graph, &off, Intent::start(youngest));
    let deepest = largest(&graph, |id| steps(&off, &Intent::start(id)));
    bench(
        "start, largest closure",
        &graph,
        &off,
        Intent::start(deepest),
    );
    bench("start, all on", &graph, &on, Intent::start(deepest));

    let needs = |id| graph.get(id).map_or(0, |node| node.depends_on.len());
    let users = |id| graph.dependants(id).len();
    let neediest = largest(&graph, |id| if users(id) == 0 { needs(id) } else { 0 });
    let oldest = NodeId(1);
    bench("stop a host, refused", &graph, &on, Intent::stop(oldest));
    bench(
        "stop with dependants",
        &graph,
        &on,
        Intent::stop_with_dependants(oldest),
    );
    bench(
        "stop a service, its needs protected",
        &graph,
        &on,
        Intent::stop(neediest),
    );

    // one service needs all the others and nothing asks: all of them follow
    let mut asks_nobody = nodes.clone();
    for node in &mut asks_nobody {
        node.settings.confirm_before_auto_stop = Some(false);
        node.settings.stop_when_empty = true;
    }
    let mut all_of_them = Node::new(NodeId(99_999), "all", NodeKind::Container);
    all_of_them.host = Some(oldest);
    all_of_them.platform_id = Some("all".to_owned());
    all_of_them.depends_on = asks_nobody.iter().map(|node| node.id).skip(1).collect();
    let last = all_of_them.id;
    asks_nobody.push(all_of_them);
    let following = Graph::new(asks_nobody.clone()).unwrap();
    let on = all(&following, |_| PowerState::On);
    bench("stop, all follow", &following, &on, Intent::stop(last));

    let off = all(&following, |_| PowerState::Off);
    bench("start everything", &following, &off, Intent::start(last));

    // every second one is off, the others stay on for the sake of users beyond those
    let half = all(&following, |node| {
        if node.id == last || node.kind == NodeKind::Machine || node.id.0 % 4 == 1 {
            PowerState::On
        } else {
            PowerState::Off
        }
    });
    bench("stop, half is off", &following, &half, Intent::stop(last));
    for node in &mut asks_nobody {
        node.settings.confirm_before_auto_stop = Some(true);
    }
    let asking = Graph::new(asks_nobody).unwrap();
    bench("stop, all ask", &asking, &on, Intent::stop(last));
    group.finish();

    let mut group = c.benchmark_group("graph");
    group.measurement_time(Duration::from_secs(3));
    group.bench_function("new", |b| {
        b.iter_batched(|| nodes.clone(), Graph::new, BatchSize::LargeInput);
    });
    let edited = nodes[5_000].clone();
    group.bench_function("with", |b| {
        b.iter_batched(
            || edited.clone(),
            |node| graph.with(node),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, planner);
criterion_main!(benches);
