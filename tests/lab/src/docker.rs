//! Docker engines: their containers, which are made once and kept in the cache, their certificates, and what happens in
//! them, read from the engine's own event stream.

use anyhow::Context;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::sleep;

use crate::event::{Shared, What};
use crate::homelab::{Container, Docker, DockerAccess, Machine, Role};
use crate::http;
use crate::instance::Instance;
use crate::lab::Lab;
use crate::prepare::{self, Access};
use crate::process::{Process, run, wait_for};
use crate::{cache, machine};

/// The one image there is; nothing can be pulled.
pub const IMAGE: &str = "lab:1";

const READY_LIMIT: Duration = Duration::from_secs(60);

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
    let template = template(instance, &docker.containers, access)?;
    copy_folder(&template, &directory.join("docker"))?;
    match docker.access {
        DockerAccess::Tls => {
            let address = instance.address(machine.last_byte).to_string();
            certificates(&directory.join("lab/tls"), &machine.name, &address)
        }
        DockerAccess::Plain | DockerAccess::Ssh => Ok(()),
    }
}

/// An engine's data with the image and these containers in it, made on first use: an engine that starts on a copy of it is
/// ready at once, and nobody ever sees it without its containers.
fn template(
    instance: &Instance,
    containers: &[Container],
    access: &Access,
) -> anyhow::Result<PathBuf> {
    let version = run("dockerd", &["--version"], "")?;
    let definitions: Vec<Value> = containers.iter().map(definition).collect();
    let mut hasher = DefaultHasher::new();
    (&version, json!(definitions).to_string()).hash(&mut hasher);
    cache::once(&format!("docker-{:016x}", hasher.finish()), |folder| {
        let mut builder = Machine::new("builder", 254);
        builder.docker = Some(Docker {
            access: DockerAccess::Ssh,
            containers: Vec::new(),
        });
        let directory = instance.directory().join(&builder.name);
        prepare::machine_files(instance, &builder, &directory, access)?;
        fs::create_dir_all(directory.join("docker"))?;
        let namespace = instance.namespace(&builder.name);
        run("ip", &["netns", "add", &namespace], "")?;
        let made = build(instance, &builder, &directory, containers);
        if let Some(process) = Process::read(&directory.join("pid")) {
            process.signal(Signal::KILL);
        }
        made?;
        copy_folder(&directory.join("docker"), folder)?;
        run("ip", &["netns", "del", &namespace], "")?;
        fs::remove_dir_all(&directory)?;
        Ok(())
    })
}

fn build(
    instance: &Instance,
    builder: &Machine,
    directory: &Path,
    containers: &[Container],
) -> anyhow::Result<()> {
    let mut child = machine::first_process(instance, builder, directory)?.spawn()?;
    let outer = i32::try_from(child.id()).ok().and_then(Process::of);
    let outer = outer.context("the builder's first process ended at once")?;
    outer.write(&directory.join("pid"))?;
    let socket = socket(&directory.join("lab"));
    let ready = wait_for(READY_LIMIT, || http::get(&socket, "/_ping").is_ok());
    anyhow::ensure!(
        ready,
        "no Docker engine to make containers with: {}",
        log(directory)
    );
    let tar = image(&directory.join("image"))?;
    let path = "/images/create?fromSrc=-&repo=lab&tag=1";
    let answer = http::send(&socket, "POST", path, "application/x-tar", &tar)?;
    anyhow::ensure!(!answer.contains("\"error\""), "import the image: {answer}");
    for container in containers {
        create(&socket, container)?;
    }
    if let Some(init) = outer.first_child() {
        init.signal(Signal::TERM);
    }
    let ended = wait_for(READY_LIMIT, || !matches!(child.try_wait(), Ok(None)));
    anyhow::ensure!(ended, "the builder does not end");
    Ok(())
}

fn log(directory: &Path) -> String {
    let console = machine::tail(&directory.join("console.log"));
    let engine = machine::tail(&directory.join("lab/log/docker.log"));
    format!("{console} / {engine}")
}

/// busybox and its links, as a tar archive.
fn image(root: &Path) -> anyhow::Result<Vec<u8>> {
    let bin = root.join("bin");
    for folder in [&bin, &root.join("tmp"), &root.join("etc")] {
        fs::create_dir_all(folder)?;
    }
    let busybox = prepare::find_program("busybox").context("no busybox: install busybox-static")?;
    fs::copy(busybox, bin.join("busybox"))?;
    for name in [
        "sh", "httpd", "sleep", "wget", "nc", "cat", "ls", "echo", "mkdir", "true", "false", "dd",
        "ps", "top",
    ] {
        std::os::unix::fs::symlink("busybox", bin.join(name))?;
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n")?;
    let tar = Command::new("tar")
        .arg("-C")
        .arg(root)
        .args(["-c", "."])
        .stderr(Stdio::inherit())
        .output()
        .context("run tar")?;
    anyhow::ensure!(tar.status.success(), "tar: {}", tar.status);
    Ok(tar.stdout)
}

fn create(socket: &Path, container: &Container) -> anyhow::Result<()> {
    let path = format!("/containers/create?name={}", container.name);
    let body = definition(container).to_string();
    http::send(socket, "POST", &path, "application/json", body.as_bytes())
        .with_context(|| format!("make the container {}", container.name))
        .map(drop)
}

/// The body of `POST /containers/create` (Docker Engine API 1.41).
fn definition(container: &Container) -> Value {
    const SECOND: u64 = 1_000_000_000;
    let name = &container.name;
    // As the first process of a container a shell takes no signal that it does not ask for.
    let wait = "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done";
    let (command, check, port) = match container.role {
        Role::Sleeps => (wait.to_owned(), None, None),
        Role::Serves(port) => {
            let page = format!("mkdir -p /www; echo '{name} is on' >/www/index.html");
            let serve = format!("{page}; httpd -f -p 80 -h /www & {wait}");
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

/// An authority, a server certificate for this address and a client certificate, by the names that Docker gives them.
fn certificates(folder: &Path, name: &str, address: &str) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let path = |file: &str| folder.join(file).display().to_string();
    let new_key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    let openssl =
        |first: &[&str], rest: &[&str]| run("openssl", &[first, rest].concat(), "").map(drop);
    let (ca, ca_key) = (path("ca.pem"), path("ca-key.pem"));
    openssl(
        &["req", "-x509", "-days", "30", "-subj", "/CN=lab"],
        &[&new_key[..], &["-keyout", &ca_key, "-out", &ca]].concat(),
    )?;
    let alternative =
        format!("subjectAltName=IP:{address},DNS:{name}\nextendedKeyUsage=serverAuth\n");
    for (certificate, key, extensions) in [
        ("server-cert.pem", "server-key.pem", alternative.as_str()),
        ("cert.pem", "key.pem", "extendedKeyUsage=clientAuth\n"),
    ] {
        let (request, extension_file) = (path("request.csr"), path("extensions"));
        fs::write(&extension_file, extensions)?;
        let subject = format!("/CN={name}");
        openssl(
            &["req", "-subj", &subject],
            &[&new_key[..], &["-keyout", &path(key), "-out", &request]].concat(),
        )?;
        openssl(
            &[
                "x509", "-req", "-days", "30", "-in", &request, "-CA", &ca, "-CAkey", &ca_key,
            ],
            &[
                "-CAcreateserial",
                "-extfile",
                &extension_file,
                "-out",
                &path(certificate),
            ],
        )?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    anyhow::ensure!(
        status.success(),
        "cp {} {}: {status}",
        from.display(),
        to.display()
    );
    Ok(())
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
            shared.change(name, |view| view.docker_ready = true);
            shared.tell(name, What::DockerReady);
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
        self.blocking(move || create(&socket, &container)).await
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
