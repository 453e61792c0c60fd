//! What is used stays on, and what nobody uses any longer goes down. The traffic is real, and so is who counts it.

use crate::home::{Home, SPEED};
use crate::traffic::{Guest, Viewer};
use std::time::Duration;
use wakehub_domain::Action;
use wakehub_domain::idle::{
    Criteria, Criterion, IdleRule, LastAccess, NetworkConnections, NetworkTraffic,
};
use wakehub_lab::{Container, Docker, DockerAccess, Homelab, Lab, Machine, Options, Role, What};
use wakehub_view::wire::{Answer, CascadeStatus, Power, VerdictWord};

const FILM: u16 = 8096;
const TORRENT: u16 = 6881;
const SHARE: u16 = 5000;
const LIMIT: Duration = Duration::from_secs(90);

/// Without the processor: that of every machine of the lab is the computer's. The thresholds are those that count unless set,
/// so that what WakeHub itself does there has to stay below them.
fn all() -> Criteria {
    Criteria {
        cpu: None,
        ..Criteria::usual()
    }
}

fn traffic() -> Criteria {
    Criteria {
        network_traffic: Some(NetworkTraffic::default()),
        ..Criteria::default()
    }
}

impl Home {
    async fn rule(&self, name: &str, minutes: u32, criteria: Criteria) {
        let mut entry = self.entry(name).await;
        entry.idle = Some(IdleRule {
            timeout_minutes: Some(minutes),
            criteria: Some(criteria),
            ..IdleRule::default()
        });
        self.save(name, entry).await;
    }

    async fn started(&self, name: &str) {
        let ended = self.run(Action::Start, name).await;
        assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
    }

    /// What its rule has said at every tick so far, the oldest first.
    async fn verdicts(&self, name: &str) -> Vec<VerdictWord> {
        let idle = self.why(name).await.idle.expect("a rule");
        idle.ticks.iter().map(|tick| tick.verdict).collect()
    }

    async fn until_judged(&self, name: &str, times: usize) {
        self.until(name, async || self.verdicts(name).await.len() >= times)
            .await;
    }

    async fn until(&self, name: &str, seen: impl AsyncFn() -> bool) {
        let waited = async {
            while !seen().await {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let waited = tokio::time::timeout(LIMIT, waited).await;
        assert!(waited.is_ok(), "{:#?}", self.why(name).await);
    }

    /// What was read of it so far, and the most that is not use.
    async fn readings(&self, name: &str, criterion: Criterion) -> (Vec<f64>, f64) {
        let idle = self.why(name).await.idle.expect("a rule");
        let mut signals = idle.signals.into_iter();
        let signal = signals.find(|signal| signal.criterion == criterion);
        signal.map_or((Vec::new(), 0.0), |signal| {
            (signal.trail.into_iter().flatten().collect(), signal.limit)
        })
    }

    /// At every tick so far: over the threshold by this criterion whenever there was something to compare with.
    async fn is_used(&self, name: &str, criterion: Criterion) {
        // at the first tick there is nothing, and at the second not where something was being edited
        let enough = async || self.readings(name, criterion).await.0.len() > 1;
        self.until(name, enough).await;
        let (read, limit) = self.readings(name, criterion).await;
        let verdicts = self.verdicts(name).await;
        let always = verdicts.iter().all(|said| *said == VerdictWord::Active);
        let over = read.iter().all(|value| *value > limit);
        assert!(always && over, "{verdicts:?} {:#?}", self.why(name).await);
    }

    async fn said(&self, name: &str, message: &str, reason: &str) {
        let lines = self.journal(name).await;
        let mut found = lines.iter();
        assert!(
            found.any(|(said, why)| said.starts_with(message) && why.contains(reason)),
            "{message} – {reason} is not in {lines:#?}"
        );
    }

    async fn until_off(&self, name: &str) {
        let off = |lab: &Lab| lab.is_off(name);
        let what = format!("{name} is off");
        if let Err(error) = self.lab.wait_until(LIMIT, &what, off).await {
            let snapshot = self.handle.snapshot();
            panic!(
                "{error}\n{:#?}\n{:#?}",
                self.journal(name).await,
                snapshot.cascades
            );
        }
        self.stopped(name).await;
    }

    /// Until the engine knows, too, and has written it down.
    async fn stopped(&self, name: &str) {
        self.wait_for(&format!("the stop of {name}"), |snapshot| {
            let mut cascades = snapshot.cascades.iter();
            let is = |status| status == CascadeStatus::Completed;
            cascades.any(|c| c.action == Action::Stop && c.node_name == name && is(c.status))
        })
        .await;
        self.power(name, Power::Off).await;
    }

    fn position(&self, node: &str, what: &What) -> usize {
        let events = self.lab.events();
        let found = events
            .iter()
            .rposition(|event| event.node == node && event.what == *what);
        found.unwrap_or_else(|| panic!("{node}: {what} is not in {events:#?}"))
    }

    /// Nothing that is on has been asked to go down.
    fn nothing_goes_down(&self, since: usize) {
        let events = self.lab.events();
        let mut later = events.iter().skip(since);
        let down = later.find(|event| match &event.what {
            What::ShutdownAsked(_)
            | What::Off
            | What::PowerCut
            | What::Suspended
            | What::ContainerStopped(_) => true,
            What::GuestStatus { status, .. } => status != "running",
            What::Woken
            | What::PoweredOn
            | What::Booted
            | What::BootFailed(_)
            | What::DockerReady
            | What::ProxmoxReady
            | What::Resumed
            | What::ContainerStarted(_)
            | What::Fault(_)
            | What::Healed => false,
        });
        assert!(down.is_none(), "{down:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_ends_and_what_only_it_needed_goes_down_in_order() {
    let mut homelab = Homelab::reference().only(&["nas", "lxc-jellyfin", "vm-docker"]);
    homelab.machine_mut("nas").http_port = Some(SHARE);
    let docker = homelab.machine_mut("vm-docker").docker.as_mut();
    let mut containers = docker.expect("an engine").containers.iter_mut();
    let torrent = containers.find(|one| one.name == "qbittorrent");
    torrent.expect("qbittorrent").role = Role::Serves(TORRENT);
    let options = Options {
        homelab,
        ..Options::default()
    };
    let Some(home) = Home::fast(options.on(&["nas", "machine1", "machine2"])).await else {
        return;
    };
    let _looking = home.handle.attention();
    home.seen(Power::On).await;
    for machine in ["nas", "machine1", "machine2"] {
        home.trust(machine).await;
    }
    home.started("qbittorrent").await;
    home.started("lxc-jellyfin").await;

    // jellyfin plays what lies on nas
    let player = format!(
        "#!/bin/sh\nprintf 'Content-Type: video/mp4\\r\\n\\r\\n'\n\
         exec busybox wget -q -O - http://{}:{SHARE}/cgi-bin/film\n",
        home.lab.address("nas")
    );
    let folder = home.lab.directory().join("lxc-jellyfin/lab/www/cgi-bin");
    std::fs::write(folder.join("film"), player).expect("its player");
    let film = Viewer::of(home.lab.address("lxc-jellyfin"), FILM).await;
    let torrent = Viewer::of(home.lab.address("vm-docker"), TORRENT).await;
    let mut machine2 = home.entry("machine2").await;
    machine2.stop_when_empty = Some(true);
    assert_eq!(
        machine2.confirm_before_auto_stop, None,
        "as it is unless set"
    );
    home.save("machine2", machine2).await;
    home.rule("nas", 1, all()).await;
    home.rule("lxc-jellyfin", 1, traffic()).await;
    home.rule("qbittorrent", 1, traffic()).await;
    let begun = home.lab.events().len();

    // it plays for longer than any timeout, and nothing happens
    home.until_judged("lxc-jellyfin", 4).await;
    film.sees_more().await;
    home.is_used("lxc-jellyfin", Criterion::NetworkTraffic)
        .await;
    home.is_used("qbittorrent", Criterion::NetworkTraffic).await;
    home.is_used("nas", Criterion::NetworkTraffic).await;
    home.is_used("nas", Criterion::NetworkConnections).await;
    home.nothing_goes_down(begun);
    assert_eq!(home.handle.snapshot().questions, []);
    drop(film);

    // the service, which nobody is asked about
    home.until_off("lxc-jellyfin").await;
    home.said(
        "lxc-jellyfin",
        "lxc-jellyfin is to be shut down in a minute",
        "it has not been used for",
    )
    .await;
    home.said("lxc-jellyfin", "lxc-jellyfin: stop done", "it is not used")
        .await;

    // its host, which is asked about, and is on until the answer
    let question = home.asked("machine2").await;
    assert_eq!(question.stops_at, None);
    let reason = "no longer needed once lxc-jellyfin is off";
    assert_eq!(question.reason, reason);
    assert!(home.lab.is_on("machine2"));
    let answered = home.handle.answer(question.id, Answer::ShutDown).await;
    answered.expect("answered");
    home.until_off("machine2").await;
    home.said("machine2", "asked whether to shut machine2 down", reason)
        .await;
    home.said("machine2", "machine2 is to be shut down", "you said so")
        .await;
    home.said("machine2", "machine2: stop done", "you asked for it")
        .await;

    // nas is as quiet as that, and stays on for qbittorrent
    let judged = home.verdicts("nas").await.len();
    home.until_judged("nas", judged + 2).await;
    torrent.sees_more().await;
    assert!(home.lab.is_on("nas"));
    assert_eq!(home.handle.snapshot().questions, []);
    assert_eq!(home.verdicts("nas").await.last(), Some(&VerdictWord::Idle));
    let decision = "nas stays on: needed by qbittorrent";
    home.said("nas", decision, "on for: qbittorrent (").await;
    home.said("nas", "nas stays on", "nas is needed by qbittorrent")
        .await;
    let lines = home.journal("nas").await;
    let decided = lines.iter().filter(|(said, _)| said == decision);
    assert_eq!(decided.count(), 1, "said once a stop: {lines:#?}");
    let kept_on = home.why("nas").await.kept_on;
    assert!(kept_on.is_some_and(|why| why.contains("is needed by qbittorrent")));
    drop(torrent);

    // it ends, and with it what nas was on for
    let question = home.asked("nas").await;
    assert_eq!(
        home.lab
            .container_state("vm-docker", "qbittorrent")
            .await
            .expect("a state"),
        "exited"
    );
    assert!(home.lab.is_on("nas"));
    home.said("qbittorrent", "qbittorrent: stop done", "it is not used")
        .await;
    let answered = home.handle.answer(question.id, Answer::ShutDown).await;
    answered.expect("answered");
    home.until_off("nas").await;
    home.said(
        "nas",
        "asked whether to shut nas down",
        "no longer needed once qbittorrent is off",
    )
    .await;
    home.said("nas", "nas: stop done", "you asked for it").await;

    let order = [
        home.position("lxc-jellyfin", &What::Off),
        home.position("machine2", &What::ShutdownAsked("poweroff".to_owned())),
        home.position("machine2", &What::Off),
        home.position(
            "vm-docker",
            &What::ContainerStopped("qbittorrent".to_owned()),
        ),
        home.position("nas", &What::ShutdownAsked("poweroff".to_owned())),
        home.position("nas", &What::Off),
    ];
    assert!(order.is_sorted(), "{order:?} {:#?}", home.lab.events());
    // nobody asked for these
    assert!(home.lab.is_on("machine1") && home.lab.is_on("vm-docker"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_there_keeps_a_machine_on_and_wakehub_itself_does_not() {
    let mut raspberry = Machine::new("raspberry", 5);
    raspberry.docker = Some(Docker {
        access: DockerAccess::Tls,
        containers: vec![Container::new("nextcloud", Role::Serves(8080))],
    });
    let mut nas = Machine::new("nas", 3);
    nas.http_port = Some(SHARE);
    let machines = vec![
        raspberry,
        nas,
        Machine::new("desk", 6),
        Machine::new("vault", 7),
        Machine::new("spare", 8),
    ];
    let options = Options {
        homelab: Homelab { machines },
        ..Options::default()
    };
    let names = ["raspberry", "nas", "desk", "vault", "spare"];
    let Some(home) = Home::fast(options.on(&names)).await else {
        return;
    };
    let _looking = home.handle.attention();
    home.seen(Power::On).await;
    for name in names {
        home.trust(name).await;
    }
    home.started("nextcloud").await;

    let stream = Viewer::of(home.lab.address("raspberry"), 8080).await;
    let download = Viewer::of(home.lab.address("nas"), SHARE).await;
    let mut login = Guest::of(&home.lab, "desk", true).await;
    let mut tunnel = Guest::of(&home.lab, "vault", false).await;
    let logins = Criteria {
        last_access: Some(LastAccess::default()),
        ..Criteria::default()
    };
    let connections = Criteria {
        network_connections: Some(NetworkConnections::default()),
        ..Criteria::default()
    };
    let used = [
        ("nextcloud", Criterion::NetworkTraffic, traffic()),
        ("nas", Criterion::NetworkTraffic, traffic()),
        ("desk", Criterion::LastAccess, logins),
        ("vault", Criterion::NetworkConnections, connections),
    ];
    for (name, _, criteria) in &used {
        home.rule(name, 2, criteria.clone()).await;
    }
    home.rule("spare", 2, all()).await;
    let begun = home.lab.events().len();

    for (name, _, _) in &used {
        home.until_judged(name, 3).await;
    }
    // all that WakeHub itself does there is no use of it
    let question = home.asked("spare").await;
    assert!(
        question.reason.starts_with("it has not been used for"),
        "{question:?}"
    );
    stream.sees_more().await;
    download.sees_more().await;
    assert!(login.is_there() && tunnel.is_there());
    for (name, criterion, _) in &used {
        home.is_used(name, *criterion).await;
    }
    let asked = home.handle.snapshot().questions.clone();
    assert!(asked.iter().all(|q| q.node_name == "spare"), "{asked:?}");
    home.nothing_goes_down(begun);

    drop((stream, download, login, tunnel));
    for (name, _, _) in &used {
        let question = home.asked(name).await;
        assert!(
            question.reason.starts_with("it has not been used for"),
            "{question:?}"
        );
        // what is no machine is not asked about, but told of
        assert_eq!(question.stops_at.is_some(), *name == "nextcloud");
    }
    let stopped = What::ContainerStopped("nextcloud".to_owned());
    let off = |lab: &Lab| lab.events().iter().any(|event| event.what == stopped);
    home.lab
        .wait_until(LIMIT, "nextcloud ends", off)
        .await
        .expect("it ends");
    home.stopped("nextcloud").await;
    home.said("nextcloud", "nextcloud: stop done", "it is not used")
        .await;
    // no answer keeps a machine on
    for name in names {
        assert!(home.lab.is_on(name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_host_has_counted_while_wakehub_was_off_counts() {
    const JELLYFIN: &str = "lxc-jellyfin";
    const MINUTE: Duration = Duration::from_secs(60);
    let options = Options {
        homelab: Homelab::reference().only(&[JELLYFIN]),
        ..Options::default()
    };
    let Some(mut home) = Home::fast(options.on(&["machine2"])).await else {
        return;
    };
    home.power("machine2", Power::On).await;
    home.trust("machine2").await;
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let now = home.clock.now().0 as f64 / 1000.0;
    let pve = home.lab.proxmox("machine2");
    pve.clock(now, SPEED).await.expect("its clock");
    home.started(JELLYFIN).await;
    home.rule(JELLYFIN, 12, traffic()).await;
    let film = Viewer::of(home.lab.address(JELLYFIN), FILM).await;
    home.until_judged(JELLYFIN, 2).await;

    // the film goes on and ends, and nobody looks
    home.handle.shut_down().await;
    tokio::time::sleep(MINUTE * 7 / SPEED).await;
    film.sees_more().await;
    drop(film);
    let ended = home.clock.now();
    tokio::time::sleep(MINUTE * 5 / SPEED).await;

    home.opened_again().await;
    let opened = home.clock.now();
    let notice = home.asked(JELLYFIN).await;
    let after = notice.asked_at.since(ended);
    assert!(after >= MINUTE * 12, "{after:?}: it played until {ended:?}");
    // a minute for the average in which it ended, one for the clock, one or two until the next look
    assert!(
        after <= MINUTE * 16,
        "{after:?}: {:#?}",
        home.why(JELLYFIN).await
    );
    let idle = home.why(JELLYFIN).await.idle.expect("a rule");
    let remembered = idle.remembered_until.expect("what was before it looked");
    assert!(remembered >= opened && remembered.since(opened) < MINUTE * 4);
    assert!(home.lab.is_on(JELLYFIN));
}
