//! A process that writes cascades is killed, at every boundary and anywhere between: what it had acknowledged is there.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use wakehub_domain::{CascadeId, Timestamp};
use wakehub_store::{CascadeRecord, Outcome, StepOutcome, StepStatus, Store};

use crate::fixture::{homelab, name, open, start_plan, stop_plan};

const DIRECTORY: &str = "WAKEHUB_STORE_WRITE";
const GATED: &str = "WAKEHUB_STORE_GATED";

/// How far a cascade has come: 0 when it has begun, then one more for each beginning and end of a step, and one for its end.
type Position = (u32, usize);

struct Writer {
    process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    /// `gated`: it waits for a line before each write.
    fn spawn(directory: &Path, gated: bool) -> Writer {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command
            .args(["--exact", "killed::child", "--nocapture"])
            .env(DIRECTORY, directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if gated {
            command.env(GATED, "1");
        }
        let mut process = command.spawn().expect("spawned");
        let input = process.stdin.take().expect("piped");
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        Writer {
            process,
            input,
            lines,
        }
    }

    fn next(&mut self) -> Option<Position> {
        loop {
            let line = self.lines.next()?.ok()?;
            if let Some((_, acknowledged)) = line.split_once("ack ") {
                let (id, position) = acknowledged.split_once(' ').expect("two numbers");
                return Some((
                    id.parse().expect("an id"),
                    position.parse().expect("a position"),
                ));
            }
        }
    }

    fn go_on(&mut self) {
        self.input.write_all(b"\n").expect("told");
    }

    /// The last position that it acknowledged before it died.
    fn kill(mut self, mut last: Option<Position>) -> Option<Position> {
        self.process.kill().expect("killed");
        self.process.wait().expect("ended");
        while let Some(position) = self.next() {
            last = Some(position);
        }
        last
    }
}

/// Not a test of its own: writes cascades until it is killed.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let gated = std::env::var_os(GATED).is_some();
    let (mut store, _) = Store::open(Path::new(&directory)).expect("opens");
    store.interrupt_unfinished(Timestamp(1)).expect("marked");
    let graph = store.graph().expect("reads");
    let gate = || {
        if gated {
            let mut byte = [0];
            std::io::stdin().read_exact(&mut byte).expect("waits");
        }
    };
    let acknowledge = |id: CascadeId, position: usize| {
        let mut output = std::io::stdout().lock();
        writeln!(output, "ack {id} {position}").expect("written");
        output.flush().expect("flushed");
    };
    for plan in [start_plan(&graph), stop_plan(&graph)].iter().cycle() {
        gate();
        let id = store
            .begin_cascade(plan, &name, Timestamp(2))
            .expect("begins");
        acknowledge(id, 0);
        for index in 0..plan.steps.len() {
            gate();
            store.step_begun(id, index, Timestamp(3)).expect("begins");
            acknowledge(id, 2 * index + 1);
            gate();
            store
                .step_ended(id, index, Timestamp(4), &StepOutcome::Done)
                .expect("ends");
            acknowledge(id, 2 * index + 2);
        }
        gate();
        store
            .end_cascade(id, Timestamp(5), Outcome::Completed)
            .expect("ends");
        acknowledge(id, 2 * plan.steps.len() + 1);
    }
}

/// Checks that everything in the record fits together.
fn position(record: &CascadeRecord) -> Position {
    let mut position = 0;
    for (index, step) in record.steps.iter().enumerate() {
        let at = match step.status {
            StepStatus::Pending => 0,
            StepStatus::Running => 2 * index + 1,
            StepStatus::Done => 2 * index + 2,
            StepStatus::Failed(_)
            | StepStatus::Skipped(_)
            | StepStatus::Cancelled
            | StepStatus::Interrupted => panic!("{step:?}"),
        };
        assert!(at == 0 || position == 2 * index, "steps run one by one");
        position = position.max(at);
    }
    assert_eq!(record.steps.len(), record.plan.steps.len());
    if let Some((_, outcome)) = record.ended {
        assert_eq!(outcome, Outcome::Completed);
        assert_eq!(position, 2 * record.steps.len());
        position += 1;
    }
    (record.id.0, position)
}

/// What stands in the database; `None` if no cascade of this run does.
fn written(store: &Store, newer_than: u32) -> Option<Position> {
    let recent = store.recent_cascades(1).expect("reads");
    let latest = recent.first().filter(|record| record.id.0 > newer_than)?;
    let locked = store.locks().expect("reads");
    let unfinished = store.unfinished().expect("reads");
    if latest.ended.is_some() {
        assert!(locked.is_empty() && unfinished.is_empty());
    } else {
        assert_eq!(unfinished.as_slice(), std::slice::from_ref(latest));
        let steps = latest.plan.steps.iter().map(|step| step.node);
        let mut nodes: Vec<_> = steps.chain([latest.plan.intent.node()]).collect();
        nodes.sort();
        nodes.dedup();
        assert_eq!(locked.keys().copied().collect::<Vec<_>>(), nodes);
        assert!(locked.values().all(|id| *id == latest.id));
    }
    Some(position(latest))
}

fn newest(store: &Store) -> u32 {
    let recent = store.recent_cascades(1).expect("reads");
    recent.first().map_or(0, |record| record.id.0)
}

#[test]
fn killed_at_every_boundary_of_a_start_and_a_stop() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let graph = homelab(&mut store);
    let writes = [start_plan(&graph), stop_plan(&graph)]
        .iter()
        .map(|plan| 2 * plan.steps.len() + 2)
        .sum::<usize>();
    for boundary in 0..=writes {
        let before = newest(&store);
        drop(store);
        let mut writer = Writer::spawn(directory.path(), true);
        let mut last = None;
        for _ in 0..boundary {
            writer.go_on();
            last = writer.next();
            assert!(last.is_some());
        }
        assert_eq!(writer.kill(last), last);
        store = open(&directory);
        assert_eq!(written(&store, before), last, "boundary {boundary}");
    }
}

#[test]
fn killed_anywhere() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    homelab(&mut store);
    let mut ahead = 0;
    for round in 0..30_usize {
        let before = newest(&store);
        drop(store);
        let mut writer = Writer::spawn(directory.path(), false);
        let mut last = None;
        for _ in 0..1 + round * 7 % 31 {
            last = writer.next();
            assert!(last.is_some());
        }
        let (id, acknowledged) = writer.kill(last).expect("some were acknowledged");
        store = open(&directory);
        let found = written(&store, before).expect("it has begun");
        // a write may have been done of which the process could no longer tell
        if found == (id + 1, 0) {
            let record = store.cascade(CascadeId(id)).expect("reads");
            let record = record.expect("is there");
            assert!(record.ended.is_some());
            assert_eq!(position(&record), (id, acknowledged), "round {round}");
            ahead += 1;
        } else if found == (id, acknowledged + 1) {
            ahead += 1;
        } else {
            assert_eq!(found, (id, acknowledged), "round {round}");
        }
    }
    println!("{ahead} of 30 had written one more than they told");
}
