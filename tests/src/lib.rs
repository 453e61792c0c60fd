//! Tests that no single crate owns; see the files beside this folder.
