//! Why the database refused.

use rusqlite::ffi;

/// The text in each variant is SQLite's own. Nothing was written, and what was there can still be read (unless
/// [`StoreError::Corrupt`]).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the disk is full: {0}")]
    Full(String),
    /// Another process (a backup, a database browser) holds the database for longer than we wait.
    #[error("the database is in use by another program: {0}")]
    Busy(String),
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    #[error("the database cannot be written: {0}")]
    ReadOnly(String),
    /// A row that this version cannot understand.
    #[error("{what} cannot be read from the database: {message}")]
    Unreadable { what: String, message: String },
    /// What was to be written does not follow from what is there: ending a step that has not begun, for example.
    #[error("{0}")]
    OutOfOrder(String),
    #[error("the database failed: {0}")]
    Other(String),
}

impl StoreError {
    pub(crate) fn unreadable(
        what: impl Into<String>,
        message: impl std::fmt::Display,
    ) -> StoreError {
        StoreError::Unreadable {
            what: what.into(),
            message: message.to_string(),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        let message = error.to_string();
        let Some(code) = error.sqlite_error().map(|e| e.extended_code) else {
            return StoreError::Other(message);
        };
        // the shared memory of the log cannot grow: only ever for want of space
        if code == ffi::SQLITE_IOERR_SHMSIZE {
            return StoreError::Full(message);
        }
        match code & 0xff {
            ffi::SQLITE_FULL => StoreError::Full(message),
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => StoreError::Busy(message),
            ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => StoreError::Corrupt(message),
            ffi::SQLITE_READONLY | ffi::SQLITE_PERM | ffi::SQLITE_CANTOPEN | ffi::SQLITE_AUTH => {
                StoreError::ReadOnly(message)
            }
            _ => StoreError::Other(message),
        }
    }
}
