//! Reads what Proxmox answers. Pure, and lenient: Perl sends numbers as strings and booleans as 0 and 1, and what is
//! unknown or missing must not take the rest with it.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use wakehub_domain::{NodeKind, PowerState, Secret};

use crate::GuestReport;

/// Why a body with status 200 is not an answer of Proxmox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotTheApi {
    NotJson,
    NoData,
}

/// Unwraps `{"data": …}`.
pub(super) fn data(body: &[u8]) -> Result<Value, NotTheApi> {
    let mut answer: Value = serde_json::from_slice(body).map_err(|_| NotTheApi::NotJson)?;
    answer
        .get_mut("data")
        .map(Value::take)
        .ok_or(NotTheApi::NoData)
}

pub(super) enum Login {
    Granted { ticket: Secret, csrf: Secret },
    NeedsSecondFactor,
}

pub(super) fn ticket(body: &[u8]) -> Result<Login, NotTheApi> {
    let data = data(body)?;
    if flag(&data, "NeedTFA") {
        return Ok(Login::NeedsSecondFactor);
    }
    match (text(&data, "ticket"), text(&data, "CSRFPreventionToken")) {
        // Old second factors came as a ticket that is none.
        (Some(ticket), _) if ticket.starts_with("PVE:!tfa!") => Ok(Login::NeedsSecondFactor),
        (Some(ticket), Some(csrf)) => Ok(Login::Granted {
            ticket: Secret::new(ticket),
            csrf: Secret::new(csrf),
        }),
        _ => Err(NotTheApi::NoData),
    }
}

/// What an answer of 400 and above says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    message: String,
    /// By parameter.
    errors: BTreeMap<String, String>,
}

/// Proxmox 9 writes the message into the body, 8 into the reason phrase of the status line only; both add `errors`.
pub(super) fn refusal(body: &[u8], reason: &str) -> Refusal {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut errors = BTreeMap::new();
    if let Some(Value::Object(given)) = answer.get("errors") {
        for (parameter, error) in given {
            if let Some(error) = as_text(error) {
                errors.insert(one_line(parameter), one_line(&error));
            }
        }
    }
    let message = text(&answer, "message").unwrap_or_default();
    let message = one_line(if message.trim().is_empty() {
        reason
    } else {
        &message
    });
    Refusal { message, errors }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (index, (parameter, error)) in self.errors.iter().enumerate() {
            let separator = match (index, self.message.is_empty()) {
                (0, true) => "",
                (0, false) => " ",
                _ => "; ",
            };
            write!(f, "{separator}{parameter}: {error}")?;
        }
        Ok(())
    }
}

/// `/cluster/resources`: the whole cluster in one answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Resources {
    /// Without templates.
    pub guests: Vec<Guest>,
    /// The members of the cluster, and whether they are online.
    pub members: BTreeMap<String, bool>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Guest {
    pub vmid: u32,
    pub report: GuestReport,
    pub max_cores: Option<f64>,
    /// Bytes.
    pub max_memory: Option<u64>,
}

impl Resources {
    pub fn find(&self, vmid: u32) -> Option<&Guest> {
        self.guests.iter().find(|guest| guest.vmid == vmid)
    }

    /// What the machine named `member` is. The API runs on some member: with only one, it is that one. An offline member
    /// may be off or cut off, so nothing is said of it.
    pub fn machine(&self, member: &str) -> Option<PowerState> {
        match self.members.get(member) {
            Some(true) => Some(PowerState::On),
            Some(false) if self.members.len() == 1 => Some(PowerState::On),
            Some(false) | None => None,
        }
    }
}

pub(super) fn resources(data: &Value) -> Resources {
    let mut resources = Resources::default();
    let rows = data.as_array().map(Vec::as_slice).unwrap_or_default();
    for row in rows {
        if text(row, "type").as_deref() == Some("node")
            && let Some(name) = text(row, "node")
        {
            let online = text(row, "status").as_deref() == Some("online");
            resources.members.insert(name, online);
        }
    }
    let mut seen = BTreeSet::new();
    for row in rows {
        let kind = match text(row, "type").as_deref() {
            Some("qemu") => NodeKind::Vm,
            Some("lxc") => NodeKind::Lxc,
            _ => continue,
        };
        if flag(row, "template") {
            continue;
        }
        let Some(vmid) = integer(row, "vmid").and_then(|vmid| u32::try_from(vmid).ok()) else {
            continue;
        };
        if seen.insert(vmid) {
            resources
                .guests
                .push(guest(row, kind, vmid, &resources.members));
        }
    }
    resources.guests.sort_by_key(|guest| guest.vmid);
    resources
}

fn guest(row: &Value, kind: NodeKind, vmid: u32, members: &BTreeMap<String, bool>) -> Guest {
    let member = text(row, "node");
    let offline = member
        .as_ref()
        .is_some_and(|name| members.len() > 1 && members.get(name) == Some(&false));
    let lock = text(row, "lock").filter(|lock| !lock.is_empty());
    let (state, note) = if offline {
        let name = member.as_deref().unwrap_or_default();
        (PowerState::Unknown, Some(format!("{name} is offline")))
    } else {
        power(text(row, "status").as_deref())
    };
    let (lock, note) = lock_and_note(lock, note);
    Guest {
        vmid,
        report: GuestReport {
            kind,
            platform_id: vmid.to_string(),
            name: text(row, "name")
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| format!("{} {vmid}", kind.as_str())),
            state,
            health: None,
            note,
            lock,
            member,
            identity: None,
        },
        max_cores: number(row, "maxcpu").filter(|cores| *cores > 0.0),
        max_memory: number(row, "maxmem")
            .filter(|bytes| *bytes > 0.0)
            .map(|bytes| bytes as u64),
    }
}

/// The lock `suspended` marks a guest that sleeps on disk: it forbids nothing that we do, starting it wakes it up.
fn lock_and_note(lock: Option<String>, note: Option<String>) -> (Option<String>, Option<String>) {
    match lock.as_deref() {
        Some("suspended") => (None, Some("suspended to disk".to_owned())),
        Some(_) | None => (lock, note),
    }
}

/// pvestatd writes QEMU's own run state where there is one, so any word of QAPI's `RunState` may come. All of them but
/// `shutdown` mean that the guest's process lives and holds its memory.
fn power(status: Option<&str>) -> (PowerState, Option<String>) {
    match status {
        Some("running") => (PowerState::On, None),
        Some("stopped") => (PowerState::Off, None),
        Some("shutdown") => (PowerState::Stopping, None),
        Some(
            word @ ("paused" | "suspended" | "prelaunch" | "inmigrate" | "postmigrate"
            | "finish-migrate" | "save-vm" | "restore-vm" | "io-error" | "internal-error"
            | "guest-panicked" | "watchdog" | "debug" | "colo" | "frozen" | "freezing"),
        ) => (PowerState::On, Some(word.to_owned())),
        None | Some("unknown") => (PowerState::Unknown, None),
        Some(word) => (PowerState::Unknown, Some(one_line(word))),
    }
}

/// `status/current` of one guest, which is true at once; `/cluster/resources` follows within 10 s.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Current {
    pub state: PowerState,
    pub note: Option<String>,
    pub lock: Option<String>,
}

pub(super) fn current(data: &Value) -> Current {
    let status = text(data, "status");
    // A paused guest has status `running`.
    let word = match (status.as_deref(), text(data, "qmpstatus")) {
        (Some("running"), Some(word)) => Some(word),
        (_, _) => status,
    };
    let (state, note) = power(word.as_deref());
    let lock = text(data, "lock").filter(|lock| !lock.is_empty());
    let (lock, note) = lock_and_note(lock, note);
    Current { state, note, lock }
}

/// The id of a task: `UPID:pve2:000003E8:00001B58:691FF0A1:qmstart:100:root@pam:`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Upid {
    pub text: String,
    /// The member that it runs on.
    pub member: String,
    /// `qmstart`, `hastop`
    pub kind: String,
}

pub(super) fn upid(data: &Value) -> Option<Upid> {
    let text = data.as_str()?;
    let fields: Vec<&str> = text.split(':').collect();
    let [tag, member, _, _, _, kind, ..] = fields.as_slice() else {
        return None;
    };
    (*tag == "UPID" && !member.is_empty()).then(|| Upid {
        text: text.to_owned(),
        member: (*member).to_owned(),
        kind: (*kind).to_owned(),
    })
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum TaskState {
    Running,
    /// `OK`, or `WARNINGS: 2`, which Proxmox counts as success too.
    Succeeded,
    Failed {
        exit_status: String,
    },
}

pub(super) fn task_state(data: &Value) -> TaskState {
    if text(data, "status").as_deref() != Some("stopped") {
        return TaskState::Running;
    }
    let exit_status = one_line(&text(data, "exitstatus").unwrap_or_default());
    if exit_status == "OK" || exit_status.starts_with("WARNINGS: ") {
        TaskState::Succeeded
    } else if exit_status.is_empty() {
        // The worker was killed, or its member was.
        TaskState::Failed {
            exit_status: "the task ended without a status".to_owned(),
        }
    } else {
        TaskState::Failed { exit_status }
    }
}

/// The last lines of a task's log that say more than its exit status does.
pub(super) fn last_words(data: &Value, exit_status: &str, lines: usize) -> Vec<String> {
    let rows = data.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut words: Vec<String> = rows
        .iter()
        .filter_map(|row| text(row, "t"))
        .map(|line| one_line(&line))
        .filter(|line| {
            let bare = line.strip_prefix("TASK ERROR: ").unwrap_or(line);
            !bare.is_empty() && bare != exit_status && bare != "no content"
        })
        .collect();
    words.dedup();
    words.split_off(words.len().saturating_sub(lines))
}

/// The running tasks of `GET /nodes/{node}/tasks`, by kind. With `source=active` Proxmox lists those that ended just now
/// as well; they have an end.
pub(super) fn running_tasks(data: &Value) -> Vec<String> {
    let rows = data.as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter()
        .filter(|row| {
            let status = text(row, "status");
            integer(row, "endtime").is_none()
                && status.is_none_or(|status| status.eq_ignore_ascii_case("running"))
        })
        .filter_map(|row| text(row, "type"))
        .collect()
}

/// What a guest's configuration tells.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct GuestConfig {
    pub cores: Option<f64>,
    /// Bytes.
    pub memory: Option<u64>,
    /// Fixed addresses, of the container's interfaces or of cloud-init.
    pub addresses: Vec<String>,
    /// Whether QEMU's guest agent can be asked.
    pub agent: bool,
    /// `startup: order=2,up=30`
    pub order: Option<i64>,
}

pub(super) fn guest_config(data: &Value, kind: NodeKind) -> GuestConfig {
    let mut config = GuestConfig::default();
    let Some(options) = data.as_object() else {
        return config;
    };
    let cores = number(data, "cores").filter(|cores| *cores > 0.0);
    config.cores = match kind {
        NodeKind::Vm => {
            let sockets = number(data, "sockets").filter(|sockets| *sockets > 0.0);
            cores
                .or(sockets.map(|_| 1.0))
                .map(|cores| cores * sockets.unwrap_or(1.0))
        }
        NodeKind::Lxc | NodeKind::Machine | NodeKind::Container => cores,
    };
    // MiB; `memory` of a VM may be a property string.
    config.memory = text(data, "memory")
        .and_then(|memory| property(&memory, "current").parse::<u64>().ok())
        .and_then(|mebibytes| mebibytes.checked_mul(1 << 20));
    config.agent = text(data, "agent").is_some_and(|agent| property(&agent, "enabled") == "1");
    config.order =
        text(data, "startup").and_then(|startup| property(&startup, "order").parse().ok());
    config.addresses = fixed_addresses(options);
    config
}

fn fixed_addresses(options: &Map<String, Value>) -> Vec<String> {
    let mut addresses = Vec::new();
    for (option, value) in options {
        let interface = option
            .strip_prefix("ipconfig")
            .or_else(|| option.strip_prefix("net"));
        let is_interface =
            interface.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        let Some(value) = as_text(value).filter(|_| is_interface) else {
            continue;
        };
        for part in value.split(',') {
            if let Some(("ip" | "ip6", address)) = part.split_once('=') {
                add_address(&mut addresses, address);
            }
        }
    }
    addresses
}

/// One value of a property string: `1,fstrim_cloned_disks=1` and `enabled=1` both have `enabled` 1.
fn property<'a>(string: &'a str, key: &str) -> &'a str {
    string
        .split(',')
        .find_map(|part| match part.split_once('=') {
            Some((name, value)) if name.trim() == key => Some(value.trim()),
            Some(_) => None,
            None => Some(part.trim()),
        })
        .unwrap_or_default()
}

/// The addresses that the guest itself reports: of a VM's agent (`{"result": […]}`) or of a container.
pub(super) fn interfaces(data: &Value) -> Vec<String> {
    let rows = data.get("result").unwrap_or(data);
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut addresses = Vec::new();
    for row in rows {
        let name = text(row, "name").unwrap_or_default();
        // Bridges of container engines and the like: addresses that lead nowhere from outside.
        if ["docker", "br-", "veth", "virbr", "cni", "podman"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            continue;
        }
        let listed = row.get("ip-addresses").and_then(Value::as_array);
        for address in listed.map(Vec::as_slice).unwrap_or_default() {
            if let Some(address) = text(address, "ip-address") {
                add_address(&mut addresses, &address);
            }
        }
        for key in ["inet", "inet6"] {
            if let Some(address) = text(row, key) {
                add_address(&mut addresses, &address);
            }
        }
    }
    addresses
}

/// Keeps what another machine can connect to, IPv4 first.
fn add_address(addresses: &mut Vec<String>, written: &str) {
    let bare = written.split('/').next().unwrap_or_default().trim();
    let Ok(address) = bare.parse::<IpAddr>() else {
        return;
    };
    let reachable = match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
    };
    let address = address.to_string();
    if reachable && !addresses.contains(&address) {
        let is_v4 = !address.contains(':');
        let index = if is_v4 {
            addresses.iter().take_while(|a| !a.contains(':')).count()
        } else {
            addresses.len()
        };
        addresses.insert(index, address);
    }
}

/// `GET /version`: `9.0.10`.
pub(super) fn version(data: &Value) -> Option<(u32, String)> {
    let version = one_line(&text(data, "version")?);
    let major = version.split(['.', '-']).next()?.parse().ok()?;
    Some((major, version))
}

/// `GET /access/permissions`: the effective privileges by path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Permissions(BTreeMap<String, BTreeMap<String, bool>>);

pub(super) fn permissions(data: &Value) -> Permissions {
    let mut permissions = Permissions::default();
    for (path, privileges) in data.as_object().into_iter().flatten() {
        let given = permissions.0.entry(path.clone()).or_default();
        for (privilege, _) in privileges.as_object().into_iter().flatten() {
            given.insert(privilege.clone(), flag(privileges, privilege));
        }
    }
    permissions
}

impl Permissions {
    /// Whether the privilege holds on the path. Proxmox lists what is in force, so the nearest listed path decides; from
    /// above only what propagates counts.
    pub fn has(&self, path: &str, privilege: &str) -> bool {
        if let Some(here) = self.0.get(path) {
            return here.contains_key(privilege);
        }
        let mut above = path;
        while above != "/" {
            above = match above.rfind('/') {
                Some(0) | None => "/",
                Some(slash) => &above[..slash],
            };
            if let Some(privileges) = self.0.get(above) {
                return privileges.get(privilege) == Some(&true);
            }
        }
        false
    }

    /// The paths below `prefix` on which all of the privileges hold: single guests, or pools.
    pub fn paths_below(&self, prefix: &str, privileges: &[&str]) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(path, given)| {
                path.starts_with(prefix) && privileges.iter().all(|p| given.contains_key(*p))
            })
            .map(|(path, _)| path.as_str())
            .collect()
    }
}

fn text(row: &Value, key: &str) -> Option<String> {
    row.get(key).and_then(as_text)
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("1".to_owned()),
        Value::Bool(false) => Some("0".to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(row: &Value, key: &str) -> Option<f64> {
    let number: f64 = text(row, key)?.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

fn integer(row: &Value, key: &str) -> Option<i64> {
    text(row, key)?.trim().parse().ok()
}

fn flag(row: &Value, key: &str) -> bool {
    matches!(text(row, key).as_deref(), Some("1" | "true" | "yes" | "on"))
}

/// Messages end in line breaks, and log lines may hold escape sequences.
fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
