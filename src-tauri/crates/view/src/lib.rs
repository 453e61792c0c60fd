//! Pure projections: what the window, the tray, notifications and the command line are shown.
//!
//! Nothing here does IO or knows a clock. [`wire`] holds the types that cross to the UI (their TypeScript is generated from
//! them), [`homelab`] the import and export format, [`journal`] the journal as a file, [`plan`] the plan as UI and `--json` show it, [`tray`] the tray's menu
//! and icon as functions of a snapshot, [`said`] what the engine says, [`notice`] what is the matter with WakeHub itself,
//! [`schedule`] what a schedule says while it is typed, [`text`] the sentences of tray and notifications, [`access`] who may reach the local API.

pub mod access;
pub mod advice;
pub mod homelab;
pub mod journal;
pub mod notice;
pub mod plan;
pub mod said;
pub mod savings;
pub mod schedule;
pub mod text;
pub mod tray;
pub mod until;
pub mod wire;
