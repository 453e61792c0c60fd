//! What a container of the lab is to the engine.

use anyhow::Context;
use serde_json::{Value, json};
use std::path::Path;

use super::IMAGE;
use crate::homelab::{Container, Role};
use crate::http;
use crate::prepare::FILM;

pub(super) fn create(socket: &Path, container: &Container) -> anyhow::Result<()> {
    let path = format!("/containers/create?name={}", container.name);
    let body = definition(container).to_string();
    http::send(socket, "POST", &path, "application/json", body.as_bytes())
        .with_context(|| format!("make the container {}", container.name))
        .map(drop)
}

/// The body of `POST /containers/create` (Docker Engine API 1.41).
pub(super) fn definition(container: &Container) -> Value {
    const SECOND: u64 = 1_000_000_000;
    let name = &container.name;
    // As the first process of a container a shell takes no signal that it does not ask for.
    let wait = "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done";
    let (command, check, port) = match container.role {
        Role::Sleeps => (wait.to_owned(), None, None),
        Role::Serves(port) => {
            let page = format!("mkdir -p /www/cgi-bin; echo '{name} is on' >/www/index.html");
            let film = "/www/cgi-bin/film";
            let film = format!("cat >{film} <<'END'\n{FILM}END\nbusybox chmod 755 {film}");
            let serve = format!("{page}\n{film}\nhttpd -f -p 80 -h /www & {wait}");
            (serve, None, Some(port))
        }
        Role::Healthy => (wait.to_owned(), Some("true"), None),
        Role::Unhealthy => (wait.to_owned(), Some("false"), None),
        Role::ExitsAtOnce(code) => (format!("exit {code}"), None, None),
        Role::IgnoresStop => {
            let wait = "trap '' TERM; while :; do sleep 1; done";
            (wait.to_owned(), None, None)
        }
    };
    let mut labels = json!({});
    if let Some((project, service, depends_on)) = &container.compose {
        let depends_on: Vec<String> = depends_on
            .iter()
            .map(|service| format!("{service}:service_started:false"))
            .collect();
        labels = json!({
            "com.docker.compose.project": project,
            "com.docker.compose.service": service,
            "com.docker.compose.depends_on": depends_on.join(","),
            "com.docker.compose.container-number": "1",
            "com.docker.compose.oneoff": "False",
        });
    }
    let mut body = json!({
        "Image": IMAGE,
        "Hostname": name,
        "Cmd": ["sh", "-c", command],
        "Labels": labels,
        "HostConfig": { "RestartPolicy": { "Name": "no" } },
    });
    if let Some(program) = check {
        body["Healthcheck"] = json!({
            "Test": ["CMD", program],
            "Interval": SECOND,
            "Timeout": 10 * SECOND,
            "Retries": 1,
        });
    }
    if let Some(port) = port {
        body["ExposedPorts"] = json!({ "80/tcp": {} });
        body["HostConfig"]["PortBindings"] =
            json!({ "80/tcp": [{ "HostPort": port.to_string() }] });
    }
    body
}
