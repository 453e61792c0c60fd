//! Magic packets: built here, sent to every address at which the card may hear them.

mod packet;
mod send;

use async_trait::async_trait;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use wakehub_domain::{Capability, ConnectorError, ErrorKind, Secret};

pub use packet::{Mac, magic_packet};
pub use send::Destination;

use crate::{Check, CheckKind, CheckOutcome, Connector, Discovered, Report, StopOptions, Target};

/// How a machine is woken.
#[derive(Clone, Debug)]
pub struct WolEndpoint {
    pub mac: String,
    /// Host name or IP address of the machine.
    pub address: Option<String>,
    /// Sent to as well.
    pub broadcast: Option<String>,
    /// Of this computer; all that reach the machine unless set.
    pub interface: Option<String>,
    /// SecureOn: six bytes in hexadecimal.
    pub password: Option<Secret>,
}

pub struct WolConnector {
    endpoint: WolEndpoint,
}

impl WolConnector {
    pub fn new(endpoint: WolEndpoint) -> WolConnector {
        WolConnector { endpoint }
    }

    fn operation(&self) -> String {
        format!("send a magic packet to {}", self.endpoint.mac)
    }

    fn wrong(&self, message: impl std::fmt::Display) -> ConnectorError {
        ConnectorError::new(ErrorKind::Unsupported, self.operation(), message)
    }

    fn packet(&self) -> Result<Vec<u8>, ConnectorError> {
        let mac: Mac = self
            .endpoint
            .mac
            .parse()
            .map_err(|error| self.wrong(error))?;
        let password = match &self.endpoint.password {
            Some(password) => Some(
                password
                    .expose()
                    .parse::<Mac>()
                    // its text would be the password
                    .map_err(|_| {
                        self.wrong("the SecureOn password is not six bytes in hexadecimal")
                    })?,
            ),
            None => None,
        };
        Ok(magic_packet(mac, password))
    }

    async fn destinations(&self) -> Result<Vec<Destination>, ConnectorError> {
        let address = match &self.endpoint.address {
            Some(address) => resolve(address).await,
            None => None,
        };
        let broadcast = match &self.endpoint.broadcast {
            Some(text) => Some(
                text.parse::<IpAddr>()
                    .map_err(|_| self.wrong(format!("{text} is no broadcast address")))?,
            ),
            None => None,
        };
        let interfaces = if_addrs::get_if_addrs().map_err(|error| {
            self.wrong(format!("the network interfaces cannot be read: {error}"))
        })?;
        send::destinations(
            &interfaces,
            address,
            broadcast,
            self.endpoint.interface.as_deref(),
        )
        .map_err(|error| self.wrong(error))
    }
}

/// A machine that is off need not be known to a name server, and the broadcasts reach it without.
async fn resolve(address: &str) -> Option<IpAddr> {
    if let Ok(ip) = address.parse() {
        return Some(ip);
    }
    let found = tokio::time::timeout(
        Duration::from_secs(2),
        tokio::net::lookup_host((address, 9)),
    );
    let addresses: Vec<SocketAddr> = found.await.ok()?.ok()?.collect();
    addresses.first().map(SocketAddr::ip)
}

#[async_trait]
impl Connector for WolConnector {
    fn capability(&self) -> Capability {
        Capability::Wol
    }

    /// Nobody answers a magic packet.
    async fn observe(&self) -> Result<Report, ConnectorError> {
        Ok(Report::default())
    }

    /// Sends one round: a packet to every destination. A success when at least one could be sent.
    async fn start(&self, target: &Target) -> Result<(), ConnectorError> {
        match target {
            Target::Itself => {}
            Target::Guest { platform_id, .. } => {
                return Err(ConnectorError::new(
                    ErrorKind::Rejected,
                    self.operation(),
                    format!("{platform_id} is a guest, and only machines are woken"),
                ));
            }
        }
        let packet = self.packet()?;
        let destinations = self.destinations().await?;
        let mut failures = Vec::new();
        for destination in &destinations {
            if let Err(error) = send::send(destination, &packet).await {
                tracing::debug!(%destination, %error, "magic packet not sent");
                failures.push(format!("{destination}: {error}"));
            }
        }
        if failures.len() == destinations.len() {
            return Err(ConnectorError::new(
                ErrorKind::Unreachable,
                self.operation(),
                failures.join("; "),
            ));
        }
        Ok(())
    }

    async fn stop(&self, _: &Target, _: &StopOptions) -> Result<(), ConnectorError> {
        Err(ConnectorError::new(
            ErrorKind::Unsupported,
            self.operation(),
            "a magic packet wakes, it does not stop",
        ))
    }

    async fn discover(&self) -> Result<Vec<Discovered>, ConnectorError> {
        Ok(Vec::new())
    }

    /// Says from where to where packets go. None is sent: a test changes nothing, and this one would wake the machine.
    async fn test(&self, checks: &mpsc::Sender<Check>) {
        let begun = Instant::now();
        let planned = match self.packet() {
            Ok(_) => self.destinations().await,
            Err(error) => Err(error),
        };
        let (outcome, detail, advice) = match planned {
            Ok(destinations) => {
                let list: Vec<String> = destinations.iter().map(ToString::to_string).collect();
                let (outcome, advice) = if destinations.iter().any(|d| d.directed) {
                    (CheckOutcome::Passed, None)
                } else {
                    (
                        CheckOutcome::Warning,
                        Some("No interface of this computer is on the machine’s network: set a broadcast address that its router lets through, or wake it from a computer there.".to_owned()),
                    )
                };
                (
                    outcome,
                    format!("{} by {}; proven the first time it sleeps", self.endpoint.mac, list.join(", ")),
                    advice,
                )
            }
            Err(error) => (
                CheckOutcome::Failed,
                error.message,
                Some("Correct the MAC address, the interface or the broadcast address in the node’s form.".to_owned()),
            ),
        };
        let check = Check {
            what: CheckKind::Packets,
            outcome,
            detail,
            advice,
            presented: None,
            took: begun.elapsed(),
        };
        // whoever asked may have gone
        let _ = checks.send(check).await;
    }

    async fn close(&self) {}
}
