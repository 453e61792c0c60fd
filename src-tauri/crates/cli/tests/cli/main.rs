//! The real `wakehub` command, run as a user runs it: its answers, its exit status, and what it leaves behind.

mod demo;
mod folder;
mod hold;
mod idle;
mod import;
mod journal;
mod judge;
#[cfg(target_os = "linux")]
mod keyring;
mod plan;
mod running;
mod wakehub;
mod why;
