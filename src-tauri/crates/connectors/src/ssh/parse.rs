//! Pure reading of what commands answer.

mod inhibitors;
mod usage;
mod wire;

pub(super) use usage::usage;
pub(super) use wire::{Carried, carried};

/// Of `id -u`; `None` where there is no such command.
pub(super) fn user_id(stdout: &str) -> Option<u32> {
    stdout.trim().parse().ok()
}

/// Why a power command failed, as far as the next step depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// sudo would ask for a password, or does not know the user.
    SudoDenied,
    /// There is no sudo.
    NoSudo,
    /// Something on the machine asks for it to stay on: an update, a backup.
    Inhibited,
    /// No such command.
    Missing,
    Other,
}

pub(super) fn refusal(status: Option<i32>, stderr: &str) -> Refusal {
    let text = stderr.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&[
        "sudo: not found",
        "sudo: command not found",
        "sudo: no such",
    ]) {
        Refusal::NoSudo
    } else if text.contains("sudo")
        && says(&[
            "a password is required",
            "not in the sudoers",
            "may not run sudo",
            "not allowed to execute",
            "a terminal is required",
        ])
    {
        Refusal::SudoDenied
    } else if says(&["inhibit"]) {
        Refusal::Inhibited
    } else if status == Some(127) || says(&["command not found"]) {
        Refusal::Missing
    } else {
        Refusal::Other
    }
}

/// Which of the commands `sudo -n -l` lists as allowed without a password.
pub(super) fn allowed<'a>(listing: &str, commands: &[&'a str]) -> Vec<&'a str> {
    let rules: Vec<(bool, String)> = rules(listing);
    let free = |command: &&&str| {
        // The last rule that fits decides (sudoers(5)).
        let fitting = rules.iter().rev().find(|(_, rule)| fits(rule, command));
        fitting.is_some_and(|(no_password, _)| *no_password)
    };
    commands.iter().filter(free).copied().collect()
}

/// Each command of the listing, with whether it runs without a password: `(root) NOPASSWD: /usr/sbin/poweroff, …`.
fn rules(listing: &str) -> Vec<(bool, String)> {
    let mut rules = Vec::new();
    for line in listing.lines() {
        let line = line.trim();
        // `(root)`, `(ALL : ALL)`: who it may be run as.
        let Some((runas, rest)) = line.strip_prefix('(').and_then(|rest| rest.split_once(')'))
        else {
            continue;
        };
        let as_whom = runas.split(':').next().unwrap_or_default();
        if !as_whom
            .split(',')
            .any(|user| matches!(user.trim(), "root" | "ALL"))
        {
            continue;
        }
        let mut no_password = false;
        for entry in rest.split(',') {
            let mut entry = entry.trim();
            while let Some((tag, after)) = entry.split_once(':') {
                if tag.is_empty()
                    || !tag
                        .bytes()
                        .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
                {
                    break;
                }
                match tag {
                    "NOPASSWD" => no_password = true,
                    "PASSWD" => no_password = false,
                    _ => {}
                }
                entry = after.trim();
            }
            match entry.strip_prefix('!') {
                Some(forbidden) => rules.push((false, forbidden.to_owned())),
                None if entry.is_empty() => {}
                None => rules.push((no_password, entry.to_owned())),
            }
        }
    }
    rules
}

fn fits(rule: &str, command: &str) -> bool {
    if rule == "ALL" {
        return true;
    }
    let (rule_path, rule_arguments) = rule.split_once(' ').unwrap_or((rule, ""));
    let (name, arguments) = command.split_once(' ').unwrap_or((command, ""));
    let rule_name = rule_path.rsplit('/').next().unwrap_or(rule_path);
    // Without arguments, any are allowed; `""` allows none.
    let arguments_fit = match rule_arguments.trim() {
        "" | "*" => true,
        "\"\"" => arguments.is_empty(),
        exact => exact == arguments,
    };
    (rule_name == name || rule_name == "*") && arguments_fit
}

/// The first lines of what a command complained about, in one line, each only once.
pub(super) fn complaint(stderr: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        if !lines.contains(&line) && lines.len() < 4 {
            lines.push(line);
        }
    }
    lines.join("; ")
}

#[cfg(test)]
mod tests;
