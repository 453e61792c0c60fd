//! Tasks: their ids, their ends and their logs.

use serde_json::Value;

use super::{integer, one_line, rows, text};

/// The id of a task: `UPID:pve2:000003E8:00001B58:691FF0A1:qmstart:100:root@pam:`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::proxmox) struct Upid {
    pub text: String,
    /// The member that it runs on.
    pub member: String,
    /// `qmstart`, `hastop`
    pub kind: String,
}

pub(in crate::proxmox) fn upid(data: &Value) -> Option<Upid> {
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
pub(in crate::proxmox) enum TaskState {
    Running,
    /// `OK`, or `WARNINGS: 2`, which Proxmox counts as success too.
    Succeeded,
    Failed {
        exit_status: String,
    },
}

pub(in crate::proxmox) fn task_state(data: &Value) -> TaskState {
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
pub(in crate::proxmox) fn last_words(data: &Value, exit_status: &str, lines: usize) -> Vec<String> {
    let mut words: Vec<String> = rows(data)
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
pub(in crate::proxmox) fn running_tasks(data: &Value) -> Vec<String> {
    rows(data)
        .iter()
        .filter(|row| is_running(row))
        .filter_map(|row| text(row, "type"))
        .collect()
}

pub(super) fn is_running(row: &Value) -> bool {
    let status = text(row, "status");
    integer(row, "endtime").is_none()
        && status.is_none_or(|status| status.eq_ignore_ascii_case("running"))
}
