//! Whether a machine is there: TCP, ICMP echo and the neighbour table, and what their silence proves.
//!
//! Silence alone proves nothing: a firewall is silent, too, and so is a cable that was pulled out of *this* computer. On a
//! network of our own the neighbour table decides: a machine that runs answers for its address (ARP), whatever its
//! firewall does. Beyond a router there is no such proof; there silence counts while the router itself answers.

mod frames;
mod looks;
mod neighbours;
mod probe;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Own;
use frames::Frames;
pub(crate) use frames::is_this_computer;
pub use looks::Looks;
pub(crate) use probe::close;
pub use probe::probe;

/// Linux gives up on an address that nobody answers for after three requests, one a second (`mcast_solicit`,
/// `retrans_time`), and says so with EHOSTUNREACH; a connection must be tried for longer than that.
const CONNECT: Duration = Duration::from_millis(3500);
const PING: Duration = Duration::from_millis(1500);
/// What an echo carries.
const ECHOED: &[u8] = b"wakehub";

/// What one look saw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sighting {
    /// Somebody is there.
    Answers {
        /// The port accepted a connection.
        port_open: bool,
        /// `port 22`, `ping`
        how: String,
    },
    /// Somebody is there and refuses the port: booting, shutting down, or without that service. Unknown, never off.
    Refuses { why: String },
    /// Nobody answers, and the silence proves something.
    Silent { evidence: String },
    /// Neither the port nor a ping is answered, but the neighbour table still has its address: it may have gone a moment
    /// ago (Linux believes an entry for up to 45 s, `base_reachable_time`), or have a firewall. Unknown, never off.
    Mute { why: String },
    /// Nobody could say: our own network has no way there, or the silence may be a firewall's. Unknown, never off.
    NoWay { why: String },
}

/// Silence counts as off when it was seen twice in a row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Presence {
    silent: u8,
    /// So many mute looks are still put down to a neighbour table that has not noticed yet.
    patience: u8,
}

/// At one look every 10 s two minutes, more than twice what the table needs.
const PATIENCE: u8 = 12;

impl Presence {
    /// Seen off by other means: the end of a stop that waited for it.
    pub fn off() -> Presence {
        Presence {
            silent: 2,
            patience: PATIENCE,
        }
    }

    pub fn see(&mut self, sighting: &Sighting) {
        match sighting {
            Sighting::Silent { .. } => {
                self.silent = self.silent.saturating_add(1).min(2);
                self.patience = 0;
            }
            Sighting::Mute { .. } if self.patience > 0 => self.patience -= 1,
            Sighting::Mute { .. }
            | Sighting::Answers { .. }
            | Sighting::Refuses { .. }
            | Sighting::NoWay { .. } => *self = Presence::default(),
        }
    }

    pub fn is_off(&self) -> bool {
        self.silent == 2
    }
}

/// Looks once; takes 3.5 s at most when nobody answers. `address` is an IP address or a name.
pub async fn look(address: &str, port: u16) -> Sighting {
    seen(address, port).await.0
}

/// With what it has caused there.
async fn seen(address: &str, port: u16) -> (Sighting, Own) {
    let ip = match resolve(address, port).await {
        Ok(ip) => ip,
        Err(why) => return (Sighting::NoWay { why }, Own::default()),
    };
    let mut frames = Frames::to(ip);
    let sighting = looked(ip, port, &mut frames).await;
    (sighting, frames.own)
}

async fn looked(ip: IpAddr, port: u16, frames: &mut Frames) -> Sighting {
    let (mut connected, pinged) = tokio::join!(connect(ip, port), ping(ip));
    if pinged == Ping::Answered {
        frames.echoed(ECHOED.len());
    }
    // the system may still have held the address for nobody's when it was asked to connect, and know better by now: a
    // machine that has just woken
    let given_up =
        matches!(&connected, Err(error) if error.kind() == io::ErrorKind::HostUnreachable);
    if given_up && pinged == Ping::Answered {
        connected = connect(ip, port).await;
    }
    let error = match connected {
        Ok(stream) => {
            reset(stream, frames);
            return Sighting::Answers {
                port_open: true,
                how: format!("port {port}"),
            };
        }
        Err(error) => error,
    };
    if error.kind() == io::ErrorKind::ConnectionRefused {
        frames.refused();
    }
    let could_ping = match pinged {
        Ping::Answered => {
            return Sighting::Answers {
                port_open: false,
                how: format!("ping, but not port {port}"),
            };
        }
        Ping::Silent => true,
        Ping::Forbidden => false,
    };
    // Reading the tables takes system calls.
    let judged = tokio::task::spawn_blocking(move || judge(ip, port, &error, could_ping)).await;
    judged.unwrap_or_else(|error| Sighting::NoWay {
        why: error.to_string(),
    })
}

/// Ends a connection that nothing is wanted of. A reset is one packet of known weight; after an ordinary end a server would go
/// on with its greeting for some more that nobody could count.
fn reset(stream: TcpStream, frames: &mut Frames) {
    if socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .is_ok()
    {
        frames.accepted_and_reset();
    } else {
        frames.accepted_and_closed(0, false);
    }
}

async fn connect(ip: IpAddr, port: u16) -> io::Result<TcpStream> {
    let connected = timeout(CONNECT, TcpStream::connect(SocketAddr::new(ip, port))).await;
    connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// No connection and no echo: what does that prove?
fn judge(ip: IpAddr, port: u16, error: &io::Error, could_ping: bool) -> Sighting {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the standard library's enum is open"
    )]
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Sighting::Refuses {
            why: format!("connection refused on port {port}"),
        },
        io::ErrorKind::HostUnreachable | io::ErrorKind::TimedOut => {
            let unreachable = error.kind() == io::ErrorKind::HostUnreachable;
            neighbours::judge_silence(&neighbours::Tables::read(), ip, unreachable, could_ping)
        }
        _ => Sighting::NoWay {
            why: format!("{ip} cannot be asked: {error}"),
        },
    }
}

async fn resolve(address: &str, port: u16) -> Result<IpAddr, String> {
    let bare = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(address);
    if let Ok(ip) = bare.parse() {
        return Ok(ip);
    }
    let found = timeout(CONNECT, tokio::net::lookup_host((bare, port))).await;
    match found {
        Ok(Ok(mut addresses)) => addresses
            .next()
            .map(|address| address.ip())
            .ok_or_else(|| format!("the name {address} has no address")),
        Ok(Err(error)) => Err(format!("the name {address} cannot be resolved: {error}")),
        Err(_) => Err(format!("the name {address} is not resolved in time")),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ping {
    Answered,
    Silent,
    /// This system lets us send none, so that silence proves nothing.
    Forbidden,
}

/// Asks for two ICMP echoes, by a datagram socket where the system has them for everybody (`net.ipv4.ping_group_range` on
/// Linux), else by a raw one.
pub(crate) async fn ping(ip: IpAddr) -> Ping {
    let kind = match ip {
        IpAddr::V4(_) => surge_ping::ICMP::V4,
        IpAddr::V6(_) => surge_ping::ICMP::V6,
    };
    let config = surge_ping::Config::builder().kind(kind).build();
    let Ok(client) = surge_ping::Client::new(&config) else {
        return Ping::Forbidden;
    };
    let identifier = surge_ping::PingIdentifier(rand::random());
    let mut pinger = client.pinger(ip, identifier).await;
    pinger.timeout(PING);
    for sequence in 0..2 {
        let echo = pinger
            .ping(surge_ping::PingSequence(sequence), ECHOED)
            .await;
        if let Ok((packet, _)) = echo
            && is_echo(&packet, ip)
        {
            return Ping::Answered;
        }
    }
    Ping::Silent
}

/// "Destination unreachable" comes back as a packet too, from a router or from this computer itself.
fn is_echo(packet: &surge_ping::IcmpPacket, ip: IpAddr) -> bool {
    match packet {
        // ICMP type 0, echo reply (RFC 792)
        surge_ping::IcmpPacket::V4(reply) => {
            reply.get_icmp_type().0 == 0 && reply.get_source() == ip
        }
        // ICMPv6 type 129, echo reply (RFC 4443)
        surge_ping::IcmpPacket::V6(reply) => {
            reply.get_icmpv6_type().0 == 129 && reply.get_source() == ip
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent() -> Sighting {
        Sighting::Silent {
            evidence: String::new(),
        }
    }

    #[test]
    fn off_takes_two_silences_in_a_row() {
        let others = [
            Sighting::Answers {
                port_open: true,
                how: String::new(),
            },
            Sighting::Refuses { why: String::new() },
            Sighting::NoWay { why: String::new() },
            Sighting::Mute { why: String::new() },
        ];
        for between in others {
            let mut presence = Presence::default();
            presence.see(&silent());
            assert!(!presence.is_off());
            presence.see(&between);
            presence.see(&silent());
            assert!(!presence.is_off(), "{between:?} in between");
            presence.see(&silent());
            assert!(presence.is_off());
            presence.see(&between);
            assert!(!presence.is_off(), "{between:?} ends it");
        }
    }

    #[test]
    fn what_was_seen_going_off_stays_off_until_the_neighbour_table_has_noticed() {
        let mute = Sighting::Mute { why: String::new() };
        let mut presence = Presence::off();
        for _ in 0..PATIENCE {
            presence.see(&mute);
            assert!(presence.is_off());
        }
        presence.see(&mute);
        assert!(
            !presence.is_off(),
            "by then it answers for its address again"
        );
        let mut presence = Presence::off();
        presence.see(&mute);
        presence.see(&silent());
        presence.see(&mute);
        assert!(!presence.is_off(), "the table had noticed");
    }

    #[test]
    fn only_a_silence_with_proof_is_silence() {
        let ip = IpAddr::from([192, 0, 2, 9]);
        for kind in [
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::ConnectionReset,
        ] {
            assert!(matches!(
                judge(ip, 22, &kind.into(), true),
                Sighting::Refuses { .. }
            ));
        }
        for kind in [
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::NetworkDown,
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::AddrNotAvailable,
        ] {
            assert!(matches!(
                judge(ip, 22, &kind.into(), true),
                Sighting::NoWay { .. }
            ));
        }
    }

    #[tokio::test]
    async fn sees_an_open_port_a_refused_one_and_a_name_that_is_none() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(matches!(
            look("127.0.0.1", port).await,
            Sighting::Answers {
                port_open: true,
                ..
            }
        ));
        drop(listener);
        let seen = look("127.0.0.1", port).await;
        assert!(
            matches!(
                &seen,
                Sighting::Refuses { .. }
                    | Sighting::Answers {
                        port_open: false,
                        ..
                    }
            ),
            "{seen:?}"
        );
        assert!(matches!(
            look("no-such-host.invalid", 22).await,
            Sighting::NoWay { .. }
        ));
    }
}
