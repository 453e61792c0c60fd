//! What platforms remember of the time in which WakeHub was off or asleep: a window may reach back into it.
//!
//! Only into that time, and over a sleep to what was seen before it: nobody could ask anything of WakeHub then. Whoever started
//! a node before, or kept it on, or has since, has his whole timeout: it begins no earlier.

use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::timeout;
use wakehub_connectors::Target;
use wakehub_domain::idle::{Criteria, IdleRule, PastUse, quiet_before};
use wakehub_domain::{Capability, ConnectionId, ConnectorError, Node, NodeId, Timestamp};
use wakehub_store::SettingKey;

use super::super::Controller;
use super::super::savings::{LOOK_EVERY, WRITE_EVERY};
use super::{ASK_LIMIT, Watched, no_answer, sources};
use crate::event::Event;

/// What happened around the first look is remembered some minutes after it: Proxmox' collector writes every ten seconds, of
/// minutes that are over, and its clock may differ from ours.
const LATER: Duration = Duration::from_secs(3 * 60);
/// A window that began later began with use that was seen.
const FIRST: Duration = Duration::from_secs(5 * 60);
/// Then the platform does not remember, or cannot be asked.
const ATTEMPTS: u8 = 3;

/// When WakeHub was last seen to be awake, to within [`AWAKE_WITHIN`].
pub(crate) const AWAKE: SettingKey<Timestamp> = SettingKey::new("awake_at");
const AWAKE_WITHIN: Duration = WRITE_EVERY.saturating_add(LOOK_EVERY);

/// WakeHub was off or asleep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Away {
    /// It surely was by then.
    from: Timestamp,
    until: Timestamp,
}

impl Away {
    pub(crate) fn asleep(from: Timestamp, until: Timestamp) -> Option<Away> {
        (from < until).then_some(Away { from, until })
    }

    /// It was awake at some time after `awake`, and began anew at `until`.
    pub(crate) fn off(awake: Option<Timestamp>, until: Timestamp) -> Option<Away> {
        Away::asleep(awake?.plus(AWAKE_WITHIN), until)
    }
}

/// What a node's platform was asked of one absence.
#[derive(Default)]
pub(super) struct Asked {
    of: Option<Away>,
    times: u8,
    waits: bool,
}

/// A window before the computer slept.
#[derive(Debug)]
pub(super) struct Before {
    since: Timestamp,
    last: Timestamp,
    /// Another one would have seen other ticks as quiet.
    rule: IdleRule,
}

impl Watched {
    pub(super) fn until_now(&self, rule: Option<IdleRule>) -> Option<Before> {
        Some(Before {
            since: self.since()?,
            last: self.last.as_ref()?.0,
            rule: rule?,
        })
    }
}

impl Controller {
    pub(in crate::controller) fn write_awake(&self) {
        let now = self.clock.now();
        self.storage
            .send("write down when WakeHub was awake", move |store| {
                store.set_setting(&AWAKE, &now)
            });
    }

    /// Asks about every node that was quiet at its first look after an absence, as long as the answer makes a difference: one
    /// after the other over each connection.
    pub(super) fn ask_for_the_past(&mut self, now: Timestamp) {
        let Some(away) = self.idling.away else {
            return;
        };
        let graph = self.graph.clone();
        let mut asks: BTreeMap<ConnectionId, Vec<(NodeId, Target, Duration)>> = BTreeMap::new();
        for node in graph.nodes() {
            let (Some(rule), Some((connection, target))) = (self.rule_of(node), remembers(node))
            else {
                continue;
            };
            let are_remembered = rule.criteria.as_ref().is_some_and(Criteria::are_remembered);
            let breaker = self.polling.breakers.get(&connection);
            let is_open = breaker.is_some_and(|breaker| !breaker.allows(now));
            let Some(watched) = self.idling.watched.get_mut(&node.id) else {
                continue;
            };
            let Some(began) = watched.since() else {
                continue;
            };
            let is_first = began >= away.until && began.since(away.until) <= FIRST;
            let quiet_for = now.since(began);
            let helps = quiet_for >= LATER && quiet_for < rule.timeout();
            if !rule.enabled || !are_remembered || is_open || !is_first || !helps {
                continue;
            }
            let asked = &mut watched.asked;
            if asked.of != Some(away) {
                *asked = Asked {
                    of: Some(away),
                    ..Asked::default()
                };
            }
            if asked.waits || asked.times >= ATTEMPTS {
                continue;
            }
            asked.times += 1;
            asked.waits = true;
            let back = rule.timeout().min(now.since(away.from)) + LATER;
            let ask = (node.id, target, back);
            asks.entry(connection).or_default().push(ask);
        }
        for (connection, asks) in asks {
            let (links, events) = (self.links.clone(), self.events.clone());
            tokio::spawn(async move {
                for (node, target, back) in asks {
                    let asked = async {
                        let connector = links.connector(connection).await?;
                        connector.past(&target, back).await
                    };
                    let result = timeout(ASK_LIMIT, asked)
                        .await
                        .unwrap_or_else(|_| Err(no_answer(connection)));
                    let _ = events.send(Event::Remembered { node, result }).await;
                }
            });
        }
    }

    /// The next tick judges by it.
    pub(in crate::controller) fn remembered(
        &mut self,
        node: NodeId,
        result: Result<Vec<PastUse>, ConnectorError>,
    ) {
        let now = self.clock.now();
        let rule = self.graph.get(node).and_then(|node| self.rule_of(node));
        let (Some(rule), Some(away)) = (rule, self.idling.away) else {
            return;
        };
        let name = self.name(node);
        // of an absence before, or of another rule: the window has begun anew since
        let Some(watched) = self.idling.watched.get_mut(&node) else {
            return;
        };
        if watched.asked.of != Some(away) {
            return;
        }
        watched.asked.waits = false;
        let past = match result {
            Ok(past) => past,
            Err(error) => {
                tracing::debug!(node = %name, %error, "nobody remembers what was used");
                return;
            }
        };
        let Some(began) = watched.since() else {
            return;
        };
        if let Some(quiet) = quiet_before(&rule, &past, began, now) {
            watched.asked.times = ATTEMPTS;
            let wanted = self.idling.wanted.get(&node).copied();
            // without a hole since before the sleep it is one window
            let joins = |before: &&Before| quiet <= before.last && before.rule == rule;
            let before = watched.before.as_ref().filter(joins);
            let known = before.map_or(quiet.max(away.from), |before| before.since);
            // what was seen weighs more than an average
            let seen = watched.used_at.max(wanted);
            let since = known.max(seen.unwrap_or_default());
            if since >= began {
                return;
            }
            watched.window.was_quiet_since(since);
            watched.remembered_until = Some(began);
            let minutes = began.since(since).as_secs() / 60;
            tracing::info!(node = %name, minutes, "it was quiet before it was looked at, too, by what Proxmox remembers");
        }
    }
}

/// Proxmox remembers what it measures; what is measured elsewhere it does not know.
fn remembers(node: &Node) -> Option<(ConnectionId, Target)> {
    let (connection, target) = sources(node).into_iter().next()?;
    match connection.capability {
        Capability::ProxmoxApi => Some((connection, target)),
        Capability::Ssh | Capability::DockerApi | Capability::Wol => None,
    }
}
