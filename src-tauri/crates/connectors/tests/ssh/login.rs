//! Every way in, and what is said when it is closed.

use crate::sshd::{PASSPHRASE, PASSWORD, Sshd, keygen};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use wakehub_connectors::ssh::{SshEndpoint, SshHost, SshLogin};
use wakehub_domain::{ConnectorError, ErrorKind, Secret};

async fn who(endpoint: SshEndpoint) -> Result<String, ConnectorError> {
    let output = SshHost::new(endpoint).exec("id -u", b"").await?;
    Ok(output.stdout_text())
}

async fn refused(endpoint: SshEndpoint) -> ConnectorError {
    who(endpoint).await.unwrap_err()
}

fn with_key(sshd: &Sshd, path: &Path, passphrase: Option<&str>) -> SshEndpoint {
    SshEndpoint {
        login: SshLogin::Key {
            path: path.to_owned(),
            passphrase: passphrase.map(Secret::new),
        },
        ..sshd.endpoint()
    }
}

#[tokio::test]
async fn a_password() {
    let Some(sshd) = Sshd::start() else { return };
    assert_eq!(
        who(sshd.with_password("root", PASSWORD)).await.unwrap(),
        "0"
    );
    let guest = sshd.with_password("guest", PASSWORD);
    assert_eq!(who(guest).await.unwrap(), "54321");
}

#[tokio::test]
async fn a_wrong_password_is_not_repeated_in_the_error() {
    let Some(sshd) = Sshd::start() else { return };
    let error = refused(sshd.with_password("root", "hunter2")).await;
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert!(error.message.contains("password of root"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_password_where_the_server_asks_its_own_way() {
    let options = [
        "UsePAM yes",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication yes",
    ];
    let Some(sshd) = Sshd::with(&options) else {
        return;
    };
    assert_eq!(
        who(sshd.with_password("root", PASSWORD)).await.unwrap(),
        "0"
    );
    let error = refused(sshd.with_password("root", "hunter2")).await;
    assert_eq!(error.kind, ErrorKind::Unauthorised);
}

#[tokio::test]
async fn a_password_where_only_keys_are_taken() {
    let Some(sshd) = Sshd::with(&["PasswordAuthentication no"]) else {
        return;
    };
    let error = refused(sshd.with_password("root", PASSWORD)).await;
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert!(error.message.contains("it offers publickey"), "{error}");
}

#[tokio::test]
async fn a_key_with_a_passphrase() {
    let Some(sshd) = Sshd::start() else { return };
    let path = sshd.path("id_locked");
    let right = with_key(&sshd, &path, Some(PASSPHRASE));
    assert_eq!(who(right).await.unwrap(), "0");

    let wrong = refused(with_key(&sshd, &path, Some("hunter2"))).await;
    assert_eq!(wrong.kind, ErrorKind::Unauthorised);
    assert!(wrong.message.contains("passphrase"), "{wrong}");
    assert!(wrong.message.contains("is wrong"), "{wrong}");

    let missing = refused(with_key(&sshd, &path, None)).await;
    assert_eq!(missing.kind, ErrorKind::NoSecret);
    assert!(missing.message.contains("none is given"), "{missing}");
}

#[tokio::test]
async fn keys_of_every_kind_and_form() {
    let Some(sshd) = Sshd::start() else { return };
    let mut allowed = String::new();
    for (name, kind) in [("rsa", "rsa"), ("ecdsa", "ecdsa"), ("old_form", "rsa")] {
        let path = sshd.path(name);
        keygen(&path, kind, "");
        allowed += &fs::read_to_string(path.with_extension("pub")).unwrap();
    }
    let old_form = sshd.path("old_form");
    let converted = Command::new("ssh-keygen")
        .args(["-q", "-p", "-m", "PEM", "-P", "", "-N", PASSPHRASE, "-f"])
        .arg(&old_form)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(converted.success());
    fs::write(sshd.path("authorized_keys"), allowed).unwrap();
    for (name, passphrase) in [
        ("rsa", None),
        ("ecdsa", None),
        ("old_form", Some(PASSPHRASE)),
    ] {
        let endpoint = with_key(&sshd, &sshd.path(name), passphrase);
        assert_eq!(who(endpoint).await.unwrap(), "0", "{name}");
    }
    let missing = refused(with_key(&sshd, &old_form, None)).await;
    assert_eq!(missing.kind, ErrorKind::NoSecret, "{missing}");
}

#[tokio::test]
async fn a_key_that_the_server_does_not_know() {
    let Some(sshd) = Sshd::start() else { return };
    keygen(&sshd.path("stranger"), "ed25519", "");
    let error = refused(with_key(&sshd, &sshd.path("stranger"), None)).await;
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert!(error.message.contains("authorized_keys"), "{error}");
}

#[tokio::test]
async fn what_is_no_private_key() {
    let Some(sshd) = Sshd::start() else { return };
    let missing = refused(with_key(&sshd, &sshd.path("nowhere"), None)).await;
    assert_eq!(missing.kind, ErrorKind::NoSecret);
    assert!(missing.message.contains("cannot be read"), "{missing}");

    let public = refused(with_key(&sshd, &sshd.path("id_plain.pub"), None)).await;
    assert!(public.message.contains("public key"), "{public}");

    fs::write(sshd.path("putty"), "PuTTY-User-Key-File-3: ssh-ed25519\n").unwrap();
    let putty = refused(with_key(&sshd, &sshd.path("putty"), None)).await;
    assert_eq!(putty.kind, ErrorKind::Unsupported);

    fs::write(sshd.path("noise"), "hello").unwrap();
    let noise = refused(with_key(&sshd, &sshd.path("noise"), None)).await;
    assert!(noise.message.contains("no private key"), "{noise}");
}

struct Agent {
    process: Child,
    endpoint: SshEndpoint,
}

impl Agent {
    fn start(sshd: &Sshd, keys: &[&str]) -> Agent {
        let socket = sshd.path("agent.sock");
        let process = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        for key in keys {
            if !sshd.path(key).exists() {
                keygen(&sshd.path(key), "ed25519", "");
            }
            // The agent opens its socket soon after it has started.
            let added = std::iter::repeat_with(|| {
                Command::new("ssh-add")
                    .arg("-q")
                    .arg(sshd.path(key))
                    .env("SSH_AUTH_SOCK", &socket)
                    .stderr(Stdio::null())
                    .status()
                    .unwrap()
                    .success()
            });
            assert!(added.take(200).any(|added| added), "ssh-add {key}");
        }
        let endpoint = SshEndpoint {
            login: SshLogin::Agent {
                socket: Some(socket),
            },
            ..sshd.endpoint()
        };
        Agent { process, endpoint }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn an_agent_whose_third_key_fits() {
    let Some(sshd) = Sshd::start() else { return };
    let agent = Agent::start(&sshd, &["one", "two", "id_plain"]);
    assert_eq!(who(agent.endpoint.clone()).await.unwrap(), "0");
}

#[tokio::test]
async fn an_agent_without_a_key_that_fits() {
    let Some(sshd) = Sshd::with(&["MaxAuthTries 3"]) else {
        return;
    };
    let agent = Agent::start(&sshd, &["one"]);
    let error = refused(agent.endpoint.clone()).await;
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert!(
        error.message.contains("none of the agent's 1 keys"),
        "{error}"
    );
    drop(agent);
    fs::remove_file(sshd.path("agent.sock")).unwrap_or_default();

    let agent = Agent::start(&sshd, &["one", "two", "three", "four", "five"]);
    let error = refused(agent.endpoint.clone()).await;
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert!(error.message.contains("MaxAuthTries"), "{error}");
}

#[tokio::test]
async fn no_agent_at_all() {
    let Some(sshd) = Sshd::start() else { return };
    let endpoint = SshEndpoint {
        login: SshLogin::Agent {
            socket: Some(sshd.path("nobody.sock")),
        },
        ..sshd.endpoint()
    };
    let error = refused(endpoint).await;
    assert_eq!(error.kind, ErrorKind::NoSecret);
    assert!(error.message.contains("no SSH agent answers"), "{error}");
}

#[tokio::test]
async fn through_a_jump_host() {
    let Some(target) = Sshd::start() else { return };
    let Some(jump) = Sshd::start() else { return };
    let through = |jump: SshEndpoint| SshEndpoint {
        jump: Some(Box::new(jump)),
        ..target.endpoint()
    };
    let host = SshHost::new(through(jump.endpoint()));
    for _ in 0..20 {
        assert_eq!(host.exec("id -u", b"").await.unwrap().stdout_text(), "0");
    }
    assert_eq!(jump.log_lines("Accepted publickey"), 1);
    assert_eq!(target.log_lines("Accepted publickey"), 1);

    let sent = vec![7; 3 << 20];
    let back = host.exec("cat", &sent).await.unwrap();
    assert!(back.stdout == sent);
}

#[tokio::test]
async fn a_jump_host_that_does_not_let_us_through() {
    let Some(target) = Sshd::start() else { return };
    let Some(jump) = Sshd::start() else { return };
    let through = |jump: SshEndpoint| SshEndpoint {
        jump: Some(Box::new(jump)),
        ..target.endpoint()
    };

    let mut unknown = jump.endpoint();
    unknown.accepted.clear();
    let error = refused(through(unknown)).await;
    assert_eq!(error.kind, ErrorKind::Untrusted);
    let presented = error.presented.unwrap();
    assert_eq!(
        presented.endpoint,
        format!("{}:{}", jump.address, jump.port)
    );
    assert_eq!(presented.fingerprint, jump.host_key().fingerprint);

    let error = refused(through(jump.with_password("root", "hunter2"))).await;
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert!(error.operation.contains("jump host"), "{error}");

    let mut elsewhere = through(jump.endpoint());
    elsewhere.port = 1;
    let error = refused(elsewhere).await;
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(error.message.contains("jump host"), "{error}");
}
