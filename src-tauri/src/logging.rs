//! The log: a few files of bounded size in the data directory. What is a secret has no `Display` and an empty `Debug`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use wakehub_engine::NOT_LOGGED;

/// Bytes after which a new file is begun.
const LARGEST: u64 = 1024 * 1024;
/// `wakehub.log`, `wakehub.1.log`, …, the last one the oldest.
const FILES: usize = 4;
/// A filter as tracing-subscriber reads it: `debug`, `wakehub_engine=trace`.
const FILTER: &str = "WAKEHUB_LOG";

/// Without a log the program works all the same, so the caller only says that there is none.
pub(crate) fn begin(data_dir: &Path) -> io::Result<()> {
    let writer = Rotating::open(data_dir.join("logs"), LARGEST)?;
    let filter = EnvFilter::try_from_env(FILTER)
        .unwrap_or_else(|_| EnvFilter::new("info"))
        .add_directive(NOT_LOGGED.parse().map_err(io::Error::other)?);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(writer)
        .try_init()
        .map_err(io::Error::other)
}

struct Rotating(Mutex<Open>);

struct Open {
    directory: PathBuf,
    largest: u64,
    file: File,
    written: u64,
}

impl Rotating {
    fn open(directory: PathBuf, largest: u64) -> io::Result<Rotating> {
        fs::create_dir_all(&directory)?;
        let file = append(&path(&directory, 0))?;
        let written = file.metadata()?.len();
        Ok(Rotating(Mutex::new(Open {
            directory,
            largest,
            file,
            written,
        })))
    }
}

impl Open {
    fn rotate(&mut self) -> io::Result<()> {
        for number in (0..FILES - 1).rev() {
            let from = path(&self.directory, number);
            if from.exists() {
                fs::rename(from, path(&self.directory, number + 1))?;
            }
        }
        self.file = append(&path(&self.directory, 0))?;
        self.written = 0;
        Ok(())
    }
}

fn path(directory: &Path, number: usize) -> PathBuf {
    match number {
        0 => directory.join("wakehub.log"),
        number => directory.join(format!("wakehub.{number}.log")),
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl<'a> MakeWriter<'a> for Rotating {
    type Writer = &'a Rotating;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Rotating {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.written > 0 && open.written + line.len() as u64 > open.largest {
            open.rotate()?;
        }
        let written = open.file.write(line)?;
        open.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .file
            .flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn files_are_few_and_small_and_the_newest_lines_stay() {
        let directory = TempDir::new().unwrap();
        for begun in 0..2 {
            let log = Rotating::open(directory.path().join("logs"), 100).unwrap();
            for line in 0..50 {
                writeln!(&log, "{begun} line {line:03} ....").unwrap();
            }
        }
        let mut files: Vec<_> = fs::read_dir(directory.path().join("logs"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert_eq!(files.len(), FILES);
        assert!(
            files
                .iter()
                .all(|file| fs::metadata(file).unwrap().len() <= 100)
        );
        let newest = fs::read_to_string(directory.path().join("logs/wakehub.log")).unwrap();
        assert!(newest.ends_with("1 line 049 ....\n"), "{newest}");
    }
}
