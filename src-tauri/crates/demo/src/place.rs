//! Where a connection leads in the simulated house, and what stands at its door: a host key or certificate, and a login.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};
use wakehub_connectors::proxmox::{ProxmoxAuth, ProxmoxEndpoint};
use wakehub_connectors::ssh::endpoint_name;
use wakehub_domain::{
    Capability, ConnectorError, ErrorKind, NodeKind, Presented, PresentedKind, Secret, SecretName,
    SshAuth,
};
use wakehub_engine::{Accepted, ConnectionSpec};

use crate::furniture::{self, Thing};
use crate::house::House;

/// Every password and token opens the doors of the demo but this one, so that a refused login can be tried, too.
pub const REFUSED: &str = "wrong";

pub(crate) struct Place {
    pub thing: Option<&'static Thing>,
    /// `10.77.0.3:22`
    pub endpoint: String,
    pub presented: Option<Presented>,
    pub is_accepted: bool,
    /// How one logs in, or why not.
    pub login: Result<String, String>,
    /// Anybody may command it: Docker over TCP.
    pub is_open: bool,
    /// An API or engine, which comes up after SSH does.
    is_service: bool,
}

impl Place {
    pub fn of(spec: &ConnectionSpec) -> Place {
        match spec.capability {
            Capability::Wol => Place {
                thing: spec
                    .node
                    .wol
                    .as_ref()
                    .and_then(|wol| furniture::with_mac(&wol.mac)),
                endpoint: spec.node.address.clone().unwrap_or_default(),
                presented: None,
                is_accepted: true,
                login: Ok(String::new()),
                is_open: true,
                is_service: false,
            },
            Capability::Ssh => ssh(spec),
            Capability::ProxmoxApi => proxmox(spec),
            Capability::DockerApi => docker(spec),
        }
    }

    /// The way in, as far as it leads now.
    pub fn enter(&self, house: &House, operation: &str) -> Result<&'static Thing, ConnectorError> {
        let thing = self.reach(house, operation)?;
        self.trust(operation)?;
        self.log_in(operation)?;
        Ok(thing)
    }

    pub fn reach(&self, house: &House, operation: &str) -> Result<&'static Thing, ConnectorError> {
        let unreachable = |why: String| ConnectorError::new(ErrorKind::Unreachable, operation, why);
        let endpoint = &self.endpoint;
        match self.thing {
            Some(thing) if house.serves(thing) => Ok(thing),
            Some(thing) if house.is_on(thing) && !self.is_service => Ok(thing),
            Some(thing) if house.is_on(thing) => {
                Err(unreachable(format!("{endpoint}: connection refused")))
            }
            Some(_) | None => Err(unreachable(format!("{endpoint}: no route to host"))),
        }
    }

    pub fn trust(&self, operation: &str) -> Result<(), ConnectorError> {
        match &self.presented {
            Some(presented) if !self.is_accepted => {
                Err(ConnectorError::untrusted(operation, presented.clone()))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub fn log_in(&self, operation: &str) -> Result<&str, ConnectorError> {
        self.login
            .as_deref()
            .map_err(|why| ConnectorError::new(ErrorKind::Unauthorised, operation, why))
    }
}

fn ssh(spec: &ConnectionSpec) -> Place {
    let address = spec.node.address.clone().unwrap_or_default();
    let (port, login) = match &spec.node.ssh {
        None => (22, Err("SSH is not set up".to_owned())),
        Some(ssh) => {
            let login = match ssh.auth {
                SshAuth::Password if is_refused(spec, SecretName::SshPassword) => {
                    Err(format!("the password of {} is not accepted", ssh.user))
                }
                SshAuth::Password => Ok("password".to_owned()),
                SshAuth::Key => Ok("key".to_owned()),
                SshAuth::Agent => Ok("a key of the agent".to_owned()),
            };
            (ssh.port, login)
        }
    };
    let thing = furniture::at(&address).filter(|thing| port == 22 && has_ssh(thing));
    let endpoint = endpoint_name(&address, port);
    let presented = thing.map(|thing| host_key(thing, endpoint.clone()));
    Place {
        is_accepted: is_accepted(presented.as_ref(), &spec.accepted),
        thing,
        endpoint,
        presented,
        login,
        is_open: false,
        is_service: false,
    }
}

fn proxmox(spec: &ConnectionSpec) -> Place {
    let api = spec.node.proxmox_api.as_ref();
    let endpoint = api.map(|api| authority(&api.url)).unwrap_or_default();
    let thing = furniture::at(host_of(&endpoint))
        .filter(|thing| thing.member.is_some() && endpoint.ends_with(":8006"));
    let presented = thing.map(|thing| certificate(thing, endpoint.clone()));
    let login = match api {
        Some(api) => match (&api.token_id, &api.user) {
            (Some(token), _) if is_refused(spec, SecretName::ProxmoxToken) => {
                Err(format!("401 invalid token value for {token}"))
            }
            (Some(name), _) => Ok(name.clone()),
            (None, Some(_)) if is_refused(spec, SecretName::ProxmoxPassword) => {
                Err("401 authentication failure".to_owned())
            }
            (None, Some(user)) => Ok(user.clone()),
            (None, None) => Err("neither a token nor a user is set".to_owned()),
        },
        None => Err("the Proxmox API is not set up".to_owned()),
    };
    Place {
        is_accepted: is_accepted(presented.as_ref(), &spec.accepted),
        thing,
        endpoint,
        presented,
        login,
        is_open: false,
        is_service: true,
    }
}

fn docker(spec: &ConnectionSpec) -> Place {
    let url = spec.node.docker_api.as_ref().map(|api| api.url.as_str());
    let of_docker = |thing: Option<&'static Thing>| thing.filter(|thing| thing.docker);
    if url.is_none_or(|url| url == "ssh") {
        let place = ssh(spec);
        return Place {
            thing: of_docker(place.thing),
            is_service: true,
            ..place
        };
    }
    let endpoint = url.unwrap_or_default().replace("tcp://", "");
    Place {
        thing: of_docker(furniture::at(host_of(&endpoint))),
        is_open: !endpoint.ends_with(":2376"),
        is_service: true,
        endpoint,
        presented: None,
        is_accepted: true,
        login: Ok(String::new()),
    }
}

/// What a thing of the house presents to those who connect by SSH.
pub(crate) fn host_key(thing: &Thing, endpoint: String) -> Presented {
    let digest = Sha256::digest(format!("host key of {}", thing.name));
    Presented {
        kind: PresentedKind::HostKey,
        endpoint,
        algorithm: "ssh-ed25519".to_owned(),
        fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(digest)),
        accepted: None,
    }
}

pub(crate) fn certificate(thing: &Thing, endpoint: String) -> Presented {
    let digest = Sha256::digest(format!("certificate of {}", thing.name));
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    Presented {
        kind: PresentedKind::Certificate,
        endpoint,
        algorithm: format!("CN={}", thing.member.unwrap_or(thing.name)),
        fingerprint: pairs.join(":"),
        accepted: None,
    }
}

fn is_accepted(presented: Option<&Presented>, accepted: &[Accepted]) -> bool {
    presented.is_none_or(|presented| {
        accepted.iter().any(|accepted| {
            accepted.kind == presented.kind
                && accepted.endpoint == presented.endpoint
                && accepted.fingerprint == presented.fingerprint
        })
    })
}

fn is_refused(spec: &ConnectionSpec, name: SecretName) -> bool {
    spec.secrets
        .get(&name)
        .is_some_and(|secret: &Secret| secret.expose() == REFUSED)
}

/// `10.77.0.2:8006` of `https://10.77.0.2:8006`, as the real connector names it.
fn authority(url: &str) -> String {
    let endpoint = ProxmoxEndpoint {
        url: url.to_owned(),
        member: String::new(),
        auth: ProxmoxAuth::Token {
            id: String::new(),
            secret: Secret::new(String::new()),
        },
        pinned: None,
    };
    endpoint.authority().unwrap_or_else(|| url.to_owned())
}

fn host_of(endpoint: &str) -> &str {
    endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host)
}

/// Whether a thing has a door for SSH: machines have, and guests that are more than an appliance.
fn has_ssh(thing: &Thing) -> bool {
    match thing.kind {
        NodeKind::Machine => true,
        NodeKind::Vm => thing.docker || thing.ports.is_empty(),
        NodeKind::Lxc | NodeKind::Container => false,
    }
}
