//! What the API says beyond the engine's own types.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wakehub_domain::{NodeId, QuestionId, SecretName, Timestamp};
use wakehub_view::access::Right;
use wakehub_view::homelab::NodeEntry;
use wakehub_view::wire::{
    Answer, CascadeView, CheckView, CommandError, FoundAddress, JournalQuery, NodeView, Notice,
    QuestionView, SecretEntry, Snapshot,
};

/// Who answers. A program that finds this at `/api` has found WakeHub.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct About {
    /// Always `WakeHub`.
    pub name: String,
    pub version: String,
    /// Made anew at every start: revisions of another run do not compare.
    pub run: String,
    pub pid: u32,
}

/// Every answer that is not 2xx.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ErrorAnswer {
    /// In the engine's own words.
    pub error: CommandError,
    /// `unauthorised`, `forbidden`, `not_found`, `too_large`, `too_many`, `unavailable`, `invalid`, `failed`, …
    pub code: String,
    /// What to do next, where there is more to say than the error does.
    #[serde(default)]
    pub advice: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HealthAnswer {
    pub status: HealthStatus,
    pub version: String,
    /// What is wrong; only with a token or over the socket.
    pub issues: Vec<Notice>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    Ok,
    Unwell,
}

/// About the computer that WakeHub runs on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PlatformAnswer {
    pub version: String,
    pub tray: bool,
    pub keyring: bool,
    pub data_dir: String,
    /// What is shown is the demo homelab.
    pub demo: bool,
    /// What whoever asks may do.
    pub right: Right,
}

#[derive(Clone, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StartBody {
    /// Wait for a cascade that is in the way instead of being refused.
    pub queue: bool,
}

#[derive(Clone, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StopBody {
    /// Stop what depends on it first, instead of being refused.
    pub with_dependants: bool,
    /// Wait for a cascade that is in the way instead of being refused.
    pub queue: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PinBody {
    pub pinned: bool,
}

/// `{"for": {"seconds": 7200}}` (with `"then_stop": true` it is stopped automatically after them), `{"until": 1767225600000}` or `"nothing"`, which releases it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldBody {
    For {
        seconds: u64,
        #[serde(default)]
        then_stop: bool,
    },
    Until(Timestamp),
    Nothing,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseBody {
    /// Null ends the pause.
    pub until: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerBody {
    pub answer: Answer,
}

/// A node with the secrets that were typed with it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeBody {
    pub entry: NodeEntry,
    #[serde(default)]
    pub secrets: Vec<SecretEntry>,
}

/// Their secrets follow one by one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchBody {
    pub entries: Vec<NodeEntry>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestBody {
    /// Whose kept secrets stand in for those that are not typed.
    #[serde(default)]
    pub node: Option<NodeId>,
    pub entry: NodeEntry,
    #[serde(default)]
    pub secrets: Vec<SecretEntry>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SavedNode {
    pub node: NodeId,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DiscoveredAnswer {
    /// Guests that wait to be configured.
    pub to_configure: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SecretsAnswer {
    pub present: Vec<SecretName>,
}

/// A line of a connection test: a check as it ends, and at last how it came out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestLine {
    Check(CheckView),
    Done(Vec<CheckView>),
    Error(CommandError),
}

#[derive(Clone, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScanBody {
    /// Also send an echo request to each address of the own network.
    pub sweep: bool,
}

/// A line of a scan: an address as it is found, again when more is known of it, and at last how it ended.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScanLine {
    Found(FoundAddress),
    Done,
    Error(CommandError),
}

/// What a WebSocket client is told. Told by `kind`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The first message: who answers.
    Hello {
        about: About,
    },
    /// Everything, as it is now. Replaces the snapshot before; a slow client misses some, never the newest.
    Snapshot {
        snapshot: Arc<Snapshot>,
    },
    /// A node that has changed, or all that are asked for at the beginning.
    Node {
        node: NodeView,
    },
    /// A node that was removed.
    Removed {
        node: NodeId,
    },
    /// A cascade that has begun or got further.
    Cascade {
        cascade: CascadeView,
    },
    /// A cascade that ended.
    Ended {
        cascade: CascadeView,
    },
    Asked {
        question: QuestionView,
    },
    /// Answered, here or elsewhere, or no longer to be asked.
    Settled {
        question: QuestionId,
    },
    /// The service of a node that has just started.
    OpenUrl {
        node: NodeId,
        url: String,
    },
    /// The client was too slow for so many announcements. The snapshot says where things stand.
    Missed {
        announcements: u64,
    },
}

/// The kinds of [`Event`] that a client can choose from.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Snapshot,
    Node,
    Cascade,
    Ended,
    Asked,
    Settled,
    OpenUrl,
}

impl EventKind {
    pub const ALL: [EventKind; 7] = [
        EventKind::Snapshot,
        EventKind::Node,
        EventKind::Cascade,
        EventKind::Ended,
        EventKind::Asked,
        EventKind::Settled,
        EventKind::OpenUrl,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Snapshot => "snapshot",
            EventKind::Node => "node",
            EventKind::Cascade => "cascade",
            EventKind::Ended => "ended",
            EventKind::Asked => "asked",
            EventKind::Settled => "settled",
            EventKind::OpenUrl => "open_url",
        }
    }
}

/// For the client's side: `JournalQuery` as the words of a query.
pub(crate) fn journal_words(query: &JournalQuery) -> Result<String, serde_json::Error> {
    let serde_json::Value::Object(fields) = serde_json::to_value(query)? else {
        return Ok(String::new());
    };
    let words = fields.iter().filter_map(|(name, value)| {
        let text = match value {
            serde_json::Value::Null => return None,
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(words) if words.is_empty() => return None,
            serde_json::Value::Array(words) => words
                .iter()
                .filter_map(serde_json::Value::as_str)
                .collect::<Vec<_>>()
                .join(","),
            serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::Object(_) => value.to_string(),
        };
        Some(format!("{name}={}", crate::url::encode(&text)))
    });
    Ok(words.collect::<Vec<_>>().join("&"))
}
