//! Reads OpenSSH's `known_hosts` (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), line by line: a line that cannot be read is
//! skipped, the rest counts. Certificates are not spoken here, so `@cert-authority` lines are left out.

use super::config::AcceptedKey;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::hmac;
use sha2::{Digest, Sha256};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    hosts: Hosts,
    revoked: bool,
    key: AcceptedKey,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Hosts {
    /// HMAC-SHA1 of the name, keyed with the salt.
    Hashed {
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Patterns(Vec<Pattern>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Pattern {
    negated: bool,
    /// In lower case, with `*` and `?`.
    glob: String,
}

/// What the file says about one endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Known {
    pub(super) keys: Vec<AcceptedKey>,
    pub(super) revoked: Vec<AcceptedKey>,
}

pub(super) fn parse(text: &str) -> Vec<Entry> {
    text.lines().filter_map(line).collect()
}

pub(super) fn look_up(entries: &[Entry], host: &str, port: u16) -> Known {
    let name = name(host, port);
    let mut known = Known::default();
    for entry in entries.iter().filter(|entry| entry.hosts.name(&name)) {
        match entry.revoked {
            true => known.revoked.push(entry.key.clone()),
            false => known.keys.push(entry.key.clone()),
        }
    }
    known
}

/// The algorithm that a public key names, and its fingerprint.
pub(super) fn identify(blob: &[u8]) -> Option<AcceptedKey> {
    let (length, rest) = blob.split_at_checked(4)?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    let algorithm = rest.get(..usize::try_from(length).ok()?)?;
    Some(AcceptedKey {
        algorithm: String::from_utf8(algorithm.to_vec()).ok()?,
        fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob))),
    })
}

/// OpenSSH leaves the port out where it is the usual one.
fn name(host: &str, port: u16) -> String {
    let host = host.to_lowercase();
    match port {
        22 => host,
        _ => format!("[{host}]:{port}"),
    }
}

fn line(line: &str) -> Option<Entry> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let mut words = line.split_ascii_whitespace();
    let mut hosts = words.next()?;
    let revoked = match hosts {
        "@revoked" => true,
        _ if hosts.starts_with('@') => return None,
        _ => false,
    };
    if revoked {
        hosts = words.next()?;
    }
    let algorithm = words.next()?;
    let key = identify(&STANDARD.decode(words.next()?).ok()?)?;
    (key.algorithm == algorithm).then_some(())?;
    Some(Entry {
        hosts: Hosts::parse(hosts)?,
        revoked,
        key,
    })
}

impl Hosts {
    fn parse(text: &str) -> Option<Hosts> {
        if let Some(hashed) = text.strip_prefix("|1|") {
            let (salt, hash) = hashed.split_once('|')?;
            return Some(Hosts::Hashed {
                salt: STANDARD.decode(salt).ok()?,
                hash: STANDARD.decode(hash).ok()?,
            });
        }
        let patterns = text.split(',').filter(|text| !text.is_empty()).map(|text| {
            let bare = text.strip_prefix('!');
            Pattern {
                negated: bare.is_some(),
                glob: bare.unwrap_or(text).to_lowercase(),
            }
        });
        Some(Hosts::Patterns(patterns.collect()))
    }

    fn name(&self, name: &str) -> bool {
        match self {
            Hosts::Hashed { salt, hash } => {
                let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
                hmac::verify(&key, name.as_bytes(), hash).is_ok()
            }
            // A negated pattern that matches outweighs all others of its line.
            Hosts::Patterns(patterns) => {
                let mut matching = patterns
                    .iter()
                    .filter(|pattern| glob_matches(pattern.glob.as_bytes(), name.as_bytes()))
                    .peekable();
                matching.peek().is_some() && matching.all(|pattern| !pattern.negated)
            }
        }
    }
}

fn glob_matches(glob: &[u8], name: &[u8]) -> bool {
    // On a mismatch the last star takes one character more: linear in practice, and never exponential.
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match glob.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || *wanted == name[seen] => {
                at += 1;
                seen += 1;
            }
            Some(_) | None => match star {
                Some((back, taken)) => {
                    star = Some((back, taken + 1));
                    at = back + 1;
                    seen = taken + 1;
                }
                None => return false,
            },
        }
    }
    glob[at..].iter().all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests;
