//! One poll of 10 Proxmox APIs with 100 guests each and one sample of their use after it: 10 requests for each, and no new
//! TLS handshake after the first.
//!
//! The servers are fakepve processes, each behind a proxy that counts connections; every connection is one handshake. The
//! counts are the budget and decide the exit status; the times are the machine's.

#[path = "../tests/proxmox_fake/fake.rs"]
mod fake;

use fake::{Fake, Proxy, TOKEN, TOKEN_SECRET, fake};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use wakehub_connectors::proxmox::{ProxmoxConnector, ProxmoxEndpoint};
use wakehub_connectors::{Connector, Target};
use wakehub_domain::NodeKind;

const APIS: usize = 10;
const GUESTS: usize = 100;
const POLLS: usize = 30;

#[tokio::main]
async fn main() -> ExitCode {
    let mut servers: Vec<(Fake, Proxy)> = Vec::new();
    for _ in 0..APIS {
        let Some(server) = fake(hundred_guests()).await else {
            return ExitCode::FAILURE;
        };
        let proxy = Proxy::to(server.port).await;
        servers.push((server, proxy));
    }
    let connectors: Vec<ProxmoxConnector> = servers
        .iter()
        .map(|(server, proxy)| {
            ProxmoxConnector::new(ProxmoxEndpoint {
                url: format!("https://127.0.0.1:{}", proxy.port),
                ..server.with_token()
            })
        })
        .collect();

    let begin = Instant::now();
    poll(&connectors).await;
    let first = begin.elapsed();
    for (server, _) in &mut servers {
        server.forget().await;
    }
    let handshakes_first = handshakes(&servers);

    let (mut times, mut samples) = (Vec::<Duration>::new(), Vec::<Duration>::new());
    for _ in 0..POLLS {
        let begin = Instant::now();
        poll(&connectors).await;
        times.push(begin.elapsed());
        // A connection is free a moment after its answer was read.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let begin = Instant::now();
        sample(&connectors).await;
        samples.push(begin.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    times.sort();
    samples.sort();
    let mut requests = 0;
    for (server, _) in &mut servers {
        requests += server.requests().await.len();
    }
    let handshakes_after = handshakes(&servers) - handshakes_first;

    let say = |line: String| writeln!(std::io::stdout(), "{line}").expect("standard output");
    say(format!(
        "{APIS} Proxmox APIs, {GUESTS} guests each, {POLLS} polls after the first, a sample after each"
    ));
    say(format!(
        "requests per poll and sample: {} (budget {})",
        requests as f64 / POLLS as f64,
        2 * APIS
    ));
    say(format!(
        "handshakes, first poll:     {handshakes_first} (budget {APIS})"
    ));
    say(format!(
        "handshakes, all the others: {handshakes_after} (budget 0)"
    ));
    say(format!("first poll:  {:.1} ms", milliseconds(first)));
    say(format!(
        "median poll: {:.1} ms",
        milliseconds(times[POLLS / 2])
    ));
    say(format!(
        "worst poll:  {:.1} ms",
        milliseconds(times[POLLS - 1])
    ));
    say(format!(
        "median sample: {:.1} ms",
        milliseconds(samples[POLLS / 2])
    ));
    say(format!(
        "worst sample:  {:.1} ms",
        milliseconds(samples[POLLS - 1])
    ));
    if requests == 2 * POLLS * APIS && handshakes_first == APIS && handshakes_after == 0 {
        ExitCode::SUCCESS
    } else {
        say("over budget".to_owned());
        ExitCode::FAILURE
    }
}

async fn poll(connectors: &[ProxmoxConnector]) {
    for report in join_all(connectors.iter().map(|connector| connector.observe())).await {
        let report = report.expect("a report");
        assert_eq!(report.guests.len(), GUESTS);
    }
}

async fn sample(connectors: &[ProxmoxConnector]) {
    let all: Vec<Target> = (0..GUESTS).map(target).collect();
    let asked = connectors.iter().map(|connector| connector.sample(&all));
    for usages in join_all(asked).await {
        let usages = usages.expect("usage");
        assert_eq!(usages.len(), GUESTS.div_ceil(3), "of those that run");
    }
}

fn handshakes(servers: &[(Fake, Proxy)]) -> usize {
    servers.iter().map(|(_, proxy)| proxy.connections()).sum()
}

fn is_vm(index: usize) -> bool {
    index.is_multiple_of(2)
}

fn target(index: usize) -> Target {
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
