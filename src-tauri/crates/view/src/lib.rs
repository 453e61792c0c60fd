//! Pure projections: what the window, the tray, notifications and the command line are shown.
//!
//! Nothing here does IO or knows a clock. [`wire`] holds the types that cross to the UI (their TypeScript is generated from
//! them), [`homelab`] the import and export format, [`journal`] the journal as a file, [`plan`] the plan as UI and `--json` show it, [`tray`] the tray's menu
//! and icon as functions of a snapshot, [`text`] the sentences, [`access`] who may reach the local API.

pub mod access;
pub mod advice;
pub mod homelab;
pub mod journal;
pub mod plan;
pub mod text;
pub mod tray;
pub mod wire;
