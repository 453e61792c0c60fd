//! Host keys: accepted, unknown, changed, revoked.

use crate::sshd::{PASSWORD, Sshd, fingerprint, keygen};
use std::fs;
use std::process::{Command, Stdio};
use wakehub_connectors::ssh::{AcceptedKey, SshEndpoint, SshHost};
use wakehub_domain::{ConnectorError, ErrorKind, PresentedKind};

async fn connect(endpoint: SshEndpoint) -> Result<(), ConnectorError> {
    SshHost::new(endpoint).check().await
}

/// Knows nothing yet, and would log in by password.
fn stranger(sshd: &Sshd) -> SshEndpoint {
    let mut endpoint = sshd.with_password("root", PASSWORD);
    endpoint.accepted.clear();
    endpoint
}

/// A `known_hosts` with this key for the server.
fn known_hosts(sshd: &Sshd, marker: &str, public_key: &str) -> SshEndpoint {
    let key = fs::read_to_string(sshd.path(public_key)).unwrap();
    let line = format!("{marker}[{}]:{} {key}", sshd.address, sshd.port);
    let noise = "# a comment\n\nthis line is damaged\n|1|bad|bad ssh-rsa AAAA\n";
    fs::write(sshd.path("known_hosts"), format!("{noise}{line}")).unwrap();
    let mut endpoint = stranger(sshd);
    endpoint.known_hosts = vec![sshd.path("missing"), sshd.path("known_hosts")];
    endpoint
}

#[tokio::test]
async fn an_unknown_key_is_shown_and_no_secret_is_sent() {
    let Some(sshd) = Sshd::start() else { return };
    let error = connect(stranger(&sshd)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Untrusted);
    let presented = error.presented.unwrap();
    assert_eq!(presented.kind, PresentedKind::HostKey);
    assert_eq!(presented.accepted, None);
    assert_eq!(presented.algorithm, "ssh-ed25519");
    assert_eq!(presented.fingerprint, sshd.host_key().fingerprint);
    sshd.wait_for("Connection closed by");
    assert_eq!(sshd.log_lines("password"), 0);

    // What was shown, once accepted, is enough.
    let mut endpoint = stranger(&sshd);
    endpoint.accepted = vec![AcceptedKey {
        algorithm: presented.algorithm,
        fingerprint: presented.fingerprint,
    }];
    connect(endpoint).await.unwrap();
}

#[tokio::test]
async fn a_changed_key_is_an_error_that_shows_both() {
    let Some(sshd) = Sshd::start() else { return };
    keygen(&sshd.path("before"), "ed25519", "");
    let before = fingerprint(&sshd.path("before.pub"));
    let mut endpoint = stranger(&sshd);
    endpoint.accepted = vec![before.clone()];
    let error = connect(endpoint).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Untrusted);
    assert!(error.message.contains(&before.fingerprint), "{error}");
    assert!(
        error.message.contains(&sshd.host_key().fingerprint),
        "{error}"
    );
    let presented = error.presented.unwrap();
    assert_eq!(presented.accepted, Some(before.fingerprint));

    let changed = known_hosts(&sshd, "", "before.pub");
    let error = connect(changed).await.unwrap_err();
    assert!(error.presented.unwrap().accepted.is_some());
}

#[tokio::test]
async fn known_hosts_count_as_accepted_hashed_or_not() {
    let Some(sshd) = Sshd::start() else { return };
    let endpoint = known_hosts(&sshd, "", "host_ed25519.pub");
    connect(endpoint.clone()).await.unwrap();

    // Only the line of the server: ssh-keygen gives up at a damaged one.
    let text = fs::read_to_string(sshd.path("known_hosts")).unwrap();
    let good = text.lines().last().unwrap();
    fs::write(sshd.path("known_hosts"), format!("{good}\n")).unwrap();
    let hashed = Command::new("ssh-keygen")
        .arg("-Hf")
        .arg(sshd.path("known_hosts"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(hashed.success());
    let text = fs::read_to_string(sshd.path("known_hosts")).unwrap();
    assert!(text.starts_with("|1|"), "{text}");
    connect(endpoint).await.unwrap();
}

#[tokio::test]
async fn a_revoked_key_cannot_be_accepted() {
    let Some(sshd) = Sshd::start() else { return };
    let mut endpoint = known_hosts(&sshd, "@revoked ", "host_ed25519.pub");
    endpoint.accepted = vec![sshd.host_key()];
    let error = connect(endpoint).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Untrusted);
    assert!(error.message.contains("@revoked"), "{error}");
    assert_eq!(error.presented, None);
}

#[tokio::test]
async fn of_several_keys_the_accepted_type_is_asked_for() {
    let keys = ["HostKey $DIR/host_ed25519", "HostKey $DIR/host_rsa"];
    let Some(sshd) = Sshd::with_keys(&["rsa"], &keys) else {
        return;
    };
    let mut endpoint = stranger(&sshd);
    endpoint.accepted = vec![fingerprint(&sshd.path("host_rsa.pub"))];
    assert_eq!(endpoint.accepted[0].algorithm, "ssh-rsa");
    connect(endpoint).await.unwrap();
    connect(known_hosts(&sshd, "", "host_rsa.pub"))
        .await
        .unwrap();
}

#[tokio::test]
async fn another_type_of_key_than_the_accepted_is_a_change() {
    let Some(sshd) = Sshd::start() else { return };
    keygen(&sshd.path("before"), "ecdsa", "");
    let before = fingerprint(&sshd.path("before.pub"));
    let mut endpoint = stranger(&sshd);
    endpoint.accepted = vec![before.clone()];
    let error = connect(endpoint).await.unwrap_err();
    assert_eq!(error.presented.unwrap().accepted, Some(before.fingerprint));
}
