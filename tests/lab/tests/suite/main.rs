//! The lab's own tests: that it is as real as it says, and that nothing of it stays behind.
#![cfg(target_os = "linux")]

mod faults;
mod machines;
mod support;
