//! One file per table, with its rows and queries. The tables themselves are made in migrations/.

pub(crate) mod cascades;
pub(crate) mod discovered;
pub(crate) mod holds;
pub(crate) mod journal;
pub(crate) mod nodes;
pub(crate) mod questions;
pub(crate) mod settings;
pub(crate) mod spans;
pub(crate) mod states;
pub(crate) mod trust;
