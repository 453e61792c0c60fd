//! What libssh2 and the network say, as errors that a person can act on.

use ssh2::ErrorCode;
use std::fmt::Display;
use std::io;
use std::time::Duration;
use wakehub_domain::{ConnectorError, ErrorKind};

// libssh2.h
const BANNER_RECV: i32 = -2;
const KEX_FAILURE: i32 = -5;
const SOCKET_SEND: i32 = -7;
const KEY_EXCHANGE_FAILURE: i32 = -8;
const TIMEOUT: i32 = -9;
const SOCKET_DISCONNECT: i32 = -13;
const FILE: i32 = -16;
const AUTHENTICATION_FAILED: i32 = -18;
const PUBLICKEY_UNVERIFIED: i32 = -19;
const SOCKET_TIMEOUT: i32 = -30;
const SOCKET_RECV: i32 = -43;

fn code(error: &ssh2::Error) -> i32 {
    match error.code() {
        ErrorCode::Session(code) | ErrorCode::SFTP(code) => code,
    }
}

pub(super) fn is_refusal(error: &ssh2::Error) -> bool {
    matches!(code(error), AUTHENTICATION_FAILED | PUBLICKEY_UNVERIFIED) && !is_cut_off(error)
}

/// libssh2 gives a connection that ends within a key login the code of a refusal; its words tell them apart.
fn is_cut_off(error: &ssh2::Error) -> bool {
    code(error) == PUBLICKEY_UNVERIFIED && error.message().starts_with("Waiting for")
}

/// A key file that cannot be read or decrypted.
pub(super) fn is_file_error(error: &ssh2::Error) -> bool {
    code(error) == FILE
}

pub(super) fn is_lost(error: &ssh2::Error) -> bool {
    matches!(
        code(error),
        SOCKET_SEND | SOCKET_DISCONNECT | SOCKET_RECV | TIMEOUT | SOCKET_TIMEOUT
    ) || is_cut_off(error)
}

/// Of the handshake or the login.
pub(super) fn session(operation: impl Into<String>, error: &ssh2::Error) -> ConnectorError {
    let words = error.message();
    let (kind, message) = match code(error) {
        TIMEOUT | SOCKET_TIMEOUT => return silent(operation),
        SOCKET_DISCONNECT | SOCKET_RECV | SOCKET_SEND | PUBLICKEY_UNVERIFIED => (
            ErrorKind::Unreachable,
            format!("the server closed the connection ({words})"),
        ),
        BANNER_RECV => (
            ErrorKind::Protocol,
            format!("no SSH server answers there ({words})"),
        ),
        // The same code for a connection that breaks in the middle and for two sides that have no method in common.
        KEX_FAILURE | KEY_EXCHANGE_FAILURE => (
            ErrorKind::Protocol,
            format!(
                "the key exchange failed: the connection broke, or there is no common key exchange, cipher or host key \
                 type ({words})"
            ),
        ),
        other => (ErrorKind::Protocol, format!("{words} (libssh2 {other})")),
    };
    ConnectorError::new(kind, operation, message)
}

pub(super) fn silent(operation: impl Into<String>) -> ConnectorError {
    let message = "it accepts the connection, but its SSH server does not answer";
    ConnectorError::new(ErrorKind::TimedOut, operation, message)
}

/// Of the TCP connection.
pub(super) fn connect(operation: impl Into<String>, error: &io::Error) -> ConnectorError {
    let kind = match error.kind() == io::ErrorKind::TimedOut {
        true => ErrorKind::TimedOut,
        false => ErrorKind::Unreachable,
    };
    ConnectorError::new(kind, operation, plain(error))
}

pub(super) fn timed_out(operation: impl Into<String>, limit: Duration) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::TimedOut,
        operation,
        format!("no answer within {} s", limit.as_secs_f32()),
    )
}

pub(super) fn lost(operation: impl Into<String>, reason: impl Display) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Unreachable,
        operation,
        format!("the connection was lost: {reason}"),
    )
}

/// The system's words without `(os error 111)`.
fn plain(error: &io::Error) -> String {
    let words = error.to_string();
    let words = words.split(" (os error").next().unwrap_or(&words);
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => words.to_owned(),
    }
}
