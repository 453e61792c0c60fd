//! The reference homelab under a clock that a test moves on.

use crate::clockwork::Clockwork;
use crate::sim::{Home, Pocket, REFERENCE, Sim, open_at};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use wakehub_domain::{ConnectorError, ErrorKind, Timestamp};
use wakehub_view::wire::{JournalQuery, Power, QuestionView};

pub const MINUTE: Duration = Duration::from_secs(60);

pub struct Lab {
    pub clockwork: Clockwork,
    pub home: Home,
}

/// What is on, and rules of five minutes with these criteria; stops are given notice of unless `asks`.
pub async fn lab(
    clockwork: Clockwork,
    asks: bool,
    ruled: &[(&str, &str)],
    unasked: &[&str],
    on: &[&str],
) -> Lab {
    let ruled = ruled.iter().map(|(name, criterion)| {
        let lines = format!(
            "idle = {{ timeout_minutes = 5, criteria = {{ {criterion} = {{}} }} }}\nconfirm_before_auto_stop = {asks}\n"
        );
        (*name, lines)
    });
    let unasked = unasked
        .iter()
        .map(|name| (*name, "confirm_before_auto_stop = false\n".to_owned()));
    lab_of(clockwork, ruled.chain(unasked).collect(), on).await
}

/// With these lines for each of these nodes.
pub async fn lab_of(clockwork: Clockwork, lines: Vec<(&str, String)>, on: &[&str]) -> Lab {
    let sim = Sim::reference();
    for key in on {
        sim.switch(key, true);
    }
    let mut homelab = REFERENCE.to_owned();
    for (name, lines) in lines {
        let named = format!("name = \"{name}\"\n");
        assert!(homelab.contains(&named), "{name}");
        homelab = homelab.replace(&named, &format!("{named}{lines}"));
    }
    let folder = Arc::new(TempDir::new().expect("folder"));
    let secrets = Arc::new(Pocket::default());
    let handle = open_at(&sim, folder.path(), clockwork.clock.clone(), secrets).await;
    handle.import(homelab).await.expect("imported");
    let lab = Lab {
        clockwork,
        home: Home {
            sim,
            handle,
            folder,
        },
    };
    lab.pass(Duration::from_secs(10)).await;
    lab
}

impl Lab {
    /// WakeHub is off for so long.
    pub async fn off_for(self, time: Duration) -> Lab {
        let Lab { clockwork, home } = self;
        let Home {
            sim,
            handle,
            folder,
        } = home;
        handle.shut_down().await;
        drop(handle);
        clockwork.clock.sleep(time);
        let secrets = Arc::new(Pocket::default());
        let handle = open_at(&sim, folder.path(), clockwork.clock.clone(), secrets).await;
        let home = Home {
            sim,
            handle,
            folder,
        };
        Lab { clockwork, home }
    }

    pub async fn pass(&self, time: Duration) {
        self.clockwork.pass(time, &self.home.handle).await;
    }

    pub fn now(&self) -> Timestamp {
        self.clockwork.now()
    }

    pub fn is_on(&self, key: &str) -> bool {
        self.home.sim.with(|state| state.on.contains(key))
    }

    pub fn question(&self, name: &str) -> Option<QuestionView> {
        let snapshot = self.home.handle.snapshot();
        let mut questions = snapshot.questions.iter();
        questions.find(|one| one.node_name == name).cloned()
    }

    /// Until it is asked about, or given notice of; at most so long.
    pub async fn asked(&self, name: &str, within: Duration) -> QuestionView {
        let until = self.now().plus(within);
        while self.now() < until {
            if let Some(question) = self.question(name) {
                return question;
            }
            self.pass(Duration::from_secs(1)).await;
        }
        panic!("{name} is not asked about: {:?}", self.journal(name).await);
    }

    pub async fn never_asked(&self, name: &str, time: Duration) {
        let until = self.now().plus(time);
        while self.now() < until {
            assert_eq!(self.question(name), None, "{:?}", self.journal(name).await);
            self.pass(Duration::from_secs(1)).await;
        }
    }

    pub fn power(&self, name: &str) -> Power {
        self.home.node(name).power
    }

    pub fn asked_for(&self, what: &str) -> usize {
        let asked = self.home.sim.asked();
        asked.iter().filter(|one| *one == what).count()
    }

    pub async fn journal(&self, name: &str) -> Vec<(String, String)> {
        let query = JournalQuery {
            node: Some(self.home.node(name).id),
            limit: Some(50),
            ..JournalQuery::default()
        };
        let lines = self.home.handle.journal(query).await.expect("journal");
        let told = lines.into_iter();
        told.map(|line| (line.message, line.reason.unwrap_or_default()))
            .collect()
    }

    pub fn fail(&self, what: &str) {
        let error = ConnectorError::new(ErrorKind::Protocol, "ask", "HTTP 500");
        self.home
            .sim
            .with(|state| state.fails.insert(what.to_owned(), error));
    }

    pub fn heal(&self) {
        self.home.sim.with(|state| {
            state.fails.clear();
            state.hangs.clear();
        });
    }
}
