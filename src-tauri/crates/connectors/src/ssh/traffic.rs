//! How much traffic our own sessions cause on a host.
//!
//! libssh2 owns the socket, so the bytes on the wire are not seen. What is seen are the channels' bytes and events; the
//! rest is estimated from what each costs, and rather too low than too high (see [`Own`]). A test compares it with what the
//! kernel counts of the same connection. Where the host's kernel tells that itself (`ss` of Linux), it replaces the estimate at
//! every measurement: an estimate that leaves a twentieth would leave more than what makes a machine look used.

use super::parse::Carried;
use crate::Own;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Around the payload of an SSH packet: length, padding, the message's own header and the authentication code
/// (RFC 4253, section 6; chacha20-poly1305 of OpenSSH).
const PACKET: u64 = 36;
/// Around a TCP segment: Ethernet 14, IPv4 20, TCP with timestamps 32.
const SEGMENT: u64 = 66;
/// The most of a segment that is not its headers, on Ethernet.
const SEGMENT_PAYLOAD: u64 = 1448;
/// The handshake and a login by key, without acknowledgements.
const LOGIN: Own = Own {
    rx_bytes: 2_000,
    tx_bytes: 2_400,
    rx_packets: 6,
    tx_packets: 4,
};

/// So many of the latest sessions are remembered.
const ENDS: usize = 16;

/// Cumulative over all sessions to one host; of what carries something.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    rx_bytes: AtomicU64,
    tx_bytes: AtomicU64,
    rx_packets: AtomicU64,
    tx_packets: AtomicU64,
    ends: Mutex<VecDeque<SocketAddr>>,
    known: Mutex<Known>,
    /// The host is this computer: nothing of it reaches an interface.
    is_here: AtomicBool,
}

/// What is known better than by the estimate.
#[derive(Clone, Default, Debug)]
struct Known {
    /// Of all that was before the latest session, and of it as far as its host has told.
    sum: Own,
    /// The estimate of the same.
    estimated: Own,
    /// Of all before the latest session.
    before: Own,
    /// The latest session's connection, once its host has told of it.
    end: Option<String>,
}

impl Traffic {
    /// `end` is our side of the connection; none behind a jump host, where the server sees another.
    pub(super) fn logged_in(&self, end: Option<SocketAddr>, is_here: bool) {
        self.is_here.store(is_here, Ordering::Relaxed);
        let before = self.own();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Known {
            sum: before,
            estimated: self.estimate(),
            before,
            end: None,
        };
        drop(known);
        self.add(&LOGIN);
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.extend(end);
        if ends.len() > ENDS {
            ends.pop_front();
        }
    }

    /// The host has told what the connection carries, at the moment at which it told what it carries in all, in an answer of
    /// `length` bytes. Returned is all of ours at that moment; the answer and what came since is part of [`Traffic::own`] only.
    pub(super) fn told(&self, carried: &Carried, length: usize) -> Own {
        let (bytes, packets) = on_the_wire(length);
        let answer = Own {
            tx_bytes: bytes,
            tx_packets: packets,
            ..Own::default()
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.end.as_ref().is_some_and(|end| *end != carried.end) {
            // By an older session that lives on beside the latest.
            drop(known);
            return self.own();
        }
        known.end = Some(carried.end.clone());
        known.sum = known.before + carried.own;
        known.estimated = self.estimate() - answer;
        if self.is_here.load(Ordering::Relaxed) {
            return Own::default();
        }
        known.sum
    }

    /// Our side of the latest sessions.
    pub(super) fn ends(&self) -> Vec<SocketAddr> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.iter().copied().collect()
    }

    /// A channel was opened: a question and its answer.
    pub(super) fn opened(&self) {
        self.sent(0);
        self.received(0);
    }

    pub(super) fn closed(&self) {
        self.sent(0);
        self.received(0);
    }

    /// Of one write of a channel's bytes.
    pub(super) fn sent(&self, payload: usize) {
        let (bytes, packets) = on_the_wire(payload);
        self.add(&Own {
            rx_bytes: bytes,
            rx_packets: packets,
            ..Own::default()
        });
    }

    /// Of one read of a channel's bytes.
    pub(super) fn received(&self, payload: usize) {
        let (bytes, packets) = on_the_wire(payload);
        self.add(&Own {
            tx_bytes: bytes,
            tx_packets: packets,
            ..Own::default()
        });
    }

    /// As far as the host has told, and the estimate of what came since.
    pub(super) fn own(&self) -> Own {
        if self.is_here.load(Ordering::Relaxed) {
            return Own::default();
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.sum + (self.estimate() - known.estimated)
    }

    /// With an acknowledgement for every third packet of the other side: TCP sends one for every second (RFC 9293, section
    /// 3.8.6.3), and some travel with an answer.
    fn estimate(&self) -> Own {
        let [rx_bytes, tx_bytes, rx_packets, tx_packets] = [
            &self.rx_bytes,
            &self.tx_bytes,
            &self.rx_packets,
            &self.tx_packets,
        ]
        .map(|counter| counter.load(Ordering::Relaxed));
        Own {
            rx_bytes: rx_bytes + tx_packets / 3 * SEGMENT,
            tx_bytes: tx_bytes + rx_packets / 3 * SEGMENT,
            rx_packets: rx_packets + tx_packets / 3,
            tx_packets: tx_packets + rx_packets / 3,
        }
    }

    fn add(&self, more: &Own) {
        for (counter, more) in [
            (&self.rx_bytes, more.rx_bytes),
            (&self.tx_bytes, more.tx_bytes),
            (&self.rx_packets, more.rx_packets),
            (&self.tx_packets, more.tx_packets),
        ] {
            counter.fetch_add(more, Ordering::Relaxed);
        }
    }
}

fn on_the_wire(payload: usize) -> (u64, u64) {
    let payload = u64::try_from(payload).unwrap_or(u64::MAX / 2) + PACKET;
    let segments = payload.div_ceil(SEGMENT_PAYLOAD);
    (payload + segments * SEGMENT, segments)
}
