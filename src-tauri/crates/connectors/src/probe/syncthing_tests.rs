//! Answers of Syncthing 1.19.2, recorded while one sent a file to another.

use super::*;

fn recorded(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const SYNCING: &str =
    include_str!("../../tests/recorded/probe/syncthing-1.19.2-status-syncing.json");
const IDLE: &str = include_str!("../../tests/recorded/probe/syncthing-1.19.2-status-idle.json");
const FOLDERS: &str = include_str!("../../tests/recorded/probe/syncthing-1.19.2-folders.json");
const CONNECTIONS: &str =
    include_str!("../../tests/recorded/probe/syncthing-1.19.2-connections.json");
const COMPLETION: &str =
    include_str!("../../tests/recorded/probe/syncthing-1.19.2-completion.json");

#[test]
fn what_a_folder_does() {
    assert_eq!(busy(&recorded(SYNCING), true), Some(Some("synchronises")));
    assert_eq!(busy(&recorded(IDLE), true), Some(None));
    let of = |state: &str, scanning| busy(&recorded(&IDLE.replace("\"idle\"", state)), scanning);
    for state in ["\"sync-preparing\"", "\"sync-waiting\""] {
        assert_eq!(of(state, false), Some(Some("synchronises")), "{state}");
    }
    for state in ["\"scanning\"", "\"scan-waiting\""] {
        assert_eq!(of(state, true), Some(Some("scans")), "{state}");
        assert_eq!(of(state, false), Some(None), "{state}");
    }
    for state in ["\"error\"", "\"cleaning\"", "\"clean-waiting\""] {
        assert_eq!(of(state, true), Some(None), "{state}");
    }
    for state in ["\"\"", "\"unknown\"", "null", "1"] {
        assert_eq!(of(state, true), None, "{state}");
    }
}

#[test]
fn folders_that_are_paused_are_not_asked_about() {
    let named = |text: &str| {
        let folders = folders(&recorded(text)).unwrap();
        let named = folders.into_iter().map(|folder| (folder.id, folder.name));
        named.collect::<Vec<_>>()
    };
    let films = ("films".to_owned(), "films".to_owned());
    assert_eq!(named(FOLDERS), [films]);
    let labelled = FOLDERS.replace("\"label\": \"\"", "\"label\": \"Our films\"");
    assert_eq!(named(&labelled)[0].1, "Our films");
    let paused = FOLDERS.replace("\"paused\": false", "\"paused\": true");
    assert_eq!(named(&paused), []);
    assert!(folders(&recorded("{}")).is_none());
    assert!(folders(&recorded("[{}]")).is_none());
}

#[test]
fn what_a_connected_device_lacks_counts() {
    let connections = recorded(CONNECTIONS);
    let devices = connected(&connections).unwrap();
    assert_eq!(devices.len(), 1, "the other one is this Syncthing itself");
    assert!(devices[0].starts_with("VDB662S-"));
    assert_eq!(lacks(&recorded(COMPLETION)), Some(3_000_000));
    let done = COMPLETION
        .replace("\"needBytes\": 3000000", "\"needBytes\": 0")
        .replace("\"needItems\": 1", "\"needItems\": 0");
    assert_eq!(lacks(&recorded(&done)), Some(0));
    let removed = done.replace("\"needDeletes\": 0", "\"needDeletes\": 2");
    assert_eq!(lacks(&recorded(&removed)), Some(1));
    assert_eq!(lacks(&recorded("{}")), None);
    assert_eq!(connected(&recorded("{}")), None);
}
