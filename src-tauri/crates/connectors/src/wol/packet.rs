//! The packet itself: six bytes FF, sixteen times the address, and the SecureOn password if there is one (AMD, Magic
//! Packet Technology, publication 20213).

use std::fmt;
use std::str::FromStr;

/// A hardware address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Mac([u8; 6]);

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no MAC address: it takes six bytes in hexadecimal, like 52:54:00:00:00:03")]
pub struct NotAMac(String);

impl FromStr for Mac {
    type Err = NotAMac;

    /// With colons, with hyphens, in Cisco's groups of four with dots, or bare.
    fn from_str(text: &str) -> Result<Mac, NotAMac> {
        let wrong = || NotAMac(text.chars().take(40).collect());
        let text = text.trim();
        let groups: Vec<&str> = text.split([':', '-', '.']).collect();
        let width = match groups.len() {
            6 => 2,
            3 => 4,
            1 => 12,
            _ => return Err(wrong()),
        };
        let digits = groups.concat();
        if groups.iter().any(|group| group.len() != width)
            || !digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return Err(wrong());
        }
        let mut bytes = [0; 6];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).map_err(|_| wrong())?;
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
pub fn magic_packet(mac: Mac, password: Option<Mac>) -> Vec<u8> {
    let mut packet = vec![0xff; 6];
    for _ in 0..16 {
        packet.extend_from_slice(&mac.0);
    }
    if let Some(password) = password {
        packet.extend_from_slice(&password.0);
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_common_form() {
        let wanted = Mac([0x52, 0x54, 0, 0xab, 0xcd, 3]);
        for text in [
            "52:54:00:ab:cd:03",
            "52-54-00-AB-CD-03",
            "5254.00ab.cd03",
            "525400ABCD03",
            " 52:54:00:ab:cd:03 ",
        ] {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
        }
        assert_eq!(wanted.to_string(), "52:54:00:ab:cd:03");
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "52:54:00:ab:cd",
            "52:54:00:ab:cd:0g",
            "5:2540:0:ab:cd:03",
            "52540:0abcd:03",
            "é",
            "52:54:00:ab:cd:03:04",
        ] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
    }

    #[test]
    fn is_built_as_the_cards_expect_it() {
        let mac: Mac = "01:02:03:04:05:06".parse().unwrap();
        let packet = magic_packet(mac, None);
        assert_eq!(packet.len(), 102);
        assert_eq!(packet[..6], [0xff; 6]);
        assert!(
            packet[6..]
                .chunks(6)
                .all(|chunk| chunk == [1, 2, 3, 4, 5, 6])
        );
        let secured = magic_packet(mac, Some("0a:0b:0c:0d:0e:0f".parse().unwrap()));
        assert_eq!(secured[..102], packet);
        assert_eq!(secured[102..], [10, 11, 12, 13, 14, 15]);
    }
}
