//! WakeHub in the tray: the shell around the engine.
//!
//! [`run`] puts the parts together. The tray comes first and waits for nothing; the engine starts beside it; the window is
//! built when somebody opens it and destroyed when it is closed. Everybody else reads one [`board`] and asks one engine.

mod actions;
mod board;
mod commands;
mod desktop;
mod logging;
mod notify;
mod options;
mod reach;
mod settings;
mod shell;
mod tray;
mod window;

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tauri::{AppHandle, Manager, RunEvent};
use wakehub_engine::Handle;

use options::{Asked, Opening, Options};
use shell::{Shell, Stage, Wanted};

/// How long Quit waits for the step in progress to be written down.
const QUITTING: Duration = Duration::from_secs(5);

/// Runs the program to its end. The exit status is 2 for wrong options and 1 when there is no desktop to run on.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match options::parse(arguments) {
        Ok(Asked::Run(options)) => start(options),
        Ok(Asked::Version) => say(0, &format!("WakeHub {}", env!("CARGO_PKG_VERSION"))),
        Ok(Asked::Help) => say(0, options::USAGE),
        Err(wrong) => say(2, &format!("{wrong}\n{}", options::USAGE)),
    }
}

fn start(options: Options) -> ExitCode {
    let Some(data_dir) = options::data_dir(&options) else {
        return say(
            1,
            "there is no home directory to keep data in: use --data-dir",
        );
    };
    if let Err(error) = private(&data_dir) {
        let place = data_dir.display();
        return say(
            1,
            &format!("failed to make the data directory {place}: {error}"),
        );
    }
    if let Err(error) = logging::begin(&data_dir) {
        complain(&format!("failed to write a log: {error}"));
    }
    if let Err(missing) = desktop::prepare() {
        return say(1, &missing);
    }
    let (opening, wanted) = (options.opening, options.homelab);
    let shell = Shell::new(data_dir);
    let builder = tauri::Builder::default();
    #[cfg(target_os = "macos")]
    let builder = builder.on_web_content_process_terminate(|web_view| {
        window::web_view::ended(web_view.app_handle(), || {
            if let Err(error) = web_view.reload() {
                tracing::warn!("failed to load the page again: {error}");
            }
        });
    });
    let built = builder
        .plugin(tauri_plugin_single_instance::init(|app, _, _| {
            window::show(app, None);
        }))
        .plugin(
            tauri_plugin_autostart::Builder::new()
                .args(["--hidden"])
                .build(),
        )
        .manage(shell)
        .invoke_handler(commands::handler())
        .on_window_event(window::on_event)
        .setup(move |app| {
            let app = app.handle();
            tray::build(app);
            tauri::async_runtime::spawn(begin(app.clone(), opening, wanted));
            Ok(())
        })
        .build(tauri::generate_context!());
    let app = match built {
        Ok(app) => app,
        Err(error) => return say(1, &format!("failed to start: {error}")),
    };
    let status = app.run_return(|_, event| {
        // Closing the last window leaves the tray; only Quit gives a code.
        if let RunEvent::ExitRequested {
            code: None, api, ..
        } = event
        {
            api.prevent_exit();
        }
    });
    tracing::info!("ended");
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}

/// By then the homelab is read and its machines have been asked once; what that has needed is free.
const STARTING: Duration = Duration::from_secs(5);

/// Everything that may take its time, beside the tray.
async fn begin(app: AppHandle, opening: Opening, wanted: Wanted) {
    tauri::async_runtime::spawn(quit_on_signal(app.clone()));
    let starting = app.clone();
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(STARTING).await;
        window::give_back(&starting).await;
    });
    notify::begin(&app);
    desktop::watch(&app);
    tauri::async_runtime::spawn(shell::watch_keyring(app.clone()));
    if opening == Opening::Show {
        window::show(&app, None);
    }
    tauri::async_runtime::spawn(keep_in_step(app.clone()));
    let engine = app.state::<Shell>().start_engine(wanted).await;
    let is_wanted = match &engine {
        Ok(engine) => wanted != Wanted::Own || is_empty(engine).await,
        Err(_) => true,
    };
    if is_wanted && opening == Opening::WhenNeeded {
        window::show(&app, None);
    }
}

/// One engine after the other: the demo may take the place of the user's own homelab, and give it back.
async fn keep_in_step(app: AppHandle) {
    let mut stage = app.state::<Shell>().stage();
    loop {
        let engine = match &*stage.borrow_and_update() {
            Stage::Running(engine) => Some(engine.clone()),
            Stage::Starting | Stage::Failed(_) => None,
        };
        let Some(engine) = engine else {
            if stage.changed().await.is_err() {
                return;
            }
            continue;
        };
        window::name(&app);
        tray::name(&app);
        let more = tokio::select! {
            () = actions::announce(app.clone(), engine) => stage.changed().await,
            more = stage.changed() => more,
        };
        if more.is_err() {
            return;
        }
    }
}

/// Whether there is nothing in the homelab yet, so that the tray alone would leave the user at a loss.
async fn is_empty(engine: &Handle) -> bool {
    let mut snapshots = engine.snapshots();
    // The first one, revision 0, was made before the engine had looked into its database.
    let first = snapshots.wait_for(|snapshot| snapshot.revision > 0).await;
    first.is_ok_and(|snapshot| snapshot.nodes.is_empty())
}

/// Ends the engine in good order, then the program.
pub(crate) fn quit(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let engine = app.state::<Shell>().running();
        if let Some(engine) = engine
            && tokio::time::timeout(QUITTING, engine.shut_down())
                .await
                .is_err()
        {
            tracing::warn!("the engine did not end in time");
        }
        app.state::<Shell>().forget_demo().await;
        app.exit(0);
    });
}

#[cfg(unix)]
async fn quit_on_signal(app: AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    quit(&app);
}

#[cfg(not(unix))]
async fn quit_on_signal(app: AppHandle) {
    if tokio::signal::ctrl_c().await.is_ok() {
        quit(&app);
    }
}

/// Addresses and the journal are nobody else's business.
fn private(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn say(status: u8, text: &str) -> ExitCode {
    if status == 0 {
        let _ = writeln!(std::io::stdout(), "{text}");
    } else {
        complain(text);
    }
    ExitCode::from(status)
}

fn complain(text: &str) {
    tracing::error!("{text}");
    let _ = writeln!(std::io::stderr(), "wakehub-desktop: {text}");
}
