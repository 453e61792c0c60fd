//! What the host's own kernel says of the connection by which it was asked.

use super::usage::part;
use crate::Own;
use std::net::IpAddr;

/// Ethernet.
const FRAME: u64 = 14;
/// A header without options (RFC 791, section 3.1; RFC 8200, section 3).
const IPV4: u64 = 20;
const IPV6: u64 = 40;
/// Without options (RFC 9293, section 3.1), and what timestamps add to every segment (RFC 7323, appendix A).
const TCP: u64 = 20;
const TIMESTAMPS: u64 = 12;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) struct Carried {
    /// Address and port of the other end, as the host sees it: another port is another connection.
    pub end: String,
    /// Since it was made, without what was sent twice.
    pub own: Own,
}

/// Of the script's answer; `None` where `ss` is not there, does not know the figures, or does not know which connection it is.
pub(in super::super) fn carried(stdout: &str) -> Option<Carried> {
    let mut lines = part(stdout, "wire")?.lines();
    let end = lines.next()?.strip_prefix("end ")?;
    let figures = lines.next()?;
    // Two of the same ports, from two computers.
    if lines.any(|line| line.contains(':')) {
        return None;
    }
    let figure = |name: &str| -> Option<u64> {
        let mut words = figures.split_whitespace();
        let word = words.find_map(|word| word.strip_prefix(name)?.strip_prefix(':'))?;
        word.parse().ok()
    };
    let address = end.split_whitespace().next()?;
    let address = address.split('%').next()?;
    let ip = match address.parse().ok()? {
        IpAddr::V4(_) => IPV4,
        IpAddr::V6(mapped) if mapped.to_ipv4_mapped().is_some() => IPV4,
        IpAddr::V6(_) => IPV6,
    };
    // Some kernels do not say which options were agreed on; the room that is left for them does.
    let room = figure("pmtu").zip(figure("mss"));
    let has_timestamps = figures.split_whitespace().any(|word| word == "ts")
        || room
            .is_some_and(|(all, payload)| payload.checked_add(ip + TCP + TIMESTAMPS) == Some(all));
    let around = FRAME + ip + TCP + if has_timestamps { TIMESTAMPS } else { 0 };
    let weight = |bytes: u64, segments: u64| segments.checked_mul(around)?.checked_add(bytes);
    let (received, sent) = (figure("segs_in")?, figure("segs_out")?);
    Some(Carried {
        end: end.to_owned(),
        own: Own {
            rx_bytes: weight(figure("bytes_received")?, received)?,
            tx_bytes: weight(figure("bytes_acked")?, sent)?,
            rx_packets: received,
            tx_packets: sent,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the script makes of `ss -Htin` of iproute2 6.1.
    fn told(end: &str, figures: &str) -> Option<Carried> {
        carried(&format!(
            "@wakehub wire\nend {end}\n{figures}\n@status 0\n@wakehub net\n@status 0\n"
        ))
    }

    const FIGURES: &str = "ts bytes_acked:5000 bytes_received:9000 segs_out:20 segs_in:30 ";

    #[test]
    fn the_connection_weighs_what_its_kernel_says() {
        let seen = told("10.77.0.1 51234", FIGURES).unwrap();
        let own = Own {
            rx_bytes: 9_000 + 30 * 66,
            tx_bytes: 5_000 + 20 * 66,
            rx_packets: 30,
            tx_packets: 20,
        };
        assert_eq!(seen.end, "10.77.0.1 51234");
        assert_eq!(seen.own, own);
        let six = told("fe80::9%eth0 5112", FIGURES).unwrap().own;
        assert_eq!(six.rx_bytes, 9_000 + 30 * 86);
        let mapped = told("::ffff:10.77.0.1 5112", FIGURES).unwrap().own;
        assert_eq!(mapped, own);
        let plain = FIGURES.strip_prefix("ts ").unwrap();
        for (room, each) in [
            ("", 54),
            ("mss:1460 pmtu:1500 ", 54),
            ("mss:1448 pmtu:1500 ", 66),
            ("mss:1448 pmtu:9000 ", 54),
        ] {
            let told = told("10.77.0.1 51234", &format!("{room}{plain}"));
            assert_eq!(told.unwrap().own.tx_bytes, 5_000 + 20 * each, "{room}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        assert_eq!(carried(""), None);
        assert_eq!(told("10.77.0.1 51234", ""), None);
        assert_eq!(told("10.77.0.1 51234", "sh: ss: not found"), None);
        assert_eq!(told("10.77.0.1 51234", &[FIGURES; 2].join("\n")), None);
        assert_eq!(told("10.77.0.1 51234", "ts bytes_acked:1 segs_out:2"), None);
        assert_eq!(told("UNKNOWN 65535", FIGURES), None);
        let most = format!(
            "bytes_acked:{0} bytes_received:{0} segs_out:9 segs_in:9",
            u64::MAX
        );
        assert_eq!(told("10.77.0.1 51234", &most), None);
        assert_eq!(carried("@wakehub wire\n@status 9\n"), None);
    }
}
