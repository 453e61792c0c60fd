//! Who may import whom, and a few more rules of the house that a compiler does not hold.
//!
//! Rules look at what is there: a folder that does not exist yet breaks none. Each is shown to fail, below.

#![expect(clippy::unwrap_used, reason = "test code")]

#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;

use source::{Source, files};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

type Rule = fn(&[Source]) -> Vec<String>;

const RUST: [Rule; 6] = [
    rules::purity,
    rules::clocks,
    rules::sql,
    rules::tauri,
    rules::features,
    rules::names,
];

#[test]
fn the_house_is_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifests = files(&root, &["src-tauri"], &["Cargo.toml"]);
    let rust = files(&root, &["src-tauri", "tests"], &[".rs"]);
    let script = files(&root, &["ui/src"], &[".ts", ".svelte", ".js"]);
    assert!(
        manifests.len() > 5 && rust.len() > 30,
        "looked in the wrong place"
    );

    let mut broken = rules::dependencies(&manifests);
    broken.extend(RUST.iter().flat_map(|rule| rule(&rust)));
    broken.extend(rules::ui(&script));
    broken.extend(rules::names(&script));
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn what_is_not_there_breaks_no_rule() {
    let nowhere = files(
        Path::new("/nonexistent"),
        &["src-tauri", "ui/src"],
        &[".rs", ".ts"],
    );
    assert!(nowhere.is_empty());
    assert!(rules::dependencies(&nowhere).is_empty());
    assert!(RUST.iter().all(|rule| rule(&nowhere).is_empty()));
    assert!(rules::ui(&nowhere).is_empty());
}

#[track_caller]
fn breaks(rule: Rule, path: &str, text: &str) {
    let broken = rule(&[Source::new(path, text)]);
    assert_eq!(broken.len(), 1, "{path}: {text}: {broken:?}");
    assert!(broken[0].starts_with(path), "{broken:?}");
}

#[track_caller]
fn keeps(rule: Rule, path: &str, text: &str) {
    let broken = rule(&[Source::new(path, text)]);
    assert!(broken.is_empty(), "{path}: {text}: {broken:?}");
}

fn manifest(name: &str) -> String {
    format!("src-tauri/crates/{name}/Cargo.toml")
}

fn lib(name: &str) -> String {
    format!("src-tauri/crates/{name}/src/lib.rs")
}

#[test]
fn forbidden_dependencies_are_found() {
    let pairs = [
        ("domain", "connectors"),
        ("domain", "engine"),
        ("connectors", "store"),
        ("store", "view"),
        ("view", "connectors"),
        ("engine", "cli"),
        ("engine", "keyring"),
        ("keyring", "store"),
    ];
    for (room, used) in pairs {
        let line = format!("wakehub-{used}.workspace = true");
        for table in [
            "dependencies",
            "build-dependencies",
            "target.'cfg(unix)'.dependencies",
        ] {
            breaks(
                rules::dependencies,
                &manifest(room),
                &format!("[{table}]\n{line}"),
            );
        }
        keeps(
            rules::dependencies,
            &manifest(room),
            &format!("[dev-dependencies]\n{line}"),
        );
    }
    let foreign = [
        ("domain", "tokio"),
        ("domain", "rusqlite"),
        ("domain", "reqwest"),
        ("view", "futures-util"),
        ("engine", "rusqlite"),
        ("engine", "tauri"),
        ("cli", "tauri-plugin-opener"),
        ("cli", "reqwest"),
        ("connectors", "rusqlite_migration"),
    ];
    for (room, used) in foreign {
        let line = format!("[dependencies]\n{used} = \"1\"");
        breaks(rules::dependencies, &manifest(room), &line);
        let renamed =
            format!("[dependencies]\nother = {{ package = \"{used}\", version = \"1\" }}");
        breaks(rules::dependencies, &manifest(room), &renamed);
    }
    breaks(
        rules::dependencies,
        &manifest("attic"),
        "[dependencies]\nserde = \"1\"",
    );
    keeps(
        rules::dependencies,
        &manifest("engine"),
        "[dependencies]\nwakehub-store.workspace = true",
    );
    keeps(
        rules::dependencies,
        "src-tauri/Cargo.toml",
        "[dependencies]\ntauri = \"2\"",
    );
    breaks(
        rules::dependencies,
        "src-tauri/Cargo.toml",
        "[dependencies]\nrusqlite = \"1\"",
    );
}

#[test]
fn impure_code_is_found() {
    breaks(
        rules::purity,
        &lib("domain"),
        "fn f() { std::fs::read(\"x\"); }",
    );
    breaks(rules::purity, &lib("domain"), "async fn f() {}");
    breaks(rules::purity, &lib("view"), "use std::net::TcpStream;");
    breaks(rules::purity, &lib("view"), "use std::time::SystemTime;");
    keeps(
        rules::purity,
        &lib("domain"),
        "use std::net::IpAddr; // std::fs, async",
    );
    keeps(
        rules::purity,
        &lib("engine"),
        "async fn f() { std::fs::read(\"x\"); }",
    );
    keeps(
        rules::purity,
        "src-tauri/crates/domain/tests/x.rs",
        "use std::fs;",
    );
}

#[test]
fn clocks_are_found() {
    let (std, now) = (
        "use std::time::{Duration, Instant};",
        "fn f() { Instant::now(); }",
    );
    breaks(
        rules::clocks,
        &lib("engine"),
        "fn f() { std::time::SystemTime::now(); }",
    );
    breaks(
        rules::clocks,
        &lib("connectors"),
        "fn f() { SystemTime::now(); }",
    );
    breaks(
        rules::clocks,
        "src-tauri/src/lib.rs",
        "fn f() { SystemTime::now(); }",
    );
    breaks(rules::clocks, &lib("engine"), &format!("{std} {now}"));
    breaks(
        rules::clocks,
        &lib("engine"),
        "fn f() { std::time::Instant::now(); }",
    );
    breaks(rules::clocks, &lib("store"), now);
    keeps(
        rules::clocks,
        &lib("engine"),
        &format!("use tokio::time::Instant; {now}"),
    );
    keeps(rules::clocks, &lib("connectors"), &format!("{std} {now}"));
    keeps(
        rules::clocks,
        "src-tauri/crates/engine/src/clock.rs",
        "fn f() { SystemTime::now(); }",
    );
    keeps(
        rules::clocks,
        "src-tauri/crates/engine/tests/x.rs",
        "fn f() { SystemTime::now(); }",
    );
    keeps(
        rules::clocks,
        &lib("engine"),
        "//! SystemTime::now() is for the clock",
    );
}

#[test]
fn sql_and_tauri_outside_their_place_are_found() {
    for statement in [
        "SELECT 1",
        "\n  INSERT INTO a VALUES (1)",
        "PRAGMA user_version",
    ] {
        breaks(
            rules::sql,
            &lib("engine"),
            &format!("const A: &str = \"{statement}\";"),
        );
        breaks(
            rules::sql,
            &lib("cli"),
            &format!("const A: &str = r#\"{statement}\"#;"),
        );
        keeps(
            rules::sql,
            &lib("store"),
            &format!("const A: &str = \"{statement}\";"),
        );
    }
    keeps(
        rules::sql,
        &lib("engine"),
        "// \"SELECT 1\"\nconst A: &str = \"Select a node\";",
    );
    breaks(rules::tauri, &lib("engine"), "use tauri::Manager;");
    breaks(
        rules::tauri,
        &lib("view"),
        "fn f() { tauri_plugin_log::init() }",
    );
    keeps(rules::tauri, "src-tauri/src/tray.rs", "use tauri::Manager;");
    keeps(
        rules::tauri,
        &lib("view"),
        "/// What tauri shows.\nconst A: &str = \"tauri\";",
    );
}

/// By package, the features it is built with.
fn features(edges: &str) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--prefix", "none"])
        .args(["--features", "wakehub-desktop/custom-protocol"])
        .args(["--format", "{p}|{f}", "--edges", edges])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines() {
        let Some((package, features)) = line.split_once('|') else {
            continue;
        };
        let name = package.split(' ').next().unwrap_or_default();
        let features = features.trim_end_matches(" (*)").split(',');
        let known = packages.entry(name.to_owned()).or_default();
        known.extend(features.filter(|f| !f.is_empty()).map(str::to_owned));
    }
    packages
}

/// Of what our own code uses: [`rules::features`] knows what these would let it do.
#[test]
fn nothing_else_is_there_for_tests_only() {
    let shipped = features("normal,build");
    let ours = features("normal,build,dev");
    let direct =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
    let direct: toml::Table = direct.unwrap().parse().unwrap();
    let direct = direct["workspace"]["dependencies"].as_table().unwrap();
    let is_direct = |name: &str| direct.contains_key(name) || name.starts_with("tauri");
    let mut more = Vec::new();
    for (name, features) in shipped.iter().filter(|(name, _)| is_direct(name)) {
        let added = ours[name].difference(features);
        more.extend(added.map(|feature| format!("{name}/{feature}")));
    }
    // the first has no names of its own: it brings the time zones along
    assert_eq!(
        more,
        ["jiff/tzdb-bundle-always", "tauri/test", "tokio/test-util"]
    );
}

#[test]
fn what_only_tests_can_do_is_found() {
    let stops = "async fn f() { tokio::time::pause(); }";
    breaks(rules::features, &lib("engine"), stops);
    breaks(
        rules::features,
        &lib("engine"),
        "use tokio::time::{Duration, advance};",
    );
    breaks(
        rules::features,
        "src-tauri/src/lib.rs",
        "use tauri::test::mock_app;",
    );
    let tested = format!("#[cfg(test)]\nmod tests {{ {stops} }}");
    keeps(rules::features, &lib("engine"), &tested);
    keeps(
        rules::features,
        "src-tauri/crates/demo/src/habits_tests.rs",
        stops,
    );
    keeps(rules::features, &lib("engine"), "use tokio::time::sleep;");
}

#[test]
fn names_that_say_nothing_are_found() {
    breaks(rules::names, "src-tauri/crates/engine/src/loop/mod.rs", "");
    for name in [
        "util",
        "utils",
        "ssh_helper",
        "tray-manager",
        "handlers",
        "node_info",
        "data",
    ] {
        breaks(
            rules::names,
            &format!("src-tauri/crates/engine/src/{name}.rs"),
            "",
        );
        breaks(rules::names, &format!("ui/src/lib/{name}.ts"), "");
    }
    breaks(rules::names, &lib("engine"), "mod helpers { }");
    breaks(
        rules::names,
        &lib("engine"),
        "pub struct ConnectionManager;",
    );
    breaks(rules::names, &lib("engine"), "enum NodeData {}");
    keeps(
        rules::names,
        &lib("engine"),
        "pub struct Handle; mod manage; struct Metadata;",
    );
}

#[test]
fn the_ui_talks_to_tauri_in_one_place() {
    let import = "import { invoke } from '@tauri-apps/api/core';";
    breaks(rules::ui, "ui/src/views/Nodes.svelte", import);
    breaks(
        rules::ui,
        "ui/src/lib/state/homelab.svelte.ts",
        "await import(\"@tauri-apps/api/event\")",
    );
    keeps(rules::ui, "ui/src/lib/backend/tauri.ts", import);

    let room = "ui/src/components/node/Row.svelte";
    breaks(
        rules::ui,
        room,
        "import Rail from \"$components/cascade/Rail.svelte\";",
    );
    breaks(
        rules::ui,
        room,
        "import Rail from '../cascade/Rail.svelte';",
    );
    keeps(
        rules::ui,
        room,
        "import Icon from \"$components/base/Icon.svelte\";",
    );
    keeps(
        rules::ui,
        room,
        "import Tile from './Tile.svelte'; import x from '$lib/plan';",
    );
    keeps(
        rules::ui,
        "ui/src/views/Nodes.svelte",
        "import R from \"$components/cascade/Rail.svelte\";",
    );
    breaks(
        rules::ui,
        "ui/src/components/base/Card.svelte",
        "import T from '../node/Tile.svelte';",
    );
}
