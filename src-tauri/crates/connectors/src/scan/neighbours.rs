//! The system's table of neighbours: which MAC address answered for which IP address.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Neighbour {
    pub address: IpAddr,
    /// In lower case with colons.
    pub mac: String,
}

const PATIENCE: Duration = Duration::from_secs(5);

/// Nothing where the system does not tell.
pub(super) async fn read() -> Vec<Neighbour> {
    if let Ok(table) = tokio::fs::read_to_string("/proc/net/arp").await {
        return in_proc(&table);
    }
    let mut command = tokio::process::Command::new("arp");
    // macOS looks every name up without -n, and waits for it; Windows knows no -n
    command.arg(if cfg!(windows) { "-a" } else { "-an" });
    command.kill_on_drop(true);
    // no window for a moment
    #[cfg(windows)]
    command.creation_flags(0x0800_0000);
    match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) => in_arp(&String::from_utf8_lossy(&output.stdout)),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the neighbour table cannot be read");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

/// /proc/net/arp, see proc_net(5): address, hardware type, flags, hardware address, mask, device. Flag 0x2 is ATF_COM, a
/// completed entry.
fn in_proc(table: &str) -> Vec<Neighbour> {
    let entries = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, _, flags, mac, _, _] = fields[..] else {
            return None;
        };
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok()?;
        (flags & 0x2 != 0)
            .then(|| neighbour(address, mac))
            .flatten()
    });
    entries.collect()
}

/// What `arp -a` prints on Windows and macOS: lines with an IPv4 address (in parentheses on macOS) and a MAC address (with
/// hyphens on Windows, without leading zeros on macOS), whatever the words around them are in the system's language.
fn in_arp(text: &str) -> Vec<Neighbour> {
    let entries = text.lines().filter_map(|line| {
        let words = || {
            line.split_whitespace()
                .map(|word| word.trim_matches(['(', ')']))
        };
        let address = words().find(|word| word.parse::<Ipv4Addr>().is_ok())?;
        let mac = words().find(|word| normal(word).is_some())?;
        neighbour(address, mac)
    });
    entries.collect()
}

fn neighbour(address: &str, mac: &str) -> Option<Neighbour> {
    let address: Ipv4Addr = address.parse().ok()?;
    let mac = normal(mac)?;
    let is_one = !address.is_multicast() && !address.is_broadcast() && !address.is_unspecified();
    (is_one && is_of_one(&mac)).then(|| Neighbour {
        address: address.into(),
        mac,
    })
}

/// `0:11:32:a:b:c` and `00-11-32-0A-0B-0C` are `00:11:32:0a:0b:0c`.
pub(super) fn normal(mac: &str) -> Option<String> {
    let bytes: Vec<u8> = mac
        .split([':', '-'])
        .map(|part| {
            let is_short = (1..=2).contains(&part.len());
            u8::from_str_radix(part, 16).ok().filter(|_| is_short)
        })
        .collect::<Option<_>>()?;
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    (pairs.len() == 6).then(|| pairs.join(":"))
}

/// Not of a group (the lowest bit of the first byte), and not the zeros of an entry that was never answered.
fn is_of_one(mac: &str) -> bool {
    let first = u8::from_str_radix(&mac[..2], 16).unwrap_or(1);
    first & 1 == 0 && mac != "00:00:00:00:00:00"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: Vec<Neighbour>, expected: &[(&str, &str)]) {
        let found: Vec<_> = found
            .iter()
            .map(|n| (n.address.to_string(), n.mac.clone()))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(address, mac)| ((*address).to_owned(), (*mac).to_owned()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn linux() {
        let table = "\
IP address       HW type     Flags       HW address            Mask     Device
10.77.0.3        0x1         0x2         52:54:00:00:00:03     *        br-lab
10.77.0.9        0x1         0x0         00:00:00:00:00:00     *        br-lab
192.168.1.1      0x1         0x6         F0:9F:C2:00:11:22     *        eth0
";
        let expected = [
            ("10.77.0.3", "52:54:00:00:00:03"),
            ("192.168.1.1", "f0:9f:c2:00:11:22"),
        ];
        check(in_proc(table), &expected);
    }

    #[test]
    fn windows() {
        let text = "
Schnittstelle: 192.168.178.20 --- 0x5
  Internetadresse       Physische Adresse     Typ
  192.168.178.1         3c-a6-2f-11-22-33     dynamisch
  192.168.178.42        dc-a6-32-0a-0b-0c     dynamisch
  192.168.178.255       ff-ff-ff-ff-ff-ff     statisch
  224.0.0.22            01-00-5e-00-00-16     statisch
  255.255.255.255       ff-ff-ff-ff-ff-ff     statisch
";
        let expected = [
            ("192.168.178.1", "3c:a6:2f:11:22:33"),
            ("192.168.178.42", "dc:a6:32:0a:0b:0c"),
        ];
        check(in_arp(text), &expected);
    }

    #[test]
    fn macos() {
        let text = "\
? (192.168.1.1) at f0:9f:c2:0:11:22 on en0 ifscope [ethernet]
nas.local (192.168.1.3) at 0:11:32:aa:b:cc on en0 ifscope [ethernet]
? (192.168.1.7) at (incomplete) on en0 ifscope [ethernet]
? (192.168.1.255) at ff:ff:ff:ff:ff:ff on en0 ifscope [ethernet]
? (224.0.0.251) at 1:0:5e:0:0:fb on en0 ifscope permanent [ethernet]
";
        let expected = [
            ("192.168.1.1", "f0:9f:c2:00:11:22"),
            ("192.168.1.3", "00:11:32:aa:0b:cc"),
        ];
        check(in_arp(text), &expected);
    }

    #[test]
    fn what_is_no_mac_address() {
        for mac in [
            "",
            "52:54:00",
            "52:54:00:00:00:0g",
            "052:54:00:00:00:03",
            "::::::",
        ] {
            assert_eq!(normal(mac), None, "{mac}");
        }
    }
}
