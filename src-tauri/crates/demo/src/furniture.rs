//! What stands in the simulated house: the reference homelab, and things that nobody has configured yet.

use wakehub_domain::NodeKind;

/// A machine, or a guest of one.
#[derive(Debug)]
pub(crate) struct Thing {
    /// A machine's name, a VM's or LXC's number, a container's name: unique in the house.
    pub key: &'static str,
    pub name: &'static str,
    pub kind: NodeKind,
    /// The key of its host.
    pub host: Option<&'static str>,
    pub address: Option<&'static str>,
    pub mac: Option<&'static str>,
    /// Of a machine with Proxmox: its name as a member.
    pub member: Option<&'static str>,
    pub docker: bool,
    pub ports: &'static [u16],
    pub image: Option<&'static str>,
    /// Compose project and service.
    pub compose: Option<(&'static str, &'static str)>,
    /// Keys of others that its compose file or its startup order names.
    pub needs: &'static [&'static str],
    /// With a health check, a container is ready a little after it runs.
    pub checks_health: bool,
    pub cores: Option<f64>,
    /// GiB.
    pub memory: Option<u64>,
    /// When the demo begins.
    pub on: bool,
}

const NOTHING: Thing = Thing {
    key: "",
    name: "",
    kind: NodeKind::Machine,
    host: None,
    address: None,
    mac: None,
    member: None,
    docker: false,
    ports: &[],
    image: None,
    compose: None,
    needs: &[],
    checks_health: false,
    cores: None,
    memory: None,
    on: false,
};

const fn machine(name: &'static str, address: &'static str, mac: &'static str) -> Thing {
    Thing {
        key: name,
        name,
        address: Some(address),
        mac: Some(mac),
        ..NOTHING
    }
}

const fn guest(
    kind: NodeKind,
    host: &'static str,
    key: &'static str,
    name: &'static str,
    address: &'static str,
) -> Thing {
    Thing {
        key,
        name,
        kind,
        host: Some(host),
        address: Some(address),
        cores: Some(2.0),
        memory: Some(2),
        ..NOTHING
    }
}

const fn container(host: &'static str, name: &'static str, image: &'static str) -> Thing {
    Thing {
        key: name,
        name,
        kind: NodeKind::Container,
        host: Some(host),
        image: Some(image),
        ..NOTHING
    }
}

pub(crate) static HOUSE: [Thing; 21] = [
    Thing {
        member: Some("pve1"),
        on: true,
        ..machine("machine1", "10.77.0.1", "52:54:00:00:00:01")
    },
    Thing {
        member: Some("pve2"),
        ..machine("machine2", "10.77.0.2", "52:54:00:00:00:02")
    },
    machine("nas", "10.77.0.3", "52:54:00:00:00:03"),
    Thing {
        docker: true,
        on: true,
        ..machine("raspberry", "10.77.0.4", "52:54:00:00:00:04")
    },
    // not configured: what a newcomer can add
    Thing {
        member: Some("pve3"),
        on: true,
        ..machine("machine3", "10.77.0.5", "52:54:00:00:00:05")
    },
    Thing {
        docker: true,
        on: true,
        cores: Some(4.0),
        memory: Some(8),
        ..guest(NodeKind::Vm, "machine1", "100", "vm-docker", "10.77.0.11")
    },
    guest(NodeKind::Vm, "machine1", "102", "vm-ubuntu", "10.77.0.12"),
    Thing {
        ports: &[80],
        ..guest(NodeKind::Lxc, "machine1", "104", "lxc-wiki", "10.77.0.14")
    },
    Thing {
        ports: &[8123],
        ..guest(
            NodeKind::Vm,
            "machine2",
            "200",
            "vm-homeassistant",
            "10.77.0.20",
        )
    },
    Thing {
        ports: &[8096],
        ..guest(
            NodeKind::Lxc,
            "machine2",
            "101",
            "lxc-jellyfin",
            "10.77.0.21",
        )
    },
    guest(
        NodeKind::Lxc,
        "machine2",
        "103",
        "lxc-cloudflared",
        "10.77.0.23",
    ),
    Thing {
        compose: Some(("mediastack", "jellystat")),
        ports: &[3000],
        checks_health: true,
        on: true,
        ..container("100", "jellystat", "cyfershepard/jellystat:latest")
    },
    container("100", "sandbox", "debian:12"),
    Thing {
        compose: Some(("mediastack", "qbittorrent")),
        ports: &[8080],
        ..container("100", "qbittorrent", "linuxserver/qbittorrent:5.0")
    },
    Thing {
        compose: Some(("mediastack", "sonarr")),
        needs: &["qbittorrent"],
        ports: &[8989],
        ..container("100", "sonarr", "linuxserver/sonarr:4.0")
    },
    Thing {
        ports: &[80],
        checks_health: true,
        on: true,
        ..container("raspberry", "pihole", "pihole/pihole:2024.07.0")
    },
    Thing {
        ports: &[8443],
        ..container("raspberry", "nextcloud", "nextcloud:30")
    },
    Thing {
        ports: &[3001],
        checks_health: true,
        on: true,
        ..container("raspberry", "uptime-kuma", "louislam/uptime-kuma:1")
    },
    Thing {
        ports: &[3000],
        on: true,
        ..guest(
            NodeKind::Lxc,
            "machine3",
            "110",
            "lxc-forgejo",
            "10.77.0.31",
        )
    },
    Thing {
        ports: &[2342],
        needs: &["112"],
        ..guest(NodeKind::Lxc, "machine3", "111", "lxc-photos", "10.77.0.32")
    },
    guest(
        NodeKind::Lxc,
        "machine3",
        "112",
        "lxc-postgres",
        "10.77.0.33",
    ),
];

impl Thing {
    pub fn guests(&self) -> impl Iterator<Item = &'static Thing> + '_ {
        HOUSE.iter().filter(|thing| thing.host == Some(self.key))
    }

    pub fn hosted_on(&self) -> Option<&'static Thing> {
        self.host.and_then(find)
    }
}

pub(crate) fn find(key: &str) -> Option<&'static Thing> {
    HOUSE.iter().find(|thing| thing.key == key)
}

/// By address or name, as a form may have it: `10.77.0.3`, `nas`, `nas.local`.
pub(crate) fn at(address: &str) -> Option<&'static Thing> {
    let name = address.split('.').next().unwrap_or_default();
    HOUSE
        .iter()
        .filter(|thing| thing.address.is_some())
        .find(|thing| thing.address == Some(address) || thing.name.eq_ignore_ascii_case(name))
}

pub(crate) fn with_mac(mac: &str) -> Option<&'static Thing> {
    let written = mac.replace('-', ":");
    HOUSE.iter().find(|thing| {
        thing
            .mac
            .is_some_and(|own| own.eq_ignore_ascii_case(&written))
    })
}
