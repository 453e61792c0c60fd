//! Secrets of the demo: kept in memory for as long as it runs, far from the keyring.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use wakehub_domain::{NodeId, Secret, SecretName};
use wakehub_engine::{SecretError, SecretKey, SecretOf, Secrets};

pub(crate) struct Pocket {
    kept: Mutex<BTreeMap<SecretKey, Secret>>,
    /// While the homelab is being furnished, whatever is asked for is there.
    is_furnishing: watch::Sender<bool>,
}

impl Pocket {
    pub fn furnishing() -> Pocket {
        Pocket {
            kept: Mutex::default(),
            is_furnishing: watch::Sender::new(true),
        }
    }

    /// Waits until the engine has asked for all of these; from then on only what a user typed is added.
    pub async fn furnished(&self, wanted: &[(NodeId, SecretName)]) {
        let mut asked = self.is_furnishing.subscribe();
        let has_all = |_: &bool| {
            let kept = self.lock();
            let has = |(node, name): &(NodeId, SecretName)| {
                let wanted = SecretOf::Node {
                    node: *node,
                    name: *name,
                };
                kept.keys().any(|key| key.of == wanted)
            };
            wanted.iter().all(has)
        };
        // the sender is our own
        let _ = asked.wait_for(has_all).await;
        self.is_furnishing.send_replace(false);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SecretKey, Secret>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Secrets for Pocket {
    async fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        let of_node = match key.of {
            SecretOf::Node { .. } => true,
            SecretOf::ApiToken(_) => false,
        };
        if of_node && *self.is_furnishing.borrow() {
            self.lock()
                .entry(key.clone())
                .or_insert_with(|| Secret::new("demo".to_owned()));
            self.is_furnishing.send_modify(|_| ());
        }
        Ok(self.lock().get(key).cloned())
    }

    async fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretError> {
        self.lock().insert(key.clone(), secret.clone());
        Ok(())
    }

    async fn remove(&self, key: &SecretKey) -> Result<(), SecretError> {
        self.lock().remove(key);
        Ok(())
    }
}
