use proptest::prelude::*;
use wakehub_domain::{Action, Capability, NodeKind, Timestamp};

use super::*;
use crate::wire::{Notice, StepStatus, StepView};

fn node(id: u32, name: &str, power: Power) -> NodeView {
    NodeView {
        id: NodeId(id),
        name: name.to_owned(),
        kind: NodeKind::Machine,
        host: None,
        depends_on: vec![],
        needed_by: vec![],
        platform_id: None,
        address: None,
        power,
        cause: None,
        since: Timestamp(0),
        seen: None,
        note: None,
        health: None,
        lock: None,
        held_until: None,
        next_scheduled: vec![],
        pinned: true,
        url: None,
        always_on: false,
        confirm_before_auto_stop: true,
        stop_when_empty: false,
        capabilities: vec![],
        start_channel: Some(Capability::Wol),
        stop_channel: Some(Capability::Ssh),
        to_configure: 0,
        vanished: false,
        cascade: None,
        tags: vec![],
        missing_secrets: vec![],
    }
}

fn step(name: &str, status: StepStatus) -> StepView {
    StepView {
        node: None,
        node_name: name.to_owned(),
        action: Action::Start,
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

fn cascade(id: u32, node: u32, name: &str, status: CascadeStatus) -> CascadeView {
    CascadeView {
        id: CascadeId(id),
        action: Action::Start,
        node: Some(NodeId(node)),
        node_name: name.to_owned(),
        automatic: false,
        status,
        steps: vec![
            step("machine1", StepStatus::Done),
            step("vm-docker", StepStatus::Running),
            step(name, StepStatus::Waits),
        ],
        begun: Timestamp(0),
        ended: None,
        cancelling: false,
        failure: None,
    }
}

fn question(id: u32, node: u32, name: &str) -> QuestionView {
    QuestionView {
        id: QuestionId(id),
        node: NodeId(node),
        node_name: name.to_owned(),
        reason: "no longer needed: lxc-jellyfin is off".to_owned(),
        asked_at: Timestamp(0),
        stops_at: None,
    }
}

/// As the tray of a desktop would show it; disabled items in parentheses.
fn shown(menu: &Menu) -> Vec<String> {
    let item = |item: &Item| match item.enabled {
        true => item.label.clone(),
        false => format!("({})", item.label),
    };
    menu.0
        .iter()
        .map(|entry| match entry {
            Entry::Item(one) => item(one),
            Entry::Submenu { label, items, .. } => format!(
                "{label} ▸ {}",
                items.iter().map(item).collect::<Vec<_>>().join(", ")
            ),
            Entry::Remark(label) => format!("({label})"),
            Entry::Line(_) => "——".to_owned(),
        })
        .collect()
}

fn evening() -> Snapshot {
    let mut jellyfin = node(1, "lxc-jellyfin", Power::Off);
    jellyfin.url = Some("http://10.77.0.21:8096".to_owned());
    let mut jellystat = node(3, "jellystat", Power::Starting);
    jellystat.cascade = Some(CascadeId(4));
    let mut unpinned = node(5, "raspberry", Power::On);
    unpinned.pinned = false;
    Snapshot {
        nodes: vec![
            jellyfin,
            node(2, "nas", Power::On),
            jellystat,
            node(4, "nextcloud", Power::Failed),
            unpinned,
        ],
        questions: vec![question(7, 2, "nas")],
        cascades: vec![cascade(4, 3, "jellystat", CascadeStatus::Running)],
        ..Snapshot::default()
    }
}

#[test]
fn questions_first_then_the_cascade_then_the_pinned_nodes() {
    assert_eq!(
        shown(&menu(Scene::Running(&evening()), Language::English)),
        [
            "nas: shut it down? ▸ Shut down, Keep on, Snooze for 1\u{a0}h, Always keep on",
            "——",
            "jellystat: step 2 of 3, vm-docker ▸ Cancel after this step",
            "——",
            "○  lxc-jellyfin · Off ▸ Start, (Stop), (Open), (Keep on for 2\u{a0}h), Why?",
            "●  nas · On ▸ (Start), Stop, Keep on for 2\u{a0}h, Why?",
            "▲  jellystat · Starting ▸ (Start), (Stop), Keep on for 2\u{a0}h, Why?",
            "✕  nextcloud · Failed ▸ Start, Stop, Keep on for 2\u{a0}h, Why?",
            "——",
            "Pause automatic stops ▸ For 2\u{a0}h, Until 8\u{a0}in the morning",
            "Open WakeHub",
            "Quit",
        ]
    );
}

#[test]
fn the_same_in_french() {
    assert_eq!(
        shown(&menu(Scene::Running(&evening()), Language::French)),
        [
            "nas\u{a0}: l’éteindre\u{a0}? ▸ Éteindre, Garder allumé, Rappeler dans 1\u{a0}h, Toujours garder allumé",
            "——",
            "jellystat\u{a0}: étape 2 sur 3, vm-docker ▸ Annuler après cette étape",
            "——",
            "○  lxc-jellyfin · Éteint ▸ Démarrer, (Arrêter), (Ouvrir), (Garder allumé 2\u{a0}h), Pourquoi\u{a0}?",
            "●  nas · Allumé ▸ (Démarrer), Arrêter, Garder allumé 2\u{a0}h, Pourquoi\u{a0}?",
            "▲  jellystat · Démarre ▸ (Démarrer), (Arrêter), Garder allumé 2\u{a0}h, Pourquoi\u{a0}?",
            "✕  nextcloud · En échec ▸ Démarrer, Arrêter, Garder allumé 2\u{a0}h, Pourquoi\u{a0}?",
            "——",
            "Suspendre les arrêts automatiques ▸ Pendant 2\u{a0}h, Jusqu’à 8\u{a0}h du matin",
            "Ouvrir WakeHub",
            "Quitter",
        ]
    );
}

#[test]
fn what_cannot_be_commanded_cannot_be_chosen() {
    let mut raspberry = node(1, "raspberry", Power::On);
    raspberry.start_channel = None;
    raspberry.stop_channel = None;
    let snapshot = Snapshot {
        nodes: vec![raspberry],
        ..Snapshot::default()
    };
    assert_eq!(
        shown(&menu(Scene::Running(&snapshot), Language::English))[0],
        "●  raspberry · On ▸ (Start), (Stop), Keep on for 2\u{a0}h, Why?"
    );
}

#[test]
fn what_is_kept_on_can_be_released() {
    let mut nas = node(1, "nas", Power::On);
    nas.held_until = Some(Timestamp(7_200_000));
    let snapshot = Snapshot {
        nodes: vec![nas],
        ..Snapshot::default()
    };
    let first = |language| shown(&menu(Scene::Running(&snapshot), language))[0].clone();
    assert_eq!(
        first(Language::English),
        "●  nas · On ▸ (Start), Stop, Release (kept on), Why?"
    );
    assert_eq!(
        first(Language::French),
        "●  nas · Allumé ▸ (Démarrer), Arrêter, Ne plus garder allumé, Pourquoi\u{a0}?"
    );
    assert_eq!(text::HELD_FOR.as_secs(), 2 * 3600);
}

#[test]
fn before_the_engine_runs_and_when_it_cannot() {
    assert_eq!(
        shown(&menu(Scene::Starting, Language::English)),
        ["(WakeHub is starting)", "——", "Open WakeHub", "Quit"]
    );
    assert_eq!(
        shown(&menu(
            Scene::Failed("another WakeHub holds it"),
            Language::English
        )),
        [
            "(WakeHub could not start: another WakeHub holds it)",
            "——",
            "Open WakeHub",
            "Quit"
        ]
    );
    assert_eq!(
        shown(&menu(
            Scene::Running(&Snapshot::default()),
            Language::English
        )),
        [
            "(Nothing pinned yet)",
            "——",
            "Pause automatic stops ▸ For 2\u{a0}h, Until 8\u{a0}in the morning",
            "Open WakeHub",
            "Quit"
        ]
    );
    let paused = Snapshot {
        stops_paused_until: Some(Timestamp(1)),
        ..Snapshot::default()
    };
    assert_eq!(
        shown(&menu(Scene::Running(&paused), Language::English))[2],
        "Automatic stops are paused ▸ Allow them again"
    );
    assert_eq!(icon(Scene::Starting), Icon::Well);
    assert_eq!(icon(Scene::Failed("")), Icon::Attention);
}

#[test]
fn interrupted_and_failed_cascades_stay_until_they_are_dealt_with() {
    let mut snapshot = Snapshot {
        cascades: vec![
            cascade(2, 1, "sandbox", CascadeStatus::Interrupted),
            cascade(1, 9, "nas", CascadeStatus::Failed),
        ],
        ..Snapshot::default()
    };
    assert_eq!(
        shown(&menu(Scene::Running(&snapshot), Language::English))[..2],
        [
            "sandbox: interrupted ▸ Resume, What to do, Dismiss",
            "nas did not start ▸ Retry, What to do, Dismiss"
        ]
    );
    assert_eq!(icon(Scene::Running(&snapshot)), Icon::Attention);

    snapshot.cascades = vec![
        cascade(3, 9, "nas", CascadeStatus::Completed),
        cascade(1, 9, "nas", CascadeStatus::Failed),
    ];
    assert_eq!(icon(Scene::Running(&snapshot)), Icon::Well);
    assert_eq!(
        shown(&menu(Scene::Running(&snapshot), Language::English))[0],
        "(Nothing pinned yet)"
    );
}

#[test]
fn the_icon_says_the_most_urgent() {
    let mut snapshot = evening();
    assert_eq!(icon(Scene::Running(&snapshot)), Icon::Attention);
    snapshot.questions.clear();
    assert_eq!(icon(Scene::Running(&snapshot)), Icon::Working);
    snapshot.cascades.clear();
    assert_eq!(icon(Scene::Running(&snapshot)), Icon::Well);
    snapshot.notices.push(Notice {
        severity: Severity::Warning,
        code: "no_tray".to_owned(),
        message: String::new(),
    });
    assert_eq!(icon(Scene::Running(&snapshot)), Icon::Well);
    snapshot.notices[0].severity = Severity::Critical;
    assert_eq!(icon(Scene::Running(&snapshot)), Icon::Attention);
}

#[test]
fn a_new_state_is_only_new_labels() {
    let old = evening();
    let mut new = evening();
    new.nodes[0].power = Power::On;
    new.cascades[0].steps[1].status = StepStatus::Done;
    new.cascades[0].steps[2].status = StepStatus::Running;
    let before = menu(Scene::Running(&old), Language::English);
    let after = menu(Scene::Running(&new), Language::English);
    assert_eq!(
        changes(&before, &after),
        [
            Change::Label {
                at: 2,
                label: "jellystat: step 3 of 3, jellystat".to_owned()
            },
            Change::Label {
                at: 4,
                label: "●  lxc-jellyfin · On".to_owned()
            },
            Change::ItemEnabled {
                at: 4,
                item: 0,
                enabled: false
            },
            Change::ItemEnabled {
                at: 4,
                item: 1,
                enabled: true
            },
            Change::ItemEnabled {
                at: 4,
                item: 2,
                enabled: true
            },
            Change::ItemEnabled {
                at: 4,
                item: 3,
                enabled: true
            },
        ]
    );
    assert_eq!(changes(&after, &after), []);
}

#[test]
fn an_answered_question_takes_only_its_own_lines_away() {
    let old = evening();
    let mut new = evening();
    new.questions.clear();
    assert_eq!(
        changes(
            &menu(Scene::Running(&old), Language::English),
            &menu(Scene::Running(&new), Language::English)
        ),
        [Change::Remove { at: 1 }, Change::Remove { at: 0 }]
    );
}

#[test]
fn every_command_can_be_read_back() {
    for command in [
        Command::Answer(QuestionId(7), Answer::ShutDown),
        Command::Answer(QuestionId(7), Answer::KeepOn),
        Command::Cancel(CascadeId(1)),
        Command::Resume(CascadeId(2)),
        Command::Dismiss(CascadeId(3)),
        Command::Start(NodeId(4)),
        Command::Stop(NodeId(5)),
        Command::KeepOn(NodeId(5)),
        Command::Release(NodeId(5)),
        Command::OpenUrl(NodeId(6)),
        Command::ShowNode(NodeId(u32::MAX)),
        Command::Show,
        Command::Quit,
    ] {
        assert_eq!(command.to_string().parse(), Ok(command));
    }
    for wrong in [
        "",
        "start",
        "start/x",
        "start/3/4",
        "answer/7/maybe",
        "stop/-1",
    ] {
        assert_eq!(wrong.parse::<Command>(), Err(NoCommand), "{wrong}");
    }
}

fn apply(menu: &mut Menu, change: &Change) {
    match change {
        Change::Remove { at } => drop(menu.0.remove(*at)),
        Change::Insert { at, entry } => menu.0.insert(*at, entry.clone()),
        Change::Label { at, label: new } => match &mut menu.0[*at] {
            Entry::Item(item) => item.label.clone_from(new),
            Entry::Submenu { label, .. } | Entry::Remark(label) => label.clone_from(new),
            Entry::Line(_) => panic!("a line has no label"),
        },
        Change::ItemLabel { at, item, label } => submenu(menu, *at)[*item].label.clone_from(label),
        Change::ItemEnabled { at, item, enabled } => submenu(menu, *at)[*item].enabled = *enabled,
    }
}

fn submenu(menu: &mut Menu, at: usize) -> &mut Vec<Item> {
    let Entry::Submenu { items, .. } = &mut menu.0[at] else {
        panic!("no submenu at {at}");
    };
    items
}

fn any_power() -> impl Strategy<Value = Power> {
    prop_oneof![
        Just(Power::Unknown),
        Just(Power::Off),
        Just(Power::Starting),
        Just(Power::On),
        Just(Power::Stopping),
        Just(Power::Failed),
    ]
}

fn any_status() -> impl Strategy<Value = CascadeStatus> {
    prop_oneof![
        Just(CascadeStatus::Running),
        Just(CascadeStatus::Completed),
        Just(CascadeStatus::Failed),
        Just(CascadeStatus::Cancelled),
        Just(CascadeStatus::Interrupted),
    ]
}

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let nodes =
        prop::collection::btree_map(0u32..6, (any_power(), any::<bool>(), any::<bool>()), 0..6)
            .prop_map(|nodes| nodes.into_iter().map(any_node).collect::<Vec<_>>())
            .prop_shuffle();
    let cascades = prop::collection::btree_map(0u32..4, any_status(), 0..4);
    let questions = prop::collection::btree_set(0u32..4, 0..4);
    (nodes, cascades, questions, any::<bool>()).prop_map(|(nodes, cascades, questions, paused)| {
        Snapshot {
            stops_paused_until: paused.then_some(Timestamp(1)),
            nodes,
            cascades: cascades
                .into_iter()
                .map(|(id, status)| cascade(id, id, &format!("c{id}"), status))
                .collect(),
            questions: questions
                .into_iter()
                .map(|id| question(id, id, &format!("q{id}")))
                .collect(),
            ..Snapshot::default()
        }
    })
}

fn any_node((id, (power, pinned, url)): (u32, (Power, bool, bool))) -> NodeView {
    let mut made = node(id, &format!("n{id}"), power);
    made.pinned = pinned;
    made.url = url.then(|| "http://n".to_owned());
    made
}

proptest! {
    #[test]
    fn the_changes_lead_to_the_new_menu(old in any_snapshot(), new in any_snapshot()) {
        let old = menu(Scene::Running(&old), Language::English);
        let new = menu(Scene::Running(&new), Language::French);
        let mut edited = old.clone();
        for change in changes(&old, &new) {
            apply(&mut edited, &change);
        }
        prop_assert_eq!(edited, new);
    }

    #[test]
    fn no_two_entries_have_the_same_key(snapshot in any_snapshot()) {
        let menu = menu(Scene::Running(&snapshot), Language::English);
        let keys: Vec<Key> = menu.0.iter().map(Entry::key).collect();
        let mut unique = std::collections::HashSet::new();
        prop_assert!(keys.iter().all(|key| unique.insert(*key)), "{:?}", keys);
    }
}

#[test]
fn with_thirty_pinned_nodes_the_menu_stays_short_and_loses_none() {
    let mut snapshot = Snapshot::default();
    for id in 1..=30 {
        let power = if id % 2 == 0 { Power::On } else { Power::Off };
        snapshot.nodes.push(node(id, &format!("n{id}"), power));
    }
    let labels = |menu: &Menu| -> Vec<String> {
        let named = menu.0.iter().filter_map(Entry::label);
        named.map(str::to_owned).collect()
    };
    let menu = menu(Scene::Running(&snapshot), Language::English);
    // twelve that are on, the other three, the fifteen that are off, the pause, Open, Quit
    assert_eq!(labels(&menu).len(), 17, "{:?}", labels(&menu));
    assert_eq!(labels(&menu)[12..14], ["3 more", "Start one of 15"]);
    let commands: Vec<Command> = menu
        .0
        .iter()
        .flat_map(|entry| match entry {
            Entry::Submenu { items, .. } => items.iter().map(|item| item.command).collect(),
            Entry::Item(_) | Entry::Remark(_) | Entry::Line(_) => vec![],
        })
        .collect();
    for known in &snapshot.nodes {
        let reached = if known.power == Power::Off {
            Command::Start(known.id)
        } else {
            Command::ShowNode(known.id)
        };
        assert!(commands.contains(&reached), "{}", known.name);
    }
    for entry in &mut snapshot.nodes {
        entry.power = Power::Off;
    }
    let asleep = super::menu(Scene::Running(&snapshot), Language::French);
    assert_eq!(labels(&asleep)[0], "Démarrer un des 30");
    snapshot.nodes.truncate(12);
    let few = super::menu(Scene::Running(&snapshot), Language::English);
    assert_eq!(labels(&few)[11], "○  n12 · Off");
}
