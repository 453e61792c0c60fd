//! The real `wakehub` command, run as a user runs it: its answers, its exit status, and what it leaves behind.

mod demo;
mod folder;
mod hold;
mod import;
mod journal;
#[cfg(target_os = "linux")]
mod judge;
mod keyring;
mod plan;
mod running;
mod wakehub;
