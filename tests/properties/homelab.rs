//! Random homelabs, each from one number.

use std::collections::BTreeSet;

use wakehub_domain::{
    DockerConfig, Graph, GraphError, Node, NodeId, NodeKind, Observations, PowerState,
    ProxmoxConfig, SshAuth, SshConfig, Timestamp, WolConfig,
};

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// Nodes by position; the ids ascend with the positions, with gaps.
pub struct Homelab {
    pub nodes: Vec<Node>,
    pub graph: Graph,
    pub observations: Observations,
}

impl Homelab {
    pub fn random(dice: &mut Dice) -> Homelab {
        let mut nodes = topology(dice);
        add_dependencies(dice, &mut nodes);
        for node in &mut nodes {
            let settings = &mut node.settings;
            settings.confirm_before_auto_stop =
                dice.pick(&[None, Some(false), Some(false), Some(true)]);
            settings.always_on = dice.percent(5);
            settings.stop_when_empty = dice.percent(40);
        }
        let mut shuffled = nodes.clone();
        dice.shuffle(&mut shuffled);
        let graph = Graph::new(shuffled).unwrap();
        let observations = observations(dice, &nodes);
        Homelab {
            nodes,
            graph,
            observations,
        }
    }

    /// The position of an id.
    pub fn at(&self, id: NodeId) -> usize {
        self.nodes.iter().position(|node| node.id == id).unwrap()
    }

    pub fn positions(&self, ids: impl IntoIterator<Item = NodeId>) -> BTreeSet<usize> {
        ids.into_iter().map(|id| self.at(id)).collect()
    }
}

fn topology(dice: &mut Dice) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let machines = 1 + dice.below(4);
    for _ in 0..machines {
        let at = nodes.len();
        let mut node = Node::new(id(at), format!("machine{at}"), NodeKind::Machine);
        node.wol = dice.percent(95).then(wol);
        node.ssh = dice.percent(90).then(ssh);
        node.proxmox_api = dice.percent(60).then(proxmox);
        node.docker_api = dice.percent(50).then(docker);
        nodes.push(node);
    }
    // everything needs a host that exists; guests of guests come last
    let layers = [
        (NodeKind::Vm, 4),
        (NodeKind::Lxc, 4),
        (NodeKind::Container, 7),
    ];
    for (kind, most) in layers {
        for _ in 0..dice.below(most) {
            let hosts: Vec<usize> = (0..nodes.len())
                .filter(|at| can_host(&nodes[*at], kind))
                .collect();
            if hosts.is_empty() {
                continue;
            }
            let host = dice.pick(&hosts);
            let at = nodes.len();
            let mut node = Node::new(id(at), format!("{}{at}", kind.as_str()), kind);
            node.host = Some(id(host));
            node.platform_id = Some(format!("{}", 100 + at));
            if kind != NodeKind::Container {
                node.docker_api = dice.percent(50).then(docker);
            }
            nodes.push(node);
        }
    }
    renumber(dice, nodes)
}

fn can_host(host: &Node, kind: NodeKind) -> bool {
    match kind {
        NodeKind::Machine => false,
        NodeKind::Vm | NodeKind::Lxc => host.proxmox_api.is_some(),
        NodeKind::Container => host.docker_api.is_some(),
    }
}

/// Gives the nodes ages at random: a host may be younger than its guests.
fn renumber(dice: &mut Dice, nodes: Vec<Node>) -> Vec<Node> {
    let mut places: Vec<usize> = (0..nodes.len()).collect();
    dice.shuffle(&mut places);
    let old = |id: NodeId| nodes.iter().position(|node| node.id == id).unwrap();
    let mut renumbered: Vec<Node> = nodes
        .iter()
        .enumerate()
        .map(|(at, node)| Node {
            id: id(places[at]),
            host: node.host.map(|host| id(places[old(host)])),
            ..node.clone()
        })
        .collect();
    renumbered.sort_by_key(|node| node.id);
    renumbered
}

/// Tries edges at random and keeps those that close no cycle; the graph must refuse exactly the others.
fn add_dependencies(dice: &mut Dice, nodes: &mut [Node]) {
    let count = nodes.len();
    let density = dice.pick(&[0, 1, 2, 3]);
    for _ in 0..count * density {
        let (from, to) = (dice.below(count), dice.below(count));
        if from == to || nodes[from].depends_on.contains(&nodes[to].id) {
            continue;
        }
        let closes_cycle = crate::oracle::needs(nodes)[to][from];
        let dependency = nodes[to].id;
        let place = dice.below(nodes[from].depends_on.len() + 1);
        nodes[from].depends_on.insert(place, dependency);
        match Graph::new(nodes.to_owned()) {
            Ok(_) => assert!(!closes_cycle, "a cycle was accepted"),
            Err(GraphError::Cycle(path)) => {
                assert!(closes_cycle, "no cycle, but refused: {path:?}");
                check_cycle(nodes, &path);
                nodes[from].depends_on.remove(place);
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// The path is a cycle: each needs the next, the last is the first, and no other stands twice.
fn check_cycle(nodes: &[Node], path: &[String]) {
    let find = |name: &String| nodes.iter().find(|node| node.name == *name).unwrap();
    assert!(path.len() > 2, "{path:?}");
    assert_eq!(path.first(), path.last());
    for pair in path.windows(2) {
        let next = find(&pair[1]).id;
        assert!(find(&pair[0]).needs().any(|need| need == next), "{path:?}");
    }
    let distinct: BTreeSet<&String> = path.iter().collect();
    assert_eq!(distinct.len() + 1, path.len(), "{path:?}");
}

fn observations(dice: &mut Dice, nodes: &[Node]) -> Observations {
    let mut observations = Observations::default();
    let failed = || PowerState::Failed {
        cause: "exit code 1".to_owned(),
    };
    let moods: [Vec<PowerState>; 4] = [
        vec![PowerState::On],
        vec![PowerState::On, PowerState::On, PowerState::Off],
        vec![PowerState::On, PowerState::Off, PowerState::Off],
        vec![
            PowerState::On,
            PowerState::Off,
            PowerState::Unknown,
            PowerState::Starting,
            PowerState::Stopping,
            failed(),
        ],
    ];
    let mood = dice.pick(&moods);
    let rarely = dice.pick(&[0, 0, 8]);
    for node in nodes {
        // what was never given is unknown too
        if !dice.percent(rarely) {
            observations.give(node.id, dice.pick(&mood));
        }
        if dice.percent(rarely) {
            observations.held.insert(node.id, Timestamp(7_200_000));
        }
        if dice.percent(rarely) {
            observations.locked.insert(node.id, "backup".to_owned());
        }
        if dice.percent(rarely) {
            observations.in_cascade.insert(node.id);
        }
        if dice.percent(rarely) {
            let why = "it is in use: 2 users".to_owned();
            observations.guarded.insert(node.id, why);
        }
    }
    if dice.percent(3) {
        observations.paused = Some("automatic stops are paused".to_owned());
    }
    // what is known of removed nodes must not matter
    observations.give(NodeId(1), PowerState::On);
    observations
        .locked
        .insert(NodeId(4_000_000), "backup".to_owned());
    observations
}

fn id(place: usize) -> NodeId {
    NodeId(u32::try_from(10 + 3 * place).unwrap())
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
