//! What is asked of an engine: bollard's endpoints and models, our deadlines and errors.

use bollard::errors::Error;
use bollard::models::{EventMessage, Network, SystemVersion};
use bollard::query_parameters::{
    EventsOptionsBuilder, InspectContainerOptions, KillContainerOptions,
    ListContainersOptionsBuilder, ListNetworksOptions, LogsOptionsBuilder, StartContainerOptions,
    StopContainerOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use std::collections::HashMap;
use std::future::{Future, ready};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use wakehub_domain::{ConnectorError, ErrorKind};

use super::exchange::Exchange;
use super::parse::{self, Inspected, Listed};
use super::stats::Stats;
use super::transport::{self, Dial};

/// How long an engine may take to answer what does not itself wait for a container. A busy engine with hundreds of
/// containers lists them in a second.
pub(super) const REQUEST_DEADLINE: Duration = Duration::from_secs(20);

/// Starting pulls nothing, but sets up mounts and networks, and may wait for a busy disk.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// Seconds. bollard's own deadline ends at the head of an answer; ours are around the whole.
const NEVER: u64 = u64::MAX;

/// An engine and the connections to it.
pub(super) struct Client {
    docker: Docker,
    exchange: Arc<Exchange>,
}

impl Client {
    pub(super) fn new(dial: Dial) -> Result<Client, ConnectorError> {
        let exchange = Arc::new(Exchange::new(dial));
        let carrying = exchange.clone();
        let docker = Docker::connect_with_custom_transport(
            move |request| {
                let exchange = carrying.clone();
                async move { exchange.carry(request).await.map_err(within_bollards) }
            },
            Some("http://docker"),
            NEVER,
            API_DEFAULT_VERSION,
        )
        .map_err(|error| failed(&exchange, "connect", &error))?;
        Ok(Client { docker, exchange })
    }

    pub(super) fn dial(&self) -> &Dial {
        self.exchange.dial()
    }

    /// One exchange, which negotiates the version anew.
    pub(super) async fn try_out(&self, operation: &str) -> Result<(), ConnectorError> {
        let pinging = self.docker.ping();
        self.within(operation, REQUEST_DEADLINE, pinging)
            .await
            .map(drop)
    }

    pub(super) async fn version(&self, operation: &str) -> Result<SystemVersion, ConnectorError> {
        self.within(operation, REQUEST_DEADLINE, self.docker.version())
            .await
    }

    /// All containers, or those whose ids are given.
    pub(super) async fn list(
        &self,
        operation: &str,
        ids: Option<Vec<String>>,
    ) -> Result<Vec<Listed>, ConnectorError> {
        let mut options = ListContainersOptionsBuilder::default().all(true);
        if let Some(ids) = ids {
            options = options.filters(&HashMap::from([("id", ids)]));
        }
        let listing = async {
            match self.docker.list_containers(Some(options.build())).await {
                Ok(containers) => {
                    let read = containers.into_iter().map(Listed::try_from);
                    Ok(read.collect::<Result<_, _>>()?)
                }
                Err(Error::JsonDataError { contents, .. }) => Ok(parse::listed(&contents)?),
                Err(error) => Err(error),
            }
        };
        self.within(operation, REQUEST_DEADLINE, listing).await
    }

    /// By name or id, or by the beginning of an id.
    pub(super) async fn inspect(
        &self,
        operation: &str,
        by: &str,
    ) -> Result<Inspected, ConnectorError> {
        let options = None::<InspectContainerOptions>;
        let looking = async {
            match self.docker.inspect_container(by, options).await {
                Ok(container) => Ok(Inspected::try_from(container)?),
                Err(Error::JsonDataError { contents, .. }) => Ok(parse::inspected(&contents)?),
                Err(error) => Err(error),
            }
        };
        self.within(operation, REQUEST_DEADLINE, looking).await
    }

    /// What it uses now, without the second that the engine would wait for a difference; engines before API 1.41 wait.
    /// `None` when it does not run.
    pub(super) async fn stats(
        &self,
        operation: &str,
        id: &str,
        limit: Duration,
    ) -> Result<Option<Stats>, ConnectorError> {
        let path = format!("/containers/{id}/stats?stream=false&one-shot=true");
        let limit = limit.min(REQUEST_DEADLINE);
        let body = tokio::time::timeout(limit, self.exchange.get(&path))
            .await
            .unwrap_or_else(|_| Err(no_answer(operation, limit)))
            .map_err(|error| error.during(operation))?;
        Stats::read(&body).map_err(|error| {
            ConnectorError::new(
                ErrorKind::Protocol,
                operation,
                unexpected(&error.to_string()),
            )
        })
    }

    /// Whether each connection is a command on the host.
    pub(super) fn is_bridged(&self) -> bool {
        self.exchange.dial().is_bridged()
    }

    pub(super) async fn networks(&self, operation: &str) -> Result<Vec<Network>, ConnectorError> {
        let listing = self.docker.list_networks(None::<ListNetworksOptions>);
        self.within(operation, REQUEST_DEADLINE, listing).await
    }

    /// The last lines of its output.
    pub(super) async fn logs(
        &self,
        operation: &str,
        id: &str,
        lines: usize,
    ) -> Result<Vec<Bytes>, ConnectorError> {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail(&lines.to_string())
            .build();
        let reading = self
            .docker
            .logs(id, Some(options))
            .map_ok(bollard::container::LogOutput::into_bytes)
            .try_collect();
        self.within(operation, REQUEST_DEADLINE, reading).await
    }

    /// What happens to containers, from now on and for as long as it comes; an engine that goes down ends it in the
    /// middle. Only the answer's head has a deadline.
    pub(super) fn events<'a>(
        &'a self,
        operation: &'a str,
    ) -> impl Stream<Item = Result<EventMessage, ConnectorError>> + 'a {
        let only = HashMap::from([("type", vec!["container"])]);
        let options = EventsOptionsBuilder::default().filters(&only).build();
        self.docker
            .clone()
            .with_timeout(REQUEST_DEADLINE)
            .events(Some(options))
            .take_while(|event| ready(!matches!(event, Err(error) if broke_off(error))))
            .map_err(move |error| failed(&self.exchange, operation, &error))
            .boxed()
    }

    pub(super) async fn start(&self, operation: &str, id: &str) -> Result<(), ConnectorError> {
        let options = None::<StartContainerOptions>;
        let starting = self.docker.start_container(id, options);
        self.within(operation, START_DEADLINE, starting).await
    }

    pub(super) async fn unpause(&self, operation: &str, id: &str) -> Result<(), ConnectorError> {
        let unpausing = self.docker.unpause_container(id);
        self.within(operation, REQUEST_DEADLINE, unpausing).await
    }

    /// `grace` before the engine's SIGKILL; the container's own when there is none.
    pub(super) async fn stop(
        &self,
        operation: &str,
        id: &str,
        grace: Option<Duration>,
        deadline: Duration,
    ) -> Result<(), ConnectorError> {
        let options = StopContainerOptions {
            signal: None,
            t: grace.map(|grace| i32::try_from(grace.as_secs()).unwrap_or(i32::MAX)),
        };
        let stopping = self.docker.stop_container(id, Some(options));
        self.within(operation, deadline, stopping).await
    }

    pub(super) async fn kill(&self, operation: &str, id: &str) -> Result<(), ConnectorError> {
        let options = None::<KillContainerOptions>;
        let killing = self.docker.kill_container(id, options);
        self.within(operation, REQUEST_DEADLINE, killing).await
    }

    async fn within<T>(
        &self,
        operation: &str,
        deadline: Duration,
        asking: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, ConnectorError> {
        match tokio::time::timeout(deadline, asking).await {
            Ok(answer) => answer.map_err(|error| failed(&self.exchange, operation, &error)),
            Err(_) => Err(no_answer(operation, deadline)),
        }
    }
}

/// Of a stream. bollard keeps the text of such an error only.
fn broke_off(error: &Error) -> bool {
    matches!(error, Error::IOError { err } if transport::carried(err).is_none())
}

/// bollard's errors have room for those of others only here.
fn within_bollards(error: ConnectorError) -> Error {
    Error::IOError {
        err: io::Error::other(error),
    }
}

fn failed(exchange: &Exchange, operation: &str, error: &Error) -> ConnectorError {
    if matches!(error, Error::RequestTimeoutError) {
        return no_answer(operation, REQUEST_DEADLINE);
    }
    if let Error::HyperResponseError { err } = error {
        return exchange.failed(err).during(operation);
    }
    if let Error::IOError { err } = error {
        let broken = || ConnectorError::new(ErrorKind::Unreachable, operation, err.to_string());
        return transport::carried(err).map_or_else(broken, |known| known.during(operation));
    }
    let message = if let Error::JsonDataError { message, .. } = error {
        unexpected(message)
    } else if let Error::JsonSerdeError { err } = error {
        unexpected(&err.to_string())
    } else {
        error.to_string()
    };
    ConnectorError::new(ErrorKind::Protocol, operation, message)
}

fn unexpected(message: &str) -> String {
    format!("the engine's answer is not what was expected: {message}")
}

fn no_answer(operation: &str, deadline: Duration) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::TimedOut,
        operation,
        format!("no answer within {} s", deadline.as_secs()),
    )
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
