//! What goes wrong around a cascade, over the simulated homelab.

#[path = "support/sim.rs"]
mod sim;

#[path = "faults/interrupted.rs"]
mod interrupted;
