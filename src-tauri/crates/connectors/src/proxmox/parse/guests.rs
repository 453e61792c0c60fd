//! The state of guests and members.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use wakehub_domain::{NodeKind, PowerState};

use super::{figures, flag, integer, lock_in_words, number, one_line, rows, text};
use crate::{GuestReport, Target, Usage};

/// `/cluster/resources`: the whole cluster in one answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::proxmox) struct Resources {
    /// Without templates.
    pub guests: Vec<Guest>,
    /// The members of the cluster, and whether they are online.
    pub members: BTreeMap<String, bool>,
    /// What the members use that are online, without their traffic.
    pub machines: BTreeMap<String, Usage>,
}

#[derive(Clone, PartialEq, Debug)]
pub(in crate::proxmox) struct Guest {
    pub vmid: u32,
    pub report: GuestReport,
    pub max_cores: Option<f64>,
    /// Bytes.
    pub max_memory: Option<u64>,
    /// Of a running one.
    pub usage: Option<Usage>,
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

pub(in crate::proxmox) fn resources(data: &Value) -> Resources {
    let mut resources = Resources::default();
    for row in rows(data) {
        if text(row, "type").as_deref() == Some("node")
            && let Some(name) = text(row, "node")
        {
            let online = text(row, "status").as_deref() == Some("online");
            if online {
                let usage = figures::of_machine(row);
                resources.machines.insert(name.clone(), usage);
            }
            resources.members.insert(name, online);
        }
    }
    let mut seen = BTreeSet::new();
    for row in rows(data) {
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
    let usage = (state == PowerState::On).then(|| {
        let platform_id = vmid.to_string();
        let mut usage = figures::of_guest(row, Target::Guest { kind, platform_id });
        usage.inhibitors.extend(lock.as_deref().map(lock_in_words));
        usage
    });
    Guest {
        vmid,
        usage,
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
pub(in crate::proxmox) struct Current {
    pub state: PowerState,
    pub note: Option<String>,
    pub lock: Option<String>,
}

pub(in crate::proxmox) fn current(data: &Value) -> Current {
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
