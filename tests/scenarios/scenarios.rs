//! Golden scenarios: what the planner answers in situations that a homelab owner knows, as text.
//!
//! A file holds a homelab and cases:
//!
//! ```text
//! homelab: reference                      # reference.homelab, or else one indented line a node below `homelab:`
//!
//! ## What this case shows
//! on: nas machine2                        # everything else is off; also off, unknown, starting, stopping, failed,
//!                                         # held, in cascade; `locked: vm-ubuntu backup`; `everything` names all
//! set: nas, does not ask, always on       # changes a node for this case
//! > stop lxc-jellyfin --with-dependants   # or start; --automatic, --stopped-before a b
//!   what is expected
//! ```
//!
//! The last line of every plan is what planning again gives when all its steps are done. `UPDATE_EXPECT=1` rewrites the
//! expectations; read the difference before you commit it.

#![expect(clippy::unwrap_used, reason = "test code")]
#![expect(clippy::print_stderr, reason = "says what differs")]

mod homelab;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use wakehub_domain::{
    Action, FollowUpMode, Graph, Intent, NodeId, Observations, PowerState, StopScope, Timestamp,
    plan,
};

#[test]
fn scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    assert!(files.len() >= 10, "the scenarios are gone: {files:?}");
    let update = std::env::var("UPDATE_EXPECT").is_ok_and(|value| value == "1");
    let mut failed = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let answered = answer(&text, &folder);
        if answered == text {
            continue;
        }
        if update {
            std::fs::write(&file, &answered).unwrap();
        } else {
            failed.push(format!(
                "{}:\n{}",
                file.display(),
                difference(&text, &answered)
            ));
        }
    }
    assert!(
        failed.is_empty(),
        "{}\nif the new answers are right: UPDATE_EXPECT=1",
        failed.join("\n")
    );
}

/// The file with every expectation replaced by what the planner answers now.
fn answer(text: &str, folder: &Path) -> String {
    let mut nodes = Vec::new();
    let mut lines_of_homelab: Vec<String> = Vec::new();
    let mut case = Case::default();
    let mut answered = String::new();
    let mut cases = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        writeln!(answered, "{line}").unwrap();
        if line.starts_with("## ") {
            case = Case::default();
        } else if line.is_empty() || line.starts_with('#') {
        } else if let Some(asked) = line.strip_prefix("> ") {
            while lines.next_if(|next| next.starts_with("  ")).is_some() {}
            let texts: Vec<&str> = lines_of_homelab.iter().map(String::as_str).collect();
            answered += &case.answer(&nodes, &texts, asked);
            cases += 1;
        } else if let Some(name) = line.strip_prefix("homelab:") {
            lines_of_homelab.clear();
            if name.is_empty() {
                while let Some(next) = lines.next_if(|next| next.starts_with("  ")) {
                    writeln!(answered, "{next}").unwrap();
                    lines_of_homelab.push(next.trim().to_owned());
                }
            } else {
                let file = folder.join(format!("{}.homelab", name.trim()));
                let text = std::fs::read_to_string(file).unwrap();
                let lines = text
                    .lines()
                    .filter(|l| !l.is_empty() && !l.starts_with('#'));
                lines_of_homelab.extend(lines.map(str::to_owned));
            }
            let texts: Vec<&str> = lines_of_homelab.iter().map(String::as_str).collect();
            nodes = homelab::parse(&texts);
        } else {
            case.facts.push(line.to_owned());
        }
    }
    assert!(cases > 0, "no case in this file");
    answered
}

#[derive(Default)]
struct Case {
    facts: Vec<String>,
}

impl Case {
    fn answer(&self, nodes: &[wakehub_domain::Node], lines: &[&str], asked: &str) -> String {
        let mut nodes = nodes.to_vec();
        for fact in &self.facts {
            if let Some(fact) = fact.strip_prefix("set: ") {
                let mut words = fact.split(", ");
                let name = words.next().unwrap();
                let node = nodes.iter_mut().find(|node| node.name == name).unwrap();
                words.for_each(|word| homelab::apply(node, word, lines));
            }
        }
        let graph = Graph::new(nodes).unwrap();
        let mut observations = self.observations(&graph);
        let intent = intent(&graph, asked);
        let first = match plan(&graph, &observations, &intent) {
            Err(refusal) => {
                let by: Vec<_> = refusal.kind.by().iter().map(|id| graph.name(*id)).collect();
                let by = if by.is_empty() {
                    String::new()
                } else {
                    format!(" by {}", by.join(", "))
                };
                let (node, kind) = (graph.name(refusal.node), refusal.kind.as_str());
                return format!("  refused ({kind}) for {node}{by}: {refusal}\n");
            }
            Ok(plan) => plan,
        };
        let answer = render(&graph, &first);
        for step in &first.steps {
            let state = match step.action {
                Action::Start => PowerState::On,
                Action::Stop => PowerState::Off,
            };
            observations.give(step.node, state);
        }
        let again = plan(&graph, &observations, &intent).unwrap();
        assert!(
            again.steps.is_empty(),
            "{asked}: planning again gives {again:?}"
        );
        let asks_again = again
            .follow_ups
            .iter()
            .map(|follow_up| format!(", asks about {}", graph.name(follow_up.node)));
        format!(
            "{answer}  again: no steps{}\n",
            asks_again.collect::<String>()
        )
    }

    fn observations(&self, graph: &Graph) -> Observations {
        let mut observations = Observations::default();
        for node in graph.nodes() {
            observations.give(node.id, PowerState::Off);
        }
        for fact in &self.facts {
            let (what, names) = fact.split_once(": ").unwrap_or_else(|| panic!("{fact:?}"));
            let ids: Vec<NodeId> = match names {
                "everything" => graph.nodes().iter().map(|node| node.id).collect(),
                _ if what == "set" || what == "locked" => Vec::new(),
                _ => names
                    .split(' ')
                    .map(|name| homelab::id(graph, name))
                    .collect(),
            };
            let state = match what {
                "on" => PowerState::On,
                "off" => PowerState::Off,
                "unknown" => PowerState::Unknown,
                "starting" => PowerState::Starting,
                "stopping" => PowerState::Stopping,
                "failed" => PowerState::Failed {
                    cause: "exit code 1".to_owned(),
                },
                "held" => {
                    let until = Timestamp(1_800_000_000_000);
                    observations.held.extend(ids.iter().map(|id| (*id, until)));
                    continue;
                }
                "in cascade" => {
                    observations.in_cascade.extend(ids);
                    continue;
                }
                "locked" => {
                    let (name, lock) = names.split_once(' ').unwrap();
                    observations
                        .locked
                        .insert(homelab::id(graph, name), lock.to_owned());
                    continue;
                }
                "set" => continue,
                other => panic!("what is {other:?}?"),
            };
            ids.iter()
                .for_each(|id| observations.give(*id, state.clone()));
        }
        observations
    }
}

fn intent(graph: &Graph, asked: &str) -> Intent {
    let mut words = asked.split_whitespace();
    let action = words.next().unwrap();
    let name = words.next().unwrap();
    // a node that has been removed since it was asked for
    let node = graph.find(name).map_or(NodeId(99), |node| node.id);
    if action == "start" {
        return Intent::start(node);
    }
    assert_eq!(action, "stop", "{asked}");
    let (mut scope, mut automatic) = (StopScope::RefuseIfNeeded, false);
    let mut stopped_before = std::collections::BTreeSet::new();
    while let Some(word) = words.next() {
        match word {
            "--with-dependants" => scope = StopScope::WithDependants,
            "--automatic" => automatic = true,
            "--stopped-before" => {
                stopped_before.extend(words.by_ref().map(|name| homelab::id(graph, name)));
            }
            other => panic!("what is {other:?}?"),
        }
    }
    Intent::Stop {
        node,
        scope,
        automatic,
        stopped_before,
    }
}

fn render(graph: &Graph, plan: &wakehub_domain::Plan) -> String {
    let mut text = String::new();
    for (at, step) in plan.steps.iter().enumerate() {
        let (action, name) = (step.action.as_str(), graph.name(step.node));
        let (channel, reason) = (step.channel.as_str(), &step.reason);
        writeln!(text, "  {}. {action} {name} ({channel}): {reason}", at + 1).unwrap();
    }
    for skipped in &plan.skipped {
        writeln!(
            text,
            "  skipped {}: {}",
            graph.name(skipped.node),
            skipped.reason
        )
        .unwrap();
    }
    for protected in &plan.protected {
        let by: Vec<_> = protected.by.iter().map(|id| graph.name(*id)).collect();
        let by = if by.is_empty() {
            String::new()
        } else {
            format!(" by {}", by.join(", "))
        };
        let (name, reason) = (graph.name(protected.node), &protected.reason);
        writeln!(text, "  protected {name}{by}: {reason}").unwrap();
    }
    for follow_up in &plan.follow_ups {
        let mode = match follow_up.mode {
            FollowUpMode::Auto => "auto",
            FollowUpMode::Confirm => "confirm",
        };
        let (name, reason) = (graph.name(follow_up.node), &follow_up.reason);
        writeln!(text, "  follow-up {name} ({mode}): {reason}").unwrap();
    }
    text
}

/// The lines that differ, each with the case that it stands in.
fn difference(expected: &str, answered: &str) -> String {
    let mut text = String::new();
    let sections = |text: &str| -> Vec<Vec<String>> {
        text.split("\n## ")
            .map(|section| section.lines().map(str::to_owned).collect())
            .collect()
    };
    for (old, new) in sections(expected).iter().zip(&sections(answered)) {
        if old == new {
            continue;
        }
        writeln!(text, "## {}", old.first().map_or("", String::as_str)).unwrap();
        for line in old.iter().filter(|line| !new.contains(line)) {
            writeln!(text, "- {line}").unwrap();
        }
        for line in new {
            let mark = if old.contains(line) { ' ' } else { '+' };
            writeln!(text, "{mark} {line}").unwrap();
        }
    }
    eprintln!("{text}");
    text
}

/// The runner itself can fail: a wrong expectation is replaced, so that the file differs.
#[test]
fn a_wrong_expectation_is_noticed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let right = "homelab:\n  nas: machine, wol, ssh\n\n## a\n> start nas\n  \
                 1. start nas (wol): you asked for it\n  again: no steps\n";
    assert_eq!(answer(right, &folder), right);
    for (was, is) in [
        ("wol): you", "ssh): you"),
        ("  again: no steps\n", ""),
        ("1.", "2."),
    ] {
        let wrong = right.replace(was, is);
        assert_ne!(wrong, right);
        assert_eq!(answer(&wrong, &folder), right);
        assert!(difference(&wrong, right).contains("## a"));
    }
}
