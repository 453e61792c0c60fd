//! Starts and stops guests, and shuts the machine down.

use std::time::Duration;
use tokio::time::Instant;
use wakehub_domain::{ConnectorError, ErrorKind, NodeKind, PowerOff, PowerState, Retry};

use super::client::Call;
use super::failure::Failure;
use super::parse::{self, Current};
use super::task::{Backoff, follow};
use super::{Changed, Place, ProxmoxConnector};
use crate::{StopOptions, Target};

/// A VM with much memory or a passed-through device may take minutes to start; whoever calls has a timeout of their own.
const START_LIMIT: Duration = Duration::from_secs(600);
/// Beyond the caller's timeout: the task ends a moment after the guest, and a forced stop comes after the graceful one.
const STOP_MARGIN: Duration = Duration::from_secs(60);

pub(super) async fn start(
    connector: &ProxmoxConnector,
    target: &Target,
) -> Result<(), ConnectorError> {
    let (kind, vmid) = match target {
        Target::Itself => {
            return Err(ConnectorError::new(
                ErrorKind::Unsupported,
                format!("start {}", connector.member()),
                "a machine that is off has no API: it is started by Wake-on-LAN",
            ));
        }
        Target::Guest { kind, platform_id } => guest(*kind, platform_id, "start")?,
    };
    let operation = format!("start {} {vmid}", kind.as_str());
    let deadline = Instant::now() + START_LIMIT;
    let place = place(connector, &operation, kind, vmid).await?;
    let mut outcome = run_start(connector, &operation, vmid, &place, deadline).await;
    if let Some(moved) = moved(connector, &operation, kind, vmid, &place, &outcome).await {
        outcome = run_start(connector, &operation, vmid, &moved, deadline).await;
    }
    match outcome {
        Err(error) if says(&error, "already running") => Ok(()),
        other => other,
    }?;
    connector.changed(vmid, PowerState::On);
    Ok(())
}

async fn run_start(
    connector: &ProxmoxConnector,
    operation: &str,
    vmid: u32,
    place: &Place,
    deadline: Instant,
) -> Result<(), ConnectorError> {
    // Asking to start what runs would leave a failed task in Proxmox's log.
    let current = connector.current(operation, vmid, place).await?;
    if current.state == PowerState::On {
        return Ok(());
    }
    command(connector, operation, vmid, place, "start", &[], deadline).await
}

pub(super) async fn stop(
    connector: &ProxmoxConnector,
    target: &Target,
    how: &StopOptions,
) -> Result<(), ConnectorError> {
    let (kind, vmid) = match target {
        Target::Itself => return shut_down(connector, how).await,
        Target::Guest { kind, platform_id } => guest(*kind, platform_id, "stop")?,
    };
    let operation = format!("stop {} {vmid}", kind.as_str());
    let deadline = Instant::now() + how.timeout + STOP_MARGIN;
    let place = place(connector, &operation, kind, vmid).await?;
    let mut outcome = run_stop(connector, &operation, vmid, &place, how, deadline).await;
    if let Some(moved) = moved(connector, &operation, kind, vmid, &place, &outcome).await {
        outcome = run_stop(connector, &operation, vmid, &moved, how, deadline).await;
    }
    match outcome {
        Err(error) if says(&error, "not running") => Ok(()),
        Err(error) => Err(explain_timeout(error, how)),
        Ok(()) => Ok(()),
    }?;
    connector.changed(vmid, PowerState::Off);
    Ok(())
}

async fn run_stop(
    connector: &ProxmoxConnector,
    operation: &str,
    vmid: u32,
    place: &Place,
    how: &StopOptions,
    deadline: Instant,
) -> Result<(), ConnectorError> {
    let current = connector.current(operation, vmid, place).await?;
    if current.state == PowerState::Off {
        return Ok(());
    }
    if let Some(lock) = &current.lock {
        let what = match place.kind {
            NodeKind::Lxc => "CT",
            NodeKind::Vm | NodeKind::Machine | NodeKind::Container => "VM",
        };
        return Err(rejected_for_now(
            operation,
            format!("{what} is locked ({lock})"),
        ));
    }
    if let Some(task) = busy_with(connector, operation, vmid, place).await {
        return Err(rejected_for_now(
            operation,
            format!("a task of Proxmox works on it: {task}"),
        ));
    }
    let mut parameters = vec![("timeout", how.timeout.as_secs().max(1).to_string())];
    if how.force {
        parameters.push(("forceStop", "1".to_owned()));
    }
    command(
        connector,
        operation,
        vmid,
        place,
        "shutdown",
        &parameters,
        deadline,
    )
    .await
}

/// Gives a command to a guest and waits until it is carried out.
async fn command(
    connector: &ProxmoxConnector,
    operation: &str,
    vmid: u32,
    place: &Place,
    action: &str,
    parameters: &[(&str, String)],
    deadline: Instant,
) -> Result<(), ConnectorError> {
    let id = vmid.to_string();
    let path = ["nodes", &place.member, place.api(), &id, "status", action];
    let call = Call::post(operation, &path).with(parameters);
    let data = connector.client.call(&call).await?;
    let upid = parse::upid(&data).ok_or_else(|| {
        ConnectorError::new(ErrorKind::Protocol, operation, "the answer holds no task")
    })?;
    follow(&connector.client, operation, &upid, deadline).await?;
    // The task of a guest under high availability ends when the manager has been told, not when it has acted.
    match upid.kind.as_str() {
        "hastart" => {
            wait_for(connector, operation, vmid, place, deadline, |current| {
                current.state == PowerState::On
            })
            .await
        }
        "hastop" | "hashutdown" => {
            wait_for(connector, operation, vmid, place, deadline, |current| {
                current.state == PowerState::Off
            })
            .await
        }
        _ => Ok(()),
    }
}

async fn wait_for(
    connector: &ProxmoxConnector,
    operation: &str,
    vmid: u32,
    place: &Place,
    deadline: Instant,
    reached: impl Fn(&Current) -> bool,
) -> Result<(), ConnectorError> {
    let mut backoff = Backoff::new();
    let mut place = place.clone();
    loop {
        match connector.current(operation, vmid, &place).await {
            Ok(current) if reached(&current) => return Ok(()),
            Ok(_) => {}
            // The manager may start it on another member.
            Err(failure) if is_elsewhere(&failure.error) => {
                connector.resources(operation).await?;
                if let Some(found) = connector.known().places.get(&vmid) {
                    place = found.clone();
                }
            }
            Err(failure) if failure.error.retry == Retry::Never => return Err(failure.error),
            Err(_) => {}
        }
        if !backoff.wait_until(deadline).await {
            return Err(ConnectorError::new(
                ErrorKind::TimedOut,
                operation,
                "the high availability manager has not acted yet",
            ));
        }
    }
}

/// Where the guest was last seen, else where it is now.
pub(super) async fn place(
    connector: &ProxmoxConnector,
    operation: &str,
    kind: NodeKind,
    vmid: u32,
) -> Result<Place, ConnectorError> {
    let remembered = connector.known().places.get(&vmid).cloned();
    if let Some(place) = remembered.filter(|place| place.kind == kind) {
        return Ok(place);
    }
    look_up(connector, operation, kind, vmid).await
}

async fn look_up(
    connector: &ProxmoxConnector,
    operation: &str,
    kind: NodeKind,
    vmid: u32,
) -> Result<Place, ConnectorError> {
    let resources = connector.resources(operation).await?;
    let found = resources.find(vmid);
    if found.is_some_and(|guest| guest.report.kind != kind) {
        return Err(ConnectorError::new(
            ErrorKind::Rejected,
            operation,
            format!("{vmid} is not a {}", kind.as_str()),
        ));
    }
    let member = found.and_then(|guest| guest.report.member.clone());
    let member = member.ok_or_else(|| {
        ConnectorError::new(
            ErrorKind::Rejected,
            operation,
            format!(
                "there is no {} {vmid} that {} may see",
                kind.as_str(),
                connector.client.endpoint().auth.name()
            ),
        )
    })?;
    Ok(Place { kind, member })
}

/// The guest's new place, when it was not where it was thought to be.
async fn moved(
    connector: &ProxmoxConnector,
    operation: &str,
    kind: NodeKind,
    vmid: u32,
    place: &Place,
    outcome: &Result<(), ConnectorError>,
) -> Option<Place> {
    let error = outcome.as_ref().err()?;
    // A member that cannot be reached may have handed its guests over.
    if !is_elsewhere(error) && error.kind != ErrorKind::Unreachable {
        return None;
    }
    let found = look_up(connector, operation, kind, vmid).await.ok()?;
    (found != *place).then_some(found)
}

/// `Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist`
fn is_elsewhere(error: &ConnectorError) -> bool {
    says(error, "does not exist")
}

fn says(error: &ConnectorError, words: &str) -> bool {
    error.kind == ErrorKind::Rejected && error.message.contains(words)
}

/// A running task that a stop would break. Without Sys.Audit only one's own tasks are shown, so that this is a second line
/// of defence behind the lock; when it fails, the stop itself will tell.
async fn busy_with(
    connector: &ProxmoxConnector,
    operation: &str,
    vmid: u32,
    place: &Place,
) -> Option<String> {
    let path = ["nodes", &place.member, "tasks"];
    let parameters = [("source", "active".to_owned()), ("vmid", vmid.to_string())];
    let call = Call::get(operation, &path).with(&parameters);
    let tasks = connector.client.call(&call).await.ok()?;
    parse::running_tasks(&tasks)
        .into_iter()
        .find(|task| parse::breaks(task).is_some())
}

/// A guest that ignores the request makes the task fail; to the caller that is a timeout, with what to do about it.
fn explain_timeout(error: ConnectorError, how: &StopOptions) -> ConnectorError {
    let by_guest = ["got timeout", "did not stop", "timeout waiting"];
    let is_timeout = error.kind == ErrorKind::Rejected
        && !error.message.contains("lock")
        && by_guest.iter().any(|words| error.message.contains(words));
    if !is_timeout {
        return error;
    }
    ConnectorError::new(
        ErrorKind::TimedOut,
        error.operation,
        format!(
            "{}: the guest did not shut down within {} s; install its guest agent or ACPI support, give it more time, or \
             allow a forced stop",
            error.message,
            how.timeout.as_secs().max(1)
        ),
    )
}

/// The machine itself. Its API goes down with it, so an answer that breaks off is a yes.
async fn shut_down(connector: &ProxmoxConnector, how: &StopOptions) -> Result<(), ConnectorError> {
    let operation = format!("shut down {}", connector.member());
    match how.power_off {
        PowerOff::ShutDown => {}
        PowerOff::Suspend | PowerOff::Hibernate => {
            return Err(ConnectorError::new(
                ErrorKind::Unsupported,
                operation,
                "the Proxmox API can only shut a machine down; to suspend it, give it SSH",
            ));
        }
    }
    // A kept connection that the server has closed meanwhile would break off as well, and look like a yes.
    let awake = Call::get(&operation, &["version"]);
    connector.client.call(&awake).await?;
    let path = ["nodes", connector.member(), "status"];
    let parameters = [("command", "shutdown".to_owned())];
    let call = Call::post(&operation, &path).with(&parameters);
    match connector.client.call(&call).await {
        Ok(_) => Ok(()),
        Err(Failure {
            broke_off: true, ..
        }) => Ok(()),
        Err(failure) => Err(failure.error),
    }
}

fn rejected_for_now(operation: &str, message: String) -> ConnectorError {
    ConnectorError {
        retry: Retry::Later,
        ..ConnectorError::new(ErrorKind::Rejected, operation, message)
    }
}

pub(super) fn guest(
    kind: NodeKind,
    platform_id: &str,
    verb: &str,
) -> Result<(NodeKind, u32), ConnectorError> {
    let operation = || format!("{verb} {} {platform_id}", kind.as_str());
    match kind {
        NodeKind::Vm | NodeKind::Lxc => {}
        NodeKind::Machine | NodeKind::Container => {
            return Err(ConnectorError::new(
                ErrorKind::Unsupported,
                operation(),
                "Proxmox runs vms and lxcs only",
            ));
        }
    }
    let vmid = platform_id.parse().map_err(|_| {
        ConnectorError::new(
            ErrorKind::Rejected,
            operation(),
            format!("{platform_id} is not a vmid"),
        )
    })?;
    Ok((kind, vmid))
}

impl ProxmoxConnector {
    fn changed(&self, vmid: u32, state: PowerState) {
        let at = std::time::Instant::now();
        self.known().changed.insert(vmid, Changed { at, state });
    }
}
