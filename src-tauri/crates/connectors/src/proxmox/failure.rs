//! How a call fails: from transport errors and HTTP statuses to [`ConnectorError`].

use std::time::Duration;
use wakehub_domain::{ConnectorError, ErrorKind, Retry};

use super::client::CONNECT_TIMEOUT;
use crate::tls;

/// How a call failed, before it is known what that means for the operation.
#[derive(Debug)]
pub(super) struct Failure {
    pub error: ConnectorError,
    /// Set when Proxmox answered.
    pub status: Option<u16>,
    /// The connection broke after the request had gone out, so that it may have been carried out.
    pub broke_off: bool,
}

impl From<Failure> for ConnectorError {
    fn from(failure: Failure) -> ConnectorError {
        failure.error
    }
}

impl Failure {
    /// An answer of 400 and above.
    pub fn refused(operation: &str, status: u16, mut message: String) -> Failure {
        if message.is_empty() {
            message = format!("HTTP {status}");
        }
        let (kind, retry) = match status {
            401 | 403 => (ErrorKind::Unauthorised, Retry::Never),
            408 | 504 => (ErrorKind::TimedOut, Retry::Later),
            501 => (ErrorKind::Unsupported, Retry::Never),
            429 => (ErrorKind::Rejected, Retry::Later),
            502 | 503 => (ErrorKind::Unreachable, Retry::Later),
            // pveproxy's own: it could not connect to the member (595), or lost it (596 and up).
            595..=599 => {
                message = format!("{message} (the API cannot reach that cluster member)");
                (ErrorKind::Unreachable, Retry::Later)
            }
            500 => (ErrorKind::Rejected, retry_of(&message)),
            _ => (ErrorKind::Rejected, Retry::Never),
        };
        let mut error = ConnectorError::new(kind, operation, message);
        error.retry = retry;
        Failure {
            error,
            status: Some(status),
            broke_off: false,
        }
    }

    /// No answer at all.
    pub fn transport(
        operation: &str,
        host: &str,
        limit: Duration,
        error: reqwest::Error,
    ) -> Failure {
        let error = error.without_url();
        if let Some(presented) = tls::refused_certificate(&error) {
            return ConnectorError::untrusted(operation, presented).into();
        }
        let (kind, message) = if let Some(tls) = tls::tls_error(&error) {
            let message = format!("{host} does not speak TLS as it should: {tls}");
            (ErrorKind::Protocol, message)
        } else if error.is_timeout() && error.is_connect() {
            let message = format!(
                "{host} did not answer within {} s",
                CONNECT_TIMEOUT.as_secs()
            );
            (ErrorKind::Unreachable, message)
        } else if error.is_timeout() {
            let message = format!("no answer within {} s", limit.as_secs());
            (ErrorKind::TimedOut, message)
        } else if error.is_connect() {
            (
                ErrorKind::Unreachable,
                format!("{host}: {}", innermost(&error)),
            )
        } else {
            let message = format!("the connection broke off: {}", innermost(&error));
            (ErrorKind::Unreachable, message)
        };
        Failure {
            broke_off: kind == ErrorKind::Unreachable && !error.is_connect(),
            error: ConnectorError::new(kind, operation, message),
            status: None,
        }
    }

    pub fn unauthorised(operation: &str, message: &str) -> Failure {
        ConnectorError::new(ErrorKind::Unauthorised, operation, message).into()
    }

    pub fn protocol(operation: &str, message: impl std::fmt::Display) -> Failure {
        ConnectorError::new(ErrorKind::Protocol, operation, message).into()
    }
}

impl From<ConnectorError> for Failure {
    fn from(error: ConnectorError) -> Failure {
        Failure {
            error,
            status: None,
            broke_off: false,
        }
    }
}

/// Whether a refusal may pass by itself: locks and lost quorum do.
pub(super) fn retry_of(message: &str) -> Retry {
    let passing = [
        "is locked (",
        "got timeout",
        "got lock request timeout",
        "no quorum",
    ];
    if passing.iter().any(|words| message.contains(words)) {
        Retry::Later
    } else {
        Retry::Never
    }
}

/// The error that started it: `Connection refused (os error 111)`.
fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
