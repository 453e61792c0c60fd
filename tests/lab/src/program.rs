//! The command line of `lab`.

use anyhow::Context;
use clap::Parser;
use std::future::pending;
use std::io::{self, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use wakehub_lab::{Fault, Homelab, Kind, Lab, MORE, Options};

/// A real homelab on this computer: machines in network namespaces that are off until a magic packet arrives, then run
/// OpenSSH, Docker and a Proxmox API. Needs root. It goes away on Ctrl-C.
#[derive(Parser, Debug)]
#[command(name = "lab")]
struct Arguments {
    /// Where homelab.toml, the SSH key and the certificates are written.
    #[arg(long, value_name = "FOLDER", default_value = ".lab")]
    folder: PathBuf,
    /// Only these machines and guests of the reference homelab, separated by commas; their hosts come along.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// These run from the beginning.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    on: Vec<String>,
    /// So many LXCs more on machine2, at most 100.
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=100))]
    more: u8,
    /// From the magic packet to sshd, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.5)]
    boot: f64,
    /// From `poweroff` until a machine goes down, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.3)]
    off: f64,
    /// What a Proxmox guest takes to start and to shut down, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    guest: f64,
}

pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(reason) = Lab::skip_reason() {
        return fail(&anyhow::anyhow!("the lab cannot run here: {reason}"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    // A terminal that is gone cannot be told.
    let _ = writeln!(io::stderr(), "lab: {error:#}");
    ExitCode::FAILURE
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let homelab = homelab(&arguments)?;
    let seconds = |seconds: f64| {
        Duration::try_from_secs_f64(seconds).with_context(|| format!("{seconds} seconds"))
    };
    let options = Options {
        homelab,
        boot_delay: seconds(arguments.boot)?,
        off_delay: seconds(arguments.off)?,
        guest_start: seconds(arguments.guest)?,
        guest_shutdown: seconds(arguments.guest)?,
        on: arguments.on,
        end_on_signals: false,
        ..Options::default()
    };
    // Before the lab is there: an early Ctrl-C waits until there is something to take away.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let lab = Lab::start(options).await?;
    let file = lab.write_homelab_toml(&arguments.folder)?;
    introduce(&lab, &file)?;
    let mut lines = lines_of_input();
    let mut order: Pin<Box<dyn Future<Output = anyhow::Result<()>> + '_>> = Box::pin(pending());
    let mut busy = false;
    let mut seen = 0;
    loop {
        tokio::select! {
            events = lab.events_after(seen) => {
                seen += events.len();
                for event in events {
                    say(&event.to_string())?;
                }
            }
            Some(line) = lines.recv(), if !busy => {
                order = Box::pin(obey(&lab, line));
                busy = true;
            }
            result = &mut order, if busy => {
                busy = false;
                if let Err(error) = result {
                    say(&format!("{error:#}"))?;
                }
            }
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = hang_up.recv() => break,
        }
    }
    drop(order);
    say("taking the lab away")?;
    drop(lab);
    Ok(())
}

fn homelab(arguments: &Arguments) -> anyhow::Result<Homelab> {
    let homelab = Homelab::reference().with_more("machine2", arguments.more);
    for name in arguments.only.iter().chain(&arguments.on) {
        anyhow::ensure!(
            homelab.machine(name).is_some(),
            "there is no machine {name}"
        );
    }
    if arguments.only.is_empty() {
        return Ok(homelab);
    }
    let mut names: Vec<&str> = arguments.only.iter().map(String::as_str).collect();
    names.extend(
        homelab
            .machines
            .iter()
            .map(|machine| machine.name.as_str())
            .filter(|name| name.starts_with(MORE)),
    );
    Ok(homelab.clone().only(&names))
}

fn introduce(lab: &Lab, file: &std::path::Path) -> anyhow::Result<()> {
    for machine in &lab.homelab().machines {
        let name = &machine.name;
        let how = match (machine.kind, &machine.host) {
            (Kind::Machine, _) => format!("wakes by {}", lab.mac(name)),
            (Kind::Vm, Some((host, vmid))) => format!("VM {vmid} of {host}"),
            (Kind::Lxc, Some((host, vmid))) => format!("LXC {vmid} of {host}"),
            (Kind::Vm | Kind::Lxc, None) => "a guest without a host".to_owned(),
        };
        let mut offers = vec!["SSH".to_owned()];
        if let Some(node) = &machine.proxmox {
            offers.push(format!("Proxmox {node} on 8006"));
        }
        if let Some(docker) = &machine.docker {
            let names = docker
                .containers
                .iter()
                .map(|container| container.name.as_str());
            let names: Vec<&str> = names.collect();
            offers.push(format!(
                "Docker ({:?}) with {}",
                docker.access,
                names.join(", ")
            ));
        }
        if let Some(port) = machine.http_port {
            offers.push(format!("HTTP on {port}"));
        }
        let address = lab.address(name).to_string();
        say(&format!(
            "{name:<18} {address:<13} {how:<32} {}",
            offers.join(", ")
        ))?;
    }
    say("")?;
    say(&format!("homelab.toml   {}", file.display()))?;
    let key = lab.key_file().display();
    say(&format!(
        "SSH            ssh -i {key} root@{}",
        lab.address(&lab.homelab().machines[0].name)
    ))?;
    say(&format!(
        "magic packets  to {} port 9, over {}",
        lab.broadcast(),
        lab.interface()
    ))?;
    for (node, secret, value) in lab.secrets() {
        say(&format!(
            "secret         printf %s {value} | wakehub secret set {node} {secret}"
        ))?;
    }
    say("")?;
    say("Here: on NAME, off NAME, cut NAME, break NAME FAULT, heal NAME. Ctrl-C ends the lab.")?;
    say("")
}

/// Read by a thread that may block for ever: it ends with the program.
fn lines_of_input() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

async fn obey(lab: &Lab, line: String) -> anyhow::Result<()> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if let [_, name, ..] = words[..] {
        anyhow::ensure!(
            lab.homelab().machine(name).is_some(),
            "there is no machine {name}"
        );
    }
    match words[..] {
        [] => Ok(()),
        ["on", name] => lab.power_on(name).await,
        ["off", name] => lab.shut_down(name).await,
        ["cut", name] => lab.cut_power(name).await,
        ["heal", name] => lab.heal(name),
        ["break", name, fault] => lab.inject(name, self::fault(fault)?),
        _ => anyhow::bail!("not understood: {line}"),
    }
}

fn fault(name: &str) -> anyhow::Result<Fault> {
    Ok(match name {
        "ssh-hangs" => Fault::SshHangs,
        "docker-hangs" => Fault::DockerHangs,
        "refuses" => Fault::PortRefuses(22),
        "resets" => Fault::PortResets(22),
        "drops" => Fault::DropsAll,
        "unplugged" => Fault::Unplugged,
        "never-wakes" => Fault::NeverWakes,
        "refuses-shutdown" => Fault::RefusesShutdown,
        "ignores-shutdown" => Fault::IgnoresShutdown,
        _ => anyhow::bail!(
            "no fault {name}; there are ssh-hangs, docker-hangs, refuses, resets, drops, unplugged, never-wakes, \
             refuses-shutdown, ignores-shutdown"
        ),
    })
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
