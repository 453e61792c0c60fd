//! An engine over a lab.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use wakehub_domain::{Action, NodeId, QuestionId, Secret, SecretName, Timestamp};
use wakehub_engine::{Clock, Handle, SecretError, SecretKey, Secrets, SystemClock};
use wakehub_lab::{Lab, Options};
use wakehub_view::homelab::NodeEntry;
use wakehub_view::wire::{
    Ask, CascadeStatus, CascadeView, EngineSettings, FailureView, JournalQuery, Power,
    QuestionView, RunAnswer, SecretEntry, Snapshot, WhyView,
};

const LIMIT: Duration = Duration::from_secs(90);

#[derive(Default)]
pub struct Pocket(Mutex<BTreeMap<SecretKey, String>>);

#[async_trait]
impl Secrets for Pocket {
    async fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        let kept = self.0.lock().expect("pocket");
        Ok(kept.get(key).map(Secret::new))
    }

    async fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretError> {
        let mut kept = self.0.lock().expect("pocket");
        kept.insert(key.clone(), secret.expose().to_owned());
        Ok(())
    }

    async fn remove(&self, key: &SecretKey) -> Result<(), SecretError> {
        self.0.lock().expect("pocket").remove(key);
        Ok(())
    }
}

/// So many seconds in one.
pub const SPEED: u32 = 8;

/// [`SPEED`] times as fast: a tick of a minute is eight seconds, and a loop that is late by less than another one is not taken
/// for a sleep. Sessions, polls and time limits are as long as ever.
struct Fast(Timestamp);

impl Clock for Fast {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.0 + i64::from(SPEED) * (SystemClock.now().0 - self.0.0))
    }
}

pub struct Home {
    pub handle: Handle,
    pub lab: Lab,
    folder: TempDir,
    secrets: Arc<Pocket>,
    pub clock: Arc<dyn Clock>,
}

impl Home {
    pub async fn new(options: Options) -> Option<Home> {
        Home::at(options, Arc::new(SystemClock)).await
    }

    /// With a clock that does not make a test of idleness wait for its minutes.
    pub async fn fast(options: Options) -> Option<Home> {
        let home = Home::at(options, Arc::new(Fast(SystemClock.now()))).await?;
        let settings = home.handle.engine_settings().await.expect("settings");
        // what a look has shown is new to the next tick
        let settings = EngineSettings {
            poll_watched_s: 5,
            ..settings
        };
        home.handle.configure(settings).await.expect("configured");
        Some(home)
    }

    async fn at(options: Options, clock: Arc<dyn Clock>) -> Option<Home> {
        let lab = Lab::for_test(options).await?;
        let folder = TempDir::new().expect("folder");
        let toml = lab.write_homelab_toml(folder.path()).expect("homelab.toml");
        let text = std::fs::read_to_string(toml).expect("homelab.toml");
        let secrets = Arc::new(Pocket::default());
        let handle = open(&folder, secrets.clone(), clock.clone()).await;
        handle.import(text).await.expect("imported");
        let home = Home {
            handle,
            lab,
            folder,
            secrets,
            clock,
        };
        for (node, name, value) in home.lab.secrets() {
            let name = SecretName::parse(name).expect("a known secret");
            let entry = SecretEntry { name, value };
            let node = home.id(&node);
            home.handle.set_secret(node, entry).await.expect("kept");
        }
        Some(home)
    }

    /// After its engine was shut down.
    pub async fn opened_again(&mut self) {
        self.handle = open(&self.folder, self.secrets.clone(), self.clock.clone()).await;
    }

    pub fn id(&self, name: &str) -> NodeId {
        let snapshot = self.handle.snapshot();
        let node = snapshot.nodes.iter().find(|node| node.name == name);
        node.unwrap_or_else(|| panic!("no node {name}")).id
    }

    pub async fn wait_for(&self, what: &str, seen: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut snapshots = self.handle.snapshots();
        let found = snapshots.wait_for(|snapshot| seen(snapshot));
        match tokio::time::timeout(LIMIT, found).await {
            Ok(Ok(snapshot)) => return snapshot.clone(),
            Ok(Err(_)) => panic!("the engine ended while waiting for {what}"),
            Err(_) => {}
        }
        let events: Vec<String> = self.lab.events().iter().map(ToString::to_string).collect();
        panic!(
            "never saw {what}; last: {}\n{}",
            serde_json::to_string(&*self.handle.snapshot()).expect("json"),
            events.join("\n")
        );
    }

    /// Until every machine is seen so.
    pub async fn seen(&self, power: Power) {
        self.wait_for(&format!("every machine {power:?}"), |snapshot| {
            let mut machines = snapshot.nodes.iter().filter(|n| n.host.is_none());
            machines.all(|node| node.power == power)
        })
        .await;
    }

    pub async fn power(&self, name: &str, power: Power) {
        self.wait_for(&format!("{name} {power:?}"), |snapshot| {
            snapshot
                .nodes
                .iter()
                .any(|n| n.name == name && n.power == power)
        })
        .await;
    }

    pub async fn run(&self, action: Action, name: &str) -> CascadeView {
        let ask = Ask {
            action,
            node: self.id(name),
            with_dependants: false,
            queue: false,
            automatic: false,
        };
        let answer = self.handle.run(ask).await.expect("an answer");
        self.followed(answer).await
    }

    pub async fn resume(&self, cascade: &CascadeView) -> CascadeView {
        let answer = self.handle.resume(cascade.id).await.expect("an answer");
        self.followed(answer).await
    }

    async fn followed(&self, answer: RunAnswer) -> CascadeView {
        let RunAnswer::Started { cascade } = answer else {
            panic!("not started: {answer:?}");
        };
        let snapshot = self
            .wait_for("the cascade's end", |snapshot| {
                let mut cascades = snapshot.cascades.iter();
                cascades.any(|c| c.id == cascade && c.ended.is_some())
            })
            .await;
        let ended = snapshot.cascades.iter().find(|c| c.id == cascade);
        ended.expect("just seen").clone()
    }

    pub async fn ended(&self, name: &str, status: CascadeStatus) -> CascadeView {
        let is = |c: &CascadeView| c.node_name == name && c.status == status;
        let snapshot = self
            .wait_for(&format!("a cascade of {name} {status:?}"), |s| {
                s.cascades.iter().any(is)
            })
            .await;
        snapshot
            .cascades
            .iter()
            .find(|c| is(c))
            .expect("just seen")
            .clone()
    }

    pub async fn question(&self, name: &str) -> QuestionId {
        self.asked(name).await.id
    }

    pub async fn asked(&self, name: &str) -> QuestionView {
        let snapshot = self
            .wait_for(&format!("a question about {name}"), |s| {
                s.questions.iter().any(|q| q.node_name == name)
            })
            .await;
        let question = snapshot.questions.iter().find(|q| q.node_name == name);
        question.expect("just seen").clone()
    }

    pub async fn why(&self, name: &str) -> WhyView {
        let why = self.handle.why(self.id(name)).await;
        why.expect("an answer")
    }

    /// What the journal says of a node, the oldest first, each with its reason.
    pub async fn journal(&self, name: &str) -> Vec<(String, String)> {
        let query = JournalQuery {
            node: Some(self.id(name)),
            limit: Some(100),
            ..JournalQuery::default()
        };
        let lines = self.handle.journal(query).await.expect("journal");
        lines
            .into_iter()
            .rev()
            .map(|line| (line.message, line.reason.unwrap_or_default()))
            .collect()
    }

    pub async fn accept(&self, failure: &FailureView) {
        let presented = failure.presented.clone().expect("something presented");
        self.handle.accept(presented).await.expect("accepted");
    }

    /// As a user does: test, compare, accept, until nothing new is shown.
    pub async fn trust(&self, name: &str) {
        let node = self.id(name);
        for _ in 0..4 {
            let (checks, mut shown) = tokio::sync::mpsc::channel(16);
            let entry = self.entry(name).await;
            let testing = self
                .handle
                .test_connection(Some(node), entry, vec![], checks);
            let (tested, ()) =
                tokio::join!(testing, async { while shown.recv().await.is_some() {} });
            let presented: Vec<_> = tested
                .expect("tested")
                .into_iter()
                .filter_map(|check| check.presented)
                .filter(|presented| presented.accepted.is_none())
                .collect();
            if presented.is_empty() {
                return;
            }
            for presented in presented {
                self.handle.accept(presented).await.expect("accepted");
            }
        }
        panic!("{name} shows something new every time");
    }

    pub async fn entry(&self, name: &str) -> NodeEntry {
        self.handle.node_entry(self.id(name)).await.expect("entry")
    }

    pub async fn save(&self, name: &str, entry: NodeEntry) {
        let saved = self.handle.save_node(Some(self.id(name)), entry, vec![]);
        saved.await.expect("saved");
    }

    /// Neither in the data directory nor in an export.
    pub async fn no_secret_is_left_behind(&self) {
        let mut written = vec![self.handle.export().await.expect("export").into_bytes()];
        for file in std::fs::read_dir(self.folder.path().join("data")).expect("data") {
            written.push(std::fs::read(file.expect("file").path()).unwrap_or_default());
        }
        let mut looked_for = 0;
        for (node, name, value) in self.lab.secrets() {
            looked_for += 1;
            for bytes in &written {
                let found = bytes
                    .windows(value.len())
                    .any(|window| window == value.as_bytes());
                assert!(!found, "the {name} of {node} is written down");
            }
        }
        assert!(looked_for > 0, "this lab has no secret to look for");
    }
}

async fn open(folder: &TempDir, secrets: Arc<Pocket>, clock: Arc<dyn Clock>) -> Handle {
    let real = wakehub_engine::Options::real(folder.path().join("data"), secrets);
    let options = wakehub_engine::Options { clock, ..real };
    wakehub_engine::start(options).await.expect("engine")
}
