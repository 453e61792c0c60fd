//! The state that commands, tray, window and notifications share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tauri::async_runtime::JoinHandle;
use tauri::{AppHandle, Manager};
use tokio::sync::watch;
use wakehub_api::Server;
use wakehub_demo::Demo;
use wakehub_engine::{Handle, Options, Secrets};
use wakehub_keyring::{Keyring, KeyringState};
use wakehub_view::notice::Code;
use wakehub_view::said::Said;
use wakehub_view::text::Language;
use wakehub_view::wire::{CascadeStatus, CommandError};

use crate::board::Board;
use crate::desktop::TrayHost;
use crate::reach::{self, Served};
use crate::window::downloads::Downloads;
use crate::window::web_view::Ends;

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
    /// The local API of the engine that runs.
    pub(crate) served: watch::Sender<Served>,
    pub(crate) web_view_ends: Ends,
    pub(crate) downloads: Downloads,
    stage: watch::Sender<Stage>,
    /// Held while one homelab takes the place of the other.
    homelab: tokio::sync::Mutex<Homelab>,
    /// The window's subscription to snapshots: one, because there is one window.
    subscription: Mutex<Option<JoinHandle<()>>>,
}

/// Whose engine runs.
enum Homelab {
    Own,
    Demo(Demo),
}

/// Which homelab to show.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Wanted {
    Own,
    /// So many times as fast as in life.
    Demo {
        speed: f64,
    },
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
            served: watch::Sender::new(Served::NotYet),
            web_view_ends: Ends::default(),
            downloads: Downloads::default(),
            stage: watch::Sender::new(Stage::Starting),
            homelab: tokio::sync::Mutex::new(Homelab::Own),
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

    /// The local API, as soon as it is served.
    pub(crate) async fn api(&self) -> Result<Arc<Server>, CommandError> {
        let mut served = self.served.subscribe();
        let other = |message: String| CommandError::Other { message };
        let reached = served
            .wait_for(|served| !matches!(served, Served::NotYet))
            .await
            .map_err(|error| other(error.to_string()))?;
        match &*reached {
            Served::By(server) => Ok(server.clone()),
            Served::Failed(why) => Err(other(why.clone())),
            Served::NotYet => Err(other("the local API has not started".to_owned())),
        }
    }

    pub(crate) async fn start_engine(&self, wanted: Wanted) -> Result<Handle, String> {
        let mut homelab = self.homelab.lock().await;
        let started = match wanted {
            Wanted::Own => self.start_own().await,
            Wanted::Demo { speed } => start_demo(speed).await.map(|demo| {
                let engine = demo.handle.clone();
                *homelab = Homelab::Demo(demo);
                engine
            }),
        };
        match started {
            Ok(engine) => {
                let is_demo = matches!(*homelab, Homelab::Demo(_));
                if !is_demo {
                    crate::settings::apply(self, &engine).await;
                }
                self.take_up(&engine, is_demo);
                let (folder, secrets): (_, Arc<dyn Secrets>) = match &*homelab {
                    Homelab::Own => (self.data_dir.clone(), self.keyring.clone()),
                    Homelab::Demo(demo) => (demo.folder().to_owned(), demo.secrets()),
                };
                self.served.send_replace(Served::NotYet);
                let (board, served) = (self.board.clone(), self.served.clone());
                let serving = reach::serve(engine.clone(), folder, secrets, board, served);
                tauri::async_runtime::spawn(serving);
                Ok(engine)
            }
            Err(why) => {
                tracing::error!("the engine did not start: {why}");
                self.served.send_replace(Served::Failed(why.clone()));
                self.board
                    .put_up(Code::EngineFailed, Said::Elsewhere { said: &why });
                self.stage.send_replace(Stage::Failed(why.clone()));
                Err(why)
            }
        }
    }

    /// Puts the demo homelab in the place of the user's own, or back. What runs is not cut off: then it is refused.
    pub(crate) async fn change_homelab(&self, wanted: Wanted) -> Result<(), CommandError> {
        let other = |message: String| CommandError::Other { message };
        let running = self.engine().await?;
        {
            let homelab = self.homelab.lock().await;
            let is_demo = matches!(*homelab, Homelab::Demo(_));
            if is_demo == matches!(wanted, Wanted::Demo { .. }) {
                return Ok(());
            }
            let snapshot = running.snapshot();
            let mut cascades = snapshot.cascades.iter();
            if let (false, Some(cascade)) = (
                is_demo,
                cascades.find(|cascade| cascade.status == CascadeStatus::Running),
            ) {
                let said = Said::StillRunning {
                    action: cascade.action.as_str(),
                    name: &cascade.node_name,
                };
                return Err(other(said.into()));
            }
        }
        self.leave(&running).await;
        let started = self.start_engine(wanted).await;
        let Err(why) = started else {
            return Ok(());
        };
        if wanted != Wanted::Own {
            // the demo has no room, perhaps; the user's own homelab has
            self.board.take_down(Code::EngineFailed);
            let _ = self.start_engine(Wanted::Own).await;
        }
        Err(other(why))
    }

    /// Where what is shown is kept.
    pub(crate) async fn folder(&self) -> PathBuf {
        match &*self.homelab.lock().await {
            Homelab::Own => self.data_dir.clone(),
            Homelab::Demo(demo) => demo.folder().to_owned(),
        }
    }

    /// Whether what is shown is the demo.
    pub(crate) fn is_demo(&self) -> bool {
        self.board
            .newest()
            .notices
            .iter()
            .any(|notice| notice.code == Code::Demo.as_str())
    }

    /// Its temporary folder goes with it. The engine has been shut down before.
    pub(crate) async fn forget_demo(&self) {
        *self.homelab.lock().await = Homelab::Own;
    }

    async fn leave(&self, running: &Handle) {
        let mut homelab = self.homelab.lock().await;
        self.stage.send_replace(Stage::Starting);
        running.shut_down().await;
        self.board.take_down(Code::Demo);
        *homelab = Homelab::Own;
    }

    async fn start_own(&self) -> Result<Handle, String> {
        if wakehub_demo::is_demo(&self.data_dir) {
            let path = self.data_dir.display().to_string();
            return Err(Said::HoldsADemo { path: &path }.into());
        }
        let options = Options::real(self.data_dir.clone(), self.keyring.clone());
        let started = wakehub_engine::start(options).await;
        started.map_err(|error| error.to_string())
    }

    fn take_up(&self, engine: &Handle, is_demo: bool) {
        if is_demo {
            self.board.put_up(Code::Demo, Said::IsDemo);
        }
        self.follow(engine);
        self.stage.send_replace(Stage::Running(engine.clone()));
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
        let reign = board.begin_reign();
        tauri::async_runtime::spawn(async move {
            loop {
                let snapshot = snapshots.borrow_and_update().clone();
                board.set_engine(reign, snapshot);
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

async fn start_demo(speed: f64) -> Result<Demo, String> {
    let options = wakehub_demo::Options {
        speed,
        ..wakehub_demo::Options::default()
    };
    let started = wakehub_demo::start(options).await;
    started.map_err(|error| error.to_string())
}

/// Says when secrets cannot be had, and takes it back when they can.
pub(crate) async fn watch_keyring(app: AppHandle) {
    let (keyring, board, mut stage) = {
        let shell = app.state::<Shell>();
        (shell.keyring.clone(), shell.board.clone(), shell.stage())
    };
    loop {
        let begun = stage.wait_for(|stage| !matches!(stage, Stage::Starting));
        if begun.await.is_err() {
            return;
        }
        if app.state::<Shell>().is_demo() {
            // it has no use for a keyring
            board.take_down(Code::NoKeyring);
            board.take_down(Code::KeyringLocked);
            if stage.changed().await.is_err() {
                return;
            }
            continue;
        }
        match keyring.state().await {
            KeyringState::Ready => {
                board.take_down(Code::NoKeyring);
                board.take_down(Code::KeyringLocked);
                return;
            }
            KeyringState::Locked => {
                board.take_down(Code::NoKeyring);
                board.put_up(Code::KeyringLocked, Said::KeyringIsStillLocked);
            }
            KeyringState::Absent(reason) => {
                board.put_up(Code::NoKeyring, Said::NoKeyring { why: &reason })
            }
        }
        tokio::time::sleep(KEYRING_AGAIN).await;
    }
}
