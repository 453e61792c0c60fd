//! Which host key is believed: one that the user accepted here, or one that stands in `known_hosts`. Nothing else.

use super::config::{AcceptedKey, SshEndpoint};
use super::known_hosts::{self, Known};
use wakehub_domain::{ConnectorError, ErrorKind, Presented, PresentedKind};

/// Preferred for a host that nothing is known about, in OpenSSH's order.
const ALGORITHMS: [&str; 6] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Trust {
    accepted: Vec<AcceptedKey>,
    known: Known,
}

/// Why a host key is believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TrustedBy {
    User,
    KnownHosts,
}

impl Trust {
    /// Reads the files, so not for the runtime's threads. A file that cannot be read knows nobody.
    pub(super) fn read(endpoint: &SshEndpoint) -> Trust {
        let mut known = Known::default();
        for file in &endpoint.known_hosts {
            let Ok(bytes) = std::fs::read(file) else {
                continue;
            };
            let entries = known_hosts::parse(&String::from_utf8_lossy(&bytes));
            let found = known_hosts::look_up(&entries, endpoint.host(), endpoint.port);
            known.keys.extend(found.keys);
            known.revoked.extend(found.revoked);
        }
        Trust {
            accepted: endpoint.accepted.clone(),
            known,
        }
    }

    /// The signature algorithms to ask for, those of believed keys first: a server shows one key only, and another type
    /// than the believed one would look like a change.
    pub(super) fn preference(&self) -> String {
        let believed = self.accepted.iter().chain(&self.known.keys);
        let mut wanted: Vec<&str> = Vec::new();
        let first = believed.flat_map(|key| match key.algorithm.as_str() {
            "ssh-rsa" => vec!["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"],
            other => vec![other],
        });
        for algorithm in first.chain(ALGORITHMS) {
            if !wanted.contains(&algorithm) {
                wanted.push(algorithm);
            }
        }
        wanted.join(",")
    }

    pub(super) fn judge(
        &self,
        endpoint: &SshEndpoint,
        blob: &[u8],
    ) -> Result<(AcceptedKey, TrustedBy), ConnectorError> {
        let operation = format!("check the host key of {endpoint}");
        let Some(shown) = known_hosts::identify(blob) else {
            return Err(ConnectorError::new(
                ErrorKind::Protocol,
                operation,
                "the server's host key cannot be read",
            ));
        };
        let is_shown = |key: &AcceptedKey| key.fingerprint == shown.fingerprint;
        if self.known.revoked.iter().any(is_shown) {
            return Err(ConnectorError::new(
                ErrorKind::Untrusted,
                operation,
                format!(
                    "its host key {} is marked @revoked in known_hosts",
                    shown.fingerprint
                ),
            ));
        }
        if self.accepted.iter().any(is_shown) {
            return Ok((shown, TrustedBy::User));
        }
        if self.known.keys.iter().any(is_shown) {
            return Ok((shown, TrustedBy::KnownHosts));
        }
        let believed = || self.accepted.iter().chain(&self.known.keys);
        let before = believed()
            .find(|key| key.algorithm == shown.algorithm)
            .or_else(|| believed().next());
        Err(ConnectorError::untrusted(
            operation,
            Presented {
                kind: PresentedKind::HostKey,
                endpoint: endpoint.to_string(),
                algorithm: shown.algorithm,
                fingerprint: shown.fingerprint,
                accepted: before.map(|key| key.fingerprint.clone()),
            },
        ))
    }
}

#[cfg(test)]
mod tests;
