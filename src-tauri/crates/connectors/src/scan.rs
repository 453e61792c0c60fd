//! Which machines are on this network: from the neighbour table, from what announces itself over mDNS, and, only when
//! asked, after an echo request to each address of the own network. No port is tried.

mod mdns;
mod neighbours;
mod sweep;
mod vendor;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use tokio::sync::mpsc;

/// One address, with what is known of it so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub address: IpAddr,
    /// `52:54:00:00:00:03`, in lower case.
    pub mac: Option<String>,
    /// By which it announces itself, without `.local`.
    pub name: Option<String>,
    /// Who made its network card, where that tells something.
    pub vendor: Option<&'static str>,
    pub source: Source,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// This computer has exchanged packets with it lately.
    Neighbours,
    Mdns,
}

/// Sends every address as it is found, and again when more is known of it. Takes some five seconds, with `sweep` up to
/// fifteen; ends early when nobody listens any more.
pub async fn scan(sweep: bool, found: &mpsc::Sender<Found>) {
    let mut network = Network::new(found);
    network.neighbours(neighbours::read().await).await;
    let (sender, mut announced) = mpsc::channel(64);
    let work = async {
        tokio::join!(mdns::listen(sender), async {
            if sweep {
                sweep::run().await;
            }
        })
    };
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            () = found.closed() => return,
            Some(announcement) = announced.recv() => network.announced(announcement).await,
            _ = &mut work => break,
        }
    }
    while let Ok(announcement) = announced.try_recv() {
        network.announced(announcement).await;
    }
    network.neighbours(neighbours::read().await).await;
}

/// What is known of each address.
struct Network<'a> {
    known: BTreeMap<IpAddr, Found>,
    /// Of this computer itself.
    own: BTreeSet<IpAddr>,
    found: &'a mpsc::Sender<Found>,
}

impl Network<'_> {
    fn new(found: &mpsc::Sender<Found>) -> Network<'_> {
        let own = if_addrs::get_if_addrs().unwrap_or_default();
        Network {
            known: BTreeMap::new(),
            own: own.iter().map(if_addrs::Interface::ip).collect(),
            found,
        }
    }

    async fn neighbours(&mut self, neighbours: Vec<neighbours::Neighbour>) {
        for neighbour in neighbours {
            self.learn(
                neighbour.address,
                Some(neighbour.mac),
                None,
                Source::Neighbours,
            )
            .await;
        }
    }

    async fn announced(&mut self, announcement: mdns::Announcement) {
        for address in announcement.addresses {
            let (mac, name) = (announcement.mac.clone(), announcement.name.clone());
            self.learn(address, mac, name, Source::Mdns).await;
        }
    }

    async fn learn(
        &mut self,
        address: IpAddr,
        mac: Option<String>,
        name: Option<String>,
        source: Source,
    ) {
        if self.own.contains(&address) {
            return;
        }
        let before = self.known.get(&address).cloned();
        let mut known = before.clone().unwrap_or(Found {
            address,
            mac: None,
            name: None,
            vendor: None,
            source,
        });
        if known.mac.is_none() {
            known.vendor = mac.as_deref().and_then(vendor::of);
            known.mac = mac;
        }
        if known.name.is_none() {
            known.name = name;
        }
        if before.as_ref() != Some(&known) {
            self.known.insert(address, known.clone());
            // the loop looks whether somebody still listens
            let _ = self.found.send(known).await;
        }
    }
}
