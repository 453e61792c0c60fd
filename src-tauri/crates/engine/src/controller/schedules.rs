//! Starts and stops by the clock.
//!
//! When the next one of a node is due is worked out once, after the last one and after an edit; a tick compares one number. What
//! is due is first written down as done and then asked for, so that a restart neither repeats nor forgets it. A start is an
//! ordinary cascade. A stop goes the way of every automatic stop: protection, then the question or the notice. One that is
//! refused is tried again every [`RETRY`] for [`TRY_FOR`], and told again when the reason is another one.
//!
//! What was missed while the computer slept or WakeHub was off: see `domain::calendar`.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use wakehub_domain::calendar::{last_due, outside};
use wakehub_domain::{Action, Graph, Intent, Node, NodeId, PowerState, Schedule, Timestamp};
use wakehub_store::SettingKey;
use wakehub_view::said::Said;
use wakehub_view::wire::{Ask, ScheduledView};

use super::Controller;
use super::plans::{Goal, Order};
use super::questions::About;

const RETRY: Duration = Duration::from_secs(5 * 60);
const TRY_FOR: Duration = Duration::from_secs(60 * 60);
/// A clock that is set back by less does not have the times in between come twice, as cron has it.
const SET_BACK: Duration = Duration::from_secs(3 * 60 * 60);
/// When the database refuses, nothing is done by the clock until then.
const WRITE_AGAIN: Duration = Duration::from_secs(60);

pub(crate) const KEPT: SettingKey<Kept> = SettingKey::new("schedules");

/// What a restart must know.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// What was due until then is dealt with.
    looked_at: Timestamp,
    /// Stops that were refused and are tried again.
    trying: Vec<Trying>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Trying {
    node: NodeId,
    /// In plain words.
    reading: String,
    until: Timestamp,
    #[serde(skip)]
    next: Timestamp,
    /// What the journal was last told of why it stays on.
    #[serde(skip)]
    told: Option<String>,
}

#[derive(Default)]
pub(crate) struct Scheduling {
    kept: Kept,
    /// Of the nodes that have schedules.
    times: BTreeMap<NodeId, Times>,
    /// By which they were worked out.
    graph: Option<Arc<Graph>>,
    zone: Option<TimeZone>,
    /// The earliest of all.
    next: Option<Timestamp>,
    not_before: Timestamp,
}

struct Times {
    schedules: Vec<Schedule>,
    /// What was due until then is dealt with.
    since: Timestamp,
    /// Of each schedule that is switched on, in time.
    next: Vec<(Timestamp, Action)>,
}

impl Times {
    fn after(since: Timestamp, schedules: &[Schedule], zone: &TimeZone) -> Times {
        let mut next: Vec<(Timestamp, Action)> = schedules
            .iter()
            .filter_map(|schedule| Some((schedule.next(since, zone)?, schedule.action)))
            .collect();
        next.sort_by_key(|(at, action)| (*at, *action == Action::Stop));
        Times {
            schedules: schedules.to_vec(),
            since,
            next,
        }
    }
}

/// One node's last time of all that have passed.
struct Due {
    node: NodeId,
    at: Timestamp,
    schedule: Schedule,
}

impl Scheduling {
    pub fn after(kept: Kept) -> Scheduling {
        Scheduling {
            kept,
            ..Scheduling::default()
        }
    }

    /// Works out when what has changed is due; true when that must be written down.
    fn learn(&mut self, graph: &Arc<Graph>, zone: TimeZone, now: Timestamp) -> bool {
        let is_first = self.graph.is_none();
        let back = self.kept.looked_at.since(now) > SET_BACK;
        let moved = self.zone.as_ref() != Some(&zone);
        let edited = !self
            .graph
            .as_ref()
            .is_some_and(|old| Arc::ptr_eq(old, graph));
        if !(back || moved || edited) {
            return false;
        }
        let is_new = self.kept.looked_at == Timestamp::default();
        let mut changed = is_first && is_new || back;
        let since = if is_first && !is_new && !back {
            self.kept.looked_at
        } else {
            now
        };
        let mut old = std::mem::take(&mut self.times);
        for node in graph.nodes() {
            let schedules = &node.settings.schedules;
            let known = old
                .remove(&node.id)
                .filter(|known| known.schedules == *schedules && !moved && !back);
            if let Some(known) = known {
                self.times.insert(node.id, known);
            } else if !schedules.is_empty() {
                changed |= !is_first;
                let times = Times::after(since, schedules, &zone);
                self.times.insert(node.id, times);
            }
        }
        self.graph = Some(graph.clone());
        self.zone = Some(zone);
        self.find_next();
        changed
    }

    fn find_next(&mut self) {
        let first = |times: &Times| times.next.first().map(|(at, _)| *at);
        self.next = self.times.values().filter_map(first).min();
    }

    /// All whose time has come.
    fn due(&self, now: Timestamp) -> Vec<Due> {
        let Some(zone) = &self.zone else {
            return Vec::new();
        };
        let is_due = |times: &Times| times.next.first().is_some_and(|(at, _)| *at <= now);
        self.times
            .iter()
            .filter(|(_, times)| is_due(times))
            .filter_map(|(node, times)| {
                let (which, at) = last_due(&times.schedules, times.since, now, zone)?;
                let schedule = times.schedules.get(which)?.clone();
                Some(Due {
                    node: *node,
                    at,
                    schedule,
                })
            })
            .collect()
    }

    /// What was due is dealt with.
    fn pass(&mut self, now: Timestamp) {
        let Some(zone) = &self.zone else { return };
        for times in self.times.values_mut() {
            if times.next.first().is_some_and(|(at, _)| *at <= now) {
                *times = Times::after(now, &times.schedules, zone);
            }
        }
        self.find_next();
    }
}

impl Controller {
    /// At every tick; looks at no node unless something is due or was edited.
    pub(super) async fn run_schedules(&mut self) {
        let now = self.clock.now();
        // a clock that was set back does not make it wait for longer
        let wait = self.scheduling.not_before.since(now);
        if !wait.is_zero() && wait <= WRITE_AGAIN {
            return;
        }
        let graph = self.graph.clone();
        let edited = self.scheduling.learn(&graph, self.clock.zone(), now);
        self.changed |= edited;
        let due = match self.scheduling.next {
            Some(next) if next <= now => self.scheduling.due(now),
            Some(_) | None => Vec::new(),
        };
        if edited || !due.is_empty() {
            let kept = self.kept_after(&due, now);
            if !self.keep(kept).await {
                self.scheduling.not_before = now.plus(WRITE_AGAIN);
                return;
            }
            self.scheduling.pass(now);
            self.changed = true;
            for due in due {
                self.act(due, now).await;
            }
        }
        self.try_again(now).await;
    }

    /// Why it is not stopped automatically now: "automatic stops are allowed from 22:00 to 07:00". `None` when it may be.
    pub(super) fn outside_window(&self, node: &Node, now: Timestamp) -> Option<String> {
        let windows = &node.settings.auto_stop_windows;
        if windows.is_empty() {
            return None;
        }
        outside(windows, now, &self.clock.zone())
    }

    /// Its next start and its next stop, in time.
    pub(super) fn next_scheduled(&self, node: NodeId) -> Vec<ScheduledView> {
        let times = self.scheduling.times.get(&node);
        let all = times.map_or(&[][..], |times| &times.next);
        let mut next: Vec<ScheduledView> = Vec::new();
        for (at, action) in all {
            if !next.iter().any(|other| other.action == *action) {
                next.push(ScheduledView {
                    at: *at,
                    action: *action,
                });
            }
        }
        next
    }

    /// What a restart is to know when these are dealt with.
    fn kept_after(&self, due: &[Due], now: Timestamp) -> Kept {
        let mut kept = self.scheduling.kept.clone();
        kept.looked_at = now;
        for due in due.iter().filter(|due| due.schedule.may_run(due.at, now)) {
            // a start is the end of every stop before it
            kept.trying.retain(|trying| trying.node != due.node);
            if due.schedule.action == Action::Stop {
                kept.trying.push(Trying {
                    node: due.node,
                    reading: due.schedule.reading(),
                    until: now.plus(TRY_FOR),
                    next: now,
                    told: None,
                });
            }
        }
        kept
    }

    async fn keep(&mut self, kept: Kept) -> bool {
        let written = kept.clone();
        let written = self
            .storage
            .call(move |store| store.set_setting(&KEPT, &written))
            .await
            .and_then(|written| written);
        match written {
            Ok(()) => {
                self.scheduling.kept = kept;
                true
            }
            Err(error) => {
                self.notice_store(&error);
                false
            }
        }
    }

    async fn act(&mut self, due: Due, now: Timestamp) {
        let Due { node, at, schedule } = due;
        let rest = &schedule.reading();
        let name = &self.name(node);
        if !schedule.may_run(at, now) {
            let action = schedule.action.as_str();
            let (message, reason) = (
                Said::Missed { action, name },
                Said::WasDueMeanwhile { rest },
            );
            self.journal_schedule(node, message, reason);
            return;
        }
        if schedule.action == Action::Stop {
            // `try_again` begins with it
            return;
        }
        self.is_wanted(node, &Said::BySchedule { rest });
        self.journal_schedule(node, Said::ToBeStarted { name }, Said::BySchedule { rest });
        let ask = Ask {
            action: Action::Start,
            node,
            with_dependants: false,
            queue: true,
            automatic: true,
        };
        let (reply, answer) = oneshot::channel();
        self.watch_queued(ask.clone(), answer);
        let order = Order {
            automatic: true,
            ..Order::from(ask)
        };
        self.after_looking(Goal::Run { order, reply }).await;
    }

    /// The stops whose time has come, and those that were refused before.
    async fn try_again(&mut self, now: Timestamp) {
        if self.scheduling.kept.trying.is_empty() {
            return;
        }
        let (mut over, mut again) = (Vec::new(), Vec::new());
        for trying in &mut self.scheduling.kept.trying {
            if trying.until < now || self.graph.get(trying.node).is_none() {
                over.push(trying.clone());
            } else if trying.next <= now || trying.next.since(now) > RETRY {
                trying.next = now.plus(RETRY);
                again.push(trying.node);
            }
        }
        for trying in over {
            self.settled_stop(trying.node);
            if self.graph.get(trying.node).is_some() {
                let name = &self.name(trying.node);
                let rest = &trying.reading;
                self.journal_schedule(
                    trying.node,
                    Said::GivenUp { name },
                    Said::BySchedule { rest },
                );
            }
        }
        for node in again {
            self.after_looking(Goal::Scheduled { node }).await;
        }
    }

    /// Its time has come and all that matters has been looked at.
    pub(super) async fn scheduled_stop(&mut self, node: NodeId) {
        let now = self.clock.now();
        let graph = self.graph.clone();
        let found = self.scheduling.kept.trying.iter_mut();
        let (Some(trying), Some(configured)) = (
            found
                .into_iter()
                .find(|trying| trying.node == node)
                .cloned(),
            graph.get(node),
        ) else {
            return;
        };
        if self.observations.state(&graph, node) == PowerState::Off {
            self.settled_stop(node);
            return;
        }
        let refused = self.outside_window(configured, now).or_else(|| {
            let refusal = self.plan_intent(&Intent::stop_automatically(node)).err()?;
            Some(refusal.message)
        });
        let Some(said) = refused else {
            self.settled_stop(node);
            let rest = &trying.reading;
            self.ask_about(
                node,
                About::Scheduled,
                Said::BySchedule { rest }.to_string(),
            )
            .await;
            return;
        };
        if trying.told.as_ref() != Some(&said) {
            let name = &self.name(node);
            self.journal_schedule(
                node,
                Said::StaysOn { name },
                Said::Elsewhere { said: &said },
            );
        }
        let kept = self.scheduling.kept.trying.iter_mut();
        for trying in kept.filter(|trying| trying.node == node) {
            trying.told = Some(said.clone());
        }
    }

    /// It is no longer tried.
    fn settled_stop(&mut self, node: NodeId) {
        self.scheduling.kept.trying.retain(|t| t.node != node);
        let kept = self.scheduling.kept.clone();
        self.storage.send("keep what is due", move |store| {
            store.set_setting(&KEPT, &kept)
        });
    }
}
