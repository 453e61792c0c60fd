//! Starts and stops one container.

use std::time::Duration;
use tokio::time::{Instant, sleep};
use wakehub_domain::{ConnectorError, ErrorKind, NodeKind};

use super::client::{Client, REQUEST_DEADLINE};
use super::inspect;
use super::parse::{self, Inspected};
use crate::StopOptions;

/// How long a container that has just started is looked at before it counts as started. Most of what fails at once, a
/// missing file or variable, does so within it.
const SETTLE: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Between the engine's SIGKILL and its answer.
const SLACK: Duration = Duration::from_secs(5);

/// Of the output of a container that did not stay up.
const LAST_LINES: usize = 20;
const LAST_BYTES: usize = 4096;

pub(super) async fn start(client: &Client, name: &str) -> Result<(), ConnectorError> {
    let operation = format!("start container {name}");
    let found = look(client, &operation, name).await?;
    if found.is_paused() {
        return client.unpause(&operation, &found.id).await;
    }
    if found.is_running() && !found.is_restarting() {
        return Ok(());
    }
    client.start(&operation, &found.id).await?;
    stays_up(client, &operation, name, &found.id).await
}

async fn stays_up(
    client: &Client,
    operation: &str,
    name: &str,
    id: &str,
) -> Result<(), ConnectorError> {
    let until = Instant::now() + SETTLE;
    loop {
        let now = inspect(client, name, id).await.map_err(|mut error| {
            if error.kind == ErrorKind::Rejected {
                // Made with --rm.
                error.message = format!("exited at once and is gone ({})", error.message);
            }
            error.during(operation)
        })?;
        if !now.is_running() || now.is_restarting() {
            return Err(exited(client, operation, &now).await);
        }
        if Instant::now() >= until {
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Exit code, the engine's error and the last words of a container.
async fn exited(client: &Client, operation: &str, now: &Inspected) -> ConnectorError {
    let mut message = now.end();
    match client.logs(operation, &now.id, LAST_LINES).await {
        Ok(output) => {
            let last = parse::last_words(&output, LAST_LINES, LAST_BYTES);
            if !last.is_empty() {
                message.push_str(&format!("; its last output:\n{last}"));
            }
        }
        // Some logging drivers cannot be read; the exit code has to do.
        Err(error) => tracing::debug!(%error, "cannot read the logs"),
    }
    ConnectorError::new(ErrorKind::Rejected, operation, message)
}

/// Without `t` the engine gives the container the grace that it was made with (10 s unless `--stop-timeout` says
/// otherwise), then kills it. A timeout longer than the default is the user's wish for a longer grace.
pub(super) async fn stop(
    client: &Client,
    name: &str,
    how: &StopOptions,
) -> Result<(), ConnectorError> {
    let operation = format!("stop container {name}");
    let found = look(client, &operation, name).await?;
    if !found.is_running() && !found.is_restarting() && !found.is_paused() {
        return Ok(());
    }
    if found.is_paused() {
        // A paused process cannot end itself, and Podman refuses to stop one.
        client.unpause(&operation, &found.id).await?;
    }
    let (grace, deadline) = if how.timeout > NodeKind::Container.stop_timeout() {
        (Some(how.timeout), how.timeout + SLACK)
    } else {
        (None, how.timeout)
    };
    let stopped = client.stop(&operation, &found.id, grace, deadline).await;
    match stopped {
        Err(error) if error.kind == ErrorKind::TimedOut && how.force => {
            kill(client, &operation, name, &found.id).await
        }
        Err(error) if error.kind == ErrorKind::TimedOut => Err(ConnectorError {
            message: format!("has not stopped within {} s", deadline.as_secs()),
            ..error
        }),
        other => other,
    }
}

async fn kill(
    client: &Client,
    operation: &str,
    name: &str,
    id: &str,
) -> Result<(), ConnectorError> {
    match client.kill(operation, id).await {
        // 409: it ended meanwhile. Whether it did is looked at below.
        Ok(()) => {}
        Err(error) if error.kind == ErrorKind::Rejected => {
            tracing::debug!(%error, "kill was rejected");
        }
        Err(error) => return Err(error),
    }
    let until = Instant::now() + REQUEST_DEADLINE;
    loop {
        match inspect(client, name, id).await {
            Ok(now) if !now.is_running() => return Ok(()),
            Ok(_) => {}
            // Made with --rm.
            Err(error) if error.kind == ErrorKind::Rejected => return Ok(()),
            Err(error) => return Err(error.during(operation)),
        }
        if Instant::now() >= until {
            return Err(ConnectorError::new(
                ErrorKind::TimedOut,
                operation,
                format!("runs on after SIGKILL for {} s", REQUEST_DEADLINE.as_secs()),
            ));
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn look(client: &Client, operation: &str, name: &str) -> Result<Inspected, ConnectorError> {
    inspect(client, name, name)
        .await
        .map_err(|error| error.during(operation))
}
