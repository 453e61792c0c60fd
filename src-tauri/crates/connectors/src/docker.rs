//! Docker engines over TCP, TLS, SSH and a local socket.
//!
//! bollard knows the endpoints and models; the connections are ours and are kept, and so is the version that stands in
//! every path, which is really the negotiated one. Answers that bollard cannot read are read leniently (Podman's too).

mod check;
mod client;
mod config;
mod discover;
mod exchange;
mod parse;
mod power;
mod remote;
mod sample;
mod stats;
mod tls;
mod transport;
mod watch;

pub use config::DockerEndpoint;

use async_trait::async_trait;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;
use wakehub_domain::{Capability, ConnectorError, ErrorKind, NodeKind, PowerState};

use crate::wire::Wire;
use crate::{Change, Check, Connector, Discovered, Own, Report, StopOptions, Target, Usage, Watch};
use client::Client;
use discover::Surroundings;
use parse::{Inspected, Listed};
use transport::Dial;

/// Asked about at once by [`Connector::discover`]; more would only queue up in the engine.
const INSPECTED_AT_ONCE: usize = 4;
/// Of a whole discovery: 1,000 containers take about 2 s.
const DISCOVERY_DEADLINE: Duration = Duration::from_secs(60);

/// Where engines listen unless they are told otherwise.
const USUAL_SOCKET: &str = "/var/run/docker.sock";

/// A directive for the filter of every log: bollard logs whole answers, and with them what stands in the environment of
/// containers, passwords too.
pub const NOT_LOGGED: &str = "bollard=off";

/// The connection to one engine.
pub struct DockerConnector {
    endpoint: Arc<DockerEndpoint>,
    socket_on_host: String,
    client: Mutex<Option<Arc<Client>>>,
    opened: Arc<AtomicU64>,
    wire: Arc<Wire>,
    /// What processor times are compared with.
    since: Instant,
}

impl DockerConnector {
    /// Connects at the first call, not here.
    pub fn new(endpoint: DockerEndpoint) -> DockerConnector {
        DockerConnector {
            endpoint: Arc::new(endpoint),
            socket_on_host: USUAL_SOCKET.to_owned(),
            client: Mutex::new(None),
            opened: Arc::default(),
            wire: Arc::default(),
            since: Instant::now(),
        }
    }

    /// Of an engine over SSH that does not listen on `/var/run/docker.sock`, such as a rootless one.
    pub fn with_socket_on_host(mut self, path: impl Into<String>) -> DockerConnector {
        self.socket_on_host = path.into();
        self
    }

    /// How many connections have been opened since the start. Polls reuse one, so it stands still while all is well.
    pub fn connections_opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    async fn client(&self, operation: &str) -> Result<Arc<Client>, ConnectorError> {
        let mut client = self.client.lock().await;
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let dial = self.dial().await.map_err(|error| ConnectorError {
            message: format!("{}: {}", error.operation, error.message),
            operation: operation.to_owned(),
            ..error
        })?;
        let made = Arc::new(Client::new(dial)?);
        *client = Some(made.clone());
        Ok(made)
    }

    async fn dial(&self) -> Result<Dial, ConnectorError> {
        let (endpoint, opened) = (self.endpoint.clone(), self.opened.clone());
        let dial = Dial::new(endpoint, &self.socket_on_host, opened).await?;
        Ok(dial.counted_by(self.wire.clone()))
    }

    async fn discover_all(&self) -> Result<Vec<Discovered>, ConnectorError> {
        let operation = "list containers";
        let client = self.client(operation).await?;
        let containers = client.list(operation, None).await?;
        // Only needed to tell addresses of a macvlan from those of a bridge, and often not allowed by socket proxies.
        let networks = client
            .networks("list networks")
            .await
            .unwrap_or_else(|error| {
                tracing::debug!(%error, "discovering without networks");
                Vec::new()
            });
        let networks: HashMap<String, String> = networks
            .into_iter()
            .filter_map(|network| Some((network.name?, network.driver?)))
            .collect();
        let around = Surroundings {
            host: self.endpoint.host(),
            containers: &containers,
            networks: &networks,
        };
        let mut looked = futures_util::stream::iter(0..containers.len())
            .map(|at| {
                let (client, listed) = (&client, &containers[at]);
                async move { (at, inspect(client, listed.name(), &listed.id).await) }
            })
            .buffer_unordered(INSPECTED_AT_ONCE);
        let mut found = Vec::with_capacity(containers.len());
        while let Some((at, inspected)) = looked.next().await {
            match inspected {
                Ok(inspected) => {
                    let listed = &containers[at];
                    found.push((at, discover::discovered(listed, &inspected, &around)));
                }
                // Removed since the list was made.
                Err(error) if error.kind == ErrorKind::Rejected => {}
                Err(error) => return Err(error),
            }
        }
        drop(looked);
        found.sort_by_key(|(at, _)| *at);
        Ok(found.into_iter().map(|(_, one)| one).collect())
    }
}

impl fmt::Debug for DockerConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerConnector")
            .field("endpoint", &self.endpoint)
            .field("opened", &self.opened)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Connector for DockerConnector {
    fn capability(&self) -> Capability {
        Capability::DockerApi
    }

    async fn observe(&self) -> Result<Report, ConnectorError> {
        let operation = "list containers";
        let client = self.client(operation).await?;
        let containers = client.list(operation, None).await?;
        Ok(Report {
            itself: Some(PowerState::On),
            guests: containers.iter().map(Listed::report).collect(),
            complete: true,
        })
    }

    async fn start(&self, target: &Target) -> Result<(), ConnectorError> {
        let name = container(target, "start")?;
        let client = self.client(&format!("start container {name}")).await?;
        power::start(&client, name).await
    }

    async fn stop(&self, target: &Target, how: &StopOptions) -> Result<(), ConnectorError> {
        let name = container(target, "stop")?;
        let client = self.client(&format!("stop container {name}")).await?;
        power::stop(&client, name, how).await
    }

    async fn discover(&self) -> Result<Vec<Discovered>, ConnectorError> {
        tokio::time::timeout(DISCOVERY_DEADLINE, self.discover_all())
            .await
            .unwrap_or_else(|_| {
                Err(ConnectorError::new(
                    ErrorKind::TimedOut,
                    "discover containers",
                    format!("not done within {} s", DISCOVERY_DEADLINE.as_secs()),
                ))
            })
    }

    async fn test(&self, checks: &mpsc::Sender<Check>) {
        check::run(self, checks).await;
    }

    async fn watch(&self, changes: &mpsc::Sender<Change>) -> Result<Watch, ConnectorError> {
        let client = self.client(watch::OPERATION).await?;
        watch::run(&client, changes).await
    }

    async fn sample(&self, wanted: &[Target]) -> Result<Vec<Usage>, ConnectorError> {
        let client = self.client("read what the containers use").await?;
        sample::sample(&client, self.since, wanted).await
    }

    fn traffic(&self) -> Own {
        self.wire.own()
    }

    async fn close(&self) {
        *self.client.lock().await = None;
    }
}

/// By name or id, and only the one with exactly this name: an engine takes `cafe` for the id of a container whose id
/// begins so, if none has the name.
async fn inspect(client: &Client, name: &str, by: &str) -> Result<Inspected, ConnectorError> {
    let operation = format!("look at container {name}");
    let inspected = client.inspect(&operation, by).await?;
    if by == name && inspected.own_name() != name {
        return Err(no_such_container(operation, name));
    }
    Ok(inspected)
}

fn no_such_container(operation: String, name: &str) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Rejected,
        operation,
        format!("No such container: {name}"),
    )
}

/// The container's name, fit to stand in a path.
fn container<'a>(target: &'a Target, verb: &str) -> Result<&'a str, ConnectorError> {
    let rejected = |what: &str, why: &str| {
        Err(ConnectorError::new(
            ErrorKind::Rejected,
            format!("{verb} {what}"),
            format!("{what}: {why}"),
        ))
    };
    match target {
        Target::Guest {
            kind: NodeKind::Container,
            platform_id,
        } => {
            // Docker's own rule for names.
            let mut letters = platform_id.chars();
            let valid = letters.next().is_some_and(|c| c.is_ascii_alphanumeric())
                && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
            if valid {
                Ok(platform_id)
            } else {
                rejected(
                    &format!("container {platform_id:?}"),
                    "not a container's name",
                )
            }
        }
        Target::Guest {
            kind: kind @ (NodeKind::Machine | NodeKind::Vm | NodeKind::Lxc),
            platform_id,
        } => rejected(
            &format!("{} {platform_id:?}", kind.as_str()),
            "a Docker engine has containers only",
        ),
        Target::Itself => rejected(
            "the machine",
            "a Docker engine cannot start or stop the machine that it runs on",
        ),
    }
}
