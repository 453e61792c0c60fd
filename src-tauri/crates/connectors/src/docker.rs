//! Docker engines over TCP, TLS, SSH and a local socket.
