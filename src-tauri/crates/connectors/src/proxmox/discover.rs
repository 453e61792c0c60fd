//! Everything that Proxmox hosts, with all that it knows about each guest.

use futures_util::{StreamExt, stream};
use std::time::Duration;
use tokio::time::timeout;
use wakehub_domain::{ConnectorError, NodeKind, PowerState};

use super::parse::{self, Guest, GuestConfig};
use super::{Place, ProxmoxConnector};
use crate::Discovered;

const OPERATION: &str = "discover the guests";
/// pveproxy answers with three workers.
const AT_ONCE: usize = 4;
/// A guest's agent that hangs holds its answer back for longer than a person waits.
const AGENT_PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn discover(
    connector: &ProxmoxConnector,
) -> Result<Vec<Discovered>, ConnectorError> {
    let resources = connector.resources(OPERATION).await?;
    let found: Vec<(Guest, GuestConfig, Vec<String>)> = stream::iter(resources.guests)
        .map(|guest| look_at(connector, guest))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let suggested: Vec<Vec<String>> = found
        .iter()
        .map(|(guest, config, _)| earlier_group(&found, guest, config))
        .collect();
    Ok(found
        .into_iter()
        .zip(suggested)
        .map(
            |((guest, config, addresses), suggested_dependencies)| Discovered {
                cores: config.cores.or(guest.max_cores),
                memory: config.memory.or(guest.max_memory),
                report: guest.report,
                addresses,
                ports: Vec::new(),
                image: None,
                compose_project: None,
                compose_service: None,
                suggested_dependencies,
            },
        )
        .collect())
}

/// What cannot be read (no agent, a member offline, no right) is left out: the user can add it.
async fn look_at(connector: &ProxmoxConnector, guest: Guest) -> (Guest, GuestConfig, Vec<String>) {
    let kind = guest.report.kind;
    // Of a member that is offline nothing can be read, and asking takes seconds for each guest.
    let member = guest.report.member.clone();
    let Some(member) = member.filter(|_| guest.report.state != PowerState::Unknown) else {
        return (guest, GuestConfig::default(), Vec::new());
    };
    let place = Place { kind, member };
    let config = match connector
        .get(OPERATION, guest.vmid, &place, &["config"])
        .await
    {
        Ok(data) => parse::guest_config(&data, kind),
        Err(_) => GuestConfig::default(),
    };
    let mut addresses = Vec::new();
    let path: Option<&[&str]> = match kind {
        NodeKind::Lxc => Some(&["interfaces"]),
        NodeKind::Vm if config.agent => Some(&["agent", "network-get-interfaces"]),
        NodeKind::Vm | NodeKind::Machine | NodeKind::Container => None,
    };
    if let Some(path) = path.filter(|_| guest.report.state == PowerState::On) {
        let asked = connector.get(OPERATION, guest.vmid, &place, path);
        if let Ok(Ok(data)) = timeout(AGENT_PATIENCE, asked).await {
            addresses = parse::interfaces(&data);
        }
    }
    for address in &config.addresses {
        if !addresses.contains(address) {
            addresses.push(address.clone());
        }
    }
    (guest, config, addresses)
}

/// The guests of the nearest lower startup order on the same member: what Proxmox starts just before.
fn earlier_group(
    found: &[(Guest, GuestConfig, Vec<String>)],
    guest: &Guest,
    config: &GuestConfig,
) -> Vec<String> {
    let Some(order) = config.order else {
        return Vec::new();
    };
    let before: Vec<(&Guest, i64)> = found
        .iter()
        .filter(|(other, ..)| other.report.member == guest.report.member)
        .filter_map(|(other, config, _)| Some((other, config.order?)))
        .filter(|(_, other)| *other < order)
        .collect();
    let nearest = before.iter().map(|(_, order)| *order).max();
    before
        .into_iter()
        .filter(|(_, order)| Some(*order) == nearest)
        .map(|(other, _)| other.report.platform_id.clone())
        .collect()
}
