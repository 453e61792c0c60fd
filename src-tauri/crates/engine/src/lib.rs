//! The loop that keeps WakeHub's picture of the homelab and acts on it.
//!
//! [`Engine::start`] spawns the controller: one task, one closed event enum, all state in one place. Everybody else holds a
//! [`Handle`]: it sends requests and reads snapshots, and knows nothing of how they are made.

pub mod handle;
mod request;
pub mod secrets;

pub use handle::{Announcement, Attention, Handle};
pub use secrets::{SecretError, SecretKey, Secrets};
