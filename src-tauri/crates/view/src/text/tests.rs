use wakehub_domain::{ErrorKind, Timestamp};

use super::*;
use crate::wire::StepView;

fn step(name: &str, action: Action, status: StepStatus) -> StepView {
    StepView {
        node: None,
        node_name: name.to_owned(),
        action,
        channel: Capability::ProxmoxApi,
        reason: String::new(),
        status,
        begun: None,
        ended: None,
        timeout_ms: 0,
        usual_ms: None,
        detail: None,
    }
}

fn cascade(action: Action, status: CascadeStatus, steps: &[(&str, StepStatus)]) -> CascadeView {
    CascadeView {
        id: CascadeId(1),
        action,
        node: Some(NodeId(3)),
        node_name: steps.last().map_or("", |(name, _)| name).to_string(),
        automatic: false,
        status,
        steps: steps
            .iter()
            .map(|(name, status)| step(name, action, *status))
            .collect(),
        begun: Timestamp(1_000),
        ended: Some(Timestamp(73_000)),
        cancelling: false,
        failure: None,
    }
}

fn locked() -> FailureView {
    FailureView {
        kind: ErrorKind::Rejected,
        operation: "start vm-docker".to_owned(),
        message: "VM is locked (backup)".to_owned(),
        advice: String::new(),
        presented: None,
        at: Timestamp(0),
    }
}

fn both(note: impl Fn(Language) -> Note) -> [(String, String, Vec<String>); 2] {
    [Language::English, Language::French].map(|language| {
        let note = note(language);
        let buttons = note.buttons.into_iter().map(|button| button.label);
        (note.title, note.body, buttons.collect())
    })
}

fn expect(title: &str, body: &str, buttons: &[&str]) -> (String, String, Vec<String>) {
    // Written with plain spaces here, as a reader sees them.
    (
        title.to_owned(),
        body.to_owned(),
        buttons.iter().map(ToString::to_string).collect(),
    )
}

fn plain_spaces(notes: [(String, String, Vec<String>); 2]) -> [(String, String, Vec<String>); 2] {
    notes.map(|(title, body, buttons)| {
        let plain = |text: String| text.replace('\u{a0}', " ");
        (
            plain(title),
            plain(body),
            buttons.into_iter().map(plain).collect(),
        )
    })
}

#[test]
fn a_service_is_ready() {
    let done = cascade(
        Action::Start,
        CascadeStatus::Completed,
        &[
            ("machine1", StepStatus::Done),
            ("vm-docker", StepStatus::Done),
            ("jellystat", StepStatus::Done),
        ],
    );
    let notes = both(|language| ended(language, &done, &Snapshot::default()).unwrap());
    assert_eq!(
        plain_spaces(notes),
        [
            expect(
                "jellystat is ready",
                "machine1, vm-docker, jellystat: 1 min 12 s.",
                &[]
            ),
            expect(
                "jellystat est prêt",
                "machine1, vm-docker, jellystat : 1 min 12 s.",
                &[]
            ),
        ]
    );
}

#[test]
fn a_step_failed() {
    let mut failed = cascade(
        Action::Start,
        CascadeStatus::Failed,
        &[
            ("machine1", StepStatus::Done),
            ("vm-docker", StepStatus::Failed),
            ("jellystat", StepStatus::Waits),
        ],
    );
    failed.failure = Some(locked());
    let notes = both(|language| ended(language, &failed, &Snapshot::default()).unwrap());
    assert_eq!(
        plain_spaces(notes),
        [
            expect(
                "vm-docker did not start",
                "Proxmox: “VM is locked (backup)”. machine1 stays on.",
                &["Retry", "What to do"]
            ),
            expect(
                "vm-docker n’a pas démarré",
                "Proxmox : « VM is locked (backup) ». machine1 reste allumé.",
                &["Réessayer", "Que faire ?"]
            ),
        ]
    );
}

#[test]
fn a_stop_failed_and_what_is_below_stays_on() {
    let mut failed = cascade(
        Action::Stop,
        CascadeStatus::Failed,
        &[
            ("jellystat", StepStatus::Done),
            ("vm-docker", StepStatus::Failed),
            ("machine1", StepStatus::Cancelled),
            ("nas", StepStatus::Waits),
        ],
    );
    failed.failure = Some(locked());
    let notes = both(|language| ended(language, &failed, &Snapshot::default()).unwrap());
    assert_eq!(
        plain_spaces(notes),
        [
            expect(
                "vm-docker did not stop",
                "Proxmox: “VM is locked (backup)”. machine1 and nas stay on.",
                &["Retry", "What to do"]
            ),
            expect(
                "vm-docker ne s’est pas arrêté",
                "Proxmox : « VM is locked (backup) ». machine1 et nas restent allumés.",
                &["Réessayer", "Que faire ?"]
            ),
        ]
    );
}

#[test]
fn a_question_says_what_silence_means() {
    let question = QuestionView {
        id: QuestionId(7),
        node: NodeId(3),
        node_name: "nas".to_owned(),
        reason: "no longer needed once lxc-jellyfin is off".to_owned(),
        asked_at: Timestamp(0),
        stops_at: None,
    };
    let notes = both(|language| asked(language, &question));
    assert_eq!(
        plain_spaces(notes),
        [
            expect(
                "nas is still on",
                "No longer needed once lxc-jellyfin is off. Shut it down? No answer keeps it on.",
                &["Shut down", "Keep on", "Snooze for 1 h"]
            ),
            expect(
                "nas est encore allumé",
                "Plus requis une fois lxc-jellyfin éteint. L’éteindre ? Sans réponse, il reste allumé.",
                &["Éteindre", "Garder allumé", "Rappeler dans 1 h"]
            ),
        ]
    );
    // where it is not asked, silence shuts it down
    let notice = QuestionView {
        stops_at: Some(Timestamp(60_000)),
        ..question.clone()
    };
    assert_eq!(
        plain_spaces(both(|language| asked(language, &notice))),
        [
            expect(
                "nas is about to be shut down",
                "No longer needed once lxc-jellyfin is off. It is shut down in a minute, unless you keep it on.",
                &["Keep on", "Snooze for 1 h", "Shut down"]
            ),
            expect(
                "nas va être éteint",
                "Plus requis une fois lxc-jellyfin éteint. Il est éteint dans une minute, sauf si vous le gardez allumé.",
                &["Garder allumé", "Rappeler dans 1 h", "Éteindre"]
            ),
        ]
    );
    let note = asked(Language::English, &question);
    assert_eq!(
        note.buttons[0].press,
        Press::Answer(QuestionId(7), Answer::ShutDown)
    );
    assert_eq!(
        note.buttons[1].press,
        Press::Answer(QuestionId(7), Answer::KeepOn)
    );
    assert_eq!(note.click, Press::ShowQuestion(QuestionId(7)));
}

#[test]
fn a_refusal_keeps_the_case_of_names() {
    let refusal = RefusalView {
        node: NodeId(3),
        node_name: "nas".to_owned(),
        kind: "needed_by".to_owned(),
        by: vec!["qbittorrent".to_owned()],
        message: "nas is needed by qbittorrent".to_owned(),
    };
    let note = refused(Language::English, Action::Stop, "nas", &refusal);
    assert_eq!(
        (note.title.as_str(), note.body.as_str()),
        ("nas was not stopped", "nas is needed by qbittorrent.")
    );
}

#[test]
fn nothing_is_said_while_a_cascade_runs() {
    for status in [CascadeStatus::Running, CascadeStatus::Interrupted] {
        let running = cascade(Action::Start, status, &[("nas", StepStatus::Running)]);
        assert_eq!(
            ended(Language::English, &running, &Snapshot::default()),
            None
        );
    }
}

#[test]
fn durations_have_at_most_two_units() {
    let plain = |millis| duration(millis).replace('\u{a0}', " ");
    assert_eq!(plain(0), "1 s");
    assert_eq!(plain(850), "1 s");
    assert_eq!(plain(12_000), "12 s");
    assert_eq!(plain(60_000), "1 min");
    assert_eq!(plain(72_000), "1 min 12 s");
    assert_eq!(plain(3_600_000), "1 h");
    assert_eq!(plain(8_160_000), "2 h 16 min");
}

#[test]
fn languages_from_locales() {
    for (locale, language) in [
        ("fr_FR.UTF-8", Language::French),
        ("fr-CA", Language::French),
        ("fr", Language::French),
        ("FR_be@euro", Language::French),
        ("en_GB.UTF-8", Language::English),
        ("C.UTF-8", Language::English),
        ("fro", Language::English),
        ("", Language::English),
    ] {
        assert_eq!(Language::of_locale(locale), language, "{locale}");
    }
}
