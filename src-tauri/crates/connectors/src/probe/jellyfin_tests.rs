//! Answers in the form of Jellyfin 10.10.6 (its OpenAPI document), shortened to what a session says of itself and of playing.

use super::*;

fn recorded(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const IDLE: &str = include_str!("../../tests/recorded/probe/jellyfin-10.10.6-sessions-idle.json");
const PLAYING: &str =
    include_str!("../../tests/recorded/probe/jellyfin-10.10.6-sessions-playing.json");
const TASKS: &str = include_str!("../../tests/recorded/probe/jellyfin-10.10.6-tasks.json");

#[test]
fn who_only_looks_around_does_not_play() {
    assert_eq!(playing(&recorded(IDLE), true), Some(0));
    assert_eq!(playing(&recorded("[]"), true), Some(0));
}

#[test]
fn what_is_paused_counts_unless_the_rule_says_otherwise() {
    assert_eq!(playing(&recorded(PLAYING), true), Some(2));
    assert_eq!(playing(&recorded(PLAYING), false), Some(1));
}

#[test]
fn a_task_that_runs_is_named() {
    assert_eq!(running(&recorded(TASKS)), Some(Some("Scan Media Library")));
    let idle = TASKS.replace("\"Running\"", "\"Idle\"");
    assert_eq!(running(&recorded(&idle)), Some(None));
    let ending = TASKS.replace("\"Running\"", "\"Cancelling\"");
    assert_eq!(
        running(&recorded(&ending)),
        Some(Some("Scan Media Library"))
    );
}

#[test]
fn what_is_no_list_of_sessions_says_nothing() {
    for strange in ["{}", "null", "[1]", "{\"Items\": []}", "\"\"", "[[]]"] {
        assert_eq!(playing(&recorded(strange), true), None, "{strange}");
    }
    for strange in ["{}", "[{}]", "[{\"State\": 3}]"] {
        assert_eq!(running(&recorded(strange)), None, "{strange}");
    }
}
