//! The store, on real files.

mod basics;
mod fixture;
mod full_disk;
mod journal;
mod killed;
mod migrations;
mod opening;
mod properties;
mod spans;
