//! An engine that is only its answers: as many containers as one likes, behind TLS, and it counts what is asked.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use wakehub_connectors::docker::DockerEndpoint;

use super::certs::Certs;

pub struct Many {
    pub endpoint: DockerEndpoint,
    pub asked: Arc<Asked>,
    _dir: TempDir,
}

#[derive(Default)]
pub struct Asked {
    /// Each is a TLS handshake.
    pub connections: AtomicUsize,
    pub requests: Mutex<BTreeMap<&'static str, usize>>,
    pub at_once: AtomicUsize,
    pub most_at_once: AtomicUsize,
    /// Of an engine whose collector comes round once in so many milliseconds.
    pub waits: AtomicUsize,
    /// What a container's statistics are refused with.
    pub refused: Mutex<BTreeMap<String, (&'static str, &'static str)>>,
}

impl Asked {
    /// What was asked since the last time.
    pub fn requests(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Many {
    /// With containers `c0`, `c1` and so on, all running, that answer with this.
    pub async fn new(count: usize, stats: &'static str) -> Many {
        let dir = tempfile::Builder::new().prefix("wkm").tempdir().unwrap();
        let certs = Certs::new(dir.path(), "127.0.0.1");
        let acceptor = TlsAcceptor::from(Arc::new(server(&certs.file("server"))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = DockerEndpoint::Tls {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
            ca: certs.file("ca.pem"),
            cert: certs.file("client.pem"),
            key: certs.file("client.key"),
        };
        let asked = Arc::new(Asked::default());
        let list: Arc<str> = list(count).into();
        let shared = asked.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, asked, list) = (acceptor.clone(), shared.clone(), list.clone());
                tokio::spawn(async move {
                    socket.set_nodelay(true).unwrap();
                    if let Ok(stream) = acceptor.accept(socket).await {
                        let _ = serve(stream, &asked, &list, stats).await;
                    }
                });
            }
        });
        Many {
            endpoint,
            asked,
            _dir: dir,
        }
    }
}

fn server(name: &Path) -> ServerConfig {
    wakehub_connectors::install_crypto();
    let chain = CertificateDer::from_pem_file(name.with_extension("pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(name.with_extension("key")).unwrap();
    ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap()
}

fn list(count: usize) -> String {
    let one = |at: usize| {
        format!(
            r#"{{"Id":"{at:064x}","Names":["/c{at}"],"Image":"lab:1","ImageID":"sha256:{at:064x}","Command":"sh",
            "Created":1795240800,"Ports":[],"Labels":{{}},"State":"running","Status":"Up 2 hours",
            "HostConfig":{{"NetworkMode":"default"}},"NetworkSettings":{{"Networks":{{}}}},"Mounts":[]}}"#
        )
    };
    format!("[{}]", (0..count).map(one).collect::<Vec<_>>().join(","))
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    asked: &Asked,
    list: &str,
    stats: &str,
) -> io::Result<()> {
    let mut read = Vec::new();
    loop {
        while !read.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        }
        let head = String::from_utf8_lossy(&read).into_owned();
        read.clear();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let now = asked.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        asked.most_at_once.fetch_max(now, Ordering::SeqCst);
        let (what, status, body) = answer(path, asked, list, stats);
        *asked.requests.lock().unwrap().entry(what).or_default() += 1;
        let waits = asked.waits.load(Ordering::SeqCst) as u64;
        if what == "stats" && waits > 0 {
            tokio::time::sleep(Duration::from_millis(waits)).await;
        }
        asked.at_once.fetch_sub(1, Ordering::SeqCst);
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nApi-Version: 1.47\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
}

fn answer<'a>(
    path: &str,
    asked: &Asked,
    list: &'a str,
    stats: &'a str,
) -> (&'static str, &'static str, &'a str) {
    const OK: &str = "200 OK";
    let parts: Vec<&str> = path.split(['/', '?']).collect();
    match parts.as_slice() {
        ["", "_ping"] => ("ping", OK, "OK"),
        ["", "v1.47", "containers", "json", ..] => ("list", OK, list),
        [
            "",
            "v1.47",
            "containers",
            id,
            "stats",
            "stream=false&one-shot=true",
        ] => {
            let refused = asked.refused.lock().unwrap().get(*id).copied();
            let (status, body) = refused.unwrap_or((OK, stats));
            ("stats", status, body)
        }
        _ => ("other", "404 Not Found", r#"{"message":"page not found"}"#),
    }
}
