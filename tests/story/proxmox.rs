//! Guests of a Proxmox API that refuses, changes or is not what it was.

use crate::home::Home;
use wakehub_domain::{Action, ErrorKind, SecretName};
use wakehub_lab::proxmox::{PASSWORD, PRIVILEGES, USER};
use wakehub_lab::{Homelab, Options};
use wakehub_view::wire::{CascadeStatus, FailureView, Power, SecretEntry};

async fn with_jellyfin() -> Option<Home> {
    let options = Options {
        homelab: Homelab::reference().only(&["lxc-jellyfin"]),
        ..Options::default()
    };
    let home = Home::new(options.on(&["machine2"])).await?;
    home.power("machine2", Power::On).await;
    home.trust("machine2").await;
    Some(home)
}

async fn fails(home: &Home, action: Action, node: &str, kind: ErrorKind) -> FailureView {
    let ended = home.run(action, node).await;
    assert_eq!(ended.status, CascadeStatus::Failed, "{ended:#?}");
    let failure = ended.failure.expect("why");
    assert_eq!(failure.kind, kind, "{failure:?}");
    failure
}

async fn done(home: &Home, action: Action, node: &str) {
    let ended = home.run(action, node).await;
    assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_does_not_stop_keeps_its_machine_on_until_force_is_allowed() {
    let Some(home) = with_jellyfin().await else {
        return;
    };
    let api = home.lab.proxmox("machine2");
    // a privilege is missing, and is named
    let without: Vec<&str> = PRIVILEGES
        .into_iter()
        .filter(|privilege| *privilege != "VM.PowerMgmt")
        .collect();
    api.limit_token(&without).await.expect("limited");
    let failure = fails(
        &home,
        Action::Start,
        "lxc-jellyfin",
        ErrorKind::Unauthorised,
    )
    .await;
    assert!(failure.message.contains("VM.PowerMgmt"), "{failure:?}");
    assert!(home.lab.is_off("lxc-jellyfin"));
    api.heal().await.expect("healed");
    done(&home, Action::Start, "lxc-jellyfin").await;

    // locked by a backup
    api.lock(101, Some("backup")).await.expect("locked");
    let failure = fails(&home, Action::Stop, "lxc-jellyfin", ErrorKind::Rejected).await;
    assert!(
        failure.message.contains("is locked (backup)"),
        "{failure:?}"
    );
    assert!(home.lab.is_on("lxc-jellyfin"));
    api.lock(101, None).await.expect("unlocked");

    // it ignores its shutdown: its machine is not cut under it
    api.ignore_shutdown(101, true).await.expect("ignores");
    let mut entry = home.entry("lxc-jellyfin").await;
    entry.stop_timeout_seconds = Some(4);
    home.save("lxc-jellyfin", entry.clone()).await;
    let failure = fails(&home, Action::Stop, "machine2", ErrorKind::TimedOut).await;
    assert!(failure.operation.contains("lxc-jellyfin"), "{failure:?}");
    assert!(home.lab.is_on("lxc-jellyfin") && home.lab.is_on("machine2"));
    assert_eq!(home.lab.guest_status(101).await.expect("101"), "running");

    entry.force_stop = Some(true);
    home.save("lxc-jellyfin", entry).await;
    done(&home, Action::Stop, "machine2").await;
    assert!(home.lab.is_off("lxc-jellyfin") && home.lab.is_off("machine2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_certificate_stops_everything_and_an_expired_ticket_nothing() {
    let Some(home) = with_jellyfin().await else {
        return;
    };
    let api = home.lab.proxmox("machine2");
    let old = api.fingerprint().await.expect("fingerprint");
    let new = api.change_certificate().await.expect("changed");
    let failure = fails(&home, Action::Start, "lxc-jellyfin", ErrorKind::Untrusted).await;
    let plain = |shown: &str| {
        let hexadecimal: String = shown.chars().filter(char::is_ascii_hexdigit).collect();
        hexadecimal.to_lowercase()
    };
    let presented = failure.presented.clone().expect("both fingerprints");
    assert!(plain(&presented.fingerprint).ends_with(&new), "{failure:?}");
    let accepted = presented.accepted.as_deref().expect("the old one");
    assert!(plain(accepted).ends_with(&old), "{failure:?}");
    assert!(home.lab.is_off("lxc-jellyfin"));
    home.power("machine2", Power::On).await;

    // the user has looked; and logs in with a password from now on
    home.accept(&failure).await;
    let mut entry = home.entry("machine2").await;
    entry.proxmox_api = entry.proxmox_api.map(|api| wakehub_domain::ProxmoxConfig {
        token_id: None,
        user: Some(USER.to_owned()),
        ..api
    });
    home.save("machine2", entry).await;
    let give = async |value: &str| {
        let secret = SecretEntry {
            name: SecretName::ProxmoxPassword,
            value: value.to_owned(),
        };
        let kept = home.handle.set_secret(home.id("machine2"), secret).await;
        kept.expect("kept");
    };
    give("no password of anybody").await;
    let failure = fails(
        &home,
        Action::Start,
        "lxc-jellyfin",
        ErrorKind::Unauthorised,
    )
    .await;
    assert!(!failure.message.contains("of anybody"), "{failure:?}");
    give(PASSWORD).await;
    done(&home, Action::Start, "lxc-jellyfin").await;
    api.revoke_tickets().await.expect("revoked");
    done(&home, Action::Stop, "lxc-jellyfin").await;
    assert!(home.lab.is_off("lxc-jellyfin"));
}
