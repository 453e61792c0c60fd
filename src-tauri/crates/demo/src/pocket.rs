//! Secrets of the demo: kept in memory for as long as it runs, far from the keyring.
//!
//! Of the API's tokens it is given nothing but digests, from which no token can be had. They go into a file of the demo's
//! folder, so that a browser is known again when the demo is started again.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use wakehub_domain::{NodeId, Secret, SecretName};
use wakehub_engine::{SecretError, SecretKey, SecretOf, Secrets};

pub(crate) struct Pocket {
    kept: Mutex<BTreeMap<SecretKey, Secret>>,
    /// Of the tokens, a line each: the key and the digest.
    file: PathBuf,
    /// While the homelab is being furnished, whatever is asked for is there.
    is_furnishing: watch::Sender<bool>,
}

impl Pocket {
    pub fn furnishing(folder: &Path) -> Pocket {
        Pocket {
            kept: Mutex::default(),
            file: folder.join("tokens"),
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

    fn written(&self, key: &SecretKey) -> Option<Secret> {
        let key = key.to_string();
        let lines = fs::read_to_string(&self.file).unwrap_or_default();
        let mut pairs = lines.lines().filter_map(|line| line.split_once(' '));
        let (_, digest) = pairs.find(|(of, _)| *of == key)?;
        Some(Secret::new(digest.to_owned()))
    }

    fn write(&self, key: &SecretKey, digest: Option<&Secret>) -> Result<(), SecretError> {
        let _one = self.lock();
        let key = key.to_string();
        let before = fs::read_to_string(&self.file).unwrap_or_default();
        let mut lines: Vec<String> = before
            .lines()
            .filter(|line| line.split_once(' ').is_some_and(|(of, _)| of != key))
            .map(str::to_owned)
            .collect();
        lines.extend(digest.map(|digest| format!("{key} {}", digest.expose())));
        let mut text = lines.join("\n");
        text.push('\n');
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options
            .open(&self.file)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| SecretError::Failed(error.to_string()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SecretKey, Secret>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Secrets for Pocket {
    async fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        match key.of {
            SecretOf::Node { .. } => {}
            SecretOf::ApiToken(_) => return Ok(self.written(key)),
        }
        if *self.is_furnishing.borrow() {
            self.lock()
                .entry(key.clone())
                .or_insert_with(|| Secret::new("demo".to_owned()));
            self.is_furnishing.send_modify(|_| ());
        }
        Ok(self.lock().get(key).cloned())
    }

    async fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretError> {
        match key.of {
            SecretOf::Node { .. } => {
                self.lock().insert(key.clone(), secret.clone());
                Ok(())
            }
            SecretOf::ApiToken(_) => self.write(key, Some(secret)),
        }
    }

    async fn remove(&self, key: &SecretKey) -> Result<(), SecretError> {
        match key.of {
            SecretOf::Node { .. } => {
                self.lock().remove(key);
                Ok(())
            }
            SecretOf::ApiToken(_) => self.write(key, None),
        }
    }
}
