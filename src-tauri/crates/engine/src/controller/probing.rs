//! The questions of a tick: asked beside its rounds, and put into the samples that are judged when all have answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use wakehub_domain::idle::{ProbeAnswer, Sample, UseProbe};
use wakehub_domain::{ConnectorError, ErrorKind, Node, NodeId, PowerState};

use super::Controller;
use crate::event::Event;
use crate::links::Links;
use crate::probing;

/// A question ends within 10 s by itself; what makes it ready (the keyring, a session) may take as long.
const ASK_LIMIT: Duration = Duration::from_secs(20);

#[derive(Default)]
pub(crate) struct Probing {
    /// The nodes of this tick whose answers have not come yet.
    outstanding: BTreeSet<NodeId>,
    told: BTreeMap<NodeId, Told>,
}

/// What became of one node's questions; `None` where its rule does not ask.
pub(crate) struct Told {
    answer: Option<Result<ProbeAnswer, ConnectorError>>,
    port_accepts: Option<Result<bool, String>>,
}

/// The questions of one node.
struct Asking {
    node: Node,
    probe: Option<UseProbe>,
    /// Where its port is, and which.
    port: Option<(Option<String>, u16)>,
}

impl Probing {
    pub fn is_over(&self) -> bool {
        self.outstanding.is_empty()
    }
}

impl Controller {
    /// Asks every node that is on and has a rule that asks.
    pub(super) fn begin_probes(&mut self) {
        let asking: Vec<Asking> = self
            .graph
            .nodes()
            .iter()
            .filter(|node| node.settings.idle.as_ref().is_some_and(|rule| rule.enabled))
            .filter(|node| self.observations.state(&self.graph, node.id) == PowerState::On)
            .map(|node| Asking {
                node: node.clone(),
                probe: probing::question(node).cloned(),
                port: probing::port(node).map(|port| {
                    let address = probing::address(&self.graph, node);
                    (address.map(str::to_owned), port)
                }),
            })
            .filter(|asking| asking.probe.is_some() || asking.port.is_some())
            .collect();
        self.probing = Probing {
            outstanding: asking.iter().map(|asking| asking.node.id).collect(),
            told: BTreeMap::new(),
        };
        for asking in asking {
            tokio::spawn(asking.run(self.links.clone(), self.events.clone()));
        }
    }

    pub(super) async fn probed(&mut self, node: NodeId, told: Told) {
        // one that was asked in a tick that nobody waits for any longer says nothing of this one
        if self.probing.outstanding.remove(&node) {
            self.probing.told.insert(node, told);
            self.judge_when_told().await;
        }
    }

    /// What was asked of a node, in its sample; what was not answered, in words.
    pub(super) fn put_told(
        &mut self,
        node: NodeId,
        sample: &mut Sample,
        unmeasured: &mut Vec<String>,
    ) {
        let Some(told) = self.probing.told.remove(&node) else {
            return;
        };
        match told.answer {
            Some(Ok(answer)) => sample.probe = Some(answer),
            Some(Err(error)) => unmeasured.push(error.to_string()),
            None => {}
        }
        match told.port_accepts {
            Some(Ok(accepts)) => sample.port_accepts = Some(accepts),
            Some(Err(why)) => unmeasured.push(why),
            None => {}
        }
    }
}

impl Asking {
    async fn run(self, links: Arc<Links>, events: mpsc::Sender<Event>) {
        let ask = async {
            let probe = self.probe.as_ref()?;
            let asked = timeout(ASK_LIMIT, links.ask(&self.node, probe)).await;
            Some(asked.unwrap_or_else(|_| {
                Err(ConnectorError::new(
                    ErrorKind::TimedOut,
                    format!("ask {}", probe.title()),
                    format!("no answer within {} s", ASK_LIMIT.as_secs()),
                ))
            }))
        };
        let try_port = async {
            Some(match self.port.as_ref()? {
                (Some(address), port) => links.world().accepts(address, *port).await,
                (None, port) => Err(format!("port {port} of a node without an address")),
            })
        };
        let (answer, port_accepts) = tokio::join!(ask, try_port);
        let told = Told {
            answer,
            port_accepts,
        };
        let node = self.node.id;
        let _ = events.send(Event::Probed { node, told }).await;
    }
}
