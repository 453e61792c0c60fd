//! An engine's data with the image and the containers in it, made once and copied for every lab.

use anyhow::Context;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::container::{create, definition};
use super::socket;
use crate::homelab::{Container, Docker, DockerAccess, Machine};
use crate::instance::Instance;
use crate::prepare::{self, Access};
use crate::process::{Process, run, wait_for};
use crate::{cache, http, machine};

const READY_LIMIT: Duration = Duration::from_secs(60);

/// An engine's data with the image and these containers in it, made on first use: an engine that starts on a copy of it is
/// ready at once, and nobody ever sees it without its containers.
pub(super) fn template(
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

pub(super) fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    anyhow::ensure!(
        status.success(),
        "cp {} {}: {status}",
        from.display(),
        to.display()
    );
    Ok(())
}
