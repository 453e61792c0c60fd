//! The engine's socket on an SSH host: a forwarded socket, or Docker's own bridge where sshd forwards none.

use std::sync::Mutex;
use wakehub_domain::{ConnectorError, ErrorKind};

use crate::ssh::{Output, SshHost, SshStream};

/// What the `docker` command itself runs on the other side for `DOCKER_HOST=ssh://…`: its input and output become the
/// engine's socket.
const BRIDGE: &str = "docker system dial-stdio";

pub(super) struct Remote {
    socket: String,
    way: Mutex<Way>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A streamlocal channel: needs no process on the host, and does not count as a session.
    Forwarded,
    Bridged,
}

impl Remote {
    pub(super) fn new(socket: &str) -> Remote {
        Remote {
            socket: socket.to_owned(),
            way: Mutex::new(Way::Forwarded),
        }
    }

    /// `SSH, /var/run/docker.sock`
    pub(super) fn way(&self) -> String {
        match self.chosen() {
            Way::Forwarded => format!("SSH, {}", self.socket),
            Way::Bridged => format!("SSH, {BRIDGE}"),
        }
    }

    pub(super) fn is_bridged(&self) -> bool {
        self.chosen() == Way::Bridged
    }

    fn chosen(&self) -> Way {
        *self
            .way
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn choose(&self, way: Way) {
        *self
            .way
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = way;
    }

    pub(super) async fn open(&self, host: &SshHost) -> Result<SshStream, ConnectorError> {
        if self.chosen() == Way::Bridged {
            return host.exec_stream(BRIDGE).await.map_err(whole);
        }
        let refused = match host.stream_local(&self.socket).await {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind == ErrorKind::Rejected => error,
            Err(error) => return Err(whole(error)),
        };
        // sshd does not say why it opens no channel: forbidden, no such socket, no right to it. The bridge may still work,
        // and if it does not, it knows the reason.
        let tried = host.exec(BRIDGE, b"").await.map_err(whole)?;
        if !tried.is_success() {
            return Err(no_bridge(whole(refused), &tried));
        }
        self.choose(Way::Bridged);
        host.exec_stream(BRIDGE).await.map_err(whole)
    }
}

/// With what was being done, which the caller replaces by its own operation.
fn whole(error: ConnectorError) -> ConnectorError {
    ConnectorError {
        message: format!("{}: {}", error.operation, error.message),
        ..error
    }
}

fn no_bridge(refused: ConnectorError, tried: &Output) -> ConnectorError {
    let said = tried.stderr_text();
    let words = said.lines().map(str::trim).find(|line| !line.is_empty());
    // 127 is the shell's "no such command": a Podman host, or a PATH without docker.
    if tried.status == Some(127) {
        let message = format!(
            "{}; {}",
            refused.message,
            words.unwrap_or("no docker command")
        );
        return ConnectorError::new(ErrorKind::Unsupported, refused.operation, message);
    }
    let Some(words) = words else {
        return refused;
    };
    let kind = if words.contains("permission denied") {
        ErrorKind::Unauthorised
    } else {
        ErrorKind::Unreachable
    };
    ConnectorError::new(kind, refused.operation, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(status: i32, stderr: &str) -> ConnectorError {
        let refused = ConnectorError::new(ErrorKind::Rejected, "open", "no channel");
        let tried = Output {
            status: Some(status),
            signal: None,
            stdout: Vec::new(),
            stderr: stderr.into(),
        };
        no_bridge(refused, &tried)
    }

    #[test]
    fn reasons() {
        // As docker 28 and dash say it.
        let down = "failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: no such file or directory";
        let error = no(1, down);
        assert_eq!(
            (error.kind, error.message.as_str()),
            (ErrorKind::Unreachable, down)
        );
        let denied = "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock";
        assert_eq!(no(1, denied).kind, ErrorKind::Unauthorised);
        let absent = no(127, "sh: 1: docker: not found");
        assert_eq!(absent.kind, ErrorKind::Unsupported);
        assert_eq!(absent.message, "no channel; sh: 1: docker: not found");
        assert_eq!(no(1, "").kind, ErrorKind::Rejected);
    }
}
