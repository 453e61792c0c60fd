//! How the command ends: the exit status, and the words for it.

use serde_json::{Value, json};
use std::process::ExitCode;
use wakehub_view::wire::{CommandError, EntryError, RefusalView};

/// Exit status 0 done, 1 failed, 2 usage (clap's own), 3 refused.
pub enum Outcome {
    Done,
    Failed,
    Refused,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Refused => 3,
        })
    }
}

/// Why a command ends without having done what was asked.
#[derive(Debug)]
pub enum Failure {
    /// Exit status 3.
    Refused(RefusalView),
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
            Failure::Command(error) => Some(json!({ "error": error })),
            Failure::Other(error) => {
                Some(json!({ "error": { "kind": "other", "message": format!("{error:#}") } }))
            }
            Failure::Told => None,
        }
    }

    pub fn text(&self) -> Option<String> {
        match self {
            Failure::Refused(refusal) => Some(format!("refused: {}", refusal.message)),
            Failure::Command(CommandError::Entry { errors }) => Some(
                errors
                    .iter()
                    .map(entry_error)
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
            Failure::Command(CommandError::Failure { failure }) => Some(format!(
                "failed to {}: {}\n{}",
                failure.operation, failure.message, failure.advice
            )),
            Failure::Command(CommandError::Other { message }) => Some(message.clone()),
            Failure::Other(error) => Some(format!("{error:#}")),
            Failure::Told => None,
        }
    }

    pub fn outcome(&self) -> Outcome {
        match self {
            Failure::Refused(_) => Outcome::Refused,
            Failure::Command(_) | Failure::Other(_) | Failure::Told => Outcome::Failed,
        }
    }
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
