use super::*;

macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/recorded/docker/", $name))
    };
}

/// As bollard's models read it.
fn known(list: &[u8]) -> Result<Vec<Listed>, serde_json::Error> {
    let entries: Vec<ContainerSummary> = serde_json::from_slice(list)?;
    entries.into_iter().map(Listed::try_from).collect()
}

fn leniently(list: &[u8]) -> Result<Vec<Listed>, serde_json::Error> {
    listed(&String::from_utf8_lossy(list))
}

/// What bollard's models can read, the lenient way reads the same.
fn reports(list: &[u8]) -> Vec<GuestReport> {
    let read = leniently(list).unwrap();
    if let Ok(known) = known(list) {
        assert_eq!(known, read);
    }
    read.iter().map(Listed::report).collect()
}

/// `name state health note identity`, sorted.
fn lines(reports: &[GuestReport]) -> Vec<String> {
    let mut lines: Vec<String> = reports
        .iter()
        .map(|report| {
            format!(
                "{} {:?} {:?} {:?} {:?}",
                report.platform_id, report.state, report.health, report.note, report.identity
            )
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn bollard_reads_what_engines_list() {
    assert_eq!(known(recorded!("list-20.10.json")).unwrap().len(), 10);
    assert_eq!(known(recorded!("list-podman-4.3.json")).unwrap().len(), 3);
    known(br#"[{"Id": "a1", "State": "levitating"}]"#).unwrap_err();
}

#[test]
fn a_list_of_docker_20_10() {
    assert_eq!(
        lines(&reports(recorded!("list-20.10.json"))),
        [
            r#"badcmd Off None Some("created") None"#,
            r#"cafe On None None None"#,
            r#"failed Off None Some("exited (3)") None"#,
            r#"looping Starting None Some("restarting (1)") None"#,
            r#"made Off None Some("created") None"#,
            r#"paused On None Some("paused") None"#,
            r#"port2 Off None Some("created") None"#,
            r#"shop_db_1 On Some(Healthy) None Some("shop/db")"#,
            r#"vpnuser On None None None"#,
            r#"web On None None Some("shop/web")"#,
        ]
    );
}

#[test]
fn a_list_of_podman_4_3() {
    assert_eq!(
        lines(&reports(recorded!("list-podman-4.3.json"))),
        [
            r#"pod1 On None Some("paused") Some("shop/web")"#,
            r#"pod2 Off None Some("exited (3)") None"#,
            r#"podhealth On None None None"#,
        ]
    );
}

fn one(state: &str, status: &str) -> GuestReport {
    let entry = serde_json::json!([{
        "Id": "a1", "Names": ["/other/www", "/web"], "State": state, "Status": status
    }]);
    reports(entry.to_string().as_bytes()).remove(0)
}

#[test]
fn states() {
    let cases: [(&str, &str, PowerState, Option<&str>); 12] = [
        ("running", "Up 2 hours", PowerState::On, None),
        (
            "paused",
            "Up 2 hours (Paused)",
            PowerState::On,
            Some("paused"),
        ),
        (
            "restarting",
            "Restarting (1) 4 seconds ago",
            PowerState::Starting,
            Some("restarting (1)"),
        ),
        (
            "exited",
            "Exited (137) 5 minutes ago",
            PowerState::Off,
            Some("exited (137)"),
        ),
        (
            "exited",
            "Exited (0) 2 days ago",
            PowerState::Off,
            Some("exited (0)"),
        ),
        ("created", "Created", PowerState::Off, Some("created")),
        ("dead", "Dead", PowerState::Off, Some("dead")),
        (
            "removing",
            "Removal In Progress",
            PowerState::Stopping,
            Some("removing"),
        ),
        (
            "stopping",
            "Up 5 seconds",
            PowerState::Stopping,
            Some("stopping"),
        ),
        (
            "initialized",
            "initialized",
            PowerState::Off,
            Some("initialized"),
        ),
        ("levitating", "", PowerState::Unknown, Some("levitating")),
        ("", "", PowerState::Unknown, None),
    ];
    for (word, status, state, note) in cases {
        let report = one(word, status);
        assert_eq!(report.state, state, "{word}");
        assert_eq!(report.note.as_deref(), note, "{word}");
        assert_eq!(report.name, "web", "not the name of a link to it");
    }
}

#[test]
fn health() {
    let health = |status| one("running", status).health;
    assert_eq!(health("Up 3 seconds (healthy)"), Some(Health::Healthy));
    assert_eq!(health("Up 3 seconds (unhealthy)"), Some(Health::Unhealthy));
    assert_eq!(
        health("Up 3 seconds (health: starting)"),
        Some(Health::Starting)
    );
    assert_eq!(health("Up 3 seconds"), None);
    assert_eq!(one("exited", "Exited (0) 1 second ago").health, None);
    // API 1.52 has a field for it.
    let entry = r#"[{"Id": "a1", "State": "running", "Status": "Up 1 second",
        "Health": {"Status": "unhealthy", "FailingStreak": 3}}]"#;
    assert_eq!(reports(entry.as_bytes())[0].health, Some(Health::Unhealthy));
    let entry = r#"[{"Id": "a1", "State": "running", "Health": {"Status": "merry"}}]"#;
    assert_eq!(reports(entry.as_bytes())[0].health, None);
}

#[test]
fn identity_of_replicas_and_one_off_runs() {
    let with = |number: &str, one_off: &str| {
        let entry = serde_json::json!([{"Id": "a1", "Labels": {
            "com.docker.compose.project": "shop", "com.docker.compose.service": "web",
            "com.docker.compose.container-number": number, "com.docker.compose.oneoff": one_off,
        }}]);
        reports(entry.to_string().as_bytes()).remove(0).identity
    };
    assert_eq!(with("1", "False").as_deref(), Some("shop/web"));
    assert_eq!(with("2", "False").as_deref(), Some("shop/web/2"));
    assert_eq!(with("1", "True"), None);
}

#[test]
fn events_of_docker_20_10() {
    let told: Vec<Told> = recorded!("events-20.10.jsonl")
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .filter_map(|line| event(serde_json::from_slice(line).unwrap()))
        .collect();
    let gone: Vec<&Told> = told
        .iter()
        .filter(|told| matches!(told, Told::Gone { .. }))
        .collect();
    assert_eq!(
        gone,
        [&Told::Gone {
            name: "gone".into()
        }]
    );
    let renamed: Vec<&str> = told
        .iter()
        .filter_map(|told| match told {
            Told::Renamed { before, .. } => Some(before.as_str()),
            Told::Look { .. } | Told::Gone { .. } => None,
        })
        .collect();
    assert_eq!(renamed, ["cafe", "coffee"]);
    // 60 lines, most of them commands of a health check.
    assert_eq!(told.len(), 24);
}

#[test]
fn events_of_podman_4_3() {
    let looks = recorded!("events-podman-4.3.jsonl")
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .filter_map(|line| event(serde_json::from_slice(line).unwrap()))
        .filter(|told| matches!(told, Told::Look { .. }))
        .count();
    // start, pause, die, unpause, stop, die, start
    assert_eq!(looks, 7);
}

#[test]
fn versions() {
    let docker = serde_json::from_slice(recorded!("version-20.10.json")).unwrap();
    assert_eq!(version_text(&docker), "Docker 20.10.24+dfsg1, API 1.41");
    let podman = serde_json::from_slice(recorded!("version-podman-4.3.json")).unwrap();
    assert_eq!(version_text(&podman), "Podman 4.3.1, API 1.41");
    assert_eq!(ApiVersion::parse("1.41"), Some(ApiVersion(1, 41)));
    assert_eq!(ApiVersion::parse("soon"), None);
}

/// All recorded from real engines, but for the proxy's page.
#[test]
fn refusals_keep_the_engines_words() {
    let cases: [(u16, &str, ErrorKind, &str); 8] = [
        (
            500,
            r#"{"message":"driver failed programming external connectivity on endpoint port2 (e785): Bind for 0.0.0.0:8080 failed: port is already allocated"}"#,
            ErrorKind::Rejected,
            "driver failed programming external connectivity on endpoint port2 (e785): Bind for 0.0.0.0:8080 failed: port is already allocated",
        ),
        (
            404,
            r#"{"message":"No such container: nope"}"#,
            ErrorKind::Rejected,
            "No such container: nope",
        ),
        (
            404,
            r#"{"cause":"no such container","message":"no container with name or ID \"nope\" found: no such container","response":404}"#,
            ErrorKind::Rejected,
            "no container with name or ID \"nope\" found: no such container",
        ),
        (
            400,
            r#"{"message":"client version 1.53 is too new. Maximum supported API version is 1.41"}"#,
            ErrorKind::Unsupported,
            "client version 1.53 is too new. Maximum supported API version is 1.41",
        ),
        (
            400,
            "client version 1.5 is too old. Minimum supported API version is 1.12, please upgrade your client to a newer version\n",
            ErrorKind::Unsupported,
            "client version 1.5 is too old. Minimum supported API version is 1.12, please upgrade your client to a newer version",
        ),
        (
            400,
            "Client sent an HTTP request to an HTTPS server.\n",
            ErrorKind::Protocol,
            "Client sent an HTTP request to an HTTPS server.",
        ),
        (
            403,
            "<html><body>\n<h1>403 Forbidden</h1>",
            ErrorKind::Unauthorised,
            "<html><body>",
        ),
        (502, "", ErrorKind::Protocol, "HTTP status 502"),
    ];
    for (status, body, kind, message) in cases {
        let error = refusal("start container x", status, body.as_bytes());
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
    }
    let busy = refusal("x", 503, br#"{"message":"busy"}"#);
    assert_eq!(busy.retry, Retry::Later);
}

#[test]
fn last_words_are_few() {
    let last = |text: &'static str, lines, bytes| {
        // In pieces of any size.
        let pieces: Vec<Bytes> = text.as_bytes().chunks(3).map(Bytes::from_static).collect();
        last_words(&pieces, lines, bytes)
    };
    assert_eq!(last("0123456789", 20, 4), "6789");
    assert_eq!(last("", 20, 4096), "");
    assert_eq!(last("1\n2\n3\n", 2, 4096), "2\n3");
    assert_eq!(last("1\n2\n3\n", 3, 4096), "1\n2\n3");
}

/// A container with words that bollard's models do not know is read as far as it is looked at.
#[test]
fn an_odd_container_in_detail() {
    let odd = r#"{"Id": "a1", "Name": "/web", "State": {"Status": "levitating", "Running": true, "ExitCode": 3,
        "Health": {"Status": "merry"}}, "Mounts": [{"Type": "dream"}],
        "Config": {"ExposedPorts": {"80/tcp": {}}, "Labels": 7},
        "HostConfig": {"NetworkMode": "host", "Memory": 64, "Isolation": "splendid"},
        "NetworkSettings": {"Networks": {"lan": {"IPAddress": "192.168.1.50"}}}}"#;
    serde_json::from_str::<ContainerInspectResponse>(odd).unwrap_err();
    let read = inspected(odd).unwrap();
    assert_eq!((read.id.as_str(), read.own_name()), ("a1", "web"));
    assert!(read.is_running());
    assert_eq!(read.end(), "exited at once with code 3");
    assert_eq!(read.config.exposed_ports.unwrap(), ["80/tcp"]);
    assert_eq!(read.host_config.memory, Some(64));
    assert_eq!(read.host_config.network_mode.as_deref(), Some("host"));
    let networks = read.network_settings.networks.unwrap();
    assert_eq!(networks["lan"].ip_address.as_deref(), Some("192.168.1.50"));
    for incomplete in ["{}", r#"{"Id": "a1"}"#, r#"{"Id": "a1", "Name": "/web"}"#] {
        inspected(incomplete).unwrap_err();
    }
}

/// Whatever an engine sends, reading it does not panic.
#[test]
fn garbage_is_an_error() {
    for garbage in [
        &b""[..],
        b"{",
        b"[1]",
        b"null",
        b"{\"Id\": 7}",
        &[0xff, 0xfe],
    ] {
        assert!(known(garbage).is_err());
        assert!(leniently(garbage).is_err());
        assert!(serde_json::from_slice::<ContainerInspectResponse>(garbage).is_err());
        assert!(inspected(&String::from_utf8_lossy(garbage)).is_err());
        refusal("x", 500, garbage);
        last_words(&[Bytes::from_static(garbage)], 1, 10);
    }
}
