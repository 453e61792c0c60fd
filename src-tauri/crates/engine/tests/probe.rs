//! The user's own question to a service, from the rule to the verdict.

#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/clockwork.rs"]
mod clockwork;
#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/sim.rs"]
mod sim;

use sim::{Home, Pocket, REFERENCE, Sim, open_at};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use wakehub_domain::idle::{Criterion, ProbeAnswer};
use wakehub_view::wire::{IdleView, VerdictWord};

const URL: &str = "http://10.77.0.11:8096";
const VM: [&str; 4] = ["machine1", "100", "jellystat", "sandbox"];

/// The reference homelab with these criteria at these nodes, and a timeout of a minute.
async fn home(rules: &[(&str, &str)], set: impl FnOnce(&Sim)) -> Home {
    let sim = Sim::reference();
    for key in VM {
        sim.switch(key, true);
    }
    set(&sim);
    let folder = Arc::new(TempDir::new().expect("folder"));
    let mut homelab = REFERENCE.to_owned();
    for (name, criteria) in rules {
        let named = format!("name = \"{name}\"\n");
        assert!(homelab.contains(&named), "{name}");
        let rule = format!("idle = {{ timeout_minutes = 1, criteria = {{ {criteria} }} }}\n");
        homelab = homelab.replace(&named, &format!("{named}{rule}"));
    }
    let pocket = Arc::new(Pocket::default());
    let handle = open_at(&sim, folder.path(), clockwork::clock(), pocket).await;
    clockwork::drive(&handle);
    let home = Home {
        handle,
        sim,
        folder,
    };
    home.handle.import(homelab).await.expect("imported");
    home.settled().await;
    home
}

fn count(home: &Home, what: &str) -> usize {
    home.sim.asked().iter().filter(|one| *one == what).count()
}

/// What the rule says of it, once it says that.
async fn judged(home: &Home, name: &str, verdict: VerdictWord, because: &str) -> IdleView {
    let node = home.node(name).id;
    let says = async {
        loop {
            let why = home.handle.why(node).await.expect("an answer");
            let idle = why.idle.expect("a rule");
            let said = idle.because.clone().unwrap_or_default();
            if idle.verdict == Some(verdict) && said.contains(because) {
                return idle;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), says).await;
    waited.unwrap_or_else(|_| panic!("{name} is not {verdict:?}: {:?}", home.sim.asked()))
}

fn question_about(name: &str) -> impl Fn(&wakehub_view::wire::Snapshot) -> bool {
    move |snapshot| snapshot.questions.iter().any(|one| one.node_name == name)
}

#[test]
fn a_service_that_says_it_is_used_keeps_its_node_on_and_one_that_does_not_leaves_the_question() {
    clockwork::by_itself(async {
        let rule = format!("probe = {{ jellyfin = {{ url = \"{URL}\" }} }}");
        let home = home(&[("jellystat", &rule), ("sandbox", "cpu = {}")], |sim| {
            let plays = ProbeAnswer::used("Jellyfin plays 2 titles");
            sim.with(|s| s.services.insert(URL.to_owned(), plays));
        })
        .await;
        // of another node's minute of silence nobody is kept from hearing
        home.wait_for("a question", question_about("sandbox")).await;
        let used = judged(&home, "jellystat", VerdictWord::Active, "plays").await;
        assert_eq!(used.because.as_deref(), Some("Jellyfin plays 2 titles"));
        assert_eq!(used.signals.len(), 1);
        assert_eq!(used.signals[0].criterion, Criterion::Probe);
        assert_eq!(used.signals[0].value, "Jellyfin plays 2 titles");
        assert!(used.signals[0].over);
        assert!(!question_about("jellystat")(&home.handle.snapshot()));

        let quiet = ProbeAnswer::not_used("Jellyfin plays nothing");
        home.sim.with(|s| s.services.insert(URL.to_owned(), quiet));
        home.wait_for("a question", question_about("jellystat"))
            .await;

        // it is asked with the secret of the keyring, by one prober for all
        assert_eq!(count(&home, &format!("make {URL} with secret")), 1);
        assert!(count(&home, &format!("ask {URL}")) >= 3);

        // used again: the question is taken back
        let plays = ProbeAnswer::used("Jellyfin plays 1 title");
        home.sim.with(|s| s.services.insert(URL.to_owned(), plays));
        let gone = |snapshot: &wakehub_view::wire::Snapshot| !question_about("jellystat")(snapshot);
        home.wait_for("no question", gone).await;
    });
}

#[test]
fn who_does_not_answer_is_not_known_and_the_reason_is_told() {
    clockwork::by_itself(async {
        let rule = format!("probe = {{ syncthing = {{ url = \"{URL}\" }} }}");
        let home = home(&[("jellystat", &rule)], |_| {}).await;
        let unknown = judged(
            &home,
            "jellystat",
            VerdictWord::Unknown,
            "answer is not known",
        )
        .await;
        assert_eq!(unknown.unmeasured, ["ask it: nobody there"]);
        let asked = count(&home, &format!("ask {URL}"));
        home.wait_for("more questions", |_| {
            count(&home, &format!("ask {URL}")) >= asked + 3
        })
        .await;
        assert!(home.handle.snapshot().questions.is_empty());
    });
}

#[test]
fn a_command_is_asked_over_the_nearest_ssh() {
    clockwork::by_itself(async {
        let rule = "probe = { ssh = { command = \"pgrep -x ffmpeg\" } }";
        let home = home(&[("jellystat", rule)], |sim| {
            let runs = ProbeAnswer::used("`pgrep -x ffmpeg` says that it is used");
            sim.with(|s| s.services.insert("pgrep -x ffmpeg".to_owned(), runs));
        })
        .await;
        judged(&home, "jellystat", VerdictWord::Active, "pgrep -x ffmpeg").await;
        assert_eq!(count(&home, "make  with secret"), 0);
    });
}

#[test]
fn a_port_counts_while_it_accepts() {
    clockwork::by_itself(async {
        let rule = "last_access = { logins = false, port = 25565 }";
        let home = home(&[("jellystat", rule)], |sim| {
            sim.with(|s| s.accepting.insert(25_565));
        })
        .await;
        judged(
            &home,
            "jellystat",
            VerdictWord::Active,
            "port 25565 accepts",
        )
        .await;
        // a container is reached at its host's address
        assert!(count(&home, "try 10.77.0.11 25565") > 0);
        home.sim.with(|s| s.accepting.clear());
        home.wait_for("a question", question_about("jellystat"))
            .await;
    });
}

#[test]
fn a_login_in_the_url_is_refused_and_not_repeated() {
    clockwork::by_itself(async {
        let home = home(&[], |_| {}).await;
        let wrong = REFERENCE.replace(
            "name = \"jellystat\"\n",
            "name = \"jellystat\"\nidle = { criteria = { probe = { plex = { url = \"http://a:b@c/\" } } } }\n",
        );
        let refused = home
            .handle
            .import(wrong)
            .await
            .expect_err("a login in a URL");
        let told = format!("{refused:?}");
        assert!(told.contains("idle.criteria.probe.plex.url"), "{told}");
        assert!(!told.contains("a:b"), "{told}");
    });
}
