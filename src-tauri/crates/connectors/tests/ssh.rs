//! SSH against real OpenSSH servers on loopback.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where and fails"
)]

#[path = "ssh/faults.rs"]
mod faults;
#[path = "ssh/login.rs"]
mod login;
#[path = "network/namespace.rs"]
#[expect(dead_code, reason = "each test program uses its own part")]
mod namespace;
#[path = "ssh/power.rs"]
mod power;
#[path = "ssh/quiet.rs"]
mod quiet;
#[path = "ssh/sample.rs"]
mod sample;
#[path = "ssh/session.rs"]
mod session;
#[path = "ssh/sshd.rs"]
mod sshd;
#[path = "ssh/trust.rs"]
mod trust;
