//! Too much, too slow, too many.

use crate::desk::{Desk, PATIENCE, tcp, with};
use bytes::Bytes;
use hyper::Method;
use serde_json::json;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use wakehub_view::access::ApiScope;

async fn raw(to: SocketAddr) -> TcpStream {
    TcpStream::connect(to).await.expect("connected")
}

/// What is answered until the other side hangs up.
async fn rest(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said));
    // a reset ends it as well
    let _ = read.await.expect("the connection is ended");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn ten_megabytes_are_refused_before_they_are_read() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    let token = desk.token(ApiScope::Control).await;
    for (path, media_type) in [
        ("/api/v1/homelab", "application/toml"),
        ("/api/v1/plan", "application/json"),
        ("/api/v1/cascades/1/cancel", "application/json"),
    ] {
        let mut stream = raw(to).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {to}\r\nAuthorization: Bearer {token}\r\nContent-Type: {media_type}\r\n\
             Content-Length: 10485760\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        let writing = tokio::spawn(async move {
            let mut written = 0_usize;
            let megabyte = vec![b' '; 1 << 20];
            for _ in 0..10 {
                match writer.write(&megabyte).await {
                    Ok(count) => written += count,
                    Err(_) => break,
                }
            }
            written
        });
        let mut said = vec![0; 4096];
        let count = tokio::time::timeout(PATIENCE, reader.read(&mut said)).await;
        let said =
            String::from_utf8_lossy(&said[..count.expect("answered").expect("read")]).into_owned();
        assert!(said.starts_with("HTTP/1.1 413 "), "{path}: {said}");
        drop(reader);
        writing.abort();
        let _ = writing.await;
    }
    assert_eq!(tcp(to, Method::GET, "/health", &[], None).await.status, 200);
    // in chunks, without a length
    let mut stream = UnixStream::connect(desk.data_dir().join("wakehub.sock"))
        .await
        .unwrap();
    let head = "POST /api/v1/homelab HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/toml\r\n\
                Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let writing = tokio::spawn(async move {
        let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 1 << 16], b"\r\n"].concat();
        while writer.write_all(&chunk).await.is_ok() {}
    });
    let mut said = vec![0; 4096];
    let count = tokio::time::timeout(PATIENCE, reader.read(&mut said)).await;
    let said =
        String::from_utf8_lossy(&said[..count.expect("answered").expect("read")]).into_owned();
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    writing.abort();
}

#[tokio::test]
async fn whoever_sends_slowly_is_let_go_and_holds_up_nobody() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    // half a request, one that never begins, and a byte now and then
    let mut half = raw(to).await;
    half.write_all(b"GET /api HTTP/1.1\r\nHost: loc")
        .await
        .unwrap();
    let mut silent = raw(to).await;
    let mut drips = raw(to).await;
    let dripping = tokio::spawn(async move {
        for byte in b"GET /api HTTP/1.1\r\n"
            .iter()
            .chain(b"X: y\r\n".iter().cycle())
        {
            if drips.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    assert_eq!(tcp(to, Method::GET, "/api", &[], None).await.status, 200);
    let (half, silent) = tokio::join!(rest(&mut half), rest(&mut silent));
    assert!(!half.contains("200 OK") && !silent.contains("200 OK"));
    tokio::time::timeout(PATIENCE, dripping)
        .await
        .expect("let go")
        .expect("ended");
}

#[tokio::test]
async fn headers_have_limits() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    let long = "x".repeat(40_000);
    let many = "X-A: b\r\n".repeat(100);
    for head in [
        format!("GET /{long} HTTP/1.1\r\nHost: {to}\r\n\r\n"),
        format!("GET /api HTTP/1.1\r\nHost: {to}\r\nX-Long: {long}\r\n\r\n"),
        format!("GET /api HTTP/1.1\r\nHost: {to}\r\n{many}\r\n"),
        "\x16\x03\x01\x02\x00 no HTTP at all\r\n\r\n".to_owned(),
        format!("GET /api HTTP/1.1\r\nHost: {to}\r\nHost: evil.example\r\n\r\n"),
        "GET /api HTTP/1.1\r\n\r\n".to_owned(),
        format!(
            "POST /api/v1/plan HTTP/1.1\r\nHost: {to}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345"
        ),
    ] {
        let mut stream = raw(to).await;
        // the answer may come before all is sent
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.shutdown().await;
        let said = rest(&mut stream).await;
        assert!(!said.contains(" 200 "), "{said}");
    }
    assert_eq!(tcp(to, Method::GET, "/api", &[], None).await.status, 200);
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_requests() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    let mut held = Vec::new();
    for _ in 0..64 {
        let mut stream = raw(to).await;
        let ask = format!("GET /api HTTP/1.1\r\nHost: {to}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut said = [0; 12];
        stream.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"HTTP/1.1 200");
        held.push(stream);
    }
    let mut one_more = raw(to).await;
    assert_eq!(rest(&mut one_more).await, "");
    // the socket is not TCP
    assert_eq!(desk.own(Method::GET, "/api", None).await.status, 200);
    drop(held);
    let mut asked = 0;
    loop {
        let Ok(mut stream) = TcpStream::connect(to).await else {
            continue;
        };
        let ask = format!("GET /api HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(ask.as_bytes()).await;
        let said = rest(&mut stream).await;
        if said.starts_with("HTTP/1.1 429") {
            assert!(said.contains("retry-after"), "{said}");
            break;
        }
        asked += 1;
        assert!(asked < 5000, "it never says stop");
    }
    for _ in 0..500 {
        assert_eq!(desk.own(Method::GET, "/api", None).await.status, 200);
    }
}

#[tokio::test]
async fn bodies_are_what_they_say_or_are_refused() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    let token = desk.token(ApiScope::Control).await;
    let bearer = format!("Bearer {token}");
    let ask = |media_type: &'static str, body: &'static [u8]| {
        let request = hyper::Request::post("/api/v1/plan")
            .header("host", to.to_string())
            .header("authorization", &bearer)
            .header("content-type", media_type)
            .body(http_body_util::Full::new(Bytes::from_static(body)))
            .unwrap();
        async move { crate::desk::send(raw(to).await, request).await }
    };
    ask("text/plain", b"{}").await.refused(415, "media_type");
    ask("application/x-www-form-urlencoded", b"action=start")
        .await
        .refused(415, "media_type");
    for bad in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"{\"action\":\"explode\",\"node\":1}",
        b"{\"action\":\"start\"}",
        b"{\"action\":\"start\",\"node\":-1}",
        b"\xff\xfe",
    ] {
        ask("application/json", bad).await.refused(400, "invalid");
    }
    let deep = "[".repeat(100_000);
    let nested = desk
        .own(Method::POST, "/api/v1/plan", Some(json!(deep)))
        .await;
    nested.refused(400, "invalid");
    let unknown = json!({"tcp": false, "toaster": true});
    desk.own(Method::PUT, "/api/v1/access", Some(unknown))
        .await
        .refused(400, "invalid");
    for path in ["/api/v1/journal?limit=many", "/api/v1/journal?colour=red"] {
        with(to, &token, Method::GET, path)
            .await
            .refused(400, "invalid");
    }
}
