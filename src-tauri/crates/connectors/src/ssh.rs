//! SSH hosts: sessions kept and reused, commands, streams, shutdown.
//!
//! [`SshHost`] keeps one session to a host; a task owns it (`driver`) and bridges every channel to an [`SshStream`].
//! [`SshConnector`] shuts the machine down through it. libssh2 checks no host key by itself: `trust` does, before any
//! secret is sent.

mod auth;
mod bridge;
mod check;
mod config;
mod connector;
mod driver;
mod fault;
mod fd;
mod host;
mod known_hosts;
mod parse;
mod sample;
mod session;
mod shell;
mod stream;
mod traffic;
mod trust;

pub use config::{AcceptedKey, SshEndpoint, SshLogin, Timing, default_known_hosts, endpoint_name};
pub use connector::SshConnector;
pub use host::{Output, SshHost};
pub use stream::{Exit, SshStream};
