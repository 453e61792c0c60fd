use super::*;
use crate::ssh::SshLogin;

fn key(algorithm: &str) -> AcceptedKey {
    AcceptedKey {
        algorithm: algorithm.to_owned(),
        fingerprint: format!("SHA256:{algorithm}"),
    }
}

fn trust(accepted: &[&str], known: &[&str]) -> Trust {
    Trust {
        accepted: accepted.iter().map(|name| key(name)).collect(),
        known: Known {
            keys: known.iter().map(|name| key(name)).collect(),
            revoked: Vec::new(),
        },
    }
}

#[test]
fn the_types_of_believed_keys_are_asked_for_first() {
    let preferred = |trust: Trust| trust.preference();
    assert!(preferred(trust(&[], &[])).starts_with("ssh-ed25519,ecdsa"));
    assert!(
        preferred(trust(&["ssh-rsa"], &[]))
            .starts_with("rsa-sha2-512,rsa-sha2-256,ssh-rsa,ssh-ed25519")
    );
    assert!(
        preferred(trust(&[], &["ecdsa-sha2-nistp384", "ssh-rsa"]))
            .starts_with("ecdsa-sha2-nistp384,rsa-sha2-512")
    );
    // ssh-rsa (SHA-1) is asked for only where its key is believed.
    assert!(!preferred(trust(&[], &[])).contains("ssh-rsa"));
}

#[test]
fn what_was_accepted_before_is_shown_by_the_same_type_first() {
    let blob = b"\x00\x00\x00\x0bssh-ed25519rest";
    let endpoint = SshEndpoint::new("nas", "root", SshLogin::Agent { socket: None });
    let shown = |trust: Trust| {
        let error = trust.judge(&endpoint, blob).unwrap_err();
        error.presented.unwrap().accepted
    };
    assert_eq!(shown(trust(&[], &[])), None);
    assert_eq!(
        shown(trust(&["ssh-rsa"], &["ssh-ed25519"])),
        Some("SHA256:ssh-ed25519".to_owned())
    );
    assert_eq!(
        shown(trust(&["ssh-rsa"], &[])),
        Some("SHA256:ssh-rsa".to_owned())
    );
}

#[test]
fn a_key_that_cannot_be_read_is_not_trusted() {
    let endpoint = SshEndpoint::new("nas", "root", SshLogin::Agent { socket: None });
    let error = trust(&[], &[]).judge(&endpoint, b"??").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
}
