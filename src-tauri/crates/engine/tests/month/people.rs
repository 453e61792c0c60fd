//! Who lives with the hundred nodes: they start and use them, answer, hold, press buttons; and what breaks meanwhile.

use super::homelab::{Kind, hosted, needs};
use super::house::{Fault, House};
use super::lot::Lot;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::broadcast;
use wakehub_domain::{Action, NodeId, QuestionId, Timestamp};
use wakehub_engine::{Announcement, Handle};
use wakehub_view::wire::{Answer, Ask, QuestionView};

const HOUR: usize = 3600;
/// Whatever is started is on by then, with all that it needs.
const STARTED: Duration = Duration::from_secs(15 * 60);

enum Act {
    Use(usize),
    Leave(usize),
    Break(usize),
    Mend(usize),
    Backup(usize),
    BackedUp(usize),
    Rebuild(usize),
    Rebuilt(usize),
    Hold,
    Press,
    Stop,
    Pause,
    Answer(QuestionId, usize, Answer),
}

struct Waiting {
    at: usize,
    since: Timestamp,
    /// Something was broken meanwhile.
    excused: bool,
}

pub struct People {
    lot: Lot,
    acts: BTreeMap<(Timestamp, u64), Act>,
    count: u64,
    waiting: Vec<Waiting>,
    answered: Vec<QuestionId>,
    news: broadcast::Receiver<Announcement>,
    ids: Vec<NodeId>,
    /// What each needs, and itself.
    needs: Vec<Vec<usize>>,
    pub used: usize,
}

impl People {
    pub fn new(lot: Lot, house: &House, handle: &Handle, now: Timestamp) -> People {
        let snapshot = handle.snapshot();
        let named = |name: &str| {
            let mut nodes = snapshot.nodes.iter();
            nodes.find(|node| node.name == name).expect("a node").id
        };
        let specs = house.with(|state| state.specs.clone());
        let mut people = People {
            lot,
            acts: BTreeMap::new(),
            count: 0,
            waiting: Vec::new(),
            answered: Vec::new(),
            news: handle.announcements(),
            ids: specs.iter().map(|spec| named(&spec.name)).collect(),
            needs: (0..specs.len())
                .map(|at| needs(&specs, at).into_iter().chain([at]).collect())
                .collect(),
            used: 0,
        };
        for (at, spec) in specs.iter().enumerate() {
            people.soon(now, 60, 12 * HOUR, Act::Use(at));
            if spec.host.is_none() || spec.docker {
                people.soon(now, HOUR, 96 * HOUR, Act::Break(at));
            }
            if spec.kind == Kind::Guest {
                people.soon(now, HOUR, 48 * HOUR, Act::Backup(at));
            }
            if spec.host.is_none() {
                people.soon(now, HOUR, 240 * HOUR, Act::Rebuild(at));
            }
        }
        people.soon(now, HOUR, 6 * HOUR, Act::Hold);
        people.soon(now, HOUR, 6 * HOUR, Act::Press);
        people.soon(now, HOUR, 12 * HOUR, Act::Stop);
        people.soon(now, 24 * HOUR, 96 * HOUR, Act::Pause);
        people
    }

    fn soon(&mut self, now: Timestamp, from: usize, to: usize, act: Act) {
        let when = now.plus(self.lot.seconds(from, to));
        self.count += 1;
        self.acts.insert((when, self.count), act);
    }

    /// All that is due, and what was announced since.
    /// True when something was.
    pub async fn act(&mut self, now: Timestamp, house: &House, handle: &Handle) -> bool {
        self.listen(now, house);
        let mut acted = false;
        while let Some(entry) = self.acts.first_entry()
            && entry.key().0 <= now
        {
            let act = entry.remove();
            acted = true;
            self.one(act, now, house, handle).await;
            self.listen(now, house);
        }
        self.begin_to_use(now, house);
        acted
    }

    fn listen(&mut self, now: Timestamp, house: &House) {
        loop {
            match self.news.try_recv() {
                Ok(Announcement::Asked(question)) => self.is_asked(&question, now, house),
                Ok(Announcement::Settled(id)) => {
                    let by_user = self.answered.contains(&id);
                    house.with(|state| {
                        let running: Vec<bool> =
                            (0..state.on.len()).map(|at| state.runs(at)).collect();
                        state.oracle.settles(id, now, &running, by_user);
                    });
                }
                Ok(Announcement::Ended(_) | Announcement::OpenUrl { .. }) => {}
                Err(broadcast::error::TryRecvError::Empty) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn is_asked(&mut self, question: &QuestionView, now: Timestamp, house: &House) {
        let at = house.with(|state| {
            let running: Vec<bool> = (0..state.on.len()).map(|at| state.runs(at)).collect();
            state.oracle.asks(question, now, &running);
            state.oracle.named(&question.node_name)
        });
        let answer = match self.lot.below(10) {
            0 => Answer::KeepOn,
            1 => Answer::Snooze,
            2..6 => Answer::ShutDown,
            // nobody is there
            _ => return,
        };
        if question.stops_at.is_none() {
            self.soon(now, 1, 5400, Act::Answer(question.id, at, answer));
        } else if answer != Answer::ShutDown {
            self.soon(now, 1, 59, Act::Answer(question.id, at, answer));
        }
    }

    async fn one(&mut self, act: Act, now: Timestamp, house: &House, handle: &Handle) {
        match act {
            Act::Use(at) => {
                self.wants(at, now, house, handle);
                self.soon(now, HOUR, 20 * HOUR, Act::Use(at));
            }
            Act::Leave(at) => house.with(|state| state.busy[at] = false),
            Act::Break(at) => {
                let fault = match self.lot.below(3) {
                    0 => Fault::Unmeasured,
                    1 => Fault::Deaf,
                    _ => Fault::Hangs,
                };
                house.with(|state| {
                    state.faults[at] = Some(fault);
                    if fault == Fault::Deaf {
                        state.oracle.is_deaf(at, now);
                    }
                });
                self.soon(now, 20, 2 * HOUR, Act::Mend(at));
                self.soon(now, 3 * HOUR, 96 * HOUR, Act::Break(at));
            }
            Act::Mend(at) => house.with(|state| state.faults[at] = None),
            Act::Backup(at) => {
                house.with(|state| {
                    state.locked[at] = state.runs(at);
                    state.oracle.interferes(at);
                });
                self.soon(now, 60, 2400, Act::BackedUp(at));
                self.soon(now, HOUR, 48 * HOUR, Act::Backup(at));
            }
            Act::BackedUp(at) => house.with(|state| state.locked[at] = false),
            Act::Rebuild(at) => {
                house.with(|state| state.rebuilds[at] = true);
                self.soon(now, HOUR, 10 * HOUR, Act::Rebuilt(at));
                self.soon(now, 24 * HOUR, 240 * HOUR, Act::Rebuild(at));
            }
            Act::Rebuilt(at) => house.with(|state| state.rebuilds[at] = false),
            Act::Hold => {
                let (at, length) = (self.lot.below(100), self.lot.seconds(60, 6 * HOUR));
                house.with(|state| state.oracle.is_held_until(at, now, now.plus(length)));
                let held = handle.hold_for(self.ids[at], length).await;
                held.expect("held");
                self.soon(now, 600, 6 * HOUR, Act::Hold);
            }
            Act::Press => {
                // somebody presses the button of something whose host is on
                let at = self.lot.below(100);
                house.with(|state| {
                    let host = state.specs[at].host;
                    if host.is_none_or(|host| state.runs(host)) {
                        state.switch(at, true, now);
                        for at in hosted(&state.specs, at).into_iter().chain([at]) {
                            state.oracle.is_pressed(at, now);
                        }
                    }
                });
                self.soon(now, 600, 6 * HOUR, Act::Press);
            }
            Act::Stop => {
                let at = self.lot.below(100);
                self.shuts_down(at, now, house);
                let (handle, ask) = (handle.clone(), self.ask(Action::Stop, at));
                tokio::spawn(async move { handle.run(ask).await });
                self.soon(now, 600, 12 * HOUR, Act::Stop);
            }
            Act::Pause => {
                let until = now.plus(self.lot.seconds(HOUR, 14 * HOUR));
                house.with(|state| state.oracle.is_paused_until(until));
                handle.pause_stops(Some(until)).await.expect("paused");
                self.soon(now, 48 * HOUR, 240 * HOUR, Act::Pause);
            }
            Act::Answer(id, at, answer) => self.answers(id, at, answer, now, house, handle).await,
        }
    }

    async fn answers(
        &mut self,
        id: QuestionId,
        at: usize,
        answer: Answer,
        now: Timestamp,
        house: &House,
        handle: &Handle,
    ) {
        let snapshot = handle.snapshot();
        if !snapshot.questions.iter().any(|question| question.id == id) {
            return;
        }
        match answer {
            Answer::ShutDown => {
                self.shuts_down(at, now, house);
                house.with(|state| state.oracle.is_left_alone(at, now));
            }
            Answer::Snooze => house.with(|state| {
                let hour = Duration::from_secs(3600);
                state.oracle.is_held_until(at, now, now.plus(hour));
            }),
            Answer::KeepOn | Answer::AlwaysKeepOn => {
                house.with(|state| state.oracle.is_kept_on(at, now));
            }
        }
        self.answered.push(id);
        if answer == Answer::ShutDown {
            // it is looked at first, and time stands still here; that may be refused
            let handle = handle.clone();
            tokio::spawn(async move { handle.answer(id, answer).await });
        } else {
            handle.answer(id, answer).await.expect("answered");
        }
    }

    fn shuts_down(&self, at: usize, now: Timestamp, house: &House) {
        house.with(|state| {
            let until = now.plus(Duration::from_secs(1200));
            for at in hosted(&state.specs, at).into_iter().chain([at]) {
                state.oracle.is_to_be_stopped(at, until);
            }
        });
    }

    fn ask(&self, action: Action, at: usize) -> Ask {
        Ask {
            action,
            node: self.ids[at],
            with_dependants: false,
            queue: true,
            automatic: false,
        }
    }

    /// Starts it, be it on or off, and uses it as soon as it is on.
    fn wants(&mut self, at: usize, now: Timestamp, house: &House, handle: &Handle) {
        house.with(|state| {
            for at in &self.needs[at] {
                state.oracle.is_wanted(*at, now);
            }
        });
        let (handle, ask) = (handle.clone(), self.ask(Action::Start, at));
        tokio::spawn(async move { handle.run(ask).await });
        self.waiting.push(Waiting {
            at,
            since: now,
            excused: false,
        });
    }

    fn begin_to_use(&mut self, now: Timestamp, house: &House) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain_mut(|one| {
            let runs = house.with(|state| {
                for at in &self.needs[one.at] {
                    one.excused |= state.faults[*at].is_some()
                        || state.locked[*at]
                        || state.oracle.wanted_off.contains_key(at);
                }
                one.excused |= state.oracle.freed_later(one.at, one.since);
                state.runs(one.at)
            });
            // a stop that had begun is over by then, and the start has come after it
            let is_settled = now.since(one.since) > Duration::from_secs(300);
            if runs && is_settled {
                house.with(|state| {
                    state.busy[one.at] = true;
                    state.used[one.at] = true;
                });
                self.used += 1;
                self.soon(now, 30, 2 * HOUR, Act::Leave(one.at));
                return false;
            }
            let late = now.since(one.since) > STARTED;
            if late && !one.excused {
                house.with(|state| {
                    state.oracle.blame(now, one.at, "started, and not on");
                });
            }
            !late
        });
        self.waiting = waiting;
    }
}
