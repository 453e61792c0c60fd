//! What a lab is made of: machines, guests and containers, by name.

use std::collections::BTreeSet;

/// Everything in a lab. [`Homelab::reference`] is the one that DESIGN section 1 names.
#[derive(Clone, Debug, Default)]
pub struct Homelab {
    /// Hosts stand before their guests.
    pub machines: Vec<Machine>,
}

/// How the names of [`Homelab::with_more`] begin.
pub const MORE: &str = "lxc-more-";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Woken by a magic packet.
    Machine,
    /// Started by its host's Proxmox API.
    Vm,
    Lxc,
}

/// Something with its own network card, address and operating system.
#[derive(Clone, Debug)]
pub struct Machine {
    pub name: String,
    pub kind: Kind,
    /// 2 to 254; the address is 10.77.N.`last_byte`, the MAC address 52:54:00:00:N:`last_byte`.
    pub last_byte: u8,
    /// The machine that hosts it, and its number there.
    pub host: Option<(String, u32)>,
    pub depends_on: Vec<String>,
    /// The SecureOn password without which a magic packet does not wake it.
    pub secure_on: Option<[u8; 6]>,
    /// Lines for sshd_config, before those that the lab writes: in sshd the first one counts.
    pub sshd_options: Vec<String>,
    /// Serves a page over HTTP on this port, and `/cgi-bin/film`, which does not end.
    pub http_port: Option<u16>,
    pub docker: Option<Docker>,
    /// The name of its Proxmox node; what it hosts follows from `host` of the others.
    pub proxmox: Option<String>,
    /// How homelab.toml logs in to it over SSH; `None` leaves SSH out of homelab.toml.
    pub login: Option<Login>,
    pub pinned: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Login {
    Key,
    Password,
}

/// A Docker engine. Its local socket is reachable over SSH at /var/run/docker.sock, whatever `access` says.
#[derive(Clone, Debug)]
pub struct Docker {
    pub access: DockerAccess,
    pub containers: Vec<Container>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DockerAccess {
    /// TCP 2375.
    Plain,
    /// TCP 2376 with client certificates.
    Tls,
    /// Through the machine's sshd only.
    Ssh,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Container {
    pub name: String,
    pub depends_on: Vec<String>,
    pub role: Role,
    /// Compose project, service, and the services that it depends on: written into compose's labels.
    pub compose: Option<(String, String, Vec<String>)>,
    pub pinned: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Sleeps,
    /// Serves a page and `/cgi-bin/film`, which does not end, on its port 80, published on this port of the host.
    Serves(u16),
    /// Has a health check that passes from the first look on.
    Healthy,
    /// Has a health check that always fails.
    Unhealthy,
    ExitsAtOnce(u8),
    /// Ignores SIGTERM, so that stopping it takes Docker's whole grace.
    IgnoresStop,
}

impl Homelab {
    /// The reference homelab of DESIGN section 1, with the addresses of section 11.
    pub fn reference() -> Homelab {
        let needs = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let machine1 = Machine::new("machine1", 4).proxmox("pve1");
        let mut vm_docker = Machine::guest("vm-docker", Kind::Vm, 11, "machine1", 100);
        vm_docker.login = Some(Login::Key);
        vm_docker.docker = Some(Docker {
            access: DockerAccess::Plain,
            containers: vec![
                Container::new("jellystat", Role::Serves(3000)),
                Container::new("sandbox", Role::Sleeps).needs(&["lxc-jellyfin"]),
                Container::new("qbittorrent", Role::Healthy).needs(&["nas"]),
            ],
        });
        let vm_ubuntu = Machine::guest("vm-ubuntu", Kind::Vm, 12, "machine1", 102);
        let mut machine2 = Machine::new("machine2", 2).proxmox("pve2");
        machine2.login = Some(Login::Password);
        let vm_homeassistant = Machine::guest("vm-homeassistant", Kind::Vm, 22, "machine2", 200);
        let mut lxc_jellyfin = Machine::guest("lxc-jellyfin", Kind::Lxc, 21, "machine2", 101);
        lxc_jellyfin.http_port = Some(8096);
        lxc_jellyfin.depends_on = needs(&["nas"]);
        lxc_jellyfin.pinned = true;
        let lxc_cloudflared = Machine::guest("lxc-cloudflared", Kind::Lxc, 23, "machine2", 103);
        let mut nas = Machine::new("nas", 3);
        nas.pinned = true;
        let mut raspberry = Machine::new("raspberry", 5);
        let nextcloud = Container::new("nextcloud", Role::Serves(8080)).needs(&["nas"]);
        raspberry.docker = Some(Docker {
            access: DockerAccess::Tls,
            containers: vec![
                Container::new("pihole", Role::Healthy).compose("dns", "pihole", &[]),
                nextcloud.compose("cloud", "nextcloud", &[]),
            ],
        });
        Homelab {
            machines: vec![
                machine1,
                vm_docker,
                vm_ubuntu,
                machine2,
                vm_homeassistant,
                lxc_jellyfin,
                lxc_cloudflared,
                nas,
                raspberry,
            ],
        }
    }

    /// One machine named `nas`, with Wake-on-LAN and SSH.
    pub fn single() -> Homelab {
        Homelab {
            machines: vec![Machine::new("nas", 3)],
        }
    }

    /// So many LXCs more on a machine with Proxmox, from `lxc-more-1` on.
    #[must_use]
    pub fn with_more(mut self, host: &str, number: u8) -> Homelab {
        // Above the addresses and numbers of the reference homelab.
        const LAST_BYTE: u8 = 100;
        const VMID: u32 = 300;
        self.machines.extend((1..=number).map(|at| {
            let name = format!("{MORE}{at}");
            Machine::guest(&name, Kind::Lxc, LAST_BYTE + at, host, VMID + u32::from(at))
        }));
        self
    }

    /// Only these, and the machines that host them. Dependencies on what is left out are dropped.
    #[must_use]
    pub fn only(mut self, names: &[&str]) -> Homelab {
        let mut kept: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
        for machine in &self.machines {
            if let (true, Some((host, _))) = (kept.contains(&machine.name), &machine.host) {
                kept.insert(host.clone());
            }
        }
        self.machines.retain(|machine| kept.contains(&machine.name));
        let known: BTreeSet<String> = self
            .machines
            .iter()
            .flat_map(|machine| {
                let containers = machine.docker.iter().flat_map(|docker| &docker.containers);
                containers
                    .map(|container| &container.name)
                    .chain([&machine.name])
            })
            .cloned()
            .collect();
        for machine in &mut self.machines {
            machine.depends_on.retain(|name| known.contains(name));
            if let Some(docker) = &mut machine.docker {
                for container in &mut docker.containers {
                    container.depends_on.retain(|name| known.contains(name));
                }
            }
        }
        self
    }

    pub fn machine(&self, name: &str) -> Option<&Machine> {
        self.machines.iter().find(|machine| machine.name == name)
    }

    /// To change one before the lab is made.
    ///
    /// # Panics
    /// When there is no machine of this name.
    pub fn machine_mut(&mut self, name: &str) -> &mut Machine {
        self.machines
            .iter_mut()
            .find(|machine| machine.name == name)
            .unwrap_or_else(|| panic!("no machine {name} in the homelab"))
    }

    pub fn guests_of<'a>(&'a self, host: &'a str) -> impl Iterator<Item = (&'a Machine, u32)> {
        self.machines
            .iter()
            .filter_map(move |machine| match &machine.host {
                Some((name, vmid)) if name == host => Some((machine, *vmid)),
                Some(_) | None => None,
            })
    }
}

impl Machine {
    /// A machine with Wake-on-LAN and SSH by key.
    pub fn new(name: &str, last_byte: u8) -> Machine {
        Machine {
            name: name.to_owned(),
            kind: Kind::Machine,
            last_byte,
            host: None,
            depends_on: Vec::new(),
            secure_on: None,
            sshd_options: Vec::new(),
            http_port: None,
            docker: None,
            proxmox: None,
            login: Some(Login::Key),
            pinned: false,
        }
    }

    pub fn guest(name: &str, kind: Kind, last_byte: u8, host: &str, vmid: u32) -> Machine {
        Machine {
            kind,
            host: Some((host.to_owned(), vmid)),
            login: None,
            ..Machine::new(name, last_byte)
        }
    }

    #[must_use]
    pub fn proxmox(mut self, node: &str) -> Machine {
        self.proxmox = Some(node.to_owned());
        self
    }
}

impl Container {
    pub fn new(name: &str, role: Role) -> Container {
        Container {
            name: name.to_owned(),
            depends_on: Vec::new(),
            role,
            compose: None,
            pinned: false,
        }
    }

    #[must_use]
    pub fn needs(mut self, names: &[&str]) -> Container {
        self.depends_on = names.iter().map(ToString::to_string).collect();
        self
    }

    #[must_use]
    pub fn compose(mut self, project: &str, service: &str, depends_on: &[&str]) -> Container {
        let depends_on = depends_on.iter().map(ToString::to_string).collect();
        self.compose = Some((project.to_owned(), service.to_owned(), depends_on));
        self
    }
}
