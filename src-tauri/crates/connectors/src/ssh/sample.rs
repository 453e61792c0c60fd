//! What a machine uses, read in one command over the kept session.
//!
//! The script is fed to `sh`, so that it does not matter which shell the login has (fish and csh quote in ways of their
//! own), and `sh` ends with it: nothing is left on the host. It needs what every POSIX system has (`sed`, `awk`) and tries
//! the rest; what fails says so and is missing. Its answer is bounded (connections are counted on the host) and is sent
//! at once, in few packets.

use super::host::SshHost;
use super::parse;
use crate::Usage;
use std::net::SocketAddr;
use wakehub_domain::ConnectorError;

const SCRIPT: &str = include_str!("sample/script.sh");

/// `polled`: TCP ports of the host on which WakeHub asks an API of it. Connections to them from this computer are ours.
pub(super) async fn sample(host: &SshHost, polled: &[u16]) -> Result<Usage, ConnectorError> {
    let output = host
        .exec("sh", script(polled, &host.counter().ends()).as_bytes())
        .await
        .map_err(|error| error.during(format!("measure {}", host.endpoint())))?;
    let stderr = output.stderr_text();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let mut usage = parse::usage(&stdout, &stderr);
    usage.own = match parse::carried(&stdout) {
        Some(carried) => host.counter().told(&carried, stdout.len()),
        None => host.traffic(),
    };
    Ok(usage)
}

/// `ends`: our side of this and earlier sessions. One that broke with the network, or while this computer slept, stays
/// established on the host for hours.
fn script(polled: &[u16], ends: &[SocketAddr]) -> String {
    let ports: Vec<String> = polled.iter().map(u16::to_string).collect();
    let ends: Vec<String> = ends
        .iter()
        .map(|end| format!("{} {}", end.ip(), end.port()))
        .collect();
    format!("W='{}' H='{}'\n{SCRIPT}", ports.join(" "), ends.join(" "))
}

#[cfg(all(test, unix))]
mod tests;
