//! The operating system's keyring as WakeHub's store of secrets.
//!
//! Linux: the Secret Service (GNOME Keyring, KWallet, KeePassXC) over D-Bus; macOS: the Keychain; Windows: the Credential
//! Manager. Every item has the service `wakehub` and the key's text (`homelab/node/name`) as its user name. Nothing is
//! ever kept elsewhere: without a keyring there are no secrets, and the error says so.

use async_trait::async_trait;
use keyring_core::Error;
use keyring_core::api::CredentialStore;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use wakehub_domain::Secret;
use wakehub_engine::{SecretError, SecretKey, Secrets};
use zeroize::Zeroizing;

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod platform;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod platform;
#[cfg(target_os = "windows")]
#[path = "windows.rs"]
mod platform;

/// The service name of every item.
pub const SERVICE: &str = "wakehub";

/// How long a call may take once the keyring is known to be unlocked. GNOME Keyring answers within milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The keyring of the user's session. Made without any call; opened at the first.
#[derive(Default)]
pub struct Keyring {
    /// Shared by all calls. Dropped when it fails, so that a keyring that was restarted is found again.
    store: Arc<Shared>,
    gate: platform::Gate,
}

/// Whether secrets can be had at the moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyringState {
    Ready,
    Locked,
    /// With the reason.
    Absent(String),
}

impl Keyring {
    pub fn new() -> Keyring {
        Keyring::default()
    }

    /// Asks, without disturbing the user with a password dialog.
    pub async fn state(&self) -> KeyringState {
        match self.gate.look().await {
            Ok(()) => KeyringState::Ready,
            Err(SecretError::Locked) => KeyringState::Locked,
            Err(SecretError::NoKeyring(reason) | SecretError::Failed(reason)) => {
                KeyringState::Absent(reason)
            }
        }
    }

    async fn call<T: Send + 'static>(
        &self,
        key: &SecretKey,
        act: impl Fn(&keyring_core::Entry) -> keyring_core::Result<T> + Send + Sync + 'static,
    ) -> Result<Option<T>, SecretError> {
        self.gate.pass().await?;
        let act = Arc::new(act);
        match self.attempt(key, act.clone()).await {
            // The keyring may have been restarted since the store was opened: then its session is gone.
            Err(SecretError::Failed(_)) => self.attempt(key, act).await,
            done => done,
        }
    }

    async fn attempt<T: Send + 'static>(
        &self,
        key: &SecretKey,
        act: Arc<impl Fn(&keyring_core::Entry) -> keyring_core::Result<T> + Send + Sync + 'static>,
    ) -> Result<Option<T>, SecretError> {
        let (user, shared) = (key.to_string(), self.store.clone());
        // The stores block, and on Linux for ever when a password dialog is left open.
        let call = tokio::task::spawn_blocking(move || {
            let store = opened(&shared)?;
            let entry = store.build(SERVICE, &user, Some(&platform::modifiers(&user)))?;
            act(&entry)
        });
        let outcome = match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(Ok(value))) => Ok(Some(value)),
            Ok(Ok(Err(Error::NoEntry))) => Ok(None),
            Ok(Ok(Err(error))) => Err(reason(error)),
            Ok(Err(panicked)) => Err(SecretError::Failed(panicked.to_string())),
            Err(_) => Err(SecretError::Locked),
        };
        if outcome.is_err() {
            lock(&self.store).forget();
        }
        outcome
    }
}

#[async_trait]
impl Secrets for Keyring {
    async fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        let read = self.call(key, |entry| entry.get_password().map(Secret::new));
        read.await
    }

    async fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretError> {
        let value = Zeroizing::new(secret.expose().to_owned());
        self.call(key, move |entry| entry.set_password(&value))
            .await?;
        Ok(())
    }

    async fn remove(&self, key: &SecretKey) -> Result<(), SecretError> {
        self.call(key, |entry| entry.delete_credential()).await?;
        Ok(())
    }
}

type Shared = Mutex<Kept>;

/// The open store. Closing it blocks on Linux, which an asynchronous task must not, so a thread of its own does that.
#[derive(Default)]
struct Kept(Option<Arc<CredentialStore>>);

impl Kept {
    fn forget(&mut self) {
        if let Some(store) = self.0.take() {
            std::thread::spawn(move || drop(store));
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.forget();
    }
}

fn opened(shared: &Shared) -> keyring_core::Result<Arc<CredentialStore>> {
    if let Some(store) = lock(shared).0.clone() {
        return Ok(store);
    }
    let store = platform::open()?;
    lock(shared).0 = Some(store.clone());
    Ok(store)
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, Kept> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The words of the platform. None of these variants carries a secret in its text.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "keyring_core::Error is non-exhaustive"
)]
fn reason(error: Error) -> SecretError {
    match error {
        Error::NoStorageAccess(_) => SecretError::Locked,
        Error::BadEncoding(_) | Error::BadDataFormat(..) => {
            SecretError::Failed("the secret that it holds is not text".to_owned())
        }
        Error::Ambiguous(items) => SecretError::Failed(format!(
            "it holds {} items for the same secret; remove them with the keyring's own program",
            items.len()
        )),
        Error::PlatformFailure(source) => SecretError::Failed(source.to_string()),
        other => SecretError::Failed(other.to_string()),
    }
}
