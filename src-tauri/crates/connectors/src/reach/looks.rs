//! Looks whose traffic is remembered, so that being looked at is no use.

use super::{Sighting, probe, seen};
use crate::Own;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use wakehub_domain::Probe;

/// What all looks have caused, by address as it was given and port.
#[derive(Debug, Default)]
pub struct Looks(Mutex<BTreeMap<(String, u16), Own>>);

impl Looks {
    /// See [`super::look`].
    pub async fn look(&self, address: &str, port: u16) -> Sighting {
        let (sighting, own) = seen(address, port).await;
        self.add(address, port, own);
        sighting
    }

    /// See [`super::probe`]. What an HTTP question moves is left out: it is asked while a node starts, never while it is idle.
    pub async fn probe(&self, asked: &Probe, address: Option<&str>) -> Result<(), String> {
        let (ready, tried) = probe::tried(asked, address).await;
        if let Some((host, port, own)) = tried {
            self.add(&host, port, own);
        }
        ready
    }

    /// See [`crate::probe::accepts`].
    pub async fn accepts(&self, address: &str, port: u16) -> Result<bool, String> {
        let (accepts, own) = crate::probe::tried(address, port).await;
        self.add(address, port, own);
        accepts
    }

    /// What looks at this address have caused there, cumulative and rather too low; of one port, or of all.
    pub fn caused(&self, address: &str, port: Option<u16>) -> Own {
        let address = plain(address);
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks
            .range((address.clone(), 0)..=(address, u16::MAX))
            .filter(|((_, at), _)| port.is_none_or(|port| port == *at))
            .fold(Own::default(), |sum, (_, own)| sum + *own)
    }

    fn add(&self, address: &str, port: u16, own: Own) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = looks.entry((plain(address), port)).or_default();
        *sum = *sum + own;
    }
}

fn plain(address: &str) -> String {
    address.trim_matches(['[', ']']).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_booked_where_they_went() {
        let looks = Looks::default();
        let some = |rx_bytes| Own {
            rx_bytes,
            ..Own::default()
        };
        looks.add("NAS", 22, some(1));
        looks.add("nas", 8096, some(2));
        looks.add("[fd00::2]", 22, some(4));
        looks.add("nas2", 22, some(8));
        assert_eq!(looks.caused("nas", None), some(3));
        assert_eq!(looks.caused("nas", Some(8096)), some(2));
        assert_eq!(looks.caused("nas", Some(1)), some(0));
        assert_eq!(looks.caused("FD00::2", None), some(4));
    }
}
