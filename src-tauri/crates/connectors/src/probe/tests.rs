//! The transport, against servers of the test's own.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wakehub_domain::idle::{HttpProbe, JellyfinProbe, PlexProbe, QbittorrentProbe};

const TOKEN: &str = "hunter2-hunter2";

/// A server that keeps its connections, and what it was asked.
struct Served {
    port: u16,
    connections: Arc<AtomicUsize>,
    asked: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Served {
    /// The answer to the n-th request, from 0, whatever it is; the whole text of HTTP, or nothing to hang up.
    async fn new(answer: impl Fn(usize, &str) -> String + Send + Sync + 'static) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let served = Served {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            asked: Arc::default(),
        };
        let (connections, asked) = (served.connections.clone(), served.asked.clone());
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (asked, answer) = (asked.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut text = String::new();
                    loop {
                        let mut bytes = [0; 4096];
                        match stream.read(&mut bytes).await {
                            Ok(count @ 1..) => {
                                text.push_str(&String::from_utf8_lossy(&bytes[..count]));
                            }
                            Ok(0) | Err(_) => return,
                        }
                        if !is_whole(&text) {
                            continue;
                        }
                        let request = std::mem::take(&mut text);
                        let number = {
                            let mut asked = asked.lock().unwrap();
                            asked.push(request.clone());
                            asked.len() - 1
                        };
                        let told = answer(number, &request);
                        if told.is_empty() || stream.write_all(told.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        served
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    body.len() >= length.unwrap_or(0)
}

fn ok(body: &str) -> String {
    with("200 OK", "", body)
}

fn with(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

fn jellyfin(url: String) -> HttpProber {
    let probe = UseProbe::Jellyfin(JellyfinProbe {
        url,
        ..JellyfinProbe::default()
    });
    HttpProber::new(probe, Some(Secret::new(TOKEN)), None)
}

fn http(probe: HttpProbe) -> HttpProber {
    HttpProber::new(UseProbe::Http(probe), Some(Secret::new(TOKEN)), None)
}

fn qbittorrent(url: String) -> HttpProber {
    let probe = UseProbe::Qbittorrent(QbittorrentProbe {
        url,
        user: Some("admin".to_owned()),
        ..QbittorrentProbe::default()
    });
    HttpProber::new(probe, Some(Secret::new(TOKEN)), None)
}

#[tokio::test]
async fn one_connection_serves_all_questions_and_the_token_goes_as_a_header() {
    let served = Served::new(|_, _| ok("[]")).await;
    let prober = jellyfin(format!("{}/media/", served.url()));
    for _ in 0..5 {
        let answer = prober.ask().await.unwrap();
        assert_eq!(answer, ProbeAnswer::not_used("Jellyfin plays nothing"));
    }
    assert_eq!(served.connections(), 1);
    let asked = served.asked();
    assert_eq!(asked.len(), 5);
    assert!(
        asked[0].starts_with("GET /media/Sessions HTTP/1.1\r\n"),
        "{}",
        asked[0]
    );
    let token = format!("authorization: MediaBrowser Token=\"{TOKEN}\"\r\n");
    assert!(asked[0].contains(&token), "{}", asked[0]);
    let own = prober.traffic();
    // never more than what really went over the line
    let sent: usize = asked.iter().map(String::len).sum();
    let most = u64::try_from(sent).unwrap() + own.rx_packets * 66;
    assert!(
        (most - 100..=most).contains(&own.rx_bytes),
        "{own:?}, {sent} sent"
    );
    assert!(own.tx_packets >= 5 && own.tx_bytes > 0, "{own:?}");
}

#[tokio::test]
async fn a_connection_that_idled_out_is_no_missing_answer() {
    // answers once on each connection, then hangs up at the next question
    let served = Served::new(|number, _| match number {
        1 => String::new(),
        _ => ok("[]"),
    })
    .await;
    let prober = jellyfin(served.url());
    for _ in 0..2 {
        prober.ask().await.unwrap();
    }
    assert_eq!(served.connections(), 2);
}

#[tokio::test]
async fn what_is_no_answer_is_an_error_and_shows_no_secret() {
    let large = format!("[{}]", "1,".repeat(3 << 20));
    let cases = [
        (with("401 Unauthorized", "", TOKEN), ErrorKind::Unauthorised),
        (with("403 Forbidden", "", ""), ErrorKind::Unauthorised),
        (with("404 Not Found", "", "[]"), ErrorKind::Rejected),
        (with("500 Oops", "", "[]"), ErrorKind::Rejected),
        (with("503 Starting", "", "[]"), ErrorKind::Unreachable),
        (
            with(
                "302 Found",
                &format!("location: http://192.0.2.1/?t={TOKEN}\r\n"),
                "",
            ),
            ErrorKind::Rejected,
        ),
        (ok("<html>"), ErrorKind::Protocol),
        (ok(""), ErrorKind::Protocol),
        (ok("{}"), ErrorKind::Protocol),
        (ok(&large), ErrorKind::Protocol),
        (format!("{TOKEN}\r\n\r\n"), ErrorKind::Unreachable),
        (String::new(), ErrorKind::Unreachable),
    ];
    for (answer, kind) in cases {
        let shown: String = answer.chars().take(60).collect();
        let served = Served::new(move |_, _| answer.clone()).await;
        let error = jellyfin(served.url()).ask().await.unwrap_err();
        assert_eq!(error.kind, kind, "{shown}: {error}");
        assert!(!format!("{error} {error:?}").contains(TOKEN), "{error}");
        assert_eq!(error.operation, "ask Jellyfin");
    }
}

#[tokio::test]
async fn nobody_and_silence_are_errors() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let silent = jellyfin(url.clone()).within(Duration::from_millis(200));
    assert_eq!(silent.ask().await.unwrap_err().kind, ErrorKind::TimedOut);
    drop(listener);
    let error = jellyfin(url).ask().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    assert!(error.message.contains("refused"), "{error}");
}

#[tokio::test]
async fn without_a_secret_nothing_is_asked() {
    let served = Served::new(|_, _| ok("[]")).await;
    let probe = UseProbe::Jellyfin(JellyfinProbe {
        url: served.url(),
        ..JellyfinProbe::default()
    });
    let prober = HttpProber::new(probe, None, None);
    assert_eq!(prober.ask().await.unwrap_err().kind, ErrorKind::NoSecret);
    assert_eq!(served.connections(), 0);
    // Plex may let its own network in
    let served = Served::new(|_, _| ok("{\"MediaContainer\": {\"size\": 1}}")).await;
    let probe = UseProbe::Plex(PlexProbe {
        url: served.url(),
        ..PlexProbe::default()
    });
    let answer = HttpProber::new(probe, None, None).ask().await.unwrap();
    assert_eq!(answer, ProbeAnswer::used("Plex plays 1 title"));
    assert!(served.asked()[0].contains("accept: application/json"));
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_server_only() {
    let served = Served::new(|_, request| match request.starts_with("GET /a ") {
        true => with("302 Found", "location: /b\r\n", ""),
        false => ok("busy"),
    })
    .await;
    let asked = |url: String| {
        http(HttpProbe {
            url,
            text: Some("busy".to_owned()),
            header: Some("X-Key".to_owned()),
            ..HttpProbe::default()
        })
    };
    let answer = asked(format!("{}/a", served.url())).ask().await.unwrap();
    assert!(answer.is_used);
    assert!(served.asked()[1].contains(&format!("x-key: {TOKEN}")));

    // the same host, another port: another service
    let location = format!("location: {}/b\r\n", served.url());
    let other = Served::new(move |_, _| with("307 There", &location, "")).await;
    let error = asked(format!("{}/a", other.url())).ask().await.unwrap_err();
    assert!(error.message.contains("redirects to"), "{error}");
    assert_eq!(served.asked().len(), 2);

    let circle = Served::new(|_, _| with("302 Found", "location: /a\r\n", "")).await;
    assert!(asked(circle.url()).ask().await.is_err());
    assert!(circle.asked().len() < 10);
}

#[tokio::test]
async fn the_secret_goes_in_the_way_that_the_rule_names() {
    let served = Served::new(|_, _| ok("{\"queue\": {\"slots\": [1, 2]}}")).await;
    let probe = HttpProbe {
        url: format!("{}/api?mode=queue", served.url()),
        pointer: Some("/queue/slots".to_owned()),
        more_than: Some(0.0),
        ..HttpProbe::default()
    };
    let as_parameter = HttpProbe {
        parameter: Some("apikey".to_owned()),
        ..probe.clone()
    };
    let answer = http(as_parameter).ask().await.unwrap();
    assert_eq!(
        answer,
        ProbeAnswer::used("the service says that /queue/slots is a list of 2")
    );
    let as_password = HttpProbe {
        user: Some("anna".to_owned()),
        ..probe.clone()
    };
    http(as_password).ask().await.unwrap();
    // a secret that nobody asks for stays where it is
    http(probe).ask().await.unwrap();
    let asked = served.asked();
    let line = format!("GET /api?mode=queue&apikey={TOKEN} HTTP/1.1");
    assert!(asked[0].starts_with(&line), "{}", asked[0]);
    // printf 'anna:hunter2-hunter2' | base64
    assert!(asked[1].contains("authorization: Basic YW5uYTpodW50ZXIyLWh1bnRlcjI="));
    assert!(!asked[2].contains("hunter2") && !asked[2].contains("authorization"));
}

#[tokio::test]
async fn the_status_that_is_asked_for_counts_whatever_it_is() {
    let served = Served::new(|number, _| match number {
        0 => with("409 Busy", "", ""),
        1 => ok(""),
        _ => with("500 Oops", "", ""),
    })
    .await;
    let prober = http(HttpProbe {
        url: served.url(),
        status: Some(409),
        ..HttpProbe::default()
    });
    assert!(prober.ask().await.unwrap().is_used);
    assert!(!prober.ask().await.unwrap().is_used);
    assert_eq!(prober.ask().await.unwrap_err().kind, ErrorKind::Rejected);
}

#[tokio::test]
async fn a_login_is_kept_and_renewed_when_it_has_expired() {
    // 5.2: 204 and a cookie with the port in its name
    let served = Served::new(|number, request| {
        let cookie = match number {
            0..3 => "QBT_SID_8080=one",
            _ => "QBT_SID_8080=two",
        };
        if request.starts_with("POST /api/v2/auth/login ") {
            let cookie = format!("set-cookie: {cookie}; HttpOnly; path=/\r\n");
            with("204 No Content", &cookie, "")
        } else if request.contains(&format!("cookie: {cookie}\r\n")) {
            ok("[]")
        } else {
            with("403 Forbidden", "", "Forbidden")
        }
    })
    .await;
    let prober = qbittorrent(served.url());
    for _ in 0..4 {
        let answer = prober.ask().await.unwrap();
        assert_eq!(answer.why, "qBittorrent downloads nothing");
    }
    let asked = served.asked();
    let logins = asked.iter().filter(|request| request.starts_with("POST"));
    assert_eq!(logins.count(), 2, "{asked:#?}");
    assert!(asked[0].ends_with(&format!("username=admin&password={TOKEN}")));
}

/// Five of them, and the user is locked out for an hour.
#[tokio::test]
async fn a_refused_login_is_not_tried_again() {
    for refusal in [ok("Fails."), with("401 Unauthorized", "", "")] {
        let served = Served::new(move |_, _| refusal.clone()).await;
        let prober = qbittorrent(served.url());
        for _ in 0..20 {
            let error = prober.ask().await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unauthorised);
            assert!(!format!("{error:?}").contains(TOKEN));
        }
        assert_eq!(served.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_key_of_qbittorrent_goes_without_a_login() {
    let served = Served::new(|_, request| match request.contains("transfer/info") {
        true => ok("{\"up_info_speed\": 2000}"),
        false => ok("[]"),
    })
    .await;
    let probe = UseProbe::Qbittorrent(QbittorrentProbe {
        url: served.url(),
        upload_bytes_per_second: Some(1999),
        ..QbittorrentProbe::default()
    });
    let prober = HttpProber::new(probe, Some(Secret::new(TOKEN)), None);
    let answer = prober.ask().await.unwrap();
    assert_eq!(answer, ProbeAnswer::used("qBittorrent sends 2000 B/s"));
    let asked = served.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].starts_with("GET /api/v2/torrents/info?filter=downloading HTTP/1.1"));
    assert!(asked[0].contains(&format!("authorization: Bearer {TOKEN}\r\n")));
}
