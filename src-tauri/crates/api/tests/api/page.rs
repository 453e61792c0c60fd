//! The pages for a browser, and what every answer carries.

use crate::desk::{Desk, tcp};
use hyper::Method;
use std::path::Path;

#[tokio::test]
async fn every_answer_is_hardened() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    for path in [
        "/",
        "/api",
        "/api/v1/snapshot",
        "/nothing",
        "/health",
        "/?token=x",
    ] {
        let answer = tcp(to, Method::GET, path, &[], None).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(answer.headers.get("access-control-allow-origin").is_none());
        assert!(answer.headers.get("set-cookie").is_none());
        if path.starts_with("/api") {
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test]
async fn the_built_pages_are_served_and_nothing_beside_them() {
    let desk = Desk::open().await;
    let to = desk.tcp().await;
    for path in [
        "/..%2f..%2fCargo.toml",
        "/../Cargo.toml",
        "/assets/../../package.json",
        "/index.html/",
        "//etc/passwd",
    ] {
        let answer = tcp(to, Method::GET, path, &[], None).await;
        assert!(
            [400, 404].contains(&answer.status.as_u16()),
            "{path}: {}",
            answer.status
        );
    }
    let posted = tcp(to, Method::POST, "/", &[], None).await;
    posted.refused(405, "method");
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../ui/dist/index.html");
    let page = tcp(to, Method::GET, "/", &[], None).await;
    let Ok(expected) = std::fs::read(&built) else {
        assert!(std::env::var_os("CI").is_none(), "the UI is not built");
        println!("SKIPPED: the UI is not built (npm run ui:build)");
        assert_eq!(page.status, 404);
        return;
    };
    assert_eq!(page.status, 200);
    assert_eq!(page.bytes, expected);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let text = String::from_utf8(page.bytes.to_vec()).unwrap();
    let script = text
        .split("src=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    for source in script.collect::<Vec<_>>() {
        let path = format!(
            "/{}",
            source.trim_start_matches("./").trim_start_matches('/')
        );
        let answer = tcp(to, Method::GET, &path, &[], None).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(
            answer.header("content-type"),
            "text/javascript; charset=utf-8"
        );
        let tag = answer.header("etag").to_owned();
        let again = tcp(to, Method::GET, &path, &[("if-none-match", &tag)], None).await;
        assert_eq!(again.status, 304);
    }
}
