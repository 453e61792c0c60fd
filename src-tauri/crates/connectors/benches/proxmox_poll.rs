//! One poll of 10 Proxmox APIs with 100 guests each: 10 requests, and no new TLS handshake after the first.
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
use wakehub_connectors::Connector;
use wakehub_connectors::proxmox::{ProxmoxConnector, ProxmoxEndpoint};

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

    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..POLLS {
        let begin = Instant::now();
        poll(&connectors).await;
        times.push(begin.elapsed());
    }
    times.sort();
    let mut requests = 0;
    for (server, _) in &mut servers {
        requests += server.requests().await.len();
    }
    let handshakes_after = handshakes(&servers) - handshakes_first;

    let say = |line: String| writeln!(std::io::stdout(), "{line}").expect("standard output");
    say(format!(
        "{APIS} Proxmox APIs, {GUESTS} guests each, {POLLS} polls after the first"
    ));
    say(format!(
        "requests per poll:          {} (budget {APIS})",
        requests as f64 / POLLS as f64
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
    if requests == POLLS * APIS && handshakes_first == APIS && handshakes_after == 0 {
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

fn handshakes(servers: &[(Fake, Proxy)]) -> usize {
    servers.iter().map(|(_, proxy)| proxy.connections()).sum()
}

fn hundred_guests() -> Value {
    let guests: Vec<Value> = (0..GUESTS)
        .map(|index| {
            json!({
                "kind": if index % 2 == 0 { "qemu" } else { "lxc" },
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
