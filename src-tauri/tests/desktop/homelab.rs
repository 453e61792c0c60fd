//! A homelab in the desk's data directory, put there by the engine itself before the program starts.

use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use wakehub_domain::{Secret, Timestamp};
use wakehub_engine::{Clock, Handle, Options, SecretError, SecretKey, Secrets, SystemClock, start};

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

/// Six minutes in one of this computer's.
struct Hurried(Timestamp);

impl Clock for Hurried {
    fn now(&self) -> Timestamp {
        let passed = SystemClock.now().since(self.0);
        // so that it never gets ahead of the clock that the program goes by
        let begun = Timestamp(self.0.0 - 3_600_000);
        begun.plus(passed * 6)
    }
}

/// Imports it, and closes WakeHub when it has asked whether to shut this node down.
pub fn import_until_asked(desk: &Desk, text: &str, name: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    std::fs::create_dir_all(desk.data()).unwrap();
    runtime.block_on(async {
        let mut options = Options::real(desk.data(), Arc::new(NoSecrets));
        options.clock = Arc::new(Hurried(SystemClock.now()));
        let handle = start(options).await.unwrap();
        handle.import(text.to_owned()).await.unwrap();
        let mut snapshots = handle.snapshots();
        let asked = snapshots.wait_for(|snapshot| {
            let mut questions = snapshot.questions.iter();
            questions.any(|question| question.node_name == name)
        });
        let waited = tokio::time::timeout(Duration::from_secs(100), asked).await;
        assert!(waited.is_ok(), "{name} is never asked about");
        drop(waited);
        handle.shut_down().await;
    });
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
