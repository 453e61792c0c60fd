//! The connection test of the demo: the checks of the real connectors, in their order and words.

use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_connectors::{Check, CheckKind, CheckOutcome};
use wakehub_domain::{Capability, ConnectorError};

use crate::connector::DemoConnector;

const EACH: Duration = Duration::from_millis(350);

const OF_SSH: [CheckKind; 5] = [
    CheckKind::Reachable,
    CheckKind::Version,
    CheckKind::Trusted,
    CheckKind::Login,
    CheckKind::Sudo,
];
const OF_PROXMOX: [CheckKind; 5] = [
    CheckKind::Reachable,
    CheckKind::Trusted,
    CheckKind::Login,
    CheckKind::Version,
    CheckKind::Privileges,
];
const OF_DOCKER: [CheckKind; 5] = [
    CheckKind::Reachable,
    CheckKind::Trusted,
    CheckKind::Login,
    CheckKind::Version,
    CheckKind::Protection,
];
const OF_PACKETS: [CheckKind; 1] = [CheckKind::Packets];

/// What a check saw; an error ends the test.
type Seen = Result<(CheckOutcome, String, Option<&'static str>), ConnectorError>;

pub(crate) async fn run(connector: &DemoConnector, checks: &mpsc::Sender<Check>) {
    let order: &[CheckKind] = match connector.capability {
        Capability::Ssh => &OF_SSH,
        Capability::ProxmoxApi => &OF_PROXMOX,
        Capability::DockerApi => &OF_DOCKER,
        Capability::Wol => &OF_PACKETS,
    };
    let mut has_failed = false;
    for what in order {
        let check = if has_failed {
            Check {
                what: *what,
                outcome: CheckOutcome::Skipped,
                detail: "not tried, because something before it failed".to_owned(),
                advice: None,
                presented: None,
                took: Duration::ZERO,
            }
        } else {
            let took = connector.house.pace(EACH);
            tokio::time::sleep(took).await;
            let seen = look(connector, *what);
            has_failed = seen.is_err();
            check(*what, seen, took)
        };
        if checks.send(check).await.is_err() {
            return;
        }
    }
}

fn check(what: CheckKind, seen: Seen, took: Duration) -> Check {
    match seen {
        Ok((outcome, detail, advice)) => Check {
            what,
            outcome,
            detail,
            advice: advice.map(str::to_owned),
            presented: None,
            took,
        },
        Err(error) => Check {
            what,
            outcome: CheckOutcome::Failed,
            detail: error.message,
            advice: advice(what).map(str::to_owned),
            presented: error.presented.map(|presented| *presented),
            took,
        },
    }
}

fn look(connector: &DemoConnector, what: CheckKind) -> Seen {
    let place = &connector.place;
    let operation = "test the connection";
    let passed = |detail: String| Ok((CheckOutcome::Passed, detail, None));
    match what {
        CheckKind::Reachable => {
            place.reach(&connector.house, operation)?;
            passed(format!("{} accepts connections", place.endpoint))
        }
        CheckKind::Trusted => {
            place.trust(operation)?;
            passed(match &place.presented {
                Some(presented) => format!(
                    "{} {}, accepted before",
                    presented.algorithm, presented.fingerprint
                ),
                None => "it presents nothing that could be checked".to_owned(),
            })
        }
        CheckKind::Login => {
            let how = place.log_in(operation)?;
            passed(match connector.capability {
                Capability::Ssh => format!("with {how}"),
                Capability::ProxmoxApi => format!("logged in as {how}"),
                Capability::DockerApi | Capability::Wol => "the engine answers".to_owned(),
            })
        }
        CheckKind::Version => passed(match connector.capability {
            Capability::Ssh => "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3".to_owned(),
            Capability::ProxmoxApi => format!(
                "Proxmox VE 8.4.1, member {}",
                place
                    .thing
                    .and_then(|thing| thing.member)
                    .unwrap_or_default()
            ),
            Capability::DockerApi | Capability::Wol => "Docker 27.3.1, API 1.47".to_owned(),
        }),
        CheckKind::Privileges => {
            let member = place
                .thing
                .and_then(|thing| thing.member)
                .unwrap_or_default();
            passed(format!(
                "found: VM.Audit on /vms, VM.PowerMgmt on /vms, Sys.Audit on /nodes/{member}, Sys.PowerMgmt on /nodes/{member}"
            ))
        }
        CheckKind::Sudo => passed("sudo without a password: systemctl poweroff".to_owned()),
        CheckKind::Protection if place.is_open => Ok((
            CheckOutcome::Warning,
            "unprotected: anybody on this network can command this engine".to_owned(),
            Some("Use SSH, or port 2376 with client certificates."),
        )),
        CheckKind::Protection if place.presented.is_some() => passed("SSH".to_owned()),
        CheckKind::Protection => passed("TLS with client certificates".to_owned()),
        CheckKind::Packets => {
            passed("the demo sends none; it wakes the machine by itself".to_owned())
        }
    }
}

fn advice(what: CheckKind) -> Option<&'static str> {
    match what {
        CheckKind::Reachable => Some(
            "Is the machine on, and are address and port right? The demo’s machines are 10.77.0.1 to 10.77.0.5.",
        ),
        CheckKind::Trusted => {
            Some("Compare the fingerprint with the one on the machine, then accept it.")
        }
        CheckKind::Login => Some("Check the user, and the password, token or key."),
        CheckKind::Privileges
        | CheckKind::Sudo
        | CheckKind::Version
        | CheckKind::Protection
        | CheckKind::Packets => None,
    }
}
