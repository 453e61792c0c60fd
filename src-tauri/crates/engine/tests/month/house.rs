//! The hundred nodes as they really are, behind the engine's [`World`]: it keeps a diary of what it has told.

use super::homelab::{Kind, Spec, address, hosted};
use super::oracle::Oracle;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_connectors::reach::Sighting;
use wakehub_connectors::{
    Check, Connector, CpuUse, Discovered, GuestReport, Report, StopOptions, Target, Usage,
};
use wakehub_domain::idle::PastUse;
use wakehub_domain::{
    Capability, ConnectionId, ConnectorError, ErrorKind, NodeKind, PowerState, Probe, Secret,
    Timestamp,
};
use wakehub_engine::{Clock, ConnectionSpec, SecretError, SecretKey, Secrets, World};

const MINUTE: i64 = 60_000;
/// A day of minutes.
const KEPT: usize = 1440;

/// What is wrong with a host's connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It cannot be measured.
    Unmeasured,
    /// It is not measured and says nothing of its guests.
    Deaf,
    /// Whoever measures it waits.
    Hangs,
}

/// What was told of a node when it was measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    Busy,
    Quiet,
    NotToBeInterrupted,
    Nothing,
}

#[derive(Default)]
pub struct State {
    pub specs: Vec<Spec>,
    pub on: Vec<bool>,
    /// Used at this moment.
    pub busy: Vec<bool>,
    /// Used since it was last measured.
    pub used: Vec<bool>,
    pub bytes: Vec<u64>,
    pub faults: Vec<Option<Fault>>,
    /// By a backup.
    pub locked: Vec<bool>,
    /// By a rebuild of its disks.
    pub rebuilds: Vec<bool>,
    /// Each command takes so long.
    pub delay: Duration,
    /// By guest, what Proxmox remembers of each minute: whether it was used; nothing of what was not on all the while.
    pub minutes: Vec<BTreeMap<i64, Option<bool>>>,
    pub slept_until: Timestamp,
    pub oracle: Oracle,
}

#[derive(Clone)]
pub struct House {
    pub state: Arc<Mutex<State>>,
    clock: Arc<dyn Clock>,
}

impl House {
    pub fn new(specs: Vec<Spec>, clock: Arc<dyn Clock>) -> House {
        let all = specs.len();
        let state = State {
            on: vec![false; all],
            busy: vec![false; all],
            used: vec![false; all],
            bytes: vec![0; all],
            faults: vec![None; all],
            locked: vec![false; all],
            rebuilds: vec![false; all],
            delay: Duration::from_secs(2),
            minutes: vec![BTreeMap::new(); all],
            slept_until: Timestamp(0),
            oracle: Oracle::new(&specs),
            specs,
        };
        House {
            state: Arc::new(Mutex::new(state)),
            clock,
        }
    }

    pub fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().expect("state"))
    }
}

impl State {
    /// It is there and can be reached.
    pub fn runs(&self, at: usize) -> bool {
        self.on[at] && self.specs[at].host.is_none_or(|host| self.runs(host))
    }

    pub fn switch(&mut self, at: usize, on: bool, now: Timestamp) {
        let mut all = vec![at];
        if !on {
            all.extend(hosted(&self.specs, at));
        }
        for at in all {
            if self.on[at] != on {
                self.on[at] = on;
                if !on {
                    self.oracle.went_off(at, now);
                }
                // its counters begin anew
                self.bytes[at] = 0;
                self.used[at] = false;
                self.busy[at] &= on;
            }
        }
    }

    /// Its collector takes down what is in use at this moment.
    pub fn collect(&mut self, now: Timestamp) {
        let minute = now.0 / MINUTE;
        // until it looks for the first time after a sleep
        let looks = now.since(self.slept_until) < Duration::from_secs(5 * 60);
        for at in self.guests() {
            if looks && !self.minutes[at].contains_key(&minute) {
                self.tell_minute(at, minute - 1);
            }
            let used = self.runs(at).then_some(self.busy[at]);
            let minutes = &mut self.minutes[at];
            let so_far = minutes.entry(minute).or_insert(used);
            *so_far = so_far.zip(used).map(|(before, now)| before || now);
            while minutes.len() > KEPT {
                minutes.pop_first();
            }
        }
    }

    /// The computer has slept until now, and whoever used something went on.
    pub fn slept(&mut self, from: Timestamp, now: Timestamp) {
        for minute in from.0 / MINUTE + 1..now.0 / MINUTE {
            self.collect(Timestamp(minute * MINUTE));
            for guest in self.guests() {
                self.tell_minute(guest, minute);
            }
        }
        self.slept_until = now;
        self.oracle.slept(now);
    }

    fn tell_minute(&mut self, at: usize, minute: i64) {
        let told = match self.minutes[at].get(&minute) {
            Some(Some(true)) => Told::Busy,
            Some(Some(false)) => Told::Quiet,
            Some(None) | None => Told::Nothing,
        };
        self.oracle.remembered(at, Timestamp(minute * MINUTE), told);
    }

    fn guests(&self) -> Vec<usize> {
        let all = 0..self.specs.len();
        all.filter(|at| self.specs[*at].kind == Kind::Guest)
            .collect()
    }

    /// Whole minutes only.
    fn past(&self, at: usize, now: Timestamp) -> Vec<PastUse> {
        let over = self.minutes[at].range(..now.0 / MINUTE);
        over.map(|(minute, used)| PastUse {
            at: Timestamp(minute * MINUTE),
            over: Duration::from_secs(60),
            cpu_cores: used.map(|used| if used { 1.0 } else { 0.02 }),
            ram_fraction: None,
            rx_rate: used.map(|used| if used { 80_000.0 } else { 2.0 }),
            tx_rate: used.map(|used| if used { 8_000.0 } else { 0.2 }),
            read_rate: None,
            written_rate: None,
        })
        .collect()
    }

    fn measure(&mut self, at: usize, target: Target, now: Timestamp) -> Usage {
        let used = std::mem::take(&mut self.used[at]) || self.busy[at];
        self.bytes[at] += if used { 5_000_000 } else { 139 };
        let rebuilds = self.rebuilds[at];
        let told = match (used, rebuilds) {
            (true, _) => Told::Busy,
            (false, true) => Told::NotToBeInterrupted,
            (false, false) => Told::Quiet,
        };
        self.oracle.told(at, now, told);
        Usage {
            cpu: Some(CpuUse::Cores(if used { 1.0 } else { 0.02 })),
            rx_bytes: Some(self.bytes[at]),
            tx_bytes: Some(self.bytes[at] / 10),
            inhibitors: rebuilds
                .then(|| "md0: recovery, 12.6 % done".to_owned())
                .into_iter()
                .collect(),
            ..Usage::new(target)
        }
    }
}

struct Connection {
    house: House,
    host: usize,
    capability: Capability,
}

impl Connection {
    fn at(&self, state: &State, target: &Target) -> usize {
        match target {
            Target::Itself => self.host,
            Target::Guest { platform_id, .. } => (0..state.specs.len())
                .find(|at| state.specs[*at].key(*at) == *platform_id)
                .expect("a guest of the house"),
        }
    }

    fn refused(&self, kind: ErrorKind, message: &str) -> ConnectorError {
        ConnectorError::new(kind, "ask it", message)
    }

    async fn command(&self, target: &Target, on: bool) -> Result<(), ConnectorError> {
        let now = self.house.clock.now();
        let (at, delay) = self.house.with(|state| {
            let at = self.at(state, target);
            if state.locked[at] {
                let message = "VM is locked (backup)";
                return Err(self.refused(ErrorKind::Rejected, message));
            }
            if !on {
                let running: Vec<bool> = (0..state.on.len()).map(|at| state.runs(at)).collect();
                state.oracle.stopped(at, now, &running, &state.locked);
            }
            Ok((at, state.delay))
        })?;
        tokio::time::sleep(delay).await;
        let now = self.house.clock.now();
        self.house.with(|state| state.switch(at, on, now));
        Ok(())
    }

    fn guests(&self, state: &State) -> Vec<GuestReport> {
        let kind = match self.capability {
            Capability::DockerApi => Kind::Container,
            Capability::ProxmoxApi | Capability::Ssh | Capability::Wol => Kind::Guest,
        };
        (0..state.specs.len())
            .filter(|at| state.specs[*at].host == Some(self.host) && state.specs[*at].kind == kind)
            .filter(|_| self.capability != Capability::Ssh)
            .map(|at| GuestReport {
                kind: match (kind, state.specs[at].docker) {
                    (Kind::Container, _) => NodeKind::Container,
                    (_, true) => NodeKind::Vm,
                    (_, false) => NodeKind::Lxc,
                },
                platform_id: state.specs[at].key(at),
                name: state.specs[at].name.clone(),
                state: if state.on[at] {
                    PowerState::On
                } else {
                    PowerState::Off
                },
                health: None,
                note: None,
                lock: state.locked[at].then(|| "backup".to_owned()),
                member: None,
                identity: None,
            })
            .collect()
    }
}

#[async_trait]
impl Connector for Connection {
    fn capability(&self) -> Capability {
        self.capability
    }

    async fn observe(&self) -> Result<Report, ConnectorError> {
        self.house.with(|state| {
            if !state.runs(self.host) {
                return Err(self.refused(ErrorKind::Unreachable, "no route to host"));
            }
            if state.faults[self.host] == Some(Fault::Deaf) {
                return Err(self.refused(ErrorKind::Protocol, "HTTP 500"));
            }
            Ok(Report {
                itself: Some(PowerState::On),
                guests: self.guests(state),
                complete: true,
            })
        })
    }

    async fn start(&self, target: &Target) -> Result<(), ConnectorError> {
        self.command(target, true).await
    }

    async fn stop(&self, target: &Target, _how: &StopOptions) -> Result<(), ConnectorError> {
        self.command(target, false).await
    }

    async fn sample(&self, wanted: &[Target]) -> Result<Vec<Usage>, ConnectorError> {
        let now = self.house.clock.now();
        let fault = self.house.with(|state| {
            let fault = state.faults[self.host];
            if fault.is_some() {
                for target in wanted {
                    let at = self.at(state, target);
                    state.oracle.told(at, now, Told::Nothing);
                }
            }
            fault
        });
        match fault {
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::Deaf | Fault::Unmeasured) => {
                Err(self.refused(ErrorKind::Protocol, "HTTP 500"))
            }
            None => Ok(self.house.with(|state| {
                let mut usages = Vec::new();
                for target in wanted {
                    let at = self.at(state, target);
                    if state.runs(at) {
                        usages.push(state.measure(at, target.clone(), now));
                    }
                }
                usages
            })),
        }
    }

    async fn past(&self, target: &Target, back: Duration) -> Result<Vec<PastUse>, ConnectorError> {
        let now = self.house.clock.now();
        self.house.with(|state| {
            if !state.runs(self.host) || state.faults[self.host].is_some() {
                return Err(self.refused(ErrorKind::Protocol, "HTTP 500"));
            }
            let mut rows = state.past(self.at(state, target), now);
            rows.retain(|row| now.since(row.at) <= back);
            Ok(rows)
        })
    }

    async fn discover(&self) -> Result<Vec<Discovered>, ConnectorError> {
        let found = self.observe().await?.guests.into_iter();
        Ok(found
            .map(|report| Discovered {
                report,
                addresses: Vec::new(),
                ports: Vec::new(),
                image: None,
                compose_project: None,
                compose_service: None,
                cores: None,
                memory: None,
                suggested_dependencies: Vec::new(),
            })
            .collect())
    }

    async fn test(&self, _checks: &mpsc::Sender<Check>) {}

    async fn close(&self) {}
}

#[async_trait]
impl World for House {
    fn connector(&self, spec: &ConnectionSpec) -> Result<Arc<dyn Connector>, ConnectorError> {
        let host = self.with(|state| {
            let named = |at: &usize| state.specs[*at].name == spec.node.name;
            (0..state.specs.len()).find(named).expect("of the house")
        });
        Ok(Arc::new(Connection {
            house: self.clone(),
            host,
            capability: spec.capability,
        }))
    }

    async fn look(&self, sought: &str, _port: u16) -> Sighting {
        let on = self
            .with(|state| (0..state.specs.len()).any(|at| address(at) == sought && state.runs(at)));
        if on {
            Sighting::Answers {
                port_open: true,
                how: "tcp".to_owned(),
            }
        } else {
            Sighting::Silent {
                evidence: "nobody answers for the address".to_owned(),
            }
        }
    }

    async fn probe(&self, _probe: &Probe, _address: Option<&str>) -> Result<(), String> {
        Ok(())
    }

    fn forget(&self, _connection: ConnectionId) {}
}

/// A keyring that has all there is.
pub struct Known;

#[async_trait]
impl Secrets for Known {
    async fn get(&self, _key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        Ok(Some(Secret::new("secret".to_owned())))
    }

    async fn set(&self, _key: &SecretKey, _secret: &Secret) -> Result<(), SecretError> {
        Ok(())
    }

    async fn remove(&self, _key: &SecretKey) -> Result<(), SecretError> {
        Ok(())
    }
}
