//! What a machine uses, measured on a real OpenSSH server in a network of its own: loopback counts for nothing.

use crate::namespace::{Machine, inside, run};
use crate::sshd::Sshd;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use tokio::net::{TcpListener, TcpStream};
use wakehub_connectors::ssh::{SshConnector, SshHost};
use wakehub_connectors::{Connector, Signal, Target, Usage};
use wakehub_domain::ErrorKind;

const HERE: &str = "10.77.9.1";
const NAS: &str = "10.77.9.2";
/// Where something listens on the nas.
const SERVICE: u16 = 8096;

struct Nas {
    // Dropped first: it lives within the machine.
    sshd: Sshd,
    machine: Machine,
}

impl Nas {
    fn new() -> Nas {
        run("mount -t tmpfs tmpfs /run && touch /run/utmp");
        run(&format!(
            "ip link add lan type bridge && ip link set lan up && ip addr add {HERE}/24 dev lan"
        ));
        let mut machine = Machine::on("lan");
        machine.run(&format!(
            "ip link set lo up && ip addr add {NAS}/24 dev eth0"
        ));
        machine.listen(SERVICE);
        let sshd = Sshd::within(machine.process(), NAS);
        Nas { sshd, machine }
    }

    fn host(&self) -> SshHost {
        SshHost::new(self.sshd.endpoint())
    }
}

async fn sample(connector: &SshConnector) -> Usage {
    let mut usages = connector.sample(&[Target::Itself]).await.unwrap();
    assert_eq!(usages.len(), 1);
    usages.remove(0)
}

async fn connections(connector: &SshConnector) -> Option<u32> {
    sample(connector).await.connections
}

fn missing(usage: &Usage) -> Vec<Signal> {
    usage.missing.iter().map(|missing| missing.what).collect()
}

#[tokio::test]
async fn everything_is_read_over_the_kept_session() {
    if !inside("sample::everything_is_read_over_the_kept_session") {
        return;
    }
    let nas = Nas::new();
    let connector = SshConnector::new(nas.host());
    let first = sample(&connector).await;
    assert_eq!(first.target, Target::Itself);
    assert_eq!(missing(&first), [], "{:?}", first.missing);
    assert!(first.memory.unwrap().fraction().unwrap() > 0.0);
    assert!(first.read_bytes.unwrap() > 0 && first.written_bytes.unwrap() > 0);
    assert_eq!(first.users, Some(0));
    assert_eq!(first.inhibitors, [""; 0]);

    let second = sample(&connector).await;
    assert!(second.up.unwrap() >= first.up.unwrap());
    assert!(second.rx_bytes.unwrap() > first.rx_bytes.unwrap());
    assert!(second.tx_packets.unwrap() > first.tx_packets.unwrap());
    let cores = second.cpu.unwrap().cores(first.cpu.as_ref());
    assert!(cores.is_none_or(|cores| cores >= 0.0), "{cores:?}");
    assert_eq!(nas.sshd.log_lines("Accepted publickey"), 1);
}

#[tokio::test]
async fn connections_of_others_count_and_our_own_do_not() {
    if !inside("sample::connections_of_others_count_and_our_own_do_not") {
        return;
    }
    let nas = Nas::new();
    let connector = SshConnector::new(nas.host());
    assert_eq!(connections(&connector).await, Some(0));

    let viewer = TcpStream::connect((NAS, SERVICE)).await.unwrap();
    assert_eq!(connections(&connector).await, Some(1));
    let polling = SshConnector::new(connector.host().clone()).polling([SERVICE]);
    assert_eq!(connections(&polling).await, Some(0));

    // Another session of the same user from the same computer is somebody's use.
    let other = nas.host();
    other.check().await.unwrap();
    assert_eq!(connections(&connector).await, Some(2));
    other.close().await;

    // What the nas opens itself is not.
    let here = TcpListener::bind((HERE, 0)).await.unwrap();
    let port = here.local_addr().unwrap().port();
    let _out = connector.host().direct_tcpip(HERE, port).await.unwrap();
    let _out_too = here.accept().await.unwrap();
    drop(viewer);
    drop(other);
    let mut count = connections(&connector).await;
    // The kernel of the nas learns of the two ends a moment later.
    for _ in 0..50 {
        if count == Some(0) {
            break;
        }
        count = connections(&connector).await;
    }
    // The listener on the nas holds what it accepted half closed, which is not established.
    assert_eq!(count, Some(0));
}

/// Our side of the one connection to the nas' SSH server.
fn our_port() -> String {
    let told = Command::new("ss")
        .args(["-Htn", "state", "established", "dst", NAS])
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let ours = told.split_whitespace().nth(2).unwrap();
    ours.rsplit(':').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_that_broke_unnoticed_there_is_not_use() {
    if !inside("sample::a_session_that_broke_unnoticed_there_is_not_use") {
        return;
    }
    let nas = Nas::new();
    let connector = SshConnector::new(nas.host());
    assert_eq!(connections(&connector).await, Some(0));
    // Nothing of it reaches the nas any more, not even its end.
    let port = our_port();
    run(&format!(
        "nft add table inet f && nft 'add chain inet f out {{ type filter hook output priority 0; }}' && \
         nft add rule inet f out tcp sport {port} drop"
    ));
    connector.host().close().await;
    assert_eq!(connections(&connector).await, Some(0));
    nas.sshd.command("ss", "exit 127");
    assert_eq!(connections(&connector).await, Some(0));
    // Whoever does not know of it sees it beside the new one.
    let stranger = SshConnector::new(nas.host());
    assert_eq!(connections(&stranger).await, Some(2));
}

#[tokio::test]
async fn without_ss_the_kernel_is_asked() {
    if !inside("sample::without_ss_the_kernel_is_asked") {
        return;
    }
    let nas = Nas::new();
    nas.sshd.command("ss", "echo 'ss: not found' >&2; exit 127");
    let connector = SshConnector::new(nas.host());
    assert_eq!(connections(&connector).await, Some(0));
    let _viewer = TcpStream::connect((NAS, SERVICE)).await.unwrap();
    assert_eq!(connections(&connector).await, Some(1));
    let polling = SshConnector::new(connector.host().clone()).polling([SERVICE]);
    assert_eq!(connections(&polling).await, Some(0));
}

#[tokio::test]
async fn a_login_with_a_terminal_is_a_user() {
    if !inside("sample::a_login_with_a_terminal_is_a_user") {
        return;
    }
    let nas = Nas::new();
    let connector = SshConnector::new(nas.host());
    assert_eq!(sample(&connector).await.users, Some(0));
    let mut login = Command::new("ssh")
        .args(["-tt", "-o", "StrictHostKeyChecking=no", "-o"])
        .arg("UserKnownHostsFile=/dev/null")
        .arg("-i")
        .arg(nas.sshd.path("id_plain"))
        .arg(format!("root@{NAS}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut keyboard = login.stdin.take().unwrap();
    keyboard.write_all(b"echo in''side\n").unwrap();
    let mut screen = BufReader::new(login.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("inside") {
        line.clear();
        assert_ne!(screen.read_line(&mut line).unwrap(), 0, "the login ended");
    }
    let usage = sample(&connector).await;
    assert_eq!(usage.users, Some(1), "{:?}", usage.missing);
    assert_eq!(usage.connections, Some(1));
    keyboard.write_all(b"exit\n").unwrap();
    login.wait().unwrap();
}

#[tokio::test]
async fn a_session_that_dies_in_the_middle_is_unreachable_and_the_next_sample_works() {
    if !inside("sample::a_session_that_dies_in_the_middle_is_unreachable_and_the_next_sample_works")
    {
        return;
    }
    let nas = Nas::new();
    let fifo = nas.sshd.fifo("reached");
    nas.sshd
        .command("awk", &format!("echo here > {fifo}; exec sleep 60"));
    let connector = SshConnector::new(nas.host());
    let (sampled, ()) = tokio::join!(connector.sample(&[Target::Itself]), async {
        assert_eq!(nas.sshd.read_fifo("reached").await.trim(), "here");
        nas.sshd.signal_sessions("KILL");
    });
    let error = sampled.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    assert!(error.operation.starts_with("measure 10.77.9.2"), "{error}");
    nas.sshd.command("awk", "exec /usr/bin/awk \"$@\"");
    let usage = sample(&connector).await;
    assert_eq!(missing(&usage), [], "{:?}", usage.missing);
    assert_eq!(usage.connections, Some(0));
}

/// What the nas' kernel counts of our connection: received and sent bytes with the headers of their segments, and segments.
fn counted(nas: &Nas) -> [u64; 4] {
    let told = Command::new("nsenter")
        .args(["-t", &nas.machine.process().to_string(), "-n"])
        .args(["ss", "-Htin", "state", "established", "( sport = :22 )"])
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let number = |name: &str| -> u64 {
        let mut words = told.split_whitespace();
        let word = words.find_map(|word| word.strip_prefix(name));
        word.unwrap_or_else(|| panic!("no {name} in {told}"))
            .parse()
            .unwrap()
    };
    let (segments_in, segments_out) = (number("segs_in:"), number("segs_out:"));
    [
        number("bytes_received:") + 66 * segments_in,
        number("bytes_acked:") + 66 * segments_out,
        segments_in,
        segments_out,
    ]
}

#[tokio::test]
async fn our_own_traffic_is_known() {
    if !inside("sample::our_own_traffic_is_known") {
        return;
    }
    // What has come since the host told is estimated: some of the last answer.
    is_known(&Nas::new(), 98..=101).await;
}

#[tokio::test]
async fn without_ss_our_own_traffic_is_estimated_and_never_more_than_it_is() {
    if !inside("sample::without_ss_our_own_traffic_is_estimated_and_never_more_than_it_is") {
        return;
    }
    let nas = Nas::new();
    nas.sshd.command("ss", "exit 127");
    is_known(&nas, 75..=100).await;
}

/// `percent`: of the bytes.
async fn is_known(nas: &Nas, percent: std::ops::RangeInclusive<u64>) {
    let connector = SshConnector::new(nas.host());
    let mut usage = sample(&connector).await;
    let (counted_before, own_before) = (counted(nas), connector.host().traffic());
    for _ in 0..20 {
        usage = sample(&connector).await;
        connector.observe().await.unwrap();
    }
    let (counted, own) = (counted(nas), connector.host().traffic());
    assert!(usage.own.rx_bytes <= own.rx_bytes);
    let pairs = [
        (own.rx_bytes, own_before.rx_bytes),
        (own.tx_bytes, own_before.tx_bytes),
        (own.rx_packets, own_before.rx_packets),
        (own.tx_packets, own_before.tx_packets),
    ];
    for (what, (now, before)) in pairs.into_iter().enumerate() {
        let (all, all_before) = (counted[what], counted_before[what]);
        assert!(
            before * 100 <= all_before * percent.end(),
            "at first, {what}: {before} of {all_before}"
        );
        let (ours, real) = (now - before, all - all_before);
        // How many packets share a segment is for the kernels to decide.
        let most = if what < 2 { *percent.end() } else { 110 };
        assert!(ours * 100 <= real * most, "{what}: {ours} of {real}");
        let least = if what < 2 { *percent.start() } else { 75 };
        assert!(ours * 100 >= real * least, "{what}: {ours} of {real}");
    }
}
