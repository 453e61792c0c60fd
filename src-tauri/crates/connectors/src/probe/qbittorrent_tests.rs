//! Answers of qBittorrent 4.5.2, recorded; logins as 5.2 gives them besides (its `authcontroller.cpp`).

use super::*;

fn recorded(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const DOWNLOADING: &str =
    include_str!("../../tests/recorded/probe/qbittorrent-4.5.2-downloading.json");
const STALLED: &str = include_str!("../../tests/recorded/probe/qbittorrent-4.5.2-stalled.json");

#[test]
fn what_is_downloaded_counts_and_what_nobody_sends_does_not() {
    assert_eq!(downloading(&recorded(DOWNLOADING)), Some(1));
    assert_eq!(downloading(&recorded(STALLED)), Some(0));
    assert_eq!(downloading(&recorded("[]")), Some(0));
}

#[test]
fn each_state_is_one_or_the_other() {
    let of = |state: &str| downloading(&recorded(&STALLED.replace("stalledDL", state)));
    for state in [
        "downloading",
        "forcedDL",
        "metaDL",
        "forcedMetaDL",
        "allocating",
        "checkingDL",
        "checkingResumeData",
        "moving",
        "something that 9.0 does",
    ] {
        assert_eq!(of(state), Some(1), "{state}");
    }
    for state in [
        "queuedDL",
        "pausedDL",
        "stoppedDL",
        "error",
        "missingFiles",
        "uploading",
        "stalledUP",
        "forcedUP",
        "queuedUP",
        "pausedUP",
        "stoppedUP",
    ] {
        assert_eq!(of(state), Some(0), "{state}");
    }
    let trickle = STALLED.replace("\"dlspeed\": 0", "\"dlspeed\": 12");
    assert_ne!(trickle, STALLED);
    assert_eq!(downloading(&recorded(&trickle)), Some(1));
}

#[test]
fn what_is_no_list_of_torrents_says_nothing() {
    for strange in ["{}", "null", "[1]", "[{}]", "[{\"state\": 1}]"] {
        assert_eq!(downloading(&recorded(strange)), None, "{strange}");
    }
}

#[test]
fn logins_of_old_and_new_versions() {
    let of = |status, body: &str| login_of(StatusCode::from_u16(status).unwrap(), body.as_bytes());
    assert_eq!(of(200, "Ok."), LoginAnswer::Granted);
    assert_eq!(of(204, ""), LoginAnswer::Granted);
    assert_eq!(of(200, "Fails."), LoginAnswer::Refused);
    assert_eq!(of(401, ""), LoginAnswer::Refused);
    assert_eq!(
        of(403, "Your IP address has been banned"),
        LoginAnswer::Banned
    );
    for (status, body) in [(200, "<html>"), (200, ""), (302, ""), (404, ""), (500, "")] {
        assert_eq!(of(status, body), LoginAnswer::Strange, "{status} {body}");
    }
    assert!(is_session("SID=/fqj0vMtu86/5G2i0w+61TD+sydcjwUq"));
    assert!(is_session("QBT_SID_8080=abc"));
    assert!(!is_session("SID="));
    assert!(!is_session("theme=dark"));
}
