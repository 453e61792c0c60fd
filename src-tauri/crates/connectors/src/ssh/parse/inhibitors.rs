//! What must not be interrupted, in plain words.

/// Of `/proc/mdstat`: `recovery of md0, 12.6 % done`. A `PENDING` resync waits for the first write, which may never come.
pub(super) fn arrays(mdstat: &str) -> Vec<String> {
    let mut array = "";
    let mut found = Vec::new();
    for line in mdstat.lines() {
        let line = line.trim();
        if let Some((name, _)) = line.split_once(" : ") {
            array = name;
            continue;
        }
        for kind in ["resync", "recovery", "reshape", "check"] {
            let Some((_, after)) = line.split_once(kind) else {
                continue;
            };
            let Some(after) = after.trim_start().strip_prefix('=') else {
                continue;
            };
            let after = after.trim_start();
            if after.starts_with("DELAYED") {
                found.push(format!("{kind} of {array} is to come"));
            } else if let Some(percent) = percent(after) {
                found.push(format!("{kind} of {array}, {percent} % done"));
            }
        }
    }
    found
}

/// Of `zpool status`: `scrub of tank, 12.34 % done`. A paused scrub does nothing.
pub(super) fn pools(status: &str) -> Vec<String> {
    let mut pool = "";
    let mut at_work = false;
    let mut found: Vec<String> = Vec::new();
    for line in status.lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("pool:") {
            pool = name.trim();
            at_work = false;
        } else if let Some(scan) = line.strip_prefix("scan:") {
            let kind = scan.trim().split_once(" in progress").map(|(kind, _)| kind);
            at_work = kind.is_some();
            found.extend(kind.map(|kind| format!("{kind} of {pool}")));
        } else if at_work
            && let Some((before, _)) = line.split_once("% done")
            && let Some(percent) = before.split_whitespace().last()
            && let Some(last) = found.last_mut()
        {
            last.push_str(&format!(", {percent} % done"));
            at_work = false;
        }
    }
    found
}

/// Of logind's `ListInhibitors` as busctl prints it: `a(ssssuu) 1 "shutdown" "who" "why" "block" 0 1234`. A `delay` lock
/// only puts the shutdown off by seconds.
pub(super) fn locks(answer: &str) -> Vec<String> {
    let strings = strings(answer);
    let locks = strings.chunks_exact(4).filter(|lock| {
        let stops = lock[0]
            .split(':')
            .any(|what| matches!(what, "shutdown" | "sleep"));
        stops && lock[3].starts_with("block")
    });
    locks
        .map(|lock| format!("{}: {}", lock[1], lock[2]))
        .collect()
}

/// Everything between quotation marks; busctl escapes those within by a backslash.
fn strings(answer: &str) -> Vec<String> {
    let mut strings = Vec::new();
    let mut current: Option<String> = None;
    let mut characters = answer.chars();
    while let Some(character) = characters.next() {
        match (&mut current, character) {
            (None, '"') => current = Some(String::new()),
            (None, _) => {}
            (Some(_), '"') => strings.extend(current.take()),
            (Some(text), '\\') => text.extend(characters.next()),
            (Some(text), other) => text.push(other),
        }
    }
    strings
}

fn percent(text: &str) -> Option<&str> {
    let (number, _) = text.split_once('%')?;
    let number = number.trim();
    number.parse::<f64>().is_ok().then_some(number)
}
