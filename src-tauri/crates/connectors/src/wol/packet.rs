//! The packet itself (AMD, Magic Packet Technology, 1995): six bytes FF, then the MAC address sixteen times, then the
//! SecureOn password where the card wants one.

use std::fmt;
use std::str::FromStr;

/// A MAC address. Reads `52:54:00:00:00:03`, `52-54-00-00-00-03`, `5254.0000.0003` and `525400000003`, in either case;
/// shows the first form in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Mac(pub [u8; 6]);

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not six bytes in hexadecimal, such as 52:54:00:00:00:03")]
pub struct NotAMac;

impl FromStr for Mac {
    type Err = NotAMac;

    fn from_str(text: &str) -> Result<Mac, NotAMac> {
        let text = text.trim();
        let separator = text.chars().find(|c| matches!(c, ':' | '-' | '.'));
        let groups: Vec<&str> = match separator {
            Some(separator) => text.split(separator).collect(),
            None => vec![text],
        };
        // Pairs, Cisco's groups of four, or all in one. Pairs may lack a leading zero.
        let width = match groups.len() {
            6 => 2,
            3 => 4,
            1 => 12,
            _ => return Err(NotAMac),
        };
        let mut digits = String::with_capacity(12);
        for group in groups {
            let short = width == 2 && group.len() == 1;
            if group.len() != width && !short {
                return Err(NotAMac);
            }
            if !group.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(NotAMac);
            }
            if short {
                digits.push('0');
            }
            digits.push_str(group);
        }
        let mut bytes = [0; 6];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let pair = digits.get(at * 2..at * 2 + 2).ok_or(NotAMac)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NotAMac)?;
        }
        Ok(Mac(bytes))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// 102 bytes, 108 with a password.
pub(super) fn build(mac: Mac, password: Option<[u8; 6]>) -> Vec<u8> {
    let mut packet = vec![0xff; 6];
    for _ in 0..16 {
        packet.extend_from_slice(&mac.0);
    }
    packet.extend(password.into_iter().flatten());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_form_is_read_and_shown_alike() {
        for text in [
            "52:54:00:ab:CD:03",
            "52-54-00-AB-CD-03",
            "5254.00ab.cd03",
            "525400ABCD03",
            " 52:54:0:ab:cd:3 ",
        ] {
            let mac: Mac = text.parse().unwrap();
            assert_eq!(mac.to_string(), "52:54:00:ab:cd:03", "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "52:54:00:ab:cd",
            "52:54:00:ab:cd:03:04",
            "52:54:00:ab:cd:0g",
            "52:54-00:ab:cd:03",
            "525400abcd0",
            "525400abcd033",
            "+2:54:00:ab:cd:03",
            "5254:00ab:cd03:0000",
            "é2:54:00:ab:cd:03",
        ] {
            assert_eq!(text.parse::<Mac>(), Err(NotAMac), "{text}");
        }
    }

    #[test]
    fn a_packet_is_the_pattern_and_the_password() {
        let mac = Mac([1, 2, 3, 4, 5, 6]);
        let plain = build(mac, None);
        assert_eq!(plain.len(), 102);
        assert_eq!(plain[..6], [0xff; 6]);
        assert!(plain[6..].chunks(6).all(|chunk| chunk == mac.0));
        let secure = build(mac, Some([9; 6]));
        assert_eq!(secure[..102], plain);
        assert_eq!(secure[102..], [9; 6]);
    }
}
