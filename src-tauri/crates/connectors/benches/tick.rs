//! One tick over a large homelab: 100 SSH sessions, 10 Proxmox APIs with 100 guests each, 500 containers of one engine behind
//! TLS; all measured at once, as a tick does, and judged.
//!
//! The SSH server is OpenSSH, the APIs are fakepve processes behind proxies that count connections, the engine answers what a
//! real one has answered. The servers run on this computer too: of the wall time most is theirs. The processor's time is that of
//! all threads of this process but the one that proxies and the engine run on. Counts and budgets decide the exit status.

#![allow(
    clippy::allow_attributes,
    clippy::explicit_write,
    clippy::unwrap_used,
    dead_code,
    reason = "a figure that cannot be taken ends the bench; each program uses its own part"
)]

#[path = "../tests/docker_lab/engine.rs"]
mod engine;
#[path = "../tests/proxmox_fake/fake.rs"]
mod fake;
#[path = "../tests/ssh/sshd.rs"]
mod sshd;

use engine::{Many, available, container};
use fake::{Fake, Proxy, TOKEN, TOKEN_SECRET, fake};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sshd::Sshd;
use std::collections::HashMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use wakehub_connectors::docker::DockerConnector;
use wakehub_connectors::proxmox::{ProxmoxConnector, ProxmoxEndpoint};
use wakehub_connectors::ssh::{SshConnector, SshHost};
use wakehub_connectors::{Connector, Meter, Target, Usage};
use wakehub_domain::idle::{Criteria, IdleRule, Window};
use wakehub_domain::{NodeKind, Timestamp};

const HOSTS: usize = 100;
const APIS: usize = 10;
const GUESTS: usize = 100;
const CONTAINERS: usize = 500;
const TICKS: usize = 10;
const WALL: Duration = Duration::from_secs(3);
const PROCESSOR: Duration = Duration::from_millis(150);
const STATS: &str = include_str!("../tests/recorded/docker/stats-web-20.10.json");

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output");
}

fn main() -> ExitCode {
    if !available(&["openssl"]) {
        return ExitCode::FAILURE;
    }
    let Some(sshd) = Sshd::with(&["MaxStartups 200"]) else {
        return ExitCode::FAILURE;
    };
    let Some(servers) = serve() else {
        return ExitCode::FAILURE;
    };
    let mut homelab = Homelab::of(&sshd, &servers);
    // As many workers as the app has on such a computer.
    let here = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut tick = |minute| {
        // A connection is free a moment after its answer was read.
        std::thread::sleep(Duration::from_millis(50));
        let begin = (Instant::now(), processor_time(servers.thread));
        let judged = here.block_on(homelab.tick(minute));
        assert_eq!(judged, HOSTS + APIS * GUESTS.div_ceil(3) + CONTAINERS);
        let spent = processor_time(servers.thread).saturating_sub(begin.1);
        (begin.0.elapsed(), spent)
    };
    let (first, first_spent) = tick(0);
    let connected = connections(&sshd, &servers);
    let (mut wall, mut spent): (Vec<Duration>, Vec<Duration>) =
        (1..=TICKS).map(|minute| tick(minute as i64)).unzip();
    let anew: Vec<usize> = connections(&sshd, &servers)
        .iter()
        .zip(connected)
        .map(|(now, before)| now - before)
        .collect();
    wall.sort();
    spent.sort();

    say(&format!(
        "{HOSTS} SSH hosts, {APIS} Proxmox APIs with {GUESTS} guests each, {CONTAINERS} containers; {TICKS} ticks after the first"
    ));
    say(&format!(
        "connections (SSH, Proxmox, Docker), first tick: {connected:?}"
    ));
    say(&format!("connections, all the others: {anew:?} (budget 0)"));
    say(&format!(
        "first tick: {:.0} ms, processor {:.0} ms",
        milliseconds(first),
        milliseconds(first_spent)
    ));
    for (what, times, budget) in [("wall", &wall, WALL), ("processor", &spent, PROCESSOR)] {
        say(&format!(
            "{what}: median {:.1} ms, worst {:.1} ms (budget {:.0} ms)",
            milliseconds(times[TICKS / 2]),
            milliseconds(times[TICKS - 1]),
            milliseconds(budget)
        ));
    }
    let is_within = wall[TICKS / 2] <= WALL && spent[TICKS / 2] <= PROCESSOR;
    if anew.iter().all(|count| *count == 0) && is_within {
        ExitCode::SUCCESS
    } else {
        say("over budget");
        ExitCode::FAILURE
    }
}

/// What is asked, and what is kept of each node from tick to tick.
struct Homelab {
    hosts: Vec<SshConnector>,
    apis: Vec<ProxmoxConnector>,
    engine: DockerConnector,
    guests: Vec<Target>,
    containers: Vec<Target>,
    rules: [IdleRule; 3],
    nodes: HashMap<(usize, String), (Meter, Window)>,
}

impl Homelab {
    fn of(sshd: &Sshd, servers: &Servers) -> Homelab {
        let rule = |kind, has_ssh| IdleRule {
            criteria: Some(Criteria::usual_of(kind, has_ssh)),
            ..IdleRule::default()
        };
        Homelab {
            hosts: (0..HOSTS)
                .map(|_| SshConnector::new(SshHost::new(sshd.endpoint())))
                .collect(),
            apis: servers
                .apis
                .iter()
                .map(|(server, proxy)| {
                    ProxmoxConnector::new(ProxmoxEndpoint {
                        url: format!("https://127.0.0.1:{}", proxy.port),
                        ..server.with_token()
                    })
                })
                .collect(),
            engine: DockerConnector::new(servers.many.endpoint.clone()),
            guests: (0..GUESTS).map(guest).collect(),
            containers: (0..CONTAINERS)
                .map(|at| container(&format!("c{at}")))
                .collect(),
            rules: [
                rule(NodeKind::Machine, true),
                rule(NodeKind::Vm, false),
                rule(NodeKind::Container, false),
            ],
            nodes: HashMap::new(),
        }
    }

    async fn tick(&mut self, minute: i64) -> usize {
        let itself = [Target::Itself];
        let (hosts, apis, containers) = tokio::join!(
            join_all(self.hosts.iter().map(|host| host.sample(&itself))),
            join_all(self.apis.iter().map(|api| api.sample(&self.guests))),
            self.engine.sample(&self.containers),
        );
        let told = [hosts, apis, vec![containers]];
        let mut judged = 0;
        for (rule, round) in self.rules.iter().zip(told) {
            for (at, usages) in round.into_iter().enumerate() {
                let usages: Vec<Usage> = usages.unwrap();
                for usage in usages {
                    let id = match &usage.target {
                        Target::Itself => String::new(),
                        Target::Guest { platform_id, .. } => platform_id.clone(),
                    };
                    let key = (at, id);
                    let (meter, window) = self.nodes.entry(key).or_default();
                    let sample = meter.take(Timestamp(minute * 60_000), &usage);
                    window.take(rule, &sample);
                    judged += 1;
                }
            }
        }
        judged
    }
}

struct Servers {
    many: Many,
    apis: Vec<(Fake, Proxy)>,
    /// Of this process.
    thread: u32,
}

/// On a thread of its own, for as long as the bench runs.
fn serve() -> Option<Servers> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let there = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        there.block_on(async {
            let mut apis = Vec::new();
            for _ in 0..APIS {
                let Some(server) = fake(hundred_guests()).await else {
                    return;
                };
                let proxy = Proxy::to(server.port).await;
                apis.push((server, proxy));
            }
            let link = std::fs::read_link("/proc/thread-self").unwrap();
            let thread = link.file_name().unwrap().to_str().unwrap();
            let servers = Servers {
                many: Many::new(CONTAINERS, STATS).await,
                apis,
                thread: thread.parse().unwrap(),
            };
            sender.send(servers).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().ok()
}

fn connections(sshd: &Sshd, servers: &Servers) -> [usize; 3] {
    let proxies = servers.apis.iter().map(|(_, proxy)| proxy.connections());
    [
        sshd.log_lines("Accepted publickey"),
        proxies.sum(),
        servers.many.asked.connections(),
    ]
}

/// Of all threads that live but one. Those that have ended have only connected.
fn processor_time(but: u32) -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let times = threads.filter_map(|thread| {
        let thread = thread.ok()?;
        if thread.file_name().to_str() == Some(&but.to_string()) {
            return None;
        }
        let told = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        told.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(times.sum())
}

fn is_vm(index: usize) -> bool {
    index.is_multiple_of(2)
}

fn guest(index: usize) -> Target {
    let kind = if is_vm(index) {
        NodeKind::Vm
    } else {
        NodeKind::Lxc
    };
    Target::Guest {
        kind,
        platform_id: (100 + index).to_string(),
    }
}
fn hundred_guests() -> Value {
    let guests: Vec<Value> = (0..GUESTS)
        .map(|index| {
            json!({
                "kind": if is_vm(index) { "qemu" } else { "lxc" },
                "vmid": 100 + index,
                "name": format!("guest-{index}"),
                "status": if index % 3 == 0 { "running" } else { "stopped" },
            })
        })
        .collect();
    json!({"members": ["pve1"], "tokens": {TOKEN: TOKEN_SECRET}, "guests": guests})
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
