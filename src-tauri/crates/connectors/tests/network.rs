//! What is seen of machines, and what wakes them, on networks made for each test.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where and fails"
)]

#[path = "network/look.rs"]
mod look;
#[path = "network/namespace.rs"]
mod namespace;
#[path = "network/scan.rs"]
mod scan;
#[path = "network/wake.rs"]
mod wake;
