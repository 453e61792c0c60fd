//! Who may reach WakeHub's local API, and how: what the settings show and what the command line prints.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use ts_rs::TS;
use wakehub_domain::Timestamp;

use crate::wire::EntryError;

/// Where the API listens unless set: only this computer. The keys of "wake" on a telephone.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9253);

/// The API over TCP. The socket in the data directory is always there, for the user who runs WakeHub alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiAccess {
    /// Off unless switched on.
    #[serde(default)]
    pub tcp: bool,
    /// `127.0.0.1:9253`
    #[serde(default = "default_listen")]
    #[ts(type = "string")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// From where plain HTTP is accepted. Whoever can read the traffic can read the tokens in it.
    #[serde(default)]
    pub plain_http: PlainHttp,
    /// Names under which a browser may ask, besides this computer's own: that of a proxy, for example.
    #[serde(default)]
    pub hosts: Vec<String>,
}

fn default_listen() -> SocketAddr {
    DEFAULT_LISTEN
}

impl Default for ApiAccess {
    fn default() -> ApiAccess {
        ApiAccess {
            tcp: false,
            listen: DEFAULT_LISTEN,
            plain_http: PlainHttp::default(),
            hosts: Vec::new(),
        }
    }
}

/// Which networks have been accepted for plain HTTP.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    Default,
    Serialize,
    Deserialize,
    TS,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PlainHttp {
    /// Only from this computer.
    #[default]
    ThisComputer,
    /// Also from private networks (RFC 1918, RFC 6598, RFC 4193, link-local).
    PrivateNetworks,
    /// From everywhere.
    Anywhere,
}

/// How far an address reaches.
pub fn reach(address: IpAddr) -> PlainHttp {
    let address = address.to_canonical();
    let is_private = match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    if address.is_loopback() {
        PlainHttp::ThisComputer
    } else if is_private || address.is_unspecified() {
        // all of this computer's addresses are none: who comes is looked at one by one
        PlainHttp::PrivateNetworks
    } else {
        PlainHttp::Anywhere
    }
}

impl ApiAccess {
    /// What would be wrong with it, each with a warning that says what to accept.
    pub fn check(&self) -> Vec<EntryError> {
        let mut wrong = Vec::new();
        let mut say = |field: &str, message: String| {
            wrong.push(EntryError {
                field: Some(field.to_owned()),
                line: None,
                message,
            });
        };
        let needed = reach(self.listen.ip());
        if self.tcp && needed > self.plain_http {
            let (who, word) = match needed {
                PlainHttp::Anywhere => ("the whole internet", "anywhere"),
                PlainHttp::PrivateNetworks | PlainHttp::ThisComputer => {
                    ("everybody on your network", "private_networks")
                }
            };
            say(
                "listen",
                format!(
                    "{} can be reached by {who}, and plain HTTP shows the tokens to whoever can read the traffic; \
                     accept that with plain_http = {word}, or listen on 127.0.0.1 behind a proxy with TLS",
                    self.listen
                ),
            );
        }
        if self.listen.port() == 0 && self.tcp {
            say("listen", "a port from 1 to 65535".to_owned());
        }
        let is_name = |name: &String| {
            (1..=253).contains(&name.len())
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        };
        if self.hosts.len() > 16 || !self.hosts.iter().all(is_name) {
            say(
                "hosts",
                "at most 16 host names, without scheme and port: wakehub.example.org".to_owned(),
            );
        }
        wrong
    }
}

/// What a token allows.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ApiScope {
    /// Look: states, plans, journal.
    Read,
    /// Also start, stop, answer and change.
    Control,
}

impl ApiScope {
    pub fn as_str(self) -> &'static str {
        match self {
            ApiScope::Read => "read",
            ApiScope::Control => "control",
        }
    }
}

/// What whoever has the window before him may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    Read,
    Control,
    /// Also who else may come in. Only at the computer itself.
    Owner,
}

/// A token without its secret, which nobody knows but whom it was shown to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct ApiToken {
    /// Stands in the token: `wh-ID-…`.
    pub id: String,
    /// What it is for: `phone`.
    pub name: String,
    pub scope: ApiScope,
    pub created: Timestamp,
    /// When somebody came with it last, to about ten minutes; null when nobody has.
    #[serde(default)]
    pub used: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiToken {
    pub name: String,
    pub scope: ApiScope,
}

/// The only time that the token itself is shown.
#[derive(Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ShownApiToken {
    pub entry: ApiToken,
    pub token: String,
}

impl std::fmt::Debug for ShownApiToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShownApiToken")
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

/// How the API is doing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS, JsonSchema)]
pub struct ApiStatus {
    pub access: ApiAccess,
    /// The address that answers; null while TCP is switched off or fails.
    pub listening: Option<String>,
    /// What to type into a browser, the likeliest first; empty while nothing answers.
    #[serde(default)]
    pub urls: Vec<String>,
    /// Why TCP is switched on and does not answer: `address already in use`.
    pub failure: Option<String>,
    pub tokens: Vec<ApiToken>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(listen: &str, plain_http: PlainHttp) -> ApiAccess {
        ApiAccess {
            tcp: true,
            listen: listen.parse().unwrap(),
            plain_http,
            hosts: Vec::new(),
        }
    }

    #[test]
    fn an_address_that_others_reach_needs_a_yes() {
        use PlainHttp::*;
        for (listen, needed) in [
            ("127.0.0.1:1", ThisComputer),
            ("[::1]:1", ThisComputer),
            ("[::ffff:127.0.0.1]:1", ThisComputer),
            ("192.168.1.5:1", PrivateNetworks),
            ("100.64.0.1:1", PrivateNetworks),
            ("169.254.1.1:1", PrivateNetworks),
            ("[fd00::1]:1", PrivateNetworks),
            ("[fe80::1]:1", PrivateNetworks),
            ("0.0.0.0:1", PrivateNetworks),
            ("[::]:1", PrivateNetworks),
            ("203.0.113.7:1", Anywhere),
            ("100.128.0.1:1", Anywhere),
            ("[2001:db8::1]:1", Anywhere),
        ] {
            for given in [ThisComputer, PrivateNetworks, Anywhere] {
                let wrong = access(listen, given).check();
                assert_eq!(wrong.is_empty(), given >= needed, "{listen} {given:?}");
            }
        }
        let off = ApiAccess {
            tcp: false,
            ..access("203.0.113.7:1", ThisComputer)
        };
        assert!(off.check().is_empty());
    }

    #[test]
    fn host_names_are_names() {
        for bad in ["", "http://x", "a:80", "a/b", "*", "ü"] {
            let access = ApiAccess {
                hosts: vec![bad.to_owned()],
                ..ApiAccess::default()
            };
            assert_eq!(access.check().len(), 1, "{bad}");
        }
    }
}
