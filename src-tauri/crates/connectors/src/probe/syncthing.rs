//! Syncthing's REST API (1.12 and newer): the folders, the state of each, and what connected devices lack.
//!
//! `config/folders` names the folders; `db/status` of each has a `state`; `system/connections` says which devices are connected,
//! and `db/completion` of each how much of what is here it still lacks. <https://docs.syncthing.net/dev/rest.html>

use reqwest::header::HeaderName;
use serde_json::Value;
use wakehub_domain::ConnectorError;
use wakehub_domain::idle::{ProbeAnswer, SyncthingProbe};

use super::client::{Call, Client};
use super::named;

/// More of either nobody asks about in a tick.
const MOST: usize = 200;

pub(super) async fn ask(
    client: &Client,
    probe: &SyncthingProbe,
) -> Result<ProbeAnswer, ConnectorError> {
    let key = client.sensitive(client.required_secret()?)?;
    let get = async |path: &[&str], parameters: &[(&str, &str)]| {
        let name = HeaderName::from_static("x-api-key");
        let call = Call::get(path).with(parameters).header(name, key.clone());
        client.json(call).await
    };
    let strange = |what: &str| client.strange(format!("the answer has no {what}"));
    let config = get(&["rest", "config", "folders"], &[]).await?;
    for folder in folders(&config).ok_or_else(|| strange("list of folders"))? {
        let status = get(&["rest", "db", "status"], &[("folder", &folder.id)]).await?;
        let busy = busy(&status, probe.scanning).ok_or_else(|| strange("state of a folder"))?;
        if let Some(does) = busy {
            let why = format!("Syncthing {does} the folder {}", named(&folder.name));
            return Ok(ProbeAnswer::used(why));
        }
    }
    let connections = get(&["rest", "system", "connections"], &[]).await?;
    for device in connected(&connections).ok_or_else(|| strange("connections"))? {
        let path = ["rest", "db", "completion"];
        let completion = get(&path, &[("device", device)]).await?;
        let lacks = lacks(&completion).ok_or_else(|| strange("completion of a device"))?;
        if lacks > 0 {
            // the first of its groups is what people know a device by
            let device = device.split('-').next().unwrap_or_default();
            let why = format!("Syncthing sends {lacks} B to the device {}", named(device));
            return Ok(ProbeAnswer::used(why));
        }
    }
    Ok(ProbeAnswer::not_used("Syncthing has nothing to transfer"))
}

struct Folder {
    id: String,
    name: String,
}

/// Those that are not paused.
fn folders(config: &Value) -> Option<Vec<Folder>> {
    let mut folders = Vec::new();
    for folder in config.as_array()?.iter().take(MOST) {
        let id = folder.get("id")?.as_str()?;
        let label = folder.get("label").and_then(Value::as_str).unwrap_or("");
        if folder.get("paused").and_then(Value::as_bool) != Some(true) {
            folders.push(Folder {
                id: id.to_owned(),
                name: if label.is_empty() { id } else { label }.to_owned(),
            });
        }
    }
    Some(folders)
}

/// What it does with the folder.
fn busy(status: &Value, scanning_counts: bool) -> Option<Option<&'static str>> {
    Some(match status.get("state")?.as_str()? {
        "syncing" | "sync-preparing" | "sync-waiting" => Some("synchronises"),
        "scanning" | "scan-waiting" => scanning_counts.then_some("scans"),
        // in error it does nothing; cleaning removes old versions
        "idle" | "error" | "cleaning" | "clean-waiting" => None,
        // it has not begun with the folder yet, or a later version does something else
        _ => return None,
    })
}

fn connected(connections: &Value) -> Option<Vec<&str>> {
    let all = connections.get("connections")?.as_object()?;
    let is_connected = |device: &Value| {
        let is = |what: &str| device.get(what).and_then(Value::as_bool) == Some(true);
        is("connected") && !is("paused")
    };
    let connected = all.iter().filter(|(_, device)| is_connected(device));
    Some(connected.map(|(id, _)| id.as_str()).take(MOST).collect())
}

/// Bytes, or one for what has none: a folder that is to be made, a file that is to be removed.
fn lacks(completion: &Value) -> Option<u64> {
    let bytes = completion.get("needBytes")?.as_u64()?;
    let other = ["needItems", "needDeletes"]
        .into_iter()
        .any(|what| completion.get(what).and_then(Value::as_u64) > Some(0));
    Some(bytes.max(u64::from(other)))
}

#[cfg(test)]
#[path = "syncthing_tests.rs"]
mod tests;
