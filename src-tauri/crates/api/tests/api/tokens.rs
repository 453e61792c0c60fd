//! Who may ask what.

use crate::desk::{Desk, listen, tcp, with};
use crate::sim::Pocket;
use hyper::Method;
use serde_json::json;
use std::sync::Arc;
use wakehub_view::access::{ApiScope, NewApiToken};

#[tokio::test]
async fn each_scope_opens_what_it_says_and_nothing_more() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    let read = desk.token(ApiScope::Read).await;
    let control = desk.token(ApiScope::Control).await;
    let document = wakehub_api::document();
    let mut seen = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            // what is not there is asked about, so that nothing happens where it is allowed
            let path = path
                .replace("{node}", "nobody")
                .replace("{cascade}", "4711")
                .replace("{question}", "4711")
                .replace("{queued}", "4711")
                .replace("{token}", "nobody");
            let scope = operation["x-scope"].as_str().unwrap();
            let bare = tcp(to, method.clone(), &path, &[], None).await.status;
            let reads = with(to, &read, method.clone(), &path).await.status;
            let controls = with(to, &control, method.clone(), &path).await.status;
            let refused =
                [bare, reads, controls].map(|status| [401, 403].contains(&status.as_u16()));
            let expected = match scope {
                "open" => [false, false, false],
                "read" => [true, false, false],
                "control" => [true, true, false],
                "owner" => [true, true, true],
                other => panic!("{other}"),
            };
            assert_eq!(refused, expected, "{method} {path} ({scope})");
            seen += 1;
        }
    }
    assert!(seen > 25, "{seen} operations");
}

#[tokio::test]
async fn a_page_is_told_what_it_may_do() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    for (scope, right) in [(ApiScope::Read, "read"), (ApiScope::Control, "control")] {
        let token = desk.token(scope).await;
        let answer = with(to, &token, Method::GET, "/api/v1/platform").await;
        assert_eq!(answer.json()["right"], right);
    }
    let own = desk.own(Method::GET, "/api/v1/platform", None).await;
    assert_eq!(own.json()["right"], "owner");
}

#[tokio::test]
async fn who_holds_the_server_holds_the_gate() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    let new = NewApiToken {
        name: "sofa".to_owned(),
        scope: ApiScope::Read,
    };
    let made = desk.server.add_token(new).await.unwrap();
    let snapshot = "/api/v1/snapshot";
    assert_eq!(
        with(to, &made.token, Method::GET, snapshot).await.status,
        200
    );
    let status = desk.server.access().await;
    assert_eq!(status.tokens.len(), 1);
    assert_eq!(status.urls.len(), 1);
    desk.server.remove_token(&made.entry.id).await.unwrap();
    with(to, &made.token, Method::GET, snapshot)
        .await
        .refused(401, "unauthorised");
    let off = wakehub_view::access::ApiAccess {
        tcp: false,
        ..status.access
    };
    let off = desk.server.set_access(off).await.unwrap();
    assert_eq!((off.listening, off.urls.len()), (None, 0));
    assert!(tokio::net::TcpStream::connect(to).await.is_err());
}

#[tokio::test]
async fn wrong_tokens_are_refused_in_the_same_words() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    let token = desk.token(ApiScope::Control).await;
    let snapshot = "/api/v1/snapshot";
    with(to, &token, Method::GET, snapshot).await.json();
    with(to, &token.to_uppercase(), Method::GET, snapshot)
        .await
        .json();

    let mut other = token.clone().into_bytes();
    let last = other.last_mut().unwrap();
    *last = if *last == b'0' { b'1' } else { b'0' };
    let other = String::from_utf8(other).unwrap();
    let unknown = format!("wh-zzzz-{}", "0".repeat(26));
    let mut words = Vec::new();
    for wrong in [other.as_str(), &unknown, "x", &token[..token.len() - 1]] {
        let answer = with(to, wrong, Method::GET, snapshot).await;
        answer.refused(401, "unauthorised");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
        words.push(answer.json().to_string());
    }
    words.dedup();
    assert_eq!(words.len(), 1, "{words:?}");
    for header in ["", "Basic eDp5", &token, "Bearer"] {
        let headers = [("authorization", header)];
        let answer = tcp(to, Method::GET, snapshot, &headers, None).await;
        answer.refused(401, "unauthorised");
    }
}

#[tokio::test]
async fn who_tries_many_tokens_waits() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    let token = desk.token(ApiScope::Read).await;
    let wrong = format!("wh-zzzz-{}", "0".repeat(26));
    let mut refused = 0;
    loop {
        let answer = with(to, &wrong, Method::GET, "/api/v1/snapshot").await;
        if answer.status == 429 {
            answer.refused(429, "too_many");
            assert_eq!(answer.header("retry-after"), "5");
            break;
        }
        refused += 1;
        assert!(refused < 100, "it never says stop");
    }
    // the right one, too: nobody may find out by asking on
    let right = with(to, &token, Method::GET, "/api/v1/snapshot").await;
    right.refused(429, "too_many");
}

#[tokio::test]
async fn a_token_lives_until_it_is_removed_also_over_a_restart() {
    let desk = Desk::open().await;
    let client = desk.client().await;
    let to = desk.tcp().await;
    let shown = client
        .add_token(&NewApiToken {
            name: "phone".to_owned(),
            scope: ApiScope::Read,
        })
        .await
        .unwrap();
    let snapshot = "/api/v1/snapshot";
    assert_eq!(
        with(to, &shown.token, Method::GET, snapshot).await.status,
        200
    );
    // listed without its secret, which stands nowhere in the data directory either
    let listed = desk.own(Method::GET, "/api/v1/access", None).await.json();
    assert_eq!(listed["tokens"][0]["name"], "phone");
    assert!(listed["tokens"][0]["used"].is_i64(), "{listed}");
    assert_eq!(
        listed["urls"],
        json!([format!("http://localhost:{}", to.port())])
    );
    assert!(!listed.to_string().contains(&shown.token));
    let secret = shown.token.rsplit('-').next().unwrap();
    for file in std::fs::read_dir(desk.data_dir()).unwrap().flatten() {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
        assert!(!found, "{:?}", file.path());
    }

    desk.server.end().await;
    let server = crate::desk::serving(&desk.home, desk.pocket.clone()).await;
    assert_eq!(
        with(to, &shown.token, Method::GET, snapshot).await.status,
        200
    );
    let client = wakehub_api::client::connect(desk.home.folder.path(), crate::desk::VERSION);
    let client = client.await.unwrap();
    client.remove_token("phone").await.unwrap();
    assert!(client.remove_token("phone").await.is_err());
    with(to, &shown.token, Method::GET, snapshot)
        .await
        .refused(401, "unauthorised");
    server.end().await;

    // what the keyring has lost is worth nothing
    let server = crate::desk::serving(&desk.home, Arc::new(Pocket::default())).await;
    with(to, &shown.token, Method::GET, snapshot)
        .await
        .refused(401, "unauthorised");
    server.end().await;
}

#[tokio::test]
async fn names_of_tokens_have_limits() {
    let desk = Desk::open().await;
    let long = "x".repeat(65);
    for name in ["", "  ", "a\nb", &long] {
        let body = json!({"name": name, "scope": "read"});
        let answer = desk.own(Method::POST, "/api/v1/tokens", Some(body)).await;
        answer.refused(422, "entry");
        assert_eq!(answer.json()["error"]["errors"][0]["field"], "name");
    }
    let body = json!({"name": "phone 📱", "scope": "read"});
    let made = desk
        .own(Method::POST, "/api/v1/tokens", Some(body.clone()))
        .await;
    assert_eq!(made.status, 200);
    desk.own(Method::POST, "/api/v1/tokens", Some(body))
        .await
        .refused(422, "entry");
    for at in 0..40 {
        let body = json!({"name": format!("t{at}"), "scope": "read"});
        desk.own(Method::POST, "/api/v1/tokens", Some(body)).await;
    }
    let listed = desk.own(Method::GET, "/api/v1/access", None).await.json();
    assert_eq!(listed["tokens"][0]["used"], json!(null), "{listed}");
    assert_eq!(listed["tokens"].as_array().map(Vec::len), Some(32));
}

#[tokio::test]
async fn a_browser_offers_its_token_as_a_subprotocol() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    let token = desk.token(ApiScope::Read).await;
    let origin = format!("http://{to}");
    let offered = format!("wakehub.v1, bearer.{token}");
    let headers = [
        ("origin", origin.as_str()),
        ("sec-websocket-protocol", &offered),
    ];
    let mut socket = listen(to, "/api/v1/events", &headers)
        .await
        .expect("upgraded");
    assert!(crate::desk::event(&mut socket).await.is_some());

    let wrong = [("sec-websocket-protocol", "wakehub.v1, bearer.wrong")];
    let refused = listen(to, "/api/v1/events", &wrong).await.unwrap_err();
    assert!(refused.to_string().contains("401"), "{refused}");
    let none = listen(to, "/api/v1/events", &[]).await.unwrap_err();
    assert!(none.to_string().contains("401"), "{none}");
}
