//! The lab's own thread: it makes everything, waits for the end, and takes everything away.

use anyhow::Context;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;
use tokio::runtime::{self, Handle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Inner, Options};
use crate::event::Shared;
use crate::instance::Instance;
use crate::machine::{Command, Guest, Machine};
use crate::prepare::{self, Access};
use crate::{docker, network, proxmox};

/// How long a lab's machines may take to end with it; what is left then is killed by pid.
const END_LIMIT: Duration = Duration::from_secs(5);

/// The lab's thread, from its beginning to its end.
pub(super) fn keep(
    options: Options,
    made: oneshot::Sender<anyhow::Result<Arc<Inner>>>,
    ended: oneshot::Receiver<()>,
) {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("lab-worker")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return drop(made.send(Err(error.into()))),
    };
    let end_on_signals = options.end_on_signals;
    let mut lives = JoinSet::new();
    let inner = match runtime.block_on(async { build(options, &mut lives) }) {
        Ok(inner) => inner,
        Err(error) => return drop(made.send(Err(error))),
    };
    let instance = inner.instance.clone();
    if made.send(Ok(inner.clone())).is_err() {
        instance.sweep();
        return;
    }
    let signalled = runtime.block_on(async {
        tokio::select! {
            _ = ended => None,
            number = told_to_end(), if end_on_signals => Some(number),
        }
    });
    runtime.block_on(async {
        for (_, commands) in &inner.commands {
            // A life that is over already needs no telling.
            let _ = commands.send(Command::End);
        }
        let all = async { while lives.join_next().await.is_some() {} };
        if timeout(END_LIMIT, all).await.is_err() {
            lives.abort_all();
        }
    });
    instance.sweep();
    runtime.shutdown_timeout(Duration::from_secs(1));
    if let Some(number) = signalled {
        std::process::exit(128 + number);
    }
}

/// Makes network, files and lives. What was made when something fails goes with the instance.
fn build(options: Options, lives: &mut JoinSet<()>) -> anyhow::Result<Arc<Inner>> {
    let options = Arc::new(options);
    let homelab = &options.homelab;
    let instance = Arc::new(Instance::claim()?);
    let directory = instance.directory();
    fs::create_dir_all(&directory)?;
    network::build(&instance, homelab)?;
    let access = Access::make(&directory)?;
    let names = homelab.machines.iter().map(|machine| machine.name.as_str());
    let shared = Arc::new(Shared::new(names));
    let mut commands = Vec::new();
    let mut receivers = Vec::new();
    for machine in &homelab.machines {
        let (sender, receiver) = unbounded_channel();
        commands.push((machine.name.clone(), sender));
        receivers.push(receiver);
    }
    for (description, receiver) in homelab.machines.iter().zip(receivers) {
        let own = directory.join(&description.name);
        prepare::machine_files(&instance, description, &own, &access)?;
        if let Some(node) = &description.proxmox {
            proxmox::files(&instance, &options, description, node, &own.join("lab"))?;
        }
        if let Some(docker) = &description.docker {
            docker::files(&instance, description, docker, &own, &access)?;
        }
        let sender_of = |name: &str| {
            let mut all = commands.iter();
            all.find_map(|(machine, sender)| (machine == name).then(|| sender.clone()))
        };
        let guests = homelab.guests_of(&description.name);
        let guests = guests.filter_map(|(guest, vmid)| {
            let name = guest.name.clone();
            let commands = sender_of(&name)?;
            Some(Guest {
                vmid,
                name,
                commands,
            })
        });
        let machine = Machine {
            description: description.clone(),
            directory: own,
            instance: instance.clone(),
            options: options.clone(),
            shared: shared.clone(),
            guests: guests.collect(),
            own: sender_of(&description.name).context("a machine without a line")?,
        };
        lives.spawn(machine.begin(receiver)?);
    }
    Ok(Arc::new(Inner {
        instance,
        options,
        shared,
        access,
        runtime: Handle::current(),
        keys: AtomicU32::new(0),
        commands,
    }))
}

async fn told_to_end() -> i32 {
    let listen = |kind: SignalKind| {
        let number = kind.as_raw_value();
        (signal(kind), number)
    };
    let [interrupt, terminate, hang_up] = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ]
    .map(listen);
    let wait = async |(stream, number): (std::io::Result<tokio::signal::unix::Signal>, i32)| {
        match stream {
            Ok(mut stream) => {
                stream.recv().await;
                number
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        number = wait(interrupt) => number,
        number = wait(terminate) => number,
        number = wait(hang_up) => number,
    }
}
