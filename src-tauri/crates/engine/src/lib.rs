//! The loop that keeps WakeHub's picture of the homelab and acts on it.
//!
//! [`start`] opens the data directory and spawns the controller: one task, one closed event enum, all state in one place.
//! Everybody else holds a [`Handle`]: it sends requests and reads snapshots, and knows nothing of how they are made.

mod beliefs;
mod clock;
mod controller;
mod event;
mod executor;
mod handle;
mod links;
mod poll;
mod probing;
mod real;
mod request;
mod secrets;
mod start;
mod storage;
mod world;

pub use clock::{Clock, SystemClock};
pub use handle::{Announcement, Attention, Handle, MOST_AT_ONCE};
pub use real::RealWorld;
pub use secrets::{SecretError, SecretKey, SecretOf, Secrets};
pub use start::{Options, StartError, start};
pub use wakehub_connectors::docker::NOT_LOGGED;
pub use wakehub_store::SettingKey;
pub use world::{Accepted, ConnectionSpec, ProberSpec, World};
