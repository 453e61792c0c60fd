//! What may and what must happen, worked out minute by minute from what the house really did: naive, and with nothing of the
//! engine's own code.

#[path = "minute.rs"]
mod minute;

pub use minute::minute;

use super::homelab::{Spec, users};
use super::house::Told;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use wakehub_domain::{QuestionId, Timestamp};
use wakehub_view::wire::QuestionView;

/// A tick, and what a connection that hangs may hold up the judgement of all.
const TICK: Duration = Duration::from_secs(60);
const SLACK: Duration = Duration::from_secs(50);
/// What was refused is tried again after that.
const AGAIN: Duration = Duration::from_secs(5 * 60);
const DIARY: Duration = Duration::from_secs(3 * 3600);
/// A host that was deaf is asked again after so long, and until then nobody knows its guests.
const BREAKER: Duration = Duration::from_secs(10 * 60);

struct Open {
    at: usize,
    asked_at: Timestamp,
    is_notice: bool,
    /// Something has happened since for which it may be taken back.
    excused: bool,
}

#[derive(Default)]
pub struct Oracle {
    specs: Vec<Spec>,
    users: Vec<Vec<usize>>,
    diary: Vec<VecDeque<(Timestamp, Told)>>,
    /// What its host remembers of the time in which the computer slept: whoever asks may count it, and need not.
    remembered: Vec<VecDeque<(Timestamp, Told)>>,
    /// From when, and until when.
    held: Vec<Option<(Timestamp, Timestamp)>>,
    /// Held, and a person wants to stop it since: whether that ended the hold depends on whether the stop began.
    doubtful: BTreeSet<usize>,
    paused: Option<Timestamp>,
    /// A person stops it, and what it hosts.
    pub wanted_off: BTreeMap<usize, Timestamp>,
    /// Somebody kept it on, and it is asked about no sooner.
    left_alone: BTreeMap<usize, Timestamp>,
    /// The same, and it does not go with what needed it.
    kept: BTreeMap<usize, Timestamp>,
    forbidden_at: BTreeMap<usize, Timestamp>,
    deaf: BTreeMap<usize, Timestamp>,
    stopped_at: BTreeMap<usize, Timestamp>,
    off_at: BTreeMap<usize, Timestamp>,
    /// Somebody switched it on by hand, which is seen when it is looked at.
    pressed_at: BTreeMap<usize, Timestamp>,
    /// When notice was last given of it.
    notices: BTreeMap<usize, Timestamp>,
    open: BTreeMap<QuestionId, Open>,
    /// Since when nothing forbids its stop and nobody is asked.
    fits: BTreeMap<usize, Timestamp>,
    pub wrong: Vec<(usize, String)>,
    pub asked: usize,
    pub noticed: usize,
    pub stops: usize,
    pub withdrawn: usize,
}

impl Oracle {
    pub fn new(specs: &[Spec]) -> Oracle {
        Oracle {
            users: (0..specs.len()).map(|at| users(specs, at)).collect(),
            diary: vec![VecDeque::new(); specs.len()],
            remembered: vec![VecDeque::new(); specs.len()],
            held: vec![None; specs.len()],
            specs: specs.to_vec(),
            ..Oracle::default()
        }
    }

    pub fn blame(&mut self, now: Timestamp, at: usize, what: &str) {
        let minute = now.0 / 60_000;
        let spec = &self.specs[at];
        let told: Vec<String> = self.diary[at]
            .iter()
            .rev()
            .take(8)
            .map(|(when, told)| format!("{told:?} {} s ago", now.since(*when).as_secs()))
            .collect();
        let name = &spec.name;
        let text = format!("minute {minute}: {name}: {what}; {spec:?}; {told:?}");
        self.wrong.push((at, text));
    }

    pub fn told(&mut self, at: usize, now: Timestamp, told: Told) {
        let diary = &mut self.diary[at];
        diary.push_back((now, told));
        while diary
            .front()
            .is_some_and(|(when, _)| now.since(*when) > DIARY)
        {
            diary.pop_front();
        }
    }

    pub fn remembered(&mut self, at: usize, when: Timestamp, told: Told) {
        let remembered = &mut self.remembered[at];
        remembered.push_back((when, told));
        while remembered
            .front()
            .is_some_and(|(first, _)| when.since(*first) > DIARY)
        {
            remembered.pop_front();
        }
    }

    /// The computer slept: questions and notices begin anew.
    pub fn slept(&mut self, now: Timestamp) {
        self.fits.clear();
        for open in self.open.values_mut() {
            open.asked_at = now;
            open.excused = true;
        }
    }

    /// Somebody has answered: nobody is asked again before another timeout.
    pub fn is_left_alone(&mut self, at: usize, now: Timestamp) {
        let timeout = TICK * self.specs[at].timeout.unwrap_or_default();
        self.left_alone.insert(at, now.plus(timeout));
    }

    /// Somebody wants it on.
    pub fn is_kept_on(&mut self, at: usize, now: Timestamp) {
        self.is_left_alone(at, now);
        // before it was ever measured there is no window that would be kept
        let is_measured = self.diary[at]
            .back()
            .is_some_and(|(when, _)| now.since(*when) < TICK + SLACK);
        if let (Some(until), true) = (self.left_alone.get(&at), is_measured) {
            self.kept.insert(at, *until);
        }
    }

    /// When that is over it is asked about at once.
    pub fn is_held_until(&mut self, at: usize, now: Timestamp, until: Timestamp) {
        self.held[at] = Some((now, until));
        self.doubtful.remove(&at);
        self.left_alone.remove(&at);
        self.kept.remove(&at);
        self.interferes(at);
    }

    /// Something happens to it for which its question, and that of what it needs, may be taken back.
    pub fn interferes(&mut self, at: usize) {
        let users = &self.users;
        let concerned = |open: &&mut Open| open.at == at || users[open.at].contains(&at);
        for open in self.open.values_mut().filter(concerned) {
            open.excused = true;
        }
    }

    pub fn is_paused_until(&mut self, until: Timestamp) {
        self.paused = Some(until);
        for open in self.open.values_mut() {
            open.excused = true;
        }
    }

    pub fn is_to_be_stopped(&mut self, at: usize, until: Timestamp) {
        self.wanted_off.insert(at, until);
        self.doubtful.insert(at);
    }

    /// What has no rule of its own goes when what needed it goes, whoever has started it.
    pub fn freed_later(&self, at: usize, started: Timestamp) -> bool {
        let stopped = self.stopped_at.get(&at);
        self.specs[at].timeout.is_none() && stopped.is_some_and(|stopped| *stopped > started)
    }

    /// Somebody starts it, or what needs it.
    pub fn is_wanted(&mut self, at: usize, now: Timestamp) {
        // a stop that a person asked for before may still be at work
        if let Some(until) = self.wanted_off.get_mut(&at) {
            *until = (*until).min(now.plus(5 * TICK));
        }
        self.is_kept_on(at, now);
        for open in self.open.values_mut().filter(|open| open.at == at) {
            open.excused = true;
        }
    }

    fn is_held(&self, at: usize, now: Timestamp) -> bool {
        self.held[at].is_some_and(|(_, until)| until > now)
    }

    fn is_surely_held(&self, at: usize, now: Timestamp) -> bool {
        self.is_held(at, now) && !self.doubtful.contains(&at)
    }

    fn is_paused(&self, now: Timestamp) -> bool {
        self.paused.is_some_and(|until| until > now)
    }

    /// Since when it was told to be quiet without a hole; none when it is not, or was not measured lately.
    fn quiet_since(&self, at: usize, now: Timestamp) -> Option<Timestamp> {
        let mut since = None;
        let mut later = now;
        for (when, told) in self.diary[at].iter().rev() {
            if *told != Told::Quiet || later.since(*when) > TICK + SLACK {
                break;
            }
            since = Some(*when);
            later = *when;
        }
        since
    }

    /// What was measured before need not count any more; whoever has not seen it may count it.
    pub fn went_off(&mut self, at: usize, now: Timestamp) {
        self.off_at.insert(at, now);
        self.interferes(at);
    }

    /// Its host says nothing of its guests.
    pub fn is_deaf(&mut self, host: usize, now: Timestamp) {
        self.deaf.insert(host, now);
    }

    pub fn is_pressed(&mut self, at: usize, now: Timestamp) {
        self.pressed_at.insert(at, now);
    }

    /// A command to stop it has arrived.
    pub fn stopped(&mut self, at: usize, now: Timestamp, running: &[bool], locked: &[bool]) {
        self.stops += 1;
        self.stopped_at.insert(at, now);
        let users = self.users[at].clone();
        for user in &users {
            if running[*user] {
                let name = self.specs[*user].name.clone();
                self.blame(now, at, &format!("stopped under {name}"));
            }
        }
        if self.wanted_off.get(&at).is_some_and(|until| *until > now) {
            return;
        }
        let held = |of: &usize| self.is_surely_held(*of, now) || locked[*of];
        if held(&at) || users.iter().any(held) {
            self.blame(
                now,
                at,
                "stopped though it, or what needs it, is held or locked",
            );
        }
        if self.is_paused(now) {
            self.blame(now, at, "stopped though all stops are paused");
        }
        if self.specs[at].always_on {
            self.blame(now, at, "stopped though it is always on");
        }
        if self.specs[at].confirms {
            self.blame(now, at, "stopped without being asked about");
        }
        if self.kept.get(&at).is_some_and(|until| *until > now) {
            self.blame(now, at, "stopped though somebody has just kept it on");
        }
        let lately = |when: Option<&Timestamp>, time: u64| {
            when.is_some_and(|when| now.since(*when) <= Duration::from_secs(time))
        };
        let spec = self.specs[at].clone();
        let freed = users.iter().any(|user| {
            let frees = self.specs[*user].needs.contains(&at)
                || spec.when_empty && self.specs[*user].host == Some(at);
            frees && lately(self.stopped_at.get(user), 600)
        });
        let noticed = lately(self.notices.get(&at), 900) && !lately(self.notices.get(&at), 59);
        if !freed && !noticed {
            self.blame(now, at, "stopped without a notice");
        }
        if let Some(minutes) = spec.timeout {
            self.must_be_quiet(at, now, minutes, "stopped");
        }
    }

    /// Measured and quiet at each minute of its timeout; what came after the last measurement nobody can know.
    fn must_be_quiet(&mut self, at: usize, now: Timestamp, minutes: u32, what: &str) {
        let timeout = TICK * minutes;
        let begin = Timestamp(now.0 - i64::try_from(timeout.as_millis()).expect("millis"));
        let mut told: Vec<(Timestamp, Told)> = self.diary[at]
            .iter()
            .chain(&self.remembered[at])
            .filter(|(when, _)| *when > begin && now.since(*when) >= SLACK)
            .copied()
            .collect();
        told.sort_by_key(|(when, _)| *when);
        if let Some((when, told)) = told.iter().find(|(_, told)| *told != Told::Quiet) {
            let ago = now.since(*when).as_secs();
            let what = format!("{what}, and {ago} s ago it was {told:?}");
            return self.blame(now, at, &what);
        }
        let mut at_times = vec![begin];
        at_times.extend(told.iter().map(|(when, _)| *when));
        at_times.push(now);
        for pair in at_times.windows(2) {
            if pair[1].since(pair[0]) > TICK + SLACK + Duration::from_secs(5) {
                return self.blame(now, at, &format!("{what}, and it was not measured"));
            }
        }
    }

    /// Somebody is asked, or given notice.
    pub fn asks(&mut self, question: &QuestionView, now: Timestamp, running: &[bool]) {
        let at = self.named(&question.node_name);
        let is_notice = question.stops_at.is_some();
        let again = self.open.contains_key(&question.id);
        if !again && self.open.values().any(|open| open.at == at) {
            self.blame(now, at, "two questions at once");
        }
        if question.reason.contains("not been used") {
            let minutes = self.specs[at].timeout;
            match minutes {
                None => self.blame(now, at, "asked about by a rule that it has not"),
                Some(minutes) => self.must_be_quiet(at, now, minutes, "asked about"),
            }
        }
        let alone = self.left_alone.get(&at).is_some_and(|at| *at > now);
        if alone && !again && question.reason.contains("not been used") {
            self.blame(now, at, "asked about again before another timeout");
        }
        let pressed = |user: &usize| self.pressed_at.get(user).copied().unwrap_or_default();
        let is_seen = |user: &&usize| running[**user] && now.since(pressed(user)) > SLACK;
        let user = self.users[at].iter().find(is_seen).copied();
        if let Some(user) = user {
            let name = self.specs[user].name.clone();
            self.blame(now, at, &format!("asked about though {name} needs it"));
        }
        // at the very moment at which it was asked about somebody may have kept it on
        let since = self.held[at].map(|(since, _)| since);
        let before = since.is_some_and(|since| since < question.asked_at);
        let is_held = before && self.is_surely_held(at, now);
        if is_held || self.specs[at].always_on || self.is_paused(now) {
            self.blame(now, at, "asked about though held, always on or paused");
        }
        if is_notice {
            self.noticed += 1;
            self.notices.insert(at, now);
        } else {
            self.asked += 1;
        }
        let open = Open {
            at,
            asked_at: now,
            is_notice,
            excused: false,
        };
        self.open.insert(question.id, open);
        self.fits.remove(&at);
    }

    /// A question is over; `true` when a person answered it.
    pub fn settles(&mut self, id: QuestionId, now: Timestamp, running: &[bool], by_user: bool) {
        let Some(open) = self.open.remove(&id) else {
            return;
        };
        let begins = self
            .stopped_at
            .get(&open.at)
            .is_some_and(|at| *at >= open.asked_at);
        let was_quiet = self
            .quiet_since(open.at, now)
            .is_some_and(|since| since < open.asked_at);
        let is_needed = self.users[open.at].iter().any(|user| running[*user]);
        // its stop, or that of its host, has begun, and its own command is still to come
        let goes = self
            .wanted_off
            .get(&open.at)
            .is_some_and(|until| *until > now);
        let users = &self.users[open.at];
        let is_unsure =
            self.is_unsure(open.at, now) || users.iter().any(|user| self.is_unsure(*user, now));
        if !by_user && !begins {
            self.withdrawn += 1;
            if was_quiet && !open.excused && !is_needed && !goes && !is_unsure {
                self.blame(now, open.at, "a question was taken back without a reason");
            }
        }
    }

    pub fn named(&self, name: &str) -> usize {
        let mut specs = self.specs.iter();
        specs.position(|spec| spec.name == name).expect("a node")
    }

    /// Whether its power state may be hidden from the engine.
    fn is_unsure(&self, at: usize, now: Timestamp) -> bool {
        let mut host = self.specs[at].host;
        while let Some(of) = host {
            let deaf = self.deaf.get(&of);
            if deaf.is_some_and(|when| now.since(*when) < BREAKER) {
                return true;
            }
            host = self.specs[of].host;
        }
        false
    }
}
