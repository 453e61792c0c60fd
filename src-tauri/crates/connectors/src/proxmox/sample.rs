//! What guests and the machine use.
//!
//! All of it stands in the answer that states are read from, so a sample asks for it only where no look was taken just now.
//! pvestatd writes it every 10 s. Ticks are 60 s apart: a value that is the same at both is real, and not an old one, as long
//! as the uptime beside it has moved. That is looked at, because Proxmox goes on telling the last figures for 5 minutes
//! (pmxcfs' `rrd_entry_is_old`) while pvestatd waits for a storage that hangs, and a busy guest would look quiet.
//!
//! Running tasks cost one request more. They, and locks, are what must not be interrupted.

use std::collections::HashMap;
use std::time::{Duration, Instant};
use wakehub_domain::idle::PastUse;
use wakehub_domain::{ConnectorError, NodeKind};

use super::client::Call;
use super::parse::{self, Resources, Task};
use super::{ProxmoxConnector, RESOURCES_LAG, power};
use crate::{Signal, Target, Usage};

/// pvestatd writes every 10 s, and states are read every 10 s while somebody looks: an answer of then says as much as another
/// one would.
const FRESH: Duration = Duration::from_secs(15);

/// Figures that are the same for longer than this are old ones.
const STALE: Duration = RESOURCES_LAG;

/// What the last look has shown.
#[derive(Default)]
pub(super) struct Figures {
    taken: Option<Instant>,
    usages: Vec<Usage>,
    /// By platform id, the machine's own by none: the uptime, and when it was first seen.
    moved: HashMap<Option<String>, (Duration, Instant)>,
}

impl Figures {
    pub fn take(&mut self, now: Instant, member: &str, resources: &Resources) {
        let machine = resources.machines.get(member);
        let guests = resources.guests.iter().filter_map(|g| g.usage.as_ref());
        let mut moved = HashMap::new();
        self.usages = machine
            .into_iter()
            .chain(guests)
            .map(|usage| {
                let Some(up) = usage.up else {
                    return usage.clone();
                };
                let key = platform_id(&usage.target);
                let since = match self.moved.get(&key) {
                    Some((before, since)) if *before == up => *since,
                    Some(_) | None => now,
                };
                moved.insert(key, (up, since));
                let age = now.saturating_duration_since(since);
                if age < STALE {
                    usage.clone()
                } else {
                    without_figures(usage, age)
                }
            })
            .collect();
        self.moved = moved;
        self.taken = Some(now);
    }

    fn fresh(&self, now: Instant) -> Option<Vec<Usage>> {
        let taken = self.taken?;
        (now.saturating_duration_since(taken) < FRESH).then(|| self.usages.clone())
    }
}

fn platform_id(target: &Target) -> Option<String> {
    match target {
        Target::Itself => None,
        Target::Guest { platform_id, .. } => Some(platform_id.clone()),
    }
}

fn without_figures(usage: &Usage, age: Duration) -> Usage {
    let mut old = Usage::new(usage.target.clone());
    old.inhibitors.clone_from(&usage.inhibitors);
    let why = format!(
        "Proxmox has measured nothing for {} s: its pvestatd may hang",
        age.as_secs()
    );
    for what in [Signal::Cpu, Signal::Memory, Signal::Network, Signal::Disk] {
        old.miss(what, why.clone());
    }
    old
}

pub(super) async fn sample(
    connector: &ProxmoxConnector,
    wanted: &[Target],
) -> Result<Vec<Usage>, ConnectorError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let operation = "read what the guests use";
    let look = async {
        let fresh = || connector.known().figures.fresh(Instant::now());
        match fresh() {
            Some(usages) => Ok(usages),
            None => {
                connector.resources(operation).await?;
                Ok::<_, ConnectorError>(connector.known().figures.usages.clone())
            }
        }
    };
    // What cannot be known of a backup may not end it, so without an answer there is no sample.
    let call = Call::get(operation, &["cluster", "tasks"]);
    let read_tasks = async {
        let tasks = connector.client.call(&call).await?;
        Ok(parse::tasks_at_work(&tasks))
    };
    // At once, each over a connection that is kept: one after the other, the second would now and then come before the
    // connection of the first is free again, and make a new one.
    let (seen, tasks) = tokio::try_join!(look, read_tasks)?;
    let mut usages: Vec<Usage> = seen
        .into_iter()
        .filter(|usage| wanted.contains(&usage.target))
        .collect();
    for usage in &mut usages {
        for task in &tasks {
            let Some(inhibitor) = inhibitor(task, &usage.target, connector.member()) else {
                continue;
            };
            if !usage.inhibitors.contains(&inhibitor) {
                usage.inhibitors.push(inhibitor);
            }
        }
    }
    Ok(usages)
}

fn inhibitor(task: &Task, target: &Target, member: &str) -> Option<String> {
    match target {
        Target::Itself => (task.member == member).then(|| task.of_machine()),
        Target::Guest { platform_id, .. } => {
            let is_its = task
                .vmid
                .is_some_and(|vmid| vmid.to_string() == *platform_id);
            task.of_guest().filter(|_| is_its).map(str::to_owned)
        }
    }
}

/// PVE keeps minutes for an hour (version 9 for a day), and beyond that half hours.
const HOUR_OF_MINUTES: Duration = Duration::from_secs(60 * 60);

pub(super) async fn past(
    connector: &ProxmoxConnector,
    target: &Target,
    back: Duration,
) -> Result<Vec<PastUse>, ConnectorError> {
    let timeframe = if back <= HOUR_OF_MINUTES {
        "hour"
    } else {
        "day"
    };
    let parameters = [
        ("timeframe", timeframe.to_owned()),
        ("cf", "AVERAGE".to_owned()),
    ];
    let data = match target {
        Target::Itself => {
            let path = ["nodes", connector.member(), "rrddata"];
            let call = Call::get("read what the machine has used", &path);
            connector.client.call(&call.with(&parameters)).await?
        }
        Target::Guest { kind, platform_id } => {
            of_guest(connector, *kind, platform_id, &parameters).await?
        }
    };
    let mut rows = parse::past(&data);
    // by Proxmox's own clock, which need not be ours
    if let Some(last) = rows.last().map(|row| row.at) {
        rows.retain(|row| last.since(row.at) <= back);
    }
    Ok(rows)
}

async fn of_guest(
    connector: &ProxmoxConnector,
    kind: NodeKind,
    platform_id: &str,
    parameters: &[(&str, String)],
) -> Result<serde_json::Value, ConnectorError> {
    let (kind, vmid) = power::guest(kind, platform_id, "read what was used by")?;
    let operation = format!("read what {} {vmid} has used", kind.as_str());
    let place = power::place(connector, &operation, kind, vmid).await?;
    // Every member keeps those of all guests, so that of one that has moved is told as well.
    let asked = connector.get_with(&operation, vmid, &place, &["rrddata"], parameters);
    Ok(asked.await?)
}

#[cfg(test)]
mod tests;
