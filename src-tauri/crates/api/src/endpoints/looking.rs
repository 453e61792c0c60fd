//! What there is to see: WakeHub itself, the homelab, the journal, the settings.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use wakehub_domain::{CascadeId, NodeId, Timestamp};
use wakehub_engine::SecretKey;
use wakehub_view::access::Right;
use wakehub_view::wire::{
    CommandError, JournalFormat, JournalLine, JournalQuery, SettingChange, SettingsView, Severity,
    Snapshot,
};

use crate::events;
use crate::problem::Problem;
use crate::routes::{Answers, Call, Described, Json, Lines, Routes};
use crate::shared::Scope;
use crate::wire::{About, HealthAnswer, HealthStatus, PlatformAnswer};

use super::{Answered, GET, PUT};

pub(super) fn routes(routes: Routes) -> Routes {
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
        .patiently()
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
        | SettingChange::StopTimeoutS(_)
        | SettingChange::IdleTimeoutMinutes(_)
        | SettingChange::PricePerKwh(_)
        | SettingChange::Currency(_) => {
            let settings = change.applied_to(engine.engine_settings().await?);
            Ok(engine.configure(settings).await?)
        }
    }
}
