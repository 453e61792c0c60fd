//! Everything that can be asked, in the order of the document.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use wakehub_domain::{Action, CascadeId, NodeId, QuestionId, SecretName, Timestamp};
use wakehub_engine::SecretKey;
use wakehub_view::access::{ApiAccess, ApiStatus, NewApiToken, Right, ShownApiToken};
use wakehub_view::homelab::NodeEntry;
use wakehub_view::wire::{
    Ask, CommandError, ImportReport, JournalFormat, JournalLine, JournalQuery, NodeView,
    PlanAnswer, RunAnswer, SecretEntry, SettingChange, SettingsView, Severity, Snapshot,
};

use crate::limits;
use crate::problem::Problem;
use crate::routes::{Answers, Call, Described, Json, Lines, Perhaps, Routes, Toml};
use crate::shared::Scope;
use crate::wire::{
    About, AnswerBody, BatchBody, DiscoveredAnswer, EventKind, HealthAnswer, HealthStatus,
    HoldBody, NodeBody, PinBody, PlatformAnswer, SavedNode, ScanBody, ScanLine, SecretsAnswer,
    StartBody, StopBody, TestBody, TestLine,
};
use crate::{access, events};

type Answered<T> = Result<T, Problem>;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

pub(crate) fn all(routes: Routes) -> Routes {
    homelab(owner(nodes(cascades(looking(routes)))))
}

fn looking(routes: Routes) -> Routes {
    use Scope::{Open, Read};
    routes
        .on(GET, "/api", ("about", "Who answers"), Open, about)
        .on(
            GET,
            "/health",
            (
                "health",
                "Whether WakeHub is well: 200, or 503 with the issues",
            ),
            Open,
            health,
        )
        .on(
            GET,
            "/api/openapi.json",
            ("openapi", "This document"),
            Open,
            document,
        )
        .on(
            GET,
            "/api/v1/platform",
            ("platform", "About the computer that WakeHub runs on"),
            Read,
            platform,
        )
        .on(
            GET,
            "/api/v1/settings",
            (
                "settings",
                "How the engine works where nodes say nothing themselves",
            ),
            Read,
            settings,
        )
        .on(
            PUT,
            "/api/v1/settings",
            ("setSetting", "Change one setting"),
            Scope::Control,
            set_setting,
        )
        .on(
            GET,
            "/api/v1/snapshot",
            ("snapshot", "Everything, as it is now"),
            Read,
            snapshot,
        )
        .on(
            GET,
            "/api/v1/events",
            (
                "events",
                "A WebSocket that tells what changes; each message is an Event",
            ),
            Read,
            events::listen,
        )
        .with_query::<String>(
            "kinds",
            "Only these kinds, with commas between; all that fit unless set",
        )
        .with_query::<String>(
            "nodes",
            "Only about these nodes: numbers or names, with commas between",
        )
        .on(
            GET,
            "/api/v1/journal",
            ("journal", "What happened, and why; newest first"),
            Read,
            journal,
        )
        .with_query::<NodeId>("node", "Only of this node")
        .with_query::<CascadeId>("cascade", "Only of this cascade")
        .with_query::<String>("text", "Only what contains this")
        .with_query::<i64>("before", "Only entries with a smaller id, to page on")
        .with_query::<String>("kinds", "Only of these kinds, with commas between")
        .with_query::<Timestamp>("from", "Not older than this")
        .with_query::<Timestamp>("to", "Older than this")
        .with_query::<u32>("limit", "At most 500; 100 unless set")
        .patiently()
        .on(
            GET,
            "/api/v1/journal/export",
            (
                "exportJournal",
                "The journal as a file, oldest first; chosen as above, without before",
            ),
            Read,
            export_journal,
        )
        .with_query::<JournalFormat>("format", "json_lines unless set")
}

fn cascades(routes: Routes) -> Routes {
    use Scope::{Control, Read};
    routes
        .patiently()
        .on(
            POST,
            "/api/v1/plan",
            (
                "plan",
                "Look at every node concerned, and plan. Changes nothing",
            ),
            Read,
            plan,
        )
        .patiently()
        .on(
            POST,
            "/api/v1/run",
            ("run", "Look, plan and begin"),
            Control,
            run,
        )
        .patiently()
        .on(
            POST,
            "/api/v1/nodes/{node}/start",
            (
                "start",
                "Start a node, by number or name, with everything it needs",
            ),
            Control,
            start,
        )
        .patiently()
        .on(
            POST,
            "/api/v1/nodes/{node}/stop",
            (
                "stop",
                "Stop a node, by number or name, with everything it hosts",
            ),
            Control,
            stop,
        )
        .on(
            DELETE,
            "/api/v1/queue/{queued}",
            (
                "cancelQueued",
                "Take back an ask that waits for a running cascade",
            ),
            Control,
            cancel_queued,
        )
        .on(
            POST,
            "/api/v1/cascades/{cascade}/cancel",
            ("cancel", "End it after the step in progress"),
            Control,
            cancel,
        )
        .patiently()
        .on(
            POST,
            "/api/v1/cascades/{cascade}/resume",
            (
                "resume",
                "Plan a failed or interrupted one again from what is seen now, and begin",
            ),
            Control,
            resume,
        )
        .on(
            POST,
            "/api/v1/cascades/{cascade}/dismiss",
            ("dismiss", "Take an ended one out of the snapshot"),
            Control,
            dismiss,
        )
        .on(
            POST,
            "/api/v1/questions/{question}/answer",
            ("answer", "Answer a question; the first answer stands"),
            Control,
            answer,
        )
}

fn nodes(routes: Routes) -> Routes {
    use Scope::{Control, Read};
    routes
        .on(
            GET,
            "/api/v1/nodes",
            ("nodes", "All nodes, in order of creation"),
            Read,
            list,
        )
        .on(
            POST,
            "/api/v1/nodes",
            ("addNode", "Add a node; its secrets go to the keyring"),
            Control,
            add,
        )
        .on(
            POST,
            "/api/v1/batch",
            (
                "addNodes",
                "Add up to 100 nodes, all or none; they may name one another",
            ),
            Control,
            add_all,
        )
        .on(
            GET,
            "/api/v1/nodes/{node}",
            ("node", "One node, by number or name"),
            Read,
            node,
        )
        .on(
            PUT,
            "/api/v1/nodes/{node}",
            ("changeNode", "Change a node"),
            Control,
            change,
        )
        .on(
            DELETE,
            "/api/v1/nodes/{node}",
            ("removeNode", "Remove a node from the homelab"),
            Control,
            remove,
        )
        .on(
            GET,
            "/api/v1/nodes/{node}/entry",
            ("nodeEntry", "The node as the form edits it"),
            Read,
            entry,
        )
        .on(
            PUT,
            "/api/v1/nodes/{node}/hold",
            ("hold", "Keep it on until a time, or release it"),
            Control,
            hold,
        )
        .on(
            PUT,
            "/api/v1/nodes/{node}/pinned",
            ("pin", "Pin or unpin"),
            Control,
            pin,
        )
        .patiently()
        .on(
            POST,
            "/api/v1/nodes/{node}/discover",
            ("discover", "Ask its platforms for guests"),
            Control,
            discover,
        )
        .on(
            GET,
            "/api/v1/nodes/{node}/secrets",
            (
                "secrets",
                "Which secrets the keyring has; never their values",
            ),
            Read,
            secrets,
        )
        .on(
            PUT,
            "/api/v1/nodes/{node}/secrets",
            (
                "setSecret",
                "Keep a secret in the keyring; an empty value removes it",
            ),
            Control,
            set_secret,
        )
        .on(
            POST,
            "/api/v1/test",
            (
                "test",
                "Try everything that the entry's connections need: each check as it ends, then all",
            ),
            Control,
            test,
        )
        .on(
            POST,
            "/api/v1/scan",
            (
                "scan",
                "Which machines are on the network of the computer that WakeHub runs on",
            ),
            Control,
            scan,
        )
        .on(
            POST,
            "/api/v1/accept",
            (
                "accept",
                "Accept a host key or certificate that was presented",
            ),
            Control,
            accept,
        )
}

fn homelab(routes: Routes) -> Routes {
    routes
        .on(
            GET,
            "/api/v1/homelab",
            ("export", "The homelab as homelab.toml, without secrets"),
            Scope::Read,
            export,
        )
        .patiently()
        .on(
            POST,
            "/api/v1/homelab",
            (
                "import",
                "Add and change nodes from a homelab.toml, all or nothing",
            ),
            Scope::Control,
            import,
        )
}

fn owner(routes: Routes) -> Routes {
    use Scope::Owner;
    routes
        .on(
            GET,
            "/api/v1/access",
            (
                "access",
                "How the API is reached, and its tokens without their secrets",
            ),
            Owner,
            status,
        )
        .on(
            PUT,
            "/api/v1/access",
            ("setAccess", "Switch TCP on or off"),
            Owner,
            set_access,
        )
        .on(
            POST,
            "/api/v1/tokens",
            (
                "addToken",
                "Make a token; the answer is the only time that it is shown",
            ),
            Owner,
            add_token,
        )
        .on(
            DELETE,
            "/api/v1/tokens/{token}",
            ("removeToken", "Remove a token, by id or name"),
            Owner,
            remove_token,
        )
}

async fn about(call: Call, (): ()) -> Answered<Json<About>> {
    Ok(Json(call.shared.about.clone()))
}

/// 200 when all is well, else 503 with the same body.
pub(crate) struct Health(HealthAnswer);

impl Answers for Health {
    fn answer(self) -> axum::response::Response {
        let status = match self.0.status {
            HealthStatus::Ok => StatusCode::OK,
            HealthStatus::Unwell => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, axum::Json(self.0)).into_response()
    }
    fn describe(schemas: &mut schemars::SchemaGenerator) -> Option<Described> {
        <Json<HealthAnswer> as Answers>::describe(schemas)
    }
}

async fn health(call: Call, (): ()) -> Answered<Health> {
    let issues: Vec<_> = call
        .shared
        .snapshot()
        .notices
        .iter()
        .filter(|notice| notice.severity == Severity::Critical)
        .cloned()
        .collect();
    let is_well = issues.is_empty() && call.shared.is_alive();
    let may_see = call
        .parts
        .extensions
        .get::<Scope>()
        .is_some_and(|scope| *scope >= Scope::Read);
    Ok(Health(HealthAnswer {
        status: if is_well {
            HealthStatus::Ok
        } else {
            HealthStatus::Unwell
        },
        version: call.shared.about.version.clone(),
        issues: if may_see { issues } else { Vec::new() },
    }))
}

pub(crate) struct Document(Bytes);

impl Answers for Document {
    fn answer(self) -> axum::response::Response {
        (
            [(header::CONTENT_TYPE, "application/json")],
            Body::from(self.0),
        )
            .into_response()
    }
    fn describe(_: &mut schemars::SchemaGenerator) -> Option<Described> {
        Some(Described {
            media_type: "application/json",
            schema: schemars::json_schema!({"type": "object"}),
            is_required: true,
        })
    }
}

async fn document(call: Call, (): ()) -> Answered<Document> {
    Ok(Document(call.shared.document.clone()))
}

async fn platform(call: Call, (): ()) -> Answered<Json<PlatformAnswer>> {
    let shared = &call.shared;
    // looking for what is not there shows whether the keyring answers
    let key = SecretKey::of_token(shared.engine.homelab().await?, "none");
    Ok(Json(PlatformAnswer {
        version: shared.about.version.clone(),
        tray: false,
        keyring: shared.secrets.get(&key).await.is_ok(),
        data_dir: shared.data_dir.display().to_string(),
        demo: shared.is_demo,
        right: match call.scope() {
            Scope::Open | Scope::Read => Right::Read,
            Scope::Control => Right::Control,
            Scope::Owner => Right::Owner,
        },
    }))
}

async fn snapshot(call: Call, (): ()) -> Answered<Json<Arc<Snapshot>>> {
    Ok(Json(call.shared.snapshot()))
}

async fn journal(call: Call, (): ()) -> Answered<Json<Vec<JournalLine>>> {
    let query = journal_query(call.query()?)?;
    Ok(Json(call.shared.engine.journal(query).await?))
}

fn journal_query(words: BTreeMap<String, String>) -> Answered<JournalQuery> {
    let mut query = JournalQuery::default();
    for (name, value) in words {
        let number = || {
            let wrong = |_| Problem::invalid(format!("{name} must be a number, and is {value:?}"));
            value.parse::<i64>().map_err(wrong)
        };
        let small = || {
            let wrong = |_| Problem::invalid(format!("{name} must be a number, and is {value:?}"));
            value.parse::<u32>().map_err(wrong)
        };
        match name.as_str() {
            "node" => query.node = Some(NodeId(small()?)),
            "cascade" => query.cascade = Some(CascadeId(small()?)),
            "before" => query.before = Some(number()?),
            "from" => query.from = Some(Timestamp(number()?)),
            "to" => query.to = Some(Timestamp(number()?)),
            "limit" => query.limit = Some(small()?),
            "kinds" => query.kinds = Some(value.split(',').map(str::to_owned).collect()),
            "text" => query.text = Some(value),
            other => return Err(Problem::invalid(format!("the journal knows no {other:?}"))),
        }
    }
    Ok(query)
}

pub(crate) struct JournalFile {
    format: JournalFormat,
    text: String,
}

impl Answers for JournalFile {
    fn answer(self) -> axum::response::Response {
        let media_type = match self.format {
            JournalFormat::JsonLines => "application/x-ndjson",
            JournalFormat::Csv => "text/csv; charset=utf-8",
        };
        ([(header::CONTENT_TYPE, media_type)], self.text).into_response()
    }
    fn describe(schemas: &mut schemars::SchemaGenerator) -> Option<Described> {
        <Lines<JournalLine> as Answers>::describe(schemas)
    }
}

async fn export_journal(call: Call, (): ()) -> Answered<JournalFile> {
    let mut words = call.query()?;
    let format = match words.remove("format").as_deref() {
        Some("json_lines") | None => JournalFormat::JsonLines,
        Some("csv") => JournalFormat::Csv,
        Some(other) => {
            return Err(Problem::invalid(format!(
                "a journal is json_lines or csv, and not {other:?}"
            )));
        }
    };
    let query = journal_query(words)?;
    let text = call.shared.engine.export_journal(query, format).await?;
    Ok(JournalFile { format, text })
}

async fn settings(call: Call, (): ()) -> Answered<Json<SettingsView>> {
    Ok(Json(SettingsView {
        // those of the desktop are its window's
        start_at_login: None,
        language: None,
        engine: call.shared.engine.engine_settings().await?,
    }))
}

async fn set_setting(call: Call, Json(change): Json<SettingChange>) -> Answered<()> {
    let engine = &call.shared.engine;
    match change {
        SettingChange::StartAtLogin(_) | SettingChange::Language(_) => Err(CommandError::Other {
            message: "this setting belongs to the desktop; change it in WakeHub's window there"
                .to_owned(),
        }
        .into()),
        SettingChange::PollWatchedS(_)
        | SettingChange::PollIdleS(_)
        | SettingChange::StartTimeoutS(_)
        | SettingChange::StopTimeoutS(_) => {
            let settings = change.applied_to(engine.engine_settings().await?);
            Ok(engine.configure(settings).await?)
        }
    }
}

async fn plan(call: Call, Json(ask): Json<Ask>) -> Answered<Json<PlanAnswer>> {
    Ok(Json(call.shared.engine.plan(ask).await?))
}

async fn run(call: Call, Json(ask): Json<Ask>) -> Answered<Json<RunAnswer>> {
    begin(&call, ask).await
}

async fn start(call: Call, Perhaps(body): Perhaps<StartBody>) -> Answered<Json<RunAnswer>> {
    let node = call.shared.node(call.word(0))?.id;
    let ask = Ask {
        action: Action::Start,
        node,
        with_dependants: false,
        queue: body.queue,
        automatic: false,
    };
    begin(&call, ask).await
}

async fn stop(call: Call, Perhaps(body): Perhaps<StopBody>) -> Answered<Json<RunAnswer>> {
    let node = call.shared.node(call.word(0))?.id;
    let ask = Ask {
        action: Action::Stop,
        node,
        with_dependants: body.with_dependants,
        queue: body.queue,
        automatic: false,
    };
    begin(&call, ask).await
}

async fn begin(call: &Call, ask: Ask) -> Answered<Json<RunAnswer>> {
    Ok(Json(call.shared.engine.run(ask).await?))
}

fn cascade(call: &Call) -> Answered<CascadeId> {
    call.number(0, "cascade").map(CascadeId)
}

async fn cancel(call: Call, (): ()) -> Answered<()> {
    Ok(call.shared.engine.cancel(cascade(&call)?).await?)
}

async fn cancel_queued(call: Call, (): ()) -> Answered<()> {
    let id = call.number(0, "queued ask")?;
    Ok(call.shared.engine.cancel_queued(id).await?)
}

async fn resume(call: Call, (): ()) -> Answered<Json<RunAnswer>> {
    Ok(Json(call.shared.engine.resume(cascade(&call)?).await?))
}

async fn dismiss(call: Call, (): ()) -> Answered<()> {
    Ok(call.shared.engine.dismiss(cascade(&call)?).await?)
}

async fn answer(call: Call, Json(body): Json<AnswerBody>) -> Answered<()> {
    let question = QuestionId(call.number(0, "question")?);
    Ok(call.shared.engine.answer(question, body.answer).await?)
}

async fn list(call: Call, (): ()) -> Answered<Json<Vec<NodeView>>> {
    Ok(Json(call.shared.snapshot().nodes.clone()))
}

async fn node(call: Call, (): ()) -> Answered<Json<NodeView>> {
    Ok(Json(call.shared.node(call.word(0))?))
}

async fn add(call: Call, Json(body): Json<NodeBody>) -> Answered<Json<SavedNode>> {
    let engine = &call.shared.engine;
    let node = engine.save_node(None, body.entry, body.secrets).await?;
    Ok(Json(SavedNode { node }))
}

async fn add_all(call: Call, Json(body): Json<BatchBody>) -> Answered<Json<Vec<NodeId>>> {
    Ok(Json(call.shared.engine.save_nodes(body.entries).await?))
}

async fn change(call: Call, Json(body): Json<NodeBody>) -> Answered<Json<SavedNode>> {
    let known = call.shared.node(call.word(0))?.id;
    let engine = &call.shared.engine;
    let node = engine
        .save_node(Some(known), body.entry, body.secrets)
        .await?;
    Ok(Json(SavedNode { node }))
}

async fn remove(call: Call, (): ()) -> Answered<()> {
    let node = call.shared.node(call.word(0))?.id;
    Ok(call.shared.engine.remove_node(node).await?)
}

async fn entry(call: Call, (): ()) -> Answered<Json<NodeEntry>> {
    let node = call.shared.node(call.word(0))?.id;
    Ok(Json(call.shared.engine.node_entry(node).await?))
}

async fn pin(call: Call, Json(body): Json<PinBody>) -> Answered<()> {
    let node = call.shared.node(call.word(0))?.id;
    Ok(call.shared.engine.set_pinned(node, body.pinned).await?)
}

async fn hold(call: Call, Json(body): Json<HoldBody>) -> Answered<()> {
    let node = call.shared.node(call.word(0))?.id;
    let engine = &call.shared.engine;
    match body {
        HoldBody::For { seconds } => engine.hold_for(node, Duration::from_secs(seconds)).await?,
        HoldBody::Until(until) => engine.hold(node, Some(until)).await?,
        HoldBody::Nothing => engine.hold(node, None).await?,
    }
    Ok(())
}

async fn discover(call: Call, (): ()) -> Answered<Json<DiscoveredAnswer>> {
    let node = call.shared.node(call.word(0))?.id;
    let to_configure = call.shared.engine.discover(node).await?;
    Ok(Json(DiscoveredAnswer { to_configure }))
}

async fn secrets(call: Call, (): ()) -> Answered<Json<SecretsAnswer>> {
    let node = call.shared.node(call.word(0))?.id;
    let present: Vec<SecretName> = call.shared.engine.secrets_present(node).await?;
    Ok(Json(SecretsAnswer { present }))
}

async fn set_secret(call: Call, Json(secret): Json<SecretEntry>) -> Answered<()> {
    let node = call.shared.node(call.word(0))?.id;
    Ok(call.shared.engine.set_secret(node, secret).await?)
}

async fn test(call: Call, Json(body): Json<TestBody>) -> Answered<Lines<TestLine>> {
    let engine = call.shared.engine.clone();
    let (checks, mut checked) = mpsc::channel(16);
    let (lines, written) = mpsc::channel::<TestLine>(16);
    tokio::spawn(async move {
        let told = lines.clone();
        let forward = async move {
            while let Some(check) = checked.recv().await {
                // whoever has gone needs no checks; the test ends all the same
                let _ = told.send(TestLine::Check(check)).await;
            }
        };
        let tested = engine.test_connection(body.node, body.entry, body.secrets, checks);
        let tested = tokio::time::timeout(limits::LONG_ANSWER, tested);
        let (tested, ()) = tokio::join!(tested, forward);
        let last = match tested {
            Ok(Ok(all)) => TestLine::Done(all),
            Ok(Err(error)) => TestLine::Error(error),
            Err(_) => TestLine::Error(CommandError::Other {
                message: "the connection test did not end within three minutes".to_owned(),
            }),
        };
        let _ = lines.send(last).await;
    });
    Ok(lines_of(written))
}

fn lines_of<T: Serialize + Send + 'static>(lines: mpsc::Receiver<T>) -> Lines<T> {
    let text = ReceiverStream::new(lines).map(|line| {
        serde_json::to_vec(&line).map(|mut text| {
            text.push(b'\n');
            Bytes::from(text)
        })
    });
    Lines::new(Body::from_stream(text))
}

async fn scan(call: Call, Perhaps(body): Perhaps<ScanBody>) -> Answered<Lines<ScanLine>> {
    let engine = call.shared.engine.clone();
    let (found, mut finds) = mpsc::channel(16);
    let (lines, written) = mpsc::channel::<ScanLine>(16);
    tokio::spawn(async move {
        let told = lines.clone();
        let forward = async move {
            while let Some(one) = finds.recv().await {
                // the scan ends early when nobody listens any longer
                if told.send(ScanLine::Found(one)).await.is_err() {
                    return;
                }
            }
        };
        let scanned = tokio::time::timeout(limits::LONG_ANSWER, engine.scan(body.sweep, found));
        let (scanned, ()) = tokio::join!(scanned, forward);
        let last = match scanned {
            Ok(Ok(())) => ScanLine::Done,
            Ok(Err(error)) => ScanLine::Error(error),
            Err(_) => ScanLine::Error(CommandError::Other {
                message: "the scan did not end within three minutes".to_owned(),
            }),
        };
        let _ = lines.send(last).await;
    });
    Ok(lines_of(written))
}

async fn accept(call: Call, Json(presented): Json<wakehub_domain::Presented>) -> Answered<()> {
    Ok(call.shared.engine.accept(presented).await?)
}

async fn export(call: Call, (): ()) -> Answered<Toml> {
    Ok(Toml(call.shared.engine.export().await?))
}

async fn import(call: Call, Toml(text): Toml) -> Answered<Json<ImportReport>> {
    Ok(Json(call.shared.engine.import(text).await?))
}

async fn status(call: Call, (): ()) -> Answered<Json<ApiStatus>> {
    Ok(Json(access::status(&call.shared).await))
}

async fn set_access(call: Call, Json(wanted): Json<ApiAccess>) -> Answered<Json<ApiStatus>> {
    Ok(Json(access::set(&call.shared, wanted).await?))
}

async fn add_token(call: Call, Json(new): Json<NewApiToken>) -> Answered<Json<ShownApiToken>> {
    Ok(Json(call.shared.tokens.add(new).await?))
}

async fn remove_token(call: Call, (): ()) -> Answered<()> {
    let token = call.word(0);
    if call.shared.tokens.remove(token).await? {
        Ok(())
    } else {
        Err(Problem::not_found(format!("there is no token {token}")))
    }
}

/// The kinds by the words of a query.
pub(crate) fn kind(word: &str) -> Answered<EventKind> {
    let known = EventKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == word);
    known.ok_or_else(|| {
        let all: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        Problem::invalid(format!(
            "there is no kind {word:?}; there are {}",
            all.join(", ")
        ))
    })
}
