//! The socket, shared between tokio (readiness) and libssh2 (reading and writing).

use std::sync::Arc;
use tokio::net::TcpStream;

#[derive(Clone, Debug)]
pub(super) struct Socket(Arc<TcpStream>);

impl Socket {
    pub(super) fn new(tcp: TcpStream) -> Socket {
        Socket(Arc::new(tcp))
    }

    pub(super) fn tcp(&self) -> &TcpStream {
        &self.0
    }
}

impl std::ops::Deref for Socket {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.0
    }
}

#[cfg(unix)]
impl std::os::fd::AsRawFd for Socket {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsRawSocket for Socket {
    fn as_raw_socket(&self) -> std::os::windows::io::RawSocket {
        self.0.as_raw_socket()
    }
}
