//! `test connection`: everything that the connection needs, one check after the other.

use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use wakehub_domain::{ConnectorError, ErrorKind, Presented};

use super::ProxmoxConnector;
use super::client::{CONNECT_TIMEOUT, Call, log_in_as};
use super::config::ProxmoxAuth;
use super::parse::{self, Permissions};
use crate::{Check, CheckKind, CheckOutcome};

/// What WakeHub needs of every guest.
const OF_GUESTS: [&str; 2] = ["VM.Audit", "VM.PowerMgmt"];

pub(super) async fn test(connector: &ProxmoxConnector, checks: &mpsc::Sender<Check>) {
    let order = [
        CheckKind::Reachable,
        CheckKind::Trusted,
        CheckKind::Login,
        CheckKind::Version,
        CheckKind::Privileges,
    ];
    let mut failed = false;
    for what in order {
        let begin = Instant::now();
        let seen = if failed {
            Seen {
                outcome: CheckOutcome::Skipped,
                ..Seen::passed("not tried, because something before it failed")
            }
        } else {
            match what {
                CheckKind::Reachable => reachable(connector).await,
                CheckKind::Trusted => trusted(connector).await,
                CheckKind::Login => login(connector).await,
                CheckKind::Version => version(connector).await,
                CheckKind::Privileges => privileges(connector).await,
                CheckKind::Sudo | CheckKind::Protection | CheckKind::Packets => continue,
            }
        };
        // A version that we do not know or a missing privilege hides nothing of what comes after.
        failed |= seen.outcome == CheckOutcome::Failed
            && matches!(
                what,
                CheckKind::Reachable | CheckKind::Trusted | CheckKind::Login
            );
        let check = Check {
            what,
            outcome: seen.outcome,
            detail: seen.detail,
            advice: seen.advice,
            presented: seen.presented,
            took: begin.elapsed(),
        };
        if checks.send(check).await.is_err() {
            return;
        }
    }
}

struct Seen {
    outcome: CheckOutcome,
    detail: String,
    advice: Option<String>,
    presented: Option<Presented>,
}

impl Seen {
    fn passed(detail: impl Into<String>) -> Seen {
        Seen {
            outcome: CheckOutcome::Passed,
            detail: detail.into(),
            advice: None,
            presented: None,
        }
    }

    fn failed(error: ConnectorError, advice: Option<&str>) -> Seen {
        Seen {
            outcome: CheckOutcome::Failed,
            detail: error.message,
            advice: advice.map(str::to_owned),
            presented: error.presented.map(|presented| *presented),
        }
    }
}

async fn reachable(connector: &ProxmoxConnector) -> Seen {
    let (host, port) = match connector.client.address() {
        Ok(address) => address,
        Err(error) => return Seen::failed(error, Some("Write it as https://10.77.0.2:8006.")),
    };
    let advice = Some(
        "Is the machine on, is the address right, and does its firewall let this computer reach port 8006?",
    );
    let unreachable =
        |message: String| ConnectorError::new(ErrorKind::Unreachable, "connect", message);
    match timeout(CONNECT_TIMEOUT, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => Seen::passed(format!("{host} port {port} accepts connections")),
        Ok(Err(error)) => Seen::failed(unreachable(format!("{host} port {port}: {error}")), advice),
        Err(_) => {
            let seconds = Duration::as_secs(&CONNECT_TIMEOUT);
            let message = format!("{host} port {port} did not answer within {seconds} s");
            Seen::failed(unreachable(message), advice)
        }
    }
}

async fn trusted(connector: &ProxmoxConnector) -> Seen {
    // A kept connection would show the certificate that was good when it was made.
    connector.client.close().await;
    match connector.client.knock("look at the certificate").await {
        Ok(()) => Seen::passed(match &connector.client.endpoint().pinned {
            Some(_) => "the certificate is the accepted one, or this system trusts it",
            None => "this system trusts the certificate",
        }),
        Err(error) => {
            let advice = match error.presented.as_ref().map(|p| p.accepted.is_some()) {
                Some(true) => {
                    "The certificate has changed. Proxmox renews its own every two years and after `pvecm updatecerts`; \
                     if nobody did that, somebody may stand between. Compare the fingerprint on the machine: `openssl \
                     x509 -in /etc/pve/local/pve-ssl.pem -noout -fingerprint -sha256`."
                }
                Some(false) => {
                    "Compare the fingerprint with the one on the machine (Node > System > Certificates), then accept it."
                }
                None => "Is this the address of a Proxmox API? It answers on port 8006.",
            };
            Seen::failed(error, Some(advice))
        }
    }
}

async fn login(connector: &ProxmoxConnector) -> Seen {
    let auth = &connector.client.endpoint().auth;
    let operation = log_in_as(auth.name());
    let outcome = match connector.client.log_in().await {
        Ok(()) => {
            let call = Call::get(&operation, &["version"]);
            connector.client.call(&call).await.map_err(|f| f.error)
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(_) => Seen::passed(format!("logged in as {}", auth.name())),
        Err(error) => {
            let advice = match (error.kind, auth) {
                (ErrorKind::Unauthorised, ProxmoxAuth::Token { .. }) => Some(
                    "Is the token's name complete (user@realm!name), is the secret the one that was shown once, and has \
                     the token not expired?",
                ),
                (ErrorKind::Unauthorised, ProxmoxAuth::Password { .. }) => Some(
                    "Is the user's realm right (root@pam), and the password? A user with a second factor needs an API \
                     token.",
                ),
                (_, _) => None,
            };
            Seen::failed(error, advice)
        }
    }
}

async fn version(connector: &ProxmoxConnector) -> Seen {
    let operation = "read the version";
    let call = Call::get(operation, &["version"]);
    let data = match connector.client.call(&call).await {
        Ok(data) => data,
        Err(failure) => return Seen::failed(failure.error, None),
    };
    let Some((major, version)) = parse::version(&data) else {
        let error =
            ConnectorError::new(ErrorKind::Protocol, operation, "the answer has no version");
        return Seen::failed(error, None);
    };
    let resources = match connector.resources(operation).await {
        Ok(resources) => resources,
        Err(error) => return Seen::failed(error, None),
    };
    let member = connector.member();
    if !resources.members.contains_key(member) {
        let members: Vec<&str> = resources.members.keys().map(String::as_str).collect();
        return Seen {
            outcome: CheckOutcome::Failed,
            advice: Some("Give this machine the name that it has within Proxmox.".to_owned()),
            ..Seen::passed(format!(
                "Proxmox VE {version} has no member {member}; it has {}",
                members.join(", ")
            ))
        };
    }
    let seen = Seen::passed(format!("Proxmox VE {version}, member {member}"));
    match major {
        8 | 9 => seen,
        7 => Seen {
            outcome: CheckOutcome::Warning,
            advice: Some(
                "Version 7 has had no updates since July 2024. It probably works; WakeHub is made for 8 and 9.".to_owned(),
            ),
            ..seen
        },
        _ => Seen {
            outcome: CheckOutcome::Failed,
            advice: Some("WakeHub speaks Proxmox VE 8 and 9.".to_owned()),
            ..seen
        },
    }
}

async fn privileges(connector: &ProxmoxConnector) -> Seen {
    let call = Call::get("read the privileges", &["access", "permissions"]);
    match connector.client.call(&call).await {
        Ok(data) => judge(
            &parse::permissions(&data),
            connector.member(),
            &connector.client.endpoint().auth,
        ),
        Err(failure) => Seen::failed(failure.error, None),
    }
}

fn judge(permissions: &Permissions, member: &str, auth: &ProxmoxAuth) -> Seen {
    let machine = format!("/nodes/{member}");
    let wanted = [
        ("VM.Audit", "/vms"),
        ("VM.PowerMgmt", "/vms"),
        ("Sys.Audit", machine.as_str()),
        ("Sys.PowerMgmt", machine.as_str()),
    ];
    let (found, missing): (Vec<_>, Vec<_>) = wanted
        .into_iter()
        .partition(|(privilege, path)| permissions.has(path, privilege));
    let detail = format!("found: {}; missing: {}", list(&found), list(&missing));
    if missing.is_empty() {
        return Seen::passed(format!("found: {}", list(&found)));
    }
    let lacks = |privilege: &str| missing.iter().any(|(missing, _)| *missing == privilege);
    let mut some_guests = permissions.paths_below("/vms/", &OF_GUESTS);
    some_guests.extend(permissions.paths_below("/pool/", &OF_GUESTS));
    let lacks_guests = OF_GUESTS.into_iter().any(lacks);
    if (lacks_guests && some_guests.is_empty()) || lacks("Sys.Audit") {
        return Seen {
            outcome: CheckOutcome::Failed,
            advice: Some(how_to_grant(auth)),
            ..Seen::passed(detail)
        };
    }
    let (detail, advice) = if lacks_guests {
        (
            format!("{detail}; on {} both of them", some_guests.join(", ")),
            "Only these guests will be seen and started.",
        )
    } else {
        (
            detail,
            "Sys.PowerMgmt is needed only to shut the machine itself down through this API.",
        )
    };
    Seen {
        outcome: CheckOutcome::Warning,
        advice: Some(advice.to_owned()),
        ..Seen::passed(detail)
    }
}

fn list(privileges: &[(&str, &str)]) -> String {
    if privileges.is_empty() {
        return "none".to_owned();
    }
    let listed: Vec<String> = privileges
        .iter()
        .map(|(privilege, path)| format!("{privilege} on {path}"))
        .collect();
    listed.join(", ")
}

fn how_to_grant(auth: &ProxmoxAuth) -> String {
    let role = "`pveum role add WakeHub --privs VM.Audit,VM.PowerMgmt,Sys.Audit`";
    match auth {
        ProxmoxAuth::Token { id, .. } => {
            let user = id.split('!').next().unwrap_or(id);
            format!(
                "On the machine: {role}, then `pveum acl modify / --roles WakeHub --tokens '{id}'`. A token with privilege \
                 separation has only what it and its user {user} both have: grant the role to the user too (`--users \
                 {user}`)."
            )
        }
        ProxmoxAuth::Password { user, .. } => {
            format!(
                "On the machine: {role}, then `pveum acl modify / --roles WakeHub --users {user}`."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wakehub_domain::Secret;

    fn judged(permissions: serde_json::Value) -> (CheckOutcome, String, Option<String>) {
        let auth = ProxmoxAuth::Token {
            id: "me@pve!desk".to_owned(),
            secret: Secret::new("x"),
        };
        let seen = judge(&parse::permissions(&permissions), "pve2", &auth);
        (seen.outcome, seen.detail, seen.advice)
    }

    #[test]
    fn all_privileges_pass() {
        let (outcome, detail, advice) = judged(json!({
            "/": {"VM.Audit": 1, "VM.PowerMgmt": 1, "Sys.Audit": 1, "Sys.PowerMgmt": 1},
        }));
        assert_eq!(outcome, CheckOutcome::Passed);
        assert_eq!(
            detail,
            "found: VM.Audit on /vms, VM.PowerMgmt on /vms, Sys.Audit on /nodes/pve2, Sys.PowerMgmt on /nodes/pve2"
        );
        assert_eq!(advice, None);
    }

    #[test]
    fn without_sys_powermgmt_only_the_machine_stays_on() {
        let (outcome, _, advice) = judged(json!({
            "/vms": {"VM.Audit": 1, "VM.PowerMgmt": 1},
            "/nodes": {"Sys.Audit": 1},
        }));
        assert_eq!(outcome, CheckOutcome::Warning);
        assert!(advice.unwrap().contains("only to shut the machine"));
    }

    #[test]
    fn what_does_not_propagate_does_not_count_below() {
        let (outcome, detail, advice) = judged(json!({
            "/": {"VM.Audit": 0, "VM.PowerMgmt": 1, "Sys.Audit": 1},
        }));
        assert_eq!(outcome, CheckOutcome::Failed);
        assert!(detail.contains("missing: VM.Audit on /vms"), "{detail}");
        let advice = advice.unwrap();
        assert!(advice.contains("--tokens 'me@pve!desk'"), "{advice}");
        assert!(advice.contains("its user me@pve both have"), "{advice}");
    }

    #[test]
    fn single_guests_are_enough_for_those_guests() {
        let (outcome, detail, _) = judged(json!({
            "/vms/100": {"VM.Audit": 1, "VM.PowerMgmt": 1},
            "/vms/101": {"VM.Audit": 1},
            "/": {"Sys.Audit": 1},
        }));
        assert_eq!(outcome, CheckOutcome::Warning);
        assert!(detail.ends_with("on /vms/100 both of them"), "{detail}");
    }

    #[test]
    fn no_privileges_fail() {
        let (outcome, detail, _) = judged(json!({}));
        assert_eq!(outcome, CheckOutcome::Failed);
        assert!(detail.starts_with("found: none"), "{detail}");
    }
}
