//! Starting a node, and waiting until it is ready.

use std::time::Duration;
use tokio::time::{Instant, timeout};
use wakehub_connectors::reach::Sighting;
use wakehub_connectors::{GuestReport, Health, Target};
use wakehub_domain::{Capability, ConnectorError, ErrorKind, PowerState, Probe, Readiness};
use wakehub_view::said::Said;

use super::wait::Pause;
use super::{Acting, may_pass};

/// Magic packets are sent again this often until the machine answers (DESIGN section 5).
const PACKETS_EVERY: Duration = Duration::from_secs(5);
/// A look at a machine that still sleeps must not keep us from seeing it wake.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

impl Acting<'_> {
    pub(super) async fn start(&self) -> Result<(), ConnectorError> {
        match self.step.channel {
            Capability::Wol => self.wake().await?,
            Capability::Ssh | Capability::ProxmoxApi | Capability::DockerApi => {
                self.start_guest().await?;
            }
        }
        let probe = match &self.step.readiness {
            Readiness::Answers { probe, .. } | Readiness::Running { probe } => probe,
            Readiness::Off => &None,
        };
        match probe {
            Some(probe) => self.wait_for_probe(probe).await,
            None => Ok(()),
        }
    }

    async fn wake(&self) -> Result<(), ConnectorError> {
        let port = match self.step.readiness {
            Readiness::Answers { port, .. } => port,
            Readiness::Running { .. } | Readiness::Off => 22,
        };
        let Some(address) = self.node.address.as_deref() else {
            return Err(ConnectorError::new(
                ErrorKind::Unsupported,
                self.operation(),
                Said::NobodySeesItWake,
            ));
        };
        let (connection, target) = self.channel()?;
        let packets = self.execution.links.connector(connection).await?;
        let world = self.execution.links.world().clone();
        let (mut sent, mut last_sent) = (0_u32, None::<Instant>);
        let mut last_failure = None;
        let mut pause = Pause::new();
        loop {
            if last_sent.is_none_or(|at| at.elapsed() >= PACKETS_EVERY) {
                last_sent = Some(Instant::now());
                match packets.start(&target).await {
                    Ok(()) => sent += 1,
                    // a network that is only coming up lets the next ones through
                    Err(error) if may_pass(&error) => last_failure = Some(error),
                    Err(error) => return Err(error.during(self.operation())),
                }
            }
            let seen = timeout(LOOK_LIMIT, world.look(address, port)).await;
            let port = &port.to_string();
            let seen = match seen {
                Ok(Sighting::Answers {
                    port_open: true, ..
                }) => return Ok(()),
                // a machine with SSH is ready when SSH is; one without has nothing more to show than an answer
                Ok(Sighting::Answers { .. }) if self.node.ssh.is_none() => return Ok(()),
                Ok(Sighting::Answers { .. }) => Said::PortDoesNotYet { port },
                Ok(Sighting::Refuses { .. }) => Said::PortRefuses { port },
                Ok(Sighting::Silent { .. } | Sighting::Mute { .. } | Sighting::NoWay { .. })
                | Err(_) => Said::NoAnswerYet,
            };
            let rest = &seen.to_string();
            let n = &sent.to_string();
            self.say(match (sent, &last_failure) {
                (0, Some(error)) => Said::NoPacketSent {
                    why: &error.message,
                    rest,
                },
                (1, _) => Said::OnePacketSent { rest },
                (_, _) => Said::PacketsSent { n, rest },
            })
            .await;
            pause.wait().await;
        }
    }

    async fn start_guest(&self) -> Result<(), ConnectorError> {
        let (connection, target) = self.channel()?;
        let mut pause = Pause::new();
        let connector = loop {
            let tried = async {
                let connector = self.execution.links.connector(connection).await?;
                connector.start(&target).await?;
                Ok(connector)
            };
            match tried.await {
                Ok(connector) => break connector,
                Err(error) if may_pass(&error) => {
                    self.say(Said::AtHost {
                        host: &self.graph.name(connection.node),
                        platform: connection.capability.title(),
                        why: &error.message,
                    })
                    .await;
                    pause.wait().await;
                }
                Err(error) => return Err(error.during(self.operation())),
            }
        };
        let mut pause = Pause::new();
        loop {
            match connector.observe().await {
                Ok(report) => {
                    let guest = report.guests.iter().find(|guest| is_target(guest, &target));
                    if self.is_up(guest).await? {
                        return Ok(());
                    }
                }
                Err(error) if may_pass(&error) => self.quote(&error.message).await,
                Err(error) => return Err(error.during(self.operation())),
            }
            pause.wait().await;
        }
    }

    async fn is_up(&self, guest: Option<&GuestReport>) -> Result<bool, ConnectorError> {
        let Some(guest) = guest else {
            self.say(Said::NotListed).await;
            return Ok(false);
        };
        match (&guest.state, guest.health) {
            (PowerState::On, None | Some(Health::Healthy)) => Ok(true),
            (PowerState::On, Some(Health::Starting)) => {
                self.say(Said::HealthIsStarting).await;
                Ok(false)
            }
            (PowerState::On, Some(Health::Unhealthy)) => {
                self.say(Said::Unhealthy).await;
                Ok(false)
            }
            (PowerState::Off, _) if self.step.channel == Capability::DockerApi => {
                Err(ConnectorError::new(
                    ErrorKind::Rejected,
                    self.operation(),
                    match &guest.note {
                        Some(note) => Said::EndedAgainWith { note },
                        None => Said::EndedAgain,
                    },
                ))
            }
            (state, _) => {
                self.say(Said::IsInState { seen: word(state) }).await;
                Ok(false)
            }
        }
    }

    async fn wait_for_probe(&self, probe: &Probe) -> Result<(), ConnectorError> {
        let world = self.execution.links.world().clone();
        let mut pause = Pause::new();
        loop {
            match world.probe(probe, self.node.address.as_deref()).await {
                Ok(()) => return Ok(()),
                Err(seen) => self.quote(&seen).await,
            }
            pause.wait().await;
        }
    }
}

pub(super) fn is_target(guest: &GuestReport, target: &Target) -> bool {
    match target {
        Target::Itself => false,
        Target::Guest { kind, platform_id } => {
            guest.kind == *kind && guest.platform_id == *platform_id
        }
    }
}

fn word(state: &PowerState) -> &'static str {
    match state {
        PowerState::Unknown => "in a state that its host does not tell",
        PowerState::Off => "off",
        PowerState::Starting => "starting",
        PowerState::On => "on",
        PowerState::Stopping => "stopping",
        PowerState::Failed { .. } => "failed",
    }
}
