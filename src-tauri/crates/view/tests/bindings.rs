//! The TypeScript of the wire types, in one committed file that the UI imports.
//!
//! `UPDATE_BINDINGS=1 cargo test -p wakehub-view --test bindings` writes it; without that the test fails when it is stale.

use std::path::Path;

use ts_rs::{Config, TS};
use wakehub_domain::idle::{
    Cpu, Criteria, Criterion, Disk, HttpProbe, IdleRule, JellyfinProbe, LastAccess, Means,
    NetworkConnections, NetworkTraffic, PlexProbe, QbittorrentProbe, Ram, Scalar, SshProbe,
    Suggestion, SyncthingProbe, UseProbe,
};
use wakehub_domain::savings::Period;
use wakehub_domain::{
    Action, Capability, CascadeId, Day, DockerConfig, ErrorKind, FollowUpMode, KindSeconds, NodeId,
    NodeKind, PowerOff, Presented, PresentedKind, Probe, ProxmoxConfig, QuestionId, Schedule,
    SecretName, SshAuth, SshConfig, SshJump, StopWindow, Timestamp,
};
use wakehub_view::access::*;
use wakehub_view::homelab::{NodeEntry, WolEntry};
use wakehub_view::savings::*;
use wakehub_view::wire::*;

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../ui/src/lib/backend/bindings.ts"
);

/// One declaration, with the doc comments of the Rust side.
fn declare<T: TS>(config: &Config, out: &mut Vec<String>) {
    let docs = T::docs().unwrap_or_default();
    out.push(format!("{docs}export {}\n", T::decl(config)));
}

macro_rules! declarations {
    ($($type:ty),* $(,)?) => {{
        let config = Config::default();
        let mut out = Vec::new();
        $(declare::<$type>(&config, &mut out);)*
        out
    }};
}

fn bindings() -> String {
    let types = declarations![
        NodeId,
        CascadeId,
        QuestionId,
        Timestamp,
        NodeKind,
        Capability,
        Action,
        FollowUpMode,
        ErrorKind,
        SecretName,
        Presented,
        PresentedKind,
        SshAuth,
        SshConfig,
        SshJump,
        ProxmoxConfig,
        DockerConfig,
        Probe,
        PowerOff,
        IdleRule,
        Schedule,
        Day,
        StopWindow,
        Criteria,
        Cpu,
        Ram,
        NetworkTraffic,
        NetworkConnections,
        Disk,
        UseProbe,
        HttpProbe,
        Scalar,
        Means,
        SshProbe,
        JellyfinProbe,
        PlexProbe,
        QbittorrentProbe,
        SyncthingProbe,
        LastAccess,
        WolEntry,
        NodeEntry,
        Snapshot,
        NodeView,
        Power,
        HealthView,
        ConnectionView,
        ConnectionStatus,
        FailureView,
        CascadeView,
        CascadeStatus,
        StepView,
        StepStatus,
        QueuedView,
        QuestionView,
        ScheduledView,
        ScheduleAsk,
        ScheduleReading,
        WhyView,
        IdleView,
        VerdictWord,
        SignalView,
        Suggestion,
        TickView,
        JudgedView,
        Criterion,
        Answer,
        DiscoveredView,
        Notice,
        Severity,
        Ask,
        PlanAnswer,
        PlanView,
        PlanStepView,
        SkippedView,
        ProtectedView,
        FollowUpView,
        RefusalView,
        RunAnswer,
        CheckView,
        CheckOutcomeView,
        FoundAddress,
        FoundBy,
        SecretEntry,
        EntryError,
        ImportReport,
        JournalQuery,
        JournalLine,
        JournalFormat,
        CommandError,
        ApiAccess,
        PlainHttp,
        ApiScope,
        Right,
        ApiToken,
        NewApiToken,
        ShownApiToken,
        ApiStatus,
        KindSeconds,
        EngineSettings,
        Period,
        SavingsAsk,
        SavedView,
        SavedPeriod,
        SavedNode,
        SavingsView,
        SettingsView,
        LanguageName,
        SettingChange,
    ];
    let mut text = String::from(
        "// Generated from the Rust types of wakehub-view by `npm run bindings`. Do not edit.\n",
    );
    for declaration in types {
        text.push('\n');
        text.push_str(&declaration);
    }
    text
}

#[test]
fn the_committed_typescript_is_current() {
    let fresh = bindings();
    let path = Path::new(FILE);
    if std::env::var_os("UPDATE_BINDINGS").is_some() {
        std::fs::write(path, &fresh).expect("write the bindings");
        return;
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == fresh,
        "{FILE} is stale: run `npm run bindings` and commit it"
    );
}

/// Every type that a declaration mentions is declared too.
#[test]
fn no_type_is_missing() {
    let text = bindings();
    let declared: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("export type "))
        .filter_map(|rest| rest.split([' ', '=', '<']).next())
        .collect();
    let code: String = text
        .lines()
        .filter(|line| {
            let line = line.trim_start();
            !(line.starts_with('*') || line.starts_with("/*") || line.starts_with("//"))
        })
        .collect::<Vec<_>>()
        .join("\n");
    let known = ["Array", "Record"];
    for word in code.split(|c: char| !c.is_alphanumeric()) {
        let is_type = word.starts_with(|c: char| c.is_ascii_uppercase());
        assert!(
            !is_type || declared.contains(&word) || known.contains(&word),
            "{word} is used and not declared"
        );
    }
}
