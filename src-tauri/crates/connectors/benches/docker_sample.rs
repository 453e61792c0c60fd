//! One sample of 500 containers of an engine behind TLS: 501 requests, and no new handshake after the first tick.
//!
//! The engine is a thread that answers what a real one has answered, and counts. The counts are the budget and decide the
//! exit status; the times are the machine's, the processor's those of the asking thread alone.

#![allow(
    clippy::allow_attributes,
    clippy::explicit_write,
    clippy::unwrap_used,
    reason = "a figure that cannot be taken ends the bench"
)]

#[path = "../tests/docker_lab/engine.rs"]
mod engine;

use engine::{Many, available, container};
use std::io::Write;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use wakehub_connectors::docker::DockerConnector;
use wakehub_connectors::{Connector, Target};

const CONTAINERS: usize = 500;
const TICKS: usize = 30;
const STATS: &str = include_str!("../tests/recorded/docker/stats-web-20.10.json");

fn main() -> ExitCode {
    if !available(&["openssl"]) {
        return ExitCode::FAILURE;
    }
    let many = serve();
    let connector = DockerConnector::new(many.endpoint.clone());
    let wanted: Vec<Target> = (0..CONTAINERS)
        .map(|at| container(&format!("c{at}")))
        .collect();
    let here = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let tick = || {
        let begin = (Instant::now(), processor_time());
        let usages = here.block_on(connector.sample(&wanted)).unwrap();
        assert_eq!(usages.len(), CONTAINERS);
        (begin.0.elapsed(), processor_time() - begin.1)
    };
    let (first, _) = tick();
    let handshakes_first = many.asked.connections();
    many.asked.requests();
    let (mut wall, mut cpu): (Vec<Duration>, Vec<Duration>) = (0..TICKS).map(|_| tick()).unzip();
    let handshakes_after = many.asked.connections() - handshakes_first;
    let requests: usize = many.asked.requests().values().sum();
    wall.sort();
    cpu.sort();

    let say = |line: String| writeln!(std::io::stdout(), "{line}").expect("standard output");
    say(format!(
        "{CONTAINERS} containers of one engine, {TICKS} ticks after the first"
    ));
    let budget = CONTAINERS + 1;
    say(format!(
        "requests per tick:          {} (budget {budget})",
        requests as f64 / TICKS as f64
    ));
    say(format!("handshakes, first tick:     {handshakes_first}"));
    say(format!(
        "handshakes, all the others: {handshakes_after} (budget 0)"
    ));
    say(format!("first tick:  {:.0} ms", milliseconds(first)));
    for (what, times) in [("wall", wall), ("processor", cpu)] {
        say(format!(
            "{what}: median {:.1} ms, worst {:.1} ms",
            milliseconds(times[TICKS / 2]),
            milliseconds(times[TICKS - 1])
        ));
    }
    if requests == TICKS * budget && handshakes_after == 0 {
        ExitCode::SUCCESS
    } else {
        say("over budget".to_owned());
        ExitCode::FAILURE
    }
}

/// On a thread of its own, for as long as the bench runs.
fn serve() -> Many {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let there = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        there.block_on(async {
            sender.send(Many::new(CONTAINERS, STATS).await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().unwrap()
}

/// Of this thread; nothing where the kernel does not tell it.
fn processor_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
