//! qBittorrent and Syncthing themselves, each with a peer of its own to transfer with, and what is made of their answers.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails where it is wrong, and says what it leaves out"
)]

use ring::{digest, pbkdf2};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use wakehub_connectors::Prober;
use wakehub_connectors::probe::HttpProber;
use wakehub_domain::idle::{ProbeAnswer, QbittorrentProbe, SyncthingProbe, UseProbe};
use wakehub_domain::{ErrorKind, Secret};

const PASSWORD: &str = "a password of its own";
/// What is transferred, slowly enough to be seen.
const FILM: usize = 4_000_000;

/// Whether the program is here; elsewhere than on CI its test may be left out.
fn is_here(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).any(|folder| folder.join(program).is_file());
    let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(found || !is_ci, "{program} is not installed");
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn start(program: &str, args: &[&str]) -> Child {
    let mut command = Command::new(program);
    command
        .args(args)
        .env("STNOUPGRADE", "1")
        // one process of Syncthing, none above it that outlives the test
        .env("STMONITORED", "yes")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command.spawn().unwrap()
}

/// Noise, so that nothing of it is compressed or known twice.
fn film() -> Vec<u8> {
    let mut state = 1_u64;
    let mut step = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56).to_le_bytes()[0]
    };
    (0..FILM).map(|_| step()).collect()
}

/// What the program says as soon as it says that; other answers, and none at first, are waited out.
async fn until(prober: &HttpProber, what: &str, is: impl Fn(&ProbeAnswer) -> bool) -> ProbeAnswer {
    let mut last = None;
    for _ in 0..600 {
        let asked = prober.ask().await;
        if let Ok(answer) = &asked
            && is(answer)
        {
            return answer.clone();
        }
        last = Some(asked);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not {what} within a minute: {last:?}")
}

fn http() -> reqwest::Client {
    wakehub_connectors::install_crypto();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The program and its folder.
struct Torrents {
    program: Child,
    _folder: TempDir,
    url: String,
    peers: u16,
}

impl Torrents {
    /// Lets in whoever knows the password, and, for the test's own orders, nobody else.
    fn new() -> Torrents {
        let folder = TempDir::new().unwrap();
        let (web, peers) = (free_port(), free_port());
        let settings = folder.path().join("qBittorrent/config");
        std::fs::create_dir_all(&settings).unwrap();
        let text = format!(
            "[LegalNotice]\nAccepted=true\n\
             [Preferences]\nWebUI\\Address=127.0.0.1\nWebUI\\Port={web}\nWebUI\\Username=admin\n\
             WebUI\\LocalHostAuth=true\nWebUI\\Password_PBKDF2=\"{}\"\n\
             [BitTorrent]\nSession\\Interface=lo\nSession\\InterfaceName=lo\nSession\\Port={peers}\n\
             Session\\DHTEnabled=false\nSession\\LSDEnabled=false\nSession\\PeXEnabled=false\n",
            hashed(PASSWORD)
        );
        std::fs::write(settings.join("qBittorrent.conf"), text).unwrap();
        let profile = format!("--profile={}", folder.path().display());
        let port = format!("--webui-port={web}");
        Torrents {
            program: start("qbittorrent-nox", &[&profile, &port]),
            _folder: folder,
            url: format!("http://127.0.0.1:{web}"),
            peers,
        }
    }

    fn prober(&self, password: &str, upload: Option<u64>) -> HttpProber {
        let probe = UseProbe::Qbittorrent(QbittorrentProbe {
            url: self.url.clone(),
            user: Some("admin".to_owned()),
            upload_bytes_per_second: upload,
            certificate: None,
        });
        HttpProber::new(probe, Some(Secret::new(password)), None)
    }

    /// An order of the test's own, with a session of its own.
    async fn order(&self, path: &str, kind: &str, body: Vec<u8>) -> String {
        let login = http()
            .post(format!("{}/api/v2/auth/login", self.url))
            .form(&[("username", "admin"), ("password", PASSWORD)])
            .send()
            .await
            .unwrap();
        let cookie = login.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let answer = http()
            .post(format!("{}/api/v2/{path}", self.url))
            .header("cookie", cookie)
            .header("content-type", kind)
            .body(body)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.unwrap()
    }

    /// Until all is there to be sent. Whoever asks it before is sent away, and asks again a minute later at the soonest.
    async fn until_complete(&self) {
        let form = "application/x-www-form-urlencoded";
        let mut told = String::new();
        for _ in 0..300 {
            told = self.order("torrents/info", form, vec![]).await;
            let torrents: Value = serde_json::from_str(&told).unwrap();
            if torrents[0]["state"] == "stalledUP" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("nothing to send within a minute: {told}");
    }

    async fn add(&self, torrent: &[u8], folder: &Path, download_limit: u32) {
        let field = |name: &str, value: &str| {
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let mut body = field("savepath", &folder.display().to_string());
        body += &field("dlLimit", &download_limit.to_string());
        body += "--x\r\nContent-Disposition: form-data; name=\"torrents\"; filename=\"a.torrent\"\r\n\
                 Content-Type: application/x-bittorrent\r\n\r\n";
        let mut body = body.into_bytes();
        body.extend_from_slice(torrent);
        body.extend_from_slice(b"\r\n--x--\r\n");
        let kind = "multipart/form-data; boundary=x";
        self.order("torrents/add", kind, body).await;
    }
}

/// As qBittorrent keeps it: `@ByteArray(SALT:KEY)`, PBKDF2 with SHA-512, 100,000 rounds.
fn hashed(password: &str) -> String {
    use base64::Engine;
    let base64 = base64::engine::general_purpose::STANDARD;
    let (salt, mut key) = ([7_u8; 16], [0_u8; 64]);
    let rounds = NonZeroU32::new(100_000).unwrap();
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA512,
        rounds,
        &salt,
        password.as_bytes(),
        &mut key,
    );
    format!("@ByteArray({}:{})", base64.encode(salt), base64.encode(key))
}

/// The file of a torrent (BEP 3), and its hash.
fn torrent(film: &[u8]) -> (Vec<u8>, String) {
    let sha1 = |bytes: &[u8]| digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    let piece = 65_536;
    let pieces: Vec<u8> = film
        .chunks(piece)
        .flat_map(|piece| sha1(piece).as_ref().to_vec())
        .collect();
    let mut told = format!(
        "d6:lengthi{}e4:name4:film12:piece lengthi{piece}e6:pieces{}:",
        film.len(),
        pieces.len()
    )
    .into_bytes();
    told.extend_from_slice(&pieces);
    told.push(b'e');
    let hash: String = sha1(&told)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let file = [b"d4:info".as_slice(), &told, b"e"].concat();
    (file, hash)
}

#[tokio::test]
async fn qbittorrent_says_what_it_downloads_and_sends() {
    if !is_here("qbittorrent-nox") {
        return;
    }
    let film = film();
    let (seeds, loads) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    std::fs::write(seeds.path().join("film"), &film).unwrap();
    let (torrent, hash) = torrent(&film);
    let (one, mut other) = (Torrents::new(), Torrents::new());
    let (sender, loader) = (
        one.prober(PASSWORD, Some(1000)),
        other.prober(PASSWORD, None),
    );
    let quiet = until(&loader, "ready", |answer| !answer.is_used).await;
    assert_eq!(quiet.why, "qBittorrent downloads nothing");
    until(&sender, "ready", |answer| !answer.is_used).await;

    // a wrong password is refused once, and the right one goes on
    let stranger = other.prober("something else", None);
    for _ in 0..10 {
        assert_eq!(
            stranger.ask().await.unwrap_err().kind,
            ErrorKind::Unauthorised
        );
    }
    loader.ask().await.unwrap();

    one.add(&torrent, seeds.path(), 0).await;
    one.until_complete().await;
    other.add(&torrent, loads.path(), 200_000).await;
    // nobody to load from, and nothing is sent: no use
    until(&loader, "stalled", |answer| !answer.is_used).await;
    let peers = format!("hashes={hash}&peers=127.0.0.1:{}", one.peers);
    let kind = "application/x-www-form-urlencoded";
    other
        .order("torrents/addPeers", kind, peers.into_bytes())
        .await;
    let loading = until(&loader, "loading", |answer| answer.is_used).await;
    assert_eq!(loading.why, "qBittorrent downloads 1 torrent");
    let sending = until(&sender, "sending", |answer| answer.is_used).await;
    assert!(sending.why.starts_with("qBittorrent sends "), "{sending:?}");
    // who does not count what is sent is told nothing of it
    let other_rule = one.prober(PASSWORD, None);
    assert!(!other_rule.ask().await.unwrap().is_used);
    until(&loader, "done", |answer| !answer.is_used).await;
    until(&sender, "quiet", |answer| !answer.is_used).await;

    other.program.kill().await.unwrap();
    assert_eq!(loader.ask().await.unwrap_err().kind, ErrorKind::Unreachable);
}

struct Synced {
    program: Child,
    folder: TempDir,
    url: String,
    listens: u16,
    id: String,
}

impl Synced {
    async fn new() -> Synced {
        let folder = TempDir::new().unwrap();
        let (web, listens) = (free_port(), free_port());
        let home = format!("--home={}", folder.path().join("home").display());
        let generated = Command::new("syncthing")
            .args(["generate", &home, "--no-default-folder"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await
            .unwrap();
        assert!(generated.success());
        let address = format!("--gui-address=http://127.0.0.1:{web}");
        let key = format!("--gui-apikey={PASSWORD}");
        let args = [
            "serve",
            &home,
            &address,
            &key,
            "--no-browser",
            "--no-restart",
            "--no-default-folder",
        ];
        let mut synced = Synced {
            program: start("syncthing", &args),
            folder,
            url: format!("http://127.0.0.1:{web}"),
            listens,
            id: String::new(),
        };
        until(&synced.prober(PASSWORD), "ready", |answer| !answer.is_used).await;
        let status = synced.call("GET", "system/status", Value::Null).await;
        status["myID"].as_str().unwrap().clone_into(&mut synced.id);
        let options = json!({
            "listenAddresses": [format!("tcp://127.0.0.1:{listens}")],
            "globalAnnounceEnabled": false, "localAnnounceEnabled": false, "relaysEnabled": false,
            "natEnabled": false, "crashReportingEnabled": false, "urAccepted": -1,
            "maxSendKbps": 400, "limitBandwidthInLan": true,
        });
        synced.call("PATCH", "config/options", options).await;
        // with a password of its own it asks everybody for a key
        let login = json!({"user": "admin", "password": PASSWORD});
        synced.call("PATCH", "config/gui", login).await;
        synced
    }

    fn prober(&self, key: &str) -> HttpProber {
        let probe = UseProbe::Syncthing(SyncthingProbe {
            url: self.url.clone(),
            ..SyncthingProbe::default()
        });
        HttpProber::new(probe, Some(Secret::new(key)), None)
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = http()
            .request(method.parse().unwrap(), format!("{}/rest/{path}", self.url))
            .header("x-api-key", PASSWORD)
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        let text = answer.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn share_with(&self, other: &Synced) {
        let device = json!({
            "deviceID": other.id,
            "addresses": [format!("tcp://127.0.0.1:{}", other.listens)],
        });
        self.call("PUT", &format!("config/devices/{}", other.id), device)
            .await;
        let folder = json!({
            "id": "films", "label": "Our films", "path": self.folder.path().join("films"),
            "devices": [{"deviceID": self.id}, {"deviceID": other.id}], "fsWatcherEnabled": false,
        });
        self.call("PUT", "config/folders/films", folder).await;
    }
}

#[tokio::test]
async fn syncthing_says_what_it_transfers() {
    if !is_here("syncthing") {
        return;
    }
    let (one, mut other) = tokio::join!(Synced::new(), Synced::new());
    let films = one.folder.path().join("films");
    std::fs::create_dir_all(&films).unwrap();
    std::fs::write(films.join("film"), film()).unwrap();
    // the login counts from when Syncthing serves its pages anew
    let mut refused = one.prober("something else").ask().await;
    for _ in 0..100 {
        if refused.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        refused = one.prober("something else").ask().await;
    }
    assert_eq!(refused.unwrap_err().kind, ErrorKind::Unauthorised);

    let (sender, loader) = (one.prober(PASSWORD), other.prober(PASSWORD));
    one.share_with(&other).await;
    other.share_with(&one).await;
    let loading = "Syncthing synchronises the folder Our films";
    until(&loader, "loading", |answer| {
        answer.is_used && answer.why == loading
    })
    .await;
    let begin = "Syncthing sends ";
    until(&sender, "sending", |answer| {
        answer.is_used && answer.why.starts_with(begin)
    })
    .await;
    until(&loader, "done", |answer| !answer.is_used).await;
    let quiet = until(&sender, "done", |answer| !answer.is_used).await;
    assert_eq!(quiet.why, "Syncthing has nothing to transfer");
    assert_eq!(
        std::fs::read(other.folder.path().join("films/film")).unwrap(),
        film()
    );

    other.program.kill().await.unwrap();
    assert_eq!(loader.ask().await.unwrap_err().kind, ErrorKind::Unreachable);
}
