//! The user's own question to a service: is it used?
//!
//! Each service is a room of its own that says what to ask and reads the answer, apart from the transport in [`client`]. An
//! error means that nobody knows, and so does every answer that does not have the form it should; neither is ever read as
//! "not used".

mod client;
mod http;
mod jellyfin;
mod plex;
mod port;
mod qbittorrent;
mod syncthing;

use async_trait::async_trait;
use std::time::Duration;
use wakehub_domain::idle::{ProbeAnswer, UseProbe};
use wakehub_domain::{ConnectorError, ErrorKind, Secret};

use self::client::Client;
use crate::Own;
pub use port::accepts;
pub(crate) use port::tried;

/// For all requests of one question together.
const LIMIT: Duration = Duration::from_secs(10);

/// One question that is asked again and again: its connection and its login are kept.
#[async_trait]
pub trait Prober: Send + Sync + 'static {
    /// Ends within 10 s, and can be dropped at any `.await` without harm.
    ///
    /// # Errors
    /// Whatever leaves the question open: `Unreachable`, `TimedOut`, `Untrusted`, `Unauthorised`, `Rejected` (an HTTP status),
    /// `Protocol` (not the answer of this service), `Unsupported`.
    async fn ask(&self) -> Result<ProbeAnswer, ConnectorError>;

    /// What the questions have moved so far, cumulative, as the service sees it; rather too low.
    fn traffic(&self) -> Own;
}

/// A question over HTTP.
pub struct HttpProber {
    probe: UseProbe,
    client: Client,
    login: qbittorrent::Login,
    limit: Duration,
}

impl HttpProber {
    /// `accepted`: the SHA-256 of a certificate that the user has accepted for this host and port, where the rule names none.
    pub fn new(probe: UseProbe, secret: Option<Secret>, accepted: Option<String>) -> HttpProber {
        let certificate = probe.certificate().map(str::to_owned).or(accepted);
        let url = probe.url().unwrap_or_default();
        HttpProber {
            client: Client::new(probe.title(), url, secret, certificate),
            probe,
            login: qbittorrent::Login::default(),
            limit: LIMIT,
        }
    }

    #[must_use]
    pub fn within(mut self, limit: Duration) -> HttpProber {
        self.limit = limit;
        self
    }
}

#[async_trait]
impl Prober for HttpProber {
    async fn ask(&self) -> Result<ProbeAnswer, ConnectorError> {
        let client = &self.client;
        let asked = async {
            match &self.probe {
                UseProbe::Http(probe) => http::ask(client, probe).await,
                UseProbe::Jellyfin(probe) => jellyfin::ask(client, probe).await,
                UseProbe::Plex(probe) => plex::ask(client, probe).await,
                UseProbe::Qbittorrent(probe) => qbittorrent::ask(client, probe, &self.login).await,
                UseProbe::Syncthing(probe) => syncthing::ask(client, probe).await,
                UseProbe::Ssh(_) => {
                    Err(client.error(ErrorKind::Unsupported, "a command is asked over SSH"))
                }
            }
        };
        let limit = self.limit;
        tokio::time::timeout(limit, asked)
            .await
            .unwrap_or_else(|_| {
                let message = format!("no answer within {} s", limit.as_secs());
                Err(client.error(ErrorKind::TimedOut, message))
            })
    }

    fn traffic(&self) -> Own {
        self.client.traffic()
    }
}

/// `1 title`, `3 titles`
fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// What a service calls something, as far as it fits into a sentence.
fn named(name: &str) -> String {
    let mut letters = name
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    let begin: String = letters.by_ref().take(60).collect();
    match letters.next() {
        Some(_) => format!("{begin}…"),
        None => begin,
    }
}

#[cfg(test)]
mod tests;
