//! The network card of a machine that is off: it sees every frame and reacts to one kind only.

use anyhow::Context;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};
use tokio::net::UdpSocket;

use crate::process::in_namespace;

/// linux/if_ether.h: every protocol.
const ETH_P_ALL: u16 = 0x0003;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_WAKE_ON_LAN: u16 = 0x0842;
const UDP: u8 = 17;
const WAKE_PORTS: [u16; 2] = [9, 7];

/// A magic packet that reached the machine's card.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MagicPacket {
    /// Since the lab began.
    pub at: Duration,
    pub time: SystemTime,
    pub source_mac: [u8; 6],
    pub destination_mac: [u8; 6],
    pub carried_by: Carrier,
    /// The six bytes behind the pattern, if there are any.
    pub secure_on: Option<[u8; 6]>,
    /// Whether it was this packet that switched the machine on.
    pub woke: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    Udp {
        source: Ipv4Addr,
        destination: Ipv4Addr,
        port: u16,
    },
    /// EtherType 0x0842, without IP.
    Ethernet,
}

/// What a frame says to the card with this MAC address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Magic {
    pub(crate) source_mac: [u8; 6],
    pub(crate) destination_mac: [u8; 6],
    pub(crate) carried_by: Carrier,
    pub(crate) secure_on: Option<[u8; 6]>,
}

pub(crate) struct Listener {
    /// A raw socket. tokio has no type for those; of this one nothing but recv(2) is used, which is the same for all.
    socket: UdpSocket,
    mac: [u8; 6],
}

impl Listener {
    /// Opens the raw socket in the machine's namespace. Must be called within a tokio runtime.
    pub(crate) fn open(namespace: &str, mac: [u8; 6]) -> anyhow::Result<Listener> {
        let socket = in_namespace(namespace, || {
            let everything = i32::from(ETH_P_ALL.to_be());
            let socket = Socket::new(
                Domain::PACKET,
                Type::RAW.nonblocking(),
                Some(Protocol::from(everything)),
            )
            .context("open a raw socket")?;
            socket.attach_filter(&filter()).context("filter frames")?;
            Ok(socket)
        })?;
        Ok(Listener {
            socket: UdpSocket::from_std(socket.into())?,
            mac,
        })
    }

    /// The next magic packet for this machine. May be dropped at any time without losing one.
    pub(crate) async fn next(&self) -> std::io::Result<Magic> {
        let mut frame = [0; 2048];
        loop {
            let length = self.socket.recv(&mut frame).await?;
            if let Some(magic) = parse(&frame[..length], self.mac) {
                return Ok(magic);
            }
        }
    }
}

/// Lets only frames through that can be magic, so that a busy machine costs nothing: EtherType 0x0842, or UDP over IPv4 to
/// port 9 or 7. Classic BPF (the kernel's Documentation/networking/filter.rst).
fn filter() -> [SockFilter; 11] {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const INDEX_IP_HEADER: u16 = 0xb1;
    const LOAD_HALF_INDEXED: u16 = 0x48;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let jump = |value: u16, yes: u8, no: u8| SockFilter::new(JUMP_IF_EQUAL, yes, no, value.into());
    [
        SockFilter::new(LOAD_HALF, 0, 0, 12),
        jump(ETHERTYPE_WAKE_ON_LAN, 7, 0),
        jump(ETHERTYPE_IPV4, 0, 7),
        SockFilter::new(LOAD_BYTE, 0, 0, 23),
        jump(UDP.into(), 0, 5),
        SockFilter::new(INDEX_IP_HEADER, 0, 0, 14),
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, 16),
        jump(WAKE_PORTS[0], 1, 0),
        jump(WAKE_PORTS[1], 0, 1),
        SockFilter::new(RETURN, 0, 0, 2048),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// Finds the pattern (six bytes FF, then sixteen times the MAC address) anywhere in the payload, as a network card does.
fn parse(frame: &[u8], mac: [u8; 6]) -> Option<Magic> {
    let destination_mac = frame.get(0..6)?.try_into().ok()?;
    let source_mac = frame.get(6..12)?.try_into().ok()?;
    let half = |at: usize| Some(u16::from_be_bytes(frame.get(at..at + 2)?.try_into().ok()?));
    let address = |at: usize| {
        let bytes: [u8; 4] = frame.get(at..at + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(bytes))
    };
    let (carried_by, payload) = match half(12)? {
        ETHERTYPE_WAKE_ON_LAN => (Carrier::Ethernet, frame.get(14..)?),
        ETHERTYPE_IPV4 if *frame.get(23)? == UDP => {
            let udp = 14 + usize::from(frame.get(14)? & 0x0f) * 4;
            let carrier = Carrier::Udp {
                source: address(26)?,
                destination: address(30)?,
                port: half(udp + 2)?,
            };
            // The frame may be padded to Ethernet's minimum: the length stands in the UDP header.
            let end = udp + usize::from(half(udp + 4)?);
            (carrier, frame.get(udp + 8..end)?)
        }
        _ => return None,
    };
    let pattern = [[0xff; 6].as_slice(), &mac.repeat(16)].concat();
    let found = payload
        .windows(pattern.len())
        .position(|window| window == pattern)?;
    let behind = &payload[found + pattern.len()..];
    Some(Magic {
        source_mac,
        destination_mac,
        carried_by,
        secure_on: behind.first_chunk::<6>().copied(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 3];

    fn udp_frame(port: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = [[0xff; 6], [2, 0, 0, 0, 0, 1]].concat();
        frame.extend(ETHERTYPE_IPV4.to_be_bytes());
        let length = u16::try_from(payload.len() + 8).unwrap();
        frame.extend([0x45, 0]);
        frame.extend((length + 20).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, UDP, 0, 0, 10, 77, 0, 1, 10, 77, 0, 255]);
        frame.extend(40000u16.to_be_bytes());
        frame.extend(port.to_be_bytes());
        frame.extend(length.to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        frame
    }

    fn pattern(mac: [u8; 6]) -> Vec<u8> {
        [[0xff; 6].as_slice(), &mac.repeat(16)].concat()
    }

    #[test]
    fn reads_a_broadcast_with_its_password() {
        let payload = [pattern(MAC), vec![1, 2, 3, 4, 5, 6]].concat();
        let magic = parse(&udp_frame(9, &payload), MAC).unwrap();
        assert_eq!(magic.destination_mac, [0xff; 6]);
        assert_eq!(magic.secure_on, Some([1, 2, 3, 4, 5, 6]));
        let Carrier::Udp {
            destination, port, ..
        } = magic.carried_by
        else {
            panic!("{magic:?}");
        };
        assert_eq!((destination, port), (Ipv4Addr::new(10, 77, 0, 255), 9));
    }

    #[test]
    fn reads_a_bare_ethernet_frame() {
        let mut frame = [MAC, [2, 0, 0, 0, 0, 1]].concat();
        frame.extend(ETHERTYPE_WAKE_ON_LAN.to_be_bytes());
        frame.extend(pattern(MAC));
        let magic = parse(&frame, MAC).unwrap();
        assert_eq!(magic.carried_by, Carrier::Ethernet);
        assert_eq!(magic.secure_on, None);
    }

    #[test]
    fn ignores_another_mac_and_anything_cut_short() {
        let other = udp_frame(9, &pattern([0x52, 0x54, 0, 0, 0, 4]));
        assert_eq!(parse(&other, MAC), None);
        let whole = udp_frame(9, &pattern(MAC));
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length], MAC), None, "{length} bytes");
        }
    }
}
