//! A Unix socket of mode 0600, whose every client is asked by the kernel who it is.

use std::fs::{self, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

const NAME: &str = "wakehub.sock";
/// `sun_path` of the smallest platform (macOS, 104 bytes with its end).
const LONGEST: usize = 103;

pub(crate) struct Listener {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
    owner: u32,
}

impl Listener {
    /// Takes the place of a socket that a WakeHub before left behind. To be called by whoever holds the directory's lock.
    pub fn bind(data_dir: &Path) -> Result<Listener> {
        let path = data_dir.join(NAME);
        let new = data_dir.join("wakehub.sock.new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = within(data_dir, "wakehub.sock.new", |short| {
            UnixListener::bind(short)
        })?;
        // nobody finds it before it is closed to others: it is put in its place only then
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        fs::rename(&new, &path)?;
        Ok(Listener {
            listener,
            inode: fs::metadata(&path)?.ino(),
            path,
            owner: rustix::process::geteuid().as_raw(),
        })
    }

    /// The next client that is the user who runs WakeHub; others are turned away.
    pub async fn accept(&mut self) -> Result<UnixStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            match stream.peer_cred() {
                Ok(peer) if peer.uid() == self.owner => return Ok(stream),
                Ok(peer) => tracing::warn!(uid = peer.uid(), "another user was turned away"),
                Err(error) => tracing::warn!(%error, "a client without a user was turned away"),
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // a WakeHub that has started since has put its own there
        let is_ours = fs::metadata(&self.path).is_ok_and(|there| there.ino() == self.inode);
        if is_ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

pub(crate) async fn connect(data_dir: &Path) -> Result<UnixStream> {
    let stream = within(data_dir, NAME, |path| {
        std::os::unix::net::UnixStream::connect(path)
    })?;
    stream.set_nonblocking(true)?;
    let stream = UnixStream::from_std(stream)?;
    // a command must not tell its secrets to another user's program
    if stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw() {
        Ok(stream)
    } else {
        Err(Error::new(
            ErrorKind::PermissionDenied,
            "the socket in the data directory is another user's",
        ))
    }
}

/// A path that is too long for a socket is taken by way of its directory's open file, which Linux has a short name for.
fn within<T>(directory: &Path, name: &str, act: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let path = directory.join(name);
    if path.as_os_str().len() <= LONGEST {
        return act(&path);
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        let open = fs::File::open(directory)?;
        act(&Path::new("/proc/self/fd")
            .join(open.as_raw_fd().to_string())
            .join(name))
    }
    #[cfg(not(target_os = "linux"))]
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!("the path {} is too long for a socket", path.display()),
    ))
}
