//! How WakeHub talks to the platforms.
//!
//! One [`Connector`] stands for one *connection*: a Proxmox API, a Docker engine, an SSH host, or the magic packets of one
//! machine. One poll of it reads everything behind it. Every connector has the same files (`config`: what it needs to
//! know, `client`: the transport, `parse`: pure reading of recorded answers) and passes the suite in tests/conformance.
//!
//! Connectors hold no policy: what to do, in which order and whether at all is decided in the planner. They know no
//! database and no keyring either; the engine resolves secrets and accepted fingerprints and hands them in.

pub mod breaker;
pub mod docker;
pub mod probe;
pub mod proxmox;
pub mod reach;
pub mod scan;
pub mod ssh;
mod tls;
pub mod usage;
mod wire;
pub mod wol;

use async_trait::async_trait;
pub use probe::Prober;
use std::time::Duration;
use tokio::sync::mpsc;
pub use usage::{CpuUse, Memory, Meter, NotMeasured, Own, Signal, Usage};
use wakehub_domain::idle::{PastUse, ProbeAnswer};
use wakehub_domain::{
    Capability, ConnectorError, ErrorKind, NodeKind, PowerOff, PowerState, Presented,
};

/// Makes ring the process's source of cryptography, which TLS clients without one of their own fall back to. Call it as
/// often as you like; the first caller wins.
pub fn install_crypto() {
    // An error means that a provider stands already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Every call ends within a deadline of its own, can be dropped at any `.await` without harm, and never blocks the runtime.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    fn capability(&self) -> Capability;

    /// One look at everything behind the connection, in as few requests as the platform allows.
    async fn observe(&self) -> Result<Report, ConnectorError>;

    /// Starts the target and returns when the platform says that it has (a Proxmox task has ended with `OK`, Docker has
    /// answered). Whether it is ready to use is looked at afterwards, with [`Connector::observe`] and probes.
    /// Starting what runs already is a success.
    async fn start(&self, target: &Target) -> Result<(), ConnectorError>;

    /// Asks the target to stop, gracefully unless `how.force`, and returns when the platform says that it has, or, for a
    /// machine over SSH, when the command was accepted. Stopping what is off already is a success.
    async fn stop(&self, target: &Target, how: &StopOptions) -> Result<(), ConnectorError>;

    /// Everything that the platform hosts, with all it knows about each.
    async fn discover(&self) -> Result<Vec<Discovered>, ConnectorError>;

    /// Tries everything that the connection needs, each check as it ends. Changes nothing on the platform. An error of the
    /// connection itself is a failed check, not an `Err`.
    async fn test(&self, checks: &mpsc::Sender<Check>);

    /// Sends changes as the platform tells them, until the stream ends or fails. Platforms that tell nothing are polled
    /// only: for them this returns [`Watch::NotOffered`] at once.
    async fn watch(&self, changes: &mpsc::Sender<Change>) -> Result<Watch, ConnectorError> {
        let _ = changes;
        Ok(Watch::NotOffered)
    }

    /// What the running ones of `wanted` use, in as few requests as the platform allows: one entry for each that could be
    /// asked. A signal that one target lacks is missing in its entry and no error; an error says that nothing could be
    /// measured at all. Empty where the platform measures nothing.
    async fn sample(&self, wanted: &[Target]) -> Result<Vec<Usage>, ConnectorError> {
        let _ = wanted;
        Ok(Vec::new())
    }

    /// What a target used since `back` ago, the oldest first, where the platform has kept it: for the time in which WakeHub
    /// was off or asleep. Empty where it keeps nothing.
    async fn past(&self, target: &Target, back: Duration) -> Result<Vec<PastUse>, ConnectorError> {
        let _ = (target, back);
        Ok(Vec::new())
    }

    /// Whether the user's own command says that it is used: exit status 0 yes, 1 no, anything else is an error. Of SSH alone.
    async fn ask(&self, command: &str) -> Result<ProbeAnswer, ConnectorError> {
        let _ = command;
        let operation = format!("ask over {}", self.capability().title());
        let message = "commands run over SSH only";
        Err(ConnectorError::new(
            ErrorKind::Unsupported,
            operation,
            message,
        ))
    }

    /// What this connection has caused at the machine that it leads to, cumulative: for the [`Usage::own`] of what others
    /// measure of that machine. Zero where nothing goes over a network of its own, or where it is not counted.
    fn traffic(&self) -> Own {
        Own::default()
    }

    /// Lets go of sessions and sockets. The connector may be used again; it then connects anew.
    async fn close(&self);
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watch {
    NotOffered,
    /// The platform closed the stream; the caller reconnects with back-off and looks at everything again.
    Ended,
}

/// What a command is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// The machine that the connection leads to.
    Itself,
    Guest {
        kind: NodeKind,
        /// A vmid, or a container's name.
        platform_id: String,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StopOptions {
    /// How long the platform may take for a graceful stop.
    pub timeout: Duration,
    /// Cut the power when the graceful stop does not end in time.
    pub force: bool,
    /// Of a machine.
    pub power_off: PowerOff,
    /// Of a machine over SSH: replaces the built-in commands.
    pub command: Option<String>,
}

/// What one poll saw.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Report {
    /// What the machine itself is, as far as this connection can tell; a Proxmox API that answers runs on a machine that
    /// is on.
    pub itself: Option<PowerState>,
    /// All guests that the platform knows, running or not.
    pub guests: Vec<GuestReport>,
    /// True when `guests` is complete, so that what it lacks is gone.
    pub complete: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub struct GuestReport {
    pub kind: NodeKind,
    pub platform_id: String,
    pub name: String,
    pub state: PowerState,
    /// Running is not always ready: a container's health check, if it has one.
    pub health: Option<Health>,
    /// `paused`, `exited (1)`, in plain words.
    pub note: Option<String>,
    /// The platform's word for a lock or a running task that forbids stopping: `backup`, `migrate`.
    pub lock: Option<String>,
    /// The cluster member that it is on.
    pub member: Option<String>,
    /// Another name by which a recreated container is found again: `compose project/service`.
    pub identity: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Health {
    Starting,
    Healthy,
    Unhealthy,
}

/// One change that the platform told.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    Guest(GuestReport),
    Gone { kind: NodeKind, platform_id: String },
}

/// A guest that could be configured, with all that the API knows. The user adds what nobody can know.
#[derive(Clone, PartialEq, Debug)]
pub struct Discovered {
    pub report: GuestReport,
    /// Where its service may answer: IP addresses or host names.
    pub addresses: Vec<String>,
    /// Published TCP ports, on the host's address for containers.
    pub ports: Vec<u16>,
    pub image: Option<String>,
    pub compose_project: Option<String>,
    pub compose_service: Option<String>,
    pub cores: Option<f64>,
    /// Bytes.
    pub memory: Option<u64>,
    /// Platform ids of other guests of the same host that it probably depends on, from compose's `depends_on` label or
    /// Proxmox's startup order.
    pub suggested_dependencies: Vec<String>,
}

/// One thing that `test connection` tried.
#[derive(Clone, PartialEq, Debug)]
pub struct Check {
    pub what: CheckKind,
    pub outcome: CheckOutcome,
    /// What was seen: `OpenSSH_9.2p1`, `VM.Audit, VM.PowerMgmt`, or why it failed, in the platform's own words.
    pub detail: String,
    /// What to do about it, when it failed or warns.
    pub advice: Option<String>,
    /// A host key or certificate that waits to be accepted.
    pub presented: Option<Presented>,
    pub took: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CheckKind {
    /// A TCP connection (or a ping) succeeds.
    Reachable,
    /// The host key or certificate is the accepted one.
    Trusted,
    Login,
    /// The rights found and missing.
    Privileges,
    /// Whether the machine can be shut down by this user: root, or sudo without a password.
    Sudo,
    /// The platform's version, and whether it is one we speak.
    Version,
    /// Whether the connection is protected.
    Protection,
    /// Wake-on-LAN: from which interface to which address packets go.
    Packets,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CheckOutcome {
    Passed,
    Warning,
    Failed,
    /// Not tried, because something before it failed.
    Skipped,
}
