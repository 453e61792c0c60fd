//! qBittorrent's Web API, version 2 (4.1 and newer).
//!
//! `torrents/info?filter=downloading` lists what is not complete, each with a `state`; `transfer/info` has `up_info_speed` in
//! bytes per second. A login answers 200 with `Ok.` or `Fails.` and a cookie `SID`, since 5.2 204 or 401 and a cookie
//! `QBT_SID_PORT`; so whatever cookie it sets is sent back. After five failed logins qBittorrent bans the address for an hour:
//! a refused login is not tried again soon.
//! <https://github.com/qbittorrent/qBittorrent/wiki/WebUI-API-(qBittorrent-5.0)>

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, COOKIE};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use wakehub_domain::idle::{ProbeAnswer, QbittorrentProbe};
use wakehub_domain::{ConnectorError, ErrorKind, Secret};

use super::client::{Answer, Call, Client};
use super::count;

/// A fifth failure bans, however long the first is past.
const NOT_AGAIN: Duration = Duration::from_secs(6 * 3600);

/// The session that a login has opened.
#[derive(Default)]
pub(super) struct Login(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    None,
    /// The cookie, `NAME=VALUE`; none where no login is needed from here.
    Open(Option<Secret>),
    Refused(Instant),
}

pub(super) async fn ask(
    client: &Client,
    probe: &QbittorrentProbe,
    login: &Login,
) -> Result<ProbeAnswer, ConnectorError> {
    let torrents = get(
        client,
        probe,
        login,
        &["api", "v2", "torrents", "info"],
        &[("filter", "downloading")],
    )
    .await?;
    let loading = downloading(&torrents)
        .ok_or_else(|| client.strange("the answer is no list of torrents"))?;
    if loading > 0 {
        let why = format!("qBittorrent downloads {}", count(loading, "torrent"));
        return Ok(ProbeAnswer::used(why));
    }
    if let Some(most) = probe.upload_bytes_per_second {
        let transfer = get(
            client,
            probe,
            login,
            &["api", "v2", "transfer", "info"],
            &[],
        )
        .await?;
        let speed = transfer
            .get("up_info_speed")
            .and_then(Value::as_u64)
            .ok_or_else(|| client.strange("the answer has no upload speed"))?;
        let why = format!("qBittorrent sends {speed} B/s");
        return Ok(ProbeAnswer {
            is_used: speed > most,
            why,
        });
    }
    Ok(ProbeAnswer::not_used("qBittorrent downloads nothing"))
}

/// How many torrents are being loaded, or prepared for that. A `stalledDL` has nobody to load from, `queuedDL` waits for another
/// one, `pausedDL` and `stoppedDL` are stopped, `error` and `missingFiles` cannot go on.
fn downloading(torrents: &Value) -> Option<usize> {
    let mut loading = 0;
    for torrent in torrents.as_array()? {
        let is_loading = match torrent.get("state")?.as_str()? {
            "stalledDL" | "queuedDL" | "pausedDL" | "stoppedDL" | "error" | "missingFiles" => {
                // a trickle that is not zero is one all the same
                torrent.get("dlspeed").and_then(Value::as_u64).unwrap_or(0) > 0
            }
            // complete: they send
            "uploading" | "stalledUP" | "forcedUP" | "queuedUP" | "pausedUP" | "stoppedUP" => false,
            // downloading, forcedDL, metaDL, forcedMetaDL, allocating, checkingDL, checkingUP, checkingResumeData, moving, and
            // whatever a later version calls something that it does
            _ => true,
        };
        loading += usize::from(is_loading);
    }
    Some(loading)
}

async fn get(
    client: &Client,
    probe: &QbittorrentProbe,
    login: &Login,
    path: &[&str],
    parameters: &[(&str, &str)],
) -> Result<Value, ConnectorError> {
    let request = async |cookie: Option<&str>| {
        let mut call = Call::get(path).with(parameters);
        if let Some(cookie) = cookie {
            call = call.header(COOKIE, client.sensitive(cookie)?);
        } else if let (None, Some(key)) = (&probe.user, client.secret()) {
            let bearer = client.sensitive(&format!("Bearer {key}"))?;
            call = call.header(AUTHORIZATION, bearer);
        }
        client.send(call).await
    };
    let mut state = login.0.lock().await;
    let Some(user) = &probe.user else {
        return json(client, request(None).await?);
    };
    let mut is_new = false;
    if !matches!(*state, State::Open(_)) {
        log_in(client, user, &mut state).await?;
        is_new = true;
    }
    let answer = request(cookie(&state)).await?;
    // the session has expired, or qBittorrent was restarted
    if matches!(answer.status.as_u16(), 401 | 403) && !is_new {
        *state = State::None;
        log_in(client, user, &mut state).await?;
        return json(client, request(cookie(&state)).await?);
    }
    json(client, answer)
}

fn json(client: &Client, answer: Answer) -> Result<Value, ConnectorError> {
    if !answer.status.is_success() {
        return Err(client.refused(answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(|_| client.strange("the answer is not JSON"))
}

fn cookie(state: &State) -> Option<&str> {
    match state {
        State::Open(cookie) => cookie.as_ref().map(Secret::expose),
        State::None | State::Refused(_) => None,
    }
}

/// Opens a session, or remembers that it was refused.
async fn log_in(client: &Client, user: &str, state: &mut State) -> Result<(), ConnectorError> {
    let refused = || {
        let message = "the login is refused: is the password in the keyring the right one?";
        client.error(ErrorKind::Unauthorised, message)
    };
    if let State::Refused(at) = state
        && at.elapsed() < NOT_AGAIN
    {
        return Err(refused());
    }
    let password = client.required_secret()?;
    let form = [("username", user), ("password", password)];
    let call = Call::post(&["api", "v2", "auth", "login"]).with(&form);
    let answer = client.send(call).await?;
    match login_of(answer.status, &answer.body) {
        LoginAnswer::Granted => {
            let session = answer.cookies.into_iter().find(|cookie| is_session(cookie));
            *state = State::Open(session.map(Secret::new));
            Ok(())
        }
        LoginAnswer::Refused => {
            *state = State::Refused(Instant::now());
            Err(refused())
        }
        LoginAnswer::Banned => {
            *state = State::Refused(Instant::now());
            Err(client.error(
                ErrorKind::Unauthorised,
                "it has banned this computer for a while after too many failed logins",
            ))
        }
        LoginAnswer::Strange => Err(client.refused(answer.status)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LoginAnswer {
    Granted,
    Refused,
    Banned,
    Strange,
}

fn login_of(status: StatusCode, body: &[u8]) -> LoginAnswer {
    match (status.as_u16(), body.trim_ascii()) {
        (200, b"Ok.") | (204, b"") => LoginAnswer::Granted,
        (200, b"Fails.") | (401, _) => LoginAnswer::Refused,
        (403, _) => LoginAnswer::Banned,
        (_, _) => LoginAnswer::Strange,
    }
}

fn is_session(cookie: &str) -> bool {
    let (name, value) = cookie.split_once('=').unwrap_or_default();
    !value.is_empty() && (name == "SID" || name.starts_with("QBT_SID"))
}

#[cfg(test)]
#[path = "qbittorrent_tests.rs"]
mod tests;
