//! The Keychain of the user's login.

use keyring_core::api::CredentialStore;
use std::collections::HashMap;
use std::sync::Arc;
use wakehub_engine::SecretError;

/// The Keychain asks for its password itself; there is nothing to look at before.
#[derive(Default)]
pub(crate) struct Gate;

impl Gate {
    #[expect(clippy::unused_async, reason = "other platforms ask over D-Bus")]
    pub(crate) async fn look(&self) -> Result<(), SecretError> {
        Ok(())
    }

    pub(crate) async fn pass(&self) -> Result<(), SecretError> {
        self.look().await
    }
}

pub(crate) fn open() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

pub(crate) fn modifiers(_user: &str) -> HashMap<&str, &str> {
    HashMap::new()
}
