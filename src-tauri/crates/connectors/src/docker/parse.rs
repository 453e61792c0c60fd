//! Reads what engines answer. Lenient where engines differ (Podman leaves fields out and has states of its own): one
//! odd container must not hide the others.

use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use wakehub_domain::{ConnectorError, ErrorKind, NodeKind, PowerState, Retry};

use crate::{GuestReport, Health};

/// Major and minor, as in `1.41`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ApiVersion(pub u16, pub u16);

impl ApiVersion {
    pub(super) fn parse(text: &str) -> Option<ApiVersion> {
        let (major, minor) = text.trim().split_once('.')?;
        Some(ApiVersion(major.parse().ok()?, minor.parse().ok()?))
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// `GET /version`
#[derive(Deserialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EngineVersion {
    pub version: Option<String>,
    pub api_version: Option<String>,
    components: Option<Vec<Component>>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "PascalCase")]
struct Component {
    name: Option<String>,
}

impl EngineVersion {
    /// `Docker 20.10.24, API 1.41`
    pub(super) fn text(&self) -> String {
        let podman = self
            .components
            .iter()
            .flatten()
            .filter_map(|component| component.name.as_deref())
            .any(|name| name.contains("Podman"));
        format!(
            "{} {}, API {}",
            if podman { "Podman" } else { "Docker" },
            self.version.as_deref().unwrap_or("of unknown version"),
            self.api_version.as_deref().unwrap_or("unknown"),
        )
    }
}

/// One entry of `GET /containers/json`.
#[derive(Deserialize, Clone, Debug)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub id: String,
    names: Option<Vec<String>>,
    pub image: Option<String>,
    labels: Option<HashMap<String, String>>,
    state: Option<String>,
    status: Option<String>,
    health: Option<ListedHealth>,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(rename_all = "PascalCase")]
struct ListedHealth {
    status: Option<String>,
}

impl Listed {
    /// A container has one name of its own; the others are links of other containers to it (`/web/db`).
    pub(super) fn name(&self) -> &str {
        self.names
            .iter()
            .flatten()
            .map(|name| name.strip_prefix('/').unwrap_or(name))
            .find(|name| !name.contains('/'))
            .unwrap_or(&self.id)
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .as_ref()?
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    pub(super) fn report(&self) -> GuestReport {
        let status = self.status.as_deref().unwrap_or_default();
        let (state, note) = state(self.state.as_deref().unwrap_or_default(), status);
        GuestReport {
            kind: NodeKind::Container,
            platform_id: self.name().to_owned(),
            name: self.name().to_owned(),
            health: self.health(&state),
            state,
            note,
            lock: None,
            member: None,
            identity: self.identity(),
        }
    }

    /// Since API 1.52 it has a field; before that it stands in the status: `Up 3 seconds (unhealthy)`.
    fn health(&self, state: &PowerState) -> Option<Health> {
        if *state != PowerState::On {
            return None;
        }
        let status = self.status.as_deref().unwrap_or_default();
        let word = self
            .health
            .as_ref()
            .and_then(|health| health.status.as_deref())
            .unwrap_or_else(|| in_brackets(status).unwrap_or_default());
        match word.strip_prefix("health: ").unwrap_or(word) {
            "starting" => Some(Health::Starting),
            "healthy" => Some(Health::Healthy),
            "unhealthy" => Some(Health::Unhealthy),
            _ => None,
        }
    }

    /// Compose makes a container anew whenever its configuration changes, under the same project and service.
    fn identity(&self) -> Option<String> {
        let project = self.label(compose::PROJECT)?;
        let service = self.label(compose::SERVICE)?;
        if self
            .label(compose::ONE_OFF)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        {
            return None;
        }
        Some(match self.label(compose::NUMBER) {
            None | Some("1") => format!("{project}/{service}"),
            Some(number) => format!("{project}/{service}/{number}"),
        })
    }
}

/// The labels that docker compose gives its containers.
pub(super) mod compose {
    pub const PROJECT: &str = "com.docker.compose.project";
    pub const SERVICE: &str = "com.docker.compose.service";
    pub const NUMBER: &str = "com.docker.compose.container-number";
    pub const ONE_OFF: &str = "com.docker.compose.oneoff";
    pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
}

/// From the engine's word and its sentence: `exited` and `Exited (137) 2 minutes ago`.
fn state(word: &str, status: &str) -> (PowerState, Option<String>) {
    let word = word.to_ascii_lowercase();
    let with_code = || match in_brackets(status) {
        Some(code) if code.parse::<i64>().is_ok() => format!("{word} ({code})"),
        _ => word.clone(),
    };
    match word.as_str() {
        "running" => (PowerState::On, None),
        "paused" => (PowerState::On, Some(word)),
        "restarting" => (PowerState::Starting, Some(with_code())),
        "removing" | "stopping" => (PowerState::Stopping, Some(word)),
        // `stopped`, `configured` and `initialized` are Podman's.
        "exited" | "dead" | "stopped" => (PowerState::Off, Some(with_code())),
        "created" | "configured" | "initialized" => (PowerState::Off, Some(word)),
        "" => (PowerState::Unknown, None),
        _ => (PowerState::Unknown, Some(word)),
    }
}

fn in_brackets(status: &str) -> Option<&str> {
    status
        .split_once('(')?
        .1
        .split_once(')')
        .map(|(inner, _)| inner)
}

/// `GET /containers/{id}/json`
#[derive(Deserialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    pub id: String,
    pub name: String,
    pub state: InspectedState,
    pub config: Option<InspectedConfig>,
    pub host_config: Option<HostConfig>,
    pub network_settings: Option<NetworkSettings>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InspectedState {
    #[serde(default)]
    pub running: bool,
    #[serde(default)]
    pub paused: bool,
    #[serde(default)]
    pub restarting: bool,
    #[serde(rename = "OOMKilled", default)]
    pub oom_killed: bool,
    #[serde(default)]
    pub exit_code: i64,
    #[serde(default)]
    pub error: String,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InspectedConfig {
    pub exposed_ports: Option<HashMap<String, serde_json::Value>>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HostConfig {
    pub nano_cpus: Option<i64>,
    pub cpu_quota: Option<i64>,
    pub cpu_period: Option<i64>,
    pub memory: Option<i64>,
    pub network_mode: Option<String>,
    pub links: Option<Vec<String>>,
    pub port_bindings: Option<Ports>,
}

/// By `80/tcp`.
pub(super) type Ports = HashMap<String, Option<Vec<PortBinding>>>;

#[derive(Deserialize, Clone, Debug)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PortBinding {
    pub host_ip: Option<String>,
    pub host_port: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NetworkSettings {
    pub ports: Option<Ports>,
    pub networks: Option<HashMap<String, Attachment>>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attachment {
    #[serde(rename = "IPAddress")]
    pub ip_address: Option<String>,
}

impl Inspected {
    pub(super) fn own_name(&self) -> &str {
        self.name.strip_prefix('/').unwrap_or(&self.name)
    }
}

/// One entry of `GET /networks`.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Network {
    pub name: String,
    pub driver: Option<String>,
}

/// One line of `GET /events`.
#[derive(Deserialize, Debug)]
struct Event {
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(rename = "Action")]
    action: Option<String>,
    #[serde(rename = "Actor")]
    actor: Option<Actor>,
}

#[derive(Deserialize, Debug)]
struct Actor {
    #[serde(rename = "ID")]
    id: Option<String>,
    #[serde(rename = "Attributes")]
    attributes: Option<HashMap<String, String>>,
}

/// What an event means for us.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Told {
    /// Something about the container with this id changed; look at it.
    Look { id: String },
    /// There is no container with this name any more.
    Gone { name: String },
    /// The container with this id had that name before.
    Renamed { id: String, before: String },
}

/// `None` for events of other things and for what changes no state, such as the commands of health checks.
///
/// # Errors
/// When the line is not JSON.
pub(super) fn event(line: &[u8]) -> Result<Option<Told>, serde_json::Error> {
    let event: Event = serde_json::from_slice(line)?;
    let (Some(action), Some(actor)) = (event.action, event.actor) else {
        return Ok(None);
    };
    if event.kind.is_some_and(|kind| kind != "container") {
        return Ok(None);
    }
    let attribute = |name: &str| {
        let value = actor.attributes.as_ref()?.get(name)?;
        Some(value.strip_prefix('/').unwrap_or(value).to_owned())
    };
    let id = actor.id.clone();
    let word = action.split(':').next().unwrap_or_default();
    Ok(match word {
        "create" | "start" | "restart" | "die" | "died" | "stop" | "pause" | "unpause"
        | "health_status" => id.map(|id| Told::Look { id }),
        "destroy" | "remove" => attribute("name").map(|name| Told::Gone { name }),
        "rename" => match (id, attribute("oldName")) {
            (Some(id), Some(before)) => Some(Told::Renamed { id, before }),
            (Some(id), None) => Some(Told::Look { id }),
            (None, _) => None,
        },
        _ => None,
    })
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// What an answer other than 2xx means. The engine's message stays as it is.
pub(super) fn refusal(operation: &str, status: u16, body: &[u8]) -> ConnectorError {
    let told = serde_json::from_slice::<Refusal>(body).ok();
    let from_engine = told.is_some();
    let message = told.map_or_else(|| first_line(body), |refusal| refusal.message);
    let about_version = message.contains("client version")
        || message.contains("client is newer than server")
        || message.contains("client is too old");
    let kind = match status {
        401 | 403 => ErrorKind::Unauthorised,
        400 if about_version => ErrorKind::Unsupported,
        404 if !from_engine => ErrorKind::Unsupported,
        400..=599 if from_engine => ErrorKind::Rejected,
        _ => ErrorKind::Protocol,
    };
    let message = if message.is_empty() {
        format!("HTTP status {status}")
    } else {
        message
    };
    let mut error = ConnectorError::new(kind, operation, message);
    if matches!(status, 429 | 503) {
        error.retry = Retry::Later;
    }
    error
}

/// At most 200 characters of it.
pub(super) fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or_default().chars().take(200).collect()
}

/// The text of `GET /containers/{id}/logs`: without a terminal in frames of 8 bytes of head (stream, three zeros, length
/// in network order), with one as it is. Keeps the last lines, and of them at most so many bytes.
pub(super) fn logs(mut body: &[u8], lines: usize, bytes: usize) -> String {
    let mut text = Vec::new();
    while let [0..=2, 0, 0, 0, a, b, c, d, rest @ ..] = body {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (frame, after) = rest.split_at(length.min(rest.len()));
        text.extend_from_slice(frame);
        body = after;
    }
    text.extend_from_slice(body);
    let from = text.len().saturating_sub(bytes);
    let text = String::from_utf8_lossy(&text[from..]);
    let text = text.trim_end();
    let begin = text.rmatch_indices('\n').nth(lines.saturating_sub(1));
    text[begin.map_or(0, |(at, _)| at + 1)..].to_owned()
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
