//! What goes wrong around a cascade, over the simulated homelab.

#[path = "support/sim.rs"]
mod sim;

#[cfg(target_os = "linux")]
#[path = "faults/disk_full.rs"]
mod disk_full;
#[path = "faults/interrupted.rs"]
mod interrupted;
