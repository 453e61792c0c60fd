//! What everybody is shown: the engine's snapshots, and with them the shell's own notices.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use wakehub_view::notice::Code;
use wakehub_view::said::Said;
use wakehub_view::wire::{Notice, Snapshot};

/// Written by the engine's follower and by whoever has something to say about the desktop; read by the window and the tray.
pub(crate) struct Board {
    parts: Mutex<Parts>,
    shown: watch::Sender<Arc<Snapshot>>,
}

#[derive(Default)]
struct Parts {
    engine: Arc<Snapshot>,
    /// Which engine it comes from: another one begins to count anew.
    reign: u64,
    notices: BTreeMap<Code, Notice>,
    /// How often the notices changed, and how far engines before this one had counted. Added to the engine's revision it makes one that grows with every change of either.
    changes: u64,
}

impl Board {
    pub(crate) fn new() -> Board {
        Board {
            parts: Mutex::default(),
            shown: watch::Sender::new(Arc::default()),
        }
    }

    pub(crate) fn newest(&self) -> Arc<Snapshot> {
        self.shown.borrow().clone()
    }

    pub(crate) fn follow(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.shown.subscribe()
    }

    /// Another engine takes over; what the one before still sends is no longer shown.
    pub(crate) fn begin_reign(&self) -> u64 {
        self.change(|parts| {
            parts.changes += parts.engine.revision;
            parts.engine = Arc::default();
            parts.reign += 1;
            parts.reign
        })
    }

    pub(crate) fn set_engine(&self, reign: u64, snapshot: Arc<Snapshot>) {
        self.change(|parts| {
            if parts.reign == reign {
                parts.engine = snapshot;
            }
        });
    }

    /// Puts up what the user should know about the desktop.
    pub(crate) fn put_up(&self, code: Code, said: Said<'_>) {
        let notice = code.notice(said);
        self.change(|parts| {
            if parts.notices.get(&code) != Some(&notice) {
                parts.notices.insert(code, notice);
                parts.changes += 1;
            }
        });
    }

    pub(crate) fn take_down(&self, code: Code) {
        self.change(|parts| {
            if parts.notices.remove(&code).is_some() {
                parts.changes += 1;
            }
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut Parts) -> T) -> T {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut parts);
        // Sent under the lock, so that nobody overtakes a newer one.
        self.shown.send_replace(parts.together());
        changed
    }
}

impl Parts {
    fn together(&self) -> Arc<Snapshot> {
        if self.changes == 0 {
            return self.engine.clone();
        }
        let mut snapshot = Snapshot::clone(&self.engine);
        snapshot.revision += self.changes;
        snapshot.notices.extend(self.notices.values().cloned());
        snapshot
            .notices
            .sort_by_key(|notice| std::cmp::Reverse(notice.severity));
        Arc::new(snapshot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(revision: u64) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            revision,
            ..Snapshot::default()
        })
    }

    #[test]
    fn every_change_has_a_greater_revision() {
        let board = Board::new();
        let mut revisions = vec![];
        let mut note = |board: &Board| revisions.push(board.newest().revision);
        let reign = board.begin_reign();
        board.set_engine(reign, engine(1));
        note(&board);
        board.put_up(Code::NoTray, Said::NoTray);
        note(&board);
        board.put_up(Code::EngineFailed, Said::EngineEnded);
        note(&board);
        board.set_engine(reign, engine(2));
        note(&board);
        let next = board.begin_reign();
        board.set_engine(reign, engine(9));
        board.set_engine(next, engine(1));
        note(&board);
        let codes: Vec<String> = board
            .newest()
            .notices
            .iter()
            .map(|n| n.code.clone())
            .collect();
        assert_eq!(codes, ["engine_failed", "no_tray"]);
        board.take_down(Code::NoTray);
        note(&board);
        board.take_down(Code::EngineFailed);
        note(&board);
        assert!(board.newest().notices.is_empty());
        assert!(revisions.is_sorted_by(|a, b| a < b), "{revisions:?}");
    }

    #[test]
    fn saying_the_same_again_changes_nothing() {
        let board = Board::new();
        board.put_up(Code::NoTray, Said::NoTray);
        let before = board.newest().revision;
        board.put_up(Code::NoTray, Said::NoTray);
        board.take_down(Code::NoKeyring);
        assert_eq!(board.newest().revision, before);
    }
}
