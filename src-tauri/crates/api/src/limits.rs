//! How much a client may ask for, and how long it may take.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Of any body but a homelab.toml.
pub(crate) const BODY: usize = 256 * 1024;
/// Of a homelab.toml: a thousand nodes are about half a megabyte.
pub(crate) const HOMELAB: usize = 2 * 1024 * 1024;
/// Request line and headers together. A browser sends about 1 KiB.
pub(crate) const HEAD: usize = 16 * 1024;
pub(crate) const HEADERS: usize = 64;
/// At once, on each of socket and TCP.
pub(crate) const CONNECTIONS: usize = 128;
/// At once from one address over TCP. A browser uses up to six and one for each page; behind a proxy all have one address.
pub(crate) const CONNECTIONS_PER_ADDRESS: usize = 64;
/// Of a message that a WebSocket client sends.
pub(crate) const MESSAGE: usize = 16 * 1024;

/// From the connection, or from the request before, until all headers are there.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);
/// Until the whole body is there.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(20);
/// Without a byte in a direction in which one is due. Longer than [`PING`].
pub(crate) const STALL: Duration = Duration::from_secs(60);
/// Of the engine, for most requests.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);
/// Of the engine, where platforms are asked first: an SSH operation may take 20 s, a connection test several of them.
pub(crate) const LONG_ANSWER: Duration = Duration::from_secs(180);
/// How often a WebSocket client is asked whether it is there.
pub(crate) const PING: Duration = Duration::from_secs(20);
/// Until a message has been taken by a WebSocket client; one that is slower is let go.
pub(crate) const SEND: Duration = Duration::from_secs(15);
/// One frame of a 60 Hz screen: nobody is sent more snapshots than can be shown.
pub(crate) const FRAME: Duration = Duration::from_millis(16);
/// Until connections have ended by themselves when WakeHub ends.
pub(crate) const ENDING: Duration = Duration::from_secs(2);

/// Addresses that are remembered. More come from nobody's homelab.
const ADDRESSES: usize = 1024;

/// A token bucket per address.
pub(crate) struct Rate {
    burst: f64,
    per_second: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

struct Bucket {
    left: f64,
    at: Instant,
}

impl Rate {
    pub fn new(burst: u32, per_second: f64) -> Rate {
        Rate {
            burst: f64::from(burst),
            per_second,
            buckets: Mutex::default(),
        }
    }

    /// Takes one. `false` when there is none left.
    pub fn take(&self, address: IpAddr) -> bool {
        self.with(address, |bucket| {
            let has = bucket.left >= 1.0;
            if has {
                bucket.left -= 1.0;
            }
            has
        })
    }

    /// Whether there is one left.
    pub fn has(&self, address: IpAddr) -> bool {
        self.with(address, |bucket| bucket.left >= 1.0)
    }

    fn with<T>(&self, address: IpAddr, act: impl FnOnce(&mut Bucket) -> T) -> T {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = |bucket: &Bucket| {
            let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
            (bucket.left + passed * self.per_second).min(self.burst)
        };
        if buckets.len() >= ADDRESSES && !buckets.contains_key(&address) {
            // who has not asked for a while is as good as new
            buckets.retain(|_, bucket| filled(bucket) < self.burst);
            if buckets.len() >= ADDRESSES {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(address).or_insert(Bucket {
            left: self.burst,
            at: now,
        });
        bucket.left = filled(bucket);
        bucket.at = now;
        act(bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_let_through_and_then_a_rate() {
        let rate = Rate::new(3, 0.5);
        let (one, two) = (
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from([10, 0, 0, 1]),
        );
        assert!((0..3).all(|_| rate.take(one)));
        assert!(!rate.take(one) && rate.take(two));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(rate.has(one) && rate.take(one) && !rate.take(one));
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!((0..3).all(|_| rate.take(one)) && !rate.take(one));
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_addresses_take_no_more_room_than_a_thousand() {
        let rate = Rate::new(3, 0.5);
        for at in 0..10_000_u32 {
            assert!(rate.take(IpAddr::from(Ipv4Addr::from_bits(at))));
        }
        assert!(rate.buckets.lock().unwrap().len() <= ADDRESSES);
    }
}
