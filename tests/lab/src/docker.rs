//! Docker engines: their containers, which are made once and kept in the cache, their certificates, and what happens in
//! them, read from the engine's own event stream.

use anyhow::Context;
use rustix::process::Signal;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::sleep;

use crate::event::{Shared, What};
use crate::homelab::{Container, Docker, DockerAccess, Machine};
use crate::http;
use crate::instance::Instance;
use crate::lab::Lab;
use crate::prepare::Access;

mod certificates;
mod container;
mod template;

/// The one image there is; nothing can be pulled.
pub const IMAGE: &str = "lab:1";

/// The engine's local socket, from the host's side.
pub(crate) fn socket(control: &Path) -> PathBuf {
    control.join("docker.sock")
}

/// Gives the machine an engine that knows its containers from the first moment on.
pub(crate) fn files(
    instance: &Instance,
    machine: &Machine,
    docker: &Docker,
    directory: &Path,
    access: &Access,
) -> anyhow::Result<()> {
    let template = template::template(instance, &docker.containers, access)?;
    template::copy_folder(&template, &directory.join("docker"))?;
    match docker.access {
        DockerAccess::Tls => {
            let address = instance.address(machine.last_byte).to_string();
            certificates::make(&directory.join("lab/tls"), &machine.name, &address)
        }
        DockerAccess::Plain | DockerAccess::Ssh => Ok(()),
    }
}

/// Follows the engine of a machine from its boot to its end, over restarts of the engine.
pub(crate) async fn follow(shared: Arc<Shared>, control: PathBuf, name: String) {
    let socket = socket(&control);
    loop {
        if let Ok(mut stream) = UnixStream::connect(&socket).await {
            // HTTP/1.0: the answer is the bare stream of lines, without chunks.
            let request = "GET /events?filters={%22type%22:[%22container%22]} HTTP/1.0\r\n\r\n";
            if stream.write_all(request.as_bytes()).await.is_ok() {
                events(&shared, &name, stream).await;
            }
            shared.change(&name, |view| view.docker_ready = false);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn events(shared: &Shared, name: &str, stream: UnixStream) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with("HTTP/") && line.contains(" 200 ") {
            shared.become_known(name, What::DockerReady, |view| view.docker_ready = true);
        }
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        let container = event["Actor"]["Attributes"]["name"]
            .as_str()
            .unwrap_or_default();
        match event["Action"].as_str() {
            Some("start") => shared.tell(name, What::ContainerStarted(container.to_owned())),
            Some("die") => shared.tell(name, What::ContainerStopped(container.to_owned())),
            Some(_) | None => {}
        }
    }
}

impl Lab {
    /// What the engine itself says: `created`, `running`, `exited`, …; `off` while it does not run.
    ///
    /// # Errors
    /// When it does not know such a container.
    pub async fn container_state(&self, host: &str, name: &str) -> anyhow::Result<String> {
        if !self.look(host, |view| view.docker_ready) {
            return Ok("off".to_owned());
        }
        let answer = self.container(host, name).await?;
        let status = answer["State"]["Status"].as_str();
        Ok(status.context("a container without a state")?.to_owned())
    }

    /// The engine's whole answer about a container (`GET /containers/NAME/json`).
    ///
    /// # Errors
    /// When the engine does not answer, or does not know such a container.
    pub async fn container(&self, host: &str, name: &str) -> anyhow::Result<Value> {
        let path = format!("/containers/{name}/json");
        Ok(serde_json::from_str(
            &self.docker(host, "GET", &path).await?,
        )?)
    }

    /// Starts a container behind WakeHub's back.
    ///
    /// # Errors
    /// When the engine does not answer, or refuses.
    pub async fn start_container(&self, host: &str, name: &str) -> anyhow::Result<()> {
        let path = format!("/containers/{name}/start");
        self.docker(host, "POST", &path).await.map(drop)
    }

    /// Stops a container behind WakeHub's back.
    ///
    /// # Errors
    /// When the engine does not answer, or refuses.
    pub async fn stop_container(&self, host: &str, name: &str) -> anyhow::Result<()> {
        let path = format!("/containers/{name}/stop");
        self.docker(host, "POST", &path).await.map(drop)
    }

    /// Removes a container, running or not.
    ///
    /// # Errors
    /// When the engine does not answer, or refuses.
    pub async fn remove_container(&self, host: &str, name: &str) -> anyhow::Result<()> {
        let path = format!("/containers/{name}?force=true");
        self.docker(host, "DELETE", &path).await.map(drop)
    }

    /// Makes another container on an engine that runs.
    ///
    /// # Errors
    /// When the engine does not answer, or refuses.
    pub async fn create_container(&self, host: &str, container: Container) -> anyhow::Result<()> {
        let socket = self.docker_socket(host);
        self.blocking(move || container::create(&socket, &container))
            .await
    }

    /// Any request without a body to a machine's engine; gives the body of the answer.
    ///
    /// # Errors
    /// When the engine does not answer, or answers with a status of 400 or more.
    pub async fn docker(&self, host: &str, method: &str, path: &str) -> anyhow::Result<String> {
        let socket = self.docker_socket(host);
        let (method, path) = (method.to_owned(), path.to_owned());
        self.blocking(move || http::send(&socket, &method, &path, "application/json", b""))
            .await
    }

    /// Restarts a machine's engine and waits until it is ready again: in an orderly way, which stops its containers, or
    /// with `kill` as if it had crashed.
    ///
    /// # Errors
    /// When it does not run, or is not ready again within two minutes.
    pub async fn restart_docker(&self, host: &str, kill: bool) -> anyhow::Result<()> {
        let engines = self.processes(host, "dockerd");
        anyhow::ensure!(!engines.is_empty(), "no dockerd runs on {host}");
        let signal = if kill { Signal::KILL } else { Signal::TERM };
        for engine in &engines {
            engine.signal(signal);
        }
        let what = format!("{host} has another Docker engine");
        self.wait_until(Duration::from_secs(120), &what, |lab| {
            !engines.iter().any(|engine| engine.alive()) && lab.is_ready(host)
        })
        .await
    }

    /// The engine's local socket, as seen from this computer.
    pub fn docker_socket(&self, host: &str) -> PathBuf {
        socket(&self.directory().join(host).join("lab"))
    }
}
