//! People who use the lab: real connections, with real bytes on them.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wakehub_lab::Lab;

const SOON: Duration = Duration::from_secs(20);

/// Somebody who watches the film that a web server of the lab shows, until this is dropped.
pub struct Viewer {
    watching: JoinHandle<()>,
    seen: watch::Receiver<usize>,
}

impl Viewer {
    /// Gives one whose film has begun.
    pub async fn of(address: Ipv4Addr, port: u16) -> Viewer {
        let (told, seen) = watch::channel(0);
        let watching = tokio::spawn(async move {
            let mut stream = TcpStream::connect((address, port)).await.expect("connect");
            let request = b"GET /cgi-bin/film HTTP/1.0\r\n\r\n";
            stream.write_all(request).await.expect("ask");
            let mut screen = vec![0; 64 * 1024];
            loop {
                match stream.read(&mut screen).await {
                    Ok(0) | Err(_) => return,
                    Ok(count) => told.send_modify(|all| *all += count),
                }
            }
        });
        let viewer = Viewer { watching, seen };
        viewer.sees_more().await;
        viewer
    }

    /// Until more of it has come.
    pub async fn sees_more(&self) {
        let mut seen = self.seen.clone();
        let wanted = *seen.borrow_and_update() + 100_000;
        let more = seen.wait_for(|all| *all >= wanted);
        let came = tokio::time::timeout(SOON, more).await;
        let came = came.expect("the film stands still");
        came.expect("the film was broken off");
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// Somebody who is logged in over SSH with the system's own program, until this is dropped.
pub struct Guest {
    ssh: Child,
}

impl Guest {
    /// At a terminal, as `who` tells; or without, as a copy or a tunnel is.
    pub async fn of(lab: &Lab, name: &str, at_a_terminal: bool) -> Guest {
        let mut command = Command::new("ssh");
        command
            .args(["-F", "none", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"])
            .args(["-o", "StrictHostKeyChecking=no"])
            .args(["-o", "UserKnownHostsFile=/dev/null", "-i"])
            .arg(lab.key_file())
            .arg(if at_a_terminal { "-tt" } else { "-T" })
            .arg(format!("{}@{}", wakehub_lab::ADMIN.user, lab.address(name)))
            .arg("echo logged in; exec sleep 600")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut ssh = command.spawn().expect("ssh");
        let answers = ssh.stdout.take().expect("its answers");
        let mut lines = BufReader::new(answers).lines();
        let line = tokio::time::timeout(SOON, lines.next_line()).await;
        let line = line.expect("a login takes too long").expect("readable");
        assert!(line.is_some_and(|line| line.contains("logged in")));
        // what a terminal is told ends with it
        ssh.stdout = Some(lines.into_inner().into_inner());
        Guest { ssh }
    }

    pub fn is_there(&mut self) -> bool {
        self.ssh.try_wait().expect("ssh").is_none()
    }
}
