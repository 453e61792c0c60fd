//! `lab`: the reference homelab, until it is interrupted.

fn main() {}
