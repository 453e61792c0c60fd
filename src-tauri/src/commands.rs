//! What the window may ask for. Each command is one call of the engine.

use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tauri::ipc::{Channel, Invoke};
use tauri::{AppHandle, State};
use tokio::sync::{mpsc, watch};
use wakehub_domain::idle::IdleRule;
use wakehub_domain::{CascadeId, NodeId, Presented, QuestionId, SecretName, Timestamp};
use wakehub_keyring::KeyringState;
use wakehub_view::access::{ApiAccess, ApiStatus, NewApiToken, ShownApiToken};
use wakehub_view::homelab::NodeEntry;
use wakehub_view::savings::{SavingsAsk, SavingsView};
use wakehub_view::wire::{
    Answer, Ask, CheckView, CommandError, FoundAddress, ImportReport, JournalFormat, JournalLine,
    JournalQuery, JudgedView, PlanAnswer, RunAnswer, ScheduleAsk, ScheduleReading, SecretEntry,
    SettingsView, Snapshot, WhyView,
};

use crate::actions;
use crate::desktop::TrayHost;
use crate::settings;
use crate::shell::{Shell, Stage, Wanted};

/// One frame of a 60 Hz screen: the window is sent no more snapshots than it can show.
const FRAME: Duration = Duration::from_millis(16);

type Answered<T> = Result<T, CommandError>;

/// What the window shows about the computer it runs on.
#[derive(Serialize)]
pub(crate) struct Platform {
    version: &'static str,
    tray: bool,
    keyring: bool,
    data_dir: String,
    /// What is shown is the demo homelab.
    demo: bool,
}

pub(crate) fn handler<R: tauri::Runtime>() -> impl Fn(Invoke<R>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        snapshot,
        subscribe,
        plan,
        run,
        cancel,
        resume,
        cancel_queued,
        dismiss,
        answer,
        set_pinned,
        hold,
        why,
        judge,
        savings,
        pause_stops,
        node_entry,
        read_schedule,
        save_node,
        save_nodes,
        remove_node,
        secrets_present,
        test_connection,
        accept,
        discover,
        scan,
        import_homelab,
        export_homelab,
        journal,
        export_journal,
        open_url,
        platform,
        settings,
        set_setting,
        api_access,
        set_api_access,
        add_api_token,
        remove_api_token,
        start_demo,
        leave_demo,
    ]
}

#[tauri::command]
async fn snapshot(shell: State<'_, Shell>) -> Answered<Arc<Snapshot>> {
    first_of(shell.stage(), shell.board.follow()).await;
    Ok(shell.board.newest())
}

/// Sends the newest snapshot at once and then after each change, until the window is gone or subscribes again.
#[tauri::command]
fn subscribe(shell: State<'_, Shell>, channel: Channel<Arc<Snapshot>>) {
    let (mut board, mut stage) = (shell.board.follow(), shell.stage());
    let subscription = tauri::async_runtime::spawn(async move {
        first_of(stage.clone(), board.clone()).await;
        // the engine may change; each is to know that somebody looks
        let mut attention = None;
        let mut is_another = true;
        loop {
            if is_another {
                drop(attention.take());
                attention = match &*stage.borrow_and_update() {
                    Stage::Running(engine) => Some(engine.attention()),
                    Stage::Starting | Stage::Failed(_) => None,
                };
            }
            is_another = false;
            let newest = board.borrow_and_update().clone();
            if channel.send(newest).is_err() {
                return;
            }
            tokio::time::sleep(FRAME).await;
            let more = tokio::select! {
                more = board.changed() => more,
                more = stage.changed() => {
                    is_another = true;
                    more
                }
            };
            if more.is_err() {
                return;
            }
        }
    });
    shell.subscribe(Some(subscription));
}

#[tauri::command]
async fn plan(shell: State<'_, Shell>, ask: Ask) -> Answered<PlanAnswer> {
    shell.engine().await?.plan(ask).await
}

#[tauri::command]
async fn run(shell: State<'_, Shell>, ask: Ask) -> Answered<RunAnswer> {
    shell.engine().await?.run(ask).await
}

#[tauri::command]
async fn cancel(shell: State<'_, Shell>, cascade: CascadeId) -> Answered<()> {
    shell.engine().await?.cancel(cascade).await
}

#[tauri::command]
async fn resume(shell: State<'_, Shell>, cascade: CascadeId) -> Answered<RunAnswer> {
    shell.engine().await?.resume(cascade).await
}

#[tauri::command]
async fn cancel_queued(shell: State<'_, Shell>, id: u32) -> Answered<()> {
    shell.engine().await?.cancel_queued(id).await
}

#[tauri::command]
async fn dismiss(shell: State<'_, Shell>, cascade: CascadeId) -> Answered<()> {
    shell.engine().await?.dismiss(cascade).await
}

#[tauri::command]
async fn answer(shell: State<'_, Shell>, question: QuestionId, answer: Answer) -> Answered<()> {
    shell.engine().await?.answer(question, answer).await
}

#[tauri::command]
async fn set_pinned(shell: State<'_, Shell>, node: NodeId, pinned: bool) -> Answered<()> {
    shell.engine().await?.set_pinned(node, pinned).await
}

/// Keeps it on until then; `null` releases it.
#[tauri::command]
async fn hold(shell: State<'_, Shell>, node: NodeId, until: Option<Timestamp>) -> Answered<()> {
    shell.engine().await?.hold(node, until).await
}

#[tauri::command]
async fn why(shell: State<'_, Shell>, node: NodeId) -> Answered<WhyView> {
    shell.engine().await?.why(node).await
}

#[tauri::command]
async fn judge(shell: State<'_, Shell>, node: NodeId, rule: IdleRule) -> Answered<Vec<JudgedView>> {
    shell.engine().await?.judge(node, rule).await
}

#[tauri::command]
async fn savings(shell: State<'_, Shell>, ask: SavingsAsk) -> Answered<SavingsView> {
    shell.engine().await?.savings(ask).await
}

/// Nothing is stopped automatically until then; `null` ends the pause.
#[tauri::command]
async fn pause_stops(shell: State<'_, Shell>, until: Option<Timestamp>) -> Answered<()> {
    shell.engine().await?.pause_stops(until).await
}

#[tauri::command]
async fn node_entry(shell: State<'_, Shell>, node: NodeId) -> Answered<NodeEntry> {
    shell.engine().await?.node_entry(node).await
}

#[tauri::command]
async fn save_node(
    shell: State<'_, Shell>,
    node: Option<NodeId>,
    entry: NodeEntry,
    secrets: Vec<SecretEntry>,
) -> Answered<NodeId> {
    shell.engine().await?.save_node(node, entry, secrets).await
}

/// All of them or none.
#[tauri::command]
async fn save_nodes(shell: State<'_, Shell>, entries: Vec<NodeEntry>) -> Answered<Vec<NodeId>> {
    shell.engine().await?.save_nodes(entries).await
}

#[tauri::command]
async fn remove_node(shell: State<'_, Shell>, node: NodeId) -> Answered<()> {
    shell.engine().await?.remove_node(node).await
}

#[tauri::command]
async fn secrets_present(shell: State<'_, Shell>, node: NodeId) -> Answered<Vec<SecretName>> {
    shell.engine().await?.secrets_present(node).await
}

#[tauri::command]
async fn read_schedule(shell: State<'_, Shell>, ask: ScheduleAsk) -> Answered<ScheduleReading> {
    shell.engine().await?.read_schedule(ask).await
}

/// Sends each check as it ends, and answers with all.
#[tauri::command]
async fn test_connection(
    shell: State<'_, Shell>,
    node: Option<NodeId>,
    entry: NodeEntry,
    secrets: Vec<SecretEntry>,
    channel: Channel<CheckView>,
) -> Answered<Vec<CheckView>> {
    let engine = shell.engine().await?;
    let (sender, mut checks) = mpsc::channel(16);
    let forward = async {
        while let Some(check) = checks.recv().await {
            // A window that has gone needs no checks; the answer goes nowhere too.
            let _ = channel.send(check);
        }
    };
    let (answer, ()) = tokio::join!(
        engine.test_connection(node, entry, secrets, sender),
        forward
    );
    answer
}

#[tauri::command]
async fn accept(shell: State<'_, Shell>, presented: Presented) -> Answered<()> {
    shell.engine().await?.accept(presented).await
}

#[tauri::command]
async fn discover(shell: State<'_, Shell>, node: NodeId) -> Answered<u32> {
    shell.engine().await?.discover(node).await
}

/// Sends each address as it is found, and answers when the scan has ended.
#[tauri::command]
async fn scan(
    shell: State<'_, Shell>,
    sweep: Option<bool>,
    channel: Channel<FoundAddress>,
) -> Answered<()> {
    let engine = shell.engine().await?;
    let (sender, mut found) = mpsc::channel(16);
    let forward = async {
        while let Some(one) = found.recv().await {
            if channel.send(one).is_err() {
                // the window has gone, and the scan ends
                found.close();
            }
        }
    };
    let (answer, ()) = tokio::join!(engine.scan(sweep.unwrap_or(false), sender), forward);
    answer
}

#[tauri::command]
async fn import_homelab(shell: State<'_, Shell>, text: String) -> Answered<ImportReport> {
    shell.engine().await?.import(text).await
}

#[tauri::command]
async fn export_homelab(shell: State<'_, Shell>) -> Answered<String> {
    shell.engine().await?.export().await
}

#[tauri::command]
async fn journal(shell: State<'_, Shell>, query: JournalQuery) -> Answered<Vec<JournalLine>> {
    shell.engine().await?.journal(query).await
}

/// All that the query asks for, oldest first, as the text of a file.
#[tauri::command]
async fn export_journal(
    shell: State<'_, Shell>,
    query: JournalQuery,
    format: JournalFormat,
) -> Answered<String> {
    shell.engine().await?.export_journal(query, format).await
}

#[tauri::command]
async fn open_url(shell: State<'_, Shell>, node: NodeId) -> Answered<()> {
    actions::open_node(&shell.board.newest(), node).await
}

#[tauri::command]
async fn platform(shell: State<'_, Shell>) -> Answered<Platform> {
    let tray = *shell.tray_host.borrow() == TrayHost::Present;
    let demo = shell.is_demo();
    Ok(Platform {
        version: env!("CARGO_PKG_VERSION"),
        tray,
        keyring: demo || shell.keyring.state().await == KeyringState::Ready,
        data_dir: shell.folder().await.display().to_string(),
        demo,
    })
}

#[tauri::command]
async fn settings<R: tauri::Runtime>(app: AppHandle<R>) -> Answered<SettingsView> {
    settings::read(&app).await
}

#[tauri::command]
async fn set_setting<R: tauri::Runtime>(
    app: AppHandle<R>,
    key: String,
    value: serde_json::Value,
) -> Answered<()> {
    settings::change(&app, &key, value).await
}

#[tauri::command]
async fn api_access(shell: State<'_, Shell>) -> Answered<ApiStatus> {
    Ok(shell.api().await?.access().await)
}

#[tauri::command]
async fn set_api_access(shell: State<'_, Shell>, access: ApiAccess) -> Answered<ApiStatus> {
    shell.api().await?.set_access(access).await
}

/// The answer is the only time that the token is shown.
#[tauri::command]
async fn add_api_token(shell: State<'_, Shell>, token: NewApiToken) -> Answered<ShownApiToken> {
    shell.api().await?.add_token(token).await
}

#[tauri::command]
async fn remove_api_token(shell: State<'_, Shell>, token: String) -> Answered<()> {
    shell.api().await?.remove_token(&token).await
}

/// Puts the demo in the place of the user's own homelab, which stays as it is.
#[tauri::command]
async fn start_demo(shell: State<'_, Shell>) -> Answered<()> {
    shell.change_homelab(Wanted::Demo { speed: 1.0 }).await
}

#[tauri::command]
async fn leave_demo(shell: State<'_, Shell>) -> Answered<()> {
    shell.change_homelab(Wanted::Own).await
}

/// Waits until there is something to show: an empty window would look like an empty homelab.
async fn first_of(mut stage: watch::Receiver<Stage>, mut board: watch::Receiver<Arc<Snapshot>>) {
    let started = stage.wait_for(|stage| !matches!(stage, Stage::Starting));
    if !started
        .await
        .is_ok_and(|stage| matches!(*stage, Stage::Running(_)))
    {
        return;
    }
    // It errs only when the program ends.
    let _ = board.wait_for(|snapshot| snapshot.revision > 0).await;
}

#[cfg(test)]
mod tests;
