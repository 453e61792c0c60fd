//! What servers and networks do wrong, and what is left behind afterwards: nothing.

use crate::sshd::Sshd;
use socket2::SockRef;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wakehub_connectors::ssh::{SshEndpoint, SshHost, SshLogin, Timing};
use wakehub_domain::{ConnectorError, ErrorKind, Retry, Secret};

fn impatient() -> Timing {
    Timing {
        operation: Duration::from_secs(2),
        keep_alive: Duration::from_secs(30),
        ping: Duration::from_millis(500),
    }
}

fn at(port: u16) -> SshHost {
    let login = SshLogin::Password(Secret::new("hunter2"));
    let mut endpoint = SshEndpoint::new("127.0.0.1", "root", login);
    endpoint.port = port;
    SshHost::with_timing(endpoint, impatient())
}

async fn fails(host: &SshHost) -> ConnectorError {
    host.exec("true", b"").await.unwrap_err()
}

/// A server that does one thing to every connection.
async fn server<F, W>(behave: F) -> u16
where
    F: Fn(tokio::net::TcpStream) -> W + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(behave(socket));
        }
    });
    port
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn tasks() -> usize {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
}

/// Waits until what a failure leaves to be dropped is dropped.
async fn settles(tasks_before: usize, files_before: usize) {
    for _ in 0..500 {
        if tasks() <= tasks_before && open_files() <= files_before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!(
        "{} tasks and {} files left, {tasks_before} and {files_before} before",
        tasks(),
        open_files()
    );
}

#[tokio::test]
async fn refused() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = fails(&at(port)).await;
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert_eq!(error.message, "connection refused");
    assert_eq!(error.retry, Retry::Later);
}

#[tokio::test]
async fn accepted_and_then_silent() {
    let port = server(|socket| async move {
        let _held = socket;
        std::future::pending::<()>().await;
    })
    .await;
    let (tasks, files) = (tasks(), open_files());
    let error = fails(&at(port)).await;
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert!(error.message.contains("does not answer"), "{error}");
    // The server of this test keeps its own end of the connection, and a task for it.
    settles(tasks + 1, files + 1).await;
}

#[tokio::test]
async fn reset_at_once_and_reset_in_the_handshake() {
    for greeting in [&b""[..], b"SSH-2.0-Test\r\n"] {
        let port = server(move |mut socket| async move {
            let _ = socket.write_all(greeting).await;
            let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        })
        .await;
        let (tasks, files) = (tasks(), open_files());
        let error = fails(&at(port)).await;
        assert_eq!(error.retry, Retry::Later, "{error:?}");
        assert!(
            matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Protocol),
            "{error:?}"
        );
        settles(tasks, files).await;
    }
}

#[tokio::test]
async fn not_an_ssh_server() {
    let port = server(|mut socket| async move {
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let error = fails(&at(port)).await;
    assert!(
        matches!(error.kind, ErrorKind::Protocol | ErrorKind::Unreachable),
        "{error:?}"
    );
}

#[tokio::test]
async fn many_who_wait_for_one_dead_host_fail_together() {
    let port = server(|socket| async move {
        let _held = socket;
        std::future::pending::<()>().await;
    })
    .await;
    let host = at(port);
    let begun = std::time::Instant::now();
    let asks = (0..20).map(|_| {
        let host = host.clone();
        async move { fails(&host).await.kind }
    });
    let kinds = futures_util::future::join_all(asks).await;
    assert!(kinds.iter().all(|kind| *kind == ErrorKind::TimedOut));
    // One attempt, not twenty in a row.
    assert!(begun.elapsed() < impatient().operation * 5);
}

#[tokio::test]
async fn a_stopped_server_times_out_and_comes_back() {
    let Some(sshd) = Sshd::start() else { return };
    let host = SshHost::with_timing(sshd.endpoint(), impatient());
    host.exec("true", b"").await.unwrap();
    sshd.signal_everything("STOP");
    let error = fails(&host).await;
    assert_eq!(error.kind, ErrorKind::TimedOut, "{error}");
    let fresh = SshHost::with_timing(sshd.endpoint(), impatient());
    assert_eq!(fails(&fresh).await.kind, ErrorKind::TimedOut);
    sshd.signal_everything("CONT");
    host.exec("true", b"").await.unwrap();
    fresh.exec("true", b"").await.unwrap();
}

#[tokio::test]
async fn killed_in_the_middle_of_a_command() {
    let Some(sshd) = Sshd::start() else { return };
    let host = SshHost::new(sshd.endpoint());
    host.exec("true", b"").await.unwrap();
    let (tasks, files) = (tasks(), open_files());
    let running = host.clone();
    let command = format!("echo up > {}; sleep 100", sshd.fifo("up"));
    let ask = tokio::spawn(async move { running.exec(&command, b"").await });
    sshd.read_fifo("up").await;
    sshd.signal_sessions("KILL");
    let error = ask.await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    assert!(error.message.contains("connection was lost"), "{error}");
    // It comes back by itself, and with as much as before.
    host.exec("true", b"").await.unwrap();
    settles(tasks, files).await;
    host.close().await;
    settles(0, files - 1).await;
}

#[tokio::test]
async fn killed_while_nobody_looked() {
    let Some(sshd) = Sshd::start() else { return };
    let host = SshHost::new(sshd.endpoint());
    for _ in 0..3 {
        host.exec("true", b"").await.unwrap();
        sshd.signal_sessions("KILL");
    }
    host.exec("true", b"").await.unwrap();
}

#[tokio::test]
async fn a_stream_tells_a_lost_session_from_an_end() {
    let Some(sshd) = Sshd::start() else { return };
    let host = SshHost::new(sshd.endpoint());
    let mut text = String::new();
    let mut ends = host.exec_stream("echo hello").await.unwrap();
    ends.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "hello\n");
    assert_eq!(ends.exit().await.unwrap().status, Some(0));

    let mut breaks = host.exec_stream("echo hello; sleep 100").await.unwrap();
    let mut some = [0; 6];
    breaks.read_exact(&mut some).await.unwrap();
    sshd.signal_sessions("KILL");
    let error = breaks.read(&mut some).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn commands_that_nobody_waits_for_free_their_place() {
    let Some(sshd) = Sshd::start() else { return };
    let host = SshHost::new(sshd.endpoint());
    let mut held = host.exec_stream("cat").await.unwrap();
    // Twice sshd's MaxSessions, and all go on running there.
    for _ in 0..20 {
        let limit = Duration::from_millis(100);
        // Dropped while it is asked for, or while it runs.
        let asked = tokio::time::timeout(limit, host.exec("cat; sleep 100", b"x")).await;
        assert!(asked.is_err(), "{asked:?}");
    }
    let outputs = (0..8).map(|_| host.exec("true", b""));
    for output in futures_util::future::join_all(outputs).await {
        assert!(output.unwrap().is_success());
    }
    // What was opened before went on all the time.
    held.write_all(b"still here").await.unwrap();
    held.shutdown().await.unwrap();
    let mut back = String::new();
    held.read_to_string(&mut back).await.unwrap();
    assert_eq!(back, "still here");
}

#[tokio::test]
async fn keys_are_renewed_in_the_middle() {
    let Some(sshd) = Sshd::with(&["RekeyLimit 256K"]) else {
        return;
    };
    let host = SshHost::new(sshd.endpoint());
    let sent: Vec<u8> = (0..6u32 << 20).map(|n| (n / 3) as u8).collect();
    let limit = Duration::from_secs(60);
    let both = (0..2).map(|_| host.exec_within(limit, "cat", &sent));
    for output in futures_util::future::join_all(both).await {
        assert!(output.unwrap().stdout == sent);
    }
    assert_eq!(sshd.log_lines("Accepted publickey"), 1);
}

#[tokio::test]
async fn a_quiet_session_answers_a_server_that_asks() {
    let options = [
        "ClientAliveInterval 1",
        "ClientAliveCountMax 1",
        "LogLevel DEBUG1",
    ];
    let Some(sshd) = Sshd::with(&options) else {
        return;
    };
    let host = SshHost::new(sshd.endpoint());
    host.exec("true", b"").await.unwrap();
    sshd.wait_for_times("for keepalive", 3).await;
    host.exec("true", b"").await.unwrap();
    assert_eq!(sshd.log_lines("Accepted publickey"), 1);
}

#[tokio::test]
async fn a_quiet_session_that_died_is_noticed() {
    let Some(sshd) = Sshd::start() else { return };
    let timing = Timing {
        keep_alive: Duration::from_millis(200),
        ping: Duration::from_millis(300),
        ..Timing::default()
    };
    let files = open_files();
    let host = SshHost::with_timing(sshd.endpoint(), timing);
    host.exec("true", b"").await.unwrap();
    sshd.signal_sessions("STOP");
    // Without anybody asking for anything: the driver and its socket are gone.
    settles(0, files).await;
    sshd.signal_sessions("CONT");
}

#[tokio::test]
async fn a_command_may_shut_its_output_and_run_on() {
    let Some(sshd) = Sshd::start() else { return };
    let host = SshHost::new(sshd.endpoint());
    let output = host
        .exec("exec >&- 2>&-; sleep 0.3; exit 7", b"")
        .await
        .unwrap();
    assert_eq!(output.status, Some(7));
}

#[tokio::test]
async fn a_command_ended_by_a_signal_and_one_that_floods() {
    let Some(sshd) = Sshd::start() else { return };
    let host = SshHost::new(sshd.endpoint());
    let killed = host.exec("kill -TERM $$", b"").await.unwrap();
    assert_eq!(
        (killed.status, killed.signal.as_deref()),
        (None, Some("TERM"))
    );

    let flood = "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero";
    let output = host.exec(flood, b"").await.unwrap();
    assert_eq!(output.stdout.len(), 3_000_000);
    assert_eq!(output.stderr.len(), 64 * 1024);

    // Input that nobody reads is no error.
    let ignored = host.exec("exit 0", &vec![0; 5 << 20]).await.unwrap();
    assert!(ignored.is_success());
}
