//! The simulated house behind the engine's trait.

use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_connectors::Connector;
use wakehub_connectors::reach::Sighting;
use wakehub_connectors::scan::{Found, Source};
use wakehub_domain::{ConnectionId, ConnectorError, NodeKind, Probe};
use wakehub_engine::{ConnectionSpec, World};

use crate::connector::DemoConnector;
use crate::furniture::{self, HOUSE};
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
