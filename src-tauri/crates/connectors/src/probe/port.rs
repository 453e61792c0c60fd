//! Whether a TCP port accepts connections.

use crate::{Own, reach};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(5);

/// A port that refuses does not accept. The error is why nobody knows: `port 25565 of 10.0.0.21: no answer within 5 s`.
pub async fn accepts(host: &str, port: u16) -> Result<bool, String> {
    tried(host, port).await.0
}

/// With what that has caused there. A refusal is not counted: it may have come from this computer itself.
pub(crate) async fn tried(host: &str, port: u16) -> (Result<bool, String>, Own) {
    let seen = |what: String| format!("port {port} of {host}: {what}");
    let bare = host.trim_matches(['[', ']']);
    let tried = match timeout(LIMIT, TcpStream::connect((bare, port))).await {
        Ok(Ok(stream)) => return (Ok(true), reach::close(stream).await),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Ok(false),
        Ok(Err(error)) => Err(seen(error.to_string())),
        Err(_) => Err(seen(format!("no answer within {} s", LIMIT.as_secs()))),
    };
    (tried, Own::default())
}

#[cfg(test)]
#[path = "port_tests.rs"]
mod tests;
