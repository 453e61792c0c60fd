//! Which machines are on the network, and which of them are configured already.

use tokio::sync::mpsc;
use wakehub_connectors::scan::{Found, Source};
use wakehub_domain::{Graph, Node, NodeId};
use wakehub_view::wire::{FoundAddress, FoundBy};

use super::Controller;
use crate::request::Reply;

impl Controller {
    /// In a task of its own, which ends when nobody listens any more.
    pub(super) fn scan(&self, sweep: bool, found: mpsc::Sender<FoundAddress>, reply: Reply<()>) {
        let (links, graph) = (self.links.clone(), self.graph.clone());
        tokio::spawn(async move {
            let (sender, mut seen) = mpsc::channel(64);
            let world = links.world().clone();
            // ends when all is told: the sender goes with it
            let look = async move {
                world.scan(sweep, &sender).await;
            };
            let tell = async {
                while let Some(one) = seen.recv().await {
                    if found.send(view(&graph, one)).await.is_err() {
                        // whoever scans sees that nobody listens, and ends
                        seen.close();
                    }
                }
            };
            tokio::join!(look, tell);
            let _ = reply.send(Ok(()));
        });
    }
}

fn view(graph: &Graph, found: Found) -> FoundAddress {
    let address = found.address.to_string();
    FoundAddress {
        node: configured(graph, &address, found.mac.as_deref()),
        address,
        mac: found.mac,
        name: found.name,
        vendor: found.vendor.map(str::to_owned),
        source: match found.source {
            Source::Neighbours => FoundBy::Neighbours,
            Source::Mdns => FoundBy::Mdns,
        },
    }
}

/// By its card first: addresses are given to another machine now and then.
fn configured(graph: &Graph, address: &str, mac: Option<&str>) -> Option<NodeId> {
    let has_mac = |node: &Node| {
        let own = node.wol.as_ref().map(|wol| wol.mac.as_str());
        matches!((own, mac), (Some(own), Some(mac)) if own.eq_ignore_ascii_case(mac))
    };
    let is_at = |node: &Node| node.address.as_deref() == Some(address);
    let mut nodes = graph.nodes().iter();
    let found = nodes
        .clone()
        .find(|node| has_mac(node))
        .or_else(|| nodes.find(|node| is_at(node)));
    found.map(|node| node.id)
}
