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
use crate::lab::{Lab, Options};
use crate::machine::{Command, Guest};
use crate::network::written;
use crate::{cache, prepare};

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
        shared.change(&name, |view| view.proxmox = Some(line.clone()));
        shared.tell(&name, What::ProxmoxReady);
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

/// What the Proxmox API of a machine believes of a guest.
#[derive(Clone, PartialEq, Eq, Debug, serde::Deserialize)]
pub struct GuestStatus {
    pub name: String,
    pub node: String,
    /// `running` or `stopped`.
    pub status: String,
    pub lock: Option<String>,
}

/// The hidden side of a machine's Proxmox API: to look at what it believes and to break it. It must be on.
pub struct Proxmox<'lab> {
    lab: &'lab Lab,
    machine: String,
}

impl Lab {
    /// # Panics
    /// When this machine has no Proxmox API.
    pub fn proxmox(&self, machine: &str) -> Proxmox<'_> {
        let has = self.machine(machine).proxmox.is_some();
        assert!(has, "{machine} has no Proxmox API");
        let machine = machine.to_owned();
        Proxmox { lab: self, machine }
    }

    /// What the Proxmox API that hosts this guest believes: `running` or `stopped`; `off` while the host is off.
    ///
    /// # Errors
    /// When no machine hosts such a guest, or its API does not answer.
    pub async fn guest_status(&self, vmid: u32) -> anyhow::Result<String> {
        let mut machines = self.homelab().machines.iter();
        let host = machines.find_map(|machine| match &machine.host {
            Some((host, number)) if *number == vmid => Some(host),
            Some(_) | None => None,
        });
        let host = host.with_context(|| format!("no guest {vmid} in the lab"))?;
        if !self.is_on(host) {
            return Ok("off".to_owned());
        }
        Ok(self.proxmox(host).guest(vmid).await?.status)
    }
}

impl Proxmox<'_> {
    /// # Errors
    /// As all methods: when the machine is off, or the API program refuses.
    pub async fn guest(&self, vmid: u32) -> anyhow::Result<GuestStatus> {
        let answer = self.ask(json!({ "do": "guest", "vmid": vmid })).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Locks the guest as a running backup does (`Some("backup")`), or unlocks it.
    pub async fn lock(&self, vmid: u32, lock: Option<&str>) -> anyhow::Result<()> {
        self.set(vmid, json!({ "lock": lock })).await
    }

    /// The guest does not react to a shutdown: the task waits for its timeout and fails.
    pub async fn ignore_shutdown(&self, vmid: u32, ignore: bool) -> anyhow::Result<()> {
        // A container's clean shutdown has no such switch: it takes longer than any timeout.
        let seconds = if ignore {
            1e6
        } else {
            self.lab.inner.options.guest_shutdown.as_secs_f64()
        };
        self.set(vmid, json!({ "acpi": !ignore, "shutdown_secs": seconds }))
            .await
    }

    /// How long the guest's start and shutdown tasks take from now on.
    pub async fn take(&self, vmid: u32, start: Duration, shutdown: Duration) -> anyhow::Result<()> {
        let values =
            json!({ "start_secs": start.as_secs_f64(), "shutdown_secs": shutdown.as_secs_f64() });
        self.set(vmid, values).await
    }

    /// The guest's start task ends with `TASK ERROR: message`; `None` heals it.
    pub async fn fail_start(&self, vmid: u32, message: Option<&str>) -> anyhow::Result<()> {
        self.set(vmid, json!({ "start_error": message })).await
    }

    /// Extra fields of `status/current` and `/cluster/resources`, for example `{"netin": 123456}`.
    pub async fn stats(&self, vmid: u32, values: Value) -> anyhow::Result<()> {
        let request = json!({ "do": "stats", "vmid": vmid, "values": values });
        self.ask(request).await.map(drop)
    }

    /// Requests whose path ends so are answered with this status and message, until [`Proxmox::heal`].
    pub async fn fail(
        &self,
        method: &str,
        path: &str,
        status: u16,
        message: &str,
    ) -> anyhow::Result<()> {
        let arguments = json!([method, path, status, message]);
        self.call("fail", arguments).await.map(drop)
    }

    /// Every login ticket is forgotten: the next request with one gets 401.
    pub async fn revoke_tickets(&self) -> anyhow::Result<()> {
        self.call("revoke_tickets", json!([])).await.map(drop)
    }

    /// The token has only these privileges, on `/`; see [`PRIVILEGES`] for what WakeHub needs.
    pub async fn limit_token(&self, privileges: &[&str]) -> anyhow::Result<()> {
        let request = json!({ "do": "limit", "token": TOKEN_ID, "privileges": privileges });
        self.ask(request).await.map(drop)
    }

    /// The token's secret part becomes another one.
    pub async fn replace_token(&self, secret: &str) -> anyhow::Result<()> {
        let value = json!({ TOKEN_ID: secret });
        let request = json!({ "do": "attribute", "name": "apitokens", "value": value });
        self.ask(request).await.map(drop)
    }

    /// A share of the requests (0 to 1) is reset, another hangs.
    pub async fn flaky(&self, dropped: f64, hung: f64) -> anyhow::Result<()> {
        self.call("flaky_network", json!([dropped, hung]))
            .await
            .map(drop)
    }

    /// Every answer is late by this.
    pub async fn slow(&self, latency: Duration) -> anyhow::Result<()> {
        let arguments = json!([latency.as_secs_f64()]);
        self.call("slow_network", arguments).await.map(drop)
    }

    /// Undoes `fail`, `limit_token`, `flaky` and `slow`.
    pub async fn heal(&self) -> anyhow::Result<()> {
        self.ask(json!({ "do": "heal" })).await.map(drop)
    }

    /// The SHA-256 of the certificate, in lower-case hexadecimal without separators.
    pub async fn fingerprint(&self) -> anyhow::Result<String> {
        let answer = self.ask(json!({ "do": "fingerprint" })).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// The API comes back with another certificate; gives its fingerprint.
    pub async fn change_certificate(&self) -> anyhow::Result<String> {
        let answer = self.ask(json!({ "do": "new_certificate" })).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Method and path of every request so far, oldest first.
    pub async fn requests(&self) -> anyhow::Result<Vec<(String, String)>> {
        let answer = self.ask(json!({ "do": "requests" })).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Calls any method of fakepve's `FakePve` by name.
    pub async fn call(&self, name: &str, arguments: Value) -> anyhow::Result<Value> {
        let request = json!({ "do": "call", "name": name, "arguments": arguments });
        self.ask(request).await
    }

    async fn set(&self, vmid: u32, values: Value) -> anyhow::Result<()> {
        let request = json!({ "do": "set", "vmid": vmid, "values": values });
        self.ask(request).await.map(drop)
    }

    async fn ask(&self, request: Value) -> anyhow::Result<Value> {
        let line = self.lab.look(&self.machine, |view| view.proxmox.clone());
        let line = line.with_context(|| format!("the Proxmox API of {} is off", self.machine))?;
        line.ask(request).await
    }
}
