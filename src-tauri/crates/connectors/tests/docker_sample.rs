//! What containers use, as real engines tell it.

#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

#[path = "docker_lab/engine.rs"]
mod engine;

use engine::{Engine, Listen, Podman, boot, boot_podman, container};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wakehub_connectors::docker::{DockerConnector, DockerEndpoint};
use wakehub_connectors::{Connector, CpuUse, Meter, Own, Signal, Usage};
use wakehub_domain::Timestamp;

const SERVE: &str = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
/// On one core.
const BURN: &str = "trap 'exit 0' TERM; while :; do :; done";

async fn of(connector: &DockerConnector, name: &str) -> Option<Usage> {
    let usages = connector.sample(&[container(name)]).await.unwrap();
    assert!(usages.len() <= 1);
    usages.into_iter().next()
}

fn missing(usage: &Usage, what: Signal) -> Option<&str> {
    let one = usage.missing.iter().find(|one| one.what == what);
    one.map(|one| one.why.as_str())
}

/// Cores in use over some seconds, held against what the kernel says of the container's process over a little more and a
/// little less: others use this computer as well.
async fn cores(connector: &DockerConnector, name: &str, pid: &str) -> f64 {
    let (begin, outer) = (Instant::now(), processor_time(pid));
    let first = of(connector, name).await.unwrap();
    let (begin_inner, inner) = (Instant::now(), processor_time(pid));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (inner, inner_time) = (processor_time(pid) - inner, begin_inner.elapsed());
    let second = of(connector, name).await.unwrap();
    let (outer, outer_time) = (processor_time(pid) - outer, begin.elapsed());
    let used = Duration::from_nanos(busy(&second) - busy(&first));
    assert!(
        inner <= used + SLACK && used <= outer + SLACK,
        "{inner:?} {used:?} {outer:?}"
    );
    let cores = second.cpu.unwrap().cores(first.cpu.as_ref()).unwrap();
    let time = used.div_f64(cores);
    assert!(
        inner_time <= time + SLACK && time <= outer_time + SLACK,
        "{inner_time:?} {time:?} {outer_time:?}"
    );
    cores
}

/// The kernel tells it in hundredths of a second, twice.
const SLACK: Duration = Duration::from_millis(50);

fn processor_time(pid: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    // utime and stime
    let ticks = fields[11..13].iter().map(|one| one.parse::<u64>().unwrap());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

fn busy(usage: &Usage) -> u64 {
    match usage.cpu {
        Some(CpuUse::Busy { busy, .. }) => busy,
        Some(CpuUse::Cores(_)) | None => panic!("{usage:?}"),
    }
}

fn run(engine: &Engine, name: &str, options: &[&str], script: &str) {
    let begin = ["run", "-d", "--name", name];
    engine.docker(&[&begin[..], options, &["lab:1", "sh", "-c", script]].concat());
}

/// As `GET /blob` over TCP; returns how many bytes came.
fn download(address: &str, port: u16) -> usize {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        if let Ok(mut stream) = TcpStream::connect((address, port)) {
            stream.write_all(b"GET /blob HTTP/1.0\r\n\r\n").unwrap();
            let mut body = Vec::new();
            if stream.read_to_end(&mut body).is_ok() && body.len() > 1024 {
                return body.len();
            }
        }
        assert!(Instant::now() < until, "nothing serves there");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test]
async fn docker() {
    let Some(engine) = boot(Listen::Open) else {
        return;
    };
    let connector = DockerConnector::new(engine.over_tcp());
    knows_its_own_traffic(&engine).await;
    tells_processor_time(&engine, &connector).await;
    counts_a_download(&engine, &connector).await;
    is_silent_of_what_is_off(&engine, &connector).await;
    knows_whose_network_it_is(&engine, &connector).await;
    inhibits_while_restarting(&engine, &connector).await;
    outlives_what_goes_away(&engine, &connector).await;
}

/// Never more than the kernel counts, and most of it.
async fn knows_its_own_traffic(engine: &Engine) {
    let connector = DockerConnector::new(engine.over_tcp());
    for name in ["one", "two", "three"] {
        run(engine, name, &["--rm"], SERVE);
    }
    let wanted = ["one", "two", "three"].map(container);
    connector.sample(&wanted).await.unwrap();
    let (before, kernel) = (connector.traffic(), engine.on_the_wire());
    for _ in 0..5 {
        connector.observe().await.unwrap();
        connector.sample(&wanted).await.unwrap();
    }
    let (after, kernel_after) = (connector.traffic(), engine.on_the_wire());
    for (what, own, all) in [
        (
            "to it",
            after.rx_bytes - before.rx_bytes,
            kernel_after.0 - kernel.0,
        ),
        (
            "from it",
            after.tx_bytes - before.tx_bytes,
            kernel_after.1 - kernel.1,
        ),
    ] {
        assert!(own <= all, "{own} of {all} {what}");
        assert!(own * 10 >= all * 7, "{own} of {all} {what}");
    }
    engine.docker(&["rm", "-f", "one", "two", "three"]);
    let local = DockerConnector::new(engine.over_socket());
    local.observe().await.unwrap();
    assert_eq!(local.traffic(), Own::default());
}

async fn tells_processor_time(engine: &Engine, connector: &DockerConnector) {
    run(engine, "quiet", &["--memory=64m"], SERVE);
    run(engine, "burning", &[], BURN);
    let pid = |name| engine.ask(name, "{{.State.Pid}}");
    let burning = cores(connector, "burning", &pid("burning")).await;
    let before = of(connector, "quiet").await.unwrap().cpu;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let quiet = of(connector, "quiet").await.unwrap().cpu.unwrap();
    let quiet = quiet.cores(before.as_ref()).unwrap();
    assert!(
        burning <= 1.05 && burning > 2.0 * quiet,
        "{burning} and {quiet} cores"
    );
    let memory = of(connector, "quiet").await.unwrap().memory.unwrap();
    assert_eq!(memory.total, 64 << 20);
    assert!((1..32 << 20).contains(&memory.used), "{memory:?}");
    engine.docker(&["rm", "-f", "burning"]);
}

async fn counts_a_download(engine: &Engine, connector: &DockerConnector) {
    let script = "mkdir -p /www; i=0; while [ $i -lt 2000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done \
                  > /www/blob; exec busybox httpd -f -p 80 -h /www";
    run(engine, "web", &["-p", "8080:80"], script);
    download(engine.address(), 8080);
    let mut meter = Meter::default();
    let before = of(connector, "web").await.unwrap();
    meter.take(Timestamp(0), &before);
    // more than its start takes, so that what it counts after a restart is less
    let work = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
    engine.docker(&["exec", "web", "sh", "-c", work]);
    let came = download(engine.address(), 8080) as u64;
    assert!(came > 80_000);
    let after = of(connector, "web").await.unwrap();
    meter.take(Timestamp(60_000), &after);
    let sent = after.tx_bytes.unwrap() - before.tx_bytes.unwrap();
    assert!((came..2 * came).contains(&sent), "{sent} of {came}");
    assert!(after.rx_bytes > before.rx_bytes && after.tx_packets > before.tx_packets);

    // Its counters begin anew, which the judge has to see.
    engine.docker(&["restart", "-t", "1", "web"]);
    let anew = of(connector, "web").await.unwrap();
    assert!(anew.tx_bytes < after.tx_bytes, "{anew:?}");
    assert!(busy(&anew) < busy(&after));
    let sample = meter.take(Timestamp(120_000), &anew);
    assert_eq!(
        sample.tx_bytes,
        Some(0),
        "less than before, and more than that was before"
    );
    assert_eq!(sample.cpu_cores, None);
}

async fn is_silent_of_what_is_off(engine: &Engine, connector: &DockerConnector) {
    engine.docker(&["stop", "-t", "1", "web"]);
    assert_eq!(of(connector, "web").await, None);
    assert_eq!(of(connector, "never-made").await, None);
    engine.docker(&["pause", "quiet"]);
    assert!(of(connector, "quiet").await.unwrap().cpu.is_some());
    engine.docker(&["unpause", "quiet"]);
}

async fn knows_whose_network_it_is(engine: &Engine, connector: &DockerConnector) {
    run(engine, "on-host", &["--network=host"], SERVE);
    run(
        engine,
        "guest-of-quiet",
        &["--network=container:quiet"],
        SERVE,
    );
    run(engine, "alone", &["--network=none"], SERVE);
    for (name, why) in [
        ("on-host", "it uses the network of its host"),
        (
            "guest-of-quiet",
            "it uses the network of another container, whose traffic is counted with its own",
        ),
    ] {
        let usage = of(connector, name).await.unwrap();
        assert_eq!(missing(&usage, Signal::Network), Some(why));
        assert_eq!((usage.rx_bytes, usage.tx_bytes), (None, None));
        assert!(usage.cpu.is_some());
    }
    let alone = of(connector, "alone").await.unwrap();
    assert_eq!((alone.rx_bytes, alone.tx_packets), (Some(0), Some(0)));
    assert_eq!(missing(&alone, Signal::Network), None);
}

async fn inhibits_while_restarting(engine: &Engine, connector: &DockerConnector) {
    run(engine, "looping", &["--restart=always"], "exit 1");
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let usage = of(connector, "looping").await;
        // The pauses between its lives grow from 100 ms.
        if let Some(usage) = usage.filter(|usage| !usage.inhibitors.is_empty()) {
            assert_eq!(usage.inhibitors, ["the engine is restarting it"]);
            assert_eq!((usage.cpu, usage.rx_bytes), (None, None));
            break;
        }
        assert!(Instant::now() < until, "it is never restarting");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    engine.docker(&["rm", "-f", "looping"]);
    // A health check that has not ended is none.
    let check = ["--health-cmd=true", "--health-interval=1h"];
    run(engine, "starting", &check, SERVE);
    assert_eq!(of(connector, "starting").await.unwrap().inhibitors, [""; 0]);
}

/// Containers come and go while others are asked about.
async fn outlives_what_goes_away(engine: &Engine, connector: &DockerConnector) {
    let names: Vec<String> = (0..6).map(|at| format!("brief{at}")).collect();
    for name in &names {
        run(engine, name, &["--rm"], SERVE);
    }
    let wanted: Vec<_> = names.iter().map(|name| container(name)).collect();
    let mut removing = Command::new("docker")
        .arg("-H")
        .arg(format!("unix://{}", engine.socket().display()))
        .args(["rm", "-f"])
        .args(&names)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while removing.try_wait().unwrap().is_none() {
        connector.sample(&wanted).await.unwrap();
    }
    assert_eq!(connector.sample(&wanted).await.unwrap(), []);
}

fn make(podman: &Podman, name: &str, script: &str) {
    let begin = ["run", "-d", "--name", name];
    let command = ["lab:1", "sh", "-c", script];
    podman.podman(&[&begin[..], &Podman::MODEST, &command].concat());
}

#[tokio::test]
async fn podman() {
    let Some(podman) = boot_podman() else {
        return;
    };
    let connector = DockerConnector::new(DockerEndpoint::Unix {
        path: podman.socket(),
    });
    make(&podman, "quiet", SERVE);
    make(&podman, "burning", BURN);
    let pid = podman.podman(&["inspect", "-f", "{{.State.Pid}}", "burning"]);
    let burning = cores(&connector, "burning", &pid).await;
    assert!((0.05..1.05).contains(&burning), "{burning} cores");
    let quiet = of(&connector, "quiet").await.unwrap();
    assert!(quiet.memory.is_some(), "{quiet:?}");
    // It does not say that this is the host's network, and counts nothing of it.
    assert!(missing(&quiet, Signal::Network).is_some());
    assert_eq!(quiet.rx_bytes, None);
    podman.podman(&["stop", "-t", "0", "quiet"]);
    assert_eq!(of(&connector, "quiet").await, None);
}
