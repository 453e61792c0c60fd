//! The local socket: in the data directory, for its user alone.

#[cfg(unix)]
#[path = "socket/unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "socket/windows.rs"]
mod platform;

pub(crate) use platform::{Listener, connect};
