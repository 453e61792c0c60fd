//! The answer of the sampling script, signal by signal.
//!
//! What counts:
//!
//! - **processor**: user, nice, system, irq, softirq and steal are busy; idle and iowait are not; guest is within user.
//! - **network**: interfaces with hardware behind them (`/sys/class/net/*/device`, in a VM its virtual card), so that what
//!   goes through a bond, VLAN, bridge or tunnel is counted once, where it leaves the machine, and what guests and
//!   containers tell each other is not. Where there are none (LXC), all that do not look like one end of something inside.
//! - **disks**: `/sys/block` without what stands on other disks (dm, md), in memory, or on a file (loop, zvol); sectors
//!   are of 512 bytes, whatever the disk's own are (kernel, Documentation/admin-guide/iostats.rst).
//! - **connections**: to a port that the machine listens on; those that it opened itself (an NFS client, apt) are not its
//!   use. Without those from itself, our own session, and ours to APIs that we poll.
//! - **users**: those with a terminal or seat. Our own session has none.
//! - **inhibitors**: md arrays and ZFS pools at work, and systemd's `block` locks against shutdown and sleep. Where systemd
//!   does not tell its locks, there is nothing missing: its own `poweroff` looks at them too.

use super::inhibitors;
use crate::{CpuUse, Memory, Signal, Target, Usage};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Sector of /proc/diskstats.
const SECTOR: u64 = 512;
/// The script cuts longer lists.
const LINES: usize = 1500;

/// Of a script's standard output; `stderr` is only told when there is nothing else.
pub(in super::super) fn usage(stdout: &str, stderr: &str) -> Usage {
    let mut usage = Usage::new(Target::Itself);
    let parts = parts(stdout);
    if parts.is_empty() {
        let why = match super::complaint(stderr) {
            words if words.is_empty() => "the machine runs no POSIX shell".to_owned(),
            words => format!("the machine runs no POSIX shell: {words}"),
        };
        for signal in [
            Signal::Cpu,
            Signal::Memory,
            Signal::Network,
            Signal::Disk,
            Signal::Connections,
            Signal::Users,
            Signal::Inhibitors,
        ] {
            usage.miss(signal, &why);
        }
        return usage;
    }
    let get = |name: &str| text(&parts, name);

    usage.up = get("uptime").ok().and_then(up);
    match get("stat").and_then(|text| cpu(text).ok_or_else(|| not_read("/proc/stat"))) {
        Ok(cpu) => usage.cpu = Some(cpu),
        Err(why) => usage.miss(Signal::Cpu, why),
    }
    match get("memory").and_then(|text| memory(text).ok_or_else(|| not_read("/proc/meminfo"))) {
        Ok(memory) => usage.memory = Some(memory),
        Err(why) => usage.miss(Signal::Memory, why),
    }
    // Without it, names decide.
    let nics = names(get("nics").unwrap_or_default());
    match get("net").and_then(|text| network(text, &nics)) {
        Ok([rx_bytes, rx_packets, tx_bytes, tx_packets]) => {
            usage.rx_bytes = Some(rx_bytes);
            usage.rx_packets = Some(rx_packets);
            usage.tx_bytes = Some(tx_bytes);
            usage.tx_packets = Some(tx_packets);
        }
        Err(why) => usage.miss(Signal::Network, why),
    }
    let disks = names(get("disks").unwrap_or_default());
    match get("diskstats").and_then(|text| disk(text, &disks)) {
        Ok([read, written]) => {
            usage.read_bytes = Some(read);
            usage.written_bytes = Some(written);
        }
        Err(why) => usage.miss(Signal::Disk, why),
    }
    match get("peers").and_then(connections) {
        Ok(connections) => usage.connections = Some(connections),
        Err(why) => usage.miss(Signal::Connections, why),
    }
    match get("users").and_then(users) {
        Ok(users) => usage.users = Some(users),
        Err(why) => usage.miss(Signal::Users, why),
    }
    look_for_inhibitors(&parts, &mut usage);
    usage
}

fn look_for_inhibitors(parts: &Parts<'_>, usage: &mut Usage) {
    match parts.get("mdstat") {
        // A machine without md has no such file.
        Some(part) if part.has_no_file() => {}
        Some(_) | None => match text(parts, "mdstat") {
            Ok(text) => usage.inhibitors.extend(inhibitors::arrays(text)),
            Err(why) => usage.miss(Signal::Inhibitors, why),
        },
    }
    match parts.get("pools") {
        Some(part) if part.text.contains("modules are not loaded") => {}
        Some(Part {
            status: Some(124 | 137 | 143),
            ..
        }) => usage.miss(Signal::Inhibitors, "`zpool status` does not answer"),
        Some(_) | None => match text(parts, "pools") {
            Ok(text) => usage.inhibitors.extend(inhibitors::pools(text)),
            Err(why) => usage.miss(Signal::Inhibitors, why),
        },
    }
    if let Ok(text) = text(parts, "locks") {
        usage.inhibitors.extend(inhibitors::locks(text));
    }
}

/// One part of a script's standard output, if its command succeeded.
pub(super) fn part<'a>(stdout: &'a str, name: &str) -> Option<&'a str> {
    text(&parts(stdout), name).ok()
}

struct Part<'a> {
    text: &'a str,
    /// `None`: the answer ended within it.
    status: Option<i32>,
}

impl Part<'_> {
    fn has_no_file(&self) -> bool {
        self.text.contains("No such file or directory")
    }
}

type Parts<'a> = BTreeMap<&'a str, Part<'a>>;

fn parts(stdout: &str) -> Parts<'_> {
    let mut parts = Parts::new();
    // Before the first marker stands what the login's shell has to say.
    for piece in stdout.split("@wakehub ").skip(1) {
        let Some((name, rest)) = piece.split_once('\n') else {
            continue;
        };
        let (text, status) = match rest.rsplit_once("@status ") {
            Some((text, status)) => (text, status.trim().parse().ok()),
            None => (rest, None),
        };
        parts.insert(name.trim(), Part { text, status });
    }
    parts
}

/// What a part says, or why it says nothing, in plain words.
fn text<'a>(parts: &Parts<'a>, name: &str) -> Result<&'a str, String> {
    let Some(part) = parts.get(name) else {
        return Err("the answer ended too early".to_owned());
    };
    match part.status {
        Some(0) if part.text.lines().count() < LINES => Ok(part.text),
        Some(0) => Err(format!("there are more than {LINES} lines of it")),
        None => Err("the answer ended too early".to_owned()),
        Some(status) => Err(match missing_file(part) {
            Some(file) => format!("there is no {file} on this system"),
            None => match super::complaint(part.text) {
                words if words.is_empty() => format!("the command failed with status {status}"),
                words => words,
            },
        }),
    }
}

/// `sed: can't read /proc/stat: No such file or directory` in the words of GNU, `sed: /proc/stat: No such…` and `cat: can't
/// open '/proc/uptime': No such…` in those of BusyBox.
fn missing_file<'a>(part: &Part<'a>) -> Option<&'a str> {
    let line = part
        .text
        .lines()
        .find(|line| line.contains("No such file or directory"))?;
    let mut words = line
        .split_whitespace()
        .map(|word| word.trim_matches(['\'', '"', ':']));
    words.find(|word| word.starts_with('/'))
}

fn not_read(file: &str) -> String {
    format!("{file} says nothing that is understood")
}

fn names(text: &str) -> BTreeSet<&str> {
    text.split_whitespace().collect()
}

fn up(text: &str) -> Option<Duration> {
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn cpu(text: &str) -> Option<CpuUse> {
    let mut total = None;
    let mut cores: u32 = 0;
    for line in text.lines() {
        let Some((name, rest)) = line.split_once(' ') else {
            continue;
        };
        if name == "cpu" {
            let times: Result<Vec<u64>, _> = rest.split_whitespace().map(str::parse).collect();
            total = Some(times.ok()?);
        } else if name.strip_prefix("cpu").is_some_and(is_number) {
            cores = cores.saturating_add(1);
        }
    }
    let times = total.filter(|times| times.len() >= 4 && cores > 0)?;
    // Older kernels know fewer kinds.
    let time = |index: usize| times.get(index).copied().unwrap_or(0);
    let busy = sum([0, 1, 2, 5, 6, 7].map(time))?;
    let of = sum([busy, time(3), time(4)])?;
    Some(CpuUse::Busy { busy, of, cores })
}

fn memory(text: &str) -> Option<Memory> {
    let bytes = |name: &str| -> Option<u64> {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(key, _)| *key == name)?;
        let kilobytes: u64 = value.split_whitespace().next()?.parse().ok()?;
        kilobytes.checked_mul(1024)
    };
    let total = bytes("MemTotal").filter(|total| *total > 0)?;
    let available = match bytes("MemAvailable") {
        Some(available) => available,
        // Linux before 3.14.
        None => sum([bytes("MemFree")?, bytes("Buffers")?, bytes("Cached")?])?,
    };
    Some(Memory {
        used: total.saturating_sub(available),
        total,
    })
}

/// Received bytes and packets, sent bytes and packets.
fn network(text: &str, nics: &BTreeSet<&str>) -> Result<[u64; 4], String> {
    let mut all = [0u64; 4];
    let mut found = false;
    let lines = || {
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        pairs.map(|(name, numbers)| (name.trim(), numbers))
    };
    // A container may be shown its host's.
    let has_real = lines().any(|(name, _)| nics.contains(name));
    for (name, numbers) in lines() {
        let counts = match has_real {
            true => nics.contains(name),
            false => leads_out(name),
        };
        if !counts {
            continue;
        }
        found = true;
        let fields: Vec<&str> = numbers.split_whitespace().collect();
        for (counter, field) in all.iter_mut().zip([0, 1, 8, 9]) {
            let count = fields.get(field).and_then(|field| field.parse().ok());
            let sum = count.and_then(|count| counter.checked_add(count));
            *counter = sum.ok_or_else(|| not_read("/proc/net/dev"))?;
        }
    }
    match found {
        true => Ok(all),
        false => Err("there is no network interface that leads out of the machine".to_owned()),
    }
}

/// By its name, where the system does not tell which interfaces are real.
fn leads_out(name: &str) -> bool {
    const INSIDE: [&str; 24] = [
        "lo",
        "veth",
        "docker",
        "podman",
        "cni",
        "flannel",
        "cali",
        "br",
        "virbr",
        "vmbr",
        "vnet",
        "tap",
        "tun",
        "fw",
        "wg",
        "tailscale",
        "zt",
        "bond",
        "team",
        "dummy",
        "ifb",
        "sit",
        "ip6",
        "vlan",
    ];
    // `eth0.10` is a VLAN of `eth0`.
    !name.is_empty() && !name.contains('.') && !INSIDE.iter().any(|inside| name.starts_with(inside))
}

/// Bytes read and written.
fn disk(text: &str, disks: &BTreeSet<&str>) -> Result<[u64; 2], String> {
    let mut all = [0u64; 2];
    let mut found = false;
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let counts = fields.get(2).is_some_and(|name| match disks.is_empty() {
            true => is_whole_disk(name),
            false => disks.contains(name),
        });
        if !counts {
            continue;
        }
        found = true;
        for (counter, field) in all.iter_mut().zip([5, 9]) {
            let sectors: Option<u64> = fields.get(field).and_then(|field| field.parse().ok());
            let bytes = sectors.and_then(|sectors| sectors.checked_mul(SECTOR));
            let sum = bytes.and_then(|bytes| counter.checked_add(bytes));
            *counter = sum.ok_or_else(|| not_read("/proc/diskstats"))?;
        }
    }
    match found {
        true => Ok(all),
        false => Err("there is no disk of the machine's own".to_owned()),
    }
}

/// By its name, where there is no `/sys/block`: `sda`, `vdb`, `nvme0n1`, `mmcblk0`, but none of their partitions.
fn is_whole_disk(name: &str) -> bool {
    for kind in ["sd", "hd", "vd", "xvd"] {
        if let Some(letters) = name.strip_prefix(kind) {
            return !letters.is_empty() && letters.bytes().all(|byte| byte.is_ascii_lowercase());
        }
    }
    if let Some(rest) = name.strip_prefix("nvme") {
        let parts = rest.split_once('n');
        return parts.is_some_and(|(disk, space)| is_number(disk) && is_number(space));
    }
    name.strip_prefix("mmcblk").is_some_and(is_number)
}

fn connections(text: &str) -> Result<u32, String> {
    let count = text.trim().strip_prefix("connections ");
    let count = count.and_then(|count| count.parse().ok());
    count.ok_or_else(|| match super::complaint(text) {
        words if words.is_empty() => "the connections could not be counted".to_owned(),
        words => words,
    })
}

fn users(text: &str) -> Result<u32, String> {
    let mut users: u32 = 0;
    let mut own = "";
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut fields = line.split_whitespace();
        let is_one = match fields.next() {
            Some("own") => {
                own = fields.next().unwrap_or_default();
                false
            }
            Some("who") => fields.skip(1).take(2).any(is_terminal),
            Some("session") => {
                let fields: Vec<&str> = fields.collect();
                let is_own = fields
                    .first()
                    .is_some_and(|id| !own.is_empty() && *id == own);
                !is_own && is_login(&fields)
            }
            // An error of `who`.
            Some(_) | None => return Err(super::complaint(line)),
        };
        users = users.saturating_add(u32::from(is_one));
    }
    Ok(users)
}

/// Not the heading of BusyBox's `who`, and not the `sshd` of a session without a terminal.
fn is_terminal(field: &str) -> bool {
    ["pts/", "tty", "pty", "console", "hvc", "lxc/", ":"]
        .iter()
        .any(|kind| field.starts_with(kind))
}

/// A line of `loginctl list-sessions`: session, uid, user, seat, then (since systemd 254) leader and class, terminal. A
/// display manager's greeter and a user's own systemd are sessions too.
fn is_login(fields: &[&str]) -> bool {
    const NOBODY: [&str; 5] = ["gdm", "Debian-gdm", "sddm", "lightdm", "greetd"];
    let is_nobody = fields.get(2).is_some_and(|user| NOBODY.contains(user));
    let class = |field: &&str| matches!(*field, "greeter" | "manager" | "manager-early");
    let place = |field: &&str| is_terminal(field) || field.starts_with("seat");
    let rest = fields.get(3..).unwrap_or_default();
    !is_nobody && !rest.iter().any(class) && rest.iter().any(place)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn sum<const N: usize>(numbers: [u64; N]) -> Option<u64> {
    numbers
        .into_iter()
        .try_fold(0u64, |sum, number| sum.checked_add(number))
}

#[cfg(test)]
mod tests;
