//! The types that cross from the engine to the UI and back. `ui/src/lib/backend/bindings.ts` is generated from them.
//!
//! A snapshot replaces an older one as a whole; `revision` grows with every change, and nobody patches.
//! Times are milliseconds since the Unix epoch, durations are in milliseconds where the name says `_ms`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;
use wakehub_domain::idle::{Criterion, Suggestion, TIMEOUT_MINUTES, Verdict};
use wakehub_domain::{
    Action, Capability, CascadeId, ErrorKind, FollowUpMode, KindSeconds, NodeId, NodeKind,
    Presented, QuestionId, SecretName, Timeouts, Timestamp,
};

use crate::homelab::NodeEntry;

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, TS, JsonSchema)]
pub struct Snapshot {
    #[ts(type = "number")]
    pub revision: u64,
    /// When it was made.
    pub at: Timestamp,
    /// In order of creation.
    pub nodes: Vec<NodeView>,
    pub connections: Vec<ConnectionView>,
    /// Running and interrupted ones first, then the last few that ended, newest first.
    pub cascades: Vec<CascadeView>,
    /// Asked for, and waiting for a running cascade to end.
    pub queued: Vec<QueuedView>,
    /// Oldest first.
    pub questions: Vec<QuestionView>,
    pub discovered: Vec<DiscoveredView>,
    /// What the user should know about WakeHub itself, worst first.
    pub notices: Vec<Notice>,
    /// Until then nothing is stopped automatically, because the user said so.
    pub stops_paused_until: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct NodeView {
    pub id: NodeId,
    pub name: String,
    pub kind: NodeKind,
    pub host: Option<NodeId>,
    pub depends_on: Vec<NodeId>,
    /// The nodes that depend on it directly.
    pub needed_by: Vec<NodeId>,
    pub platform_id: Option<String>,
    pub address: Option<String>,
    pub power: Power,
    /// With `failed`: why, in the platform's own words.
    pub cause: Option<String>,
    /// When it came into this state.
    pub since: Timestamp,
    /// When it was last seen in it; null when never.
    pub seen: Option<Timestamp>,
    /// In plain words: `paused`, `connection refused on port 22`.
    pub note: Option<String>,
    /// Of a container with a health check.
    pub health: Option<HealthView>,
    /// The platform's word for a lock: `backup`.
    pub lock: Option<String>,
    pub held_until: Option<Timestamp>,
    /// Its next start and its next stop by the clock, in time.
    pub next_scheduled: Vec<ScheduledView>,
    pub pinned: bool,
    pub url: Option<String>,
    pub always_on: bool,
    pub confirm_before_auto_stop: bool,
    pub stop_when_empty: bool,
    pub capabilities: Vec<Capability>,
    /// Null when nothing is configured by which it could be started.
    pub start_channel: Option<Capability>,
    pub stop_channel: Option<Capability>,
    /// Guests that were discovered on it and are not configured.
    pub to_configure: u32,
    /// Its host no longer knows it.
    pub vanished: bool,
    /// The running cascade that works on it.
    pub cascade: Option<CascadeId>,
    pub tags: Vec<String>,
    /// Secrets that its configuration asks for and the keyring does not have.
    pub missing_secrets: Vec<SecretName>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    Unknown,
    Off,
    Starting,
    On,
    Stopping,
    Failed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthView {
    Starting,
    Healthy,
    Unhealthy,
}

/// One Proxmox API, Docker engine or SSH host, and how it is doing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct ConnectionView {
    pub node: NodeId,
    pub capability: Capability,
    /// `machine2: Proxmox API`
    pub title: String,
    pub status: ConnectionStatus,
    /// The last answer.
    pub seen: Option<Timestamp>,
    pub failure: Option<FailureView>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Not asked yet.
    New,
    Answers,
    /// Its machine is off, so nobody asks.
    Asleep,
    Fails,
    /// Failed several times; asked again later.
    Paused,
}

/// An error as a user reads it: "failed to {operation}: {message}".
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct FailureView {
    pub kind: ErrorKind,
    pub operation: String,
    /// The platform's own words.
    pub message: String,
    /// What to do next.
    pub advice: String,
    /// A host key or certificate that waits to be accepted.
    pub presented: Option<Presented>,
    pub at: Timestamp,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct CascadeView {
    pub id: CascadeId,
    pub action: Action,
    pub node: Option<NodeId>,
    /// Stays when the node is removed.
    pub node_name: String,
    pub automatic: bool,
    pub status: CascadeStatus,
    pub steps: Vec<StepView>,
    pub begun: Timestamp,
    pub ended: Option<Timestamp>,
    /// Cancelled by the user; ends after the step in progress.
    pub cancelling: bool,
    /// Why it failed, or what an interrupted one waits for.
    pub failure: Option<FailureView>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CascadeStatus {
    Running,
    Completed,
    Failed,
    Cancelled,
    /// WakeHub ended in the middle of it; the user may resume it.
    Interrupted,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct StepView {
    pub node: Option<NodeId>,
    pub node_name: String,
    pub action: Action,
    pub channel: Capability,
    pub reason: String,
    pub status: StepStatus,
    pub begun: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    #[ts(type = "number")]
    pub timeout_ms: u64,
    /// The median of the last five times.
    #[ts(type = "number | null")]
    pub usual_ms: Option<u64>,
    /// What it does now: `magic packet sent 3 times, waiting for port 22`; or why it was skipped.
    pub detail: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Waits,
    Running,
    Done,
    Failed,
    Skipped,
    Cancelled,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct QueuedView {
    /// By which it can be cancelled.
    pub id: u32,
    pub action: Action,
    pub node: NodeId,
    pub node_name: String,
    pub behind: CascadeId,
}

/// "Shut it down?" No answer means that it stays on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct QuestionView {
    pub id: QuestionId,
    pub node: NodeId,
    pub node_name: String,
    /// Why it is asked: `no longer needed once lxc-jellyfin is off`.
    pub reason: String,
    pub asked_at: Timestamp,
    /// Without an answer it is shut down then. Null where no answer means that it stays on.
    pub stops_at: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    ShutDown,
    KeepOn,
    /// Kept on for an hour, then asked again.
    Snooze,
    /// Never stopped automatically again: sets `always_on`.
    AlwaysKeepOn,
}

impl Answer {
    pub const ALL: [Answer; 4] = [
        Answer::ShutDown,
        Answer::KeepOn,
        Answer::Snooze,
        Answer::AlwaysKeepOn,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Answer::ShutDown => "shut_down",
            Answer::KeepOn => "keep_on",
            Answer::Snooze => "snooze",
            Answer::AlwaysKeepOn => "always_keep_on",
        }
    }
}

/// Why a node is on, and what its idle rule says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct WhyView {
    pub node: NodeId,
    pub node_name: String,
    pub power: Power,
    /// What keeps it from being stopped automatically, whether it is used or not: `nas is needed by qbittorrent`. Null when
    /// nothing does.
    pub kept_on: Option<String>,
    /// Null without an idle rule: then it is never asked about for not being used.
    pub idle: Option<IdleView>,
    /// What an automatic stop would do now; null where it would be refused (`kept_on`) or there is nothing to stop.
    pub would: Option<PlanView>,
    /// Its next start and its next stop by the clock, in time.
    pub next_scheduled: Vec<ScheduledView>,
}

/// What is typed in the form of a schedule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[ts(optional_fields = nullable)]
#[serde(deny_unknown_fields)]
pub struct ScheduleAsk {
    pub cron: String,
    /// `Europe/Paris`; the computer's unless set.
    #[serde(default)]
    pub time_zone: Option<String>,
}

/// What it says: a reading and the next five times, or what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct ScheduleReading {
    /// `every weekday at 18:00`
    pub reading: Option<String>,
    pub next: Vec<Timestamp>,
    /// At `cron` or `time_zone`.
    pub error: Option<EntryError>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct ScheduledView {
    pub at: Timestamp,
    pub action: Action,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct IdleView {
    pub enabled: bool,
    pub timeout_s: u32,
    /// Null before the first tick, and while the node is not on.
    pub verdict: Option<VerdictWord>,
    /// In plain words: `1.20 cores of the processor in use, more than 0.50 cores`.
    pub because: Option<String>,
    /// With `idle`: the last use, or the first tick after it.
    pub idle_since: Option<Timestamp>,
    /// WakeHub was off or asleep before, and what was used until then is what its platform remembers. Only with an earlier
    /// `idle_since`.
    pub remembered_until: Option<Timestamp>,
    /// When it was judged. Samples are taken once a minute.
    pub at: Option<Timestamp>,
    pub signals: Vec<SignalView>,
    /// What could not be measured, and why, in plain words.
    pub unmeasured: Vec<String>,
    /// When it will have been idle for the whole timeout, if nobody uses it until then. Only with `idle`.
    pub due_at: Option<Timestamp>,
    /// The ticks of the last hour, oldest first.
    pub ticks: Vec<TickView>,
    /// Thresholds that its own quiet hours stay below, from the samples at hand.
    pub suggestion: Suggestion,
    /// How many samples the suggestion comes from, one a minute.
    pub samples: u32,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct TickView {
    pub at: Timestamp,
    pub verdict: VerdictWord,
}

/// What a rule would have said at one tick.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct JudgedView {
    pub at: Timestamp,
    pub verdict: VerdictWord,
    pub because: String,
    /// The automatic stop would have begun here.
    pub stop: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictWord {
    Active,
    Idle,
    Inhibited,
    Unknown,
}

/// One criterion at the last tick.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct SignalView {
    pub criterion: Criterion,
    /// `1.20 cores`
    pub value: String,
    /// The most that is not use: `0.50 cores`
    pub threshold: String,
    pub over: bool,
    /// The threshold as a number in the unit of `trail`: cores, a fraction, bytes or packets a tick, a count.
    pub limit: f64,
    /// One value for each of the rule's `ticks`; null where it was not known.
    pub trail: Vec<Option<f64>>,
}

impl VerdictWord {
    pub fn of(verdict: &Verdict) -> VerdictWord {
        match verdict {
            Verdict::Active { .. } => VerdictWord::Active,
            Verdict::Idle { .. } => VerdictWord::Idle,
            Verdict::Inhibited { .. } => VerdictWord::Inhibited,
            Verdict::Unknown { .. } => VerdictWord::Unknown,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            VerdictWord::Active => "active",
            VerdictWord::Idle => "idle",
            VerdictWord::Inhibited => "inhibited",
            VerdictWord::Unknown => "unknown",
        }
    }
}

/// A guest that its host knows and the homelab does not.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct DiscoveredView {
    pub host: NodeId,
    pub kind: NodeKind,
    pub platform_id: String,
    pub name: String,
    pub power: Power,
    pub addresses: Vec<String>,
    pub ports: Vec<u16>,
    pub image: Option<String>,
    /// `mediastack / jellystat`
    pub compose: Option<String>,
    pub cores: Option<f64>,
    #[ts(type = "number | null")]
    pub memory_bytes: Option<u64>,
    /// The form, filled with all that the platform knows.
    pub entry: NodeEntry,
    /// Platform ids of what it probably needs too, on the same host and not configured either; `entry` names only what is.
    pub suggested: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct Notice {
    pub severity: Severity,
    /// Stable, for tests and for dismissing: `no_keyring`, `database_set_aside`, `disk_full`, `no_tray`, …
    pub code: String,
    /// What is the matter, and what to do.
    pub message: String,
}

#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Remark,
    Warning,
    Critical,
}

/// A start or a stop that somebody asks for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct Ask {
    pub action: Action,
    pub node: NodeId,
    /// Of a stop: stop what depends on it first, instead of refusing.
    #[serde(default)]
    pub with_dependants: bool,
    /// Wait for a cascade that is in the way instead of refusing.
    #[serde(default)]
    pub queue: bool,
    /// Plan it as WakeHub plans its own stops, which are refused more easily. Looked at in previews only: what a person
    /// asks for is never automatic.
    #[serde(default)]
    pub automatic: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PlanAnswer {
    Plan { plan: PlanView },
    Refused { refusal: RefusalView },
}

/// What is about to happen. The same plan runs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct PlanView {
    pub action: Action,
    pub node: NodeId,
    pub node_name: String,
    pub steps: Vec<PlanStepView>,
    pub skipped: Vec<SkippedView>,
    pub protected: Vec<ProtectedView>,
    pub follow_ups: Vec<FollowUpView>,
    /// The sum of the usual durations, when every step has one.
    #[ts(type = "number | null")]
    pub usual_ms: Option<u64>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct PlanStepView {
    pub node: NodeId,
    pub node_name: String,
    pub action: Action,
    pub channel: Capability,
    /// Where the channel leads: `machine2’s Proxmox API`.
    pub via: String,
    /// What is waited for: `port 22 accepts`.
    pub readiness: String,
    pub reason: String,
    #[ts(type = "number")]
    pub timeout_ms: u64,
    #[ts(type = "number | null")]
    pub usual_ms: Option<u64>,
    /// Goes down although it is not part of the target: an active dependant, or a follow-up.
    pub beyond_target: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct SkippedView {
    pub node: NodeId,
    pub node_name: String,
    pub reason: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct ProtectedView {
    pub node: NodeId,
    pub node_name: String,
    pub by: Vec<String>,
    pub reason: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct FollowUpView {
    pub node: NodeId,
    pub node_name: String,
    pub mode: FollowUpMode,
    pub reason: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct RefusalView {
    pub node: NodeId,
    pub node_name: String,
    /// `needed_by`, `always_on`, `held`, `locked`, `stale_observation`, `guarded`, `no_channel`, `unknown_node`
    pub kind: String,
    /// Names of the nodes in the way.
    pub by: Vec<String>,
    pub message: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RunAnswer {
    Started {
        cascade: CascadeId,
    },
    /// Everything is as asked for already.
    NothingToDo,
    /// Planned and begun when that one has ended.
    Queued {
        behind: CascadeId,
    },
    Refused {
        refusal: RefusalView,
    },
    /// Another cascade works on one of the nodes.
    Busy {
        node_name: String,
        cascade: CascadeId,
        /// `the start of lxc-jellyfin`
        title: String,
    },
}

/// One thing that the connection test tried.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct CheckView {
    pub capability: Capability,
    /// `reachable`, `trusted`, `login`, `privileges`, `sudo`, `version`, `protection`, `packets`
    pub what: String,
    pub title: String,
    pub outcome: CheckOutcomeView,
    pub detail: String,
    pub advice: Option<String>,
    pub presented: Option<Presented>,
    #[ts(type = "number")]
    pub took_ms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcomeView {
    Passed,
    Warning,
    Failed,
    Skipped,
}

/// An address of the home network that this computer has lately seen or that announces itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct FoundAddress {
    pub address: String,
    pub mac: Option<String>,
    pub name: Option<String>,
    /// Who made its network card, where that tells something.
    pub vendor: Option<String>,
    pub source: FoundBy,
    /// The node that is configured with this address or MAC address already.
    pub node: Option<NodeId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    Neighbours,
    Mdns,
}

/// A secret typed into a form; it goes to the keyring and is never sent back.
#[derive(Clone, Deserialize, TS, JsonSchema)]
pub struct SecretEntry {
    pub name: SecretName,
    pub value: String,
}

impl std::fmt::Debug for SecretEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretEntry")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Why a form or an import is refused.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct EntryError {
    /// The key in homelab.toml (`ssh.key_file`), when one field is to blame.
    pub field: Option<String>,
    /// In an import: counted from 1.
    pub line: Option<u32>,
    pub message: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct ImportReport {
    pub added: Vec<String>,
    pub changed: Vec<String>,
    /// Secrets to set before these nodes can be used: (node, secret).
    pub missing_secrets: Vec<(String, SecretName)>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, TS, JsonSchema)]
#[serde(default)]
pub struct JournalQuery {
    pub node: Option<NodeId>,
    pub cascade: Option<CascadeId>,
    /// Words, or their beginnings, that all stand in a line.
    pub text: Option<String>,
    /// `start`, `state`, …: lines of any of these; all when there are none.
    #[ts(optional = nullable)]
    pub kinds: Option<Vec<String>>,
    /// Not older than this.
    #[ts(optional = nullable)]
    pub from: Option<Timestamp>,
    /// Older than this.
    #[ts(optional = nullable)]
    pub to: Option<Timestamp>,
    /// Only entries with a smaller id, to page on.
    #[ts(type = "number | null")]
    pub before: Option<i64>,
    /// At most 500; 100 unless set. Of an export: so many of the newest; all unless set.
    pub limit: Option<u32>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct JournalLine {
    #[ts(type = "number")]
    pub id: i64,
    pub at: Timestamp,
    /// `start`, `stop`, `step`, `state`, `decision`, `question`, `edit`, `error`, …
    pub kind: String,
    pub node: Option<NodeId>,
    pub node_name: Option<String>,
    pub cascade: Option<CascadeId>,
    pub message: String,
    pub reason: Option<String>,
}

/// How the journal is written to a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JournalFormat {
    /// A [`JournalLine`] on each line.
    JsonLines,
    Csv,
}

/// Every command of the UI that fails, fails with this.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CommandError {
    /// A form or import, refused as a whole.
    Entry { errors: Vec<EntryError> },
    /// A platform, or the keyring.
    Failure { failure: FailureView },
    /// Anything else: a sentence that says what and what to do.
    Other { message: String },
}

/// How the engine works where nodes say nothing themselves.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(default)]
pub struct EngineSettings {
    /// Seconds between two polls while somebody looks or a cascade runs, 5 to 300.
    pub poll_watched_s: u32,
    /// Seconds between two polls otherwise, 10 to 3600.
    pub poll_idle_s: u32,
    /// Seconds, 5 to 3600.
    pub start_timeout_s: KindSeconds,
    /// Seconds, 5 to 3600.
    pub stop_timeout_s: KindSeconds,
    /// Of idle rules that set none, 1 to 10080.
    #[serde(default = "usual_idle_timeout")]
    pub idle_timeout_minutes: u32,
    /// Of electricity, in `currency`, 0 to 100; without it there is no money in what was saved.
    pub price_per_kwh: Option<f64>,
    /// ISO 4217: three capital letters.
    pub currency: String,
}

fn usual_idle_timeout() -> u32 {
    TIMEOUT_MINUTES
}

impl Default for EngineSettings {
    /// DESIGN sections 5 and 6.
    fn default() -> EngineSettings {
        let timeouts = Timeouts::default();
        EngineSettings {
            poll_watched_s: 10,
            poll_idle_s: 60,
            start_timeout_s: timeouts.start,
            stop_timeout_s: timeouts.stop,
            idle_timeout_minutes: usual_idle_timeout(),
            price_per_kwh: None,
            currency: "EUR".to_owned(),
        }
    }
}

impl EngineSettings {
    /// The sentence that says what is out of range.
    pub fn check(&self) -> Result<(), String> {
        let timeouts = |action: &str, seconds: KindSeconds| {
            [
                (
                    format!("the {action} timeout of machines"),
                    seconds.machine,
                    5,
                    3600,
                ),
                (format!("the {action} timeout of vms"), seconds.vm, 5, 3600),
                (
                    format!("the {action} timeout of lxcs"),
                    seconds.lxc,
                    5,
                    3600,
                ),
                (
                    format!("the {action} timeout of containers"),
                    seconds.container,
                    5,
                    3600,
                ),
            ]
        };
        let polls = [
            (
                "the poll period while somebody looks".to_owned(),
                self.poll_watched_s,
                5,
                300,
            ),
            (
                "the poll period while nobody looks".to_owned(),
                self.poll_idle_s,
                10,
                3600,
            ),
        ];
        let all = polls
            .into_iter()
            .chain(timeouts("start", self.start_timeout_s))
            .chain(timeouts("stop", self.stop_timeout_s));
        for (what, value, least, most) in all {
            if !(least..=most).contains(&value) {
                return Err(format!(
                    "{what} must be {least} to {most} seconds, not {value}"
                ));
            }
        }
        let minutes = self.idle_timeout_minutes;
        if !(1..=10_080).contains(&minutes) {
            return Err(format!(
                "the idle timeout must be 1 to 10080 minutes, not {minutes}"
            ));
        }
        if let Some(price) = self.price_per_kwh
            && !(0.0..=100.0).contains(&price)
        {
            return Err(format!(
                "the price of a kilowatt-hour must be 0 to 100, not {price}"
            ));
        }
        let currency = &self.currency;
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(format!(
                "a currency is three capital letters such as EUR, not {currency:?}"
            ));
        }
        Ok(())
    }

    pub fn timeouts(&self) -> Timeouts {
        Timeouts {
            start: self.start_timeout_s,
            stop: self.stop_timeout_s,
        }
    }
}

/// What can be chosen in the window. What the host at hand cannot do is null, and is not offered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct SettingsView {
    pub start_at_login: Option<bool>,
    #[serde(flatten)]
    pub engine: EngineSettings,
    /// Of the tray and of notifications; null follows the system.
    pub language: Option<LanguageName>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub enum LanguageName {
    #[serde(rename = "en")]
    English,
    #[serde(rename = "fr")]
    French,
}

/// One setting with its new value.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "key", content = "value", rename_all = "snake_case")]
pub enum SettingChange {
    StartAtLogin(bool),
    PollWatchedS(u32),
    PollIdleS(u32),
    StartTimeoutS(KindSeconds),
    StopTimeoutS(KindSeconds),
    IdleTimeoutMinutes(u32),
    PricePerKwh(Option<f64>),
    Currency(String),
    Language(Option<LanguageName>),
}

impl SettingChange {
    /// The engine's settings with the change made, where it is one of theirs.
    pub fn applied_to(&self, now: EngineSettings) -> EngineSettings {
        match self {
            SettingChange::PollWatchedS(seconds) => EngineSettings {
                poll_watched_s: *seconds,
                ..now
            },
            SettingChange::PollIdleS(seconds) => EngineSettings {
                poll_idle_s: *seconds,
                ..now
            },
            SettingChange::StartTimeoutS(seconds) => EngineSettings {
                start_timeout_s: *seconds,
                ..now
            },
            SettingChange::StopTimeoutS(seconds) => EngineSettings {
                stop_timeout_s: *seconds,
                ..now
            },
            SettingChange::IdleTimeoutMinutes(minutes) => EngineSettings {
                idle_timeout_minutes: *minutes,
                ..now
            },
            SettingChange::PricePerKwh(price) => EngineSettings {
                price_per_kwh: *price,
                ..now
            },
            SettingChange::Currency(currency) => EngineSettings {
                currency: currency.clone(),
                ..now
            },
            SettingChange::StartAtLogin(_) | SettingChange::Language(_) => now,
        }
    }
}
