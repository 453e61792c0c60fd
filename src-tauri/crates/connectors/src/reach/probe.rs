//! Readiness probes: a TCP port, or a URL that answers 2xx or 3xx.

use super::frames::Frames;
use crate::Own;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wakehub_domain::Probe;

const LIMIT: Duration = Duration::from_secs(5);
/// A service that does not hang up when its client does is not waited for any longer.
const ENDING: Duration = Duration::from_millis(300);
/// Nor is more of a greeting read, in bytes.
const MOST_HEARD: u64 = 4096;

/// One try. The error is what was seen instead, as a fragment: `port 8096 of 10.77.0.21: connection refused`.
pub async fn probe(probe: &Probe, address: Option<&str>) -> Result<(), String> {
    tried(probe, address).await.0
}

/// With where a connection was tried, and what that has caused there.
pub(super) async fn tried(
    probe: &Probe,
    address: Option<&str>,
) -> (Result<(), String>, Option<(String, u16, Own)>) {
    match probe {
        Probe::Tcp(target) => match aim(target, address) {
            Ok((host, port)) => {
                let (ready, own) = tcp(host, port).await;
                (ready, Some((host.to_owned(), port, own)))
            }
            Err(why) => (Err(why), None),
        },
        Probe::Http(url) => (http(url).await, None),
    }
}

fn aim<'a>(target: &'a str, address: Option<&'a str>) -> Result<(&'a str, u16), String> {
    let (host, port) = match (target.rsplit_once(':'), address) {
        (Some((host, port)), _) if !host.is_empty() => (host, port),
        (Some((_, port)), Some(address)) => (address, port),
        (None, Some(address)) => (address, target),
        (_, None) => return Err(format!("port {target} of a node without an address")),
    };
    let port: u16 = port
        .parse()
        .map_err(|_| format!("{target} names no port"))?;
    Ok((host.trim_matches(['[', ']']), port))
}

async fn tcp(host: &str, port: u16) -> (Result<(), String>, Own) {
    let seen = |what: String| format!("port {port} of {host}: {what}");
    match timeout(LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => (Ok(()), close(stream).await),
        Ok(Err(error)) => (Err(seen(error.to_string())), Own::default()),
        Err(_) => (
            Err(seen(format!("no answer within {} s", LIMIT.as_secs()))),
            Own::default(),
        ),
    }
}

/// Ends a connection in the ordinary way, which no service complains about in its log, and counts what came of it.
pub(crate) async fn close(mut stream: TcpStream) -> Own {
    let Ok(peer) = stream.peer_addr() else {
        return Own::default();
    };
    let mut said = 0;
    let ending = async {
        stream.shutdown().await?;
        let mut heard = [0; 512];
        while said < MOST_HEARD {
            let count = stream.read(&mut heard).await?;
            if count == 0 {
                return Ok::<bool, std::io::Error>(true);
            }
            said += count as u64;
        }
        Ok(false)
    };
    let ended = timeout(ENDING, ending).await;
    let mut frames = Frames::to(peer.ip());
    frames.accepted_and_closed(said, matches!(ended, Ok(Ok(true))));
    frames.own
}

async fn http(url: &str) -> Result<(), String> {
    crate::install_crypto();
    let seen = |what: String| format!("{url}: {what}");
    // a redirect is an answer; where it leads is not asked
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(LIMIT)
        // whether it answers is all that is asked, and nothing is sent: a certificate of its own is no obstacle
        .tls_danger_accept_invalid_certs(true)
        .build()
        .map_err(|error| seen(error.to_string()))?;
    let answer = client.get(url).send().await.map_err(|error| {
        let mut source: &dyn std::error::Error = &error;
        while let Some(next) = source.source() {
            source = next;
        }
        seen(source.to_string())
    })?;
    let status = answer.status();
    if status.is_success() || status.is_redirection() {
        Ok(())
    } else {
        Err(seen(format!("it answers {status}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn serve(answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        port
    }

    #[tokio::test]
    async fn a_url_is_ready_with_2xx_and_3xx_only() {
        for (answer, ready) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true),
            (
                "HTTP/1.1 302 Found\r\nlocation: http://192.0.2.1/\r\ncontent-length: 0\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
                false,
            ),
            ("hello", false),
        ] {
            let port = serve(answer).await;
            let seen = probe(&Probe::Http(format!("http://127.0.0.1:{port}/")), None).await;
            assert_eq!(seen.is_ok(), ready, "{answer}: {seen:?}");
        }
    }

    #[tokio::test]
    async fn a_port_is_ready_when_it_accepts() {
        let port = serve("").await;
        for target in [
            port.to_string(),
            format!(":{port}"),
            format!("127.0.0.1:{port}"),
        ] {
            assert_eq!(probe(&Probe::Tcp(target), Some("127.0.0.1")).await, Ok(()));
        }
        let seen = probe(&Probe::Tcp("1".to_owned()), Some("127.0.0.1")).await;
        assert!(seen.unwrap_err().contains("refused"));
        assert!(probe(&Probe::Tcp("22".to_owned()), None).await.is_err());
        assert!(probe(&Probe::Tcp("x:y".to_owned()), None).await.is_err());
    }
}
