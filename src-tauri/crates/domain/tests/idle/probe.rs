//! The user's own question as homelab.toml and the database write it, and what is refused.

use wakehub_domain::idle::{
    Criteria, HttpProbe, IdleRule, JellyfinProbe, LastAccess, Login, Means, PlexProbe,
    QbittorrentProbe, Scalar, SshProbe, SyncthingProbe, UseProbe,
};

fn rule(text: &str) -> IdleRule {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn probe(text: &str) -> UseProbe {
    rule(&format!("criteria.probe = {text}"))
        .criteria
        .unwrap()
        .probe
        .unwrap()
}

fn http(url: &str) -> HttpProbe {
    HttpProbe {
        url: url.to_owned(),
        ..HttpProbe::default()
    }
}

#[test]
fn each_question_is_one_line() {
    let url = "http://10.0.0.21:8096".to_owned();
    let written = [
        (
            r#"{ jellyfin = { url = "http://10.0.0.21:8096" } }"#,
            UseProbe::Jellyfin(JellyfinProbe {
                url: url.clone(),
                paused: true,
                tasks: false,
                certificate: None,
            }),
        ),
        (
            r#"{ plex = { url = "http://10.0.0.21:8096", paused = false } }"#,
            UseProbe::Plex(PlexProbe {
                url: url.clone(),
                paused: false,
                certificate: None,
            }),
        ),
        (
            r#"{ qbittorrent = { url = "http://10.0.0.21:8096", user = "admin", upload_bytes_per_second = 100000 } }"#,
            UseProbe::Qbittorrent(QbittorrentProbe {
                url: url.clone(),
                user: Some("admin".to_owned()),
                upload_bytes_per_second: Some(100_000),
                certificate: None,
            }),
        ),
        (
            r#"{ syncthing = { url = "http://10.0.0.21:8096" } }"#,
            UseProbe::Syncthing(SyncthingProbe {
                url,
                scanning: true,
                certificate: None,
            }),
        ),
        (
            r#"{ ssh = { command = "pgrep -x ffmpeg" } }"#,
            UseProbe::Ssh(SshProbe {
                command: "pgrep -x ffmpeg".to_owned(),
            }),
        ),
        (
            r#"{ http = { url = "https://pve/queue?mode=json", pointer = "/queue/slots", more_than = 0 } }"#,
            UseProbe::Http(HttpProbe {
                pointer: Some("/queue/slots".to_owned()),
                more_than: Some(0.0),
                ..http("https://pve/queue?mode=json")
            }),
        ),
        (
            r#"{ http = { url = "http://a/", text = "no sessions", means = "not_used", header = "X-Api-Key" } }"#,
            UseProbe::Http(HttpProbe {
                text: Some("no sessions".to_owned()),
                means: Means::NotUsed,
                header: Some("X-Api-Key".to_owned()),
                ..http("http://a/")
            }),
        ),
        (
            r#"{ http = { url = "http://a/", status = 200, pointer = "/state", equals = "busy" } }"#,
            UseProbe::Http(HttpProbe {
                status: Some(200),
                pointer: Some("/state".to_owned()),
                equals: Some(Scalar::Text("busy".to_owned())),
                ..http("http://a/")
            }),
        ),
    ];
    for (text, expected) in written {
        assert_eq!(probe(text), expected);
        let rule = rule(&format!("criteria.probe = {text}"));
        assert_eq!(rule.check(), [], "{text}");
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<IdleRule>(&json).unwrap(), rule);
        let toml = toml::to_string(&rule).unwrap();
        assert_eq!(self::rule(&toml), rule, "{toml}");
    }
}

#[test]
fn a_value_to_compare_with_may_be_of_any_kind() {
    let equals = |written: &str| {
        let text =
            format!("{{ http = {{ url = \"http://a/\", pointer = \"\", equals = {written} }} }}");
        let UseProbe::Http(probe) = probe(&text) else {
            panic!("{text}");
        };
        probe.equals.unwrap()
    };
    assert_eq!(equals("true"), Scalar::Bool(true));
    assert_eq!(equals("3"), Scalar::Number(3.0));
    assert_eq!(equals("0.5"), Scalar::Number(0.5));
    assert_eq!(equals("\"3\""), Scalar::Text("3".to_owned()));
}

#[test]
fn whether_a_secret_goes_with_it() {
    let login = |text: &str| probe(text).login();
    assert_eq!(login(r#"{ http = { url = "http://a/" } }"#), Login::None);
    assert_eq!(
        login(r#"{ http = { url = "http://a/", parameter = "apikey" } }"#),
        Login::Required
    );
    assert_eq!(login(r#"{ ssh = { command = "true" } }"#), Login::None);
    assert_eq!(
        login(r#"{ jellyfin = { url = "http://a/" } }"#),
        Login::Required
    );
    assert_eq!(
        login(r#"{ plex = { url = "http://a/" } }"#),
        Login::Optional
    );
    assert_eq!(
        login(r#"{ syncthing = { url = "http://a/" } }"#),
        Login::Required
    );
    assert_eq!(
        login(r#"{ qbittorrent = { url = "http://a/" } }"#),
        Login::Optional
    );
    assert_eq!(
        login(r#"{ qbittorrent = { url = "http://a/", user = "b" } }"#),
        Login::Required
    );
}

#[test]
fn where_it_leads_to() {
    for (url, expected) in [
        ("http://10.0.0.21:8096", Some(("10.0.0.21", 8096))),
        ("http://nas/jellyfin/", Some(("nas", 80))),
        ("https://nas?a=1", Some(("nas", 443))),
        ("https://[fd00::2]:8443/", Some(("fd00::2", 8443))),
        ("https://[fd00::2]", Some(("fd00::2", 443))),
        ("http://nas:x/", None),
        ("http://nas:70000/", None),
        ("http:///", None),
        ("nas", None),
    ] {
        let probe = UseProbe::Http(http(url));
        assert_eq!(probe.leads_to(), expected, "{url}");
    }
}

#[test]
fn what_nobody_knows_is_refused() {
    for text in [
        r#"criteria.probe = {}"#,
        r#"criteria.probe = { sonarr = { url = "http://a/" } }"#,
        r#"criteria.probe = { jellyfin = { url = "http://a/", token = "x" } }"#,
        r#"criteria.probe = { plex = { url = "http://a/" }, jellyfin = { url = "http://a/" } }"#,
        r#"criteria.probe = { http = { url = "http://a/", status = "ok" } }"#,
        r#"criteria.probe = { http = { url = "http://a/", means = "idle" } }"#,
        r#"criteria.probe = { http = { url = "http://a/", equals = [1] } }"#,
        r#"criteria.last_access = { port = 65536 }"#,
    ] {
        assert!(toml::from_str::<IdleRule>(text).is_err(), "{text}");
    }
}

/// The field that is refused, and that nothing of what was written is in the words.
#[test]
fn what_cannot_be_asked_is_refused_at_its_field() {
    let refused = [
        (r#"jellyfin = {}"#, "jellyfin.url"),
        (r#"jellyfin = { url = "10.0.0.21:8096" }"#, "jellyfin.url"),
        (r#"jellyfin = { url = "ftp://10.0.0.21" }"#, "jellyfin.url"),
        (
            r#"jellyfin = { url = "http://10.0.0.21:0" }"#,
            "jellyfin.url",
        ),
        (
            r#"jellyfin = { url = "http://10.0.0.21:x" }"#,
            "jellyfin.url",
        ),
        (
            r#"jellyfin = { url = "http://root:hunter2@nas/" }"#,
            "jellyfin.url",
        ),
        (
            r#"jellyfin = { url = "http://nas/?api_key=hunter2" }"#,
            "jellyfin.url",
        ),
        (r#"plex = { url = "http://nas/#hunter2" }"#, "plex.url"),
        (r#"plex = { url = "http://na s/" }"#, "plex.url"),
        (
            r#"plex = { url = "https://nas/", certificate = "AB:CD" }"#,
            "plex.certificate",
        ),
        (r#"syncthing = { url = "" }"#, "syncthing.url"),
        (
            r#"qbittorrent = { url = "http://nas", user = "a:b" }"#,
            "qbittorrent.user",
        ),
        (
            r#"qbittorrent = { url = "http://nas", user = "" }"#,
            "qbittorrent.user",
        ),
        (
            r#"qbittorrent = { url = "http://nas", upload_bytes_per_second = 12500000001 }"#,
            "qbittorrent.upload_bytes_per_second",
        ),
        (r#"ssh = {}"#, "ssh.command"),
        (r#"ssh = { command = "  " }"#, "ssh.command"),
        (r#"http = { url = "http://nas/" }"#, "http"),
        (
            r#"http = { url = "http://root@nas/", status = 200 }"#,
            "http.url",
        ),
        (
            r#"http = { url = "http://nas/?X-Plex-Token=hunter2", status = 200 }"#,
            "http.url",
        ),
        (
            r#"http = { url = "http://nas/?apikey=hunter2", status = 200 }"#,
            "http.url",
        ),
        (
            r#"http = { url = "http://nas/#top", status = 200 }"#,
            "http.url",
        ),
        (
            r#"http = { url = "http://nas/", status = 99 }"#,
            "http.status",
        ),
        (
            r#"http = { url = "http://nas/", status = 600 }"#,
            "http.status",
        ),
        (
            r#"http = { url = "http://nas/", pointer = "sessions" }"#,
            "http.pointer",
        ),
        (
            r#"http = { url = "http://nas/", pointer = "/a~b" }"#,
            "http.pointer",
        ),
        (
            r#"http = { url = "http://nas/", text = "a", equals = 1 }"#,
            "http.pointer",
        ),
        (
            r#"http = { url = "http://nas/", pointer = "", equals = 1, more_than = 1 }"#,
            "http.more_than",
        ),
        (
            r#"http = { url = "http://nas/", pointer = "", more_than = nan }"#,
            "http.more_than",
        ),
        (
            r#"http = { url = "http://nas/", pointer = "", equals = inf }"#,
            "http.equals",
        ),
        (r#"http = { url = "http://nas/", text = "" }"#, "http.text"),
        (
            r#"http = { url = "http://nas/", text = "a", header = "A: b" }"#,
            "http.header",
        ),
        (
            r#"http = { url = "http://nas/", text = "a", parameter = "a=b" }"#,
            "http.parameter",
        ),
        (
            r#"http = { url = "http://nas/", text = "a", user = "a:b" }"#,
            "http.user",
        ),
        (
            r#"http = { url = "http://nas/", text = "a", user = "a", header = "b" }"#,
            "http.header",
        ),
    ];
    for (text, field) in refused {
        let found = rule(&format!("criteria.probe = {{ {text} }}")).check();
        let fields: Vec<_> = found.iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, [format!("idle.criteria.probe.{field}")], "{text}");
        assert!(found.iter().all(|(_, what)| !what.contains("hunter2")));
    }
    for (text, field) in [
        ("port = 0", "idle.criteria.last_access.port"),
        ("logins = false", "idle.criteria.last_access.logins"),
    ] {
        let found = rule(&format!("criteria.last_access = {{ {text} }}")).check();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, field);
    }
}

#[test]
fn what_may_be_asked_is_not_refused() {
    let certificate = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let pairs = "sha256 Fingerprint=BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";
    for text in [
        r#"jellyfin = { url = "https://media.example.org/jellyfin/", tasks = true }"#.to_owned(),
        format!(r#"plex = {{ url = "https://nas:32400", certificate = "{certificate}" }}"#),
        format!(r#"plex = {{ url = "https://nas:32400", certificate = "{pairs}" }}"#),
        r#"http = { url = "http://[fd00::2]:80/a?mode=queue&output=json", pointer = "/a~1b/~0", equals = "" }"#.to_owned(),
        r#"http = { url = "http://nas/", status = 599 }"#.to_owned(),
        r#"ssh = { command = "! docker exec game list | grep -q '0 players'" }"#.to_owned(),
    ] {
        assert_eq!(rule(&format!("criteria.probe = {{ {text} }}")).check(), [], "{text}");
    }
    let access = rule("criteria.last_access = { logins = false, port = 25565 }");
    assert_eq!(access.check(), []);
    assert_eq!(
        access.criteria.unwrap().last_access,
        Some(LastAccess {
            logins: false,
            port: Some(25565)
        })
    );
}

/// Whole rules as they were written before there was a question or a port, in both forms: they read, mean what they meant, and
/// are written as they were.
#[test]
fn rules_from_before_it_keep_their_meaning() {
    let json = r#"{"enabled":true,"timeout_minutes":45,"criteria":{"cpu":{"cores":1.5},"ram":{"fraction":0.8},"network_traffic":{"bytes_per_tick":10240},"network_connections":{"more_than":2},"disk":{"bytes_per_tick":5242880},"last_access":{}}}"#;
    let toml = "enabled = true\ntimeout_minutes = 45\n\n[criteria.cpu]\ncores = 1.5\n\n[criteria.ram]\nfraction = 0.8\n\n[criteria.network_traffic]\nbytes_per_tick = 10240\n\n[criteria.network_connections]\nmore_than = 2\n\n[criteria.disk]\nbytes_per_tick = 5242880\n\n[criteria.last_access]\n";
    let old = rule(toml);
    assert_eq!(serde_json::from_str::<IdleRule>(json).unwrap(), old);
    assert_eq!(serde_json::to_string(&old).unwrap(), json);
    assert_eq!(toml::to_string(&old).unwrap(), toml);
    let criteria = old.criteria.unwrap();
    assert_eq!(criteria.probe, None);
    let access = criteria.last_access.unwrap();
    assert_eq!((access.logins, access.port), (true, None));
    // and neither is among what a rule without criteria looks at
    assert_eq!(Criteria::usual().probe, None);
    assert_eq!(Criteria::usual().last_access, Some(LastAccess::default()));
}
