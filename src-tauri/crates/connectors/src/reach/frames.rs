//! What a look weighs at whom it looks at, as its network counters see it: whole frames, in bytes.
//!
//! Counted is what has certainly arrived there or come from there, at the least that it can weigh, so that never more is taken
//! off than was caused: no options that the other side may not speak, nothing sent twice, no addresses asked for (ARP). Of this
//! computer itself nothing is counted: what goes over loopback reaches no interface.

use crate::Own;
use std::net::{IpAddr, UdpSocket};

/// Destination, source and type (IEEE 802.3); the check sequence is seldom counted.
const ETHERNET: u64 = 14;
/// A header without options (RFC 791, section 3.1; RFC 8200, section 3).
const IPV4: u64 = 20;
const IPV6: u64 = 40;
/// A header without options (RFC 9293, section 3.1): an acknowledgement or a reset. Timestamps would add 12.
const TCP: u64 = 20;
/// Of a SYN and its answer: segment size, selective acknowledgements and window scale, padded; Linux and macOS add timestamps to
/// the 12.
const SYN_OPTIONS: u64 = 12;
/// Header of an echo (RFC 792, RFC 4443).
const ECHO: u64 = 8;

/// What one look has caused at one address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frames {
    /// Ethernet and IP; `None` of this computer.
    around: Option<u64>,
    pub own: Own,
}

impl Frames {
    pub fn to(ip: IpAddr) -> Frames {
        let header = match ip {
            IpAddr::V4(_) => IPV4,
            IpAddr::V6(_) => IPV6,
        };
        Frames {
            around: (!is_this_computer(ip)).then_some(ETHERNET + header),
            own: Own::default(),
        }
    }

    /// A handshake, ended by a reset at once.
    pub fn accepted_and_reset(&mut self) {
        self.arrive(TCP + SYN_OPTIONS);
        self.answer(TCP + SYN_OPTIONS);
        self.arrive(TCP);
        self.arrive(TCP);
    }

    /// A handshake, our end of it, and the other's end with what it said before.
    pub fn accepted_and_closed(&mut self, said: u64, ended: bool) {
        self.arrive(TCP + SYN_OPTIONS);
        self.answer(TCP + SYN_OPTIONS);
        self.arrive(TCP);
        self.arrive(TCP);
        if said > 0 || ended {
            self.answer(TCP + said);
            self.arrive(TCP);
        }
    }

    /// A SYN that was answered with a reset.
    pub fn refused(&mut self) {
        self.arrive(TCP + SYN_OPTIONS);
        self.answer(TCP);
    }

    /// An echo that was answered.
    pub fn echoed(&mut self, payload: usize) {
        let echo = ECHO + u64::try_from(payload).unwrap_or(0);
        self.arrive(echo);
        self.answer(echo);
    }

    fn arrive(&mut self, weight: u64) {
        let Some(around) = self.around else { return };
        self.own.rx_bytes += around + weight;
        self.own.rx_packets += 1;
    }

    fn answer(&mut self, weight: u64) {
        let Some(around) = self.around else { return };
        self.own.tx_bytes += around + weight;
        self.own.tx_packets += 1;
    }
}

/// Whether what is sent to it never leaves: packets to one of our own addresses come from that same address.
pub(crate) fn is_this_computer(ip: IpAddr) -> bool {
    let any: IpAddr = match ip {
        IpAddr::V4(_) => [0; 4].into(),
        IpAddr::V6(_) => [0; 16].into(),
    };
    // A route is chosen, nothing is sent.
    let chosen = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((ip, 9))?;
        socket.local_addr()
    });
    ip.is_loopback() || chosen.is_ok_and(|from| from.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seen: impl Fn(&mut Frames)) -> [u64; 4] {
        let mut frames = Frames::to([192, 0, 2, 9].into());
        seen(&mut frames);
        let own = frames.own;
        [own.rx_bytes, own.rx_packets, own.tx_bytes, own.tx_packets]
    }

    #[test]
    fn every_look_has_its_weight() {
        assert_eq!(of(Frames::accepted_and_reset), [174, 3, 66, 1]);
        assert_eq!(of(Frames::refused), [66, 1, 54, 1]);
        assert_eq!(of(|frames| frames.echoed(7)), [49, 1, 49, 1]);
        assert_eq!(
            of(|frames| frames.accepted_and_closed(0, false)),
            [174, 3, 66, 1]
        );
        assert_eq!(
            of(|frames| frames.accepted_and_closed(40, true)),
            [228, 4, 160, 2]
        );
        let mut six = Frames::to("2001:db8::9".parse().unwrap());
        six.refused();
        assert_eq!((six.own.rx_bytes, six.own.tx_bytes), (86, 74));
    }

    #[test]
    fn this_computer_counts_nothing() {
        for ip in ["127.0.0.1", "127.0.0.9", "::1"] {
            let mut frames = Frames::to(ip.parse().unwrap());
            frames.accepted_and_reset();
            frames.echoed(7);
            assert_eq!(frames.own, Own::default(), "{ip}");
        }
    }
}
