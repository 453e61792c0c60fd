//! Proxmox VE 8 and 9.
//!
//! One connection is one API, seen from one member of what may be a cluster. `/cluster/resources` shows all guests of all
//! members in one answer; commands go to the member that a guest is on, through the same address. Protocol facts are from
//! the API's own schema (pve.proxmox.com/pve-docs/api-viewer) and from the sources of pve-manager, pve-http-server and
//! qemu-server.

mod check;
mod client;
mod config;
mod discover;
mod failure;
mod parse;
mod power;
mod sample;
mod task;

pub use config::{ProxmoxAuth, ProxmoxEndpoint};

use async_trait::async_trait;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use wakehub_domain::idle::PastUse;
use wakehub_domain::{Capability, ConnectorError, NodeKind, PowerState};

use crate::{Check, Connector, Discovered, Own, Report, StopOptions, Target, Usage};
use client::{Call, Client};
use failure::Failure;
use parse::{Current, Resources};
use sample::Figures;

/// pvestatd writes what `/cluster/resources` shows every 10 s (its `$updatetime`), and a busy one takes longer.
const RESOURCES_LAG: Duration = Duration::from_secs(30);

pub struct ProxmoxConnector {
    client: Client,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The member that each guest was last seen on, by vmid.
    places: HashMap<u32, Place>,
    /// Guests that a command of ours has changed, by vmid.
    changed: HashMap<u32, Changed>,
    figures: Figures,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Place {
    kind: NodeKind,
    member: String,
}

#[derive(Clone)]
struct Changed {
    at: Instant,
    state: PowerState,
}

impl ProxmoxConnector {
    /// Does nothing yet: the first call connects. An address that cannot be used fails there too.
    pub fn new(endpoint: ProxmoxEndpoint) -> ProxmoxConnector {
        ProxmoxConnector {
            client: Client::new(endpoint),
            known: Mutex::default(),
        }
    }

    /// How long one answer may take, 20 s if nothing is said. Tasks of Proxmox have the caller's own time.
    pub fn with_request_timeout(self, limit: Duration) -> ProxmoxConnector {
        ProxmoxConnector {
            client: self.client.with_request_timeout(limit),
            ..self
        }
    }

    fn member(&self) -> &str {
        &self.client.endpoint().member
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One look at the whole cluster; remembers where its guests are.
    async fn resources(&self, operation: &str) -> Result<Resources, ConnectorError> {
        let call = Call::get(operation, &["cluster", "resources"]);
        let resources = parse::resources(&self.client.call(&call).await?);
        let mut known = self.known();
        known
            .figures
            .take(Instant::now(), self.member(), &resources);
        known.places = resources
            .guests
            .iter()
            .filter_map(|guest| {
                let member = guest.report.member.clone()?;
                let kind = guest.report.kind;
                Some((guest.vmid, Place { kind, member }))
            })
            .collect();
        Ok(resources)
    }

    async fn current(&self, operation: &str, vmid: u32, place: &Place) -> Result<Current, Failure> {
        let data = self
            .get(operation, vmid, place, &["status", "current"])
            .await?;
        Ok(parse::current(&data))
    }

    /// A GET below `/nodes/{member}/{qemu|lxc}/{vmid}`.
    async fn get(
        &self,
        operation: &str,
        vmid: u32,
        place: &Place,
        path: &[&str],
    ) -> Result<Value, Failure> {
        self.get_with(operation, vmid, place, path, &[]).await
    }

    async fn get_with(
        &self,
        operation: &str,
        vmid: u32,
        place: &Place,
        path: &[&str],
        parameters: &[(&str, String)],
    ) -> Result<Value, Failure> {
        let vmid = vmid.to_string();
        let mut full = vec!["nodes", place.member.as_str(), place.api(), vmid.as_str()];
        full.extend(path);
        let call = Call::get(operation, &full).with(parameters);
        self.client.call(&call).await
    }

    /// The resources lag behind our own commands; of guests that we have changed just now the current status is asked as
    /// well, until both agree.
    async fn correct(&self, resources: &mut Resources) {
        let changed: Vec<(u32, Changed)> = {
            let mut known = self.known();
            known
                .changed
                .retain(|_, changed| changed.at.elapsed() < RESOURCES_LAG);
            known
                .changed
                .iter()
                .map(|(vmid, changed)| (*vmid, changed.clone()))
                .collect()
        };
        for (vmid, changed) in changed {
            let Some(guest) = resources.guests.iter_mut().find(|g| g.vmid == vmid) else {
                continue;
            };
            let place = self.known().places.get(&vmid).cloned();
            let Some(place) = place.filter(|_| guest.report.state != changed.state) else {
                continue;
            };
            // On failure the lagging answer is still the best there is.
            if let Ok(current) = self.current("read the guests", vmid, &place).await {
                guest.report.state = current.state;
                guest.report.note = current.note;
                guest.report.lock = current.lock;
            }
        }
    }
}

impl Place {
    /// The word for the guest's kind in the API's paths.
    fn api(&self) -> &'static str {
        match self.kind {
            NodeKind::Lxc => "lxc",
            NodeKind::Vm | NodeKind::Machine | NodeKind::Container => "qemu",
        }
    }
}

#[async_trait]
impl Connector for ProxmoxConnector {
    fn capability(&self) -> Capability {
        Capability::ProxmoxApi
    }

    async fn observe(&self) -> Result<Report, ConnectorError> {
        let mut resources = self.resources("read the guests").await?;
        self.correct(&mut resources).await;
        Ok(Report {
            itself: resources.machine(self.member()),
            // Proxmox leaves out what the login may not see, so an empty list may also mean a lost privilege.
            complete: !resources.guests.is_empty(),
            guests: resources.guests.into_iter().map(|g| g.report).collect(),
        })
    }

    async fn start(&self, target: &Target) -> Result<(), ConnectorError> {
        power::start(self, target).await
    }

    async fn stop(&self, target: &Target, how: &StopOptions) -> Result<(), ConnectorError> {
        power::stop(self, target, how).await
    }

    async fn discover(&self) -> Result<Vec<Discovered>, ConnectorError> {
        discover::discover(self).await
    }

    async fn test(&self, checks: &mpsc::Sender<Check>) {
        check::test(self, checks).await;
    }

    async fn sample(&self, wanted: &[Target]) -> Result<Vec<Usage>, ConnectorError> {
        sample::sample(self, wanted).await
    }

    async fn past(&self, target: &Target, back: Duration) -> Result<Vec<PastUse>, ConnectorError> {
        sample::past(self, target, back).await
    }

    fn traffic(&self) -> Own {
        self.client.traffic()
    }

    async fn close(&self) {
        self.client.close().await;
        *self.known() = Known::default();
    }
}
