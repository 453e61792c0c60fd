//! How the command ends: the exit status, and the words for it.

use serde_json::{Value, json};
use std::process::ExitCode;
use wakehub_view::wire::{CommandError, EntryError, RefusalView};

/// Exit status 0 done, 1 failed, 2 usage (clap's own, too), 3 refused.
pub enum Outcome {
    Done,
    Failed,
    Usage,
    Refused,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Usage => 2,
            Outcome::Refused => 3,
        })
    }
}

/// Why a command ends without having done what was asked.
#[derive(Debug)]
pub enum Failure {
    /// Exit status 3.
    Refused(RefusalView),
    /// What was typed names nothing that exists. Exit status 2.
    Usage(anyhow::Error),
    Command(CommandError),
    Other(anyhow::Error),
    /// The answer has been printed; only the status is left. Exit status 1.
    Told,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Other(error)
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Failure {
        Failure::Command(error)
    }
}

impl Failure {
    pub fn json(&self) -> Option<Value> {
        match self {
            Failure::Refused(refusal) => Some(wakehub_view::plan::refusal_json(refusal)),
            // an import with mistakes is refused as a whole, and each mistake is told
            Failure::Command(CommandError::Entry { errors }) => Some(json!({ "refused": {
                "node": null,
                "kind": "invalid",
                "by": [],
                "message": entry_errors(errors),
                "errors": errors,
            }})),
            Failure::Command(error) => Some(json!({ "error": error })),
            Failure::Usage(error) => {
                Some(json!({ "error": { "kind": "usage", "message": format!("{error:#}") } }))
            }
            Failure::Other(error) => {
                Some(json!({ "error": { "kind": "other", "message": format!("{error:#}") } }))
            }
            Failure::Told => None,
        }
    }

    pub fn text(&self) -> Option<String> {
        match self {
            Failure::Refused(refusal) => Some(format!("refused: {}", refusal.message)),
            Failure::Command(CommandError::Entry { errors }) => {
                Some(format!("refused: {}", entry_errors(errors)))
            }
            Failure::Command(CommandError::Failure { failure }) => Some(format!(
                "failed to {}: {}\n{}",
                failure.operation, failure.message, failure.advice
            )),
            Failure::Command(CommandError::Other { message }) => Some(message.clone()),
            Failure::Usage(error) | Failure::Other(error) => Some(format!("{error:#}")),
            Failure::Told => None,
        }
    }

    pub fn outcome(&self) -> Outcome {
        match self {
            Failure::Refused(_) | Failure::Command(CommandError::Entry { .. }) => Outcome::Refused,
            Failure::Usage(_) => Outcome::Usage,
            Failure::Command(_) | Failure::Other(_) | Failure::Told => Outcome::Failed,
        }
    }
}

fn entry_errors(errors: &[EntryError]) -> String {
    let lines: Vec<_> = errors.iter().map(entry_error).collect();
    lines.join("\n")
}

fn entry_error(error: &EntryError) -> String {
    let line = error
        .line
        .map(|line| format!("line {line}: "))
        .unwrap_or_default();
    let field = error
        .field
        .as_ref()
        .map(|field| format!("{field}: "))
        .unwrap_or_default();
    format!("{line}{field}{}", error.message)
}
