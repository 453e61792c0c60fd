//! A homelab in one line a node: `lxc-jellyfin: lxc on machine2, needs nas, stops when empty`.

use wakehub_domain::{
    DockerConfig, Graph, Node, NodeId, NodeKind, ProxmoxConfig, SshAuth, SshConfig, WolConfig,
};

/// Nodes are as old as their lines are high up.
pub fn parse(lines: &[&str]) -> Vec<Node> {
    let mut nodes = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let (name, words) = line.split_once(": ").unwrap_or_else(|| bad(line));
        let mut words = words.split(", ");
        let mut kind = words.next().unwrap_or_default().split_whitespace();
        let id = NodeId(u32::try_from(at + 1).unwrap());
        let mut node = Node::new(
            id,
            name,
            match kind.next() {
                Some("machine") => NodeKind::Machine,
                Some("vm") => NodeKind::Vm,
                Some("lxc") => NodeKind::Lxc,
                Some("container") => NodeKind::Container,
                Some(_) | None => bad(line),
            },
        );
        if kind.next() == Some("on") {
            node.host = Some(find(lines, kind.next().unwrap_or_else(|| bad(line))));
            node.platform_id = Some(name.to_owned());
        }
        for word in words {
            apply(&mut node, word, lines);
        }
        nodes.push(node);
    }
    nodes
}

/// One thing that is said about a node, in the homelab or in a case.
pub fn apply(node: &mut Node, word: &str, lines: &[&str]) {
    match word {
        "wol" => {
            node.wol = Some(WolConfig {
                mac: "52:54:00:00:00:01".to_owned(),
                broadcast: None,
                interface: None,
            });
        }
        "no wol" => node.wol = None,
        "ssh" => {
            node.ssh = Some(SshConfig {
                user: "root".to_owned(),
                auth: SshAuth::Agent,
                key_file: None,
                port: 22,
                jump: None,
            });
        }
        "no ssh" => node.ssh = None,
        "proxmox" => {
            node.proxmox_api = Some(ProxmoxConfig {
                url: "https://10.77.0.1:8006".to_owned(),
                node: node.name.clone(),
                token_id: Some("root@pam!wakehub".to_owned()),
                user: None,
            });
        }
        "docker" => {
            node.docker_api = Some(DockerConfig {
                url: "ssh".to_owned(),
                cert_path: None,
            });
        }
        "asks" => node.settings.confirm_before_auto_stop = Some(true),
        "does not ask" => node.settings.confirm_before_auto_stop = Some(false),
        "always on" => node.settings.always_on = true,
        "stops when empty" => node.settings.stop_when_empty = true,
        _ => match word.split_once(' ') {
            Some(("needs", names)) => {
                let dependencies = names.split_whitespace().map(|name| find(lines, name));
                node.depends_on = dependencies.collect();
            }
            Some(_) | None => bad(word),
        },
    }
}

fn find(lines: &[&str], name: &str) -> NodeId {
    let line = lines
        .iter()
        .position(|line| line.starts_with(&format!("{name}: ")));
    let at = line.unwrap_or_else(|| panic!("there is no line for {name}"));
    NodeId(u32::try_from(at + 1).unwrap())
}

pub fn id(graph: &Graph, name: &str) -> NodeId {
    let node = graph.find(name);
    node.unwrap_or_else(|| panic!("there is no node {name}")).id
}

fn bad<T>(line: &str) -> T {
    panic!("cannot read {line:?}")
}
