//! Reads what an engine measures of one container. bollard's models refuse the whole of it for one odd number; here each
//! figure stands for itself. Its own difference (`precpu_stats`) is not looked at: a one-shot answer has none.

use serde_json::{Map, Value};

use super::parse::Network;
use crate::{Memory, Signal, Usage};

/// `GET /containers/{id}/stats` of one that runs; of one that does not, an engine answers with zeros and the year 1.
pub(super) struct Stats(Value);

const NOT_TOLD: &str = "the engine does not count it";

impl Stats {
    /// `None` when the container did not run any more.
    pub fn read(body: &[u8]) -> Result<Option<Stats>, serde_json::Error> {
        if body.trim_ascii().is_empty() {
            // Podman's, of one that does not run.
            return Ok(None);
        }
        let told: Map<String, Value> = serde_json::from_slice(body)?;
        let stats = Stats(Value::Object(told));
        let never = |time: &str| time.starts_with("0001-");
        let runs = !stats.0["read"].as_str().is_some_and(never);
        Ok(runs.then_some(stats))
    }

    /// The processor time that the container has had, in nanoseconds.
    pub fn cpu(&self) -> Option<u64> {
        let total = integer(&self.0["cpu_stats"]["cpu_usage"]["total_usage"])?;
        // Windows counts hundreds of them, and is the only one to tell processors in this field.
        let unit = match integer(&self.0["num_procs"]) {
            Some(1..) => 100,
            Some(0) | None => 1,
        };
        // Whatever has run has used some: with 0 it is not counted.
        total.checked_mul(unit).filter(|total| *total > 0)
    }

    /// Without what the kernel would give back at once, as the `docker` command shows it (calculateMemUsageUnixNoCache).
    fn memory(&self) -> Option<Memory> {
        let memory = &self.0["memory_stats"];
        let used = integer(&memory["usage"]).filter(|used| *used > 0)?;
        let total = integer(&memory["limit"]).filter(|total| *total > 0)?;
        let cache = ["total_inactive_file", "inactive_file", "cache"]
            .into_iter()
            .find_map(|name| integer(&memory["stats"][name]))
            .filter(|cache| *cache < used);
        let used = used - cache.unwrap_or_default();
        Some(Memory { used, total })
    }

    fn fill_network(&self, usage: &mut Usage) {
        usage.rx_bytes = self.network("rx_bytes");
        usage.tx_bytes = self.network("tx_bytes");
        // Podman 4 counts bytes, and says 0 packets.
        let bytes = usage.rx_bytes.unwrap_or_default() + usage.tx_bytes.unwrap_or_default();
        let packets = (self.network("rx_packets"), self.network("tx_packets"));
        if packets != (Some(0), Some(0)) || bytes == 0 {
            (usage.rx_packets, usage.tx_packets) = packets;
        }
    }

    /// Of all its interfaces; `None` when there is none, or one of them lacks it.
    fn network(&self, counter: &str) -> Option<u64> {
        let interfaces = self.0["networks"].as_object()?;
        let counters = interfaces.values().map(|one| integer(&one[counter]));
        (!interfaces.is_empty()).then(|| sum(counters))?
    }

    /// Of all disks. The words are `Read` with cgroup v1 and `read` with v2; no entries at all mean that nothing was read
    /// or written yet, or that it is not counted, and the engine does not say which.
    fn disk(&self, word: &str) -> Option<u64> {
        // Windows'
        let field = format!("{word}_size_bytes");
        if let Some(bytes) = integer(&self.0["storage_stats"][field.as_str()]) {
            return Some(bytes);
        }
        let entries = self.0["blkio_stats"]["io_service_bytes_recursive"].as_array()?;
        let of = |entry: &&Value| {
            let op = entry["op"].as_str();
            op.is_some_and(|op| op.eq_ignore_ascii_case(word))
        };
        let counters = entries.iter().filter(of).map(|one| integer(&one["value"]));
        (!entries.is_empty()).then(|| sum(counters))?
    }

    /// All but the processor, which has no meaning without a time beside it.
    pub fn fill(&self, usage: &mut Usage, network: Network) {
        usage.memory = self.memory();
        if usage.memory.is_none() {
            usage.miss(Signal::Memory, NOT_TOLD);
        }
        match network {
            Network::Own => {
                self.fill_network(usage);
                if usage.rx_bytes.is_none() || usage.tx_bytes.is_none() {
                    usage.miss(Signal::Network, NOT_TOLD);
                }
            }
            Network::Unsaid => {
                self.fill_network(usage);
                if (usage.rx_bytes, usage.tx_bytes) == (Some(0), Some(0)) {
                    (usage.rx_bytes, usage.tx_bytes) = (None, None);
                }
                if usage.rx_bytes.is_none() || usage.tx_bytes.is_none() {
                    usage.miss(
                        Signal::Network,
                        "the engine counts nothing, as when it uses the network of its host",
                    );
                }
            }
            // Nobody can reach it.
            Network::None => {
                for counter in [
                    &mut usage.rx_bytes,
                    &mut usage.tx_bytes,
                    &mut usage.rx_packets,
                    &mut usage.tx_packets,
                ] {
                    *counter = Some(0);
                }
            }
            Network::OfHost => usage.miss(Signal::Network, "it uses the network of its host"),
            Network::OfAnother => usage.miss(
                Signal::Network,
                "it uses the network of another container, whose traffic is counted with its own",
            ),
        }
        usage.read_bytes = self.disk("read");
        usage.written_bytes = self.disk("write");
        if usage.read_bytes.is_none() || usage.written_bytes.is_none() {
            usage.miss(Signal::Disk, NOT_TOLD);
        }
    }
}

fn sum(mut counters: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    counters.try_fold(0_u64, |all, one| Some(all.saturating_add(one?)))
}

/// Podman has written numbers as text and with a fraction.
fn integer(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_u64().or_else(|| floor(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    // what is near the end of the range was negative before
    number.filter(|number| *number <= i64::MAX as u64)
}

fn floor(number: f64) -> Option<u64> {
    (0.0..9e18).contains(&number).then_some(number as u64)
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
