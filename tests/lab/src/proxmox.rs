//! The Proxmox API of a machine: fakepve (from PyPI, a test tool), run by a small Python program of ours in the machine's
//! namespace. When a guest runs by what that API believes, the lab switches its namespace on, and the reverse.

use anyhow::Context;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::event::{Power, Shared, What};
use crate::homelab::{Homelab, Kind, Machine};
use crate::instance::Instance;
use crate::lab::Options;
use crate::machine::{Command, Guest};
use crate::network::written;
use crate::{cache, prepare};

mod control;

pub use control::{GuestStatus, Proxmox};

/// The API token that homelab.toml names.
pub const TOKEN_ID: &str = "root@pam!wakehub";
/// Its secret part.
pub const TOKEN: &str = "5b1f0c3a-9d0e-4a57-8c55-0d1e7a3b2c11";
/// A user that logs in with a password.
pub const USER: &str = "root@pam";
pub const PASSWORD: &str = "lab-proxmox-c40d2b";

/// The least that WakeHub needs (DESIGN section 6).
pub const PRIVILEGES: [&str; 4] = ["Sys.Audit", "Sys.PowerMgmt", "VM.Audit", "VM.PowerMgmt"];

const SOCKET: &str = "pve.sock";

/// Writes the program and its configuration into what the machine sees as /run/lab.
pub(crate) fn files(
    instance: &Instance,
    options: &Options,
    machine: &Machine,
    node: &str,
    control: &Path,
) -> anyhow::Result<()> {
    let python = cache::python()?;
    let mut environment = fs::read_to_string(control.join("machine.env"))?;
    environment += &format!("PYTHON={}\n", python.display());
    fs::write(control.join("machine.env"), environment)?;
    fs::create_dir_all(control.join("pve"))?;
    prepare::program(&control.join("pve.py"), include_str!("../assets/pve.py"))?;
    let settings = json!({
        "address": instance.address(machine.last_byte).to_string(),
        "node": node,
        "user": USER,
        "password": PASSWORD,
        "tokens": { TOKEN_ID: TOKEN },
        "certificates": "/run/lab/pve",
        "socket": format!("/run/lab/{SOCKET}"),
        "start_secs": options.guest_start.as_secs_f64(),
        "shutdown_secs": options.guest_shutdown.as_secs_f64(),
        "guests": guests(instance, &options.homelab, machine),
    });
    fs::write(control.join("pve.json"), settings.to_string())?;
    Ok(())
}

fn guests(instance: &Instance, homelab: &Homelab, machine: &Machine) -> Vec<Value> {
    const GIB: u64 = 1 << 30;
    let guests = homelab.guests_of(&machine.name).enumerate();
    guests
        .map(|(order, (guest, vmid))| {
            let mac = written(instance.mac(guest.last_byte)).to_uppercase();
            let address = instance.address(guest.last_byte);
            let startup = format!("order={}", order + 1);
            let (kind, config) = match guest.kind {
                Kind::Lxc => {
                    let card = format!("name=eth0,bridge=vmbr0,hwaddr={mac},ip={address}/24");
                    ("lxc", json!({ "hostname": guest.name, "cores": 2, "memory": 1024, "net0": card, "startup": startup }))
                }
                Kind::Vm | Kind::Machine => {
                    let card = format!("virtio={mac},bridge=vmbr0");
                    ("qemu", json!({ "name": guest.name, "cores": 2, "memory": 2048, "net0": card, "startup": startup }))
                }
            };
            let memory = match guest.kind {
                Kind::Lxc => GIB,
                Kind::Vm | Kind::Machine => 2 * GIB,
            };
            json!({
                "vmid": vmid,
                "name": guest.name,
                "kind": kind,
                "config": config,
                "cable": instance.cable(guest.last_byte),
                "stats": { "cpus": 2, "maxcpu": 2, "maxmem": memory, "mem": memory / 4, "cpu": 0.01 },
            })
        })
        .collect()
}

type Answer = oneshot::Sender<Result<Value, String>>;
type Waiting = Arc<Mutex<BTreeMap<u64, Answer>>>;

/// The line to a machine's API program while that runs.
#[derive(Clone)]
pub(crate) struct Line {
    write: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    waiting: Waiting,
    last: Arc<AtomicU64>,
}

impl Line {
    pub(crate) async fn ask(&self, mut request: Value) -> anyhow::Result<Value> {
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        request["id"] = id.into();
        let (answer, answered) = oneshot::channel();
        lock(&self.waiting).insert(id, answer);
        let line = format!("{request}\n");
        self.write.lock().await.write_all(line.as_bytes()).await?;
        let answer = answered.await.context("the Proxmox API has ended")?;
        answer.map_err(anyhow::Error::msg)
    }
}

/// Follows the API of a machine from its boot to its end.
pub(crate) async fn follow(
    shared: Arc<Shared>,
    control: std::path::PathBuf,
    name: String,
    host: tokio::sync::mpsc::UnboundedSender<Command>,
    guests: Vec<Guest>,
) {
    loop {
        let stream = loop {
            match UnixStream::connect(control.join(SOCKET)).await {
                Ok(stream) => break stream,
                // Python takes a second to begin.
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        };
        let (read, write) = stream.into_split();
        let waiting = Waiting::default();
        let line = Line {
            write: Arc::new(tokio::sync::Mutex::new(write)),
            waiting: waiting.clone(),
            last: Arc::new(AtomicU64::new(1)),
        };
        shared.become_known(&name, What::ProxmoxReady, |view| {
            view.proxmox = Some(line.clone());
        });
        let mut lines = BufReader::new(read).lines();
        let mut changes = shared.subscribe();
        // Guests that the API believes to run and that have been seen up: when they go, they went by themselves.
        let mut up: BTreeMap<u32, bool> = BTreeMap::new();
        loop {
            let message: Value = tokio::select! {
                line = lines.next_line() => match line {
                    Ok(Some(line)) => serde_json::from_str(&line).unwrap_or_default(),
                    Ok(None) | Err(_) => break,
                },
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    for vmid in went_by_themselves(&shared, &guests, &mut up) {
                        let line = line.clone();
                        let request = json!({ "do": "set", "vmid": vmid, "values": { "status": "stopped" } });
                        // Its answer is read by this very loop.
                        tokio::spawn(async move { line.ask(request).await });
                    }
                    continue;
                }
            };
            if let Some(id) = message["id"].as_u64() {
                if let Some(answer) = lock(&waiting).remove(&id) {
                    let result = match message["error"].as_str() {
                        Some(error) => Err(error.to_owned()),
                        None => Ok(message["ok"].clone()),
                    };
                    // Whoever asked may have gone.
                    let _ = answer.send(result);
                }
                continue;
            }
            match message["event"].as_str() {
                Some("guest") => guest_changed(&shared, &guests, &message, &mut up),
                Some("node") => {
                    let command = message["command"].as_str().unwrap_or_default();
                    let what = format!("{command} by the Proxmox API");
                    shared.tell(&name, What::ShutdownAsked(what));
                    let _ = host.send(match command {
                        "reboot" => Command::Reboot,
                        _ => Command::ShutDown,
                    });
                }
                Some(_) | None => {}
            }
        }
        shared.change(&name, |view| view.proxmox = None);
    }
}

fn guest_changed(shared: &Shared, guests: &[Guest], message: &Value, up: &mut BTreeMap<u32, bool>) {
    let vmid = message["vmid"]
        .as_u64()
        .and_then(|vmid| u32::try_from(vmid).ok());
    let Some(guest) = guests.iter().find(|guest| Some(guest.vmid) == vmid) else {
        return;
    };
    let status = message["status"].as_str().unwrap_or_default().to_owned();
    let runs = status == "running";
    let vmid = guest.vmid;
    shared.tell(&guest.name, What::GuestStatus { vmid, status });
    // A lab that ends has no ears any more.
    let _ = if runs {
        up.insert(vmid, false);
        guest.commands.send(Command::PowerOn)
    } else {
        up.remove(&vmid);
        guest.commands.send(Command::ShutDown)
    };
}

fn went_by_themselves(shared: &Shared, guests: &[Guest], up: &mut BTreeMap<u32, bool>) -> Vec<u32> {
    let mut gone = Vec::new();
    for guest in guests {
        let Some(seen_up) = up.get_mut(&guest.vmid) else {
            continue;
        };
        match shared.look(&guest.name, |view| view.power) {
            Some(Power::On) => *seen_up = true,
            Some(Power::Off) if *seen_up => gone.push(guest.vmid),
            Some(Power::Off | Power::Starting | Power::Stopping | Power::Suspended) | None => {}
        }
    }
    for vmid in &gone {
        up.remove(vmid);
    }
    gone
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
