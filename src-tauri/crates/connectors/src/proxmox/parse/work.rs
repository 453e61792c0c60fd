//! What must not be interrupted: locks of guests, and tasks that are at work, in plain words.

use serde_json::Value;

use super::tasks::is_running;
use super::{integer, one_line, rows, text};

/// A running task of `GET /cluster/tasks` or `GET /nodes/{node}/tasks`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::proxmox) struct Task {
    pub member: String,
    /// `vzdump`
    pub kind: String,
    /// The guest that it works on; none for those of the machine, or of several guests.
    pub vmid: Option<u32>,
}

/// Without Sys.Audit a login is shown only its own.
pub(in crate::proxmox) fn tasks_at_work(data: &Value) -> Vec<Task> {
    rows(data)
        .iter()
        .filter(|row| is_running(row))
        .filter_map(|row| {
            Some(Task {
                member: text(row, "node")?,
                kind: one_line(&text(row, "type")?),
                vmid: integer(row, "id").and_then(|id| u32::try_from(id).ok()),
            })
        })
        .collect()
}

impl Task {
    /// To the guest that it works on. Starts and stops are ours as well, and harm nothing.
    pub fn of_guest(&self) -> Option<&'static str> {
        if is_console(&self.kind) {
            return Some("its console is open in Proxmox");
        }
        breaks(&self.kind)
    }

    /// To the machine that it runs on: whatever it is, it ends with the machine.
    pub fn of_machine(&self) -> String {
        let subject = match self.vmid {
            Some(vmid) => format!("guest {vmid}"),
            None => "the machine".to_owned(),
        };
        if is_console(&self.kind) {
            return format!("a console of {subject} is open in Proxmox");
        }
        format!("a task of Proxmox runs on {subject}: {}", self.kind)
    }
}

/// What a task does that a stop of its guest would break.
pub(in crate::proxmox) fn breaks(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "vzdump" => "a backup runs",
        "qmigrate" | "vzmigrate" | "hamigrate" => "it is being migrated",
        "qmrestore" | "vzrestore" => "it is being restored",
        "qmcreate" | "vzcreate" => "it is being created",
        "qmclone" | "vzclone" => "it is being cloned",
        "qmsnapshot" | "vzsnapshot" => "a snapshot is being taken",
        "qmdelsnapshot" | "vzdelsnapshot" => "a snapshot is being deleted",
        "qmrollback" | "vzrollback" => "it is being rolled back to a snapshot",
        "qmmove" | "move_volume" | "qmresize" | "resize" => "one of its disks is being changed",
        _ => return None,
    })
}

/// Somebody looks at a screen or a shell for as long as one of these runs.
fn is_console(kind: &str) -> bool {
    matches!(
        kind,
        "vncproxy" | "vncshell" | "spiceproxy" | "spiceshell" | "termproxy"
    )
}

/// What the lock of a guest means; the words are those of the API's schema (`lock` of qemu and lxc).
pub(in crate::proxmox) fn lock_in_words(lock: &str) -> String {
    let known = match lock {
        "backup" => "a backup runs",
        "migrate" => "it is being migrated",
        "create" => "it is being created",
        "clone" => "it is being cloned",
        "snapshot" => "a snapshot is being taken",
        "snapshot-delete" => "a snapshot is being deleted",
        "rollback" => "it is being rolled back to a snapshot",
        "suspending" => "it is being suspended to disk",
        "disk" => "one of its disks is being changed",
        "fstrim" => "its disks are being trimmed",
        "mounted" => "its disks are mounted on the host",
        "destroyed" => "it is being destroyed",
        _ => return format!("Proxmox has locked it: {}", one_line(lock)),
    };
    known.to_owned()
}
