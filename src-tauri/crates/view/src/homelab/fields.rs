//! Limits of the fields, each with a message that stands at the field.

use std::net::IpAddr;
use wakehub_domain::idle::IdleRule;
use wakehub_domain::{NodeKind, Probe, Schedule, SshAuth, StopWindow};

use super::NodeEntry;
use crate::wire::EntryError;

/// A day: longer than any boot, short enough to be a timeout.
const LONGEST_TIMEOUT_S: u32 = 86_400;

pub(super) fn error(field: &str, message: impl Into<String>) -> EntryError {
    EntryError {
        field: Some(field.to_owned()),
        line: None,
        message: message.into(),
    }
}

pub(super) fn check(entry: &NodeEntry) -> Vec<EntryError> {
    let mut wrong = Vec::new();
    let mut expect = |ok: bool, field: &str, message: &str| {
        if !ok {
            wrong.push(error(field, message));
        }
    };
    let name = entry.name.as_str();
    expect(
        (1..=64).contains(&name.chars().count())
            && name.trim() == name
            && !name.chars().any(char::is_control),
        "name",
        "1 to 64 characters, no control characters, no space at either end",
    );
    let is_machine = entry.kind == NodeKind::Machine;
    expect(
        is_machine || entry.host.is_some(),
        "host",
        "a guest needs the node that hosts it",
    );
    expect(
        !is_machine || entry.host.is_none(),
        "host",
        "a machine has no host",
    );
    if let (NodeKind::Vm | NodeKind::Lxc, Some(id)) = (entry.kind, &entry.platform_id) {
        expect(
            id.parse::<u32>().is_ok_and(|id| id > 0),
            "platform_id",
            "the number that Proxmox gave it, for example 101",
        );
    }
    if let (NodeKind::Container, Some(id)) = (entry.kind, &entry.platform_id) {
        expect(
            id.len() <= 255
                && id.starts_with(|c: char| c.is_ascii_alphanumeric())
                && id
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')),
            "platform_id",
            "a container's name: letters, digits, and _ . - after the first",
        );
    }
    if let Some(address) = &entry.address {
        expect(is_host(address), "address", "a host name or an IP address");
    }
    if let Some(mac) = &entry.mac {
        expect(
            normal_mac(mac).is_some(),
            "mac",
            "six bytes in hexadecimal: 52:54:00:00:00:03",
        );
        expect(
            is_machine,
            "mac",
            "only a machine is woken by a magic packet",
        );
    }
    if let Some(wol) = &entry.wol {
        expect(
            entry.mac.is_some(),
            "mac",
            "Wake-on-LAN needs the MAC address",
        );
        if let Some(broadcast) = &wol.broadcast {
            expect(
                broadcast.parse::<IpAddr>().is_ok(),
                "wol.broadcast",
                "an IP address, for example 10.77.0.255",
            );
        }
        if let Some(interface) = &wol.interface {
            expect(
                (1..=64).contains(&interface.len()) && !interface.contains(char::is_whitespace),
                "wol.interface",
                "the name of a network interface of this computer",
            );
        }
    }
    if let Some(ssh) = &entry.ssh {
        expect(entry.address.is_some(), "address", "SSH needs an address");
        expect(is_user(&ssh.user), "ssh.user", "a user name");
        expect(ssh.port > 0, "ssh.port", "1 to 65535");
        expect(
            ssh.auth != SshAuth::Key || ssh.key_file.as_deref().is_some_and(|f| !f.is_empty()),
            "ssh.key_file",
            "the private key's file",
        );
        if let Some(jump) = &ssh.jump {
            expect(
                is_host(&jump.address),
                "ssh.jump.address",
                "a host name or an IP address",
            );
            expect(is_user(&jump.user), "ssh.jump.user", "a user name");
            expect(jump.port > 0, "ssh.jump.port", "1 to 65535");
            expect(
                jump.auth != SshAuth::Key || jump.key_file.is_some(),
                "ssh.jump.key_file",
                "the private key's file",
            );
        }
    }
    if let Some(api) = &entry.proxmox_api {
        expect(
            api.url.starts_with("https://") && host_of(&api.url).is_some(),
            "proxmox_api.url",
            "https://address:8006",
        );
        expect(
            !api.node.is_empty() && is_host(&api.node),
            "proxmox_api.node",
            "the machine's name within Proxmox, for example pve2",
        );
        expect(
            api.token_id.is_some() != api.user.is_some(),
            "proxmox_api.token_id",
            "either a token or a user",
        );
        if let Some(token) = &api.token_id {
            expect(
                token.split_once('!').is_some_and(|(user, name)| {
                    user.contains('@') && !name.is_empty() && !token.contains('=')
                }),
                "proxmox_api.token_id",
                "user@realm!name, without the secret: root@pam!wakehub",
            );
        }
        if let Some(user) = &api.user {
            expect(
                user.contains('@'),
                "proxmox_api.user",
                "user@realm: root@pam",
            );
        }
    }
    if let Some(api) = &entry.docker_api {
        let url = api.url.as_str();
        let tcp = url.strip_prefix("tcp://").is_some_and(|rest| {
            rest.rsplit_once(':').is_some_and(|(host, port)| {
                is_host(host) && port.parse::<u16>().is_ok_and(|p| p > 0)
            })
        });
        let unix = url
            .strip_prefix("unix://")
            .is_some_and(|path| path.starts_with('/'));
        expect(
            tcp || unix || url == "ssh",
            "docker_api.url",
            "tcp://address:2375, tcp://address:2376, ssh, or unix:///var/run/docker.sock",
        );
        expect(
            url != "ssh" || entry.ssh.is_some(),
            "docker_api.url",
            "Docker over SSH needs the node's SSH",
        );
    }
    if let Some(url) = &entry.url {
        expect(
            url.len() <= 2000
                && (url.starts_with("http://") || url.starts_with("https://"))
                && host_of(url).is_some(),
            "url",
            "http:// or https:// and an address",
        );
    }
    for (field, what) in entry.idle.iter().flat_map(IdleRule::check) {
        expect(false, field, what);
    }
    let by_the_clock = Schedule::check(&entry.schedules);
    for (field, what) in by_the_clock
        .into_iter()
        .chain(StopWindow::check(&entry.auto_stop_windows))
    {
        expect(false, &field, &what);
    }
    match &entry.readiness {
        Some(Probe::Tcp(tcp)) => {
            let port = tcp.rsplit_once(':').map_or(tcp.as_str(), |(_, port)| port);
            expect(
                port.parse::<u16>().is_ok_and(|port| port > 0),
                "readiness",
                "a port, or address:port",
            );
        }
        Some(Probe::Http(url)) => expect(
            (url.starts_with("http://") || url.starts_with("https://")) && host_of(url).is_some(),
            "readiness",
            "http:// or https:// and an address",
        ),
        None => {}
    }
    for (field, seconds) in [
        ("start_timeout_seconds", entry.start_timeout_seconds),
        ("stop_timeout_seconds", entry.stop_timeout_seconds),
    ] {
        expect(
            seconds.is_none_or(|s| (1..=LONGEST_TIMEOUT_S).contains(&s)),
            field,
            "1 to 86400 seconds",
        );
    }
    for (field, watts) in [
        ("watts_on", entry.watts_on),
        ("watts_suspended", entry.watts_suspended),
    ] {
        expect(
            watts.is_none_or(|w| w.is_finite() && (0.0..=100_000.0).contains(&w)),
            field,
            "0 to 100000 watts",
        );
    }
    let short = |text: &Option<String>, most: usize| {
        text.as_ref()
            .is_none_or(|text| text.chars().count() <= most)
    };
    expect(short(&entry.note, 4000), "note", "4000 characters at most");
    expect(
        short(&entry.shutdown_command, 1000)
            && entry
                .shutdown_command
                .as_ref()
                .is_none_or(|c| !c.trim().is_empty() && !c.contains(['\0', '\n'])),
        "shutdown_command",
        "one line of at most 1000 characters",
    );
    expect(
        entry.tags.len() <= 32
            && entry
                .tags
                .iter()
                .all(|t| (1..=64).contains(&t.chars().count())),
        "tags",
        "32 at most, each of 1 to 64 characters",
    );
    wrong
}

/// `52-54-00-00-00-03`, `5254.0000.0003` and the like as `52:54:00:00:00:03`.
pub(super) fn normal_mac(text: &str) -> Option<String> {
    let digits: String = text
        .chars()
        .filter(|c| !matches!(c, ':' | '-' | '.'))
        .collect::<String>()
        .to_ascii_lowercase();
    let separators = text
        .chars()
        .filter(|c| matches!(c, ':' | '-' | '.'))
        .count();
    if digits.len() != 12
        || !digits.bytes().all(|b| b.is_ascii_hexdigit())
        || !matches!(separators, 0 | 2 | 5)
    {
        return None;
    }
    let pairs: Vec<&str> = (0..6).map(|at| &digits[at * 2..at * 2 + 2]).collect();
    Some(pairs.join(":"))
}

/// The host part of a URL, without brackets.
pub(super) fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    if authority.contains('@') {
        return None;
    }
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split_once(']')?.0,
        None => authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host),
    };
    is_host(host).then(|| host.to_owned())
}

fn is_host(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && (text.parse::<IpAddr>().is_ok()
            || text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
                && text.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

fn is_user(text: &str) -> bool {
    (1..=64).contains(&text.chars().count())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}
