//! Test connection: each thing that the connection needs, as it is tried.

use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wakehub_domain::{ConnectorError, ErrorKind, Presented};

use super::DockerConnector;
use super::client::Client;
use super::config::DockerEndpoint;
use super::parse;
use super::tls::{self, Tls};
use super::transport;
use crate::ssh::SshHost;
use crate::{Check, CheckKind, CheckOutcome};

pub(super) async fn run(connector: &DockerConnector, checks: &mpsc::Sender<Check>) {
    let report = Reporter { checks };
    let connected = match &*connector.endpoint {
        DockerEndpoint::Tcp { .. } => tcp(&report, connector).await,
        DockerEndpoint::Tls {
            host,
            ca,
            cert,
            key,
            ..
        } => {
            if tcp(&report, connector).await {
                trusted(&report, connector, host, Tls::load(ca, cert, key)).await
            } else {
                report.skipped(CheckKind::Trusted).await;
                false
            }
        }
        DockerEndpoint::Unix { .. } => local(&report, connector).await,
        DockerEndpoint::Ssh { host } => {
            if !over_ssh(&report, host).await {
                return;
            }
            true
        }
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
    if login(&report, &client).await {
        version(&report, &client).await;
        protection(&report, connector, &client).await;
    } else {
        report.skipped(CheckKind::Version).await;
    }
}

async fn tcp(report: &Reporter<'_>, connector: &DockerConnector) -> bool {
    let opening =
        transport::within_deadline(&connector.endpoint, transport::tcp(&connector.endpoint));
    let (took, opened) = timed(opening).await;
    match opened {
        Ok(_) => {
            let detail = connector.endpoint.to_string();
            report.passed(CheckKind::Reachable, took, detail).await;
            true
        }
        Err(error) => {
            let advice = "Is the machine on, and does dockerd listen on this port (-H tcp://…)?";
            report
                .failed(CheckKind::Reachable, took, error, Some(advice))
                .await;
            false
        }
    }
}

async fn local(report: &Reporter<'_>, connector: &DockerConnector) -> bool {
    let dialling = async { connector.dial().await?.open().await };
    let (took, opened) = timed(dialling).await;
    match opened {
        Ok(_) => {
            let detail = connector.endpoint.to_string();
            report.passed(CheckKind::Reachable, took, detail).await;
            true
        }
        Err(error) => {
            let advice = if error.kind == ErrorKind::Unauthorised {
                "Add your user to the group that owns the socket (usually docker), then log in again."
            } else {
                "Is Docker installed and running here?"
            };
            report
                .failed(CheckKind::Reachable, took, error, Some(advice))
                .await;
            false
        }
    }
}

/// The SSH connection has a test of its own; here it only matters at which of its steps it fails.
async fn over_ssh(report: &Reporter<'_>, host: &SshHost) -> bool {
    let (took, logged_in) = timed(host.check()).await;
    let Err(error) = logged_in else {
        let detail = format!("{} by SSH", host.endpoint());
        report.passed(CheckKind::Reachable, took, detail).await;
        let detail = "the host key is accepted".into();
        report
            .passed(CheckKind::Trusted, Duration::ZERO, detail)
            .await;
        return true;
    };
    let steps = [
        CheckKind::Reachable,
        CheckKind::Trusted,
        CheckKind::Login,
        CheckKind::Version,
    ];
    let failed = match error.kind {
        ErrorKind::Unreachable | ErrorKind::TimedOut | ErrorKind::Protocol => CheckKind::Reachable,
        ErrorKind::Untrusted => CheckKind::Trusted,
        ErrorKind::Unauthorised
        | ErrorKind::Rejected
        | ErrorKind::Unsupported
        | ErrorKind::NoSecret
        | ErrorKind::Paused => CheckKind::Login,
    };
    let mut error = Some(error);
    for step in steps {
        if step == failed
            && let Some(mut error) = error.take()
        {
            let presented = error.presented.take();
            error.message = format!("{}: {}", error.operation, error.message);
            let advice = "See the test of this machine's SSH connection.";
            report
                .failed_with(step, took, error, Some(advice), presented.map(|key| *key))
                .await;
        } else if error.is_some() {
            let detail = host.endpoint().to_string();
            report.passed(step, took, detail).await;
        } else {
            report.skipped(step).await;
        }
    }
    false
}

async fn trusted(
    report: &Reporter<'_>,
    connector: &DockerConnector,
    host: &str,
    loading: impl Future<Output = Result<Tls, ConnectorError>>,
) -> bool {
    let shaking = async {
        let tls = loading.await?;
        let socket = transport::tcp(&connector.endpoint).await?;
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
                    "Put ca.pem, cert.pem and key.pem into the folder, readable for you."
                }
                ErrorKind::Untrusted => {
                    "Copy the ca.pem that signed the engine's certificate, and connect by a name that it holds."
                }
                ErrorKind::Protocol => "Is it the port with TLS (2376)?",
                ErrorKind::Unreachable
                | ErrorKind::Unauthorised
                | ErrorKind::Rejected
                | ErrorKind::Unsupported
                | ErrorKind::TimedOut
                | ErrorKind::Paused => "Try again.",
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
async fn login(report: &Reporter<'_>, client: &Client) -> bool {
    let (took, answered) = timed(client.try_out("log in")).await;
    match answered {
        Ok(_) => {
            let detail = client.dial().admitted_by();
            report.passed(CheckKind::Login, took, detail).await;
            true
        }
        Err(error) => {
            let advice = match error.kind {
                ErrorKind::Unauthorised if client.dial().tls().is_none() => {
                    Some("Add the user to the group that owns the socket (usually docker).")
                }
                ErrorKind::Unauthorised => Some(
                    "Use a client certificate that is signed by the authority of the engine (its --tlscacert).",
                ),
                ErrorKind::Protocol if error.message.contains("HTTPS") => {
                    Some("This port speaks TLS: use port 2376 with client certificates.")
                }
                ErrorKind::Protocol => Some("Is this the port of a Docker engine?"),
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
    let (took, told) = timed(client.version("ask for the version")).await;
    match told {
        Ok(version) => {
            report
                .passed(CheckKind::Version, took, parse::version_text(&version))
                .await
        }
        Err(error) => {
            let advice = (error.kind == ErrorKind::Unsupported).then_some(
                "The engine and WakeHub have no API version in common: update the older one.",
            );
            report.failed(CheckKind::Version, took, error, advice).await;
        }
    }
}

async fn protection(report: &Reporter<'_>, connector: &DockerConnector, client: &Client) {
    let kind = CheckKind::Protection;
    let open = "unprotected: anybody on this network can command this engine";
    match (&*connector.endpoint, client.dial().tls()) {
        (DockerEndpoint::Tls { host, .. }, Some(tls)) => {
            let trying = async {
                let socket = transport::tcp(&connector.endpoint).await?;
                Ok(tls.lets_anybody_in(host, socket).await)
            };
            let limited = transport::within_deadline(&connector.endpoint, trying);
            match timed(limited).await {
                (took, Ok(true)) => {
                    let detail = format!("{open}; it encrypts, but needs no client certificate");
                    let advice = "Start dockerd with --tlsverify.";
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
            let advice = "Use SSH, or port 2376 with client certificates.";
            report
                .warning(kind, Duration::ZERO, open.into(), advice)
                .await;
        }
        (DockerEndpoint::Ssh { .. }, _) => {
            let detail = "SSH".into();
            report.passed(kind, Duration::ZERO, detail).await;
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
        let check = check(what, CheckOutcome::Passed, took, detail, None);
        self.send(check).await;
    }

    async fn warning(&self, what: CheckKind, took: Duration, detail: String, advice: &str) {
        let check = check(what, CheckOutcome::Warning, took, detail, Some(advice));
        self.send(check).await;
    }

    async fn failed(
        &self,
        what: CheckKind,
        took: Duration,
        error: ConnectorError,
        advice: Option<&str>,
    ) {
        self.failed_with(what, took, error, advice, None).await;
    }

    async fn failed_with(
        &self,
        what: CheckKind,
        took: Duration,
        error: ConnectorError,
        advice: Option<&str>,
        presented: Option<Presented>,
    ) {
        let check = Check {
            presented,
            ..check(what, CheckOutcome::Failed, took, error.message, advice)
        };
        self.send(check).await;
    }

    async fn skipped(&self, what: CheckKind) {
        let outcome = CheckOutcome::Skipped;
        self.send(check(what, outcome, Duration::ZERO, String::new(), None))
            .await;
    }

    async fn send(&self, check: Check) {
        // Whoever asked may have gone; the rest of the test does no harm.
        let _ = self.checks.send(check).await;
    }
}

fn check(
    what: CheckKind,
    outcome: CheckOutcome,
    took: Duration,
    detail: String,
    advice: Option<&str>,
) -> Check {
    Check {
        what,
        outcome,
        detail,
        advice: advice.map(str::to_owned),
        presented: None,
        took,
    }
}
