//! A WakeHub that serves, and the plainest of clients.

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use wakehub_api::client::{Client, connect};
use wakehub_api::wire::Event;
use wakehub_api::{Options, Server, serve};
use wakehub_view::access::{ApiAccess, ApiScope, NewApiToken};

use crate::sim::{Home, Pocket};

pub const VERSION: &str = "1.2.3";
/// Far longer than anything here takes; what hangs fails its test.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// So many tokens have been made.
static MADE: AtomicU32 = AtomicU32::new(0);

pub struct Desk {
    pub home: Home,
    pub server: Server,
    pub pocket: Arc<Pocket>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.bytes))
    }

    /// That it is a "no" of this code, in the form of every "no".
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{:?}", self.bytes);
        let answer = self.json();
        assert_eq!(answer["code"], code, "{answer}");
        assert!(answer["error"]["kind"].is_string(), "{answer}");
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

pub type Listening = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Desk {
    /// With the reference homelab, all off.
    pub async fn open() -> Desk {
        let home = Home::reference().await;
        let pocket = Arc::new(Pocket::default());
        let server = serving(&home, pocket.clone()).await;
        Desk {
            home,
            server,
            pocket,
        }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.home.folder.path().to_owned()
    }

    pub async fn client(&self) -> Client {
        connect(&self.data_dir(), VERSION).await.expect("connected")
    }

    /// Switches TCP on, on a port of the kernel's choice.
    pub async fn tcp(&self) -> SocketAddr {
        let client = self.client().await;
        let known = client.access().await.expect("status").listening;
        if let Some(known) = known {
            return known.parse().expect("an address");
        }
        let listen = free().await;
        let access = ApiAccess {
            tcp: true,
            listen,
            ..ApiAccess::default()
        };
        let status = client.set_access(&access).await;
        assert_eq!(
            status.expect("set").listening.as_deref(),
            Some(listen.to_string().as_str())
        );
        listen
    }

    pub async fn token(&self, scope: ApiScope) -> String {
        let new = NewApiToken {
            name: format!("{scope:?} {}", MADE.fetch_add(1, Ordering::Relaxed)),
            scope,
        };
        self.client()
            .await
            .add_token(&new)
            .await
            .expect("a token")
            .token
    }

    /// Over the socket.
    pub async fn own(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let stream = UnixStream::connect(self.data_dir().join("wakehub.sock"));
        let stream = stream.await.expect("a socket");
        send(
            stream,
            request(method, path, &[("host", "localhost")], body),
        )
        .await
    }
}

pub async fn serving(home: &Home, pocket: Arc<Pocket>) -> Server {
    let options = Options {
        data_dir: home.folder.path().to_owned(),
        secrets: pocket,
        version: VERSION,
        demo: false,
    };
    serve(home.handle.clone(), options).await.expect("served")
}

pub async fn free() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    listener.and_then(|l| l.local_addr()).expect("a port")
}

pub fn request(
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let bytes = match body {
        Some(body) => {
            request = request.header("content-type", "application/json");
            Bytes::from(body.to_string())
        }
        None => Bytes::new(),
    };
    request.body(Full::new(bytes)).expect("a request")
}

pub async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Answer
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let asked = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let answer = sender.send_request(request).await?;
        let (parts, body) = answer.into_parts();
        Ok::<_, hyper::Error>(Answer {
            status: parts.status,
            headers: parts.headers,
            bytes: body.collect().await?.to_bytes(),
        })
    };
    tokio::time::timeout(PATIENCE, asked)
        .await
        .expect("it answers")
        .expect("an answer")
}

/// Over TCP, with these headers beside a right Host, which they replace.
pub async fn tcp(
    to: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Answer {
    let stream = TcpStream::connect(to).await.expect("connected");
    let host = to.to_string();
    let mut all = headers.to_vec();
    if !headers.iter().any(|(name, _)| *name == "host") {
        all.push(("host", host.as_str()));
    }
    send(stream, request(method, path, &all, body)).await
}

/// As a program does it that is no browser.
pub async fn with(to: SocketAddr, token: &str, method: Method, path: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    tcp(to, method, path, &[("authorization", &bearer)], None).await
}

/// A WebSocket over TCP.
pub async fn listen(
    to: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Listening, tungstenite::Error> {
    upgrade(TcpStream::connect(to).await?, to, path, headers).await
}

/// The same over a connection that is there.
pub async fn upgrade(
    stream: TcpStream,
    to: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Listening, tungstenite::Error> {
    let mut request = format!("ws://{to}{path}").into_client_request()?;
    for (name, value) in headers {
        let name: hyper::header::HeaderName = name.parse().expect("a name");
        request
            .headers_mut()
            .insert(name, value.parse().expect("a value"));
    }
    request
        .headers_mut()
        .insert("sec-websocket-key", generate_key().parse().expect("a key"));
    let upgraded = tokio_tungstenite::client_async(request, MaybeTlsStream::Plain(stream));
    let (socket, _) = tokio::time::timeout(PATIENCE, upgraded)
        .await
        .expect("upgraded")?;
    Ok(socket)
}

/// The next event; `None` when it was closed.
pub async fn event(socket: &mut Listening) -> Option<Event> {
    loop {
        let next = tokio::time::timeout(PATIENCE, socket.next());
        match next.await.expect("something is told")? {
            Ok(Message::Text(text)) => {
                return Some(serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")));
            }
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(other) => panic!("{other:?}"),
        }
    }
}

/// The first event that this finds something in.
pub async fn find<T>(socket: &mut Listening, found: impl Fn(Event) -> Option<T>) -> T {
    loop {
        let event = event(socket).await.expect("still open");
        if let Some(found) = found(event) {
            return found;
        }
    }
}
