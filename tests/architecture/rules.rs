//! The rules, each from files to the sentences that say what breaks it.

use toml::{Table, Value};

use crate::source::Source;

/// Which of our crates a crate may use. Connectors, store and view never meet; a crate that does not stand here has no
/// place in the house yet.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("connectors", &["domain"]),
    ("store", &["domain"]),
    ("view", &["domain"]),
    ("engine", &["domain", "connectors", "store", "view"]),
    ("keyring", &["domain", "engine"]),
    ("trim", &[]),
    ("demo", &["domain", "connectors", "view", "engine"]),
    (
        "api",
        &["domain", "connectors", "store", "view", "engine", "keyring"],
    ),
    (
        "cli",
        &[
            "domain",
            "connectors",
            "store",
            "view",
            "engine",
            "keyring",
            "demo",
            "api",
        ],
    ),
    (
        "desktop",
        &[
            "domain",
            "connectors",
            "store",
            "view",
            "engine",
            "keyring",
            "trim",
            "demo",
            "api",
        ],
    ),
];

/// Crates of others that have one place. A name that ends in `*` stands for all that begin so.
const ONLY_IN: [(&str, &[&str]); 10] = [
    ("tauri*", &["desktop"]),
    ("rusqlite*", &["store"]),
    ("reqwest", &["connectors", "engine"]),
    ("bollard", &["connectors"]),
    ("ssh2", &["connectors"]),
    ("socket2", &["connectors"]),
    ("mdns-sd", &["connectors"]),
    ("keyring-core", &["keyring"]),
    ("clap", &["cli"]),
    ("zbus", &["keyring", "desktop"]),
];

/// What the pure crates do not even link: runtimes, IO, randomness, clocks.
const PURE: [&str; 2] = ["domain", "view"];
const IMPURE: [&str; 14] = [
    "tokio*",
    "async*",
    "futures*",
    "hyper*",
    "rand*",
    "chrono",
    "time",
    "directories",
    "tempfile",
    "tracing*",
    "fs4",
    "rustls*",
    "libc",
    "rustix",
];
const IMPURE_PATHS: [&str; 10] = [
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "SystemTime",
    "Instant",
    "TcpStream",
    "UdpSocket",
    "TcpListener",
];

/// Where a real clock is read, besides the engine's: measured times that no decision rests on.
const READS_A_CLOCK: [(&str, &str); 3] = [
    (
        "src-tauri/crates/engine/src/clock.rs",
        "the clock that all others ask",
    ),
    (
        "src-tauri/crates/connectors/src/",
        "deadlines of requests, ages of sessions, and how long a check took",
    ),
    ("src-tauri/src/", "the shell times its own start"),
];

const NO_NAMES: [&str; 6] = ["manager", "helper", "util", "handler", "info", "data"];

/// Manifests: who uses whom.
pub fn dependencies(manifests: &[Source]) -> Vec<String> {
    let mut broken = Vec::new();
    for manifest in manifests {
        let (Some(room), Ok(table)) = (manifest.room(), manifest.text.parse::<Table>()) else {
            continue;
        };
        let Some((_, may_use)) = MAY_USE.iter().find(|(name, _)| *name == room) else {
            broken.push(format!(
                "{}: no rule says whom {room} may use",
                manifest.path
            ));
            continue;
        };
        for name in used(&table) {
            if let Some(ours) = name.strip_prefix("wakehub-")
                && !may_use.contains(&ours)
            {
                broken.push(format!("{}: {room} uses {ours}", manifest.path));
            }
            let place = ONLY_IN.iter().find(|(pattern, _)| matches(pattern, &name));
            if place.is_some_and(|(_, rooms)| !rooms.contains(&room)) {
                broken.push(format!("{}: {room} uses {name}", manifest.path));
            }
            if PURE.contains(&room) && IMPURE.iter().any(|pattern| matches(pattern, &name)) {
                broken.push(format!("{}: {room} is pure but uses {name}", manifest.path));
            }
        }
    }
    broken
}

/// Everything that ships, for whatever platform; what only tests use is free.
fn used(manifest: &Table) -> Vec<String> {
    let mut names = Vec::new();
    let mut open = vec![manifest];
    while let Some(table) = open.pop() {
        for (key, value) in table {
            match (key.as_str(), value) {
                ("dependencies" | "build-dependencies", Value::Table(dependencies)) => {
                    for (name, entry) in dependencies {
                        let package = entry.get("package").and_then(Value::as_str);
                        names.push(package.unwrap_or(name).to_owned());
                    }
                }
                ("target", Value::Table(targets)) => {
                    open.extend(targets.values().filter_map(Value::as_table));
                }
                _ => {}
            }
        }
    }
    names
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// The pure crates touch nothing.
pub fn purity(sources: &[Source]) -> Vec<String> {
    let pure = |source: &&Source| source.room().is_some_and(|room| PURE.contains(&room));
    let mut broken = Vec::new();
    for source in sources.iter().filter(|source| source.ships()).filter(pure) {
        let rust = source.rust();
        for path in IMPURE_PATHS {
            if rust.mentions(path) {
                broken.push(format!("{}: {path} in a pure crate", source.path));
            }
        }
        if rust.words().any(|word| word == "async" || word == "await") {
            broken.push(format!("{}: async in a pure crate", source.path));
        }
    }
    broken
}

/// Only the engine's clock says what time it is. The runtime's own `Instant` may be used for pauses: tests pause it.
pub fn clocks(sources: &[Source]) -> Vec<String> {
    let mut broken = Vec::new();
    for source in sources.iter().filter(|source| source.ships()) {
        let excepted = |start: &str| source.path.starts_with(start);
        let rust = source.rust();
        let calendar = [
            "SystemTime::now",
            "UtcDateTime::now",
            "OffsetDateTime::now",
            "Utc::now",
            "Local::now",
        ];
        for path in calendar {
            if rust.mentions(path) && !excepted(READS_A_CLOCK[0].0) {
                broken.push(format!("{}: {path}", source.path));
            }
        }
        let of_std =
            imports(&rust.code, "std::time", "Instant") || rust.mentions("std::time::Instant");
        let of_tokio =
            imports(&rust.code, "tokio::time", "Instant") || rust.mentions("tokio::time::Instant");
        if rust.mentions("Instant::now")
            && (of_std || !of_tokio)
            && !READS_A_CLOCK.iter().any(|(start, _)| excepted(start))
        {
            broken.push(format!("{}: Instant::now of std", source.path));
        }
    }
    broken
}

/// Whether a `use` of the module names the item: `use std::time::{Duration, Instant};`.
fn imports(code: &str, module: &str, item: &str) -> bool {
    code.match_indices(&format!("{module}::"))
        .any(|(at, start)| {
            let rest = &code[at + start.len()..];
            let named = match rest.strip_prefix('{') {
                Some(list) => &list[..list.find('}').unwrap_or(list.len())],
                None => {
                    &rest[..rest
                        .find(|c: char| !c.is_alphanumeric())
                        .unwrap_or(rest.len())]
                }
            };
            named.split(',').any(|name| name.trim() == item)
        })
}

/// Only the store speaks SQL.
pub fn sql(sources: &[Source]) -> Vec<String> {
    const BEGINNINGS: [&str; 9] = [
        "SELECT ",
        "INSERT INTO ",
        "INSERT OR ",
        "UPDATE ",
        "DELETE FROM ",
        "CREATE TABLE ",
        "DROP TABLE ",
        "ALTER TABLE ",
        "PRAGMA ",
    ];
    let mut broken = Vec::new();
    for source in sources
        .iter()
        .filter(|source| source.room() != Some("store"))
    {
        for string in source.rust().strings {
            if source.ships()
                && BEGINNINGS
                    .iter()
                    .any(|word| string.trim_start().starts_with(word))
            {
                broken.push(format!(
                    "{}: SQL outside the store: {string:?}",
                    source.path
                ));
            }
        }
    }
    broken
}

/// Only the shell knows Tauri.
pub fn tauri(sources: &[Source]) -> Vec<String> {
    let outside = |source: &&Source| source.ships() && source.room() != Some("desktop");
    sources
        .iter()
        .filter(outside)
        .filter(|source| source.rust().words().any(|word| word.starts_with("tauri")))
        .map(|source| format!("{}: tauri outside the shell", source.path))
        .collect()
}

/// All is built once, with the features that tests need: what ships would not build with what only these have.
pub fn features(sources: &[Source]) -> Vec<String> {
    const OF_TESTS: [(&str, &str); 5] = [
        ("tokio::time", "advance"),
        ("tokio::time", "pause"),
        ("tokio::time", "resume"),
        ("tokio", "test"),
        ("tauri", "test"),
    ];
    let is_test = |path: &str| path.ends_with("tests.rs") || path.contains("/tests/");
    let mut broken = Vec::new();
    for source in sources.iter().filter(|s| s.ships() && !is_test(&s.path)) {
        let mut rust = source.rust();
        // by custom what is tested within a file is tested at its end
        if let Some(at) = rust.code.find("#[cfg(test)]") {
            rust.code.truncate(at);
        }
        for (module, item) in OF_TESTS {
            let path = format!("{module}::{item}");
            if rust.mentions(&path) || imports(&rust.code, module, item) {
                broken.push(format!("{}: {path} is there for tests only", source.path));
            }
        }
    }
    broken
}

/// `name.rs` beside `name/`, and no drawer for odds and ends.
pub fn names(sources: &[Source]) -> Vec<String> {
    let mut broken = Vec::new();
    for source in sources {
        let file = source.path.rsplit('/').next().unwrap_or_default();
        if file == "mod.rs" {
            broken.push(format!("{}: name.rs beside name/ instead", source.path));
        }
        let stem = file.split('.').next().unwrap_or_default();
        if stem.split(['_', '-']).any(says_nothing) {
            broken.push(format!("{}: the name says nothing", source.path));
        }
        if !file.ends_with(".rs") {
            continue;
        }
        let rust = source.rust();
        let words: Vec<&str> = rust.words().collect();
        for pair in words.windows(2) {
            let last = match pair[0] {
                "mod" => pair[1].rsplit('_').next().unwrap_or_default(),
                "struct" | "enum" | "trait" => last_of_camel_case(pair[1]),
                _ => continue,
            };
            if says_nothing(last) {
                broken.push(format!("{}: {} says nothing", source.path, pair[1]));
            }
        }
    }
    broken
}

fn says_nothing(word: &str) -> bool {
    let word = word.to_lowercase();
    NO_NAMES.contains(&word.strip_suffix('s').unwrap_or(&word))
        || word == "misc"
        || word == "common"
}

fn last_of_camel_case(name: &str) -> &str {
    &name[name.rfind(char::is_uppercase).unwrap_or(0)..]
}

/// The UI: only `lib/backend` talks to Tauri, and rooms of components meet in views.
pub fn ui(sources: &[Source]) -> Vec<String> {
    let mut broken = Vec::new();
    for source in sources
        .iter()
        .filter(|source| source.path.starts_with("ui/src/"))
    {
        for import in imports_of_script(&source.text) {
            if import.starts_with("@tauri-apps/") && !source.path.starts_with("ui/src/lib/backend/")
            {
                broken.push(format!("{}: imports {import}", source.path));
            }
            let own = room_of_component(&source.path);
            let imported = resolve(&source.path, import);
            let other = room_of_component(&imported);
            let (Some(own), Some(other)) = (own, other) else {
                continue;
            };
            if own != other && other != "base" && !source.path.contains(".test.") {
                broken.push(format!("{}: {own} imports {import}", source.path));
            }
        }
    }
    broken
}

/// What stands in quotes after `from`, `import` or `import(`.
fn imports_of_script(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for word in ["from", "import"] {
        for (at, _) in text.match_indices(word) {
            let rest = text[at + word.len()..].trim_start_matches([' ', '(']);
            let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
                continue;
            };
            found.extend(rest[1..].split(quote).next());
        }
    }
    found
}

/// From the project's root; packages stay as they are.
fn resolve(importer: &str, import: &str) -> String {
    if let Some(rest) = import.strip_prefix('$') {
        return format!("ui/src/{rest}");
    }
    if !import.starts_with('.') {
        return import.to_owned();
    }
    let mut parts: Vec<&str> = importer.split('/').collect();
    parts.pop();
    for part in import.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn room_of_component(path: &str) -> Option<&str> {
    let (room, _) = path.strip_prefix("ui/src/components/")?.split_once('/')?;
    Some(room)
}
