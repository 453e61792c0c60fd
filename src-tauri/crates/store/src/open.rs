//! Opening a data directory: locked, checked, brought up to date, never overwritten.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::lock::Lock;
use crate::migrate::{self, APPLICATION_ID, KNOWN};
use crate::{Store, StoreError};

/// How long a call waits for another process that holds the database.
const BUSY: Duration = Duration::from_secs(5);

/// The log is cut back to this many bytes when it has grown beyond.
const LOG_LIMIT: i64 = 4 * 1024 * 1024;

/// Stands beside the database when damage was found in it.
const DAMAGED: &str = ".damaged";

/// Why there is no store. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// `None` where the operating system does not tell.
    #[error("{}", held(*.pid))]
    Held { pid: Option<u32> },
    #[error(
        "the database was written by a newer WakeHub (version {found} of its form, this one knows {known}): install that version or a later one"
    )]
    Newer { found: u32, known: u32 },
    #[error("no access to {}: {message}", .path.display())]
    Denied { path: PathBuf, message: String },
    #[error("the disk is full: {message} ({})", .path.display())]
    Full { path: PathBuf, message: String },
    #[error("{}: {message}", .path.display())]
    Io { path: PathBuf, message: String },
    #[error(transparent)]
    Store(StoreError),
}

fn held(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another WakeHub uses this data directory".to_owned(),
        |pid| format!("another WakeHub (process {pid}) uses this data directory"),
    )
}

/// What the user should be told although the store is open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OpenNotice {
    /// The database could not be read; it was kept under this name, and an empty one begun.
    SetAside { path: PathBuf, reason: String },
}

impl Store {
    /// Opens the data directory and the database in it, and makes them if they are not there. Only what is made here gets
    /// its access rights from here: the directory 0700, its files 0600.
    ///
    /// The homelab and its cascades are checked for damage each time. The journal, which may be large, is only when the
    /// last process did not close the database (its log is left) or [`Store::check`] found something.
    pub fn open(directory: &Path) -> Result<(Store, Vec<OpenNotice>), OpenError> {
        make_directory(directory)?;
        let lock = Lock::take(&directory.join("wakehub.lock"))?;
        let path = directory.join("wakehub.db");
        let mut notices = Vec::new();
        let (connection, homelab) = match open_database(&path) {
            Ok(opened) => opened,
            Err(Refused::Unreadable(reason)) => {
                let kept = set_aside(&path).map_err(|error| OpenError::io(&path, error))?;
                tracing::warn!(path = %kept.display(), reason, "database set aside");
                notices.push(OpenNotice::SetAside { path: kept, reason });
                open_database(&path).map_err(|refused| refused.into_error(&path))?
            }
            Err(Refused::Error(error)) => return Err(error),
        };
        // a new file's name is on the disk only when its directory is
        sync_directory(directory).map_err(|error| OpenError::io(directory, error))?;
        match fs::remove_file(beside(&path, DAMAGED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(OpenError::io(&path, error));
            }
            Ok(()) | Err(_) => {}
        }
        let store = Store {
            connection,
            _lock: lock,
            homelab,
            path,
        };
        Ok((store, notices))
    }

    /// Looks at every page, which takes as long as the journal is. What is [`StoreError::Corrupt`] is looked at again when
    /// the store is next opened, and set aside then.
    pub fn check(&self) -> Result<(), StoreError> {
        let verdict = check_all(&self.connection);
        if let Err(StoreError::Corrupt(_)) = &verdict {
            // without the mark the damage is found when it is next read
            let _ = private(OpenOptions::new().write(true).create(true))
                .truncate(true)
                .open(beside(&self.path, DAMAGED));
        }
        verdict
    }
}

impl Store {
    /// The homelab of a data directory that somebody else may be using: reads without taking the lock and without changing
    /// a byte of the database.
    pub fn read_graph(directory: &Path) -> Result<wakehub_domain::Graph, StoreError> {
        let path = directory.join("wakehub.db");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(BUSY)?;
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version != KNOWN {
            return Err(StoreError::unreadable(
                "the homelab",
                format!("its form is version {version}, this WakeHub reads version {KNOWN}"),
            ));
        }
        crate::table::nodes::read_graph(&connection)
    }
}

enum Refused {
    /// The content is at fault.
    Unreadable(String),
    /// Anything else: the content may be fine.
    Error(OpenError),
}

impl Refused {
    fn new(path: &Path, error: StoreError) -> Refused {
        let path = path.to_owned();
        match error {
            StoreError::Corrupt(message) => Refused::Unreadable(message),
            StoreError::Unreadable { message, .. } => Refused::Unreadable(message),
            StoreError::Full(message) => Refused::Error(OpenError::Full { path, message }),
            StoreError::ReadOnly(message) => Refused::Error(OpenError::Denied { path, message }),
            StoreError::Busy(_) | StoreError::OutOfOrder(_) | StoreError::Other(_) => {
                Refused::Error(OpenError::Store(error))
            }
        }
    }

    fn into_error(self, path: &Path) -> OpenError {
        match self {
            Refused::Error(error) => error,
            Refused::Unreadable(message) => OpenError::Io {
                path: path.to_owned(),
                message,
            },
        }
    }
}

impl OpenError {
    pub(crate) fn io(path: &Path, error: io::Error) -> OpenError {
        let (path, message) = (path.to_owned(), error.to_string());
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the standard library's enum is open"
        )]
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                OpenError::Denied { path, message }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                OpenError::Full { path, message }
            }
            _ => OpenError::Io { path, message },
        }
    }
}

fn open_database(path: &Path) -> Result<(Connection, String), Refused> {
    let io = |error| Refused::Error(OpenError::io(path, error));
    // made here rather than by SQLite, which would let the umask decide who may read it; the log takes over its rights
    private(OpenOptions::new().read(true).write(true).create(true))
        .truncate(false)
        .open(path)
        .map_err(io)?;
    if let Some(found) = header_version(path).map_err(io)?
        && found > KNOWN
    {
        return Err(Refused::Error(OpenError::Newer {
            found,
            known: KNOWN,
        }));
    }
    // SQLite removes the log of a database that is closed, and plays in one that was left as soon as it opens it
    let suspect = ["-wal", DAMAGED]
        .iter()
        .any(|suffix| beside(path, suffix).exists());
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|e| Refused::new(path, e.into()))?;
    let version = prepare(&mut connection).map_err(|e| Refused::new(path, e))?;
    if version > KNOWN {
        return Err(Refused::Error(OpenError::Newer {
            found: version,
            known: KNOWN,
        }));
    }
    let homelab = bring_up(&mut connection, version, suspect).map_err(|e| Refused::new(path, e))?;
    Ok((connection, homelab))
}

/// Reads the schema's version without changing a byte: the log may hold a newer one than the file's header.
fn prepare(connection: &mut Connection) -> Result<u32, StoreError> {
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    u32::try_from(version).map_err(|e| StoreError::unreadable("the version", e))
}

fn bring_up(
    connection: &mut Connection,
    version: u32,
    suspect: bool,
) -> Result<String, StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    check_ours(connection, version)?;
    match suspect {
        true => check_all(connection)?,
        false => check_tables(connection)?,
    }
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    // on macOS a plain fsync leaves the data in the drive's cache
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
    migrate::to_latest(connection)?;
    connection
        .query_row("SELECT id FROM homelab", [], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::unreadable("the homelab's id", "there is none"))
}

/// Refuses what is not ours.
fn check_ours(connection: &Connection, version: u32) -> Result<(), StoreError> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if version == 0 && tables == 0 {
        return Ok(());
    }
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if version == 0 || application != APPLICATION_ID {
        return Err(StoreError::Corrupt(
            "it is the database of another program".to_owned(),
        ));
    }
    Ok(())
}

fn check_all(connection: &Connection) -> Result<(), StoreError> {
    verdict(connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?)
}

/// All but the journal and its index.
fn check_tables(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare(
        "SELECT checked.quick_check FROM sqlite_schema AS s, pragma_quick_check(s.name) AS checked
         WHERE s.type = 'table' AND s.name NOT GLOB 'journal*' AND s.name NOT GLOB 'sqlite_*'
           AND checked.quick_check <> 'ok'",
    )?;
    let mut rows = statement.query([])?;
    match rows.next()? {
        Some(row) => verdict(row.get(0)?),
        None => Ok(()),
    }
}

fn verdict(verdict: String) -> Result<(), StoreError> {
    match verdict.as_str() {
        "ok" => Ok(()),
        _ => Err(StoreError::Corrupt(verdict)),
    }
}

/// The version in the header of the file, if that is a SQLite database. Bytes 60 to 63, big-endian
/// (<https://sqlite.org/fileformat2.html#the_database_header>).
fn header_version(path: &Path) -> io::Result<Option<u32>> {
    let mut header = Vec::with_capacity(100);
    File::open(path)?.take(100).read_to_end(&mut header)?;
    if !header.starts_with(b"SQLite format 3\0") {
        return Ok(None);
    }
    let Some(bytes) = header.get(60..64) else {
        return Ok(None);
    };
    Ok(bytes.try_into().ok().map(u32::from_be_bytes))
}

fn beside(base: &Path, suffix: &str) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Renames the database and what belongs to it to a name that is free.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let taken = |base: &Path| {
        ["", "-wal", "-shm"]
            .iter()
            .any(|suffix| beside(base, suffix).symlink_metadata().is_ok())
    };
    let kept = (1u32..)
        .map(|n| beside(path, &format!(".unreadable-{n}")))
        .find(|kept| !taken(kept))
        .ok_or_else(|| io::Error::other("no name is left"))?;
    // the log first: one that stayed behind would be played into the new database
    for suffix in ["-wal", "-shm", ""] {
        match fs::rename(beside(path, suffix), beside(&kept, suffix)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(directory) = path.parent() {
        sync_directory(directory)?;
    }
    Ok(kept)
}

#[cfg(unix)]
fn make_directory(path: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| OpenError::io(path, error))
}

#[cfg(not(unix))]
fn make_directory(path: &Path) -> Result<(), OpenError> {
    fs::create_dir_all(path).map_err(|error| OpenError::io(path, error))
}

#[cfg(unix)]
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

/// A user's own folders are private on Windows already.
#[cfg(not(unix))]
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Windows cannot flush a directory.
#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}
