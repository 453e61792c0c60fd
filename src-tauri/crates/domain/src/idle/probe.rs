//! The user's own question to a service: is it used? The same words stand in homelab.toml, in the database and in the forms.
//!
//! What the question has no clear answer to (nobody answers, an error, no login, another format) is not known, and what is
//! not known is use. Secrets are in the keyring, as the node's [`SecretName::Probe`](crate::SecretName::Probe), never here.

use serde::{Deserialize, Serialize};

/// One question, and how its answer is read.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum UseProbe {
    Http(HttpProbe),
    Ssh(SshProbe),
    Jellyfin(JellyfinProbe),
    Plex(PlexProbe),
    Qbittorrent(QbittorrentProbe),
    Syncthing(SyncthingProbe),
}

/// A GET, and what its answer shows. An answer counts when its status is 2xx, or `status`; any other is not known.
///
/// Everything that is set has to hold: the `status`; the JSON value at `pointer`, which has to equal `equals`, be more than
/// `more_than`, or else be anything but false, null, 0, an empty text, list or object; the `text` somewhere in the answer. A
/// pointer that leads nowhere, an answer that is no JSON, a value that is no number where one is compared are not known.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[cfg_attr(feature = "ts", ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct HttpProbe {
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// RFC 6901: `/sessions/0/playing`; empty for the whole answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<Scalar>,
    /// Of a number, of a text that is one, or of how many a list has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_than: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What it means when all of it holds.
    #[serde(skip_serializing_if = "Means::is_used")]
    #[cfg_attr(feature = "ts", ts(as = "Option<Means>", optional))]
    pub means: Means,
    /// The secret is sent as the value of this header, as it is: `X-Api-Key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The secret is sent as the value of this parameter of the query, where a service knows no header: `apikey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// The secret is this user's password (HTTP basic authentication).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// SHA-256 of a certificate that no authority of this computer has signed, as openssl prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// A value of JSON that has no parts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(untagged)]
pub enum Scalar {
    Bool(bool),
    Number(f64),
    Text(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Means {
    #[default]
    Used,
    NotUsed,
}

impl Means {
    fn is_used(&self) -> bool {
        *self == Means::Used
    }
}

/// A command over the node's own SSH, or that of the nearest of its hosts which has one. Exit status 0: used, 1: not used, as
/// `grep`, `pgrep` and `test` end; any other is not known.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SshProbe {
    pub command: String,
}

/// Jellyfin, or Emby: used while a session plays something. The secret is an API key.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[cfg_attr(feature = "ts", ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct JellyfinProbe {
    /// Where its pages begin: `http://10.0.0.21:8096`.
    pub url: String,
    /// What is paused counts as well; the server itself drops a session that has gone.
    #[serde(skip_serializing_if = "is_true")]
    #[cfg_attr(feature = "ts", ts(as = "Option<bool>", optional))]
    pub paused: bool,
    /// A task that runs (the scan of a library, an update) counts as well.
    #[serde(skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "ts", ts(as = "Option<bool>", optional))]
    pub tasks: bool,
    /// SHA-256 of a certificate that no authority of this computer has signed, as openssl prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// Plex: used while a session plays something. The secret is an X-Plex-Token.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[cfg_attr(feature = "ts", ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct PlexProbe {
    /// `http://10.0.0.21:32400`
    pub url: String,
    /// What is paused counts as well.
    #[serde(skip_serializing_if = "is_true")]
    #[cfg_attr(feature = "ts", ts(as = "Option<bool>", optional))]
    pub paused: bool,
    /// SHA-256 of a certificate that no authority of this computer has signed, as openssl prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// qBittorrent: used while it downloads or looks for what it has to; a download that nobody sends, waits or is stopped does not
/// count, nor does seeding below `upload_bytes_per_second`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[cfg_attr(feature = "ts", ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct QbittorrentProbe {
    /// `http://10.0.0.21:8080`
    pub url: String,
    /// The secret is this user's password. Without a user it is an API key (5.2 and newer), or none is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Sending more than this is use; unless set, sending never is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(as = "Option<u32>", optional = nullable))]
    pub upload_bytes_per_second: Option<u64>,
    /// SHA-256 of a certificate that no authority of this computer has signed, as openssl prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// Syncthing: used while a folder is synchronised, or a device that is connected lacks something that is here. The secret is
/// its API key.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS, schemars::JsonSchema))]
#[cfg_attr(feature = "ts", ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct SyncthingProbe {
    /// `http://10.0.0.21:8384`
    pub url: String,
    /// A folder that is scanned counts as well: what was changed here is found by that.
    #[serde(skip_serializing_if = "is_true")]
    #[cfg_attr(feature = "ts", ts(as = "Option<bool>", optional))]
    pub scanning: bool,
    /// SHA-256 of a certificate that no authority of this computer has signed, as openssl prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

impl Default for JellyfinProbe {
    fn default() -> JellyfinProbe {
        JellyfinProbe {
            url: String::new(),
            paused: true,
            tasks: false,
            certificate: None,
        }
    }
}

impl Default for PlexProbe {
    fn default() -> PlexProbe {
        PlexProbe {
            url: String::new(),
            paused: true,
            certificate: None,
        }
    }
}

impl Default for SyncthingProbe {
    fn default() -> SyncthingProbe {
        SyncthingProbe {
            url: String::new(),
            scanning: true,
            certificate: None,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
pub(super) fn is_true(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Whether the question goes with a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Login {
    None,
    /// Sent where the keyring has one.
    Optional,
    Required,
}

impl UseProbe {
    /// As the service calls itself: `Jellyfin`.
    pub fn title(&self) -> &'static str {
        match self {
            UseProbe::Http(_) => "the service",
            UseProbe::Ssh(_) => "the command",
            UseProbe::Jellyfin(_) => "Jellyfin",
            UseProbe::Plex(_) => "Plex",
            UseProbe::Qbittorrent(_) => "qBittorrent",
            UseProbe::Syncthing(_) => "Syncthing",
        }
    }

    /// Where it is asked over HTTP.
    pub fn url(&self) -> Option<&str> {
        match self {
            UseProbe::Http(probe) => Some(&probe.url),
            UseProbe::Ssh(_) => None,
            UseProbe::Jellyfin(probe) => Some(&probe.url),
            UseProbe::Plex(probe) => Some(&probe.url),
            UseProbe::Qbittorrent(probe) => Some(&probe.url),
            UseProbe::Syncthing(probe) => Some(&probe.url),
        }
    }

    pub fn certificate(&self) -> Option<&str> {
        match self {
            UseProbe::Http(probe) => probe.certificate.as_deref(),
            UseProbe::Ssh(_) => None,
            UseProbe::Jellyfin(probe) => probe.certificate.as_deref(),
            UseProbe::Plex(probe) => probe.certificate.as_deref(),
            UseProbe::Qbittorrent(probe) => probe.certificate.as_deref(),
            UseProbe::Syncthing(probe) => probe.certificate.as_deref(),
        }
    }

    pub fn login(&self) -> Login {
        match self {
            UseProbe::Http(probe) => match probe.ways() {
                0 => Login::None,
                _ => Login::Required,
            },
            UseProbe::Ssh(_) => Login::None,
            // a Plex server may let its own network in without one
            UseProbe::Plex(_) => Login::Optional,
            UseProbe::Jellyfin(_) | UseProbe::Syncthing(_) => Login::Required,
            UseProbe::Qbittorrent(probe) => match probe.user {
                Some(_) => Login::Required,
                None => Login::Optional,
            },
        }
    }

    /// Host and port of the URL, as they stand there, and the port of its scheme where it names none.
    pub fn leads_to(&self) -> Option<(&str, u16)> {
        let (scheme, rest) = self.url()?.split_once("://")?;
        let usual = if scheme.eq_ignore_ascii_case("https") {
            443
        } else {
            80
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']')?;
                (host, after.strip_prefix(':'))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().ok()?,
            None => usual,
        };
        (!host.is_empty()).then_some((host, port))
    }

    pub(super) fn check(&self) -> Vec<(&'static str, &'static str)> {
        match self {
            UseProbe::Http(probe) => probe.check(self),
            UseProbe::Ssh(SshProbe { command }) => {
                let is_one =
                    !command.trim().is_empty() && command.len() <= 4096 && !command.contains('\0');
                wrong([(
                    !is_one,
                    "idle.criteria.probe.ssh.command",
                    "it is a command of at most 4096 characters",
                )])
            }
            UseProbe::Jellyfin(_) => self.check_base([
                "idle.criteria.probe.jellyfin.url",
                "idle.criteria.probe.jellyfin.certificate",
            ]),
            UseProbe::Plex(_) => self.check_base([
                "idle.criteria.probe.plex.url",
                "idle.criteria.probe.plex.certificate",
            ]),
            UseProbe::Qbittorrent(probe) => {
                let mut found = self.check_base([
                    "idle.criteria.probe.qbittorrent.url",
                    "idle.criteria.probe.qbittorrent.certificate",
                ]);
                found.extend(wrong([
                    (
                        probe.user.as_deref().is_some_and(|user| !is_user(user)),
                        "idle.criteria.probe.qbittorrent.user",
                        IS_USER,
                    ),
                    (
                        // more than a line of 100 Gbit/s carries
                        probe
                            .upload_bytes_per_second
                            .is_some_and(|most| most > 12_500_000_000),
                        "idle.criteria.probe.qbittorrent.upload_bytes_per_second",
                        "it is at most 12500000000",
                    ),
                ]));
                found
            }
            UseProbe::Syncthing(_) => self.check_base([
                "idle.criteria.probe.syncthing.url",
                "idle.criteria.probe.syncthing.certificate",
            ]),
        }
    }

    /// Of a ready-made one, whose paths are below the URL.
    fn check_base(
        &self,
        [url, certificate]: [&'static str; 2],
    ) -> Vec<(&'static str, &'static str)> {
        let written = self.url().unwrap_or_default();
        match self.check_url(url, certificate) {
            found if !found.is_empty() => found,
            _ => wrong([(
                written.contains(['?', '#']),
                url,
                "it ends with the path: it has no ? and no #",
            )]),
        }
    }

    fn check_url(
        &self,
        url: &'static str,
        certificate: &'static str,
    ) -> Vec<(&'static str, &'static str)> {
        let written = self.url().unwrap_or_default();
        let authority = written.split("://").nth(1).unwrap_or_default();
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        let scheme = written.split("://").next().unwrap_or_default();
        let is_url = ["http", "https"].contains(&scheme)
            && written.len() <= 2048
            && !written.contains(|letter: char| letter.is_whitespace() || letter.is_control())
            && self.leads_to().is_some_and(|(_, port)| port > 0);
        let digits = self.certificate().map(|written| {
            let written = written.rsplit(['=']).next().unwrap_or_default().trim();
            let is_prefixed = written
                .get(..7)
                .is_some_and(|at| at.eq_ignore_ascii_case("sha256:"));
            let written = if is_prefixed { &written[7..] } else { written };
            let is_hex = written
                .chars()
                .all(|letter| letter.is_ascii_hexdigit() || letter == ':' || letter == ' ');
            let count = written.chars().filter(char::is_ascii_hexdigit).count();
            if is_hex { count } else { 0 }
        });
        wrong([
            (
                authority.contains('@'),
                url,
                "a user and a password do not stand in it: the secret is in the keyring",
            ),
            (
                !authority.contains('@') && !is_url,
                url,
                "it is http:// or https://, a host and a path",
            ),
            (
                digits.is_some_and(|digits| digits != 64),
                certificate,
                "it is a SHA-256 in hexadecimal",
            ),
        ])
    }
}

const IS_USER: &str = "it is a name of at most 256 characters, without a colon";

impl HttpProbe {
    /// In how many ways the secret would be sent.
    fn ways(&self) -> usize {
        [&self.header, &self.parameter, &self.user]
            .into_iter()
            .filter(|way| way.is_some())
            .count()
    }

    fn check(&self, probe: &UseProbe) -> Vec<(&'static str, &'static str)> {
        let mut found = probe.check_url(
            "idle.criteria.probe.http.url",
            "idle.criteria.probe.http.certificate",
        );
        let asks = self.status.is_some() || self.pointer.is_some() || self.text.is_some();
        let compares = self.equals.is_some() || self.more_than.is_some();
        let is_finite = match &self.equals {
            Some(Scalar::Number(number)) => number.is_finite(),
            Some(Scalar::Bool(_) | Scalar::Text(_)) | None => true,
        };
        found.extend(wrong([
            (
                self.url.contains('#'),
                "idle.criteria.probe.http.url",
                "it has no #: a server is not told what follows it",
            ),
            (
                has_secret(&self.url),
                "idle.criteria.probe.http.url",
                "a key does not stand in it: name it in parameter, and put it into the keyring",
            ),
            (
                self.status
                    .is_some_and(|status| !(200..600).contains(&status)),
                "idle.criteria.probe.http.status",
                "it is from 200 to 599",
            ),
            (
                !asks,
                "idle.criteria.probe.http",
                "it needs a status, a pointer or a text: that something answers is no use of it",
            ),
            (
                self.pointer
                    .as_deref()
                    .is_some_and(|pointer| !is_pointer(pointer)),
                "idle.criteria.probe.http.pointer",
                "it is empty, or begins with / (RFC 6901)",
            ),
            (
                compares && self.pointer.is_none(),
                "idle.criteria.probe.http.pointer",
                "what is compared needs a pointer to the value",
            ),
            (
                self.equals.is_some() && self.more_than.is_some(),
                "idle.criteria.probe.http.more_than",
                "it stands without equals",
            ),
            (
                !is_finite,
                "idle.criteria.probe.http.equals",
                "it is a number that has an end",
            ),
            (
                self.more_than.is_some_and(|most| !most.is_finite()),
                "idle.criteria.probe.http.more_than",
                "it is a number that has an end",
            ),
            (
                self.text
                    .as_deref()
                    .is_some_and(|text| text.is_empty() || text.len() > 1024),
                "idle.criteria.probe.http.text",
                "it has from 1 to 1024 characters",
            ),
            (
                self.header.as_deref().is_some_and(|name| !is_name(name)),
                "idle.criteria.probe.http.header",
                "it is the name of a header, without a value",
            ),
            (
                self.parameter.as_deref().is_some_and(|name| !is_name(name)),
                "idle.criteria.probe.http.parameter",
                "it is the name of a parameter, without a value",
            ),
            (
                self.user.as_deref().is_some_and(|user| !is_user(user)),
                "idle.criteria.probe.http.user",
                IS_USER,
            ),
            (
                self.ways() > 1,
                "idle.criteria.probe.http.header",
                "the secret is sent in one way: as a header, a parameter or a password",
            ),
        ]));
        found
    }
}

fn wrong<const N: usize>(
    all: [(bool, &'static str, &'static str); N],
) -> Vec<(&'static str, &'static str)> {
    all.into_iter()
        .filter(|(is_wrong, ..)| *is_wrong)
        .map(|(_, field, what)| (field, what))
        .collect()
}

/// RFC 6901: after every ~ stands 0 or 1.
fn is_pointer(pointer: &str) -> bool {
    let mut escaped = pointer.split('~').skip(1);
    (pointer.is_empty() || pointer.starts_with('/'))
        && pointer.len() <= 1024
        && escaped.all(|after| after.starts_with(['0', '1']))
}

/// A token of RFC 9110, section 5.6.2.
fn is_name(name: &str) -> bool {
    let is_of_token =
        |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
    (1..=256).contains(&name.len()) && name.chars().all(is_of_token)
}

/// RFC 7617: what comes before the first colon.
fn is_user(user: &str) -> bool {
    (1..=256).contains(&user.len())
        && !user.contains(|letter: char| letter == ':' || letter.is_control())
}

/// The query has a parameter by which services know a key.
fn has_secret(url: &str) -> bool {
    let (_, query) = url.split_once('?').unwrap_or_default();
    query.split('&').any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or_default();
        let name = name.to_ascii_lowercase().replace(['-', '_'], "");
        let is_key = [
            "token",
            "apikey",
            "password",
            "passwd",
            "secret",
            "accesskey",
        ];
        !value.is_empty() && is_key.iter().any(|key| name.contains(key))
    })
}
