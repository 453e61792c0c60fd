//! Killed with SIGKILL at every moment of a cascade – each look at the clock, each command to a platform before and after
//! it happened – and started again: nothing is lost, nothing goes on by itself, and Resume finishes the work.
#![cfg(unix)]

#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/sim.rs"]
mod sim;

use sim::{Home, Pocket, Sim, open_at};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::task::JoinSet;
use wakehub_domain::{Action, Timestamp};
use wakehub_engine::{Clock, SystemClock};
use wakehub_view::wire::{CascadeStatus, JournalQuery, RunAnswer};

const FOLDER: &str = "WAKEHUB_CRASH_FOLDER";
const MOMENT: &str = "WAKEHUB_CRASH_MOMENT";
/// So many at a time; most of each is waiting.
const AT_ONCE: usize = 12;
/// Of what the controller does without the executor, so many looks at the clock are moments; the rest is polling.
const IN_A_ROW: usize = 14;

#[derive(Clone, Copy)]
struct Scenario {
    name: &'static str,
    action: Action,
    target: &'static str,
    /// By the names that the platforms use.
    on_before: &'static [&'static str],
    on_after: &'static [&'static str],
    /// What is asked about in the end.
    question: Option<&'static str>,
}

const START: Scenario = Scenario {
    name: "start",
    action: Action::Start,
    target: "lxc-jellyfin",
    on_before: &[],
    on_after: &["101", "machine2", "nas"],
    question: None,
};

const STOP: Scenario = Scenario {
    name: "stop",
    action: Action::Stop,
    target: "machine1",
    on_before: &["100", "101", "machine1", "machine2", "nas", "sandbox"],
    on_after: &["machine2", "nas"],
    question: Some("nas"),
};

/// Who needs whom, by the names that the platforms use: what may be started when, and stopped when.
const NEEDS: &[(&str, &str)] = &[
    ("101", "machine2"),
    ("101", "nas"),
    ("100", "machine1"),
    ("sandbox", "100"),
    ("sandbox", "101"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_survives_a_kill_at_any_moment() {
    killed_at_every_moment(START).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_survives_a_kill_at_any_moment() {
    killed_at_every_moment(STOP).await;
}

async fn killed_at_every_moment(scenario: Scenario) {
    let template = TempDir::new().expect("folder");
    let sim = Sim::reference();
    sim.with(|state| state.on = names(scenario.on_before));
    let home = home_at(&sim, template.path(), Arc::new(SystemClock)).await;
    home.handle
        .import(sim::REFERENCE.to_owned())
        .await
        .expect("reference");
    home.settled().await;
    home.handle.shut_down().await;
    drop(home);
    closed(template.path()).await;
    save(&sim, template.path());

    let (mut moment, mut finished, mut checked) = (1, false, 0);
    let mut runs = JoinSet::new();
    loop {
        while !finished && runs.len() < AT_ONCE {
            let folder = copy(template.path());
            runs.spawn(async move { killed_at(scenario, folder, moment).await });
            moment += 1;
        }
        match runs.join_next().await {
            Some(run) => finished |= run.expect("a run"),
            None => break,
        }
        checked += 1;
    }
    let mut out = std::io::stdout();
    writeln!(out, "{}: killed at {checked} moments", scenario.name).expect("told");
    // fewer would mean that the moments were not found
    assert!(checked > 20, "{checked} moments");
}

/// Whether the cascade came to its end before the moment did.
async fn killed_at(scenario: Scenario, folder: TempDir, moment: usize) -> bool {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args([
            "--exact",
            &format!("child_{}", scenario.name),
            "--nocapture",
        ])
        .env(FOLDER, folder.path())
        .env(MOMENT, moment.to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("spawned");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    let finished = loop {
        match lines.next_line().await.expect("text") {
            Some(line) if line.ends_with("reached") => break false,
            Some(line) if line.ends_with("finished") => break true,
            Some(_) => {}
            None => panic!("moment {moment}: ended without a word"),
        }
    };
    child.kill().await.expect("killed");
    recovers(scenario, folder.path(), moment).await;
    finished
}

async fn recovers(scenario: Scenario, folder: &Path, moment: usize) {
    let sim = load(folder);
    let at = format!("{} killed at moment {moment}", scenario.name);
    let (asked, done) = sim.with(|state| (state.asked.len(), state.on == names(scenario.on_after)));
    let home = home_at(&sim, folder, Arc::new(SystemClock)).await;
    home.settled().await;
    assert_eq!(
        sim.asked().len(),
        asked,
        "{at}: nothing goes on by itself: {:?}",
        sim.asked()
    );
    let snapshot = home.handle.snapshot();
    let offered: Vec<_> = snapshot
        .cascades
        .iter()
        .filter(|c| c.status == CascadeStatus::Interrupted)
        .collect();
    assert!(offered.len() <= 1, "{at}: {offered:#?}");
    assert!(
        asked == 0 || done || offered.len() == 1,
        "{at}: begun, not done and not offered; asked {:?}",
        sim.asked()
    );
    let lines = journal(&home).await;
    let interrupted = lines.iter().filter(|l| l.ends_with("was interrupted"));
    assert_eq!(interrupted.count(), offered.len(), "{at}: {lines:#?}");
    let answer = match offered.first() {
        Some(cascade) => home.handle.resume(cascade.id).await,
        // it was never begun, or it is done: asking again shows which
        None => {
            home.handle
                .run(home.ask(scenario.action, scenario.target))
                .await
        }
    };
    match answer.unwrap_or_else(|error| panic!("{at}: {error:?}")) {
        RunAnswer::NothingToDo => {}
        answer @ RunAnswer::Started { .. } => {
            let ended = home.ended(answer).await;
            assert_eq!(ended.status, CascadeStatus::Completed, "{at}: {ended:#?}");
        }
        no @ (RunAnswer::Queued { .. } | RunAnswer::Refused { .. } | RunAnswer::Busy { .. }) => {
            panic!("{at}: {no:?}")
        }
    }
    if let Some(node) = scenario.question {
        home.wait_for(&format!("{at}: the question about {node}"), |s| {
            s.questions.iter().any(|q| q.node_name == node)
        })
        .await;
    }
    sim.with(|state| {
        assert_eq!(
            state.on,
            names(scenario.on_after),
            "{at}: {:?}",
            state.asked
        );
        in_order(scenario, &state.acted, &at);
    });
    home.wait_for(
        &format!("{at}: nothing that runs or waits to be resumed"),
        |s| {
            s.cascades.iter().all(|c| match c.status {
                CascadeStatus::Running | CascadeStatus::Interrupted => false,
                CascadeStatus::Completed | CascadeStatus::Failed | CascadeStatus::Cancelled => true,
            })
        },
    )
    .await;
    nothing_is_locked(&home, scenario, &at).await;
    home.handle.shut_down().await;
}

/// Both scenarios' nodes take part in another cascade.
async fn nothing_is_locked(home: &Home, scenario: Scenario, at: &str) {
    let back: &[(Action, &str)] = match scenario.action {
        Action::Start => &[(Action::Stop, "machine2"), (Action::Stop, "nas")],
        Action::Stop => &[(Action::Start, "sandbox")],
    };
    for (action, node) in back {
        let ended = home.run(*action, node).await;
        assert_eq!(ended.status, CascadeStatus::Completed, "{at}: {ended:#?}");
    }
}

fn in_order(scenario: Scenario, acted: &[String], at: &str) {
    let mut on = names(scenario.on_before);
    for command in acted {
        let (verb, node) = command.split_once(' ').expect("verb and node");
        if verb == "stop" {
            let user = NEEDS
                .iter()
                .find(|(user, needed)| *needed == node && on.contains(*user));
            assert_eq!(user, None, "{at}: {command} came too early in {acted:?}");
            on.remove(node);
        } else {
            let needed = NEEDS
                .iter()
                .find(|(user, needed)| *user == node && !on.contains(*needed));
            assert_eq!(needed, None, "{at}: {command} came too early in {acted:?}");
            on.insert(node.to_owned());
        }
    }
}

async fn journal(home: &Home) -> Vec<String> {
    let lines = home.handle.journal(JournalQuery::default()).await;
    let lines = lines.expect("journal").into_iter();
    lines.map(|line| line.message).collect()
}

/// Not a test of its own: runs until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn child_start() {
    child(START).await;
}

/// Not a test of its own: runs until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn child_stop() {
    child(STOP).await;
}

async fn child(scenario: Scenario) {
    let (Some(folder), Ok(moment)) = (std::env::var_os(FOLDER), std::env::var(MOMENT)) else {
        return;
    };
    let folder = Path::new(&folder).to_path_buf();
    let moments = Arc::new(Moments::default());
    let sim = load(&folder);
    let (kept, passed) = (folder.clone(), moments.clone());
    sim.with(|state| {
        state.hook = Some(Arc::new(move |sim| {
            save(sim, &kept);
            passed.commanded();
        }));
    });
    let home = home_at(&sim, &folder, Arc::new(Watched(moments.clone()))).await;
    home.settled().await;
    let target = moment.parse().expect("a number");
    moments.deadly.store(target, Ordering::SeqCst);
    let ended = home.run(scenario.action, scenario.target).await;
    assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
    if let Some(node) = scenario.question {
        home.wait_for("the question", |s| {
            s.questions.iter().any(|q| q.node_name == node)
        })
        .await;
    }
    say("finished");
    std::future::pending::<()>().await;
}

/// Counts moments once it is set to a deadly one; that one never passes.
#[derive(Default)]
struct Moments {
    passed: AtomicUsize,
    /// 0 while nothing is counted.
    deadly: AtomicUsize,
    executor: Mutex<Option<tokio::task::Id>>,
    in_a_row: AtomicUsize,
}

impl Moments {
    fn commanded(&self) {
        *self.executor.lock().expect("executor") = tokio::task::try_id();
        self.in_a_row.store(0, Ordering::SeqCst);
        self.pass();
    }

    fn looked_at_the_clock(&self) {
        let executor = *self.executor.lock().expect("executor");
        if executor.is_some() && executor == tokio::task::try_id() {
            self.in_a_row.store(0, Ordering::SeqCst);
        } else if self.in_a_row.fetch_add(1, Ordering::SeqCst) >= IN_A_ROW {
            return;
        }
        self.pass();
    }

    fn pass(&self) {
        let deadly = self.deadly.load(Ordering::SeqCst);
        if deadly == 0 {
            self.in_a_row.store(0, Ordering::SeqCst);
            return;
        }
        if self.passed.fetch_add(1, Ordering::SeqCst) + 1 == deadly {
            say("reached");
            loop {
                std::thread::park();
            }
        }
    }
}

fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word}")
        .and_then(|()| out.flush())
        .expect("told");
}

struct Watched(Arc<Moments>);

impl Clock for Watched {
    fn now(&self) -> Timestamp {
        self.0.looked_at_the_clock();
        SystemClock.now()
    }
}

async fn home_at(sim: &Sim, folder: &Path, clock: Arc<dyn Clock>) -> Home {
    Home {
        sim: sim.clone(),
        handle: open_at(sim, folder, clock, Arc::new(Pocket::default())).await,
        folder: Arc::new(TempDir::new().expect("folder")),
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What the platforms know outlives the engine. Renamed into place: a kill leaves the old or the new.
fn save(sim: &Sim, folder: &Path) {
    let text = sim.with(|state| {
        serde_json::to_string(&(&state.on, &state.asked, &state.acted)).expect("text")
    });
    let new = folder.join("sim.new");
    std::fs::write(&new, text).expect("written");
    std::fs::rename(new, folder.join("sim.json")).expect("renamed");
}

fn load(folder: &Path) -> Sim {
    let text = std::fs::read_to_string(folder.join("sim.json")).expect("saved");
    let sim = Sim::reference();
    sim.with(|state| {
        (state.on, state.asked, state.acted) = serde_json::from_str(&text).expect("saved");
    });
    sim
}

/// Until the last one has let go of the database, and its log is played into it.
async fn closed(folder: &Path) {
    while let Err(error) = wakehub_store::Store::open(folder) {
        assert!(
            matches!(error, wakehub_store::OpenError::Held { .. }),
            "{error}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn copy(template: &Path) -> TempDir {
    let folder = TempDir::new().expect("folder");
    for entry in std::fs::read_dir(template).expect("template").flatten() {
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    folder
}
