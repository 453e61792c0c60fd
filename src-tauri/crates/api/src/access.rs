//! Whether and where TCP is listened on: kept in the settings, changed while WakeHub runs.

use std::sync::Arc;
use wakehub_engine::{Handle, Secrets};
use wakehub_store::SettingKey;
use wakehub_view::access::{ApiAccess, ApiStatus, NewApiToken, ShownApiToken};
use wakehub_view::wire::CommandError;

use crate::addresses;
use crate::limits;
use crate::shared::Shared;
use crate::tokens::Tokens;

const ACCESS: SettingKey<ApiAccess> = SettingKey::new("api");

pub(crate) async fn read(engine: &Handle) -> Result<ApiAccess, CommandError> {
    Ok(engine.setting(ACCESS).await?.unwrap_or_default())
}

pub(crate) async fn status(shared: &Shared) -> ApiStatus {
    let mut status = shared.status.borrow().clone();
    let listening = status.listening.as_deref().and_then(|at| at.parse().ok());
    status.urls = listening.map(addresses::urls).unwrap_or_default();
    status.tokens = shared.tokens.list().await;
    status
}

/// Whether TCP is as its settings want it, or has failed.
pub(crate) fn is_settled(status: &ApiStatus) -> bool {
    !status.access.tcp || status.listening.is_some() || status.failure.is_some()
}

/// Answers as soon as the new state has been taken.
pub(crate) async fn set(shared: &Shared, wanted: ApiAccess) -> Result<ApiStatus, CommandError> {
    let mut taken = shared.status.subscribe();
    write(&shared.engine, &wanted).await?;
    shared.access.send_replace(wanted.clone());
    let settled = taken.wait_for(|status| status.access == wanted && is_settled(status));
    // the listener answers at once unless it ends
    let _ = tokio::time::timeout(limits::ENDING, settled).await;
    Ok(status(shared).await)
}

async fn write(engine: &Handle, wanted: &ApiAccess) -> Result<(), CommandError> {
    let errors = wanted.check();
    if !errors.is_empty() {
        return Err(CommandError::Entry { errors });
    }
    engine.set_setting(ACCESS, wanted.clone()).await?;
    tracing::info!(tcp = wanted.tcp, listen = %wanted.listen, "the API's access was changed");
    Ok(())
}

/// By id or name.
pub(crate) async fn remove_token(tokens: &Tokens, token: &str) -> Result<(), CommandError> {
    if tokens.remove(token).await? {
        Ok(())
    } else {
        Err(CommandError::Other {
            message: format!("there is no token {token}"),
        })
    }
}

/// Access and tokens while no API is served: the command line changes them on a WakeHub that does not run.
pub struct Gate {
    engine: Handle,
    tokens: Tokens,
}

impl Gate {
    pub async fn open(engine: Handle, secrets: Arc<dyn Secrets>) -> Result<Gate, CommandError> {
        let tokens = Tokens::open(engine.clone(), secrets).await?;
        Ok(Gate { engine, tokens })
    }

    pub async fn access(&self) -> Result<ApiStatus, CommandError> {
        Ok(ApiStatus {
            access: read(&self.engine).await?,
            tokens: self.tokens.list().await,
            ..ApiStatus::default()
        })
    }

    pub async fn set_access(&self, wanted: ApiAccess) -> Result<ApiStatus, CommandError> {
        write(&self.engine, &wanted).await?;
        self.access().await
    }

    pub async fn add_token(&self, new: NewApiToken) -> Result<ShownApiToken, CommandError> {
        self.tokens.add(new).await
    }

    /// By id or name.
    pub async fn remove_token(&self, token: &str) -> Result<(), CommandError> {
        remove_token(&self.tokens, token).await
    }
}
