//! A kept session against a real OpenSSH server: commands, streams, and what it survives.

use crate::sshd::Sshd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use wakehub_connectors::ssh::SshHost;

#[tokio::test]
async fn a_command_gives_status_output_and_errors() {
    let Some(sshd) = Sshd::start() else { return };
    let host = SshHost::new(sshd.endpoint());
    let output = host
        .exec("cat; echo oops >&2; exit 3", b"hello")
        .await
        .unwrap();
    assert_eq!(output.status, Some(3));
    assert_eq!(output.stdout, b"hello");
    assert_eq!(output.stderr, b"oops\n");
}

#[tokio::test]
async fn a_hundred_commands_use_one_login() {
    let Some(sshd) = Sshd::start() else { return };
    let host = SshHost::new(sshd.endpoint());
    for number in 0..100 {
        let output = host.exec(&format!("echo {number}"), b"").await.unwrap();
        assert_eq!(output.stdout_text(), number.to_string());
    }
    assert_eq!(sshd.log_lines("Accepted publickey"), 1);
}

#[tokio::test]
async fn forty_commands_at_once() {
    let Some(sshd) = Sshd::start() else { return };
    let host = SshHost::new(sshd.endpoint());
    let runs = (0..40).map(|number| {
        let host = host.clone();
        async move {
            host.exec(&format!("echo {number}; exit {number}"), b"")
                .await
        }
    });
    let outputs = futures_util::future::join_all(runs).await;
    for (number, output) in outputs.into_iter().enumerate() {
        let output = output.unwrap();
        assert_eq!(output.stdout_text(), number.to_string());
        assert_eq!(output.status, Some(i32::try_from(number).unwrap()));
    }
    assert_eq!(sshd.log_lines("Accepted publickey"), 1);
}

#[tokio::test]
async fn fifty_megabytes_both_ways() {
    let Some(sshd) = Sshd::start() else { return };
    let host = SshHost::new(sshd.endpoint());
    let sent: Vec<u8> = (0..50u32 << 20).map(|n| (n / 7 + n / 251) as u8).collect();
    let limit = std::time::Duration::from_secs(120);
    let output = host.exec_within(limit, "cat", &sent).await.unwrap();
    assert!(
        output.stdout == sent,
        "{} bytes came back",
        output.stdout.len()
    );
}

#[tokio::test]
async fn a_socket_of_the_host_is_reached() {
    let Some(sshd) = Sshd::start() else { return };
    let path = sshd.path("echo.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut text = Vec::new();
                socket.read_to_end(&mut text).await.unwrap();
                text.reverse();
                socket.write_all(&text).await.unwrap();
            });
        }
    });
    let host = SshHost::new(sshd.endpoint());
    let path = path.to_str().unwrap();
    let streams = (0..40).map(|number| {
        let host = host.clone();
        async move {
            let mut stream = host.stream_local(path).await.unwrap();
            stream
                .write_all(format!("<{number}").as_bytes())
                .await
                .unwrap();
            stream.shutdown().await.unwrap();
            let mut back = String::new();
            stream.read_to_string(&mut back).await.unwrap();
            let expected: String = format!("<{number}").chars().rev().collect();
            assert_eq!(back, expected);
        }
    });
    futures_util::future::join_all(streams).await;
}
