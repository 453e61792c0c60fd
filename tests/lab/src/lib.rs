//! A real homelab on one machine: network namespaces joined by a bridge, real sshd, real Docker engines, a Proxmox API.
//!
//! [`Lab`] makes one and takes it away again when it is dropped, when its process is told to end, and, where neither came
//! to pass, when the next lab starts. Several can run at once, each in its own subnet. README.md says how it works.
//!
//! The lab has a thread and a runtime of its own: tests that pause tokio's time or block their thread do not disturb it.
#![cfg(target_os = "linux")]

mod cache;
mod docker;
mod event;
mod fault;
mod homelab;
mod http;
mod instance;
mod lab;
mod listener;
mod machine;
mod network;
mod prepare;
mod process;
pub mod proxmox;
mod toml;

pub use docker::IMAGE;
pub use event::{Event, Power, What};
pub use fault::Fault;
pub use homelab::{Container, Docker, DockerAccess, Homelab, Kind, Login, MORE, Machine, Role};
pub use lab::{Lab, Options};
pub use listener::{Carrier, MagicPacket};
pub use prepare::{ADMIN, Account, ROOT, VISITOR};
pub use proxmox::{GuestStatus, Proxmox};
pub use toml::NamedSecret;
