//! Plex: `GET /status/sessions` lists what plays, as JSON when asked for it. `size` says how many, `Player.state` is `playing`,
//! `paused` or `buffering`. <https://developer.plex.tv/pms/>

use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use serde_json::Value;
use wakehub_domain::ConnectorError;
use wakehub_domain::idle::{PlexProbe, ProbeAnswer};

use super::client::{Call, Client};
use super::count;

pub(super) async fn ask(client: &Client, probe: &PlexProbe) -> Result<ProbeAnswer, ConnectorError> {
    let json = HeaderValue::from_static("application/json");
    let mut call = Call::get(&["status", "sessions"]).header(ACCEPT, json);
    if let Some(token) = client.secret() {
        let name = HeaderName::from_static("x-plex-token");
        call = call.header(name, client.sensitive(token)?);
    }
    let sessions = client.json(call).await?;
    match playing(&sessions, probe.paused) {
        None => Err(client.strange("the answer has no sessions")),
        Some(0) => Ok(ProbeAnswer::not_used("Plex plays nothing")),
        Some(playing) => Ok(ProbeAnswer::used(format!(
            "Plex plays {}",
            count(playing, "title")
        ))),
    }
}

fn playing(answer: &Value, paused_counts: bool) -> Option<usize> {
    let container = answer.get("MediaContainer")?;
    let size = usize::try_from(container.get("size")?.as_u64()?).ok()?;
    let is_paused = |session: &&Value| {
        let state = session.pointer("/Player/state").and_then(Value::as_str);
        state == Some("paused")
    };
    let listed = container.get("Metadata").and_then(Value::as_array);
    let paused = listed.map_or(0, |all| all.iter().filter(is_paused).count());
    Some(if paused_counts {
        size
    } else {
        size.saturating_sub(paused)
    })
}

#[cfg(test)]
#[path = "plex_tests.rs"]
mod tests;
