//! A named pipe. Its name is random and stands in the data directory, so that nobody who cannot read that can take the
//! name first; the default rights let only the user, administrators and the system write to it.

use rand::RngExt;
use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::windows::named_pipe::{
    ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions,
};

const FILE: &str = "wakehub.pipe";
/// ERROR_PIPE_BUSY: every instance has its client, the next is about to be made.
const BUSY: i32 = 231;

pub(crate) struct Listener {
    next: NamedPipeServer,
    name: String,
    file: PathBuf,
}

impl Listener {
    /// To be called by whoever holds the directory's lock.
    pub fn bind(data_dir: &Path) -> Result<Listener> {
        let name = format!(r"\\.\pipe\wakehub-{:032x}", rand::rng().random::<u128>());
        let next = ServerOptions::new()
            .first_pipe_instance(true)
            .reject_remote_clients(true)
            .create(&name)?;
        let file = data_dir.join(FILE);
        fs::write(&file, &name)?;
        Ok(Listener { next, name, file })
    }

    pub async fn accept(&mut self) -> Result<NamedPipeServer> {
        self.next.connect().await?;
        let next = ServerOptions::new()
            .reject_remote_clients(true)
            .create(&self.name)?;
        Ok(std::mem::replace(&mut self.next, next))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

pub(crate) async fn connect(data_dir: &Path) -> Result<NamedPipeClient> {
    let name = fs::read_to_string(data_dir.join(FILE))?;
    if !name.starts_with(r"\\.\pipe\wakehub-") {
        return Err(Error::new(ErrorKind::InvalidData, "no name of a pipe"));
    }
    for _ in 0..100 {
        match ClientOptions::new().open(&name) {
            Ok(client) => return Ok(client),
            Err(error) if error.raw_os_error() == Some(BUSY) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(ErrorKind::TimedOut, "the pipe is busy"))
}
