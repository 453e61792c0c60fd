//! One machine's magic packets as a connection.

use super::config::WolEndpoint;
use super::packet::{self, Mac};
use super::route::{self, Shot};
use super::send;
use crate::{Check, CheckKind, CheckOutcome, Connector, Discovered, Report, StopOptions, Target};
use async_trait::async_trait;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wakehub_domain::{Capability, ConnectorError, ErrorKind, Retry};

/// For the machine's name; a broadcast needs none.
const RESOLVE: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
pub struct WolConnector {
    endpoint: WolEndpoint,
}

impl WolConnector {
    pub fn new(endpoint: WolEndpoint) -> WolConnector {
        WolConnector { endpoint }
    }
}

#[async_trait]
impl Connector for WolConnector {
    fn capability(&self) -> Capability {
        Capability::Wol
    }

    /// Magic packets are not answered: this sees nothing.
    async fn observe(&self) -> Result<Report, ConnectorError> {
        Ok(Report::default())
    }

    /// Sends every packet once. Whoever waits for the machine sends again every few seconds.
    async fn start(&self, target: &Target) -> Result<(), ConnectorError> {
        match target {
            Target::Itself => self.send().await.map(drop),
            Target::Guest { .. } => Err(self.unsupported("wakes machines only")),
        }
    }

    async fn stop(&self, _target: &Target, _how: &StopOptions) -> Result<(), ConnectorError> {
        Err(self.unsupported("wakes machines, it does not stop them"))
    }

    async fn discover(&self) -> Result<Vec<Discovered>, ConnectorError> {
        Ok(Vec::new())
    }

    /// Sends nothing: a test must not wake the machine.
    async fn test(&self, checks: &mpsc::Sender<Check>) {
        let begun = Instant::now();
        let (outcome, detail, advice) = match self.prepare().await {
            Ok(prepared) => prepared.verdict(),
            Err(error) => (CheckOutcome::Failed, error.message, None),
        };
        let check = Check {
            what: CheckKind::Packets,
            outcome,
            detail,
            advice,
            presented: None,
            took: begun.elapsed(),
        };
        let _ = checks.send(check).await;
    }

    async fn close(&self) {}
}

struct Prepared {
    packet: Vec<u8>,
    shots: Vec<Shot>,
    /// As far as this computer can tell, a broadcast gets to the machine's network.
    reaches: bool,
    /// The machine's name could not be resolved.
    unresolved: Option<String>,
}

impl WolConnector {
    async fn send(&self) -> Result<Vec<Shot>, ConnectorError> {
        let prepared = self.prepare().await?;
        let mut sent = Vec::new();
        let mut failures = Vec::new();
        let mut forbidden = true;
        for shot in prepared.shots {
            match send::send(&shot, &prepared.packet) {
                Ok(()) => sent.push(shot),
                Err(error) => {
                    tracing::debug!("no magic packet to {}: {error}", shot.to);
                    forbidden &= error.kind() == io::ErrorKind::PermissionDenied;
                    failures.push(format!("{}: {error}", named(&shot)));
                }
            }
        }
        if !sent.is_empty() {
            return Ok(sent);
        }
        if failures.is_empty() {
            let message = "this computer has no network interface that is up";
            return Err(self.error(ErrorKind::Unreachable, message));
        }
        let kind = match forbidden {
            true => ErrorKind::Rejected,
            false => ErrorKind::Unreachable,
        };
        Err(self.error(
            kind,
            format!("no packet could be sent: {}", failures.join("; ")),
        ))
    }

    async fn prepare(&self) -> Result<Prepared, ConnectorError> {
        let mac: Mac = self.endpoint.mac.parse().map_err(|error| {
            let message = format!("{:?} is {error}", self.endpoint.mac);
            self.error(ErrorKind::Rejected, message)
        })?;
        let password = match &self.endpoint.password {
            None => None,
            Some(secret) => {
                let read: Result<Mac, _> = secret.expose().parse();
                // Without the password in the message.
                let read = read.map_err(|error| {
                    self.error(
                        ErrorKind::Rejected,
                        format!("the SecureOn password is {error}"),
                    )
                })?;
                Some(read.0)
            }
        };
        let broadcast = match &self.endpoint.broadcast {
            None => None,
            Some(text) => Some(text.trim().parse::<Ipv4Addr>().map_err(|_| {
                let message = format!("the broadcast address {text:?} is no IPv4 address");
                self.error(ErrorKind::Rejected, message)
            })?),
        };
        let (target, unresolved) = match &self.endpoint.address {
            None => (None, None),
            Some(address) => match resolve(address).await {
                Ok(target) => (Some(target), None),
                Err(words) => (None, Some(words)),
            },
        };
        let own = send::own()
            .await
            .map_err(|error| self.error(ErrorKind::Unreachable, error))?;
        let interface = self.endpoint.interface.as_deref();
        let ways = route::ways(&own, target, broadcast, interface).map_err(|refused| {
            let known = match refused.known.is_empty() {
                true => "none that is up".to_owned(),
                false => refused.known.join(", "),
            };
            ConnectorError {
                // A dock or a VPN may come back.
                retry: Retry::Later,
                ..self.error(
                    ErrorKind::Unsupported,
                    format!(
                        "this computer has no interface {} (it has {known})",
                        refused.wanted
                    ),
                )
            }
        })?;
        Ok(Prepared {
            packet: packet::build(mac, password),
            // Without an address the machine is taken to be on our own network.
            reaches: ways.on_link || target.is_none() || broadcast.is_some(),
            shots: ways.shots,
            unresolved,
        })
    }

    fn error(&self, kind: ErrorKind, message: impl std::fmt::Display) -> ConnectorError {
        let operation = format!("send a magic packet to {}", self.endpoint.mac);
        ConnectorError::new(kind, operation, message)
    }

    fn unsupported(&self, what: &str) -> ConnectorError {
        self.error(ErrorKind::Unsupported, format!("Wake-on-LAN {what}"))
    }
}

impl Prepared {
    fn verdict(&self) -> (CheckOutcome, String, Option<String>) {
        if self.shots.is_empty() {
            let detail = "this computer has no network interface that is up".to_owned();
            return (CheckOutcome::Failed, detail, None);
        }
        let mut ways: Vec<String> = self.shots.iter().map(named).collect();
        ways.dedup();
        let ports = route::PORTS.map(|port| port.to_string()).join(" and ");
        let mut detail = format!("{}, ports {ports}", ways.join("; "));
        if let Some(words) = &self.unresolved {
            detail.push_str(&format!("; {words}"));
        }
        match self.reaches && self.unresolved.is_none() {
            true => (CheckOutcome::Passed, detail, None),
            false => (
                CheckOutcome::Warning,
                detail,
                Some(
                    "no interface of this computer is on the machine's network; set the broadcast address of that \
                     network, and let its router pass it on"
                        .to_owned(),
                ),
            ),
        }
    }
}

/// `eth0 (10.77.0.1) to 10.77.0.255`
fn named(shot: &Shot) -> String {
    match &shot.from {
        Some(own) => format!("{} ({}) to {}", own.name, own.address, shot.to.ip()),
        None => format!("the routing table's choice to {}", shot.to.ip()),
    }
}

/// IPv4 first: packets to a sleeping machine are an IPv4 affair.
async fn resolve(address: &str) -> Result<IpAddr, String> {
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse() {
        return Ok(address);
    }
    let found = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((bare, 9))).await;
    let unknown = |why: String| format!("{bare} has no address ({why})");
    match found {
        Ok(Ok(found)) => {
            let mut found: Vec<IpAddr> = found.map(|socket| socket.ip()).collect();
            found.sort_by_key(IpAddr::is_ipv6);
            let first = found.first().copied();
            first.ok_or_else(|| unknown("nothing found".to_owned()))
        }
        Ok(Err(error)) => Err(unknown(error.to_string())),
        Err(_) => Err(unknown("the name server does not answer".to_owned())),
    }
}
