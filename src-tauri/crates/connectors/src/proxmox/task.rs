//! Follows a task of Proxmox from its UPID to its end.

use std::time::Duration;
use tokio::time::{Instant, sleep};
use wakehub_domain::{ConnectorError, ErrorKind, Retry};

use super::client::{Call, Client};
use super::failure::{Failure, retry_of};
use super::parse::{self, TaskState, Upid};

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A task goes on while the network fails; this often in a row we look again.
const PATIENCE: u32 = 5;
/// Of the log, told with a failure.
const LAST_LINES: usize = 3;

/// The waits between two looks: 250 ms, growing by half to 2 s.
pub(super) struct Backoff(Duration);

impl Backoff {
    pub fn new() -> Backoff {
        Backoff(FIRST_WAIT)
    }

    /// False when the deadline comes first.
    pub async fn wait_until(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        sleep(self.0.min(left)).await;
        self.0 = (self.0 * 3 / 2).min(LONGEST_WAIT);
        Instant::now() < deadline
    }
}

/// Returns when the task has succeeded. A failed one is [`ErrorKind::Rejected`] with its exit status and the last lines of
/// its log.
pub(super) async fn follow(
    client: &Client,
    operation: &str,
    upid: &Upid,
    deadline: Instant,
) -> Result<(), ConnectorError> {
    let path = ["nodes", &upid.member, "tasks", &upid.text, "status"];
    let call = Call::get(operation, &path);
    let mut backoff = Backoff::new();
    let mut failures = 0;
    loop {
        match client.call(&call).await {
            Ok(data) => match parse::task_state(&data) {
                TaskState::Succeeded => return Ok(()),
                TaskState::Failed { exit_status } => {
                    return Err(failed(client, operation, upid, &exit_status).await);
                }
                TaskState::Running => failures = 0,
            },
            Err(Failure { error, .. }) => {
                failures += 1;
                if error.retry == Retry::Never || failures > PATIENCE {
                    return Err(error);
                }
            }
        }
        if !backoff.wait_until(deadline).await {
            return Err(ConnectorError::new(
                ErrorKind::TimedOut,
                operation,
                format!("the task {} has not ended yet", upid.kind),
            ));
        }
    }
}

async fn failed(
    client: &Client,
    operation: &str,
    upid: &Upid,
    exit_status: &str,
) -> ConnectorError {
    let mut message = exit_status.to_owned();
    // A lock says everything; its sentence stays as Proxmox wrote it.
    if !exit_status.contains("is locked (") {
        let path = ["nodes", &upid.member, "tasks", &upid.text, "log"];
        let limit = [("limit", "500".to_owned())];
        let log = client
            .call(&Call::get(operation, &path).with(&limit))
            .await
            .unwrap_or_default();
        let words = parse::last_words(&log, exit_status, LAST_LINES);
        if !words.is_empty() {
            message = format!("{message} (log: {})", words.join("; "));
        }
    }
    let mut error = ConnectorError::new(ErrorKind::Rejected, operation, client.scrub(&message));
    error.retry = retry_of(exit_status);
    error
}
