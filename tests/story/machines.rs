//! Machines: how they are put to sleep, and what only looks as if they were off.

use crate::home::Home;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wakehub_domain::{Action, ErrorKind, PowerOff, SecretName, SshAuth, SshConfig, SshJump};
use wakehub_engine::Announcement;
use wakehub_lab::{Fault, Homelab, Login, Machine, Options, Power as LabPower, What};
use wakehub_view::homelab::WolEntry;
use wakehub_view::wire::{CascadeStatus, Power, SecretEntry};

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_machine_is_off_and_wakes_by_its_packet_with_its_password() {
    let mut options = Options::single().on(&["nas"]);
    options.homelab.machine_mut("nas").secure_on = Some([1, 2, 3, 4, 5, 6]);
    let Some(home) = Home::new(options).await else {
        return;
    };
    home.seen(Power::On).await;
    home.trust("nas").await;
    let mut entry = home.entry("nas").await;
    entry.url = Some("http://nas.example:5000".to_owned());
    entry.open_when_started = Some(true);
    for (how, word) in [
        (PowerOff::Suspend, "suspend"),
        (PowerOff::Hibernate, "hibernate"),
    ] {
        entry.power_off = Some(how);
        home.save("nas", entry.clone()).await;
        let stopped = home.run(Action::Stop, "nas").await;
        assert_eq!(stopped.status, CascadeStatus::Completed, "{stopped:#?}");
        assert_eq!(home.lab.power("nas"), LabPower::Suspended);
        let asked = What::ShutdownAsked(word.to_owned());
        assert!(home.lab.events().iter().any(|event| event.what == asked));
        home.power("nas", Power::Off).await;

        // the user's own way to it, the second time
        entry.wol = Some(WolEntry {
            broadcast: Some(home.lab.broadcast().to_string()),
            interface: Some(home.lab.interface()),
        });
        let mut announcements = home.handle.announcements();
        let before = home.lab.packets("nas").len();
        let started = home.run(Action::Start, "nas").await;
        assert_eq!(started.status, CascadeStatus::Completed, "{started:#?}");
        assert!(home.lab.packets("nas").len() > before);
        let resumed = home.lab.events();
        let resumed = resumed.iter().filter(|event| event.what == What::Resumed);
        assert!(resumed.count() > 0 && home.lab.is_on("nas"));
        home.power("nas", Power::On).await;
        // its page opens by itself, and once
        let mut opened = Vec::new();
        while let Ok(announcement) = announcements.try_recv() {
            if let Announcement::OpenUrl { url, .. } = announcement {
                opened.push(url);
            }
        }
        assert_eq!(opened, ["http://nas.example:5000"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_ignores_its_shutdown_stays_on_and_the_step_fails() {
    let Some(home) = Home::new(Options::single().on(&["nas"])).await else {
        return;
    };
    home.seen(Power::On).await;
    home.trust("nas").await;
    home.lab
        .inject("nas", Fault::IgnoresShutdown)
        .expect("fault");
    let mut entry = home.entry("nas").await;
    entry.stop_timeout_seconds = Some(5);
    home.save("nas", entry.clone()).await;
    let ended = home.run(Action::Stop, "nas").await;
    let failure = ended.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::TimedOut, "{failure:?}");
    assert!(failure.message.contains("still answers"), "{failure:?}");
    assert!(home.lab.is_on("nas"));

    // a command of the user's own that does not exist there
    entry.shutdown_command = Some("shutdown /s /t 0".to_owned());
    home.save("nas", entry).await;
    home.lab.heal("nas").expect("healed");
    home.lab
        .inject("nas", Fault::RefusesShutdown)
        .expect("fault");
    let ended = home.run(Action::Stop, "nas").await;
    let failure = ended.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::Rejected, "{failure:?}");
    assert!(failure.message.contains("shutdown /s /t 0"), "{failure:?}");
    assert!(home.lab.is_on("nas"));
}

/// Refused, reset, accepted and silent: none of it is Off, at no moment.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_out_of_reach_is_never_off() {
    let Some(home) = Home::new(Options::single().on(&["nas"])).await else {
        return;
    };
    home.seen(Power::On).await;
    home.trust("nas").await;
    let _looking = home.handle.attention();
    let was_off = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn({
        let (was_off, mut snapshots) = (was_off.clone(), home.handle.snapshots());
        async move {
            while snapshots.changed().await.is_ok() {
                if snapshots.borrow().nodes[0].power == Power::Off {
                    was_off.store(true, Ordering::SeqCst);
                }
            }
        }
    });
    let entry = home.entry("nas").await;
    for fault in [
        Fault::PortRefuses(22),
        Fault::PortResets(22),
        Fault::SshHangs,
    ] {
        // without its kept session, over which the shutdown would go all the same
        let mut without = entry.clone();
        without.ssh = None;
        home.lab.inject("nas", fault).expect("fault");
        home.save("nas", without).await;
        home.save("nas", entry.clone()).await;
        let ended = home.run(Action::Stop, "nas").await;
        let failure = ended.failure.unwrap_or_else(|| panic!("{fault:?} failed"));
        assert!(
            matches!(failure.kind, ErrorKind::Unreachable | ErrorKind::TimedOut),
            "{fault:?}: {failure:?}"
        );
        assert!(home.lab.is_on("nas"));
        home.lab.heal("nas").expect("healed");
    }
    assert!(!was_off.load(Ordering::SeqCst), "it was taken for off");
    watching.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_jump_host_with_a_password_of_its_own() {
    let mut gate = Machine::new("gate", 6);
    gate.login = Some(Login::Password);
    let homelab = Homelab {
        machines: vec![Machine::new("nas", 3), gate],
    };
    let options = Options {
        homelab,
        ..Options::default()
    };
    let Some(home) = Home::new(options.on(&["nas", "gate"])).await else {
        return;
    };
    home.seen(Power::On).await;
    let mut entry = home.entry("nas").await;
    entry.ssh = entry.ssh.map(|ssh| SshConfig {
        jump: Some(SshJump {
            address: home.lab.address("gate").to_string(),
            user: "root".to_owned(),
            auth: SshAuth::Password,
            key_file: None,
            port: 22,
        }),
        ..ssh
    });
    home.save("nas", entry).await;

    // its password is missing: said with its name
    let missing = home.run(Action::Stop, "nas").await;
    let failure = missing.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::NoSecret, "{failure:?}");
    assert!(failure.message.contains("jump-password"), "{failure:?}");
    let give = async |value: &str| {
        let secret = SecretEntry {
            name: SecretName::JumpPassword,
            value: value.to_owned(),
        };
        let kept = home.handle.set_secret(home.id("nas"), secret).await;
        kept.expect("kept");
    };
    give(wakehub_lab::ROOT.password).await;
    // both host keys are shown, one after the other
    home.trust("nas").await;
    give("wrong").await;
    let wrong = home.run(Action::Stop, "nas").await;
    let failure = wrong.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::Unauthorised, "{failure:?}");
    assert!(!failure.message.contains("wrong"), "{failure:?}");
    assert!(home.lab.is_on("nas"));

    give(wakehub_lab::ROOT.password).await;
    let stopped = home.run(Action::Stop, "nas").await;
    assert_eq!(stopped.status, CascadeStatus::Completed, "{stopped:#?}");
    assert!(home.lab.is_off("nas") && home.lab.is_on("gate"));
}
