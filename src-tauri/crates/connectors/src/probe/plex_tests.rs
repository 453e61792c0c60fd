//! Answers in the form of Plex Media Server 1.41, shortened.

use super::*;

fn recorded(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const PLAYING: &str = include_str!("../../tests/recorded/probe/plex-1.41-sessions-playing.json");

#[test]
fn what_plays_is_counted() {
    let idle = include_str!("../../tests/recorded/probe/plex-1.41-sessions-idle.json");
    assert_eq!(playing(&recorded(idle), true), Some(0));
    assert_eq!(playing(&recorded(idle), false), Some(0));
    assert_eq!(playing(&recorded(PLAYING), true), Some(2));
    assert_eq!(playing(&recorded(PLAYING), false), Some(1));
    let buffering = PLAYING.replace("\"playing\"", "\"buffering\"");
    assert_eq!(playing(&recorded(&buffering), false), Some(1));
}

#[test]
fn what_has_no_sessions_says_nothing() {
    for strange in [
        "{}",
        "[]",
        "{\"MediaContainer\": {}}",
        "{\"MediaContainer\": {\"size\": \"0\"}}",
        "{\"MediaContainer\": {\"size\": -1}}",
    ] {
        assert_eq!(playing(&recorded(strange), true), None, "{strange}");
    }
}
