//! Starts and stops one container.

use hyper::{Method, StatusCode};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use wakehub_domain::{ConnectorError, ErrorKind, NodeKind};

use super::client::{Client, REQUEST_DEADLINE};
use super::parse::{self, Inspected};
use super::{inspect, no_such_container};
use crate::StopOptions;

/// How long a container that has just started is looked at before it counts as started. Most of what fails at once, a
/// missing file or variable, does so within it.
const SETTLE: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Starting pulls nothing, but sets up mounts and networks, and may wait for a busy disk.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// Between the engine's SIGKILL and its answer.
const SLACK: Duration = Duration::from_secs(5);

/// Of the output of a container that did not stay up.
const LAST_LINES: usize = 20;
const LAST_BYTES: usize = 4096;

pub(super) async fn start(client: &Client, name: &str) -> Result<(), ConnectorError> {
    let operation = format!("start container {name}");
    let found = look(client, &operation, name).await?;
    let path = format!("/containers/{}", found.id);
    if found.state.paused {
        return post(
            client,
            &operation,
            name,
            &format!("{path}/unpause"),
            REQUEST_DEADLINE,
        )
        .await;
    }
    if found.state.running && !found.state.restarting {
        return Ok(());
    }
    post(
        client,
        &operation,
        name,
        &format!("{path}/start"),
        START_DEADLINE,
    )
    .await?;
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
        if !now.state.running || now.state.restarting {
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
    let mut message = format!("exited at once with code {}", now.state.exit_code);
    if now.state.oom_killed {
        message.push_str(" (out of memory)");
    }
    if !now.state.error.is_empty() {
        message.push_str(&format!(": {}", now.state.error));
    }
    let path = format!(
        "/containers/{}/logs?stdout=true&stderr=true&tail={LAST_LINES}",
        now.id
    );
    match client
        .send(operation, Method::GET, &path, REQUEST_DEADLINE)
        .await
    {
        Ok(answer) => {
            let last = parse::logs(&answer.body, LAST_LINES, LAST_BYTES);
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
    if !found.state.running && !found.state.restarting && !found.state.paused {
        return Ok(());
    }
    let path = format!("/containers/{}", found.id);
    if found.state.paused {
        // A paused process cannot end itself, and Podman refuses to stop one.
        post(
            client,
            &operation,
            name,
            &format!("{path}/unpause"),
            REQUEST_DEADLINE,
        )
        .await?;
    }
    let (query, deadline) = if how.timeout > NodeKind::Container.stop_timeout() {
        (format!("?t={}", how.timeout.as_secs()), how.timeout + SLACK)
    } else {
        (String::new(), how.timeout)
    };
    let stopped = post(
        client,
        &operation,
        name,
        &format!("{path}/stop{query}"),
        deadline,
    )
    .await;
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
    let path = format!("/containers/{id}/kill");
    match post(client, operation, name, &path, REQUEST_DEADLINE).await {
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
            Ok(now) if !now.state.running => return Ok(()),
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

/// 304 is the engine's word for "it is so already".
async fn post(
    client: &Client,
    operation: &str,
    name: &str,
    path: &str,
    deadline: Duration,
) -> Result<(), ConnectorError> {
    let answer = client.send(operation, Method::POST, path, deadline).await?;
    match answer.status {
        StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT | StatusCode::OK => Ok(()),
        StatusCode::NOT_FOUND => Err(no_such_container(operation.to_owned(), name)),
        other => Err(ConnectorError::new(
            ErrorKind::Protocol,
            operation,
            format!("unexpected answer {other}"),
        )),
    }
}
