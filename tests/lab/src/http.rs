//! Just enough HTTP/1.0 to talk to a Docker engine on its local socket.

use anyhow::Context;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

pub(crate) fn get(socket: &Path, path: &str) -> anyhow::Result<String> {
    send(socket, "GET", path, "application/json", b"")
}

/// The body of the answer; a status of 400 or more is an error with it.
pub(crate) fn send(
    socket: &Path,
    method: &str,
    path: &str,
    kind: &str,
    body: &[u8],
) -> anyhow::Result<String> {
    let mut stream = UnixStream::connect(socket).context("reach the Docker engine")?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let length = body.len();
    // 1.0, so that the answer ends with the connection and comes without chunks.
    let head = format!(
        "{method} {path} HTTP/1.0\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("an answer without an end of its head")?;
    let status: u16 = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .context("an answer without a status")?;
    anyhow::ensure!(status < 400, "{method} {path}: {status}: {}", body.trim());
    Ok(body.to_owned())
}
