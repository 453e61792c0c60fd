//! What guests and machines use, as `/cluster/resources` tells it, and what they used, as `rrddata` does.
//!
//! The fields of `/cluster/resources` are what pvestatd has measured last: `cpu` is the used part of `maxcpu` on average
//! since its round before; `netin`, `netout`, `diskread` and `diskwrite` count from the guest's start. Those of `rrddata`
//! have the same names and are *rates*, bytes per second on average over the time of a row.

use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use wakehub_domain::Timestamp;
use wakehub_domain::idle::PastUse;

use super::{integer, number, rows, text};
use crate::{CpuUse, Memory, Signal, Target, Usage};

const NOT_TOLD: &str = "Proxmox has no figure of it";

/// Of the row of a running guest.
pub(super) fn of_guest(row: &Value, target: Target) -> Usage {
    let mut usage = of_any(row, target);
    usage.rx_bytes = counter(row, "netin");
    usage.tx_bytes = counter(row, "netout");
    if usage.rx_bytes.is_none() || usage.tx_bytes.is_none() {
        usage.miss(Signal::Network, NOT_TOLD);
    }
    usage.read_bytes = counter(row, "diskread");
    usage.written_bytes = counter(row, "diskwrite");
    if usage.read_bytes.is_none() || usage.written_bytes.is_none() {
        usage.miss(Signal::Disk, NOT_TOLD);
    }
    usage
}

/// Of the row of a member. Its traffic is not in it.
pub(super) fn of_machine(row: &Value) -> Usage {
    of_any(row, Target::Itself)
}

fn of_any(row: &Value, target: Target) -> Usage {
    let mut usage = Usage::new(target);
    // Of what does not run, and of what has no figures at all, it is 0.
    usage.up = counter(row, "uptime")
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs);
    usage.cpu = cores(row).map(CpuUse::Cores);
    if usage.cpu.is_none() {
        usage.miss(Signal::Cpu, NOT_TOLD);
    }
    usage.memory = memory(row, "mem", "maxmem");
    if usage.memory.is_none() {
        usage.miss(Signal::Memory, NOT_TOLD);
    }
    usage
}

/// The rows of `rrddata`, the oldest first. Fields that a row lacks are holes: the guest was off, or pvestatd was.
pub(in crate::proxmox) fn past(data: &Value) -> Vec<PastUse> {
    // by time: PVE 9 answers with rows of its old files before those of its new ones, and both may hold the same minute
    let by_time: BTreeMap<i64, &Value> = rows(data)
        .iter()
        .filter_map(|row| Some((integer(row, "time")?, row)))
        .filter(|(time, _)| (0..LAST_TIME).contains(time))
        .collect();
    let times: Vec<i64> = by_time.keys().copied().collect();
    let mut spans = spans(&times).into_iter();
    by_time
        .iter()
        .map(|(time, row)| PastUse {
            at: Timestamp(time * 1000),
            over: spans.next().unwrap_or(A_MINUTE),
            cpu_cores: cores(row),
            ram_fraction: memory(row, "mem", "maxmem")
                .or_else(|| memory(row, "memused", "memtotal"))
                .and_then(|memory| memory.fraction()),
            rx_rate: rate(row, "netin"),
            tx_rate: rate(row, "netout"),
            read_rate: rate(row, "diskread"),
            written_rate: rate(row, "diskwrite"),
        })
        .collect()
}

/// How long each row is about. Rows grow finer, never coarser: what is farther from the next one has a row missing after it.
fn spans(times: &[i64]) -> Vec<Duration> {
    let mut shortest = None;
    let mut spans = Vec::new();
    for pair in times.windows(2) {
        let next = pair[1] - pair[0];
        // the first of finer ones may still be one of the coarser
        spans.push(shortest.unwrap_or(next));
        shortest = Some(shortest.map_or(next, |shortest: i64| shortest.min(next)));
    }
    spans.extend(shortest);
    let span = |seconds| u64::try_from(seconds).map_or(A_MINUTE, Duration::from_secs);
    spans.into_iter().map(span).collect()
}

/// Of a row that stands alone.
const A_MINUTE: Duration = Duration::from_secs(60);
/// Seconds, in the year 5138: what is beyond it is no time.
const LAST_TIME: i64 = 100_000_000_000;

fn cores(row: &Value) -> Option<f64> {
    let all = number(row, "maxcpu").filter(|cores| *cores > 0.0)?;
    let cores = rate(row, "cpu")? * all;
    cores.is_finite().then_some(cores)
}

fn memory(row: &Value, used: &str, total: &str) -> Option<Memory> {
    let (used, total) = (counter(row, used)?, counter(row, total)?);
    (total > 0).then_some(Memory { used, total })
}

fn rate(row: &Value, key: &str) -> Option<f64> {
    number(row, key).filter(|rate| *rate >= 0.0)
}

/// Perl may write a large one as `1.5e+15`, and averages have a fraction.
fn counter(row: &Value, key: &str) -> Option<u64> {
    let text = text(row, key)?;
    match text.trim().parse() {
        Ok(counter) => Some(counter),
        Err(_) => rate(row, key)
            .filter(|counter| *counter < u64::MAX as f64)
            .map(|counter| counter as u64),
    }
}
