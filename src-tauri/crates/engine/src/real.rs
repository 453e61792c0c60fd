//! The real world: real connectors, real networks.

use async_trait::async_trait;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use wakehub_connectors::docker::{DockerConnector, DockerEndpoint};
use wakehub_connectors::probe::HttpProber;
use wakehub_connectors::proxmox::{ProxmoxAuth, ProxmoxConnector, ProxmoxEndpoint};
use wakehub_connectors::reach::{Looks, Sighting};
use wakehub_connectors::scan::{self, Found};
use wakehub_connectors::ssh::{
    AcceptedKey, SshConnector, SshEndpoint, SshHost, SshLogin, default_known_hosts,
};
use wakehub_connectors::wol::{WolConnector, WolEndpoint};
use wakehub_connectors::{Connector, Own, Prober};
use wakehub_domain::{
    Capability, ConnectionId, ConnectorError, ErrorKind, NodeId, PresentedKind, Probe, SecretName,
    SshAuth,
};

use crate::world::{ConnectionSpec, ProberSpec, World};

#[derive(Default)]
pub struct RealWorld {
    /// One session per host: the SSH connector and Docker over SSH of a node share it.
    hosts: Mutex<HashMap<NodeId, (SshEndpoint, SshHost)>>,
    looks: Looks,
}

#[async_trait]
impl World for RealWorld {
    fn connector(&self, spec: &ConnectionSpec) -> Result<Arc<dyn Connector>, ConnectorError> {
        Ok(match spec.capability {
            Capability::Wol => Arc::new(WolConnector::new(wol(spec)?)),
            Capability::Ssh => {
                let connector = SshConnector::new(self.host(spec)?);
                Arc::new(
                    connector.polling(
                        polled(&spec.node)
                            .into_iter()
                            .chain(spec.asked_ports.clone()),
                    ),
                )
            }
            Capability::ProxmoxApi => Arc::new(ProxmoxConnector::new(proxmox(spec)?)),
            Capability::DockerApi => Arc::new(DockerConnector::new(self.docker(spec)?)),
        })
    }

    async fn look(&self, address: &str, port: u16) -> Sighting {
        self.looks.look(address, port).await
    }

    async fn probe(&self, probe: &Probe, address: Option<&str>) -> Result<(), String> {
        self.looks.probe(probe, address).await
    }

    fn prober(&self, spec: &ProberSpec) -> Result<Arc<dyn Prober>, ConnectorError> {
        let ProberSpec {
            probe,
            secret,
            accepted,
        } = spec.clone();
        Ok(Arc::new(HttpProber::new(probe, secret, accepted)))
    }

    async fn accepts(&self, address: &str, port: u16) -> Result<bool, String> {
        self.looks.accepts(address, port).await
    }

    fn caused(&self, address: &str, port: Option<u16>) -> Own {
        self.looks.caused(address, port)
    }

    async fn scan(&self, sweep: bool, found: &mpsc::Sender<Found>) {
        scan::scan(sweep, found).await;
    }

    fn forget(&self, connection: ConnectionId) {
        if let Ok(mut hosts) = self.hosts.lock() {
            hosts.remove(&connection.node);
        }
    }
}

impl RealWorld {
    fn host(&self, spec: &ConnectionSpec) -> Result<SshHost, ConnectorError> {
        let endpoint = ssh(spec)?;
        let Ok(mut hosts) = self.hosts.lock() else {
            return Ok(SshHost::new(endpoint));
        };
        if let Some((known, host)) = hosts.get(&spec.node.id)
            && *known == endpoint
        {
            return Ok(host.clone());
        }
        let host = SshHost::new(endpoint.clone());
        hosts.insert(spec.node.id, (endpoint, host.clone()));
        Ok(host)
    }

    fn docker(&self, spec: &ConnectionSpec) -> Result<DockerEndpoint, ConnectorError> {
        let config = configured(spec, spec.node.docker_api.as_ref())?;
        if config.url == "ssh" {
            let host = self.host(spec)?;
            return Ok(DockerEndpoint::Ssh { host });
        }
        DockerEndpoint::from_config(config)
    }
}

fn wol(spec: &ConnectionSpec) -> Result<WolEndpoint, ConnectorError> {
    let config = configured(spec, spec.node.wol.as_ref())?;
    Ok(WolEndpoint {
        mac: config.mac.clone(),
        address: spec.node.address.clone(),
        broadcast: config.broadcast.clone(),
        interface: config.interface.clone(),
        password: spec.secrets.get(&SecretName::WolPassword).cloned(),
    })
}

fn proxmox(spec: &ConnectionSpec) -> Result<ProxmoxEndpoint, ConnectorError> {
    let config = configured(spec, spec.node.proxmox_api.as_ref())?;
    let auth = match (&config.token_id, &config.user) {
        (Some(id), _) => ProxmoxAuth::Token {
            id: id.clone(),
            secret: required(spec, SecretName::ProxmoxToken)?,
        },
        (None, Some(user)) => ProxmoxAuth::Password {
            user: user.clone(),
            password: required(spec, SecretName::ProxmoxPassword)?,
        },
        (None, None) => {
            return Err(wrong(spec, "neither a token nor a user is set"));
        }
    };
    let mut endpoint = ProxmoxEndpoint {
        url: config.url.clone(),
        member: config.node.clone(),
        auth,
        pinned: None,
    };
    let shown = endpoint.authority().unwrap_or_default();
    endpoint.pinned = spec
        .accepted
        .iter()
        .find(|a| a.kind == PresentedKind::Certificate && a.endpoint == shown)
        .map(|accepted| accepted.fingerprint.clone());
    Ok(endpoint)
}

fn ssh(spec: &ConnectionSpec) -> Result<SshEndpoint, ConnectorError> {
    let config = configured(spec, spec.node.ssh.as_ref())?;
    let address = spec
        .node
        .address
        .clone()
        .ok_or_else(|| wrong(spec, "it has no address"))?;
    let jump = match &config.jump {
        None => None,
        Some(jump) => Some(Box::new(SshEndpoint {
            port: jump.port,
            accepted: keys(spec, &jump.address, jump.port),
            known_hosts: default_known_hosts(),
            ..SshEndpoint::new(
                jump.address.clone(),
                jump.user.clone(),
                login(
                    spec,
                    jump.auth,
                    jump.key_file.as_deref(),
                    SecretName::JumpPassword,
                    SecretName::JumpPassphrase,
                )?,
            )
        })),
    };
    let login = login(
        spec,
        config.auth,
        config.key_file.as_deref(),
        SecretName::SshPassword,
        SecretName::SshPassphrase,
    )?;
    Ok(SshEndpoint {
        port: config.port,
        accepted: keys(spec, &address, config.port),
        known_hosts: default_known_hosts(),
        jump,
        ..SshEndpoint::new(address, config.user.clone(), login)
    })
}

fn login(
    spec: &ConnectionSpec,
    auth: SshAuth,
    key_file: Option<&str>,
    password: SecretName,
    passphrase: SecretName,
) -> Result<SshLogin, ConnectorError> {
    Ok(match auth {
        SshAuth::Password => SshLogin::Password(required(spec, password)?),
        SshAuth::Agent => SshLogin::Agent { socket: None },
        SshAuth::Key => SshLogin::Key {
            path: at_home(key_file.ok_or_else(|| wrong(spec, "no key file is set"))?),
            passphrase: spec.secrets.get(&passphrase).cloned(),
        },
    })
}

/// The accepted host keys of one server.
fn keys(spec: &ConnectionSpec, address: &str, port: u16) -> Vec<AcceptedKey> {
    let endpoint = wakehub_connectors::ssh::endpoint_name(address, port);
    spec.accepted
        .iter()
        .filter(|a| a.kind == PresentedKind::HostKey && a.endpoint == endpoint)
        .map(|accepted| AcceptedKey {
            algorithm: accepted.algorithm.clone(),
            fingerprint: accepted.fingerprint.clone(),
        })
        .collect()
}

/// TCP ports of the machine on which WakeHub asks its other APIs: connections to them are no use of it.
fn polled(node: &wakehub_domain::Node) -> Vec<u16> {
    let proxmox = node.proxmox_api.as_ref().map(|api| (&api.url, 8006));
    let docker = node.docker_api.as_ref().map(|api| (&api.url, 2375));
    [proxmox, docker]
        .into_iter()
        .flatten()
        .filter(|(url, _)| url.starts_with("https://") || url.starts_with("tcp://"))
        .map(|(url, usual)| {
            let authority = url.split("://").nth(1).unwrap_or_default();
            let authority = authority.split('/').next().unwrap_or_default();
            let port = authority.rsplit_once(':').map(|(_, port)| port);
            port.and_then(|port| port.parse().ok()).unwrap_or(usual)
        })
        .collect()
}

/// A leading `~/` is the user's home.
fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        (_, _) => PathBuf::from(path),
    }
}

fn required(
    spec: &ConnectionSpec,
    name: SecretName,
) -> Result<wakehub_domain::Secret, ConnectorError> {
    spec.secrets.get(&name).cloned().ok_or_else(|| {
        ConnectorError::new(
            ErrorKind::NoSecret,
            operation(spec),
            format!("the keyring has no {name} for {}", spec.node.name),
        )
    })
}

fn configured<'a, T>(
    spec: &ConnectionSpec,
    config: Option<&'a T>,
) -> Result<&'a T, ConnectorError> {
    config.ok_or_else(|| wrong(spec, "it is not configured"))
}

fn wrong(spec: &ConnectionSpec, message: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Unsupported, operation(spec), message)
}

fn operation(spec: &ConnectionSpec) -> String {
    format!(
        "connect to {}’s {}",
        spec.node.name,
        spec.capability.title()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use wakehub_domain::{DockerConfig, Node, NodeId, NodeKind, ProxmoxConfig};

    #[test]
    fn the_ports_that_are_polled() {
        let of = |proxmox: Option<&str>, docker: Option<&str>| {
            let mut node = Node::new(NodeId(1), "a", NodeKind::Machine);
            node.proxmox_api = proxmox.map(|url| ProxmoxConfig {
                url: url.to_owned(),
                node: "pve".to_owned(),
                token_id: None,
                user: None,
            });
            node.docker_api = docker.map(|url| DockerConfig {
                url: url.to_owned(),
                cert_path: None,
            });
            polled(&node)
        };
        assert_eq!(of(None, None), [] as [u16; 0]);
        assert_eq!(of(Some("https://10.0.0.2:8006"), Some("ssh")), [8006]);
        assert_eq!(of(Some("https://[fd00::2]/"), None), [8006]);
        assert_eq!(
            of(Some("https://pve/"), Some("tcp://pve:2376")),
            [8006, 2376]
        );
        assert_eq!(
            of(None, Some("unix:///var/run/docker.sock")),
            [] as [u16; 0]
        );
    }
}
