//! Reads what Proxmox answers. Pure, and lenient: Perl sends numbers as strings and booleans as 0 and 1, and what is
//! unknown or missing must not take the rest with it.

mod figures;
mod guest_config;
mod guests;
mod permissions;
mod tasks;
#[cfg(test)]
mod tests;
mod work;

pub(super) use figures::past;
pub(super) use guest_config::{GuestConfig, guest_config, interfaces};
pub(super) use guests::{Current, Guest, Resources, current, resources};
pub(super) use permissions::{Permissions, permissions};
pub(super) use tasks::{TaskState, Upid, last_words, running_tasks, task_state, upid};
pub(super) use work::{Task, breaks, lock_in_words, tasks_at_work};

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use wakehub_domain::Secret;

/// Why a body with status 200 is not an answer of Proxmox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotTheApi {
    NotJson,
    NoData,
}

/// Unwraps `{"data": …}`.
pub(super) fn data(body: &[u8]) -> Result<Value, NotTheApi> {
    let mut answer: Value = serde_json::from_slice(body).map_err(|_| NotTheApi::NotJson)?;
    answer
        .get_mut("data")
        .map(Value::take)
        .ok_or(NotTheApi::NoData)
}

pub(super) enum Login {
    Granted { ticket: Secret, csrf: Secret },
    NeedsSecondFactor,
}

pub(super) fn ticket(body: &[u8]) -> Result<Login, NotTheApi> {
    let data = data(body)?;
    if flag(&data, "NeedTFA") {
        return Ok(Login::NeedsSecondFactor);
    }
    match (text(&data, "ticket"), text(&data, "CSRFPreventionToken")) {
        // Old second factors came as a ticket that is none.
        (Some(ticket), _) if ticket.starts_with("PVE:!tfa!") => Ok(Login::NeedsSecondFactor),
        (Some(ticket), Some(csrf)) => Ok(Login::Granted {
            ticket: Secret::new(ticket),
            csrf: Secret::new(csrf),
        }),
        _ => Err(NotTheApi::NoData),
    }
}

/// What an answer of 400 and above says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    message: String,
    /// By parameter.
    errors: BTreeMap<String, String>,
}

/// Proxmox 9 writes the message into the body, 8 into the reason phrase of the status line only; both add `errors`.
pub(super) fn refusal(body: &[u8], reason: &str) -> Refusal {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut errors = BTreeMap::new();
    if let Some(Value::Object(given)) = answer.get("errors") {
        for (parameter, error) in given {
            if let Some(error) = as_text(error) {
                errors.insert(one_line(parameter), one_line(&error));
            }
        }
    }
    let message = text(&answer, "message").unwrap_or_default();
    let message = one_line(if message.trim().is_empty() {
        reason
    } else {
        &message
    });
    Refusal { message, errors }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (index, (parameter, error)) in self.errors.iter().enumerate() {
            let separator = match (index, self.message.is_empty()) {
                (0, true) => "",
                (0, false) => " ",
                _ => "; ",
            };
            write!(f, "{separator}{parameter}: {error}")?;
        }
        Ok(())
    }
}

/// `GET /version`: `9.0.10`.
pub(super) fn version(data: &Value) -> Option<(u32, String)> {
    let version = one_line(&text(data, "version")?);
    let major = version.split(['.', '-']).next()?.parse().ok()?;
    Some((major, version))
}

/// The elements of a list; of anything else none.
fn rows(data: &Value) -> &[Value] {
    data.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(row: &Value, key: &str) -> Option<String> {
    row.get(key).and_then(as_text)
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("1".to_owned()),
        Value::Bool(false) => Some("0".to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(row: &Value, key: &str) -> Option<f64> {
    let number: f64 = text(row, key)?.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

fn integer(row: &Value, key: &str) -> Option<i64> {
    text(row, key)?.trim().parse().ok()
}

fn flag(row: &Value, key: &str) -> bool {
    matches!(text(row, key).as_deref(), Some("1" | "true" | "yes" | "on"))
}

/// Messages end in line breaks, and log lines may hold escape sequences.
fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
