//! Several nodes in one go, and a database with damage in it.

#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/sim.rs"]
mod sim;

use sim::Home;
use wakehub_domain::{Action, NodeKind};
use wakehub_view::homelab::NodeEntry;
use wakehub_view::wire::{CommandError, Power, Severity};

async fn entry(home: &Home, name: &str, platform_id: &str, needs: &[&str]) -> NodeEntry {
    let like = home.node("lxc-cloudflared").id;
    let like = home.handle.node_entry(like).await.expect("an entry");
    assert_eq!(like.kind, NodeKind::Lxc);
    NodeEntry {
        name: name.to_owned(),
        platform_id: Some(platform_id.to_owned()),
        depends_on: needs.iter().map(|name| (*name).to_owned()).collect(),
        ..like
    }
}

fn entry_errors(
    answer: Result<Vec<wakehub_domain::NodeId>, CommandError>,
) -> Vec<(Option<u32>, String)> {
    let Err(CommandError::Entry { errors }) = answer else {
        panic!("{answer:?}")
    };
    errors.into_iter().map(|e| (e.line, e.message)).collect()
}

#[tokio::test]
async fn ten_guests_are_configured_in_one_go_and_may_need_one_another() {
    let home = Home::reference().await;
    let mut entries = Vec::new();
    for at in 0..10 {
        // each needs the next, which stands below it
        let next = format!("guest{}", at + 1);
        let needs = if at < 9 {
            vec![next.as_str()]
        } else {
            vec!["nas"]
        };
        entries.push(entry(&home, &format!("guest{at}"), &format!("30{at}"), &needs).await);
    }
    let before = home.handle.snapshot().nodes.len();
    let saved = home.handle.save_nodes(entries).await.expect("saved");
    assert_eq!(saved.len(), 10);
    home.wait_for("all of them", |s| s.nodes.len() == before + 10)
        .await;
    assert_eq!(home.node("guest0").depends_on, [saved[1]]);
    assert_eq!(home.node("guest9").depends_on, [home.node("nas").id]);
}

#[tokio::test]
async fn what_was_configured_is_seen_at_once() {
    let home = Home::reference().await;

    home.run(Action::Start, "machine2").await;
    home.sim.with(|state| {
        let guest = ["machine2", "300", "guest"].map(str::to_owned);
        let [host, id, name] = guest;
        state.on.insert(id.clone());
        state.guests.push((host, NodeKind::Lxc, id, name));
    });
    let guest = entry(&home, "guest", "300", &[]).await;
    home.handle.save_nodes(vec![guest]).await.expect("saved");
    // nobody looks: the next poll by itself is a minute away
    home.wait_for("the guest seen", |s| {
        s.nodes
            .iter()
            .any(|n| n.name == "guest" && n.power == Power::On)
    })
    .await;
}

#[tokio::test]
async fn all_or_nothing_and_each_error_names_its_entry() {
    let home = Home::reference().await;
    let before = home.handle.export().await.expect("exported");
    let good = entry(&home, "good", "300", &[]).await;
    let again = entry(&home, "good", "301", &[]).await;
    let taken = entry(&home, "nas", "302", &[]).await;
    let lost = entry(&home, "lost", "303", &["nobody"]).await;
    let errors = entry_errors(
        home.handle
            .save_nodes(vec![good.clone(), again, taken, lost])
            .await,
    );
    let lines: Vec<Option<u32>> = errors.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [Some(2), Some(3), Some(4)], "{errors:?}");
    assert_eq!(errors[0].1, "another node is called good");

    let one = entry(&home, "one", "304", &["other"]).await;
    let other = entry(&home, "other", "305", &["one"]).await;
    let errors = entry_errors(home.handle.save_nodes(vec![good.clone(), one, other]).await);
    assert!(errors[0].1.contains("one"), "{errors:?}");

    let many = home.handle.save_nodes(vec![good; 101]).await;
    assert!(matches!(many, Err(CommandError::Other { .. })), "{many:?}");
    assert_eq!(home.handle.export().await.expect("exported"), before);
}

#[tokio::test]
async fn damage_in_the_journal_is_found_after_the_start_and_said() {
    let home = Home::reference().await;
    let Home {
        sim,
        handle,
        folder,
    } = home;
    handle.shut_down().await;
    drop(handle);
    let path = folder.path().join("wakehub.db");
    // the log is gone when the store's thread has closed the database
    for _ in 0..500 {
        if !folder.path().join("wakehub.db-wal").exists() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let mut bytes = std::fs::read(&path).expect("the database");
    let words = b"from a homelab.toml";
    let mut damaged = 0;
    for page in bytes.chunks_mut(4096) {
        if page.windows(words.len()).any(|at| at == words) {
            page[0] = 0xff;
            damaged += 1;
        }
    }
    assert!(damaged > 0, "the journal is elsewhere");
    std::fs::write(&path, bytes).expect("written");
    let secrets = std::sync::Arc::new(sim::Pocket::default());
    let clock = std::sync::Arc::new(wakehub_engine::SystemClock);
    let handle = sim::open_at(&sim, folder.path(), clock, secrets).await;
    let home = Home {
        sim,
        handle,
        folder,
    };
    let told = home
        .wait_for("the notice", |s| {
            s.notices.iter().any(|n| n.code == "database_damaged")
        })
        .await;
    let notice = &told.notices[0];
    assert_eq!(notice.severity, Severity::Critical);
    assert!(notice.message.contains("Export your homelab"), "{notice:?}");
    // the homelab itself can still be read
    let exported = home.handle.export().await.expect("exported");
    assert!(exported.contains("lxc-jellyfin"));
}
