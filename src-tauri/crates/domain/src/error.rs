//! The one shape of everything that can go wrong between WakeHub and a platform.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What failed, whether trying again helps, and the platform's own words.
///
/// Reads as a fragment: "failed to {operation}: {message}".
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("{operation}: {message}")]
pub struct ConnectorError {
    pub kind: ErrorKind,
    pub retry: Retry,
    /// A lower-case fragment: `start vm 100`, `log in as root`.
    pub operation: String,
    /// The platform's own words, unchanged and without secrets.
    pub message: String,
    /// Set with [`ErrorKind::Untrusted`]: what the other side showed.
    pub presented: Option<Box<Presented>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Nobody answers there, or our own network has no way to it.
    Unreachable,
    /// The login or a privilege is refused.
    Unauthorised,
    /// The host key or certificate is not accepted yet, or is not the accepted one.
    Untrusted,
    /// Understood and refused: a locked guest, a bad parameter, a failed task.
    Rejected,
    /// The other side cannot do this: too old, too new, no such command.
    Unsupported,
    TimedOut,
    /// It does not speak the protocol it should.
    Protocol,
    /// A secret is missing, or the keyring cannot be read.
    NoSecret,
    /// The circuit breaker is open: it failed too often just now.
    Paused,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// Nothing changes until somebody does something.
    Never,
    /// May pass by itself.
    Later,
}

/// An SSH host key or a TLS certificate that was presented.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Presented {
    pub kind: PresentedKind,
    /// `10.77.0.2:22`, as it was connected to.
    pub endpoint: String,
    /// `ssh-ed25519`; for a certificate its subject.
    pub algorithm: String,
    /// Host key: `SHA256:` and base64 without padding, as OpenSSH prints it. Certificate: SHA-256 of the DER, in upper-case
    /// hexadecimal pairs with colons, as Proxmox and openssl print it.
    pub fingerprint: String,
    /// What was accepted before, in the same form; `None` the first time.
    pub accepted: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PresentedKind {
    HostKey,
    Certificate,
}

impl ConnectorError {
    pub fn new(
        kind: ErrorKind,
        operation: impl Into<String>,
        message: impl fmt::Display,
    ) -> ConnectorError {
        let retry = match kind {
            ErrorKind::Unreachable
            | ErrorKind::TimedOut
            | ErrorKind::Protocol
            | ErrorKind::Paused => Retry::Later,
            ErrorKind::Unauthorised
            | ErrorKind::Untrusted
            | ErrorKind::Rejected
            | ErrorKind::Unsupported
            | ErrorKind::NoSecret => Retry::Never,
        };
        ConnectorError {
            kind,
            retry,
            operation: operation.into(),
            message: message.to_string(),
            presented: None,
        }
    }

    pub fn untrusted(operation: impl Into<String>, presented: Presented) -> ConnectorError {
        let what = match presented.kind {
            PresentedKind::HostKey => "host key",
            PresentedKind::Certificate => "certificate",
        };
        let message = match &presented.accepted {
            None => format!(
                "the {what} of {} is not accepted yet: {}",
                presented.endpoint, presented.fingerprint
            ),
            Some(accepted) => format!(
                "the {what} of {} has changed: it is {}, accepted was {accepted}",
                presented.endpoint, presented.fingerprint
            ),
        };
        ConnectorError {
            presented: Some(Box::new(presented)),
            ..ConnectorError::new(ErrorKind::Untrusted, operation, message)
        }
    }

    /// The same error, seen as part of a larger operation.
    pub fn during(mut self, operation: impl Into<String>) -> ConnectorError {
        self.operation = operation.into();
        self
    }
}
