//! Other sites, other names, tokens in URLs: refused over TCP whoever asks, with or without a token.

use crate::desk::{Desk, listen, tcp, with};
use hyper::Method;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use wakehub_view::access::{ApiAccess, ApiScope, PlainHttp};

#[tokio::test]
async fn a_name_that_only_resolves_to_us_is_refused() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    let bearer = format!("Bearer {}", desk.token(ApiScope::Control).await);
    let port = to.port();
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.nip.io:{port}"),
        "127.0.0.1:1".to_owned(),
        format!("192.0.2.1:{port}"),
    ] {
        for path in ["/", "/api", "/health", "/api/v1/snapshot"] {
            let headers = [("host", host.as_str()), ("authorization", &bearer)];
            let answer = tcp(to, Method::GET, path, &headers, None).await;
            answer.refused(421, "unknown_host");
        }
    }
    for host in [
        to.to_string(),
        format!("localhost:{port}"),
        "LOCALHOST".to_owned(),
    ] {
        let headers = [("host", host.as_str()), ("authorization", &bearer)];
        let answer = tcp(to, Method::GET, "/api/v1/snapshot", &headers, None).await;
        assert_eq!(answer.status, 200, "{host}");
    }
    let headers = [("host", "wakehub.example.org"), ("authorization", &bearer)];
    let ask = || tcp(to, Method::GET, "/api/v1/snapshot", &headers, None);
    ask().await.refused(421, "unknown_host");
    let access = ApiAccess {
        tcp: true,
        listen: to,
        hosts: vec!["wakehub.example.org".to_owned()],
        ..ApiAccess::default()
    };
    desk.client().await.set_access(&access).await.unwrap();
    assert_eq!(ask().await.status, 200);
}

#[tokio::test]
async fn other_sites_are_refused_even_with_a_token() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    let token = desk.token(ApiScope::Control).await;
    let bearer = format!("Bearer {token}");
    let nas = desk.home.node("nas").id;
    let ask = json!({"action": "start", "node": nas});
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:5173"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let headers = [("authorization", bearer.as_str()), (name, value)];
        let answer = tcp(to, Method::POST, "/api/v1/run", &headers, Some(ask.clone())).await;
        answer.refused(403, "forbidden");
        let preflight = [(name, value), ("access-control-request-method", "POST")];
        let answer = tcp(to, Method::OPTIONS, "/api/v1/run", &preflight, None).await;
        assert_eq!(answer.status, 403);
        assert!(answer.headers.get("access-control-allow-origin").is_none());
    }
    assert!(desk.home.sim.asked().is_empty(), "nothing was started");

    let offered = format!("wakehub.v1, bearer.{token}");
    let headers = [
        ("origin", "http://evil.example"),
        ("sec-websocket-protocol", offered.as_str()),
    ];
    let refused = listen(to, "/api/v1/events", &headers).await.unwrap_err();
    assert!(refused.to_string().contains("403"), "{refused}");
}

#[tokio::test]
async fn tokens_in_urls_are_refused() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    let token = desk.token(ApiScope::Control).await;
    for path in [
        format!("/api/v1/snapshot?token={token}"),
        format!("/api/v1/snapshot?x={token}"),
        format!("/api/v1/events?access_token={token}"),
        format!("/{token}"),
    ] {
        let answer = tcp(to, Method::GET, &path, &[], None).await;
        answer.refused(400, "token_in_url");
        assert!(!answer.json().to_string().contains(&token));
        with(to, &token, Method::GET, &path)
            .await
            .refused(400, "token_in_url");
    }
}

#[tokio::test]
async fn tcp_is_off_until_it_is_switched_on_and_open_only_as_far_as_was_accepted() {
    let desk = Desk::open().await;
    let client = desk.client().await;
    let before = client.access().await.unwrap();
    assert!(!before.access.tcp && before.listening.is_none());
    let to = desk.tcp().await;
    assert!(tokio::net::TcpStream::connect(to).await.is_ok());
    for listen in [
        "0.0.0.0:9253",
        "192.168.1.5:9253",
        "203.0.113.1:9253",
        "[::]:9253",
    ] {
        let body = json!({"tcp": true, "listen": listen});
        let answer = desk.own(Method::PUT, "/api/v1/access", Some(body)).await;
        answer.refused(422, "entry");
        let message = answer.json()["error"]["errors"][0]["message"].to_string();
        assert!(message.contains("plain HTTP"), "{message}");
    }
    let everywhere = std::net::SocketAddr::new([0, 0, 0, 0].into(), to.port());
    let access = ApiAccess {
        tcp: true,
        listen: everywhere,
        plain_http: PlainHttp::PrivateNetworks,
        hosts: Vec::new(),
    };
    let status = client.set_access(&access).await.unwrap();
    assert_eq!(status.failure, None);
    let there = tcp(to, Method::GET, "/api", &[], None).await;
    assert_eq!(there.json()["name"], "WakeHub");
    let off = ApiAccess {
        tcp: false,
        ..access
    };
    assert_eq!(client.set_access(&off).await.unwrap().listening, None);
    assert!(tokio::net::TcpStream::connect(to).await.is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_is_said() {
    let desk = Desk::open().await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let access = ApiAccess {
        tcp: true,
        listen: taken.local_addr().unwrap(),
        ..ApiAccess::default()
    };
    let status = desk.client().await.set_access(&access).await.unwrap();
    assert_eq!(status.listening, None);
    let failure = status.failure.expect("a failure");
    assert!(failure.contains("in use"), "{failure}");
}

#[tokio::test]
async fn the_socket_is_its_users_alone() {
    let desk = Desk::open().await;
    let path = desk.data_dir().join("wakehub.sock");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // a browser that finds its way to the socket is a browser still
    let stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let headers = [("host", "localhost"), ("origin", "http://evil.example")];
    let request = crate::desk::request(Method::GET, "/api/v1/snapshot", &headers, None);
    crate::desk::send(stream, request)
        .await
        .refused(403, "forbidden");
    // whoever may not be its user is turned away, also where the file's mode lets him in
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for folder in [path.as_path(), desk.home.folder.path()] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let curl = tokio::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args(["curl", "-sS", "--max-time", "10", "--unix-socket"])
        .arg(&path)
        .arg("http://localhost/api")
        .output();
    let said = curl.await.expect("setpriv and curl");
    assert!(!said.status.success(), "{said:?}");
    assert!(said.stdout.is_empty(), "{said:?}");
}
