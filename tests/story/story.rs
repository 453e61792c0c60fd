//! The engine on the real lab: real magic packets, sshd, Proxmox API. What happened is asked of the lab, not of the engine.

mod containers;
mod home;
mod idle;
mod machines;
mod proxmox;
mod traffic;

use home::Home;
use std::time::Duration;
use wakehub_domain::{Action, ErrorKind};
use wakehub_lab::{Fault, Options, What};
use wakehub_view::wire::{Answer, CascadeStatus, Power};

#[tokio::test(flavor = "multi_thread")]
async fn one_click_wakes_the_service_and_one_more_takes_it_down() {
    let Some(home) = Home::new(Options::only(&["nas", "lxc-jellyfin"])).await else {
        return;
    };
    home.seen(Power::Off).await;

    // the first start stops at the certificate that nobody has accepted yet, and Retry goes on from there
    let first = home.run(Action::Start, "lxc-jellyfin").await;
    assert_eq!(first.status, CascadeStatus::Failed, "{first:#?}");
    let failure = first.failure.clone().expect("why");
    assert_eq!(failure.kind, ErrorKind::Untrusted, "{failure:?}");
    assert!(
        home.lab.is_on("nas") && home.lab.is_on("machine2"),
        "what is up stays up"
    );
    home.accept(&failure).await;
    let retried = home.resume(&first).await;
    assert_eq!(retried.status, CascadeStatus::Completed, "{retried:#?}");

    let order: Vec<(String, What)> = home
        .lab
        .events()
        .into_iter()
        .filter(|event| matches!(event.what, What::Woken | What::Booted))
        .map(|event| (event.node, event.what))
        .collect();
    let woken = |name: &str| order.iter().position(|e| e.0 == name && e.1 == What::Woken);
    let booted = |name: &str| {
        order
            .iter()
            .position(|e| e.0 == name && e.1 == What::Booted)
    };
    assert!(home.lab.was_woken("nas") && home.lab.was_woken("machine2"));
    assert!(
        booted("nas").expect("nas") < woken("machine2").expect("machine2"),
        "{order:?}"
    );
    assert!(booted("machine2") < booted("lxc-jellyfin"), "{order:?}");
    assert!(home.lab.is_on("lxc-jellyfin"));

    let stopped = home.run(Action::Stop, "lxc-jellyfin").await;
    assert_eq!(stopped.status, CascadeStatus::Completed, "{stopped:#?}");
    assert!(home.lab.is_off("lxc-jellyfin"));
    assert!(home.lab.is_on("nas"), "nobody has answered yet");
    let question = home.question("nas").await;

    // shutting nas down is the first thing that needs a login, so its host key is shown first
    home.handle
        .answer(question, Answer::ShutDown)
        .await
        .expect("answered");
    let failed = home.ended("nas", CascadeStatus::Failed).await;
    let failure = failed.failure.clone().expect("why");
    let presented = failure.presented.clone().expect("a host key");
    assert!(
        presented.fingerprint.starts_with("SHA256:"),
        "{presented:?}"
    );
    home.accept(&failure).await;
    let stopped = home.resume(&failed).await;
    assert_eq!(stopped.status, CascadeStatus::Completed, "{stopped:#?}");
    assert!(home.lab.is_off("nas"));
    assert!(home.lab.is_on("machine2"), "nobody asked for it");
    home.no_secret_is_left_behind().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_a_machine_end_in_its_own_words_and_never_in_a_wrong_off() {
    let Some(home) = Home::new(Options::only(&["nas"]).on(&["nas"])).await else {
        return;
    };
    home.seen(Power::On).await;
    home.trust("nas").await;

    home.lab
        .inject("nas", Fault::RefusesShutdown)
        .expect("fault");
    let refused = home.run(Action::Stop, "nas").await;
    assert_eq!(refused.status, CascadeStatus::Failed);
    let failure = refused.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::Rejected, "{failure:?}");
    assert!(home.lab.is_on("nas"));
    home.lab.heal("nas").expect("healed");

    // a new host key, which sshd presents from the next boot on
    let _looking = home.handle.attention();
    home.lab.change_host_key("nas").expect("key");
    home.lab.shut_down("nas").await.expect("off");
    home.power("nas", Power::Off).await;
    home.lab.power_on("nas").await.expect("on");
    home.power("nas", Power::On).await;
    let changed = home.run(Action::Stop, "nas").await;
    let failure = changed.failure.expect("a changed host key is a hard error");
    assert_eq!(failure.kind, ErrorKind::Untrusted, "{failure:?}");
    let presented = failure.presented.expect("both fingerprints");
    assert!(
        presented
            .accepted
            .is_some_and(|old| old != presented.fingerprint)
    );
    assert!(home.lab.is_on("nas"));

    // a firewall that drops everything: silent, but its address is still answered for
    home.lab.inject("nas", Fault::DropsAll).expect("fault");
    tokio::time::sleep(Duration::from_secs(1)).await;
    home.wait_for("nas is not taken for off", |s| {
        s.nodes
            .iter()
            .any(|n| n.name == "nas" && n.power == Power::Unknown && n.note.is_some())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_never_wakes_says_what_was_sent() {
    let Some(home) = Home::new(Options::only(&["nas"])).await else {
        return;
    };
    home.seen(Power::Off).await;
    home.lab.inject("nas", Fault::NeverWakes).expect("fault");
    let mut entry = home.entry("nas").await;
    entry.start_timeout_seconds = Some(8);
    home.save("nas", entry).await;
    let ended = home.run(Action::Start, "nas").await;
    let failure = ended.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::TimedOut, "{failure:?}");
    assert!(
        failure.message.contains("magic packets sent"),
        "{}",
        failure.message
    );
    let packets = home.lab.packets("nas");
    assert!(
        packets.len() >= 4,
        "sent again every 5 s, to every destination: {packets:?}"
    );
    assert!(!home.lab.is_on("nas"));
}
