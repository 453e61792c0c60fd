//! The outside as the engine sees it: how to get a connector, and whether somebody is there.
//!
//! The real one is in [`real`](crate::real); tests and the demo bring their own.

use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::mpsc;
use wakehub_connectors::reach::Sighting;
use wakehub_connectors::scan::Found;
use wakehub_connectors::{Connector, Own, Prober};
use wakehub_domain::idle::UseProbe;
use wakehub_domain::{
    Capability, ConnectionId, ConnectorError, ErrorKind, Node, PresentedKind, Probe, Secret,
    SecretName,
};

#[async_trait]
pub trait World: Send + Sync + 'static {
    /// Makes a connector; the connection itself is made when it is first used.
    fn connector(&self, spec: &ConnectionSpec) -> Result<Arc<dyn Connector>, ConnectorError>;

    /// Whether somebody is there. `confirm` looks again before it says that nobody is.
    async fn look(&self, address: &str, port: u16) -> Sighting;

    /// One try of a readiness probe; the error is what was seen instead.
    async fn probe(&self, probe: &Probe, address: Option<&str>) -> Result<(), String>;

    /// Makes what asks a service whether it is used; the connection itself is made with the first question.
    fn prober(&self, spec: &ProberSpec) -> Result<Arc<dyn Prober>, ConnectorError> {
        let operation = format!("ask {}", spec.probe.title());
        let message = "there is nobody to ask here";
        Err(ConnectorError::new(
            ErrorKind::Unsupported,
            operation,
            message,
        ))
    }

    /// Whether a TCP port accepts connections; the error is why nobody knows.
    async fn accepts(&self, address: &str, port: u16) -> Result<bool, String> {
        Err(format!("port {port} of {address} cannot be tried here"))
    }

    /// What [`World::look`], [`World::probe`] and [`World::accepts`] have caused at this address so far, of one port or of all.
    fn caused(&self, address: &str, port: Option<u16>) -> Own {
        let _ = (address, port);
        Own::default()
    }

    /// Sends every address of this network as it is found, and again when more is known of it; `sweep` asks for each.
    async fn scan(&self, sweep: bool, found: &mpsc::Sender<Found>) {
        let _ = (sweep, found);
    }

    /// The node's configuration has changed or it is gone: forget what is kept for it.
    fn forget(&self, connection: ConnectionId);
}

/// Everything that a connection needs, resolved.
#[derive(Clone, Debug)]
pub struct ConnectionSpec {
    pub node: Node,
    pub capability: Capability,
    pub secrets: BTreeMap<SecretName, Secret>,
    /// What the user has accepted: (endpoint, kind, algorithm, fingerprint).
    pub accepted: Vec<Accepted>,
    /// TCP ports at the node's address on which services are asked whether they are used.
    pub asked_ports: BTreeSet<u16>,
}

/// A question to a service, resolved.
#[derive(Clone, Debug)]
pub struct ProberSpec {
    pub probe: UseProbe,
    pub secret: Option<Secret>,
    /// The SHA-256 of a certificate that the user has accepted for where the question goes.
    pub accepted: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// `10.77.0.2:22`
    pub endpoint: String,
    pub kind: PresentedKind,
    pub algorithm: String,
    pub fingerprint: String,
}

impl ConnectionSpec {
    pub fn id(&self) -> ConnectionId {
        ConnectionId {
            node: self.node.id,
            capability: self.capability,
        }
    }
}

/// The secrets that a node's configuration asks for, per capability.
pub fn secrets_wanted(node: &Node, capability: Capability) -> Vec<SecretName> {
    use wakehub_domain::SshAuth;
    let ssh = |node: &Node| {
        let mut wanted = Vec::new();
        if let Some(ssh) = &node.ssh {
            match ssh.auth {
                SshAuth::Password => wanted.push(SecretName::SshPassword),
                SshAuth::Key => wanted.push(SecretName::SshPassphrase),
                SshAuth::Agent => {}
            }
            match ssh.jump.as_ref().map(|jump| jump.auth) {
                Some(SshAuth::Password) => wanted.push(SecretName::JumpPassword),
                Some(SshAuth::Key) => wanted.push(SecretName::JumpPassphrase),
                Some(SshAuth::Agent) | None => {}
            }
        }
        wanted
    };
    match capability {
        Capability::Wol => vec![SecretName::WolPassword],
        Capability::Ssh => ssh(node),
        Capability::ProxmoxApi => match &node.proxmox_api {
            Some(api) if api.token_id.is_some() => vec![SecretName::ProxmoxToken],
            Some(_) => vec![SecretName::ProxmoxPassword],
            None => Vec::new(),
        },
        Capability::DockerApi => match &node.docker_api {
            Some(api) if api.url == "ssh" => ssh(node),
            Some(_) | None => Vec::new(),
        },
    }
}

/// Whether the connection cannot work without it. Keys may have no passphrase, magic packets no password.
pub fn is_required(secret: SecretName) -> bool {
    match secret {
        SecretName::SshPassword
        | SecretName::JumpPassword
        | SecretName::ProxmoxToken
        | SecretName::ProxmoxPassword => true,
        // whether the question needs it is told by the rule
        SecretName::Probe => false,
        SecretName::SshPassphrase | SecretName::JumpPassphrase | SecretName::WolPassword => false,
    }
}
