//! Containers on a real engine behind SSH: those that fail, and those that are made anew.

use crate::home::Home;
use wakehub_domain::{Action, ErrorKind, NodeKind};
use wakehub_lab::{Container, Docker, DockerAccess, Homelab, Machine, Options, Role};
use wakehub_view::homelab::NodeEntry;
use wakehub_view::wire::{CascadeStatus, Power};

#[tokio::test(flavor = "multi_thread")]
async fn containers_that_fail_say_why_and_those_made_anew_are_followed() {
    let compose = |service: &str, needs: &[&str]| {
        Container::new(&format!("shop-{service}-1"), Role::Sleeps).compose("shop", service, needs)
    };
    let mut raspberry = Machine::new("raspberry", 5);
    raspberry.docker = Some(Docker {
        access: DockerAccess::Ssh,
        containers: vec![
            Container::new("ends", Role::ExitsAtOnce(3)),
            Container::new("ill", Role::Unhealthy),
            Container::new("stubborn", Role::IgnoresStop),
            compose("db", &[]),
        ],
    });
    let options = Options {
        homelab: Homelab {
            machines: vec![raspberry],
        },
        ..Options::default()
    };
    let Some(home) = Home::new(options.on(&["raspberry"])).await else {
        return;
    };
    let _looking = home.handle.attention();
    home.power("raspberry", Power::On).await;
    home.trust("raspberry").await;
    let state = async |name: &str| {
        let state = home.lab.container_state("raspberry", name).await;
        state.expect("a state")
    };

    let ended = home.run(Action::Start, "ends").await;
    let failure = ended.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::Rejected, "{failure:?}");
    assert!(failure.message.contains("code 3"), "{failure:?}");

    let mut entry = home.entry("ill").await;
    entry.start_timeout_seconds = Some(6);
    home.save("ill", entry).await;
    let ended = home.run(Action::Start, "ill").await;
    let failure = ended.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::TimedOut, "{failure:?}");
    assert!(failure.message.contains("health"), "{failure:?}");
    assert_eq!(state("ill").await, "running", "what is up stays up");

    // the engine's own grace is longer than the user wants to wait
    let started = home.run(Action::Start, "stubborn").await;
    assert_eq!(started.status, CascadeStatus::Completed, "{started:#?}");
    let mut entry = home.entry("stubborn").await;
    entry.stop_timeout_seconds = Some(3);
    home.save("stubborn", entry.clone()).await;
    let ended = home.run(Action::Stop, "stubborn").await;
    assert_eq!(ended.status, CascadeStatus::Failed, "{ended:#?}");
    let failure = ended.failure.expect("why");
    assert_eq!(failure.kind, ErrorKind::TimedOut, "{failure:?}");

    // the daemon comes back without us, and its containers are down: seen, not assumed
    let started = home.run(Action::Start, "shop-db-1").await;
    assert_eq!(started.status, CascadeStatus::Completed, "{started:#?}");
    home.lab
        .restart_docker("raspberry", false)
        .await
        .expect("restarted");
    home.power("shop-db-1", Power::Off).await;
    home.lab
        .start_container("raspberry", "shop-db-1")
        .await
        .expect("started");
    home.power("shop-db-1", Power::On).await;

    // made anew by compose under another name: the same node
    let node = home.id("shop-db-1");
    home.lab
        .remove_container("raspberry", "shop-db-1")
        .await
        .expect("removed");
    let mut anew = compose("db", &[]);
    "shop-db-2".clone_into(&mut anew.name);
    home.lab
        .create_container("raspberry", anew)
        .await
        .expect("made");
    home.lab
        .start_container("raspberry", "shop-db-2")
        .await
        .expect("started");
    home.wait_for("the node follows its container", |s| {
        s.nodes.iter().any(|n| {
            n.id == node && n.power == Power::On && n.platform_id.as_deref() == Some("shop-db-2")
        })
    })
    .await;

    // a new one is found, with a form that names what compose says it needs
    home.lab
        .create_container("raspberry", compose("web", &["db"]))
        .await
        .expect("made");
    let host = home.id("raspberry");
    assert_eq!(home.handle.discover(host).await.expect("discovered"), 1);
    let snapshot = home
        .wait_for("what waits", |s| {
            let mut waiting = s.discovered.iter();
            waiting.len() == 1 && waiting.any(|found| found.platform_id == "shop-web-1")
        })
        .await;
    let found = &snapshot.discovered[0];
    assert_eq!(found.compose.as_deref(), Some("shop / web"));
    let form = NodeEntry {
        host: Some("raspberry".to_owned()),
        platform_id: Some("shop-web-1".to_owned()),
        depends_on: vec!["shop-db-1".to_owned()],
        ..NodeEntry::new("shop-web-1", NodeKind::Container)
    };
    assert_eq!(found.entry, form);
    let saved = home.handle.save_node(None, found.entry.clone(), vec![]);
    saved.await.expect("configured");
    assert_eq!(home.handle.discover(host).await.expect("discovered"), 0);
    let ended = home.run(Action::Start, "shop-web-1").await;
    assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
    assert_eq!(state("shop-web-1").await, "running");
}
