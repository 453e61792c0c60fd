//! What is the matter with WakeHub itself: the database, the keyring, the tray.

use crate::said::Said;
use crate::wire::{Notice, Severity};

/// The name of a notice, by which it replaces an older one and is taken down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Code {
    EngineFailed,
    Database,
    DiskFull,
    DatabaseDamaged,
    DatabaseSetAside,
    /// A secret could not be read.
    Keyring,
    KeyringLocked,
    NoKeyring,
    NoTray,
    /// The local API could not be opened, in whole or over TCP.
    ApiFailed,
    /// What the window is drawn by ended under it.
    Window,
    /// What is shown is the demo.
    Demo,
}

impl Code {
    pub fn as_str(self) -> &'static str {
        match self {
            Code::EngineFailed => "engine_failed",
            Code::Database => "database",
            Code::DiskFull => "disk_full",
            Code::DatabaseDamaged => "database_damaged",
            Code::DatabaseSetAside => "database_set_aside",
            Code::Keyring => "keyring",
            Code::KeyringLocked => "keyring_locked",
            Code::NoKeyring => "no_keyring",
            Code::NoTray => "no_tray",
            Code::ApiFailed => "api_failed",
            Code::Window => "window",
            Code::Demo => "demo",
        }
    }

    pub fn severity(self) -> Severity {
        match self {
            Code::EngineFailed
            | Code::Database
            | Code::DiskFull
            | Code::DatabaseDamaged
            | Code::DatabaseSetAside => Severity::Critical,
            Code::Keyring
            | Code::KeyringLocked
            | Code::NoKeyring
            | Code::NoTray
            | Code::ApiFailed
            | Code::Window => Severity::Warning,
            Code::Demo => Severity::Remark,
        }
    }

    pub fn notice(self, said: Said<'_>) -> Notice {
        Notice {
            severity: self.severity(),
            code: self.as_str().to_owned(),
            message: said.to_string(),
        }
    }
}
