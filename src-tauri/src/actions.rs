//! What a choice in the tray menu or a press on a notification leads to.

use tauri::{AppHandle, Manager};
use tokio::sync::broadcast::error::RecvError;
use wakehub_domain::{Action, CascadeId, NodeId};
use wakehub_engine::{Announcement, Clock, Handle, SystemClock};
use wakehub_view::notice::Code;
use wakehub_view::text::{self, Note, Press};
use wakehub_view::tray::{Command, Pause};
use wakehub_view::until;
use wakehub_view::wire::{
    Ask, CascadeStatus, CascadeView, CommandError, NodeView, RunAnswer, Snapshot,
};

use crate::notify::{Notifier, Subject};
use crate::shell::Shell;
use crate::window;

/// From the tray menu.
pub(crate) fn choose(app: &AppHandle, command: Command) {
    tracing::info!("chosen: {command}");
    match command {
        Command::Answer(question, answer) => press(app, Press::Answer(question, answer)),
        Command::Resume(cascade) => press(app, Press::Retry(cascade)),
        Command::OpenUrl(node) => press(app, Press::OpenUrl(node)),
        Command::ShowNode(node) => press(app, Press::ShowNode(node)),
        Command::Show => press(app, Press::Show),
        Command::Start(node) => spawn(app, move |app| act(app, Action::Start, node)),
        Command::Stop(node) => spawn(app, move |app| act(app, Action::Stop, node)),
        Command::KeepOn(node) => spawn(app, move |app| async move {
            let done = async {
                let engine = app.state::<Shell>().engine().await?;
                engine.hold_for(node, text::HELD_FOR).await
            };
            complain(&app, Some(node), done.await);
        }),
        Command::Release(node) => spawn(app, move |app| async move {
            let done = async { app.state::<Shell>().engine().await?.hold(node, None).await };
            complain(&app, Some(node), done.await);
        }),
        Command::Cancel(cascade) => spawn(app, move |app| async move {
            let done = async { app.state::<Shell>().engine().await?.cancel(cascade).await };
            complain(&app, None, done.await);
        }),
        Command::Dismiss(cascade) => spawn(app, move |app| async move {
            let done = async { app.state::<Shell>().engine().await?.dismiss(cascade).await };
            complain(&app, None, done.await);
        }),
        Command::Pause(pause) => spawn(app, move |app| async move {
            let now = SystemClock.now();
            let until = match pause {
                Pause::TwoHours => Some(now.plus(text::HELD_FOR)),
                Pause::UntilMorning => Some(until::next_morning(now)),
                Pause::Over => None,
            };
            let done = async {
                app.state::<Shell>()
                    .engine()
                    .await?
                    .pause_stops(until)
                    .await
            };
            complain(&app, None, done.await);
        }),
        Command::Quit => crate::quit(app),
    }
}

/// From a notification.
pub(crate) fn press(app: &AppHandle, press: Press) {
    match press {
        Press::Answer(question, answer) => spawn(app, move |app| async move {
            let done = async {
                let engine = app.state::<Shell>().engine().await?;
                engine.answer(question, answer).await
            };
            complain(&app, None, done.await);
        }),
        Press::Retry(cascade) => spawn(app, move |app| retry(app, cascade)),
        Press::OpenUrl(node) => spawn(app, move |app| async move {
            let board = app.state::<Shell>().board.newest();
            complain(&app, Some(node), open_node(&board, node).await);
        }),
        Press::ShowNode(node) => window::show(app, Some(format!("#/node/{node}"))),
        Press::ShowQuestion(question) => {
            window::show(app, Some(format!("#/question/{question}")));
        }
        Press::Show => window::show(app, None),
    }
}

/// Turns the engine's announcements into notifications, until it ends.
pub(crate) async fn announce(app: AppHandle, engine: Handle) {
    let mut announcements = engine.announcements();
    loop {
        match announcements.recv().await {
            Ok(Announcement::Ended(cascade)) => {
                let shell = app.state::<Shell>();
                let snapshot = shell.board.newest();
                if let Some(note) = text::ended(shell.language(), &cascade, &snapshot) {
                    app.state::<Notifier>()
                        .show(Subject::Cascade(cascade.id), note);
                }
            }
            Ok(Announcement::OpenUrl { node, url }) => {
                complain(&app, Some(node), open(url).await);
            }
            // Notifications of questions follow the snapshots, which no one can miss.
            Ok(Announcement::Asked(_) | Announcement::Settled(_)) => {}
            Err(RecvError::Lagged(missed)) => tracing::warn!("{missed} announcements missed"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Opens the node's service in the browser.
pub(crate) async fn open_node(snapshot: &Snapshot, node: NodeId) -> Result<(), CommandError> {
    let other = |message: &str| CommandError::Other {
        message: message.to_owned(),
    };
    let node = find(snapshot, node).ok_or_else(|| other("this node is not there any more"))?;
    let url = node
        .url
        .clone()
        .ok_or_else(|| other("this node has no service URL"))?;
    if snapshot
        .notices
        .iter()
        .any(|notice| notice.code == Code::Demo.as_str())
    {
        return Err(CommandError::Other {
            message: format!("In the demo there is nothing behind {url}."),
        });
    }
    open(url).await
}

async fn open(url: String) -> Result<(), CommandError> {
    let refused = |reason: String| CommandError::Other {
        message: format!("The browser was not asked to open {url}: {reason}."),
    };
    // Anything else could start a program with arguments from an imported file.
    match url::Url::parse(&url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") && parsed.has_host() => {
            let address = parsed.to_string();
            tokio::task::spawn_blocking(move || open::that_detached(address))
                .await
                .map_err(|error| refused(error.to_string()))?
                .map_err(|error| refused(error.to_string()))
        }
        Ok(parsed) => Err(refused(format!(
            "only http and https addresses are opened, not {}",
            parsed.scheme()
        ))),
        Err(error) => Err(refused(error.to_string())),
    }
}

async fn act(app: AppHandle, action: Action, node: NodeId) {
    let shell = app.state::<Shell>();
    let ask = Ask {
        action,
        node,
        with_dependants: false,
        queue: false,
        automatic: false,
    };
    let answer = async { shell.engine().await?.run(ask).await }.await;
    answered(&app, action, node, answer).await;
}

async fn retry(app: AppHandle, cascade: CascadeId) {
    let shell = app.state::<Shell>();
    let before = find_cascade(&shell.board.newest(), cascade).cloned();
    let answer = async { shell.engine().await?.resume(cascade).await }.await;
    match before.and_then(|cascade| Some((cascade.action, cascade.node?))) {
        Some((action, node)) => answered(&app, action, node, answer).await,
        None => complain(&app, None, answer.map(drop)),
    }
}

/// Says what came of it. A stop that others are in the way of is asked about in the window, with their names.
async fn answered(
    app: &AppHandle,
    action: Action,
    node: NodeId,
    answer: Result<RunAnswer, CommandError>,
) {
    let shell = app.state::<Shell>();
    let language = shell.language();
    let name = find(&shell.board.newest(), node)
        .map(|node| node.name.clone())
        .unwrap_or_default();
    let say = |subject: Subject, note: Note| app.state::<Notifier>().show(subject, note);
    match answer {
        Ok(RunAnswer::Started { cascade }) => {
            if let Some(begun) = begun(app, cascade).await {
                let steps: Vec<&str> = begun
                    .steps
                    .iter()
                    .map(|step| step.node_name.as_str())
                    .collect();
                let note = text::begun(language, action, node, &name, &steps);
                say(Subject::Cascade(cascade), note);
            }
        }
        Ok(RunAnswer::NothingToDo) => {
            say(
                Subject::Node(node),
                text::already(language, action, node, &name),
            );
        }
        Ok(RunAnswer::Refused { refusal })
            if action == Action::Stop && refusal.kind == "needed_by" =>
        {
            window::show(app, Some(format!("#/node/{node}?stop")));
        }
        Ok(RunAnswer::Refused { refusal }) => {
            say(
                Subject::Node(node),
                text::refused(language, action, &name, &refusal),
            );
        }
        Ok(RunAnswer::Busy {
            node_name, title, ..
        }) => say(
            Subject::Node(node),
            text::busy(language, action, node, &name, &node_name, &title),
        ),
        // Only asked for from the window, which shows it.
        Ok(RunAnswer::Queued { .. }) => {}
        Err(error) => say(
            Subject::Node(node),
            text::failed(
                language,
                &text::not_done(language, action, &name),
                Some(node),
                &error,
            ),
        ),
    }
}

/// The cascade as soon as it stands in a snapshot; `None` when it has ended by then, which is said elsewhere.
async fn begun(app: &AppHandle, cascade: CascadeId) -> Option<CascadeView> {
    let mut board = app.state::<Shell>().board.follow();
    let shown = board
        .wait_for(|snapshot| find_cascade(snapshot, cascade).is_some())
        .await
        .ok()?;
    find_cascade(&shown, cascade)
        .filter(|cascade| cascade.status == CascadeStatus::Running)
        .cloned()
}

fn complain(app: &AppHandle, node: Option<NodeId>, done: Result<(), CommandError>) {
    if let Err(error) = done {
        let language = app.state::<Shell>().language();
        let note = text::failed(language, "WakeHub", node, &error);
        app.state::<Notifier>()
            .show(node.map_or(Subject::Ourselves, Subject::Node), note);
    }
}

fn find(snapshot: &Snapshot, node: NodeId) -> Option<&NodeView> {
    snapshot.nodes.iter().find(|known| known.id == node)
}

fn find_cascade(snapshot: &Snapshot, cascade: CascadeId) -> Option<&CascadeView> {
    snapshot.cascades.iter().find(|known| known.id == cascade)
}

fn spawn<F: Future<Output = ()> + Send + 'static>(
    app: &AppHandle,
    act: impl FnOnce(AppHandle) -> F,
) {
    tauri::async_runtime::spawn(act(app.clone()));
}
