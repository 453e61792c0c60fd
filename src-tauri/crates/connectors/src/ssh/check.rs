//! `test connection`: reachable, trusted, login, sudo, version, each as it is found out.

use super::config::Timing;
use super::fault;
use super::host::SshHost;
use super::parse;
use super::session::{Milestone, Session};
use super::shell;
use super::trust::TrustedBy;
use crate::{Check, CheckKind, CheckOutcome};
use tokio::sync::mpsc;
use tokio::time::Instant;
use wakehub_domain::{ConnectorError, ErrorKind, PowerOff};

/// On a connection of its own, so that it tells about now and not about a session of earlier.
pub(super) async fn run(host: &SshHost, checks: &mpsc::Sender<Check>) {
    let mut bench = Bench {
        checks,
        since: Instant::now(),
        reached: None,
    };
    let endpoint = host.endpoint();
    let timing = host.timing();
    let (progress, mut milestones) = mpsc::unbounded_channel();
    let connecting = async {
        let connected = Session::connect(endpoint, timing, Some(progress), host.counter());
        match tokio::time::timeout(timing.operation, connected).await {
            Ok(result) => result,
            Err(_) => Err(timed_out(host, timing)),
        }
    };
    let telling = async {
        while let Some(milestone) = milestones.recv().await {
            bench.tell(&milestone, &endpoint.to_string()).await;
        }
    };
    // The connection drops its end of the channel when it is made or has failed.
    let (connected, ()) = tokio::join!(connecting, telling);
    match connected {
        Ok(session) => {
            drop(session);
            bench.sudo(host).await;
        }
        Err(error) => bench.failed(&error).await,
    }
}

struct Bench<'a> {
    checks: &'a mpsc::Sender<Check>,
    since: Instant,
    /// The last check that was told.
    reached: Option<CheckKind>,
}

const ORDER: [CheckKind; 5] = [
    CheckKind::Reachable,
    CheckKind::Version,
    CheckKind::Trusted,
    CheckKind::Login,
    CheckKind::Sudo,
];

impl Bench<'_> {
    async fn tell(&mut self, milestone: &Milestone, endpoint: &str) {
        let (what, detail) = match milestone {
            Milestone::Connected => (
                CheckKind::Reachable,
                format!("{endpoint} accepts connections"),
            ),
            Milestone::Greeted(banner) => (CheckKind::Version, banner.clone()),
            Milestone::Trusted(key, by) => {
                let by = match by {
                    TrustedBy::User => "accepted before",
                    TrustedBy::KnownHosts => "in known_hosts",
                };
                let detail = format!("{} {}, {by}", key.algorithm, key.fingerprint);
                (CheckKind::Trusted, detail)
            }
            Milestone::LoggedIn(how) => (CheckKind::Login, format!("with {how}")),
        };
        self.send(what, CheckOutcome::Passed, detail, None, None)
            .await;
    }

    /// What came next has failed, and the rest was not tried.
    async fn failed(&mut self, error: &ConnectorError) {
        let mut left = ORDER.into_iter().skip_while({
            let reached = self.reached;
            let mut passed = reached.is_none();
            move |what| {
                let skip = !passed;
                passed = passed || Some(*what) == reached;
                skip
            }
        });
        // A jump host whose key is not accepted fails before anything else is reached.
        let failing = match &error.presented {
            Some(_) => Some(CheckKind::Trusted),
            None => left.next(),
        };
        let rest: Vec<CheckKind> = left.filter(|what| Some(*what) != failing).collect();
        if let Some(what) = failing {
            let advice = advice(error).map(str::to_owned);
            let detail = error.message.clone();
            self.send(what, CheckOutcome::Failed, detail, advice, Some(error))
                .await;
        }
        for what in rest {
            let detail = "not tried".to_owned();
            self.send(what, CheckOutcome::Skipped, detail, None, None)
                .await;
        }
    }

    async fn sudo(&mut self, host: &SshHost) {
        let (outcome, detail, advice) = match rights(host).await {
            Ok(Rights::Root) => (CheckOutcome::Passed, "root".to_owned(), None),
            Ok(Rights::NoUnix) => (
                CheckOutcome::Warning,
                "`id -u` gives no number, so this is no Unix".to_owned(),
                Some("set a shutdown command, on Windows `shutdown /s /t 0`".to_owned()),
            ),
            Ok(Rights::Sudo(commands)) => (
                CheckOutcome::Passed,
                format!("sudo without a password: {}", commands.join(", ")),
                None,
            ),
            Ok(Rights::None(words)) => (
                CheckOutcome::Failed,
                words,
                Some(format!(
                    "log in as root, or add to sudoers: {} ALL=(root) NOPASSWD: /usr/bin/systemctl",
                    host.endpoint().user
                )),
            ),
            Err(error) => (CheckOutcome::Failed, error.message, None),
        };
        self.send(CheckKind::Sudo, outcome, detail, advice, None)
            .await;
    }

    async fn send(
        &mut self,
        what: CheckKind,
        outcome: CheckOutcome,
        detail: String,
        advice: Option<String>,
        error: Option<&ConnectorError>,
    ) {
        let took = self.since.elapsed();
        self.since = Instant::now();
        self.reached = Some(what);
        let check = Check {
            what,
            outcome,
            detail,
            advice,
            presented: error.and_then(|error| error.presented.as_deref().cloned()),
            took,
        };
        let _ = self.checks.send(check).await;
    }
}

enum Rights {
    Root,
    Sudo(Vec<&'static str>),
    /// Why not.
    None(String),
    NoUnix,
}

async fn rights(host: &SshHost) -> Result<Rights, ConnectorError> {
    let who = host.exec(shell::WHO, b"").await?;
    match parse::user_id(&who.stdout_text()) {
        None => return Ok(Rights::NoUnix),
        Some(0) => return Ok(Rights::Root),
        Some(_) => {}
    }
    let listed = host.exec(shell::RIGHTS, b"").await?;
    if !listed.is_success() {
        let words = parse::complaint(&listed.stderr_text());
        return Ok(Rights::None(words));
    }
    let commands = parse::allowed(&listed.stdout_text(), shell::power_off(PowerOff::ShutDown));
    Ok(match commands.is_empty() {
        true => Rights::None("sudo allows no shutdown command without a password".to_owned()),
        false => Rights::Sudo(commands),
    })
}

fn timed_out(host: &SshHost, timing: Timing) -> ConnectorError {
    fault::timed_out(format!("test {}", host.endpoint()), timing.operation)
}

fn advice(error: &ConnectorError) -> Option<&'static str> {
    match (error.kind, &error.presented) {
        (ErrorKind::Untrusted, Some(presented)) if presented.accepted.is_some() => Some(
            "the machine was installed anew, or somebody stands between: compare with `ssh-keygen -lf` on the machine",
        ),
        (ErrorKind::Untrusted, Some(_)) => {
            Some("compare the fingerprint with `ssh-keygen -lf` on the machine, then accept it")
        }
        (ErrorKind::Untrusted, None) => Some(
            "give the machine a new host key: this one is marked as not to be trusted any more",
        ),
        (ErrorKind::Unreachable | ErrorKind::TimedOut, _) => {
            Some("is the machine on, is sshd running, are address and port right?")
        }
        (ErrorKind::Unauthorised | ErrorKind::NoSecret, _) => {
            Some("check the user, and the password or key")
        }
        (
            ErrorKind::Rejected | ErrorKind::Unsupported | ErrorKind::Protocol | ErrorKind::Paused,
            _,
        ) => None,
    }
}
