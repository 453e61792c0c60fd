//! The lab's own tests: that it is as real as it says, and that nothing of it stays behind.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "these are tests; the lint knows only functions that are marked so"
)]

mod engines;
mod faults;
mod guests;
mod life;
mod machines;
mod reference;
mod support;
