//! Test connection: each thing that the connection needs, as it is tried.

use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wakehub_domain::{ConnectorError, ErrorKind};

use super::DockerConnector;
use super::client::Client;
use super::config::DockerEndpoint;
use super::parse::EngineVersion;
use super::tls::{self, Tls};
use super::transport::{self, Dial};
use crate::{Check, CheckKind, CheckOutcome};

pub(super) async fn run(connector: &DockerConnector, checks: &mpsc::Sender<Check>) {
    let report = Reporter { checks };
    let connected = match &*connector.endpoint {
        DockerEndpoint::Tcp { host, port } => tcp(&report, connector, host, *port).await,
        DockerEndpoint::Tls {
            host,
            port,
            ca,
            cert,
            key,
        } => {
            if tcp(&report, connector, host, *port).await {
                trusted(&report, connector, host, *port, Tls::load(ca, cert, key)).await
            } else {
                report.skipped(CheckKind::Trusted).await;
                false
            }
        }
        DockerEndpoint::Unix { .. } => local(&report, connector).await,
    };
    if !connected {
        report.skipped(CheckKind::Login).await;
        report.skipped(CheckKind::Version).await;
        return;
    }
    let client = match connector.client("log in").await {
        Ok(client) => client,
        Err(error) => {
            report
                .failed(CheckKind::Login, Duration::ZERO, error, None)
                .await;
            report.skipped(CheckKind::Version).await;
            return;
        }
    };
    if login(&report, connector, &client).await {
        version(&report, &client).await;
        protection(&report, connector, &client).await;
    } else {
        report.skipped(CheckKind::Version).await;
    }
}

async fn tcp(report: &Reporter<'_>, connector: &DockerConnector, host: &str, port: u16) -> bool {
    let opening = transport::within_deadline(
        &connector.endpoint,
        transport::tcp(&connector.endpoint, host, port),
    );
    let (took, opened) = timed(opening).await;
    match opened {
        Ok(_) => {
            let detail = connector.endpoint.to_string();
            report.passed(CheckKind::Reachable, took, detail).await;
            true
        }
        Err(error) => {
            let advice = "is the machine on, and does dockerd listen on this port (-H tcp://…)?";
            report
                .failed(CheckKind::Reachable, took, error, Some(advice))
                .await;
            false
        }
    }
}

async fn local(report: &Reporter<'_>, connector: &DockerConnector) -> bool {
    let dialling = async {
        Dial::new(connector.endpoint.clone(), connector.opened.clone())
            .await?
            .open()
            .await
    };
    let (took, opened) = timed(dialling).await;
    match opened {
        Ok(_) => {
            let detail = connector.endpoint.to_string();
            report.passed(CheckKind::Reachable, took, detail).await;
            true
        }
        Err(error) => {
            let advice = if error.kind == ErrorKind::Unauthorised {
                "add your user to the group that owns the socket (usually docker), then log in again"
            } else {
                "is Docker installed and running here?"
            };
            report
                .failed(CheckKind::Reachable, took, error, Some(advice))
                .await;
            false
        }
    }
}

async fn trusted(
    report: &Reporter<'_>,
    connector: &DockerConnector,
    host: &str,
    port: u16,
    loading: impl Future<Output = Result<Tls, ConnectorError>>,
) -> bool {
    let shaking = async {
        let tls = loading.await?;
        let socket = transport::tcp(&connector.endpoint, host, port).await?;
        let stream =
            tls.handshake(host, socket)
                .await
                .map_err(|error| match tls::within(&error) {
                    Some(reason) => tls.explained("shake hands", reason),
                    None => ConnectorError::new(
                        ErrorKind::Protocol,
                        "shake hands",
                        transport::io_words(&error),
                    ),
                })?;
        Ok(tls::shown(&stream).unwrap_or_default())
    };
    let (took, shown) = timed(transport::within_deadline(&connector.endpoint, shaking)).await;
    match shown {
        Ok(detail) => {
            report.passed(CheckKind::Trusted, took, detail).await;
            true
        }
        Err(error) => {
            let advice = match error.kind {
                ErrorKind::NoSecret => {
                    "put ca.pem, cert.pem and key.pem into the folder, readable for you"
                }
                ErrorKind::Untrusted => {
                    "copy the ca.pem that signed the engine's certificate, and connect by a name that it holds"
                }
                ErrorKind::Protocol => "is it the port with TLS (2376)?",
                ErrorKind::Unreachable
                | ErrorKind::Unauthorised
                | ErrorKind::Rejected
                | ErrorKind::Unsupported
                | ErrorKind::TimedOut
                | ErrorKind::Paused => "try again",
            };
            report
                .failed(CheckKind::Trusted, took, error, Some(advice))
                .await;
            false
        }
    }
}

/// Docker knows no users: who may connect may do everything. What can fail is the client certificate, which TLS 1.3
/// engines judge only after the handshake.
async fn login(report: &Reporter<'_>, connector: &DockerConnector, client: &Client) -> bool {
    let (took, answered) = timed(transport::within_deadline(
        &connector.endpoint,
        client.negotiate("log in"),
    ))
    .await;
    match answered {
        Ok(_) => {
            let detail = match client.dial().tls() {
                Some(_) => "client certificate accepted",
                None => "the engine asks for none",
            };
            report.passed(CheckKind::Login, took, detail.into()).await;
            true
        }
        Err(error) => {
            let advice = match error.kind {
                ErrorKind::Unauthorised => Some(
                    "use a client certificate that is signed by the authority of the engine (its --tlscacert)",
                ),
                ErrorKind::Protocol if error.message.contains("HTTPS") => {
                    Some("this port speaks TLS: use port 2376 with client certificates")
                }
                ErrorKind::Protocol => Some("is this the port of a Docker engine?"),
                ErrorKind::Unreachable
                | ErrorKind::Untrusted
                | ErrorKind::Rejected
                | ErrorKind::Unsupported
                | ErrorKind::TimedOut
                | ErrorKind::NoSecret
                | ErrorKind::Paused => None,
            };
            report.failed(CheckKind::Login, took, error, advice).await;
            false
        }
    }
}

async fn version(report: &Reporter<'_>, client: &Client) {
    let (took, told) = timed(client.get::<EngineVersion>("ask for the version", "/version")).await;
    match told {
        Ok(version) => {
            report
                .passed(CheckKind::Version, took, version.text())
                .await
        }
        Err(error) => {
            let advice = (error.kind == ErrorKind::Unsupported).then_some(
                "the engine and WakeHub have no API version in common: update the older one",
            );
            report.failed(CheckKind::Version, took, error, advice).await;
        }
    }
}

async fn protection(report: &Reporter<'_>, connector: &DockerConnector, client: &Client) {
    let kind = CheckKind::Protection;
    let open = "unprotected: anybody on this network can command this engine";
    match (&*connector.endpoint, client.dial().tls()) {
        (DockerEndpoint::Tls { host, port, .. }, Some(tls)) => {
            let trying = async {
                let socket = transport::tcp(&connector.endpoint, host, *port).await?;
                Ok(tls.lets_anybody_in(host, socket).await)
            };
            let limited = transport::within_deadline(&connector.endpoint, trying);
            match timed(limited).await {
                (took, Ok(true)) => {
                    let detail = format!("{open}; it encrypts, but needs no client certificate");
                    let advice = "start dockerd with --tlsverify";
                    report.warning(kind, took, detail, advice).await;
                }
                (took, Ok(false)) => {
                    let detail = "TLS with client certificates".into();
                    report.passed(kind, took, detail).await;
                }
                (took, Err(error)) => report.failed(kind, took, error, None).await,
            }
        }
        (DockerEndpoint::Tcp { .. } | DockerEndpoint::Tls { .. }, _) => {
            let advice = "use SSH, or port 2376 with client certificates";
            report
                .warning(kind, Duration::ZERO, open.into(), advice)
                .await;
        }
        (DockerEndpoint::Unix { .. }, _) => {
            let detail = "local socket".into();
            report.passed(kind, Duration::ZERO, detail).await;
        }
    }
}

async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let began = Instant::now();
    let done = work.await;
    (began.elapsed(), done)
}

struct Reporter<'a> {
    checks: &'a mpsc::Sender<Check>,
}

impl Reporter<'_> {
    async fn passed(&self, what: CheckKind, took: Duration, detail: String) {
        self.send(what, CheckOutcome::Passed, took, detail, None)
            .await;
    }

    async fn warning(&self, what: CheckKind, took: Duration, detail: String, advice: &str) {
        self.send(what, CheckOutcome::Warning, took, detail, Some(advice))
            .await;
    }

    async fn failed(
        &self,
        what: CheckKind,
        took: Duration,
        error: ConnectorError,
        advice: Option<&str>,
    ) {
        self.send(what, CheckOutcome::Failed, took, error.message, advice)
            .await;
    }

    async fn skipped(&self, what: CheckKind) {
        let (outcome, detail) = (CheckOutcome::Skipped, String::new());
        self.send(what, outcome, Duration::ZERO, detail, None).await;
    }

    async fn send(
        &self,
        what: CheckKind,
        outcome: CheckOutcome,
        took: Duration,
        detail: String,
        advice: Option<&str>,
    ) {
        let check = Check {
            what,
            outcome,
            detail,
            advice: advice.map(str::to_owned),
            presented: None,
            took,
        };
        // Whoever asked may have gone; the rest of the test does no harm.
        let _ = self.checks.send(check).await;
    }
}
