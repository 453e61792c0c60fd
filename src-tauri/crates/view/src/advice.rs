//! What to do about a failure.

use wakehub_domain::{ConnectorError, ErrorKind, Timestamp};

use crate::wire::FailureView;

pub fn failure_view(error: &ConnectorError, at: Timestamp) -> FailureView {
    FailureView {
        kind: error.kind,
        operation: error.operation.clone(),
        message: error.message.clone(),
        advice: advice(error).to_owned(),
        presented: error.presented.as_deref().cloned(),
        at,
    }
}

/// One sentence: the most likely next thing to do.
pub fn advice(error: &ConnectorError) -> &'static str {
    let locked = error.message.contains("locked");
    let known = error
        .presented
        .as_ref()
        .is_some_and(|presented| presented.accepted.is_some());
    match error.kind {
        ErrorKind::Unreachable => {
            "Look whether it is on and on the same network, and whether its address and port are right. Then try again."
        }
        ErrorKind::Unauthorised => {
            "Check the user, the password, key or token, and its rights in the node's form, then test the connection."
        }
        ErrorKind::Untrusted if known => {
            "Do not go on unless you know why it changed: a reinstalled machine has a new one, an attacker too. Compare it on the machine itself, then accept it in the connection test."
        }
        ErrorKind::Untrusted => {
            "Compare the fingerprint on the machine itself, then accept it in the connection test."
        }
        ErrorKind::Rejected if locked => {
            "Wait until the platform has unlocked it (a backup or a migration is running), then retry."
        }
        ErrorKind::Rejected => "Read what the platform says, mend it there, then retry.",
        ErrorKind::Unsupported => {
            "The other side cannot do this: look at its version and at the node's settings."
        }
        ErrorKind::TimedOut => {
            "Look at the machine itself. If it only needs longer, raise the timeout in the node's settings, then retry."
        }
        ErrorKind::Protocol => {
            "Something else answers there: check the address, the port and whether a proxy stands between."
        }
        ErrorKind::NoSecret => {
            "Enter the password, passphrase or token in the node's form; it is kept in the keyring."
        }
        ErrorKind::Paused => {
            "It failed several times in a row and is asked again in a while. Test the connection to try at once."
        }
    }
}
