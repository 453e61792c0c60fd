//! bollard reads from real connections here; what it reads was recorded from real engines, or is odd on purpose.

use super::super::config::DockerEndpoint;
use super::super::parse::{Told, event, last_words};
use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Of an engine that greets, then gives this answer, in writes of so many bytes, and hangs up.
async fn client(head: &str, body: &[u8], at_once: usize) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = DockerEndpoint::Tcp {
        host: "127.0.0.1".into(),
        port: listener.local_addr().unwrap().port(),
    };
    let answer = [head.as_bytes(), body].concat();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        request(&mut stream).await;
        let greeting = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK";
        stream.write_all(greeting).await.unwrap();
        request(&mut stream).await;
        for part in answer.chunks(at_once) {
            if stream.write_all(part).await.is_err() {
                return;
            }
        }
    });
    let dial = Dial::new(Arc::new(endpoint), "", Arc::default()).await;
    Client::new(dial.unwrap()).unwrap()
}

async fn request(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
}

/// Until the connection ends.
const UNTIL_END: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";

async fn told(body: &[u8], at_once: usize) -> Result<Vec<Told>, ConnectorError> {
    let client = client(UNTIL_END, body, at_once).await;
    let events: Vec<EventMessage> = client.events("listen").try_collect().await?;
    Ok(events.into_iter().filter_map(event).collect())
}

/// However the stream is cut into pieces, the same events come out.
#[tokio::test]
async fn events_in_pieces() {
    let recorded = include_bytes!("../../tests/recorded/docker/events-20.10.jsonl");
    let whole = told(recorded, usize::MAX).await.unwrap();
    assert_eq!(whole.len(), 24);
    for size in [1, 7, 100, 4096] {
        let pieces = told(recorded, size).await.unwrap();
        assert_eq!(pieces, whole, "in pieces of {size}");
    }
    let cut = told(&recorded[..recorded.len() - 9], 4096).await.unwrap();
    assert_eq!(cut, whole[..cut.len()], "a stream that breaks off ends");
}

#[tokio::test]
async fn odd_events_are_errors() {
    for odd in ["<html>\n", "7\n", "{\"Action\": 7}\n"] {
        let error = told(odd.as_bytes(), 4096).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{odd}");
        assert_eq!(error.operation, "listen");
    }
}

async fn logs(body: &[u8]) -> String {
    let client = client(UNTIL_END, body, 4096).await;
    let output = client.logs("read the logs", "a1", 20).await.unwrap();
    last_words(&output, 20, 4096)
}

/// Without a terminal in frames of 8 bytes of head (stream, three zeros, length in network order), with one as it is.
#[tokio::test]
async fn logs_in_frames_and_plain() {
    let recorded = include_bytes!("../../tests/recorded/docker/logs-20.10.bin");
    assert_eq!(logs(recorded).await, "more\nboom");
    assert_eq!(
        logs(b"plain, from a terminal\r\n").await,
        "plain, from a terminal"
    );
    assert_eq!(
        logs(&[1, 0, 0, 0, 0, 0, 0, 9, b'c', b'u', b't']).await,
        "cut"
    );
    let unfinished = logs(&[1, 0, 0, 0, 255]).await;
    assert_eq!(unfinished.len(), 7, "an unfinished head");
    assert_eq!(logs(b"").await, "");
}

async fn list(body: &str) -> Result<Vec<Listed>, ConnectorError> {
    let client = client(UNTIL_END, body.as_bytes(), 4096).await;
    client.list("list", None).await
}

/// bollard refuses the whole list for one state that it does not know.
#[tokio::test]
async fn an_unknown_state_hides_no_other_container() {
    let odd = list(
        r#"[{"Id": "a1", "Names": ["/web"], "State": "running"},
            {"Id": "a2", "Names": ["/odd"], "State": "levitating"}]"#,
    );
    let reports: Vec<_> = odd.await.unwrap().iter().map(Listed::report).collect();
    let read: Vec<_> = reports
        .iter()
        .map(|one| (one.name.as_str(), &one.state, one.note.as_deref()))
        .collect();
    use wakehub_domain::PowerState;
    assert_eq!(
        read,
        [
            ("web", &PowerState::On, None),
            ("odd", &PowerState::Unknown, Some("levitating"))
        ]
    );
}

#[tokio::test]
async fn what_is_no_list_is_an_error() {
    for garbage in [
        "",
        "{",
        "null",
        "{\"message\":\"hi\"}",
        "[{\"Id\": 7}]",
        "[{}]",
    ] {
        let error = list(garbage).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{garbage}");
        assert!(error.message.starts_with("the engine's answer"), "{error}");
    }
}

#[tokio::test]
async fn an_unknown_word_does_not_hide_a_container() {
    let odd = r#"{"Id": "a1", "Name": "/web", "State": {"Status": "levitating", "Running": true}}"#;
    let client = client(UNTIL_END, odd.as_bytes(), 4096).await;
    assert!(client.inspect("look", "web").await.unwrap().is_running());
}

#[tokio::test]
async fn an_endless_answer_is_an_error() {
    let body = vec![b' '; 33 * 1024 * 1024];
    let client = client(UNTIL_END, &body, 1024 * 1024).await;
    let error = client.list("list", None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
    assert_eq!(error.message, "the answer is longer than 32 MiB");
}

/// What is logged of a look at a container with a password in its environment.
fn logged(filter: &str) -> String {
    use std::sync::{Mutex, PoisonError};
    use tracing_subscriber::util::SubscriberInitExt;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Kept {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(line);
            Ok(line.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let kept = Kept::default();
    let writer = kept.clone();
    let logging = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(move || writer.clone())
        .finish()
        .set_default();
    let web =
        r#"{"Id": "a1", "Name": "/web", "State": {}, "Config": {"Env": ["PASSWORD=sesame"]}}"#;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let client = client(UNTIL_END, web.as_bytes(), 4096).await;
            client.inspect("look", "web").await.unwrap();
        });
    drop(logging);
    let kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&kept).into_owned()
}

#[test]
fn answers_are_not_logged() {
    assert!(logged("trace").contains("sesame"), "needed still");
    let log = logged(&format!("trace,{}", crate::docker::NOT_LOGGED));
    assert!(!log.is_empty());
    assert!(!log.contains("sesame"), "{log}");
}
