//! Reads what engines answer. Lenient where engines differ (Podman leaves fields out and has states of its own): one
//! odd container must not hide the others.

use bollard::models::{
    ContainerConfig, ContainerInspectResponse, ContainerState, ContainerSummary, EventMessage,
    EventMessageTypeEnum, HostConfig, NetworkSettings, SystemVersion,
};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::Error;
use serde_json::{Map, Value};
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

/// `Docker 20.10.24, API 1.41`
pub(super) fn version_text(told: &SystemVersion) -> String {
    let podman = told
        .components
        .iter()
        .flatten()
        .any(|component| component.name.contains("Podman"));
    format!(
        "{} {}, API {}",
        if podman { "Podman" } else { "Docker" },
        told.version.as_deref().unwrap_or("of unknown version"),
        told.api_version.as_deref().unwrap_or("unknown"),
    )
}

/// One entry of the list of containers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Listed {
    pub id: String,
    names: Vec<String>,
    pub image: Option<String>,
    labels: HashMap<String, String>,
    /// The engine's word, such as `running`; empty when it says none.
    state: String,
    /// The engine's sentence, such as `Up 2 hours`.
    status: String,
    health: Option<String>,
    /// `bridge`, `host`, `container:0123…`; Podman does not say.
    network_mode: Option<String>,
}

/// Whose network a container uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Network {
    Own,
    /// Podman does not say, and tells zeros of the host's.
    Unsaid,
    None,
    OfHost,
    OfAnother,
}

impl TryFrom<ContainerSummary> for Listed {
    type Error = serde_json::Error;

    fn try_from(told: ContainerSummary) -> Result<Listed, serde_json::Error> {
        let health = told.health.and_then(|health| health.status);
        Ok(Listed {
            id: told.id.ok_or_else(|| missing("Id"))?,
            names: told.names.unwrap_or_default(),
            image: told.image,
            labels: told.labels.unwrap_or_default(),
            state: told
                .state
                .map_or_else(String::new, |state| state.to_string()),
            status: told.status.unwrap_or_default(),
            health: health.map(|status| status.to_string()),
            network_mode: told.host_config.and_then(|host| host.network_mode),
        })
    }
}

fn missing(field: &'static str) -> serde_json::Error {
    serde_json::Error::missing_field(field)
}

/// A list that bollard's models refuse because of a word that they do not know, such as a state of Podman's: reads only
/// what is looked at, and the states as they stand there.
pub(super) fn listed(contents: &str) -> Result<Vec<Listed>, serde_json::Error> {
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let entries: Vec<Map<String, Value>> = serde_json::from_str(contents)?;
    entries
        .into_iter()
        .map(|mut entry| {
            let state = entry.get("State").and_then(word);
            let health = entry.get("Health").and_then(|it| word(it.get("Status")?));
            let mode = entry
                .get("HostConfig")
                .and_then(|it| word(it.get("NetworkMode")?));
            keep(&mut entry, &["Id", "Names", "Image", "Labels", "Status"]);
            let known: ContainerSummary = serde_json::from_value(Value::Object(entry))?;
            Ok(Listed {
                state: state.unwrap_or_default(),
                health,
                network_mode: mode,
                ..Listed::try_from(known)?
            })
        })
        .collect()
}

fn keep(object: &mut Map<String, Value>, fields: &[&str]) {
    object.retain(|field, _| fields.contains(&field.as_str()));
}

impl Listed {
    /// A container has one name of its own; the others are links of other containers to it (`/web/db`).
    pub(super) fn name(&self) -> &str {
        self.names
            .iter()
            .map(|name| name.strip_prefix('/').unwrap_or(name))
            .find(|name| !name.contains('/'))
            .unwrap_or(&self.id)
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    pub(super) fn network(&self) -> Network {
        match self.network_mode.as_deref() {
            Some("host") => Network::OfHost,
            Some("none") => Network::None,
            Some(mode) if mode.starts_with("container:") => Network::OfAnother,
            Some(_) => Network::Own,
            None => Network::Unsaid,
        }
    }

    pub(super) fn report(&self) -> GuestReport {
        let (state, note) = state(&self.state, &self.status);
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
        let word = self
            .health
            .as_deref()
            .unwrap_or_else(|| in_brackets(&self.status).unwrap_or_default());
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

/// One container in detail.
#[derive(Debug)]
pub(super) struct Inspected {
    pub id: String,
    name: String,
    state: ContainerState,
    pub config: ContainerConfig,
    pub host_config: HostConfig,
    pub network_settings: NetworkSettings,
}

impl TryFrom<ContainerInspectResponse> for Inspected {
    type Error = serde_json::Error;

    fn try_from(told: ContainerInspectResponse) -> Result<Inspected, serde_json::Error> {
        Ok(Inspected {
            id: told.id.ok_or_else(|| missing("Id"))?,
            name: told.name.ok_or_else(|| missing("Name"))?,
            state: told.state.ok_or_else(|| missing("State"))?,
            config: told.config.unwrap_or_default(),
            host_config: told.host_config.unwrap_or_default(),
            network_settings: told.network_settings.unwrap_or_default(),
        })
    }
}

/// As [`listed`], of one container.
pub(super) fn inspected(contents: &str) -> Result<Inspected, serde_json::Error> {
    let mut whole: Map<String, Value> = serde_json::from_str(contents)?;
    let looked_at: [(&str, &[&str]); 4] = [
        (
            "State",
            &[
                "Running",
                "Paused",
                "Restarting",
                "OOMKilled",
                "ExitCode",
                "Error",
            ],
        ),
        ("Config", &["ExposedPorts"]),
        (
            "HostConfig",
            &[
                "NanoCpus",
                "CpuQuota",
                "CpuPeriod",
                "Memory",
                "NetworkMode",
                "Links",
                "PortBindings",
            ],
        ),
        ("NetworkSettings", &["Ports", "Networks"]),
    ];
    keep(
        &mut whole,
        &[
            "Id",
            "Name",
            "State",
            "Config",
            "HostConfig",
            "NetworkSettings",
        ],
    );
    for (part, fields) in looked_at {
        if let Some(part) = whole.get_mut(part).and_then(Value::as_object_mut) {
            keep(part, fields);
        }
    }
    let known: ContainerInspectResponse = serde_json::from_value(Value::Object(whole))?;
    Inspected::try_from(known)
}

impl Inspected {
    pub(super) fn own_name(&self) -> &str {
        self.name.strip_prefix('/').unwrap_or(&self.name)
    }

    pub(super) fn is_running(&self) -> bool {
        self.state.running.unwrap_or_default()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.state.paused.unwrap_or_default()
    }

    pub(super) fn is_restarting(&self) -> bool {
        self.state.restarting.unwrap_or_default()
    }

    /// `exited at once with code 137 (out of memory): the engine's own error`
    pub(super) fn end(&self) -> String {
        let code = self.state.exit_code.unwrap_or_default();
        let mut message = format!("exited at once with code {code}");
        if self.state.oom_killed.unwrap_or_default() {
            message.push_str(" (out of memory)");
        }
        if let Some(error) = self.state.error.as_deref().filter(|it| !it.is_empty()) {
            message.push_str(&format!(": {error}"));
        }
        message
    }
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
pub(super) fn event(event: EventMessage) -> Option<Told> {
    if event
        .typ
        .is_some_and(|kind| kind != EventMessageTypeEnum::CONTAINER)
    {
        return None;
    }
    let actor = event.actor?;
    let attribute = |name: &str| {
        let value = actor.attributes.as_ref()?.get(name)?;
        Some(value.strip_prefix('/').unwrap_or(value).to_owned())
    };
    let id = actor.id.clone();
    let action = event.action?;
    match action.split(':').next().unwrap_or_default() {
        "create" | "start" | "restart" | "die" | "died" | "stop" | "pause" | "unpause"
        | "health_status" => id.map(|id| Told::Look { id }),
        "destroy" | "remove" => attribute("name").map(|name| Told::Gone { name }),
        "rename" => match (id, attribute("oldName")) {
            (Some(id), Some(before)) => Some(Told::Renamed { id, before }),
            (Some(id), None) => Some(Told::Look { id }),
            (None, _) => None,
        },
        _ => None,
    }
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

/// The last lines of an output, and of them at most so many bytes.
pub(super) fn last_words(output: &[Bytes], lines: usize, bytes: usize) -> String {
    let text = output.concat();
    let from = text.len().saturating_sub(bytes);
    let text = String::from_utf8_lossy(&text[from..]);
    let text = text.trim_end();
    let begin = text.rmatch_indices('\n').nth(lines.saturating_sub(1));
    text[begin.map_or(0, |(at, _)| at + 1)..].to_owned()
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
