//! The connectors of the demo: what the real ones would say, from the simulated house.

use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_connectors::{
    Change, Check, Connector, Discovered, GuestReport, Report, StopOptions, Target, Usage, Watch,
};
use wakehub_domain::{Capability, ConnectorError, ErrorKind, NodeKind, PowerState, Retry};

use crate::check;
use crate::furniture::Thing;
use crate::habits;
use crate::house::House;
use crate::mishap::Mishap;
use crate::place::Place;

/// A request on a local network.
const ANSWER: Duration = Duration::from_millis(30);
/// Docker's own words of a container that had no time to say more.
const LAST_WORDS: &str = "exited at once with code 1; its last output:\nerror: could not lock config file /config/app.conf: File exists";

pub(crate) struct DemoConnector {
    pub house: Arc<House>,
    pub capability: Capability,
    pub place: Place,
    /// Of the node in the homelab, for messages.
    pub name: String,
}

impl DemoConnector {
    async fn enter(&self, operation: &str) -> Result<&'static Thing, ConnectorError> {
        tokio::time::sleep(self.house.pace(ANSWER)).await;
        self.place.enter(&self.house, operation)
    }

    /// The guests that this connection lists: Proxmox has VMs and LXCs, Docker containers.
    fn listed(&self, thing: &'static Thing) -> impl Iterator<Item = &'static Thing> {
        let containers = self.capability == Capability::DockerApi;
        let lists = match self.capability {
            Capability::ProxmoxApi | Capability::DockerApi => true,
            Capability::Wol | Capability::Ssh => false,
        };
        thing
            .guests()
            .filter(move |guest| lists && (guest.kind == NodeKind::Container) == containers)
    }

    async fn target(
        &self,
        operation: &str,
        target: &Target,
    ) -> Result<&'static Thing, ConnectorError> {
        let thing = self.enter(operation).await?;
        let wanted = match target {
            Target::Itself => return Ok(thing),
            Target::Guest { platform_id, .. } => platform_id,
        };
        self.listed(thing)
            .find(|guest| guest.key == wanted)
            .ok_or_else(|| {
                let message = match self.capability {
                    Capability::DockerApi => format!("No such container: {wanted}"),
                    Capability::Wol | Capability::Ssh | Capability::ProxmoxApi => {
                        format!("guest {wanted} does not exist")
                    }
                };
                ConnectorError::new(ErrorKind::Rejected, operation, message)
            })
    }

    fn unsupported(&self, operation: &str, why: &str) -> ConnectorError {
        ConnectorError::new(ErrorKind::Unsupported, operation, why)
    }

    fn operation(&self, verb: &str, target: &Target) -> String {
        match target {
            Target::Itself => format!("{verb} {}", self.name),
            Target::Guest { kind, platform_id } => {
                format!("{verb} {} {platform_id}", kind.as_str())
            }
        }
    }
}

#[async_trait]
impl Connector for DemoConnector {
    fn capability(&self) -> Capability {
        self.capability
    }

    async fn observe(&self) -> Result<Report, ConnectorError> {
        if self.capability == Capability::Wol {
            return Ok(Report::default());
        }
        let title = self.capability.title();
        let thing = self.enter(&format!("ask {}’s {title}", self.name)).await?;
        let guests: Vec<GuestReport> = self
            .listed(thing)
            .map(|guest| self.house.report(guest))
            .collect();
        Ok(Report {
            itself: Some(PowerState::On),
            complete: self.capability != Capability::Ssh,
            guests,
        })
    }

    async fn start(&self, target: &Target) -> Result<(), ConnectorError> {
        let operation = self.operation("start", target);
        match (self.capability, target) {
            (Capability::Wol, Target::Itself) => {
                if let Some(machine) = self.place.thing {
                    self.house.wake(machine);
                }
                // a packet to nobody is sent all the same
                Ok(())
            }
            (Capability::ProxmoxApi | Capability::DockerApi, Target::Guest { .. }) => {
                let guest = self.target(&operation, target).await?;
                self.house
                    .start(guest)
                    .await
                    .map_err(|mishap| told(mishap, guest, operation))
            }
            (Capability::Wol, Target::Guest { .. }) => {
                Err(self.unsupported(&operation, "wakes machines only"))
            }
            (Capability::Ssh, _) | (_, Target::Itself) => {
                Err(self.unsupported(&operation, "a machine that is off runs no server"))
            }
        }
    }

    async fn stop(&self, target: &Target, how: &StopOptions) -> Result<(), ConnectorError> {
        let operation = self.operation("stop", target);
        if self.capability == Capability::Wol {
            return Err(self.unsupported(&operation, "wakes machines, it does not stop them"));
        }
        let thing = self.target(&operation, target).await?;
        let may_be_deaf = match thing.kind {
            NodeKind::Vm | NodeKind::Lxc => !how.force,
            NodeKind::Machine | NodeKind::Container => false,
        };
        self.house
            .stop(thing, may_be_deaf)
            .await
            .map_err(|mishap| told(mishap, thing, operation))
    }

    async fn discover(&self) -> Result<Vec<Discovered>, ConnectorError> {
        let operation = format!("list the guests of {}", self.name);
        let thing = self.enter(&operation).await?;
        // one more request per guest
        tokio::time::sleep(self.house.pace(ANSWER * 10)).await;
        Ok(self
            .listed(thing)
            .map(|guest| discovered(&self.house, guest))
            .collect())
    }

    async fn test(&self, checks: &mpsc::Sender<Check>) {
        check::run(self, checks).await;
    }

    async fn watch(&self, changes: &mpsc::Sender<Change>) -> Result<Watch, ConnectorError> {
        if self.capability != Capability::DockerApi {
            return Ok(Watch::NotOffered);
        }
        let thing = self.enter(&format!("listen to {}", self.name)).await?;
        let mut changed = self.house.changes();
        let seen = || -> Vec<GuestReport> {
            self.listed(thing)
                .map(|guest| self.house.report(guest))
                .collect()
        };
        let mut before = seen();
        while self.house.serves(thing) {
            if changed.changed().await.is_err() {
                break;
            }
            let now = seen();
            for report in now.iter().filter(|report| !before.contains(report)) {
                if changes.send(Change::Guest(report.clone())).await.is_err() {
                    return Ok(Watch::Ended);
                }
            }
            before = now;
        }
        Ok(Watch::Ended)
    }

    async fn sample(&self, wanted: &[Target]) -> Result<Vec<Usage>, ConnectorError> {
        if self.capability == Capability::Wol {
            return Ok(Vec::new());
        }
        let thing = self.enter(&format!("measure {}", self.name)).await?;
        let is_ssh = self.capability == Capability::Ssh;
        let found = wanted.iter().filter_map(|target| {
            let one = match target {
                Target::Itself => thing,
                Target::Guest { platform_id, .. } => {
                    self.listed(thing).find(|guest| guest.key == platform_id)?
                }
            };
            habits::usage(&self.house, target.clone(), one, is_ssh)
        });
        Ok(found.collect())
    }

    async fn close(&self) {}
}

/// A mishap in the platform's own words.
fn told(mishap: Mishap, guest: &Thing, operation: String) -> ConnectorError {
    let what = match guest.kind {
        NodeKind::Lxc => "CT",
        NodeKind::Vm | NodeKind::Machine | NodeKind::Container => "VM",
    };
    let (message, retry) = match mishap {
        Mishap::Locked => (format!("{what} is locked (backup)"), Retry::Later),
        Mishap::Exits => (LAST_WORDS.to_owned(), Retry::Never),
        Mishap::Deaf => (
            format!("{what} quit/powerdown failed - got timeout"),
            Retry::Never,
        ),
    };
    ConnectorError {
        retry,
        ..ConnectorError::new(ErrorKind::Rejected, operation, message)
    }
}

fn discovered(house: &House, guest: &'static Thing) -> Discovered {
    Discovered {
        report: house.report(guest),
        addresses: guest.address.map(str::to_owned).into_iter().collect(),
        ports: guest.ports.to_vec(),
        image: guest.image.map(str::to_owned),
        compose_project: guest.compose.map(|(project, _)| project.to_owned()),
        compose_service: guest.compose.map(|(_, service)| service.to_owned()),
        cores: guest.cores,
        memory: guest.memory.map(|gib| gib << 30),
        suggested_dependencies: guest.needs.iter().map(|key| (*key).to_owned()).collect(),
    }
}
