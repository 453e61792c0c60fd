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
#[path = "ssh/power.rs"]
mod power;
#[path = "ssh/session.rs"]
mod session;
#[path = "ssh/sshd.rs"]
mod sshd;
#[path = "ssh/trust.rs"]
mod trust;
