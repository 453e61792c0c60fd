//! A homelab that exists only in memory, behind the engine's [`World`]: it records what it is asked and fails on request.
//! It stands beside the lab, never in its place: what the platforms really do is tested there.

use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use wakehub_connectors::reach::Sighting;
use wakehub_connectors::{
    Change, Check, CheckKind, CheckOutcome, Connector, CpuUse, Discovered, GuestReport, Health,
    Own, Prober, Report, StopOptions, Target, Usage, Watch,
};
use wakehub_domain::Action;
use wakehub_domain::idle::{PastUse, ProbeAnswer};
use wakehub_domain::{
    Capability, ConnectionId, ConnectorError, ErrorKind, NodeKind, PowerState, Probe, Secret,
    SecretName,
};
use wakehub_engine::{
    Clock, ConnectionSpec, Handle, Options, ProberSpec, SecretError, SecretKey, SecretOf, Secrets,
    SystemClock, World,
};
use wakehub_view::wire::{Ask, CascadeStatus, CascadeView, NodeView, Power, Snapshot};

pub type Past = Arc<dyn Fn(&str) -> Vec<PastUse> + Send + Sync>;
pub type Hook = Arc<dyn Fn(&Sim) + Send + Sync>;

#[derive(Default)]
pub struct State {
    /// Names of machines and platform ids of guests that are on.
    pub on: BTreeSet<String>,
    /// `wake nas`, `stop 101`, in the order they arrived.
    pub asked: Vec<String>,
    /// The same, once it has happened.
    pub acted: Vec<String>,
    /// Called when a command arrives and again when it has happened.
    pub hook: Option<Hook>,
    /// What fails when it is asked, with which error.
    pub fails: BTreeMap<String, ConnectorError>,
    /// What never answers.
    pub hangs: BTreeSet<String>,
    /// What is asked but does not happen: a machine that never wakes.
    pub ignores: BTreeSet<String>,
    /// Containers with a health check, by name.
    pub health: BTreeMap<String, Health>,
    /// Hosts that tell changes by themselves.
    pub tells: BTreeSet<String>,
    /// Every time that somebody began to listen to such a host.
    pub listened: Vec<String>,
    /// Who listens now; the stream ends when this is dropped.
    pub ears: BTreeMap<String, (mpsc::Sender<Change>, oneshot::Sender<()>)>,
    /// Each command takes so long.
    pub delay: Duration,
    /// (host, kind, platform id, name)
    pub guests: Vec<(String, NodeKind, String, String)>,
    /// address to machine
    pub machines: BTreeMap<String, String>,
    /// Connections were refused on this address.
    pub refuses: BTreeSet<String>,
    /// What has a core in use, by its key.
    pub busy: BTreeSet<String>,
    /// What containers and others have received, by their key, where that is counted.
    pub received: BTreeMap<String, u64>,
    /// How often each host was asked what is on it, and how long it takes to answer.
    pub observed: BTreeMap<String, usize>,
    pub observing_takes: Duration,
    /// What services say of their use, by URL, and commands over SSH, by their text; those that are not here do not answer.
    pub services: BTreeMap<String, ProbeAnswer>,
    /// What Proxmox remembers of a guest.
    pub past: Option<Past>,
    /// TCP ports that accept connections.
    pub accepting: BTreeSet<u16>,
    /// Machines of one Proxmox cluster, with their names in it: the API of each lists the guests of all.
    pub cluster: BTreeMap<String, String>,
}

#[derive(Clone, Default)]
pub struct Sim(pub Arc<Mutex<State>>);

impl Sim {
    pub fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().expect("sim"))
    }

    pub fn asked(&self) -> Vec<String> {
        self.with(|state| state.asked.clone())
    }

    /// What the reference homelab's platforms know; all off.
    pub fn reference() -> Sim {
        let sim = Sim::default();
        sim.with(|state| {
            state.delay = Duration::from_millis(5);
            for (address, machine) in [
                ("10.77.0.1", "machine1"),
                ("10.77.0.2", "machine2"),
                ("10.77.0.3", "nas"),
                ("10.77.0.4", "raspberry"),
            ] {
                state
                    .machines
                    .insert(address.to_owned(), machine.to_owned());
            }
            for (host, kind, id, name) in [
                ("machine1", NodeKind::Vm, "100", "vm-docker"),
                ("machine1", NodeKind::Vm, "102", "vm-ubuntu"),
                ("machine2", NodeKind::Vm, "200", "vm-homeassistant"),
                ("machine2", NodeKind::Lxc, "101", "lxc-jellyfin"),
                ("machine2", NodeKind::Lxc, "103", "lxc-cloudflared"),
                ("100", NodeKind::Container, "jellystat", "jellystat"),
                ("100", NodeKind::Container, "sandbox", "sandbox"),
                ("100", NodeKind::Container, "qbittorrent", "qbittorrent"),
                ("raspberry", NodeKind::Container, "pihole", "pihole"),
                ("raspberry", NodeKind::Container, "nextcloud", "nextcloud"),
            ] {
                state
                    .guests
                    .push((host.to_owned(), kind, id.to_owned(), name.to_owned()));
            }
        });
        sim
    }

    /// `ask http://10.77.0.21:8096`
    async fn service(&self, name: &str) -> Result<ProbeAnswer, ConnectorError> {
        let (answer, hangs) = self.with(|state| {
            let asked = format!("ask {name}");
            let hangs = state.hangs.contains(&asked);
            state.asked.push(asked);
            (state.services.get(name).cloned(), hangs)
        });
        if hangs {
            std::future::pending::<()>().await;
        }
        answer.ok_or_else(|| ConnectorError::new(ErrorKind::Unreachable, "ask it", "nobody there"))
    }

    fn hooked(&self) {
        if let Some(hook) = self.with(|state| state.hook.clone()) {
            hook(self);
        }
    }

    pub fn switch(&self, name: &str, on: bool) {
        self.with(|state| {
            if on {
                state.on.insert(name.to_owned());
            } else {
                state.on.remove(name);
            }
        });
    }
}

struct SimConnector {
    sim: Sim,
    host: String,
    capability: Capability,
}

impl SimConnector {
    fn key(&self, target: &Target) -> String {
        match target {
            Target::Itself => self.host.clone(),
            Target::Guest { platform_id, .. } => platform_id.clone(),
        }
    }

    async fn command(&self, verb: &str, target: &Target, on: bool) -> Result<(), ConnectorError> {
        let key = self.key(target);
        let asked = format!("{verb} {key}");
        let (delay, failure, hangs, ignores) = self.sim.with(|state| {
            state.asked.push(asked.clone());
            (
                state.delay,
                state.fails.get(&asked).cloned(),
                state.hangs.contains(&asked),
                state.ignores.contains(&asked),
            )
        });
        if hangs {
            std::future::pending::<()>().await;
        }
        self.sim.hooked();
        tokio::time::sleep(delay).await;
        if let Some(error) = failure {
            return Err(error);
        }
        if !ignores {
            self.sim.switch(&key, on);
            self.sim.with(|state| state.acted.push(asked));
            self.sim.hooked();
        }
        Ok(())
    }
}

#[async_trait]
impl Connector for SimConnector {
    fn capability(&self) -> Capability {
        self.capability
    }

    async fn observe(&self) -> Result<Report, ConnectorError> {
        let takes = self.sim.with(|state| {
            *state.observed.entry(self.host.clone()).or_default() += 1;
            state.observing_takes
        });
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        self.sim.with(|state| {
            if let Some(error) = state.fails.get(&format!("observe {}", self.host)) {
                return Err(error.clone());
            }
            if !state.on.contains(&self.host) {
                return Err(ConnectorError::new(
                    ErrorKind::Unreachable,
                    format!("ask {}", self.host),
                    "no route to host",
                ));
            }
            let guests = state
                .guests
                .iter()
                .filter(|(host, kind, ..)| {
                    let is_of_cluster = [host, &self.host]
                        .iter()
                        .all(|machine| state.cluster.contains_key(*machine));
                    (*host == self.host || is_of_cluster)
                        && (*kind == NodeKind::Container)
                            == (self.capability == Capability::DockerApi)
                })
                .map(|(host, kind, id, name)| GuestReport {
                    health: state.health.get(name).copied(),
                    member: state.cluster.get(host).cloned(),
                    ..report(*kind, id, name, state.on.contains(id))
                })
                .collect();
            Ok(Report {
                itself: Some(PowerState::On),
                guests,
                complete: true,
            })
        })
    }

    async fn start(&self, target: &Target) -> Result<(), ConnectorError> {
        let verb = if self.capability == Capability::Wol {
            "wake"
        } else {
            "start"
        };
        self.command(verb, target, true).await
    }

    async fn stop(&self, target: &Target, _how: &StopOptions) -> Result<(), ConnectorError> {
        self.command("stop", target, false).await
    }

    async fn sample(&self, wanted: &[Target]) -> Result<Vec<Usage>, ConnectorError> {
        let asked = format!("sample {}", self.host);
        if self.sim.with(|state| state.hangs.contains(&asked)) {
            std::future::pending::<()>().await;
        }
        self.sim.with(|state| {
            state.asked.push(asked);
            if let Some(error) = state.fails.get(&format!("sample {}", self.host)) {
                return Err(error.clone());
            }
            let used = wanted.iter().map(|target| (target, self.key(target)));
            Ok(used
                .filter(|(_, key)| state.on.contains(key))
                .map(|(target, key)| Usage {
                    cpu: Some(CpuUse::Cores(f64::from(u8::from(
                        state.busy.contains(&key),
                    )))),
                    rx_bytes: state.received.get(&key).copied(),
                    tx_bytes: state.received.get(&key).copied(),
                    ..Usage::new(target.clone())
                })
                .collect())
        })
    }

    async fn past(&self, target: &Target, _back: Duration) -> Result<Vec<PastUse>, ConnectorError> {
        let key = self.key(target);
        let asked = format!("past {key}");
        if self.sim.with(|state| state.hangs.contains(&asked)) {
            std::future::pending::<()>().await;
        }
        self.sim.with(|state| {
            let failure = state.fails.get(&asked).cloned();
            state.asked.push(asked);
            match failure {
                Some(error) => Err(error),
                None => Ok(state.past.as_ref().map_or_else(Vec::new, |past| past(&key))),
            }
        })
    }

    async fn ask(&self, command: &str) -> Result<ProbeAnswer, ConnectorError> {
        self.sim.service(command).await
    }

    async fn discover(&self) -> Result<Vec<Discovered>, ConnectorError> {
        Ok(self
            .observe()
            .await?
            .guests
            .into_iter()
            .map(|report| Discovered {
                report,
                addresses: Vec::new(),
                ports: vec![8096],
                image: None,
                compose_project: None,
                compose_service: None,
                cores: None,
                memory: None,
                suggested_dependencies: Vec::new(),
            })
            .collect())
    }

    async fn test(&self, checks: &mpsc::Sender<Check>) {
        let _ = checks
            .send(Check {
                what: CheckKind::Reachable,
                outcome: CheckOutcome::Passed,
                detail: self.host.clone(),
                advice: None,
                presented: None,
                took: Duration::ZERO,
            })
            .await;
    }

    async fn watch(&self, changes: &mpsc::Sender<Change>) -> Result<Watch, ConnectorError> {
        let (end, ended) = oneshot::channel();
        let offered = self.sim.with(|state| {
            let offered =
                self.capability == Capability::DockerApi && state.tells.contains(&self.host);
            if offered {
                state.listened.push(self.host.clone());
                state.ears.insert(self.host.clone(), (changes.clone(), end));
            }
            offered
        });
        if !offered {
            return Ok(Watch::NotOffered);
        }
        self.sim.hooked();
        let _ = ended.await;
        Ok(Watch::Ended)
    }

    async fn close(&self) {}
}

pub fn report(kind: NodeKind, id: &str, name: &str, on: bool) -> GuestReport {
    GuestReport {
        kind,
        platform_id: id.to_owned(),
        name: name.to_owned(),
        state: if on { PowerState::On } else { PowerState::Off },
        health: None,
        note: None,
        lock: None,
        member: None,
        identity: None,
    }
}

#[async_trait]
impl World for Sim {
    fn connector(&self, spec: &ConnectionSpec) -> Result<Arc<dyn Connector>, ConnectorError> {
        let host = match spec.node.kind {
            NodeKind::Machine => spec.node.name.clone(),
            NodeKind::Vm | NodeKind::Lxc | NodeKind::Container => {
                spec.node.platform_id.clone().unwrap_or_default()
            }
        };
        Ok(Arc::new(SimConnector {
            sim: self.clone(),
            host,
            capability: spec.capability,
        }))
    }

    async fn look(&self, address: &str, _port: u16) -> Sighting {
        self.with(|state| {
            let machine = state.machines.get(address).cloned().unwrap_or_default();
            if state.refuses.contains(address) {
                Sighting::Refuses {
                    why: "connection refused".to_owned(),
                }
            } else if state.on.contains(&machine) {
                Sighting::Answers {
                    port_open: true,
                    how: "tcp".to_owned(),
                }
            } else {
                Sighting::Silent {
                    evidence: "nobody answers for the address".to_owned(),
                }
            }
        })
    }

    async fn probe(&self, _probe: &Probe, _address: Option<&str>) -> Result<(), String> {
        Ok(())
    }

    fn prober(&self, spec: &ProberSpec) -> Result<Arc<dyn Prober>, ConnectorError> {
        let url = spec.probe.url().unwrap_or_default().to_owned();
        let secret = spec.secret.as_ref().map_or("none", Secret::expose);
        self.with(|state| state.asked.push(format!("make {url} with {secret}")));
        Ok(Arc::new(SimProber {
            sim: self.clone(),
            url,
        }))
    }

    async fn accepts(&self, address: &str, port: u16) -> Result<bool, String> {
        Ok(self.with(|state| {
            state.asked.push(format!("try {address} {port}"));
            state.accepting.contains(&port)
        }))
    }

    fn forget(&self, _connection: ConnectionId) {}
}

struct SimProber {
    sim: Sim,
    url: String,
}

#[async_trait]
impl Prober for SimProber {
    async fn ask(&self) -> Result<ProbeAnswer, ConnectorError> {
        self.sim.service(&self.url).await
    }

    fn traffic(&self) -> Own {
        Own::default()
    }
}

/// Keeps secrets in memory.
#[derive(Default)]
pub struct Pocket(Mutex<BTreeMap<SecretKey, String>>);

#[async_trait]
impl Secrets for Pocket {
    async fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        let kept = self.0.lock().expect("pocket").get(key).cloned();
        // the reference homelab is complete unless a test says otherwise
        let usual = match &key.of {
            SecretOf::Node { name, .. } => Some(match name {
                SecretName::ProxmoxToken => "token",
                SecretName::SshPassword
                | SecretName::SshPassphrase
                | SecretName::JumpPassword
                | SecretName::JumpPassphrase
                | SecretName::ProxmoxPassword
                | SecretName::WolPassword
                | SecretName::Probe => "secret",
            }),
            SecretOf::ApiToken(_) => None,
        };
        Ok(kept.or(usual.map(str::to_owned)).map(Secret::new))
    }

    async fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretError> {
        self.0
            .lock()
            .expect("pocket")
            .insert(key.clone(), secret.expose().to_owned());
        Ok(())
    }

    async fn remove(&self, key: &SecretKey) -> Result<(), SecretError> {
        self.0.lock().expect("pocket").remove(key);
        Ok(())
    }
}

/// The reference homelab of the design, all off.
pub const REFERENCE: &str = include_str!("reference.toml");

pub struct Home {
    pub sim: Sim,
    pub handle: Handle,
    pub folder: Arc<TempDir>,
}

impl Home {
    pub async fn reference() -> Home {
        let home = Home::empty().await;
        home.handle
            .import(REFERENCE.to_owned())
            .await
            .expect("reference");
        home.settled().await;
        home
    }

    pub async fn empty() -> Home {
        let sim = Sim::reference();
        let folder = Arc::new(TempDir::new().expect("folder"));
        let handle = open(&sim, &folder).await;
        Home {
            sim,
            handle,
            folder,
        }
    }

    /// The same homelab and data directory under a new engine.
    pub async fn reopened(self) -> Home {
        let Home {
            sim,
            handle,
            folder,
        } = self;
        handle.shut_down().await;
        drop(handle);
        let handle = open(&sim, &folder).await;
        let home = Home {
            sim,
            handle,
            folder,
        };
        home.settled().await;
        home
    }

    /// Until every node has been seen.
    pub async fn settled(&self) {
        self.wait_for("all nodes seen", |snapshot| {
            let mut nodes = snapshot.nodes.iter();
            !snapshot.nodes.is_empty() && nodes.all(|n| n.power != Power::Unknown)
        })
        .await;
    }

    pub async fn wait_for(&self, what: &str, seen: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut snapshots = self.handle.snapshots();
        let found = snapshots.wait_for(|snapshot| seen(snapshot));
        match tokio::time::timeout(Duration::from_secs(60), found).await {
            Ok(Ok(snapshot)) => return snapshot.clone(),
            Ok(Err(_)) => panic!("the engine ended while waiting for {what}"),
            Err(_) => {}
        }
        let last = self.handle.snapshot();
        panic!(
            "never saw {what}; last: {last:?}; asked: {:?}",
            self.sim.asked()
        );
    }

    /// Previews until the node is seen so: a preview looks at what was not seen for three seconds.
    pub async fn wait_and_look(&self, name: &str, power: Power) {
        self.look_until(name, |s| {
            s.nodes.iter().any(|n| n.name == name && n.power == power)
        })
        .await;
    }

    /// The same until something else is seen, with the node and what it stands on looked at.
    pub async fn look_until(&self, name: &str, seen: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let ask = self.ask(Action::Stop, name);
        let looking = async {
            loop {
                let _ = self.handle.plan(ask.clone()).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::select! {
            () = looking => unreachable!("it looks for ever"),
            seen = self.wait_for("what was looked for", seen) => seen,
        }
    }

    pub fn node(&self, name: &str) -> NodeView {
        self.handle
            .snapshot()
            .nodes
            .iter()
            .find(|node| node.name == name)
            .unwrap_or_else(|| panic!("no node {name}"))
            .clone()
    }

    pub fn ask(&self, action: Action, name: &str) -> Ask {
        Ask {
            action,
            node: self.node(name).id,
            with_dependants: false,
            queue: false,
            automatic: false,
        }
    }

    /// Runs it to its end.
    pub async fn run(&self, action: Action, name: &str) -> CascadeView {
        let answer = self
            .handle
            .run(self.ask(action, name))
            .await
            .expect("answer");
        self.ended(answer).await
    }

    pub async fn ended(&self, answer: wakehub_view::wire::RunAnswer) -> CascadeView {
        let wakehub_view::wire::RunAnswer::Started { cascade } = answer else {
            panic!("not started: {answer:?}");
        };
        let snapshot = self
            .wait_for("the cascade's end", |snapshot| {
                snapshot
                    .cascades
                    .iter()
                    .any(|c| c.id == cascade && c.status != CascadeStatus::Running)
            })
            .await;
        let view = snapshot.cascades.iter().find(|c| c.id == cascade);
        view.expect("just seen").clone()
    }
}

async fn open(sim: &Sim, folder: &TempDir) -> Handle {
    open_at(
        sim,
        folder.path(),
        Arc::new(SystemClock),
        Arc::new(Pocket::default()),
    )
    .await
}

pub async fn open_at(
    sim: &Sim,
    folder: &Path,
    clock: Arc<dyn Clock>,
    secrets: Arc<dyn Secrets>,
) -> Handle {
    // the database of an engine that was dropped is let go of by its thread a moment later
    for _ in 0..100 {
        let options = Options {
            data_dir: folder.to_path_buf(),
            secrets: secrets.clone(),
            world: Arc::new(sim.clone()),
            clock: clock.clone(),
        };
        match wakehub_engine::start(options).await {
            Ok(handle) => return handle,
            Err(wakehub_engine::StartError::Open(wakehub_store::OpenError::Held { .. })) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the data directory stays locked");
}
