//! Every table, written and read back after closing and opening again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use wakehub_domain::{
    Action, Capability, CascadeId, ConnectionId, ConnectorError, ErrorKind, GraphError, Intent,
    Node, NodeId, NodeKind, Observation, PowerState, PresentedKind, Source, Timestamp,
};
use wakehub_store::{
    BeginError, EditError, Hold, JournalEntry, JournalFilter, NewQuestion, NodeChange, Outcome,
    PROVISIONAL, SeenGuest, SettingKey, StepOutcome, StepStatus, Store, StoreError,
};

use crate::fixture::{guest, homelab, machine, name, open, start_plan, stop_plan};

#[test]
fn nodes_survive_closing() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let id = store.homelab_id().to_owned();
    assert_eq!(id.len(), 32);
    let graph = homelab(&mut store);
    drop(store);
    let store = open(&directory);
    assert_eq!(store.homelab_id(), id);
    assert_eq!(store.graph().expect("reads").nodes(), graph.nodes());
    assert_eq!(graph.nodes()[2].host, Some(NodeId(2)));
    assert_eq!(graph.nodes()[2].depends_on, [NodeId(1)]);
}

#[test]
fn ids_are_never_used_twice() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    homelab(&mut store);
    let edited = store
        .edit(&[NodeChange::RemoveWithGuests(NodeId(2))])
        .expect("removed");
    assert_eq!(edited.removed, [NodeId(2), NodeId(3)]);
    assert_eq!(edited.graph.len(), 1);
    drop(store);
    let mut store = open(&directory);
    let edited = store
        .edit(&[NodeChange::Insert(machine(0, "raspberry"))])
        .expect("added");
    assert_eq!(edited.inserted, [NodeId(4)]);
}

#[test]
fn names_can_be_exchanged_and_hosts_moved_in_one_edit() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let graph = homelab(&mut store);
    let [nas, machine2, jellyfin] = graph.nodes() else {
        panic!("three nodes")
    };
    let (mut nas, mut machine2, mut jellyfin) = (nas.clone(), machine2.clone(), jellyfin.clone());
    std::mem::swap(&mut nas.name, &mut machine2.name);
    // the new host comes after the guest that moves to it
    jellyfin.host = Some(NodeId(PROVISIONAL));
    jellyfin.depends_on = vec![NodeId(2), NodeId(1)];
    let mut machine3 = machine(0, "machine3");
    machine3.proxmox_api = machine2.proxmox_api.take();
    let edited = store
        .edit(&[
            NodeChange::Update(jellyfin),
            NodeChange::Update(nas),
            NodeChange::Update(machine2),
            NodeChange::Insert(machine3),
        ])
        .expect("a valid edit");
    assert_eq!(store.graph().expect("reads").nodes(), edited.graph.nodes());
    assert_eq!(edited.graph.name(NodeId(1)), "machine2");
    let jellyfin = edited.graph.get(NodeId(3)).expect("still there");
    assert_eq!(jellyfin.host, Some(NodeId(4)));
    assert_eq!(jellyfin.depends_on, [NodeId(2), NodeId(1)]);
}

#[test]
fn a_refused_edit_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let graph = homelab(&mut store);
    let node = |id| graph.get(NodeId(id)).expect("there").clone();
    let refused = |store: &mut Store, changes: &[NodeChange]| {
        let error = store.edit(changes).expect_err("refused");
        assert_eq!(store.graph().expect("reads").nodes(), graph.nodes());
        match error {
            EditError::Graph(error) => error,
            EditError::Store(error) => panic!("{error}"),
        }
    };

    let mut nas = node(1);
    nas.depends_on = vec![NodeId(3)];
    let with_a_new_node = [
        NodeChange::Insert(machine(7, "raspberry")),
        NodeChange::Update(nas),
    ];
    assert!(matches!(
        refused(&mut store, &with_a_new_node),
        GraphError::Cycle(path) if path.len() == 3
    ));
    assert!(matches!(
        refused(&mut store, &[NodeChange::Remove(NodeId(1))]),
        GraphError::HasDependants { node, dependants }
            if node == "nas" && dependants == ["lxc-jellyfin"]
    ));
    assert!(matches!(
        refused(&mut store, &[NodeChange::Remove(NodeId(2))]),
        GraphError::HasGuests { node, guests } if node == "machine2" && guests == ["lxc-jellyfin"]
    ));
    assert!(matches!(
        refused(&mut store, &[NodeChange::Update(Node::new(NodeId(9), "x", NodeKind::Machine))]),
        GraphError::UnknownNode(id) if id == "9"
    ));
    let dangling = guest(0, "sandbox", NodeKind::Container, NodeId(PROVISIONAL + 5));
    assert!(matches!(
        refused(&mut store, &[NodeChange::Insert(dangling)]),
        GraphError::UnknownNode(_)
    ));
    // the refused insertions have used up no id
    let edited = store
        .edit(&[NodeChange::Insert(machine(0, "raspberry"))])
        .expect("added");
    assert_eq!(edited.inserted, [NodeId(4)]);
    // together they can go, in any order
    let all = [1, 2, 3, 4].map(|id| NodeChange::Remove(NodeId(id)));
    assert!(store.edit(&all).expect("removed").graph.is_empty());
}

#[test]
fn two_new_nodes_cannot_share_a_provisional_id() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let changes = [machine(0, "a"), machine(0, "b")].map(NodeChange::Insert);
    assert!(matches!(
        store.edit(&changes),
        Err(EditError::Store(StoreError::OutOfOrder(_)))
    ));
    assert!(store.graph().expect("reads").is_empty());
}

#[test]
fn a_cascade_is_written_step_by_step() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let graph = homelab(&mut store);
    let plan = start_plan(&graph);
    assert_eq!(plan.steps.len(), 3);
    let id = store
        .begin_cascade(&plan, &name, Timestamp(100))
        .expect("begins");
    assert_eq!(store.locks().expect("reads").len(), 3);

    store.step_begun(id, 0, Timestamp(110)).expect("begins");
    store
        .step_ended(id, 0, Timestamp(120), &StepOutcome::Done)
        .expect("ends");
    store.step_begun(id, 1, Timestamp(120)).expect("begins");
    let error = ConnectorError::new(ErrorKind::Rejected, "start vm 101", "VM is locked (backup)");
    store
        .step_ended(id, 1, Timestamp(130), &StepOutcome::Failed(error.clone()))
        .expect("ends");
    store
        .step_ended(
            id,
            2,
            Timestamp(130),
            &StepOutcome::Skipped("on already".into()),
        )
        .expect("ends");
    store
        .end_cascade(id, Timestamp(140), Outcome::Failed)
        .expect("ends");
    assert_eq!(store.locks().expect("reads"), BTreeMap::new());
    drop(store);

    let mut store = open(&directory);
    let record = store.cascade(id).expect("reads").expect("is there");
    assert_eq!(record.plan, plan);
    assert_eq!(record.node, Some(NodeId(3)));
    assert_eq!(record.node_name, "name of 3");
    assert_eq!(record.ended, Some((Timestamp(140), Outcome::Failed)));
    let statuses: Vec<_> = record.steps.iter().map(|s| s.status.clone()).collect();
    assert_eq!(
        statuses,
        [
            StepStatus::Done,
            StepStatus::Failed(error),
            StepStatus::Skipped("on already".into())
        ]
    );
    assert_eq!(record.steps[0].begun_at, Some(Timestamp(110)));
    assert_eq!(record.steps[0].ended_at, Some(Timestamp(120)));
    assert_eq!(store.unfinished().expect("reads"), []);
    assert_eq!(store.recent_cascades(10).expect("reads"), [record]);
    assert_eq!(store.recent_cascades(0).expect("reads"), []);
    store
        .dismiss_cascade(id, Timestamp(150))
        .expect("dismissed");
    store.dismiss_cascade(id, Timestamp(160)).expect("again");
    let record = store.cascade(id).expect("reads").expect("is there");
    assert_eq!(record.dismissed_at, Some(Timestamp(150)));
    assert_eq!(store.cascade(CascadeId(99)).expect("reads"), None);
}

#[test]
fn steps_out_of_order_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let graph = homelab(&mut store);
    let id = store
        .begin_cascade(&start_plan(&graph), &name, Timestamp(100))
        .expect("begins");
    let out_of_order = |result| assert!(matches!(result, Err(StoreError::OutOfOrder(_))));
    let at = Timestamp(100);
    out_of_order(store.step_begun(id, 1, at));
    out_of_order(store.step_begun(id, 3, at));
    out_of_order(store.step_ended(id, 0, at, &StepOutcome::Done));
    store.step_begun(id, 0, at).expect("begins");
    out_of_order(store.step_begun(id, 0, at));
    out_of_order(store.step_begun(id, 1, at));
    store
        .step_ended(id, 0, at, &StepOutcome::Done)
        .expect("ends");
    out_of_order(store.step_ended(id, 0, at, &StepOutcome::Cancelled));
    store.end_cascade(id, at, Outcome::Cancelled).expect("ends");
    out_of_order(store.end_cascade(id, at, Outcome::Completed));
    out_of_order(store.step_begun(id, 1, at));
    out_of_order(store.step_begun(CascadeId(77), 0, at));
}

#[test]
fn a_node_is_in_one_cascade_at_a_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let graph = homelab(&mut store);
    let first = store
        .begin_cascade(&start_plan(&graph), &name, Timestamp(100))
        .expect("begins");
    let second = store.begin_cascade(&stop_plan(&graph), &name, Timestamp(101));
    assert!(matches!(
        second,
        Err(BeginError::Locked { cascade, node: NodeId(1), ref name }) if cascade == first && name == "name of 1"
    ));
    assert_eq!(store.recent_cascades(10).expect("reads").len(), 1);
    store
        .end_cascade(first, Timestamp(102), Outcome::Completed)
        .expect("ends");
    store
        .begin_cascade(&stop_plan(&graph), &name, Timestamp(103))
        .expect("begins now");
}

#[test]
fn a_plan_for_a_node_that_was_removed_does_not_begin() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let graph = homelab(&mut store);
    let plan = start_plan(&graph);
    store
        .edit(&[NodeChange::Remove(NodeId(3))])
        .expect("removed");
    assert!(matches!(
        store.begin_cascade(&plan, &name, Timestamp(0)),
        Err(BeginError::Removed {
            node: NodeId(3),
            ..
        })
    ));
    assert_eq!(store.locks().expect("reads"), BTreeMap::new());
}

#[test]
fn removing_a_node_keeps_its_history() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let graph = homelab(&mut store);
    let id = store
        .begin_cascade(&start_plan(&graph), &name, Timestamp(100))
        .expect("begins");
    let entry = JournalEntry {
        node: Some(NodeId(3)),
        node_name: Some("lxc-jellyfin".into()),
        cascade: Some(id),
        message: "started".into(),
        ..JournalEntry::default()
    };
    store.append(&entry).expect("written");
    store
        .edit(&[NodeChange::Remove(NodeId(3))])
        .expect("removed although it is in a cascade");
    let record = store.cascade(id).expect("reads").expect("is there");
    assert_eq!(record.node, None);
    assert_eq!(record.steps[2].node, None);
    assert_eq!(record.steps[2].node_name, "name of 3");
    assert_eq!(record.steps[2].step.node, NodeId(3));
    assert_eq!(store.locks().expect("reads").len(), 2);
    let kept = &store.journal(&JournalFilter::default()).expect("reads")[0].entry;
    assert_eq!((kept.node, &kept.node_name), (None, &entry.node_name));
    // an entry about a node that has just gone is written all the same
    store.append(&entry).expect("written");
}

#[test]
fn an_interrupted_stop_is_planned_again_with_what_it_had_stopped() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let graph = homelab(&mut store);
    let plan = stop_plan(&graph);
    let order: Vec<_> = plan.steps.iter().map(|step| step.node).collect();
    assert_eq!(order, [NodeId(3), NodeId(1)]);
    let id = store
        .begin_cascade(&plan, &name, Timestamp(100))
        .expect("begins");
    store.step_begun(id, 0, Timestamp(110)).expect("begins");
    drop(store);

    let mut store = open(&directory);
    let running = store.unfinished().expect("reads");
    assert_eq!(running[0].steps[0].status, StepStatus::Running);
    let interrupted = store.interrupt_unfinished(Timestamp(200)).expect("marked");
    assert_eq!(interrupted, store.interrupted().expect("reads"));
    let [record] = interrupted.as_slice() else {
        panic!("one cascade")
    };
    assert_eq!(record.ended, Some((Timestamp(200), Outcome::Interrupted)));
    assert_eq!(record.steps[0].status, StepStatus::Interrupted);
    assert_eq!(record.steps[1].status, StepStatus::Pending);
    assert_eq!(store.locks().expect("reads"), BTreeMap::new());
    let Intent::Stop { stopped_before, .. } = record.resume() else {
        panic!("a stop")
    };
    assert_eq!(stopped_before, BTreeSet::from([NodeId(3)]));
    assert_eq!(
        store.interrupt_unfinished(Timestamp(300)).expect("none"),
        []
    );
    store
        .dismiss_cascade(id, Timestamp(300))
        .expect("dismissed");
    assert_eq!(store.interrupted().expect("reads"), []);
}

#[test]
fn the_usual_duration_is_the_median_of_the_last_five() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let graph = homelab(&mut store);
    let mut at = 0;
    let mut run = |store: &mut Store, millis: i64, outcome: StepOutcome| {
        at += 1_000_000;
        let id = store
            .begin_cascade(&start_plan(&graph), &name, Timestamp(at))
            .expect("begins");
        store.step_begun(id, 0, Timestamp(at)).expect("begins");
        store
            .step_ended(id, 0, Timestamp(at + millis), &outcome)
            .expect("ends");
        store
            .end_cascade(id, Timestamp(at + millis), Outcome::Completed)
            .expect("ends");
    };
    let usual = |store: &Store| {
        let all = store.usual_durations().expect("reads");
        assert!(all.len() <= 1);
        all.get(&(NodeId(1), Action::Start)).copied()
    };
    assert_eq!(usual(&store), None);
    run(&mut store, 40, StepOutcome::Done);
    assert_eq!(usual(&store), Some(Duration::from_millis(40)));
    run(&mut store, 20, StepOutcome::Done);
    assert_eq!(usual(&store), Some(Duration::from_millis(30)));
    run(&mut store, 9_000, StepOutcome::Cancelled);
    run(&mut store, -5, StepOutcome::Done);
    assert_eq!(usual(&store), Some(Duration::from_millis(30)));
    for millis in [900, 100, 300, 200, 500] {
        run(&mut store, millis, StepOutcome::Done);
    }
    assert_eq!(usual(&store), Some(Duration::from_millis(300)));
}

#[test]
fn discovery_is_idempotent_and_follows_identities() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    homelab(&mut store);
    let from = ConnectionId {
        node: NodeId(2),
        capability: Capability::DockerApi,
    };
    let container = |name: &str, service: Option<&str>| SeenGuest {
        kind: NodeKind::Container,
        platform_id: name.into(),
        name: name.into(),
        identity: service.map(str::to_owned),
        details: serde_json::json!({"ports": [8096]}),
    };
    let first = [
        container("web-1", Some("media/web")),
        container("db", None),
        container("job-1", Some("media/job")),
        container("job-2", Some("media/job")),
    ];
    let found = store
        .record_discovery(from, &first, true, Timestamp(10))
        .expect("recorded");
    assert_eq!(found.added, ["db", "job-1", "job-2", "web-1"]);
    let again = store
        .record_discovery(from, &first, true, Timestamp(20))
        .expect("recorded");
    assert_eq!(again, wakehub_store::Discovery::default());

    let second = [
        container("a1b2_web-1", Some("media/web")),
        container("job-3", Some("media/job")),
    ];
    // another API of the same host knows nothing of containers
    let proxmox = ConnectionId {
        capability: Capability::ProxmoxApi,
        ..from
    };
    store
        .record_discovery(proxmox, &[], true, Timestamp(25))
        .expect("recorded");
    // what is not told of has not vanished unless everything was told
    let partial = store
        .record_discovery(from, &[container("db", None)], false, Timestamp(25))
        .expect("recorded");
    assert_eq!(partial, wakehub_store::Discovery::default());
    let changed = store
        .record_discovery(from, &second, true, Timestamp(30))
        .expect("recorded");
    assert_eq!(changed.followed, [("web-1".into(), "a1b2_web-1".into())]);
    // two have gone and one has come: nobody can say which
    assert_eq!(changed.added, ["job-3"]);
    assert_eq!(changed.vanished, ["db", "job-1", "job-2"]);
    let all = store.discovered().expect("reads");
    assert_eq!(all.len(), 5);
    let web = all
        .iter()
        .find(|g| g.guest.name == "a1b2_web-1")
        .expect("web");
    assert_eq!(
        (web.first_seen, web.last_seen),
        (Timestamp(10), Timestamp(30))
    );
    assert_eq!(web.guest, second[0]);
    let db = all.iter().find(|g| g.guest.name == "db").expect("db");
    assert_eq!(db.vanished_at, Some(Timestamp(30)));

    let back = store
        .record_discovery(from, &[container("db", None)], false, Timestamp(40))
        .expect("recorded");
    assert_eq!(back.returned, ["db"]);
    store
        .mark_vanished(from, "db", Timestamp(50))
        .expect("marked");
    store
        .edit(&[NodeChange::RemoveWithGuests(NodeId(2))])
        .expect("removed");
    assert_eq!(store.discovered().expect("reads"), []);
}

#[test]
fn trust_is_per_algorithm_for_keys_and_single_for_certificates() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    let endpoint = "10.77.0.2:22";
    let mut accept = |kind, algorithm, fingerprint| {
        store
            .accept(endpoint, kind, algorithm, fingerprint, Timestamp(1))
            .expect("accepted");
    };
    accept(PresentedKind::HostKey, "ssh-ed25519", "SHA256:a");
    accept(PresentedKind::HostKey, "ssh-rsa", "SHA256:b");
    accept(PresentedKind::HostKey, "ssh-rsa", "SHA256:c");
    accept(PresentedKind::Certificate, "CN=pve2", "AA:BB");
    accept(PresentedKind::Certificate, "CN=pve2.lan", "CC:DD");
    let fingerprints = |store: &Store, kind| -> Vec<String> {
        let accepted = store.accepted(endpoint, kind).expect("reads");
        accepted.into_iter().map(|a| a.fingerprint).collect()
    };
    assert_eq!(
        fingerprints(&store, PresentedKind::HostKey),
        ["SHA256:a", "SHA256:c"]
    );
    assert_eq!(fingerprints(&store, PresentedKind::Certificate), ["CC:DD"]);
    assert_eq!(
        store
            .accepted("10.77.0.3:22", PresentedKind::HostKey)
            .expect("reads"),
        []
    );
    store
        .forget(endpoint, PresentedKind::HostKey)
        .expect("forgotten");
    assert!(fingerprints(&store, PresentedKind::HostKey).is_empty());
    assert_eq!(fingerprints(&store, PresentedKind::Certificate), ["CC:DD"]);
}

#[test]
fn holds_end_by_themselves() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    homelab(&mut store);
    let hold = |node, until| Hold {
        node: NodeId(node),
        until: Timestamp(until),
        set_at: Timestamp(5),
    };
    store.hold(hold(1, 50)).expect("held");
    store.hold(hold(3, 90)).expect("held");
    store.hold(hold(1, 100)).expect("held longer");
    assert_eq!(store.holds(Timestamp(90)).expect("reads"), [hold(1, 100)]);
    store.release(NodeId(1)).expect("released");
    store.release(NodeId(1)).expect("again");
    assert_eq!(store.holds(Timestamp(0)).expect("reads"), [hold(3, 90)]);
    assert!(store.hold(hold(99, 100)).is_err());
}

#[test]
fn the_first_answer_settles_a_question() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    homelab(&mut store);
    let question = NewQuestion {
        node: NodeId(1),
        kind: "follow_up".into(),
        reason: "no longer needed: lxc-jellyfin is off".into(),
        cascade: None,
        asked_at: Timestamp(10),
        ask_again_at: None,
    };
    let id = store.ask(&question).expect("asked");
    let anew = NewQuestion {
        reason: "no longer needed".into(),
        ..question.clone()
    };
    assert_eq!(store.ask(&anew).expect("asked"), id);
    let other = NewQuestion {
        node: NodeId(2),
        asked_at: Timestamp(5),
        ..question.clone()
    };
    let other = store.ask(&other).expect("asked");
    store.ask_again(id, Some(Timestamp(20))).expect("noted");
    let open_now = store.open_questions().expect("reads");
    assert_eq!([open_now[0].id, open_now[1].id], [other, id]);
    assert_eq!(open_now[1].reason, "no longer needed");
    assert_eq!(open_now[1].ask_again_at, Some(Timestamp(20)));

    assert!(store.settle(id, "keep_on", Timestamp(30)).expect("settled"));
    assert!(
        !store
            .settle(id, "shut_down", Timestamp(31))
            .expect("too late")
    );
    let settled = store.question(id).expect("reads").expect("is there");
    assert_eq!(settled.settled, Some((Timestamp(30), "keep_on".into())));
    assert_ne!(store.ask(&question).expect("a new one"), id);
}

#[test]
fn states_and_settings_survive_closing() {
    const POLL: SettingKey<u32> = SettingKey::new("poll_s");
    const POLL_AS_TEXT: SettingKey<String> = SettingKey::new("poll_s");
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(&directory);
    homelab(&mut store);
    let observation = Observation {
        state: PowerState::Failed {
            cause: "VM is locked (backup)".into(),
        },
        since: Timestamp(1),
        seen: Timestamp(2),
        source: Source::Proxmox,
        note: Some("paused".into()),
    };
    let gone = NodeId(99);
    store
        .save_states([(NodeId(3), &observation), (gone, &observation)])
        .expect("saved");
    assert_eq!(store.setting(&POLL).expect("reads"), None);
    store.set_setting(&POLL, &30).expect("set");
    drop(store);
    let mut store = open(&directory);
    assert_eq!(
        store.states().expect("reads"),
        BTreeMap::from([(NodeId(3), observation)])
    );
    assert_eq!(store.setting(&POLL).expect("reads"), Some(30));
    assert!(matches!(
        store.setting(&POLL_AS_TEXT),
        Err(StoreError::Unreadable { .. })
    ));
    store.unset_setting(&POLL).expect("unset");
    assert_eq!(store.setting(&POLL).expect("reads"), None);
}
