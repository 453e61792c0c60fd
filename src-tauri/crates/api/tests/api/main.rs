//! The API as its clients meet it: real HTTP and WebSocket over a real socket and real TCP, above the real engine over a
//! simulated homelab.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "test code"
)]

#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "../../../engine/tests/support/sim.rs"]
mod sim;

mod client;
mod desk;
mod document;
mod events;
mod gate;
mod limits;
mod page;
mod requests;
mod tokens;
