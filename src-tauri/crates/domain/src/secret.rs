//! Secrets: never printed, wiped from memory when dropped, and kept in the operating system's keyring only.

use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// A password, passphrase or token. Its `Debug` shows nothing, it has no `Display` and cannot be serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(value.into()))
    }

    /// The value itself, for the one call that sends it to the platform.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a node can have a secret for. The database and homelab.toml know only these names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SecretName {
    /// The SSH user's password; also used for `sudo` nowhere: sudo runs with `-n`.
    SshPassword,
    /// The passphrase of the SSH key file.
    SshPassphrase,
    /// The jump host's password.
    JumpPassword,
    /// The passphrase of the jump host's key file.
    JumpPassphrase,
    /// The secret part (a UUID) of a Proxmox API token.
    ProxmoxToken,
    /// The password of a Proxmox user.
    ProxmoxPassword,
    /// The SecureOn password of a network card: six bytes in hexadecimal, as a MAC address is written.
    WolPassword,
    /// What the question of an idle rule logs in with: a token, an API key or a password.
    Probe,
}

impl SecretName {
    pub const ALL: [SecretName; 8] = [
        SecretName::SshPassword,
        SecretName::SshPassphrase,
        SecretName::JumpPassword,
        SecretName::JumpPassphrase,
        SecretName::ProxmoxToken,
        SecretName::ProxmoxPassword,
        SecretName::WolPassword,
        SecretName::Probe,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            SecretName::SshPassword => "ssh-password",
            SecretName::SshPassphrase => "ssh-passphrase",
            SecretName::JumpPassword => "jump-password",
            SecretName::JumpPassphrase => "jump-passphrase",
            SecretName::ProxmoxToken => "proxmox-token",
            SecretName::ProxmoxPassword => "proxmox-password",
            SecretName::WolPassword => "wol-password",
            SecretName::Probe => "probe",
        }
    }

    pub fn parse(name: &str) -> Option<SecretName> {
        SecretName::ALL
            .into_iter()
            .find(|known| known.as_str() == name)
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
