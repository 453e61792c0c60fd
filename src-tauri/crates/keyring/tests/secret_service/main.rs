//! Against the real gnome-keyring-daemon, each test on a D-Bus of its own on which nothing starts by itself.
#![cfg(target_os = "linux")]

mod session;

use session::Session;
use std::time::{Duration, Instant};
use wakehub_domain::{NodeId, Secret, SecretName};
use wakehub_engine::{SecretError, SecretKey, Secrets};
use wakehub_keyring::{Keyring, KeyringState};

fn key(node: u32) -> SecretKey {
    SecretKey::of_node("6f1c", NodeId(node), SecretName::SshPassword)
}

#[tokio::test]
async fn keeps_reads_replaces_and_removes() {
    let Some(session) = Session::enter("keeps_reads_replaces_and_removes").await else {
        return;
    };
    let _daemon = session.keyring().await;
    let keyring = Keyring::new();
    assert_eq!(keyring.state().await, KeyringState::Ready);
    assert_eq!(keyring.get(&key(1)).await, Ok(None));
    assert_eq!(keyring.remove(&key(1)).await, Ok(()));

    let first = Secret::new("correct horse");
    let second = Secret::new("ünïcode \" and\nlines");
    keyring.set(&key(1), &first).await.unwrap();
    keyring.set(&key(2), &second).await.unwrap();
    assert_eq!(keyring.get(&key(1)).await, Ok(Some(first)));
    keyring.set(&key(1), &second).await.unwrap();
    assert_eq!(keyring.get(&key(1)).await, Ok(Some(second.clone())));

    // What is kept is found by the attributes that are promised, also by other programs.
    let found = session.run(
        "secret-tool",
        &[
            "lookup",
            "service",
            "wakehub",
            "username",
            "6f1c/2/ssh-password",
        ],
    );
    assert_eq!(found.await, second.expose());

    keyring.remove(&key(1)).await.unwrap();
    assert_eq!(keyring.get(&key(1)).await, Ok(None));
    assert_eq!(keyring.get(&key(2)).await, Ok(Some(second)));
}

#[tokio::test]
async fn twenty_at_once() {
    let Some(session) = Session::enter("twenty_at_once").await else {
        return;
    };
    let _daemon = session.keyring().await;
    let keyring = std::sync::Arc::new(Keyring::new());
    let calls: Vec<_> = (0..20)
        .map(|node| {
            let keyring = keyring.clone();
            tokio::spawn(async move {
                let secret = Secret::new(format!("secret {node}"));
                keyring.set(&key(node), &secret).await.unwrap();
                assert_eq!(keyring.get(&key(node)).await, Ok(Some(secret)));
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_locked_keyring_is_said_and_asked_for_once() {
    let Some(session) = Session::enter("a_locked_keyring_is_said_and_asked_for_once").await else {
        return;
    };
    let _daemon = session.keyring().await;
    let dialogs = session.dialog_left_open().await;
    let keyring = Keyring::new();
    keyring.set(&key(1), &Secret::new("x")).await.unwrap();
    session.lock().await;

    assert_eq!(keyring.state().await, KeyringState::Locked);
    assert_eq!(dialogs.count(), 0, "looking must not ask the user");
    assert_eq!(keyring.get(&key(1)).await, Err(SecretError::Locked));
    let locked = keyring.set(&key(1), &Secret::new("y")).await;
    assert_eq!(locked, Err(SecretError::Locked));
    assert_eq!(keyring.get(&key(2)).await, Err(SecretError::Locked));
    assert_eq!(dialogs.count(), 1);
}

#[tokio::test]
async fn a_restarted_keyring_is_found_again() {
    let Some(session) = Session::enter("a_restarted_keyring_is_found_again").await else {
        return;
    };
    let daemon = session.keyring().await;
    let keyring = Keyring::new();
    keyring.set(&key(1), &Secret::new("kept")).await.unwrap();
    daemon.end().await;
    let gone = keyring.get(&key(1)).await;
    assert!(matches!(gone, Err(SecretError::NoKeyring(_))), "{gone:?}");

    let _daemon = session.keyring().await;
    assert_eq!(keyring.get(&key(1)).await, Ok(Some(Secret::new("kept"))));
}

#[tokio::test]
async fn no_keyring_is_said_at_once() {
    let Some(_session) = Session::enter("no_keyring_is_said_at_once").await else {
        return;
    };
    let keyring = Keyring::new();
    let began = Instant::now();
    let absent = keyring.get(&key(1)).await;
    println!("said after {:?}", began.elapsed());
    assert!(
        matches!(absent, Err(SecretError::NoKeyring(_))),
        "{absent:?}"
    );
    assert!(matches!(keyring.state().await, KeyringState::Absent(_)));
    let refused = keyring
        .set(&key(1), &Secret::new("secret"))
        .await
        .unwrap_err();
    assert!(!refused.to_string().contains("secret\""), "{refused}");
    assert!(
        refused
            .to_string()
            .starts_with("there is no keyring: no Secret Service answers"),
        "{refused}"
    );
}

#[tokio::test]
async fn no_bus_is_said_at_once() {
    let Some(_session) = Session::enter_without_bus("no_bus_is_said_at_once").await else {
        return;
    };
    let absent = Keyring::new().get(&key(1)).await;
    assert!(
        matches!(&absent, Err(SecretError::NoKeyring(why)) if why.contains("no D-Bus")),
        "{absent:?}"
    );
    tokio::time::timeout(Duration::from_secs(1), Keyring::new().state())
        .await
        .unwrap();
}
