//! What containers use: one look at the list, then one question for each that runs, some of them at a time.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::time::Duration;
use tokio::time::Instant;
use wakehub_domain::{ConnectorError, ErrorKind, NodeKind, PowerState};

use super::client::Client;
use super::parse::Listed;
use super::stats::Stats;
use crate::{CpuUse, Signal, Target, Usage};

const OPERATION: &str = "read what the containers use";

/// More would wait in an engine that answers at once.
const AT_ONCE: usize = 8;
/// Docker up to 24 answers all who wait when its collector comes round, once a second; engines before API 1.41 know no
/// one-shot and take 2 s.
const AT_ONCE_IF_SLOW: usize = 32;
/// Each is a process on the host, of the few that its sshd allows.
const AT_ONCE_OVER_A_BRIDGE: usize = 3;
const SLOW: Duration = Duration::from_millis(250);

/// Of a whole sample; the next one comes a minute after this one.
const DEADLINE: Duration = Duration::from_secs(40);

/// Only those of `wanted` that run. Those that cannot be asked have an entry that says why.
pub(super) async fn sample(
    client: &Client,
    since: Instant,
    wanted: &[Target],
) -> Result<Vec<Usage>, ConnectorError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let deadline = Instant::now() + DEADLINE;
    let listed = client.list(OPERATION, None).await?;
    let mut usages = Vec::new();
    let mut to_ask = Vec::new();
    for one in &listed {
        let target = target(one);
        if !wanted.contains(&target) {
            continue;
        }
        match one.report().state {
            PowerState::On => to_ask.push((one, target)),
            PowerState::Starting => usages.push(restarting(target)),
            PowerState::Unknown
            | PowerState::Off
            | PowerState::Stopping
            | PowerState::Failed { .. } => {}
        }
    }
    let mut waiting = to_ask.into_iter();
    let mut asked = FuturesUnordered::new();
    let mut at_once = if client.is_bridged() {
        AT_ONCE_OVER_A_BRIDGE
    } else {
        AT_ONCE
    };
    loop {
        while asked.len() < at_once
            && let Some((one, target)) = waiting.next()
        {
            asked.push(ask(client, since, deadline, one, target));
        }
        let Some(answered) = asked.next().await else {
            return Ok(usages);
        };
        let (usage, took) = answered?;
        usages.extend(usage);
        if took > SLOW && at_once == AT_ONCE {
            at_once = AT_ONCE_IF_SLOW;
        }
    }
}

fn target(one: &Listed) -> Target {
    Target::Guest {
        kind: NodeKind::Container,
        platform_id: one.name().to_owned(),
    }
}

/// Between two of its lives it uses nothing, and yet it must not be stopped.
fn restarting(target: Target) -> Usage {
    let mut usage = unknown(target, "it is being restarted");
    usage
        .inhibitors
        .push("the engine is restarting it".to_owned());
    usage
}

fn unknown(target: Target, why: &str) -> Usage {
    let mut usage = Usage::new(target);
    for what in [Signal::Cpu, Signal::Memory, Signal::Network, Signal::Disk] {
        usage.miss(what, why);
    }
    usage
}

/// Nothing of a container that does not run any more; an error only when the engine itself is lost.
async fn ask(
    client: &Client,
    since: Instant,
    deadline: Instant,
    one: &Listed,
    target: Target,
) -> Result<(Option<Usage>, Duration), ConnectorError> {
    let begin = Instant::now();
    let operation = format!("read what container {} uses", one.name());
    let limit = deadline.saturating_duration_since(begin);
    if limit.is_zero() {
        let why = "the engine took too long with the others";
        return Ok((Some(unknown(target, why)), limit));
    }
    let answer = match client.stats(&operation, &one.id, limit).await {
        Ok(Some(stats)) => Some(usage(&stats, since, one, target)),
        Ok(None) => None,
        Err(error) => match error.kind {
            ErrorKind::Unreachable
            | ErrorKind::Untrusted
            | ErrorKind::NoSecret
            | ErrorKind::Paused => {
                return Err(error.during(OPERATION));
            }
            ErrorKind::Unauthorised
            | ErrorKind::Rejected
            | ErrorKind::Unsupported
            | ErrorKind::TimedOut
            | ErrorKind::Protocol => Some(unknown(target, &error.message)),
        },
    };
    Ok((answer, begin.elapsed()))
}

/// The time beside the processor's is ours, from when an answer came: the engine's own (`read`) jumps with its clock, and
/// `system_cpu_usage` is something else with Podman. An answer that came late by a second makes an error of 1 in 60.
fn usage(stats: &Stats, since: Instant, one: &Listed, target: Target) -> Usage {
    let mut usage = Usage::new(target);
    let went_by = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
    usage.cpu = stats.cpu().map(|busy| CpuUse::Busy {
        busy,
        of: went_by,
        cores: 1,
    });
    if usage.cpu.is_none() {
        usage.miss(Signal::Cpu, "the engine does not count it");
    }
    stats.fill(&mut usage, one.network());
    usage
}
