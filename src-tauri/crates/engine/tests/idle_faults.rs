//! What may go wrong between a quiet node and its stop: nothing of it stops what may be in use, and none leaves half a state.

#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/clockwork.rs"]
mod clockwork;
#[path = "idle_faults/lab.rs"]
mod lab;
#[path = "idle_faults/measuring.rs"]
mod measuring;
#[path = "idle_faults/remembering.rs"]
mod remembering;
#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/sim.rs"]
mod sim;
#[path = "idle_faults/sleeping.rs"]
mod sleeping;
#[path = "idle_faults/starting.rs"]
mod starting;
