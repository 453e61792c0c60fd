//! A hundred nodes, drawn by lot: machines, Proxmox guests, containers, dependencies and rules.

use super::lot::Lot;
use std::fmt::Write;

#[derive(Clone, Debug)]
pub struct Spec {
    pub name: String,
    pub kind: Kind,
    pub host: Option<usize>,
    pub needs: Vec<usize>,
    /// Minutes.
    pub timeout: Option<u32>,
    pub confirms: bool,
    pub always_on: bool,
    pub when_empty: bool,
    pub docker: bool,
    pub by_traffic: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Proxmox,
    Machine,
    Guest,
    Container,
}

impl Spec {
    /// What its platform calls it: its number, if it is a guest of Proxmox.
    pub fn key(&self, at: usize) -> String {
        match self.kind {
            Kind::Guest => (100 + at).to_string(),
            Kind::Proxmox | Kind::Machine | Kind::Container => self.name.clone(),
        }
    }
}

pub fn address(at: usize) -> String {
    format!("10.78.0.{}", at + 1)
}

/// All that needs it, transitively, over both layers.
pub fn users(specs: &[Spec], of: usize) -> Vec<usize> {
    let mut found = vec![of];
    let mut next = 0;
    while let Some(at) = found.get(next).copied() {
        for (user, spec) in specs.iter().enumerate() {
            let needs = spec.host == Some(at) || spec.needs.contains(&at);
            if needs && !found.contains(&user) {
                found.push(user);
            }
        }
        next += 1;
    }
    found.remove(0);
    found
}

/// All that runs on it, transitively.
pub fn hosted(specs: &[Spec], on: usize) -> Vec<usize> {
    let mut found = vec![on];
    let mut next = 0;
    while let Some(at) = found.get(next).copied() {
        found.extend((0..specs.len()).filter(|guest| specs[*guest].host == Some(at)));
        next += 1;
    }
    found.remove(0);
    found
}

/// All that it needs, transitively.
pub fn needs(specs: &[Spec], of: usize) -> Vec<usize> {
    (0..specs.len())
        .filter(|other| users(specs, *other).contains(&of))
        .collect()
}

pub fn drawn(lot: &mut Lot) -> Vec<Spec> {
    let mut specs = Vec::new();
    for n in 0..6 {
        specs.push(spec(format!("pve{n}"), Kind::Proxmox, None));
    }
    for n in 0..8 {
        let mut machine = spec(format!("machine{n}"), Kind::Machine, None);
        machine.docker = n < 3;
        specs.push(machine);
    }
    for n in 0..36 {
        let host = lot.below(6);
        let mut guest = spec(format!("guest{n}"), Kind::Guest, Some(host));
        guest.docker = n < 9;
        specs.push(guest);
    }
    let engines: Vec<usize> = (0..specs.len()).filter(|at| specs[*at].docker).collect();
    for n in 0..50 {
        let host = engines[lot.below(engines.len())];
        specs.push(spec(format!("container{n}"), Kind::Container, Some(host)));
    }
    for _ in 0..60 {
        let (user, need) = (lot.below(specs.len()), lot.below(specs.len()));
        let is_circle = user == need || users(&specs, user).contains(&need);
        let is_known = specs[user].needs.contains(&need) || specs[user].host == Some(need);
        if !is_circle && !is_known && specs[user].needs.len() < 3 {
            specs[user].needs.push(need);
        }
    }
    for spec in &mut specs {
        let minutes = [5, 10, 20, 30, 30, 45, 60, 120];
        spec.timeout = lot.chance(75).then(|| minutes[lot.below(minutes.len())]);
        spec.confirms = lot.chance(40);
        spec.always_on = lot.chance(5);
        spec.when_empty = lot.chance(30) && spec.kind != Kind::Container;
        spec.by_traffic = lot.chance(50);
    }
    specs
}

fn spec(name: String, kind: Kind, host: Option<usize>) -> Spec {
    Spec {
        name,
        kind,
        host,
        needs: Vec::new(),
        timeout: None,
        confirms: false,
        always_on: false,
        when_empty: false,
        docker: false,
        by_traffic: false,
    }
}

pub fn toml(specs: &[Spec]) -> String {
    let mut text = String::new();
    for (at, spec) in specs.iter().enumerate() {
        let name = &spec.name;
        let kind = match spec.kind {
            Kind::Proxmox | Kind::Machine => "machine",
            Kind::Guest if spec.docker => "vm",
            Kind::Guest => "lxc",
            Kind::Container => "container",
        };
        let _ = writeln!(text, "[[node]]\nname = \"{name}\"\nkind = \"{kind}\"");
        if let Some(host) = spec.host {
            let (host, id) = (&specs[host].name, spec.key(at));
            let _ = writeln!(text, "host = \"{host}\"\nplatform_id = \"{id}\"");
        }
        let address = address(at);
        if spec.host.is_none() {
            let _ = writeln!(text, "mac = \"52:54:00:00:01:{at:02x}\"");
            let _ = writeln!(text, "ssh = {{ user = \"root\", auth = \"password\" }}");
        }
        if spec.host.is_none() || spec.docker {
            let _ = writeln!(text, "address = \"{address}\"");
        }
        if spec.kind == Kind::Proxmox {
            let _ = writeln!(
                text,
                "proxmox_api = {{ url = \"https://{address}:8006\", node = \"{name}\", token_id = \"root@pam!wakehub\" }}"
            );
        }
        if spec.docker {
            let _ = writeln!(text, "docker_api = {{ url = \"tcp://{address}:2375\" }}");
        }
        let needs: Vec<&String> = spec.needs.iter().map(|need| &specs[*need].name).collect();
        let _ = writeln!(text, "depends_on = {needs:?}");
        let _ = writeln!(text, "confirm_before_auto_stop = {}", spec.confirms);
        let _ = writeln!(text, "always_on = {}", spec.always_on);
        if spec.kind != Kind::Container {
            let _ = writeln!(text, "stop_when_empty = {}", spec.when_empty);
        }
        if let Some(minutes) = spec.timeout {
            let criterion = if spec.by_traffic {
                "network_traffic"
            } else {
                "cpu"
            };
            let _ = writeln!(
                text,
                "idle = {{ timeout_minutes = {minutes}, criteria = {{ {criterion} = {{}} }} }}"
            );
        }
    }
    text
}
