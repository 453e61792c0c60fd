//! What a session needs to know, everything resolved: no keyring, no `~`, no environment.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use wakehub_domain::Secret;

/// One SSH server and how to log in to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SshEndpoint {
    /// A host name or an IP address.
    pub address: String,
    pub port: u16,
    pub user: String,
    pub login: SshLogin,
    /// Host keys that the user has accepted for this endpoint.
    pub accepted: Vec<AcceptedKey>,
    /// Files in the form of OpenSSH's `known_hosts`; what they hold counts as accepted. A missing file is empty. See
    /// [`default_known_hosts`].
    pub known_hosts: Vec<PathBuf>,
    /// Connects through this server (OpenSSH's ProxyJump).
    pub jump: Option<Box<SshEndpoint>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SshLogin {
    Password(Secret),
    Key {
        path: PathBuf,
        passphrase: Option<Secret>,
    },
    Agent {
        /// The agent's socket; `None` asks the one of the environment (`SSH_AUTH_SOCK`, on Windows the OpenSSH agent's
        /// pipe or Pageant).
        socket: Option<PathBuf>,
    },
}

/// A host key, as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AcceptedKey {
    /// `ssh-ed25519`
    pub algorithm: String,
    /// `SHA256:` and base64 without padding, as OpenSSH prints it.
    pub fingerprint: String,
}

/// How long things may take. The defaults are those of DESIGN section 6.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// A whole operation, connecting included: 20 s.
    pub operation: Duration,
    /// Between two looks whether a quiet session still lives: 30 s.
    pub keep_alive: Duration,
    /// The answer to such a look: 5 s.
    pub ping: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            operation: Duration::from_secs(20),
            keep_alive: Duration::from_secs(30),
            ping: Duration::from_secs(5),
        }
    }
}

impl SshEndpoint {
    pub fn new(
        address: impl Into<String>,
        user: impl Into<String>,
        login: SshLogin,
    ) -> SshEndpoint {
        SshEndpoint {
            address: address.into(),
            port: 22,
            user: user.into(),
            login,
            accepted: Vec::new(),
            known_hosts: Vec::new(),
            jump: None,
        }
    }

    /// The address without the brackets that an IPv6 address may stand in.
    pub(super) fn host(&self) -> &str {
        bare(&self.address)
    }
}

/// As [`endpoint_name`].
impl fmt::Display for SshEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&endpoint_name(&self.address, self.port))
    }
}

/// `10.77.0.3:22`, `[fe80::1]:22`: how a server is called in errors and in what it presents.
pub fn endpoint_name(address: &str, port: u16) -> String {
    let host = bare(address);
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

fn bare(address: &str) -> &str {
    address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(address)
}

/// The user's and the system's `known_hosts`.
pub fn default_known_hosts() -> Vec<PathBuf> {
    let mut files = Vec::new();
    if let Some(home) = std::env::home_dir() {
        files.push(home.join(".ssh").join("known_hosts"));
    }
    if cfg!(unix) {
        files.push(PathBuf::from("/etc/ssh/ssh_known_hosts"));
    }
    files
}
