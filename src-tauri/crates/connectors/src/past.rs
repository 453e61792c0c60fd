//! What a platform remembers of the time in which nobody asked.

use crate::Memory;
use std::time::Duration;
use wakehub_domain::Timestamp;

/// Averages over a span of time. They are *rates*, never to be mixed with the counters of a [`crate::Usage`]: a difference
/// of two of them means nothing. `None` is a hole: the target was off then, or whoever measures it was.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PastUse {
    /// Which time it is about, to within one span, by the platform's clock.
    pub at: Timestamp,
    /// The span: a minute for the last hour; beyond it perhaps half an hour, whose average says nothing of its minutes.
    pub over: Duration,
    pub cpu_cores: Option<f64>,
    pub memory: Option<Memory>,
    /// Bytes per second.
    pub rx_rate: Option<f64>,
    pub tx_rate: Option<f64>,
    pub read_rate: Option<f64>,
    pub written_rate: Option<f64>,
}
