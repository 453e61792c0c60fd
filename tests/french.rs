//! Nothing that a person reads in French comes in English: every sentence that the engine can say has an entry in
//! `ui/src/lib/i18n/fr-engine.json`, and every entry is for a sentence that is said.

#![expect(clippy::unwrap_used, reason = "test code")]

#[path = "properties/homelab.rs"]
#[expect(dead_code, reason = "the laws of the planner ask it for more")]
mod homelab;
#[path = "french/measured.rs"]
mod measured;
#[path = "properties/oracle.rs"]
#[expect(dead_code, reason = "the random homelabs ask it for one thing")]
mod oracle;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use homelab::{Dice, Homelab};
use wakehub_domain::idle::{Criterion, Interruption, Missing, Reading, Use, Value, Verdict};
use wakehub_domain::{
    ConnectorError, ErrorKind, Graph, Intent, Node, NodeId, NodeKind, Observations, PowerState,
    Presented, PresentedKind, Probe, RefusalKind, SshAuth, SshConfig, StopScope, Timestamp,
    WolConfig, calendar, plan,
};
use wakehub_view::plan::plan_view;
use wakehub_view::text::{Language, english_entries, entry_of};
use wakehub_view::{advice, said};

const CASES: u64 = 200;

/// Where nothing is said in the engine's own words: a gap alone, and a line of the journal that a planner's reason ends.
const NOT_OWN: [&str; 2] = ["{said}", "{name} {reason}"];

/// What stands in a gap. Those with more than one value make more than one sentence.
fn values(gap: &str) -> &'static [&'static str] {
    match gap {
        "action" => &["start", "stop"],
        "ended" => &["completed", "failed", "cancelled", "interrupted", "running"],
        "edited" => &["added", "changed", "removed", "imported"],
        "state" => &["on", "off"],
        "seen" => &[
            "in a state that its host does not tell",
            "off",
            "starting",
            "on",
            "stopping",
            "failed",
        ],
        "n" | "port" | "seconds" | "most" => &["22"],
        "names" => &["nas, vm-docker"],
        "operation" => &["start nas", "stop nas", "shut down vm 100"],
        "rest" => &["no answer yet"],
        "clock" => &["18:00"],
        "clocks" => &["08:00 and 18:00", "08:00, 12:00 and 18:00"],
        "day" => &["1st", "31st"],
        "days" => &["Monday and Friday", "Saturday, Sunday and Tuesday"],
        "months" => &["May", "January and July"],
        "amount" | "limit" => &["1.20 cores", "1 packet", "8.1 KiB"],
        "platform" => &["Proxmox API", "Docker API", "SSH"],
        _ => &["nas"],
    }
}

/// The template with every choice of what its gaps can hold.
fn filled(template: &str) -> Vec<String> {
    let Some((before, rest)) = template.split_once('{') else {
        return vec![template.to_owned()];
    };
    let (gap, after) = rest.split_once('}').unwrap();
    let ends = filled(after);
    values(gap)
        .iter()
        .flat_map(|value| ends.iter().map(move |end| format!("{before}{value}{end}")))
        .collect()
}

fn of_the_engine() -> BTreeSet<String> {
    let templates = said::TEMPLATES.iter().filter(|t| !NOT_OWN.contains(t));
    templates.flat_map(|template| filled(template)).collect()
}

fn of_the_calendar() -> BTreeSet<String> {
    let templates = calendar::TEMPLATES.iter();
    let sentences = templates.flat_map(|template| filled(template));
    let mistakes = calendar::Mistake::ALL.iter().map(ToString::to_string);
    sentences.chain(mistakes).collect()
}

/// What the planner says of random homelabs, however they are asked for.
fn of_the_planner() -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    for seed in 0..CASES {
        let homelab = Homelab::random(&mut Dice::new(seed));
        let mut intents = vec![Intent::start(NodeId(4_000_000))];
        for node in &homelab.nodes {
            intents.push(Intent::start(node.id));
            for scope in [StopScope::RefuseIfNeeded, StopScope::WithDependants] {
                intents.extend([false, true].map(|automatic| Intent::Stop {
                    node: node.id,
                    scope,
                    automatic,
                    stopped_before: BTreeSet::new(),
                }));
            }
        }
        for intent in intents {
            match plan(&homelab.graph, &homelab.observations, &intent) {
                Ok(plan) => {
                    let view = plan_view(&homelab.graph, &plan);
                    for step in view.steps {
                        said.extend([step.reason, step.readiness]);
                        // a magic packet and SSH have words of their own in the window
                        said.extend(Some(step.via).filter(|via| via.contains('’')));
                    }
                    said.extend(view.skipped.into_iter().map(|skipped| skipped.reason));
                    said.extend(view.follow_ups.into_iter().map(|next| next.reason));
                    for protected in view.protected {
                        // as the journal says it
                        said.insert(format!("{} {}", protected.node_name, protected.reason));
                        said.insert(protected.reason);
                    }
                }
                Err(refusal) => {
                    kinds.insert(refusal.kind.as_str());
                    said.insert(refusal.message);
                }
            }
        }
    }
    let all = [
        RefusalKind::NeededBy(vec![]),
        RefusalKind::AlwaysOn,
        RefusalKind::Held(Timestamp(0)),
        RefusalKind::Locked(String::new()),
        RefusalKind::StaleObservation,
        RefusalKind::Guarded(String::new()),
        RefusalKind::NoChannel,
        RefusalKind::UnknownNode,
    ];
    let all: BTreeSet<&str> = all.iter().map(RefusalKind::as_str).collect();
    assert_eq!(kinds, all, "the random homelabs meet every refusal");
    said
}

/// Why a node counts as used, or as not used.
fn of_the_judge() -> BTreeSet<String> {
    let values = [
        (Criterion::Cpu, Value::Cores(1.2), Value::Cores(0.5)),
        (Criterion::Cpu, Value::Cores(0.500_1), Value::Cores(0.5)),
        (Criterion::Ram, Value::Fraction(0.6), Value::Fraction(0.5)),
        (
            Criterion::NetworkTraffic,
            Value::Bytes(8300),
            Value::Bytes(1024),
        ),
        (
            Criterion::NetworkTraffic,
            Value::Bytes(1 << 41),
            Value::Bytes(1 << 31),
        ),
        (
            Criterion::NetworkTraffic,
            Value::Packets(2),
            Value::Packets(1),
        ),
        (
            Criterion::NetworkConnections,
            Value::Connections(2),
            Value::Connections(1),
        ),
        (
            Criterion::Disk,
            Value::Bytes(5 << 20),
            Value::Bytes(1 << 20),
        ),
        (Criterion::LastAccess, Value::Users(2), Value::Users(0)),
        (Criterion::LastAccess, Value::Users(1), Value::Users(0)),
    ];
    let port = |accepts| Value::Port { port: 22, accepts };
    let readings = values
        .into_iter()
        .flat_map(|(criterion, value, threshold)| {
            let quiet = (criterion, threshold.clone(), value.clone());
            [(criterion, value, threshold), quiet]
        });
    let ports = [true, false].map(|accepts| (Criterion::LastAccess, port(accepts), port(false)));
    let mut because: Vec<Use> = readings
        .chain(ports)
        .map(|(criterion, value, threshold)| {
            Use::Over(Reading {
                criterion,
                value,
                threshold,
            })
        })
        .collect();
    because.extend([
        Use::First,
        Use::CounterReset(Criterion::NetworkTraffic),
        Use::CounterReset(Criterion::Disk),
        Use::Gap { seconds: 5400 },
        Use::ClockWentBack,
        Use::Interrupted(Interruption::Suspended),
        Use::Interrupted(Interruption::Resumed),
        Use::Interrupted(Interruption::Restarted),
    ]);
    let criteria = [
        Criterion::Cpu,
        Criterion::Ram,
        Criterion::NetworkTraffic,
        Criterion::NetworkConnections,
        Criterion::Disk,
        Criterion::Probe,
        Criterion::LastAccess,
    ];
    let mut missing = criteria.map(Missing::Criterion).to_vec();
    missing.extend([
        Missing::Port(22),
        Missing::Late { seconds: 180 },
        Missing::Everything,
        Missing::Criteria,
        Missing::Rule,
    ]);
    let each = because.iter().map(ToString::to_string);
    let mut said: BTreeSet<String> = each
        .chain(missing.iter().map(ToString::to_string))
        .collect();
    let since = Timestamp(0);
    let whole = [
        Verdict::Active { because },
        Verdict::Unknown { missing },
        Verdict::Idle { since },
    ];
    said.extend(whole.map(|verdict| verdict.to_string()));
    said
}

/// What the golden scenarios expect: `  1. start nas (wol): you asked for it`.
fn of_the_scenarios() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut said = BTreeSet::new();
    for file in files(&folder, "txt") {
        let text = std::fs::read_to_string(file).unwrap();
        let answers = text
            .lines()
            .filter(|line| line.starts_with("  "))
            .map(str::trim);
        for line in answers {
            let numbered = line.starts_with(|c: char| c.is_ascii_digit());
            let other = ["skipped ", "protected ", "follow-up ", "refused ("];
            if numbered || other.iter().any(|start| line.starts_with(start)) {
                said.insert(line.split_once(": ").unwrap().1.to_owned());
            }
        }
    }
    assert!(said.len() > 30, "{said:?}");
    said
}

fn of_failures() -> BTreeSet<String> {
    let kinds = [
        ErrorKind::Unreachable,
        ErrorKind::Unauthorised,
        ErrorKind::Untrusted,
        ErrorKind::Rejected,
        ErrorKind::Unsupported,
        ErrorKind::TimedOut,
        ErrorKind::Protocol,
        ErrorKind::NoSecret,
        ErrorKind::Paused,
    ];
    let mut said = BTreeSet::new();
    // operations that connectors put together from parts: of Proxmox an action and a guest, of SSH what and where
    for action in ["start", "stop", "shut down"] {
        said.extend(["vm", "lxc"].map(|kind| format!("{action} {kind} 100")));
    }
    said.insert("run a command on 10.77.0.3:22".to_owned());
    for kind in kinds {
        for message in ["VM is locked (backup)", "no"] {
            let error = ConnectorError::new(kind, "start nas", message);
            said.insert(advice::advice(&error).to_owned());
        }
    }
    for kind in [PresentedKind::HostKey, PresentedKind::Certificate] {
        for accepted in [None, Some("SHA256:old".to_owned())] {
            let presented = Presented {
                kind,
                endpoint: "10.77.0.2:22".to_owned(),
                algorithm: "ssh-ed25519".to_owned(),
                fingerprint: "SHA256:new".to_owned(),
                accepted,
            };
            let error = ConnectorError::untrusted("log in", presented);
            said.insert(advice::advice(&error).to_owned());
            said.insert(error.message);
        }
    }
    said
}

/// What random homelabs have not: probes, and a machine that nothing can stop.
fn of_a_homelab_by_hand() -> BTreeSet<String> {
    let wol = || WolConfig {
        mac: "52:54:00:00:00:01".to_owned(),
        broadcast: None,
        interface: None,
    };
    let mut nas = Node::new(NodeId(1), "nas", NodeKind::Machine);
    nas.wol = Some(wol());
    nas.settings.readiness = Some(Probe::Tcp("445".to_owned()));
    let mut web = Node::new(NodeId(2), "web", NodeKind::Machine);
    web.wol = Some(wol());
    web.ssh = Some(SshConfig {
        user: "root".to_owned(),
        auth: SshAuth::Agent,
        key_file: None,
        port: 22,
        jump: None,
    });
    web.settings.readiness = Some(Probe::Http("http://web/".to_owned()));
    web.depends_on = vec![NodeId(1)];
    let graph = Graph::new(vec![nas, web]).unwrap();
    let mut said = BTreeSet::new();
    for (state, intent) in [
        (PowerState::Off, Intent::start(NodeId(2))),
        (PowerState::On, Intent::stop(NodeId(2))),
    ] {
        let mut observations = Observations::default();
        for id in [1, 2] {
            observations.give(NodeId(id), state.clone());
        }
        let plan = plan_view(&graph, &plan(&graph, &observations, &intent).unwrap());
        said.extend(plan.steps.into_iter().map(|step| step.readiness));
        for protected in plan.protected {
            said.insert(format!("{} {}", protected.node_name, protected.reason));
            said.insert(protected.reason);
        }
    }
    said
}

/// What a connector puts together from more than one literal, and these.
const PUT_TOGETHER: [(&str, &[&str]); 5] = [
    ("with password", &["with {}", "password"]),
    ("with key ~/.ssh/id_ed25519", &["with {}", "key {}"]),
    (
        "ssh-ed25519 SHA256:x, accepted before",
        &["{} {}, {}", "accepted before"],
    ),
    (
        "ssh-ed25519 SHA256:x, in known_hosts",
        &["{} {}, {}", "in known_hosts"],
    ),
    (
        "found: none; missing: VM.Audit",
        &["found: {}; missing: {}", "none"],
    ),
];

fn of_connection_tests() -> BTreeSet<String> {
    let source = literals();
    for (sentence, parts) in PUT_TOGETHER {
        for part in parts {
            assert!(
                source.contains(*part),
                "{part:?} of {sentence:?} is nowhere"
            );
        }
    }
    PUT_TOGETHER
        .iter()
        .map(|(said, _)| (*said).to_owned())
        .collect()
}

fn gathered() -> BTreeSet<String> {
    [
        of_the_engine(),
        of_the_calendar(),
        of_the_planner(),
        of_the_judge(),
        of_the_scenarios(),
        of_failures(),
        of_a_homelab_by_hand(),
        of_connection_tests(),
        measured::sentences(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The judge's reasons, one after the other.
const JOINED: &str = "{rest}; {operation}";

/// The entries by which it is said in French. `Err` is the sentence, or the part of it, that has none.
fn entries(sentence: &str) -> Result<Vec<&'static str>, String> {
    let Some((entry, within)) = entry_of(sentence) else {
        return Err(sentence.to_owned());
    };
    let mut used = vec![entry];
    for part in within {
        // what is none of the engine's sentences is a platform's; the planner's reasons are known to be sentences
        match entries(part) {
            Ok(more) => used.extend(more),
            Err(part) if entry.contains("stays on: {rest}") || entry == JOINED => return Err(part),
            Err(_) => {}
        }
    }
    Ok(used)
}

#[test]
fn every_sentence_of_the_engine_has_its_french() {
    let without: BTreeSet<String> = gathered()
        .iter()
        .filter_map(|sentence| entries(sentence).err())
        .collect();
    assert!(without.is_empty(), "no French for: {without:#?}");
}

/// An entry for the start of another sentence would translate that one by half.
#[test]
fn the_templates_are_said_by_entries_of_their_own() {
    let templates = said::TEMPLATES.iter().chain(calendar::TEMPLATES);
    for template in templates.filter(|t| !NOT_OWN.contains(t)) {
        let words = |text: &str| -> usize {
            let mut inside = false;
            let own = text.chars().filter(|c| {
                inside = *c == '{' || inside && *c != '}';
                !inside && *c != '}'
            });
            own.count()
        };
        for sentence in filled(template) {
            let (entry, _) = entry_of(&sentence).unwrap();
            assert!(words(entry) >= words(template), "{sentence:?} by {entry:?}");
        }
    }
}

#[test]
fn every_entry_is_for_a_sentence_that_is_said() {
    let used: BTreeSet<&str> = gathered()
        .iter()
        .filter_map(|sentence| entries(sentence).ok())
        .flatten()
        .collect();
    let source = literals();
    let unused: Vec<&str> = english_entries()
        .filter(|entry| !used.contains(entry))
        .filter(|entry| !source.contains(&without_names(entry)))
        .collect();
    assert!(unused.is_empty(), "nobody says: {unused:#?}");
}

#[test]
fn a_sentence_without_an_entry_is_noticed() {
    assert!(entries("it is cold outside").is_err());
    assert!(entries("nas stays on: it is cold outside").is_err());
    assert!(entries("stays on: it is always on").is_ok());
    assert_eq!(
        Language::French.say("it is cold outside"),
        "it is cold outside"
    );
}

/// The string literals of the crates below the engine, whose sentences come from connections to real machines; gaps without
/// their names.
fn literals() -> BTreeSet<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src-tauri/crates");
    let mut found = BTreeSet::new();
    for name in ["connectors", "domain", "store", "engine"] {
        for file in files(&crates.join(name).join("src"), "rs") {
            let text = std::fs::read_to_string(file).unwrap();
            found.extend(quoted(&text).iter().map(|text| without_names(text)));
        }
    }
    assert!(found.len() > 500);
    found
}

/// What stands between quotation marks, with `\` at a line's end taken as the compiler takes it.
fn quoted(source: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut characters = source.chars().peekable();
    let mut current: Option<String> = None;
    while let Some(c) = characters.next() {
        match (c, &mut current) {
            ('/', None) if characters.peek() == Some(&'/') => {
                characters.by_ref().find(|c| *c == '\n');
            }
            ('\'', None) if characters.peek() == Some(&'"') => {
                characters.next();
            }
            ('"', None) => current = Some(String::new()),
            ('"', Some(_)) => all.extend(current.take()),
            ('\\', Some(text)) => match characters.next() {
                Some('\n') => while characters.next_if(|c| c.is_whitespace()).is_some() {},
                Some(c) => text.push(c),
                None => {}
            },
            (c, Some(text)) => text.push(c),
            (_, None) => {}
        }
    }
    all
}

fn without_names(template: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in template.chars() {
        match c {
            '{' => {
                inside = true;
                out.push('{');
            }
            '}' => {
                inside = false;
                out.push('}');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}
