//! The state that commands, tray, window and notifications share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tauri::async_runtime::JoinHandle;
use tauri::{AppHandle, Manager};
use tokio::sync::watch;
use wakehub_engine::{Handle, Options};
use wakehub_keyring::{Keyring, KeyringState};
use wakehub_view::text::Language;
use wakehub_view::wire::{CommandError, Severity};

use crate::board::Board;
use crate::desktop::TrayHost;

/// How often a keyring that is locked or absent is looked for again.
const KEYRING_AGAIN: Duration = Duration::from_secs(60);

pub(crate) struct Shell {
    pub(crate) data_dir: PathBuf,
    /// Of the tray and of notifications; a setting, else the system's.
    pub(crate) language: watch::Sender<Language>,
    pub(crate) board: Arc<Board>,
    pub(crate) keyring: Arc<Keyring>,
    /// Whether the desktop shows our icon.
    pub(crate) tray_host: watch::Sender<TrayHost>,
    stage: watch::Sender<Stage>,
    /// The window's subscription to snapshots: one, because there is one window.
    subscription: Mutex<Option<JoinHandle<()>>>,
}

/// How far the engine has come.
#[derive(Clone)]
pub(crate) enum Stage {
    Starting,
    Running(Handle),
    /// With the sentence that says why.
    Failed(String),
}

impl Shell {
    pub(crate) fn new(data_dir: PathBuf) -> Shell {
        Shell {
            data_dir,
            language: watch::Sender::new(system_language()),
            board: Arc::new(Board::new()),
            keyring: Arc::new(Keyring::new()),
            tray_host: watch::Sender::new(TrayHost::Unknown),
            stage: watch::Sender::new(Stage::Starting),
            subscription: Mutex::default(),
        }
    }

    pub(crate) fn language(&self) -> Language {
        *self.language.borrow()
    }

    pub(crate) fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// The engine, where it runs already.
    pub(crate) fn running(&self) -> Option<Handle> {
        match &*self.stage.borrow() {
            Stage::Running(engine) => Some(engine.clone()),
            Stage::Starting | Stage::Failed(_) => None,
        }
    }

    /// The engine, as soon as it has started.
    pub(crate) async fn engine(&self) -> Result<Handle, CommandError> {
        let mut stage = self.stage.subscribe();
        let other = |message: String| CommandError::Other { message };
        let reached = stage
            .wait_for(|stage| !matches!(stage, Stage::Starting))
            .await
            .map_err(|error| other(error.to_string()))?;
        match &*reached {
            Stage::Running(engine) => Ok(engine.clone()),
            Stage::Failed(why) => Err(other(why.clone())),
            Stage::Starting => Err(other("the engine has not started".to_owned())),
        }
    }

    pub(crate) async fn start_engine(&self) -> Result<Handle, String> {
        let options = Options::real(self.data_dir.clone(), self.keyring.clone());
        match wakehub_engine::start(options).await {
            Ok(engine) => {
                crate::settings::apply(self, &engine).await;
                self.follow(&engine);
                self.stage.send_replace(Stage::Running(engine.clone()));
                Ok(engine)
            }
            Err(error) => {
                let why = error.to_string();
                tracing::error!("the engine did not start: {why}");
                self.board
                    .put_up("engine_failed", Severity::Critical, why.clone());
                self.stage.send_replace(Stage::Failed(why.clone()));
                Err(why)
            }
        }
    }

    /// Ends the subscription before, whose window is gone or has been loaded again.
    pub(crate) fn subscribe(&self, subscription: Option<JoinHandle<()>>) {
        let mut kept = self
            .subscription
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *kept, subscription) {
            before.abort();
        }
    }

    fn follow(&self, engine: &Handle) {
        let mut snapshots = engine.snapshots();
        let board = self.board.clone();
        tauri::async_runtime::spawn(async move {
            loop {
                let snapshot = snapshots.borrow_and_update().clone();
                board.set_engine(snapshot);
                if snapshots.changed().await.is_err() {
                    return;
                }
            }
        });
    }
}

pub(crate) fn system_language() -> Language {
    Language::of_locale(&sys_locale::get_locale().unwrap_or_default())
}

/// Says when secrets cannot be had, and takes it back when they can.
pub(crate) async fn watch_keyring(app: AppHandle) {
    let (keyring, board) = {
        let shell = app.state::<Shell>();
        (shell.keyring.clone(), shell.board.clone())
    };
    loop {
        match keyring.state().await {
            KeyringState::Ready => {
                board.take_down("no_keyring");
                board.take_down("keyring_locked");
                return;
            }
            KeyringState::Locked => {
                board.take_down("no_keyring");
                board.put_up(
                    "keyring_locked",
                    Severity::Warning,
                    "The keyring is locked, so connections that need a password or a token fail. Unlock it; \
                     logging in again does that on most desktops."
                        .to_owned(),
                );
            }
            KeyringState::Absent(reason) => board.put_up(
                "no_keyring",
                Severity::Warning,
                format!(
                    "There is no keyring, so passwords and tokens cannot be kept: {reason}. WakeHub keeps \
                     secrets nowhere else; install GNOME Keyring, KWallet or KeePassXC."
                ),
            ),
        }
        tokio::time::sleep(KEYRING_AGAIN).await;
    }
}
