use super::*;

const BODY: &str = r#"{"queue": {"slots": [], "speed": "0.5", "jobs": 3, "name": "", "busy": false},
    "players": [{"name": "anna"}], "a/b": {"~": null}, "none": {}}"#;

fn read_of(text: &str, status: u16, body: &str) -> Result<(bool, String), String> {
    let probe: HttpProbe = serde_json::from_str(text).unwrap();
    let answer = read(&probe, status, body.as_bytes())?;
    Ok((answer.is_used, answer.why))
}

fn is_used(text: &str) -> bool {
    read_of(text, 200, BODY)
        .unwrap_or_else(|why| panic!("{text}: {why}"))
        .0
}

#[test]
fn a_value_is_use_unless_it_is_nothing() {
    for pointer in [
        "",
        "/queue",
        "/queue/speed",
        "/queue/jobs",
        "/players",
        "/players/0/name",
    ] {
        assert!(
            is_used(&format!(r#"{{"pointer": "{pointer}"}}"#)),
            "{pointer}"
        );
    }
    for pointer in [
        "/queue/slots",
        "/queue/name",
        "/queue/busy",
        "/a~1b/~0",
        "/none",
    ] {
        assert!(
            !is_used(&format!(r#"{{"pointer": "{pointer}"}}"#)),
            "{pointer}"
        );
    }
}

#[test]
fn a_value_is_compared() {
    for holds in [
        r#"{"pointer": "/queue/jobs", "equals": 3}"#,
        r#"{"pointer": "/queue/busy", "equals": false}"#,
        r#"{"pointer": "/queue/name", "equals": ""}"#,
        r#"{"pointer": "/queue/jobs", "more_than": 2.5}"#,
        r#"{"pointer": "/queue/speed", "more_than": 0.4}"#,
        r#"{"pointer": "/players", "more_than": 0}"#,
        r#"{"pointer": "/queue/slots", "more_than": -1}"#,
    ] {
        assert!(is_used(holds), "{holds}");
    }
    for fails in [
        r#"{"pointer": "/queue/jobs", "equals": 4}"#,
        r#"{"pointer": "/queue/jobs", "equals": "3"}"#,
        r#"{"pointer": "/a~1b/~0", "equals": false}"#,
        r#"{"pointer": "/queue/jobs", "more_than": 3}"#,
        r#"{"pointer": "/players", "more_than": 1}"#,
    ] {
        assert!(!is_used(fails), "{fails}");
    }
}

#[test]
fn a_text_is_looked_for_and_may_mean_the_opposite() {
    assert!(is_used(r#"{"text": "anna"}"#));
    assert!(!is_used(r#"{"text": "ben"}"#));
    assert!(!is_used(r#"{"text": "anna", "means": "not_used"}"#));
    assert!(is_used(r#"{"text": "ben", "means": "not_used"}"#));
    assert!(
        !is_used(r#"{"text": "anna", "pointer": "/queue/busy"}"#),
        "both have to hold"
    );
}

#[test]
fn a_status_is_compared() {
    let of = |status| read_of(r#"{"status": 204}"#, status, "").unwrap();
    assert_eq!(of(204), (true, "the service answers 204".to_owned()));
    assert_eq!(of(200), (false, "the service answers 200".to_owned()));
}

#[test]
fn what_cannot_be_told_is_not_told() {
    for (text, body) in [
        (r#"{"pointer": "/queue/ends"}"#, BODY),
        (r#"{"pointer": "/players/1"}"#, BODY),
        (r#"{"pointer": "/queue"}"#, "<html>"),
        (r#"{"pointer": "/queue"}"#, ""),
        (r#"{"pointer": "/queue", "equals": 1}"#, BODY),
        (r#"{"pointer": "/queue/busy", "more_than": 0}"#, BODY),
        (r#"{"pointer": "/players/0/name", "more_than": 0}"#, BODY),
        (r#"{"pointer": "/a~1b/~0", "more_than": 0}"#, BODY),
        // nor is the opposite
        (r#"{"pointer": "/queue/ends", "means": "not_used"}"#, BODY),
        (r#"{"pointer": "/queue", "means": "not_used"}"#, "no JSON"),
    ] {
        let told = read_of(text, 200, body);
        assert!(told.is_err(), "{text}: {told:?}");
    }
}

#[test]
fn what_was_seen_is_said() {
    let why = |text: &str| read_of(text, 200, BODY).unwrap().1;
    assert_eq!(
        why(r#"{"pointer": "/queue/jobs", "more_than": 2}"#),
        "the service says that /queue/jobs is 3"
    );
    assert_eq!(
        why(r#"{"pointer": "/queue/slots", "more_than": 0}"#),
        "the service says that /queue/slots is a list of 0"
    );
    assert_eq!(
        why(r#"{"status": 200, "text": "ben"}"#),
        "the service answers 200 and does not say “ben”"
    );
    let long = "x".repeat(500);
    let body = format!("{{\"a\": \"{long}\"}}");
    let (_, why) = read_of(r#"{"pointer": "/a"}"#, 200, &body).unwrap();
    assert!(why.len() < 120, "{why}");
}
