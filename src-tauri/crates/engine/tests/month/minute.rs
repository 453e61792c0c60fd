//! What must have happened by now, at every minute.

use super::super::house::{Fault, State};
use super::{AGAIN, Oracle, SLACK, TICK, Told};
use std::time::Duration;
use wakehub_domain::Timestamp;
use wakehub_view::wire::{QuestionView, Snapshot};

/// Once a minute.
pub fn minute(state: &mut State, now: Timestamp, snapshot: &Snapshot) {
    let running: Vec<bool> = (0..state.on.len()).map(|at| state.runs(at)).collect();
    let oracle = &mut state.oracle;
    for (at, fault) in state.faults.iter().enumerate() {
        if *fault == Some(Fault::Deaf) {
            oracle.is_deaf(at, now);
        }
    }
    let in_cascade = |at: usize| {
        let name = &oracle.specs[at].name;
        let mut works = snapshot.cascades.iter().filter(|c| c.ended.is_none());
        works.any(|c| c.node_name == *name || c.steps.iter().any(|s| s.node_name == *name))
    };
    let changing: Vec<bool> = (0..running.len()).map(in_cascade).collect();
    for pair in snapshot.questions.iter().enumerate() {
        let same = |other: &QuestionView| other.node == pair.1.node;
        if snapshot.questions[..pair.0].iter().any(same) {
            let at = oracle.named(&pair.1.node_name);
            oracle.blame(now, at, "two questions at once");
        }
    }
    for at in 0..running.len() {
        let Some(minutes) = oracle.specs[at].timeout else {
            continue;
        };
        let timeout = TICK * minutes;
        let occupied = |of: &usize| {
            running[*of]
                || oracle.is_held(*of, now)
                || state.locked[*of]
                || changing[*of]
                || oracle.is_unsure(*of, now)
        };
        let forbidden = !running[at]
            || oracle.specs[at].always_on
            || oracle.is_held(at, now)
            || state.locked[at]
            || changing[at]
            || oracle.is_unsure(at, now)
            || oracle.is_paused(now)
            || oracle.users[at].iter().any(occupied);
        if forbidden {
            oracle.forbidden_at.insert(at, now);
            for open in oracle.open.values_mut().filter(|open| open.at == at) {
                open.excused = true;
            }
        }
        let is_asked = oracle.open.values().any(|open| open.at == at);
        let alone = oracle.left_alone.get(&at).is_some_and(|at| *at > now);
        let since = oracle.quiet_since(at, now);
        let off = oracle.off_at.get(&at).copied().unwrap_or_default();
        let due = since.map(|since| since.max(off).plus(timeout));
        match due {
            Some(due) if !forbidden && !is_asked && !alone && due <= now => {
                let fits = *oracle.fits.entry(at).or_insert(now);
                // a lock that is gone is seen to be gone at the next poll
                let before = oracle.forbidden_at.get(&at);
                let was_free = before.is_none_or(|before| fits.since(*before) > 3 * TICK);
                let in_time = fits.since(due) <= TICK && was_free;
                let again = if in_time {
                    Duration::ZERO
                } else {
                    AGAIN.min(timeout)
                };
                if now.since(fits) > again + 2 * TICK + SLACK {
                    let what = format!("nobody asks since {} s", now.since(fits).as_secs());
                    oracle.blame(now, at, &what);
                    oracle.fits.remove(&at);
                }
            }
            Some(_) | None => {
                oracle.fits.remove(&at);
            }
        }
    }
    open_ones(oracle, now);
}

fn open_ones(oracle: &mut Oracle, now: Timestamp) {
    let mut wrong = Vec::new();
    for open in oracle.open.values() {
        // what counters have counted across a hole nobody can tell from what was before it
        let diary = &oracle.diary[open.at];
        let used = diary
            .iter()
            .zip(diary.iter().skip(1))
            .any(|(before, (when, told))| {
                *told == Told::Busy
                    && *when > open.asked_at
                    && when.since(before.0) < TICK + SLACK
                    && now.since(*when) > TICK + SLACK
            });
        if used && oracle.specs[open.at].timeout.is_some() {
            wrong.push((open.at, "asked about though it is used again"));
        }
        let late = now.since(open.asked_at) > Duration::from_secs(600);
        if open.is_notice && late && !open.excused {
            wrong.push((open.at, "given notice of, and nothing came of it"));
        }
    }
    for (at, what) in wrong {
        oracle.blame(now, at, what);
    }
}
