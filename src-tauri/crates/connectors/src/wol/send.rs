//! Sending: one socket per packet, bound to the interface that it should leave by.

use super::route::{Own, Shot};
use if_addrs::IfOperStatus;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The IPv4 addresses of interfaces that are up. Loopback wakes nobody.
pub(super) async fn own() -> io::Result<Vec<Own>> {
    let found = tokio::task::spawn_blocking(if_addrs::get_if_addrs)
        .await
        .map_err(io::Error::other)??;
    let own = found
        .into_iter()
        .filter(|interface| !interface.is_loopback() && is_up(interface.oper_status.clone()));
    Ok(own
        .filter_map(|interface| match &interface.addr {
            if_addrs::IfAddr::V4(v4) => Some(Own {
                name: interface.name.clone(),
                index: interface.index,
                address: v4.ip,
                netmask: v4.netmask,
            }),
            if_addrs::IfAddr::V6(_) => None,
        })
        .collect())
}

/// Tunnels do not say, so only what is known to be down is left out.
fn is_up(status: IfOperStatus) -> bool {
    match status {
        IfOperStatus::Up
        | IfOperStatus::Unknown
        | IfOperStatus::Testing
        | IfOperStatus::Dormant => true,
        IfOperStatus::Down | IfOperStatus::NotPresent | IfOperStatus::LowerLayerDown => false,
    }
}

/// A datagram leaves at once or not at all, so this does not wait.
pub(super) fn send(shot: &Shot, packet: &[u8]) -> io::Result<()> {
    let source = match (&shot.from, shot.to) {
        (Some(own), _) => IpAddr::V4(own.address),
        (None, SocketAddr::V4(_)) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        (None, SocketAddr::V6(_)) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = Socket::new(
        Domain::for_address(shot.to),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    if shot.to.is_ipv4() {
        socket.set_broadcast(true)?;
    }
    if let Some(own) = &shot.from {
        // The source address decides on most systems; where this is allowed it decides on all.
        let _ = bind_device(&socket, own);
    }
    socket.bind(&SockAddr::from(SocketAddr::new(source, 0)))?;
    let sent = socket.send_to(packet, &SockAddr::from(shot.to))?;
    match sent == packet.len() {
        true => Ok(()),
        false => Err(io::Error::other("sent in part")),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn bind_device(socket: &Socket, own: &Own) -> io::Result<()> {
    socket.bind_device(Some(own.name.as_bytes()))
}

#[cfg(target_vendor = "apple")]
fn bind_device(socket: &Socket, own: &Own) -> io::Result<()> {
    socket.bind_device_by_index_v4(own.index.and_then(std::num::NonZeroU32::new))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn bind_device(_socket: &Socket, _own: &Own) -> io::Result<()> {
    Ok(())
}
