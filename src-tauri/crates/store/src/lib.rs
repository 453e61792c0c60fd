//! WakeHub's SQLite database, and the only place that writes SQL.
//!
//! A [`Store`] is one open data directory: `wakehub.lock`, held for as long as the store lives so that there is one writer,
//! and `wakehub.db`. The calls are synchronous and meant for one blocking thread. No table has a column for a secret: those
//! stay in the operating system's keyring, under names made from [`Store::homelab_id`].
//!
//! What a call has answered survives a power cut: the database runs in WAL mode with `synchronous = FULL`, which flushes
//! the log to the disk at every commit. With `NORMAL` the last commits may be lost, and a cascade's step could have run
//! without a trace of its beginning. WakeHub writes a few rows a minute, so the flush (milliseconds) costs nothing that is
//! felt.

mod error;
mod lock;
mod migrate;
mod open;
mod row;
mod table;
#[cfg(test)]
mod tests;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};

pub use error::StoreError;
pub use open::{OpenError, OpenNotice};
pub use table::cascades::{
    BeginError, CascadeRecord, Outcome, StepOutcome, StepRecord, StepStatus,
};
pub use table::discovered::{DiscoveredGuest, Discovery, SeenGuest};
pub use table::holds::Hold;
pub use table::journal::{JOURNAL_PAGE, JournalEntry, JournalFilter, JournalRecord};
pub use table::nodes::{EditError, Edited, NodeChange, PROVISIONAL};
pub use table::questions::{NewQuestion, Question};
pub use table::settings::SettingKey;
pub use table::trust::Accepted;

/// One open data directory.
#[derive(Debug)]
pub struct Store {
    // before the lock: fields are dropped in this order, and the lock must be the last to go
    connection: Connection,
    _lock: lock::Lock,
    homelab: String,
    path: PathBuf,
}

impl Store {
    /// A random id, made with the database, by which the keyring entries of this homelab are told from those of another.
    pub fn homelab_id(&self) -> &str {
        &self.homelab
    }

    /// Of the database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Immediate, so that what is read at its beginning cannot change before it writes.
    fn write(&mut self) -> Result<Transaction<'_>, StoreError> {
        Ok(self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}
