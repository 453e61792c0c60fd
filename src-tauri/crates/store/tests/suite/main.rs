//! The store, on real files.

mod basics;
mod common;
mod full_disk;
mod journal;
mod killed;
mod migrations;
mod opening;
mod properties;
