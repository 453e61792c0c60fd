//! Readiness probes: a TCP port, or a URL that answers 2xx or 3xx.

use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use wakehub_domain::Probe;

const LIMIT: Duration = Duration::from_secs(5);

/// One try. The error is what was seen instead, as a fragment: `port 8096 of 10.77.0.21: connection refused`.
pub async fn probe(probe: &Probe, address: Option<&str>) -> Result<(), String> {
    match probe {
        Probe::Tcp(target) => tcp(target, address).await,
        Probe::Http(url) => http(url).await,
    }
}

async fn tcp(target: &str, address: Option<&str>) -> Result<(), String> {
    let (host, port) = match (target.rsplit_once(':'), address) {
        (Some((host, port)), _) if !host.is_empty() => (host, port),
        (Some((_, port)), Some(address)) => (address, port),
        (None, Some(address)) => (address, target),
        (_, None) => return Err(format!("port {target} of a node without an address")),
    };
    let port: u16 = port
        .parse()
        .map_err(|_| format!("{target} names no port"))?;
    let host = host.trim_matches(['[', ']']);
    let seen = |what: String| format!("port {port} of {host}: {what}");
    match timeout(LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(seen(error.to_string())),
        Err(_) => Err(seen(format!("no answer within {} s", LIMIT.as_secs()))),
    }
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
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
