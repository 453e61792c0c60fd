//! Stopping a node, and waiting until it is seen off.

use wakehub_connectors::StopOptions;
use wakehub_connectors::reach::{Presence, Sighting};
use wakehub_domain::{ConnectorError, ErrorKind, PowerState};
use wakehub_view::said::Said;

use super::start::is_target;
use super::wait::Pause;
use super::{Acting, may_pass};

/// Each takes 3.5 s (see `reach`), so that this is some ten seconds after the machine accepted its shutdown.
const MUTE_LOOKS: u32 = 3;

impl Acting<'_> {
    pub(super) async fn stop(&self) -> Result<(), ConnectorError> {
        let (connection, target) = self.channel()?;
        if self.node.host.is_none() && self.node.address.is_none() {
            return Err(ConnectorError::new(
                ErrorKind::Unsupported,
                self.operation(),
                Said::NobodySeesItGoOff,
            ));
        }
        let connector = self
            .execution
            .links
            .connector(connection)
            .await
            .map_err(|error| error.during(self.operation()))?;
        let how = StopOptions {
            timeout: self.step.timeout,
            force: self.node.settings.force_stop,
            power_off: self.node.settings.power_off,
            command: self.node.settings.shutdown_command.clone(),
        };
        connector
            .stop(&target, &how)
            .await
            .map_err(|error| error.during(self.operation()))?;
        if self.node.host.is_none() {
            return self.wait_until_machine_is_off().await;
        }
        let mut pause = Pause::new();
        loop {
            match connector.observe().await {
                Ok(report) => {
                    let guest = report.guests.iter().find(|guest| is_target(guest, &target));
                    match guest.map(|guest| &guest.state) {
                        Some(PowerState::Off) => return Ok(()),
                        None if report.complete => return Ok(()),
                        Some(_) | None => self.say(Said::StillRuns).await,
                    }
                }
                Err(error) if may_pass(&error) => self.quote(&error.message).await,
                Err(error) => return Err(error.during(self.operation())),
            }
            pause.wait().await;
        }
    }

    async fn wait_until_machine_is_off(&self) -> Result<(), ConnectorError> {
        let port = self.node.ssh.as_ref().map_or(22, |ssh| ssh.port);
        let world = self.execution.links.world().clone();
        // it must not hold a session that its machine no longer knows
        self.execution.links.drop_node(self.node.id).await;
        let address = self.node.address.as_deref().unwrap_or_default();
        let mut presence = Presence::default();
        let mut mute = 0;
        let mut pause = Pause::new();
        loop {
            let sighting = world.look(address, port).await;
            presence.see(&sighting);
            // it has agreed to go off and answers nothing any more: the neighbour table alone still has it
            mute = match &sighting {
                Sighting::Mute { .. } => mute + 1,
                Sighting::Answers { .. }
                | Sighting::Refuses { .. }
                | Sighting::Silent { .. }
                | Sighting::NoWay { .. } => 0,
            };
            if presence.is_off() || mute == MUTE_LOOKS {
                return Ok(());
            }
            let port = &port.to_string();
            self.say(match &sighting {
                Sighting::Answers { .. } => Said::StillAnswers,
                Sighting::Refuses { .. } => Said::IsThere { port },
                Sighting::Silent { .. } => Said::SilentOnce,
                Sighting::Mute { why } | Sighting::NoWay { why } => Said::Elsewhere { said: why },
            })
            .await;
            pause.wait().await;
        }
    }
}
