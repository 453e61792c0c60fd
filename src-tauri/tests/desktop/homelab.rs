//! A homelab in the desk's data directory, put there by the engine itself before the program starts.

use async_trait::async_trait;
use std::sync::Arc;
use wakehub_domain::Secret;
use wakehub_engine::{Handle, Options, SecretError, SecretKey, Secrets, start};

use crate::desk::Desk;

/// The engine on the desk's data directory.
pub struct Engine {
    runtime: tokio::runtime::Runtime,
    handle: Handle,
}

pub fn hold(desk: &Desk) -> Engine {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = Options::real(desk.data(), Arc::new(NoSecrets));
    std::fs::create_dir_all(desk.data()).unwrap();
    let handle = runtime.block_on(start(options)).unwrap();
    Engine { runtime, handle }
}

pub fn import(desk: &Desk, text: &str) {
    let engine = hold(desk);
    let imported = engine
        .runtime
        .block_on(engine.handle.import(text.to_owned()));
    imported.unwrap();
    engine.end();
}

impl Engine {
    pub fn end(self) {
        self.runtime.block_on(self.handle.shut_down());
    }
}

struct NoSecrets;

#[async_trait]
impl Secrets for NoSecrets {
    async fn get(&self, _: &SecretKey) -> Result<Option<Secret>, SecretError> {
        Ok(None)
    }

    async fn set(&self, _: &SecretKey, _: &Secret) -> Result<(), SecretError> {
        Ok(())
    }

    async fn remove(&self, _: &SecretKey) -> Result<(), SecretError> {
        Ok(())
    }
}
