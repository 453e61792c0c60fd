//! What connections say of use: what they could not measure, what must not be interrupted, and what a service answers. It
//! stands in their source as plain literals, so each literal there is a sentence with its French, a part of one that is put
//! together, or none that anybody reads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{entries, files, literals, quoted, without_names};

/// Where such sentences stand. The test fails when another file begins to say some.
const SOURCES: [&str; 10] = [
    "docker/sample.rs",
    "docker/stats.rs",
    "probe.rs",
    "probe/",
    "proxmox/parse/figures.rs",
    "proxmox/parse/work.rs",
    "proxmox/sample.rs",
    "ssh/parse/inhibitors.rs",
    "ssh/parse/usage.rs",
    "ssh/sample/script.sh",
];

/// By what a file is known to say some: these pass on what others have said.
const SIGNS: [&str; 3] = [".miss(", "inhibitors\n        .push", "inhibitors.push"];
const PASSES_ON: [&str; 1] = ["usage.rs"];

/// What is compared with a platform's answer, sent to it, or written for whoever reads the source.
const NOT_SAID: [&str; 13] = [
    " in progress",
    "modules are not loaded",
    "No such file or directory",
    "@wakehub ",
    "@status ",
    "% done",
    "connections ",
    "Basic {login}",
    "Bearer {key}",
    "MediaBrowser Token=\"{key}\"",
    "both as they were written",
    "a list of a bounded answer",
    // the operating system's own words about a host
    "{host}: {innermost}",
];

/// What is put together from more than one literal, and these.
const PUT_TOGETHER: [(&str, &[&str]); 46] = [
    (
        "resync of md0, 12.6 % done",
        &["{kind} of {array}, {percent} % done", "resync"],
    ),
    ("recovery of md0, 12.6 % done", &["recovery"]),
    ("reshape of md0, 12.6 % done", &["reshape"]),
    ("check of md0, 12.6 % done", &["check"]),
    (
        "resync of md0 is to come",
        &["{kind} of {array} is to come", "resync"],
    ),
    ("recovery of md0 is to come", &["recovery"]),
    ("reshape of md0 is to come", &["reshape"]),
    ("check of md0 is to come", &["check"]),
    // ZFS' own words for the kind
    ("scrub of tank", &["{kind} of {pool}"]),
    ("resilver of tank", &["{kind} of {pool}"]),
    (
        "scrub of tank, 12.34 % done",
        &["{kind} of {pool}", ", {percent} % done"],
    ),
    (
        "resilver of tank, 12.34 % done",
        &["{kind} of {pool}", ", {percent} % done"],
    ),
    (
        "a console of the machine is open in Proxmox",
        &["a console of {subject} is open in Proxmox", "the machine"],
    ),
    (
        "a console of guest 101 is open in Proxmox",
        &["guest {vmid}"],
    ),
    (
        "a task of Proxmox runs on the machine: aptupdate",
        &["a task of Proxmox runs on {subject}: {}", "the machine"],
    ),
    (
        "a task of Proxmox runs on guest 101: vzdump",
        &["guest {vmid}"],
    ),
    (
        "read what vm 100 has used",
        &["read what {} {vmid} has used", "read what was used by"],
    ),
    (
        "Jellyfin plays 1 title",
        &["{} plays {}", "1 {what}", "title"],
    ),
    (
        "Jellyfin plays 2 titles",
        &["{} plays {}", "{number} {what}s", "title"],
    ),
    ("Plex plays 2 titles", &["Plex plays {}", "title"]),
    (
        "Jellyfin runs “Scan Media Library”",
        &["{NAME} runs “{}”", "a task"],
    ),
    (
        "qBittorrent downloads 1 torrent",
        &["qBittorrent downloads {}", "torrent"],
    ),
    (
        "qBittorrent downloads 2 torrents",
        &["qBittorrent downloads {}", "torrent"],
    ),
    (
        "Syncthing synchronises the folder photos",
        &["Syncthing {does} the folder {}", "synchronises"],
    ),
    ("Syncthing scans the folder photos", &["scans"]),
    (
        "the answer has no list of folders",
        &["the answer has no {what}", "list of folders"],
    ),
    (
        "the answer has no state of a folder",
        &["state of a folder"],
    ),
    ("the answer has no connections", &["connections"]),
    (
        "the answer has no completion of a device",
        &["completion of a device"],
    ),
    (
        "the answer is not JSON: is this the address of Plex?",
        &["{what}: is this the address of {}?"],
    ),
    (
        "the service answers 204",
        &["the service {}", "answers {status}"],
    ),
    (
        "the service answers 200 and says “busy”",
        &[" and ", "{says} “{}”", "says"],
    ),
    ("the service says “busy”", &["says"]),
    ("the service does not say “busy”", &["does not say"]),
    (
        "the service says that /jobs is 3",
        &["says that {at} is {}"],
    ),
    ("the service says that its answer is 3", &["its answer"]),
    (
        "the service says that /jobs is a list of 3",
        &["a list of {}"],
    ),
    (
        "the service says that its answer is a list of 3",
        &["a list of {}"],
    ),
    (
        "the service says that /jobs is an object of 1 field",
        &["an object of {}", "field"],
    ),
    (
        "the service says that /jobs is an object of 2 fields",
        &["an object of {}", "field"],
    ),
    (
        "the service says that /jobs is 3 and says “busy”",
        &[" and "],
    ),
    (
        "the service says that /jobs is 3 and does not say “busy”",
        &[" and "],
    ),
    (
        "ask Jellyfin: it answers 401 Unauthorized",
        &["ask {}", "it answers {status}"],
    ),
    (
        "ask the service: no answer within 10 s",
        &["ask {}", "the service"],
    ),
    ("ask `pgrep rsync` on 10.77.0.3:22: no", &["ask `{}` on {}"]),
    (
        "the keyring has no probe for nas",
        &["the keyring has no {name} for {}"],
    ),
];

fn connectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../src-tauri/crates/connectors/src")
}

/// Each with its path below the crate's source; none of its tests.
fn sources() -> Vec<(String, String)> {
    let folder = connectors();
    let all = files(&folder, "rs").into_iter().chain(files(&folder, "sh"));
    all.filter_map(|file| {
        let path = file.strip_prefix(&folder).unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        (!path.ends_with("tests.rs")).then(|| (path.replace('\\', "/"), text))
    })
    .collect()
}

fn is_source(path: &str) -> bool {
    SOURCES
        .iter()
        .any(|source| path == *source || source.ends_with('/') && path.starts_with(source))
}

/// Words with a space between them: what has none is a name or a key.
fn is_sentence(literal: &str) -> bool {
    let mut words = literal.split(' ');
    let has_letters = |word: &str| word.chars().any(char::is_alphabetic);
    words.any(has_letters) && literal.trim_end_matches(' ').contains(' ')
        || NOT_SAID.contains(&literal)
}

/// What a shell's script says of itself: `echo "there is no awk"`, but nothing that it fills in.
fn echoed(script: &str) -> Vec<String> {
    let all = script.split("echo \"").skip(1);
    all.filter_map(|rest| rest.split_once('"'))
        .map(|(said, _)| said.to_owned())
        .filter(|said| !said.contains('$') && !said.starts_with('@'))
        .collect()
}

fn said_in(path: &str, text: &str) -> Vec<String> {
    match Path::new(path).extension().is_some_and(|e| e == "sh") {
        true => echoed(text),
        false => quoted(text),
    }
}

/// With a number in every gap, which fits wherever something may stand.
fn filled(literal: &str) -> String {
    without_names(literal).replace("{}", "22")
}

/// The sentences of the sources, and those that are put together.
pub fn sentences() -> BTreeSet<String> {
    let parts: BTreeSet<&str> = PUT_TOGETHER
        .iter()
        .flat_map(|(_, parts)| *parts)
        .copied()
        .collect();
    let found = sources()
        .iter()
        .filter(|(path, _)| is_source(path))
        .flat_map(|(path, text)| said_in(path, text))
        .filter(|literal| is_sentence(literal))
        .filter(|literal| {
            !NOT_SAID.contains(&literal.as_str()) && !parts.contains(literal.as_str())
        })
        .map(|literal| filled(&literal))
        .collect::<BTreeSet<_>>();
    assert!(found.len() > 60, "{found:#?}");
    let together = PUT_TOGETHER.iter().map(|(said, _)| (*said).to_owned());
    found.into_iter().chain(together).collect()
}

#[test]
fn what_is_put_together_has_its_parts_in_the_source() {
    let source = literals();
    for (sentence, parts) in PUT_TOGETHER {
        for part in parts {
            assert!(
                source.contains(&without_names(part)),
                "{part:?} of {sentence:?} is nowhere"
            );
        }
    }
}

#[test]
fn no_other_file_says_what_was_not_measured() {
    let others: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| SIGNS.iter().any(|sign| text.contains(sign)))
        .map(|(path, _)| path)
        .filter(|path| !is_source(path) && !PASSES_ON.contains(&path.as_str()))
        .collect();
    assert!(others.is_empty(), "add to SOURCES: {others:?}");
}

#[test]
fn what_is_not_said_stands_there_all_the_same() {
    let all: Vec<String> = sources()
        .iter()
        .filter(|(path, _)| is_source(path))
        .flat_map(|(path, text)| said_in(path, text))
        .collect();
    let gone: Vec<&str> = NOT_SAID
        .into_iter()
        .filter(|literal| !all.iter().any(|one| one == literal))
        .collect();
    assert!(gone.is_empty(), "nowhere: {gone:?}");
}

#[test]
fn a_new_sentence_of_a_connection_is_noticed() {
    let text = "usage.miss(Signal::Cpu, \"the moon is in the way\"); text.contains(\"modules are not loaded\")";
    let said: Vec<String> = said_in("ssh/parse/usage.rs", text)
        .into_iter()
        .filter(|literal| is_sentence(literal) && !NOT_SAID.contains(&literal.as_str()))
        .collect();
    assert_eq!(said, ["the moon is in the way"]);
    assert!(entries(&filled(&said[0])).is_err());
    let script = "x() { echo \"the moon is in the way\"; echo \"@wakehub $1\"; }";
    assert_eq!(echoed(script), ["the moon is in the way"]);
}
