//! No keyring, or a locked one: said in a notice, and what needs no secret works.

use crate::sim::{Home, REFERENCE, Sim, open_at};
use async_trait::async_trait;
use std::sync::Arc;
use tempfile::TempDir;
use wakehub_domain::{Action, ErrorKind, Secret, SecretName};
use wakehub_engine::{SecretError, SecretKey, Secrets, SystemClock};
use wakehub_view::wire::{CascadeStatus, Power, SecretEntry};

struct Refusing(SecretError);

#[async_trait]
impl Secrets for Refusing {
    async fn get(&self, _key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        Err(self.0.clone())
    }

    async fn set(&self, _key: &SecretKey, _secret: &Secret) -> Result<(), SecretError> {
        Err(self.0.clone())
    }

    async fn remove(&self, _key: &SecretKey) -> Result<(), SecretError> {
        Err(self.0.clone())
    }
}

async fn home_with(error: SecretError) -> Home {
    let sim = Sim::reference();
    let folder = Arc::new(TempDir::new().expect("folder"));
    let secrets = Arc::new(Refusing(error));
    let handle = open_at(&sim, folder.path(), Arc::new(SystemClock), secrets).await;
    handle.import(REFERENCE.to_owned()).await.expect("imported");
    let home = Home {
        sim,
        handle,
        folder,
    };
    home.settled().await;
    home
}

async fn works_as_far_as_it_can(error: SecretError, word: &str) {
    let home = home_with(error).await;
    let snapshot = home
        .wait_for("the notice", |s| {
            s.notices.iter().any(|n| n.code == "keyring")
        })
        .await;
    let notice = snapshot.notices.iter().find(|n| n.code == "keyring");
    let message = &notice.expect("notice").message;
    assert!(message.contains(word), "{message}");

    // a key without a passphrase: woken and shut down
    for action in [Action::Start, Action::Stop] {
        let ended = home.run(action, "nas").await;
        assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
    }
    // a token is needed: the step says what is missing, at once
    let ended = home.run(Action::Start, "lxc-jellyfin").await;
    assert_eq!(ended.status, CascadeStatus::Failed);
    let failure = ended.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::NoSecret, "{failure:?}");
    assert!(failure.message.contains("keyring"), "{}", failure.message);
    home.wait_for("lxc-jellyfin unknown", |s| {
        s.nodes
            .iter()
            .any(|n| n.name == "lxc-jellyfin" && n.power != Power::Off && n.power != Power::On)
    })
    .await;

    let secret = SecretEntry {
        name: SecretName::SshPassword,
        value: "marker-71c2".to_owned(),
    };
    let refused = home.handle.set_secret(home.node("nas").id, secret).await;
    let said = format!("{:?}", refused.expect_err("refused"));
    assert!(
        said.contains("keyring") && !said.contains("marker"),
        "{said}"
    );
}

#[tokio::test]
async fn without_a_keyring_keys_still_work() {
    let error = SecretError::NoKeyring("no Secret Service answers".to_owned());
    works_as_far_as_it_can(error, "there is no keyring").await;
}

#[tokio::test]
async fn with_a_locked_keyring_keys_still_work() {
    works_as_far_as_it_can(SecretError::Locked, "locked").await;
}
