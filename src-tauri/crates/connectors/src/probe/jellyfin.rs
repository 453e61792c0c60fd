//! Jellyfin, and Emby from which it comes.
//!
//! `GET /Sessions` lists who is logged in; one that plays has a `NowPlayingItem`, and `PlayState.IsPaused` while it is paused.
//! A player that is gone without a word is dropped by the server itself after five minutes. `GET /ScheduledTasks` lists tasks
//! with a `State` of `Idle`, `Running` or `Cancelling`. <https://api.jellyfin.org>

use reqwest::header::{AUTHORIZATION, HeaderName};
use serde_json::Value;
use wakehub_domain::ConnectorError;
use wakehub_domain::idle::{JellyfinProbe, ProbeAnswer};

use super::client::{Call, Client};
use super::{count, named};

pub(super) async fn ask(
    client: &Client,
    probe: &JellyfinProbe,
) -> Result<ProbeAnswer, ConnectorError> {
    let key = client.required_secret()?;
    let authorization = client.sensitive(&format!("MediaBrowser Token=\"{key}\""))?;
    // Emby knows this one only
    let token = client.sensitive(key)?;
    let get = async |path: &[&str]| {
        let call = Call::get(path)
            .header(AUTHORIZATION, authorization.clone())
            .header(HeaderName::from_static("x-emby-token"), token.clone());
        client.json(call).await
    };
    let sessions = get(&["Sessions"]).await?;
    let playing = playing(&sessions, probe.paused)
        .ok_or_else(|| client.strange("the answer is no list of sessions"))?;
    if playing > 0 {
        let why = format!("{} plays {}", NAME, count(playing, "title"));
        return Ok(ProbeAnswer::used(why));
    }
    if probe.tasks {
        let tasks = get(&["ScheduledTasks"]).await?;
        let task =
            running(&tasks).ok_or_else(|| client.strange("the answer is no list of tasks"))?;
        if let Some(task) = task {
            return Ok(ProbeAnswer::used(format!("{NAME} runs “{}”", named(task))));
        }
    }
    Ok(ProbeAnswer::not_used(format!("{NAME} plays nothing")))
}

const NAME: &str = "Jellyfin";

/// How many sessions play something; `None` where this is no list of sessions.
fn playing(sessions: &Value, paused_counts: bool) -> Option<usize> {
    let mut playing = 0;
    for session in sessions.as_array()? {
        let session = session.as_object()?;
        let has = |what: &str| session.get(what).is_some_and(Value::is_object);
        let is_paused = session
            .get("PlayState")
            .and_then(|state| state.get("IsPaused"))
            .is_some_and(|paused| *paused == Value::Bool(true));
        let counts = paused_counts || !is_paused;
        playing += usize::from((has("NowPlayingItem") || has("TranscodingInfo")) && counts);
    }
    Some(playing)
}

/// The name of the first task that runs.
fn running(tasks: &Value) -> Option<Option<&str>> {
    let mut running = None;
    for task in tasks.as_array()? {
        if task.get("State")?.as_str()? != "Idle" {
            let name = task.get("Name").and_then(Value::as_str);
            running = running.or(Some(name.unwrap_or("a task")));
        }
    }
    Some(running)
}

#[cfg(test)]
#[path = "jellyfin_tests.rs"]
mod tests;
