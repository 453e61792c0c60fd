//! The Secret Service, looked at before it is used.
//!
//! Reading an item of a locked collection opens a password dialog and blocks until somebody answers it, and a missing
//! service is reported only after a while. So every call first asks, in a millisecond, whether there is a service and
//! whether its collection is unlocked. When it is locked the user is asked once to unlock it; until then every call says so.

use futures_util::StreamExt;
use keyring_core::api::CredentialStore;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use wakehub_engine::SecretError;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue};
use zbus::{Connection, Message, Proxy};

const SERVICE: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";

/// Of a call that needs nobody's answer; the service may have to be started first.
const CALL: Duration = Duration::from_secs(3);
/// How long a call waits for the user who has just been shown the password dialog.
const UNLOCKING: Duration = Duration::from_secs(2);
/// A dialog that was dismissed comes back after this long at the earliest.
const DISMISSED: Duration = Duration::from_secs(600);

#[derive(Default)]
pub(crate) struct Gate {
    connection: Mutex<Option<Connection>>,
    /// A password dialog is open, or was dismissed a short while ago.
    prompted: Arc<AtomicBool>,
}

/// The collection that secrets go to, as the service reports it.
enum Collection {
    Unlocked,
    Locked(OwnedObjectPath),
    /// Nobody has made one yet; the service makes it, with a dialog, when the first secret is kept.
    Missing,
}

impl Gate {
    pub(crate) async fn look(&self) -> Result<(), SecretError> {
        match self.collection().await?.1 {
            Collection::Unlocked | Collection::Missing => Ok(()),
            Collection::Locked(_) => Err(SecretError::Locked),
        }
    }

    /// As [`Gate::look`], and asks the user to unlock what is locked.
    pub(crate) async fn pass(&self) -> Result<(), SecretError> {
        let (connection, Collection::Locked(path)) = self.collection().await? else {
            return Ok(());
        };
        if self.prompted.swap(true, Ordering::SeqCst) {
            return Err(SecretError::Locked);
        }
        let prompted = self.prompted.clone();
        // In a task of its own: the dialog stays when this call gives up waiting for it.
        let dialog = tokio::spawn(async move {
            let unlocked = unlock(&connection, &path).await;
            if !matches!(unlocked, Ok(true)) {
                tracing::info!("the keyring stays locked");
                tokio::time::sleep(DISMISSED).await;
            }
            prompted.store(false, Ordering::SeqCst);
        });
        match tokio::time::timeout(UNLOCKING, dialog).await {
            Ok(_) => self.look().await,
            Err(_) => Err(SecretError::Locked),
        }
    }

    async fn collection(&self) -> Result<(Connection, Collection), SecretError> {
        let mut kept = self.connection.lock().await;
        let connection = match kept.take() {
            Some(connection) => connection,
            None => within(Connection::session()).await.map_err(|error| {
                SecretError::NoKeyring(format!("this session has no D-Bus ({error})"))
            })?,
        };
        let collection = ask(&connection).await?;
        // Kept only when it has just worked, so that a restarted bus is found again.
        *kept = Some(connection.clone());
        Ok((connection, collection))
    }
}

pub(crate) fn open() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

/// The label that the keyring's own programs show.
pub(crate) fn modifiers(_user: &str) -> HashMap<&str, &str> {
    HashMap::from([("label", "WakeHub")])
}

async fn ask(connection: &Connection) -> Result<Collection, SecretError> {
    let absent = |error: zbus::Error| {
        SecretError::NoKeyring(format!(
            "no Secret Service answers, such as GNOME Keyring, KWallet or KeePassXC ({error})"
        ))
    };
    let service = within(Proxy::new(
        connection,
        SERVICE,
        ROOT,
        "org.freedesktop.Secret.Service",
    ))
    .await
    .map_err(absent)?;
    let path: OwnedObjectPath = within(service.call("ReadAlias", &"default"))
        .await
        .map_err(absent)?;
    if path.as_str() == "/" {
        return Ok(Collection::Missing);
    }
    let reply: Message = within(connection.call_method(
        Some(SERVICE),
        path.as_str(),
        Some("org.freedesktop.DBus.Properties"),
        "Get",
        &("org.freedesktop.Secret.Collection", "Locked"),
    ))
    .await
    .map_err(absent)?;
    let failed = |error: String| SecretError::Failed(format!("it answers nonsense ({error})"));
    let value: OwnedValue = reply
        .body()
        .deserialize()
        .map_err(|e| failed(e.to_string()))?;
    let locked = bool::try_from(value).map_err(|e| failed(e.to_string()))?;
    Ok(if locked {
        Collection::Locked(path)
    } else {
        Collection::Unlocked
    })
}

/// Whether the user unlocked it; `false` when the dialog was dismissed.
async fn unlock(connection: &Connection, path: &OwnedObjectPath) -> zbus::Result<bool> {
    let service = Proxy::new(connection, SERVICE, ROOT, "org.freedesktop.Secret.Service").await?;
    let (unlocked, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = service
        .call("Unlock", &[ObjectPath::from(path.clone())].as_slice())
        .await?;
    if prompt.as_str() == "/" {
        return Ok(!unlocked.is_empty());
    }
    let dialog = Proxy::new(connection, SERVICE, prompt, "org.freedesktop.Secret.Prompt").await?;
    let mut completed = dialog.receive_signal("Completed").await?;
    // The service may end while its dialog is open; then nobody sends Completed.
    let mut gone = service.receive_owner_changed().await?;
    dialog.call::<_, _, ()>("Prompt", &"").await?;
    loop {
        tokio::select! {
            signal = completed.next() => {
                let Some(signal) = signal else { return Ok(false) };
                let (dismissed, _): (bool, OwnedValue) = signal.body().deserialize()?;
                return Ok(!dismissed);
            }
            owner = gone.next() => if matches!(owner, None | Some(None)) {
                return Ok(false);
            }
        }
    }
}

async fn within<T>(call: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    match tokio::time::timeout(CALL, call).await {
        Ok(outcome) => outcome,
        Err(_) => Err(zbus::Error::Failure("no answer".to_owned())),
    }
}
