//! The simulated house behind the engine's trait.

use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_connectors::reach::Sighting;
use wakehub_connectors::scan::{Found, Source};
use wakehub_connectors::{Connector, Own, Prober};
use wakehub_domain::idle::{ProbeAnswer, UseProbe};
use wakehub_domain::{ConnectionId, ConnectorError, ErrorKind, NodeKind, Probe};
use wakehub_engine::{ConnectionSpec, ProberSpec, World};

use crate::connector::DemoConnector;
use crate::furniture::{self, HOUSE};
use crate::habits;
use crate::house::{House, probed};
use crate::place::Place;

pub(crate) struct DemoWorld {
    house: Arc<House>,
}

impl DemoWorld {
    pub fn new(house: Arc<House>) -> DemoWorld {
        DemoWorld { house }
    }
}

#[async_trait]
impl World for DemoWorld {
    fn connector(&self, spec: &ConnectionSpec) -> Result<Arc<dyn Connector>, ConnectorError> {
        Ok(Arc::new(DemoConnector {
            house: self.house.clone(),
            capability: spec.capability,
            place: Place::of(spec),
            name: spec.node.name.clone(),
        }))
    }

    fn prober(&self, spec: &ProberSpec) -> Result<Arc<dyn Prober>, ConnectorError> {
        Ok(Arc::new(DemoProber {
            house: self.house.clone(),
            probe: spec.probe.clone(),
        }))
    }

    async fn accepts(&self, address: &str, port: u16) -> Result<bool, String> {
        tokio::time::sleep(self.house.pace(Duration::from_millis(20))).await;
        Ok(probed(&self.house, &format!("{address}:{port}")).is_ok())
    }

    async fn look(&self, address: &str, port: u16) -> Sighting {
        tokio::time::sleep(self.house.pace(Duration::from_millis(20))).await;
        self.house.look(furniture::at(address), address, port)
    }

    async fn probe(&self, probe: &Probe, address: Option<&str>) -> Result<(), String> {
        tokio::time::sleep(self.house.pace(Duration::from_millis(20))).await;
        match probe {
            Probe::Http(url) => probed(&self.house, url),
            Probe::Tcp(target) if target.contains(':') => probed(&self.house, target),
            Probe::Tcp(port) => match address {
                Some(address) => probed(&self.house, &format!("{address}:{port}")),
                None => Err("it has no address".to_owned()),
            },
        }
    }

    /// What answers in the house, as if this computer had talked to it; some of it announces itself.
    async fn scan(&self, _sweep: bool, found: &mpsc::Sender<Found>) {
        for thing in HOUSE.iter().filter(|thing| thing.kind == NodeKind::Machine) {
            tokio::time::sleep(self.house.pace(Duration::from_millis(300))).await;
            let (Some(address), Some(mac)) = (thing.address, thing.mac) else {
                continue;
            };
            let Ok(address) = address.parse() else {
                continue;
            };
            let mut one = Found {
                address,
                mac: Some(mac.to_owned()),
                name: None,
                vendor: Some("QEMU/KVM"),
                source: Source::Neighbours,
            };
            if self.house.is_on(thing) {
                let _ = found.send(one.clone()).await;
                one.name = Some(thing.name.to_owned());
                let _ = found.send(one).await;
            }
        }
    }

    fn forget(&self, _connection: ConnectionId) {}
}

/// Asks a service of the house whether it is used.
struct DemoProber {
    house: Arc<House>,
    probe: UseProbe,
}

#[async_trait]
impl Prober for DemoProber {
    async fn ask(&self) -> Result<ProbeAnswer, ConnectorError> {
        tokio::time::sleep(self.house.pace(Duration::from_millis(20))).await;
        let operation = format!("ask {}", self.probe.title());
        let (host, port) = self.probe.leads_to().unwrap_or_default();
        let Some(is_used) = habits::plays(&self.house, port) else {
            let message = format!("{host}:{port}: connection refused");
            return Err(ConnectorError::new(
                ErrorKind::Unreachable,
                operation,
                message,
            ));
        };
        let [used, not_used] = match &self.probe {
            UseProbe::Jellyfin(_) => ["Jellyfin plays 1 title", "Jellyfin plays nothing"],
            UseProbe::Plex(_) => ["Plex plays 1 title", "Plex plays nothing"],
            UseProbe::Qbittorrent(_) => [
                "qBittorrent downloads 1 torrent",
                "qBittorrent downloads nothing",
            ],
            UseProbe::Syncthing(_) => [
                "Syncthing synchronises the folder photos",
                "Syncthing has nothing to transfer",
            ],
            UseProbe::Http(_) | UseProbe::Ssh(_) => {
                let message = "the demo has nothing to answer that";
                return Err(ConnectorError::new(
                    ErrorKind::Unsupported,
                    operation,
                    message,
                ));
            }
        };
        Ok(match is_used {
            true => ProbeAnswer::used(used),
            false => ProbeAnswer::not_used(not_used),
        })
    }

    /// Nothing of it is counted in the house.
    fn traffic(&self) -> Own {
        Own::default()
    }
}
