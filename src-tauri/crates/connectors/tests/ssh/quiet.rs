//! That a machine which nobody uses is idle by the usual rule though WakeHub polls and measures it, and one that is used is not.

use crate::namespace::{Machine, inside, run};
use crate::sshd::Sshd;
use wakehub_connectors::reach::{Looks, Sighting};
use wakehub_connectors::ssh::{SshConnector, SshHost};
use wakehub_connectors::{Connector, Meter, Own, Target};

use wakehub_domain::idle::{Criteria, Criterion, IdleRule, Judgement, Value, Verdict, Window};
use wakehub_domain::{Probe, Timestamp};

const HERE: &str = "10.77.9.1";
const NAS: &str = "10.77.9.2";

/// A nas, and all of WakeHub that has to do with it.
struct Watched {
    // Dropped first: it lives within the machine.
    sshd: Sshd,
    machine: Machine,
    connector: SshConnector,
    looks: Looks,
    meter: Meter,
    window: Window,
    rule: IdleRule,
    minute: i64,
}

impl Watched {
    fn new() -> Watched {
        run("mount -t tmpfs tmpfs /run && touch /run/utmp");
        // A network that has just begun looks for IPv6 neighbours and listeners for some seconds.
        run("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
        run(&format!(
            "ip link add lan type bridge && ip link set lan up && ip addr add {HERE}/24 dev lan"
        ));
        let machine = Machine::on("lan");
        machine.run(&format!(
            "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && ip link set lo up && ip addr add {NAS}/24 dev eth0"
        ));
        let sshd = Sshd::within(machine.process(), NAS);
        let connector = SshConnector::new(SshHost::new(sshd.endpoint()));
        Watched {
            sshd,
            machine,
            connector,
            looks: Looks::default(),
            meter: Meter::default(),
            window: Window::default(),
            rule: IdleRule {
                timeout_minutes: Some(3),
                // The processor is this computer's, on which others build.
                criteria: Some(Criteria {
                    cpu: None,
                    ..Criteria::usual()
                }),
                ..IdleRule::default()
            },
            minute: 0,
        }
    }

    /// One minute of polls every 10 s as while the window is open, and its tick.
    async fn tick(&mut self) -> Judgement {
        for _ in 0..6 {
            let seen = self.looks.look(NAS, 22).await;
            assert!(
                matches!(
                    seen,
                    Sighting::Answers {
                        port_open: true,
                        ..
                    }
                ),
                "{seen:?}"
            );
            self.connector.observe().await.unwrap();
        }
        let mut usage = self.connector.sample(&[Target::Itself]).await.unwrap();
        let mut usage = usage.remove(0);
        usage.own = usage.own + self.looks.caused(NAS, None);
        self.minute += 1;
        let at = Timestamp(self.minute * 60_000);
        let sample = self.meter.take(at, &usage);
        self.window.take(&self.rule, &sample)
    }
}

fn traffic(judgement: &Judgement) -> u64 {
    let mut readings = judgement.readings.iter();
    let reading = readings.find(|reading| reading.criterion == Criterion::NetworkTraffic);
    let Value::Bytes(bytes) = reading.unwrap().value else {
        panic!("{reading:?}");
    };
    bytes
}

#[expect(clippy::print_stdout, reason = "figures for whoever runs it")]
fn tell(what: &str, figures: impl std::fmt::Debug) {
    println!("{what}: {figures:?}");
}

#[tokio::test]
async fn being_watched_is_no_use() {
    if !inside("quiet::being_watched_is_no_use") {
        return;
    }
    let mut nas = Watched::new();
    assert!(matches!(nas.tick().await.verdict, Verdict::Active { .. }));
    let mut left = Vec::new();
    for minute in 1..=8 {
        let judged = nas.tick().await;
        left.push(traffic(&judged));
        assert!(
            matches!(judged.verdict, Verdict::Idle { .. }),
            "minute {minute}: {judged:?}"
        );
        assert_eq!(judged.stop, minute == 3, "minute {minute}");
    }
    tell("left of a quiet minute, in bytes", left);

    // Of a session of somebody else, no more than of a page or a small file.
    let user = nas.connector.host().endpoint().clone();
    let user = SshHost::new(user);
    user.check().await.unwrap();
    assert!(traffic(&nas.tick().await) > 2_000, "a login");
    let page = user.exec("head -c 2000 /dev/zero", b"").await.unwrap();
    assert_eq!(page.stdout.len(), 2_000);
    let judged = nas.tick().await;
    assert!(matches!(judged.verdict, Verdict::Active { .. }));
    let counted = traffic(&judged);
    assert!((2_000..6_000).contains(&counted), "{counted} of 2 kB");

    let film = user.exec("head -c 3000000 /dev/zero", b"").await.unwrap();
    assert_eq!(film.stdout.len(), 3_000_000);
    let counted = traffic(&nas.tick().await);
    tell("of 3 MB downloaded, in bytes", counted);
    assert!((3_000_000..3_500_000).contains(&counted), "{counted}");
    assert_eq!(nas.sshd.log_lines("Accepted publickey"), 2);
}

#[tokio::test]
async fn a_new_session_of_ours_is_no_use() {
    if !inside("quiet::a_new_session_of_ours_is_no_use") {
        return;
    }
    let mut nas = Watched::new();
    for _ in 0..3 {
        nas.tick().await;
    }
    nas.sshd.signal_sessions("KILL");
    // What went over the old one since it last told is known by the estimate only.
    let first = traffic(&nas.tick().await);
    let then = traffic(&nas.tick().await);
    tell(
        "left of the minute of a new login and the next, in bytes",
        [first, then],
    );
    assert!(first < 1_024, "{first}");
    assert!(then < 1_024, "{then}");
}

/// What the nas' interface counts: received and sent bytes.
fn counted(machine: &Machine) -> [u64; 2] {
    let table = format!("/proc/{}/net/dev", machine.process());
    let table = std::fs::read_to_string(table).unwrap();
    let line = table
        .lines()
        .find_map(|line| line.trim().strip_prefix("eth0:"));
    let mut numbers = line.unwrap().split_whitespace();
    [0, 7].map(|skipped| numbers.nth(skipped).unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_look_weighs_no_more_than_it_does() {
    if !inside("quiet::a_look_weighs_no_more_than_it_does") {
        return;
    }
    let Watched {
        sshd: _sshd,
        machine,
        looks,
        ..
    } = Watched::new();
    let known = || {
        let own = looks.caused(NAS, None);
        [own.rx_bytes, own.tx_bytes]
    };
    // Addresses are asked for once, and forgotten again later.
    looks.look(NAS, 22).await;
    for port in [22, 23] {
        let (counted_before, known_before) = (counted(&machine), known());
        for _ in 0..20 {
            looks.look(NAS, port).await;
        }
        // The last packet of a look is on its way.
        looks.look(NAS, 1).await;
        let (counted, known) = (counted(&machine), known());
        for way in 0..2 {
            let real = counted[way] - counted_before[way];
            let ours = known[way] - known_before[way];
            tell("known and real bytes of 20 looks", [ours, real]);
            assert!(ours <= real, "port {port}: {ours} of {real}");
            assert!(ours * 100 >= real * 85, "port {port}: {ours} of {real}");
        }
    }

    let (counted_before, known_before) = (counted(&machine), known());
    for _ in 0..10 {
        assert_eq!(looks.accepts(NAS, 22).await, Ok(true));
        let probe = Probe::Tcp("22".to_owned());
        looks.probe(&probe, Some(NAS)).await.unwrap();
    }
    looks.look(NAS, 1).await;
    let (counted, known) = (counted(&machine), known());
    for way in 0..2 {
        let real = counted[way] - counted_before[way];
        let ours = known[way] - known_before[way];
        tell("known and real bytes of 20 tries", [ours, real]);
        assert!(ours <= real, "{ours} of {real}");
        assert!(ours * 100 >= real * 50, "{ours} of {real}");
    }
    assert_eq!(looks.caused("127.0.0.1", None), Own::default());
}
