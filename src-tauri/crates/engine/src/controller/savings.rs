//! How long each node was on and off, for what was saved. See `wakehub_domain::savings`.

use jiff::civil::Date;
use std::collections::BTreeMap;
use std::time::Duration;
use wakehub_domain::savings::{Running, Saved, Span, Trail, Watts, periods};
use wakehub_domain::{Graph, Node, NodeId, NodeKind, PowerOff, PowerState, Timestamp};
use wakehub_view::savings::{SavedNode, SavedPeriod, SavedView, SavingsAsk, SavingsView};

use super::Controller;
use super::requests::{other, removed, store_failed};
use crate::request::Reply;

pub(super) const LOOK_EVERY: Duration = Duration::from_secs(60);
/// What a crash loses at most is not lost: the node is found as it was, and the time in between is one that nobody saw.
pub(super) const WRITE_EVERY: Duration = Duration::from_secs(5 * 60);

#[derive(Default)]
pub(crate) struct Accounting {
    trails: BTreeMap<NodeId, Trail>,
    /// By node and beginning, as the database has them; not written yet.
    unwritten: BTreeMap<(NodeId, Timestamp), Span>,
    looked: Option<Timestamp>,
    written: Option<Timestamp>,
}

impl Accounting {
    pub(crate) fn after(last: Vec<Span>) -> Accounting {
        let trails = last.into_iter().map(|span| (span.node, Trail::after(span)));
        Accounting {
            trails: trails.collect(),
            ..Accounting::default()
        }
    }
}

impl Controller {
    /// Takes down what is on and off, once a minute, by when it was last seen so.
    pub(super) fn account(&mut self) {
        let now = self.clock.now();
        if !is_due(self.accounting.looked, LOOK_EVERY, now) {
            return;
        }
        self.accounting.looked = Some(now);
        // two looks may be missed before what is between them was not seen
        let apart = Duration::from_secs(u64::from(self.settings.poll_idle_s) * 3).max(WRITE_EVERY);
        let accounting = &mut self.accounting;
        for node in self.graph.nodes() {
            let Some(observation) = self.observations.get(node.id) else {
                continue;
            };
            let Some(running) = running(node, &observation.state) else {
                continue;
            };
            let trail = accounting.trails.entry(node.id).or_default();
            for span in trail.take(node.id, running, observation.seen, apart) {
                accounting.unwritten.insert((node.id, span.since), span);
            }
        }
        let graph = &self.graph;
        accounting
            .trails
            .retain(|node, _| graph.get(*node).is_some());
        if is_due(self.accounting.written, WRITE_EVERY, now) {
            self.accounting.written = Some(now);
            self.write_spans();
            self.write_awake();
        }
    }

    pub(super) fn write_spans(&mut self) {
        let unwritten = std::mem::take(&mut self.accounting.unwritten);
        if unwritten.is_empty() {
            return;
        }
        let spans: Vec<Span> = unwritten.into_values().collect();
        self.storage.send("keep what was on and off", move |store| {
            store.save_spans(&spans)
        });
    }

    /// Works it out where the database is, so that nobody waits for it but who asked.
    pub(super) fn savings(&mut self, ask: SavingsAsk, reply: Reply<SavingsView>) {
        if let Err(message) = ask.check() {
            return drop(reply.send(Err(other(message))));
        }
        if let Some(node) = ask.node.filter(|node| self.graph.get(*node).is_none()) {
            return drop(reply.send(Err(removed(node))));
        }
        self.write_spans();
        let graph = self.graph.clone();
        let price = self.settings.price_per_kwh;
        let currency = self.settings.currency.clone();
        let times = periods(ask.by, ask.count, self.clock.now(), &self.clock.zone());
        let storage = self.storage.clone();
        tokio::spawn(async move {
            let (from, to) = match (times.first(), times.last()) {
                (Some((_, from, _)), Some((_, _, to))) => (*from, *to),
                (None, _) | (_, None) => (Timestamp(0), Timestamp(0)),
            };
            let read = storage
                .call(move |store| {
                    let spans = store.spans(ask.node, from, to)?;
                    let since = store.spans_begin()?;
                    let shown = Shown {
                        ask,
                        price,
                        currency,
                        since,
                    };
                    Ok(shown.view(&graph, &spans, &times))
                })
                .await
                .and_then(|read| read);
            let _ = reply.send(read.map_err(store_failed));
        });
    }
}

fn is_due(last: Option<Timestamp>, every: Duration, now: Timestamp) -> bool {
    last.is_none_or(|last| last > now || now.since(last) >= every)
}

/// Only what is known to be on or off is counted.
fn running(node: &Node, state: &PowerState) -> Option<Running> {
    match state {
        PowerState::On => Some(Running::On),
        PowerState::Off if node.kind == NodeKind::Machine => match node.settings.power_off {
            PowerOff::Suspend => Some(Running::Suspended),
            // a machine in hibernation draws what one that is shut down does
            PowerOff::ShutDown | PowerOff::Hibernate => Some(Running::Off),
        },
        PowerState::Off => Some(Running::Off),
        PowerState::Unknown
        | PowerState::Starting
        | PowerState::Stopping
        | PowerState::Failed { .. } => None,
    }
}

/// What a view is made with beyond the spans.
struct Shown {
    ask: SavingsAsk,
    price: Option<f64>,
    currency: String,
    since: Option<Timestamp>,
}

impl Shown {
    /// `spans` by node.
    fn view(
        self,
        graph: &Graph,
        spans: &[Span],
        times: &[(Date, Timestamp, Timestamp)],
    ) -> SavingsView {
        let bounds: Vec<(Timestamp, Timestamp)> =
            times.iter().map(|(_, from, to)| (*from, *to)).collect();
        let mut all = vec![Saved::default(); times.len()];
        let mut nodes = Vec::new();
        let mut without_watts = Vec::new();
        for spans in spans.chunk_by(|one, next| one.node == next.node) {
            let Some(node) = spans.first().and_then(|span| graph.get(span.node)) else {
                continue;
            };
            let watts = Watts {
                on: node.settings.watts_on,
                suspended: node.settings.watts_suspended,
            };
            let each = Saved::in_each(spans, watts, &bounds);
            let saved = each.iter().copied().fold(Saved::default(), Saved::and);
            let counts = node.kind == NodeKind::Machine || self.ask.node.is_some();
            for (all, of_node) in all.iter_mut().zip(&each) {
                *all = all.and(if counts {
                    *of_node
                } else {
                    // its host's hours are counted, and may be what its watts are part of
                    Saved {
                        kwh: of_node.kwh,
                        ..Saved::default()
                    }
                });
            }
            if saved.off.is_zero() {
                continue;
            }
            if node.kind == NodeKind::Machine && watts.on.is_none() {
                without_watts.push(node.name.clone());
            }
            nodes.push((node, saved));
        }
        nodes.sort_by(|(_, one), (_, other)| {
            let energy = |saved: &Saved| saved.kwh.unwrap_or(0.0);
            let more = energy(other).total_cmp(&energy(one));
            more.then(other.off.cmp(&one.off))
        });
        let total = all.iter().copied().fold(Saved::default(), Saved::and);
        let periods = times
            .iter()
            .zip(all)
            .map(|((day, from, to), saved)| SavedPeriod {
                first_day: day.to_string(),
                from: *from,
                to: *to,
                saved: self.saved(saved),
            });
        SavingsView {
            by: self.ask.by,
            periods: periods.collect(),
            total: self.saved(total),
            nodes: nodes
                .into_iter()
                .map(|(node, saved)| SavedNode {
                    node: node.id,
                    name: node.name.clone(),
                    saved: self.saved(saved),
                })
                .collect(),
            without_watts,
            price_per_kwh: self.price,
            since: self.since,
            currency: self.currency,
        }
    }

    fn saved(&self, saved: Saved) -> SavedView {
        let hours = |time: Duration| time.as_secs_f64() / 3600.0;
        SavedView {
            off_hours: hours(saved.off),
            unseen_hours: hours(saved.unseen),
            on_hours: hours(saved.on),
            kwh: saved.kwh,
            money: saved.kwh.zip(self.price).map(|(kwh, price)| kwh * price),
        }
    }
}
