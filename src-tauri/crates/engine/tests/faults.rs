//! What goes wrong around a cascade, over the simulated homelab.

#[path = "support/sim.rs"]
mod sim;

#[cfg(target_os = "linux")]
#[path = "faults/disk_full.rs"]
mod disk_full;
#[path = "faults/interrupted.rs"]
mod interrupted;
#[path = "faults/keyring.rs"]
mod keyring;
#[path = "faults/loops.rs"]
mod loops;
#[path = "faults/platforms.rs"]
mod platforms;
