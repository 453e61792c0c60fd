//! An SSH host as a connection: it says that the machine is on, and shuts it down.

use super::check;
use super::host::{Output, Ran, SshHost};
use super::parse::{self, Refusal};
use super::sample;
use super::shell;
use crate::{Check, Connector, Discovered, Own, Report, StopOptions, Target, Usage};
use async_trait::async_trait;
use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_domain::idle::ProbeAnswer;
use wakehub_domain::{Capability, ConnectorError, ErrorKind, PowerState};

/// A power command either answers at once or has put the machine to sleep.
const POWER_COMMAND: Duration = Duration::from_secs(10);
/// The user's own question to the machine.
const ASK: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct SshConnector {
    host: SshHost,
    /// Ports of the host on which WakeHub asks an API.
    polled: Vec<u16>,
}

impl SshConnector {
    /// Shares the host's session with everybody else who holds it.
    pub fn new(host: SshHost) -> SshConnector {
        SshConnector {
            host,
            polled: Vec::new(),
        }
    }

    /// Connections from this computer to these TCP ports of the host (a Proxmox or Docker API) are WakeHub's own and no use
    /// of it.
    /// Known by the address that our session comes from, so not behind a jump host.
    #[must_use]
    pub fn polling(mut self, ports: impl IntoIterator<Item = u16>) -> SshConnector {
        self.polled = ports.into_iter().collect();
        self
    }

    pub fn host(&self) -> &SshHost {
        &self.host
    }
}

#[async_trait]
impl Connector for SshConnector {
    fn capability(&self) -> Capability {
        Capability::Ssh
    }

    /// A server that answers runs on a machine that is on. One that does not answer proves nothing, so it is an error and
    /// never Off.
    async fn observe(&self) -> Result<Report, ConnectorError> {
        self.host.check().await?;
        Ok(Report {
            itself: Some(PowerState::On),
            ..Report::default()
        })
    }

    async fn start(&self, _target: &Target) -> Result<(), ConnectorError> {
        Err(self.unsupported("start", "a machine that is off runs no SSH server"))
    }

    async fn stop(&self, target: &Target, how: &StopOptions) -> Result<(), ConnectorError> {
        match target {
            Target::Itself => {
                Stop {
                    host: &self.host,
                    how,
                }
                .run()
                .await
            }
            Target::Guest { .. } => {
                Err(self.unsupported("stop a guest", "SSH stops machines only"))
            }
        }
    }

    async fn discover(&self) -> Result<Vec<Discovered>, ConnectorError> {
        Ok(Vec::new())
    }

    async fn test(&self, checks: &mpsc::Sender<Check>) {
        check::run(&self.host, checks).await;
    }

    async fn sample(&self, wanted: &[Target]) -> Result<Vec<Usage>, ConnectorError> {
        if !wanted.contains(&Target::Itself) {
            return Ok(Vec::new());
        }
        Ok(vec![sample::sample(&self.host, &self.polled).await?])
    }

    async fn ask(&self, command: &str) -> Result<ProbeAnswer, ConnectorError> {
        let output = self.host.exec_within(ASK, command, b"").await?;
        let operation = format!("ask `{}` on {}", shown(command), self.host.endpoint());
        match output.status {
            Some(0) => Ok(ProbeAnswer::used(format!(
                "`{}` says that it is used",
                shown(command)
            ))),
            Some(1) => Ok(ProbeAnswer::not_used(format!(
                "`{}` says that it is not used",
                shown(command)
            ))),
            Some(_) | None => Err(ConnectorError::new(
                ErrorKind::Rejected,
                operation,
                failure("it", &output).trim_start_matches("`it`: "),
            )),
        }
    }

    fn traffic(&self) -> Own {
        self.host.traffic()
    }

    async fn close(&self) {
        self.host.close().await;
    }
}

impl SshConnector {
    fn unsupported(&self, operation: &str, message: &str) -> ConnectorError {
        let operation = format!("{operation} on {}", self.host.endpoint());
        ConnectorError::new(ErrorKind::Unsupported, operation, message)
    }
}

struct Stop<'a> {
    host: &'a SshHost,
    how: &'a StopOptions,
}

/// What one command came to.
enum Tried {
    Accepted,
    Failed(Output),
}

impl Stop<'_> {
    async fn run(&self) -> Result<(), ConnectorError> {
        let endpoint = self.host.endpoint();
        let operation = format!("shut {endpoint} down");
        let about = |error: ConnectorError| error.during(&operation);
        let who = self.host.exec(shell::WHO, b"").await.map_err(about)?;
        let user = parse::user_id(&who.stdout_text());
        // Without numbers there is no sudo either: the command runs as it is.
        let needs_sudo = user.is_some_and(|id| id != 0);

        let commands = match &self.how.command {
            Some(own) => own_command(own, needs_sudo),
            None => shell::power_off(self.how.power_off)
                .iter()
                .map(|command| match needs_sudo {
                    true => shell::as_root(command),
                    false => (*command).to_owned(),
                })
                .collect(),
        };
        let mut complaints = Vec::new();
        let mut kind = ErrorKind::Unsupported;
        for command in &commands {
            let output = match self.try_one(command).await.map_err(about)? {
                Tried::Accepted => return Ok(()),
                Tried::Failed(output) => output,
            };
            let stderr = output.stderr_text();
            complaints.push(failure(command, &output));
            match parse::refusal(output.status, &stderr) {
                Refusal::NoSudo | Refusal::SudoDenied => {
                    kind = ErrorKind::Unauthorised;
                    break;
                }
                // Another command would get the same answer, or ride over it.
                Refusal::Inhibited => {
                    kind = ErrorKind::Rejected;
                    break;
                }
                Refusal::Missing => {}
                Refusal::Other => kind = ErrorKind::Rejected,
            }
        }
        let mut message = complaints.join("; then ");
        if kind == ErrorKind::Unauthorised {
            message.push_str(&format!(
                ". {} is not root and may not run this through sudo without a password; \
                 log in as root, or allow it in sudoers with NOPASSWD",
                endpoint.user
            ));
        }
        Err(ConnectorError::new(kind, operation, message))
    }

    async fn try_one(&self, command: &str) -> Result<Tried, ConnectorError> {
        let timing = self.host.timing();
        let limit = POWER_COMMAND.min(timing.operation).min(self.how.timeout);
        match self.host.run(limit, command, b"").await? {
            // A shutdown ends what runs on the machine, the login's shell included.
            Ran::Ended(output) if output.is_success() || output.signal.is_some() => {
                Ok(Tried::Accepted)
            }
            Ran::Ended(output) => Ok(Tried::Failed(output)),
            // The server had taken the command, and then the connection broke: because of it.
            Ran::Lost(_) => Ok(Tried::Accepted),
            // A suspended machine says nothing more; a command that hangs does so on a server that still answers.
            Ran::Silent { session, error } => match session.answers(timing.ping).await {
                true => Err(error),
                false => {
                    session.abort();
                    Ok(Tried::Accepted)
                }
            },
        }
    }
}

/// As the user wrote it, then, where that fails for want of rights, through sudo.
fn own_command(command: &str, needs_sudo: bool) -> Vec<String> {
    let mut commands = vec![command.to_owned()];
    if needs_sudo && !command.contains("sudo") && !command.contains("doas") {
        commands.push(shell::script_as_root(command));
    }
    commands
}

/// A long command by how it begins.
fn shown(command: &str) -> String {
    let mut letters = command.trim().chars();
    let begin: String = letters.by_ref().take(60).collect();
    match letters.next() {
        Some(_) => format!("{begin}…"),
        None => begin,
    }
}

/// `systemctl poweroff: exit status 1: Failed to connect to bus`
fn failure(command: &str, output: &Output) -> String {
    let command = command.strip_prefix("LC_ALL=C ").unwrap_or(command);
    let status = match output.status {
        Some(status) => format!("exit status {status}"),
        None => "no exit status".to_owned(),
    };
    match parse::complaint(&output.stderr_text()) {
        words if words.is_empty() => format!("`{command}`: {status}"),
        words => format!("`{command}`: {status}: {words}"),
    }
}
