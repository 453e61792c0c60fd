//! Where an engine is and how it is protected.

use std::fmt;
use std::path::{Path, PathBuf};

use wakehub_domain::{ConnectorError, DockerConfig, ErrorKind};

use crate::ssh::SshHost;

/// One Docker engine.
#[derive(Clone, Debug)]
pub enum DockerEndpoint {
    /// Unprotected: whoever reaches the port commands the engine.
    Tcp { host: String, port: u16 },
    /// TLS with client certificates, as `dockerd --tlsverify` asks for. All three files are PEM.
    Tls {
        host: String,
        port: u16,
        ca: PathBuf,
        cert: PathBuf,
        key: PathBuf,
    },
    /// A local socket; on Windows a named pipe.
    Unix { path: PathBuf },
    /// The engine's socket on an SSH host, over the session that the host keeps anyway.
    Ssh { host: SshHost },
}

impl DockerEndpoint {
    /// Reads the configuration of a node. `ssh` is not for here: it takes the node's [`SshHost`].
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] when the URL is none of the others that [`DockerConfig::url`] lists.
    pub fn from_config(config: &DockerConfig) -> Result<DockerEndpoint, ConnectorError> {
        let url = config.url.trim();
        if let Some(path) = url.strip_prefix("unix://")
            && path.starts_with('/')
        {
            return Ok(DockerEndpoint::Unix { path: path.into() });
        }
        if let Some(pipe) = url.strip_prefix("npipe://") {
            return Ok(DockerEndpoint::Unix {
                path: pipe.replace('/', "\\").into(),
            });
        }
        let (host, port) = url
            .strip_prefix("tcp://")
            .and_then(host_and_port)
            .ok_or_else(|| malformed(url))?;
        // 2376 is Docker's registered port for TLS, 2375 the one without.
        if config.cert_path.is_none() && port != 2376 {
            return Ok(DockerEndpoint::Tcp { host, port });
        }
        let folder = certificates(config.cert_path.as_deref());
        Ok(DockerEndpoint::Tls {
            host,
            port,
            ca: folder.join("ca.pem"),
            cert: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        })
    }

    /// The name or address under which published ports are reached; `None` for a local socket.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            DockerEndpoint::Tcp { host, .. } | DockerEndpoint::Tls { host, .. } => Some(host),
            DockerEndpoint::Ssh { host } => Some(&host.endpoint().address),
            DockerEndpoint::Unix { .. } => None,
        }
    }
}

impl fmt::Display for DockerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DockerEndpoint::Tcp { host, port } | DockerEndpoint::Tls { host, port, .. } => {
                if host.contains(':') {
                    write!(f, "[{host}]:{port}")
                } else {
                    write!(f, "{host}:{port}")
                }
            }
            DockerEndpoint::Unix { path } => write!(f, "{}", path.display()),
            DockerEndpoint::Ssh { host } => write!(f, "{}", host.endpoint()),
        }
    }
}

fn malformed(url: &str) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Rejected,
        "read the Docker address",
        format!(
            "{url:?} is none of tcp://host:2375, tcp://host:2376, ssh and unix:///path/docker.sock"
        ),
    )
}

fn host_and_port(rest: &str) -> Option<(String, u16)> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = rest.rsplit_once(':')?;
    let host = host
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(host);
    if host.is_empty() || host.contains(['/', '@', ' ']) {
        return None;
    }
    Some((host.to_owned(), port.parse().ok()?))
}

/// As the `docker` command: `~/.docker` unless told otherwise.
fn certificates(cert_path: Option<&str>) -> PathBuf {
    let home = std::env::home_dir().unwrap_or_default();
    match cert_path {
        None => home.join(".docker"),
        Some(path) => match path.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => Path::new(path).to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str, cert_path: Option<&str>) -> Result<String, ConnectorError> {
        DockerEndpoint::from_config(&DockerConfig {
            url: url.into(),
            cert_path: cert_path.map(Into::into),
        })
        .map(|endpoint| format!("{endpoint:?}"))
    }

    #[test]
    fn addresses() {
        assert_eq!(
            read("tcp://10.77.0.11:2375", None).unwrap(),
            r#"Tcp { host: "10.77.0.11", port: 2375 }"#
        );
        assert_eq!(
            read("tcp://[fd00::11]:2375", None).unwrap(),
            r#"Tcp { host: "fd00::11", port: 2375 }"#
        );
        assert_eq!(
            read("tcp://vm-docker:2376", Some("/certs")).unwrap(),
            r#"Tls { host: "vm-docker", port: 2376, ca: "/certs/ca.pem", cert: "/certs/cert.pem", key: "/certs/key.pem" }"#
        );
        assert!(
            read("tcp://vm-docker:2376", None)
                .unwrap()
                .contains(".docker/ca.pem")
        );
        assert!(
            read("tcp://vm-docker:4000", Some("/certs"))
                .unwrap()
                .starts_with("Tls")
        );
        assert_eq!(
            read("unix:///var/run/docker.sock", None).unwrap(),
            r#"Unix { path: "/var/run/docker.sock" }"#
        );
        for wrong in [
            "",
            "tcp://",
            "tcp://host",
            "tcp://host:port",
            "http://host:2375",
            "tcp://:2375",
            "unix://docker.sock",
        ] {
            let error = read(wrong, None).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Rejected, "{wrong}");
        }
    }
}
