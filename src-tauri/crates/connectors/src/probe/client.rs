//! The transport: one kept connection, whole answers of a bounded size, or typed errors without secrets.

use reqwest::header::{HeaderName, HeaderValue, SET_COOKIE};
use reqwest::{Method, Response, StatusCode, Url, redirect};
use serde_json::Value;
use std::fmt;
use std::time::Duration;
use tokio::sync::Mutex;
use wakehub_domain::{ConnectorError, ErrorKind, Secret};

use crate::Own;
use crate::tls;
use crate::wire::{self, Wire};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Kept for longer than a tick. Servers close sooner where they like to.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// Lists of sessions and torrents of a large household are some hundred KiB.
const ANSWER_LIMIT: usize = 4 << 20;
const REDIRECTS: usize = 5;
/// Shorter secrets are words that occur in any sentence.
const SCRUBBED_FROM: usize = 4;

const USER_AGENT: &str = concat!("WakeHub/", env!("CARGO_PKG_VERSION"));

pub(super) struct Client {
    /// `Jellyfin`
    title: &'static str,
    base: Option<Url>,
    secret: Option<Secret>,
    /// SHA-256 of the one certificate that is accepted besides those of the system's authorities.
    certificate: Option<String>,
    http: Mutex<Option<reqwest::Client>>,
    wire: Wire,
}

/// One request below the base.
pub(super) struct Call<'a> {
    pub method: Method,
    /// Appended to the base, each segment encoded here.
    pub path: &'a [&'a str],
    /// The query of a GET, the form of a POST.
    pub parameters: &'a [(&'a str, &'a str)],
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl<'a> Call<'a> {
    pub fn get(path: &'a [&'a str]) -> Call<'a> {
        Call {
            method: Method::GET,
            path,
            parameters: &[],
            headers: Vec::new(),
        }
    }

    pub fn post(path: &'a [&'a str]) -> Call<'a> {
        Call {
            method: Method::POST,
            ..Call::get(path)
        }
    }

    pub fn with(self, parameters: &'a [(&'a str, &'a str)]) -> Call<'a> {
        Call { parameters, ..self }
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Call<'a> {
        self.headers.push((name, value));
        self
    }
}

/// A whole answer, whatever its status.
pub(super) struct Answer {
    pub status: StatusCode,
    /// `NAME=VALUE` of each cookie that it sets.
    pub cookies: Vec<String>,
    pub body: Vec<u8>,
}

impl Client {
    pub fn new(
        title: &'static str,
        url: &str,
        secret: Option<Secret>,
        certificate: Option<String>,
    ) -> Client {
        Client {
            title,
            base: Url::parse(url).ok().filter(Url::has_host),
            secret: secret.filter(|secret| !secret.expose().trim().is_empty()),
            certificate,
            http: Mutex::new(None),
            wire: Wire::default(),
        }
    }

    pub fn secret(&self) -> Option<&str> {
        self.secret.as_ref().map(|secret| secret.expose().trim())
    }

    /// The secret, where nothing can be asked without.
    pub fn required_secret(&self) -> Result<&str, ConnectorError> {
        self.secret()
            .ok_or_else(|| self.error(ErrorKind::NoSecret, "the keyring has no probe for it"))
    }

    /// The value of a header with a secret in it, which is shown nowhere.
    pub fn sensitive(&self, value: &str) -> Result<HeaderValue, ConnectorError> {
        let mut value = HeaderValue::try_from(value).map_err(|_| {
            let message = "its secret has characters that no header can carry";
            self.error(ErrorKind::Unauthorised, message)
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn record(&self) -> usize {
        let is_plain = self
            .base
            .as_ref()
            .is_none_or(|base| base.scheme() == "http");
        if is_plain { 0 } else { wire::RECORD }
    }

    /// See [`crate::Prober::traffic`]. The sockets are hidden, so handshakes are left out.
    pub fn traffic(&self) -> Own {
        self.wire.own()
    }

    /// `ask Jellyfin: …`
    pub fn error(&self, kind: ErrorKind, message: impl fmt::Display) -> ConnectorError {
        let message = self.scrub(&message.to_string());
        ConnectorError::new(kind, format!("ask {}", self.title), message)
    }

    /// Not what this service answers.
    pub fn strange(&self, what: impl fmt::Display) -> ConnectorError {
        self.error(
            ErrorKind::Protocol,
            format!("{what}: is this the address of {}?", self.title),
        )
    }

    /// The JSON of an answer that is 2xx.
    pub async fn json(&self, call: Call<'_>) -> Result<Value, ConnectorError> {
        let answer = self.send(call).await?;
        if !answer.status.is_success() {
            return Err(self.refused(answer.status));
        }
        serde_json::from_slice(&answer.body).map_err(|_| self.strange("the answer is not JSON"))
    }

    /// A status that is no answer to the question.
    pub fn refused(&self, status: StatusCode) -> ConnectorError {
        let kind = match status.as_u16() {
            401 | 403 => ErrorKind::Unauthorised,
            408 | 504 => ErrorKind::TimedOut,
            502 | 503 => ErrorKind::Unreachable,
            _ => ErrorKind::Rejected,
        };
        self.error(kind, format!("it answers {status}"))
    }

    /// One exchange.
    pub async fn send(&self, call: Call<'_>) -> Result<Answer, ConnectorError> {
        let is_get = call.method == Method::GET;
        match self.attempt(&call).await {
            // The server may have closed an idle connection just as we used it. Reading again harms nobody.
            Err(failed) if failed.broke_off && is_get => self.attempt(&call).await,
            answered => answered,
        }
        .map_err(|failed| failed.error)
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Answer, Failed> {
        let url = self.url(call)?;
        let http = self.http(&url).await?;
        let headers = call.headers.iter();
        let sent = headers
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .chain([("user-agent", USER_AGENT.as_bytes())]);
        let sent = self.record() + wire::request_head(&call.method, &url, sent);
        let mut request = http.request(call.method.clone(), url);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if call.method != Method::GET {
            request = request.form(call.parameters);
        }
        let response = request.send().await.map_err(|error| self.failed(error))?;
        self.wire.sent(sent);
        self.read(response).await
    }

    async fn read(&self, mut response: Response) -> Result<Answer, Failed> {
        let status = response.status();
        let headers = response.headers();
        let head = wire::answer_head(&response);
        if status.is_redirection() {
            let location = headers.get("location").and_then(|to| to.to_str().ok());
            let to = location.and_then(|to| response.url().join(to).ok());
            // without its query, which may repeat the secret
            let to = to.map_or_else(|| "nowhere".to_owned(), |to| origin(&to));
            let message = format!("it redirects to {to}, which is not followed");
            return Err(self.error(ErrorKind::Rejected, message).into());
        }
        let cookies = headers
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
            .map(|cookie| cookie.trim().to_owned())
            .collect();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                let message = format!("the answer is larger than {} MiB", ANSWER_LIMIT >> 20);
                return Err(self.error(ErrorKind::Protocol, message).into());
            }
            body.extend_from_slice(&chunk);
        }
        self.wire.received(self.record() + head + body.len(), false);
        Ok(Answer {
            status,
            cookies,
            body,
        })
    }

    fn url(&self, call: &Call<'_>) -> Result<Url, ConnectorError> {
        let unusable = || self.error(ErrorKind::Unsupported, "its address is not usable");
        let mut url = self.base.clone().ok_or_else(unusable)?;
        if !call.path.is_empty() {
            let mut segments = url.path_segments_mut().map_err(|()| unusable())?;
            segments.pop_if_empty().extend(call.path);
        }
        if call.method == Method::GET && !call.parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(call.parameters);
        }
        Ok(url)
    }

    async fn http(&self, url: &Url) -> Result<reqwest::Client, ConnectorError> {
        let mut kept = self.http.lock().await;
        if let Some(http) = kept.as_ref() {
            return Ok(http.clone());
        }
        let unusable = |error: &dyn fmt::Display| {
            let message = format!("TLS cannot be set up: {error}");
            self.error(ErrorKind::Unsupported, message)
        };
        let is_plain = url.scheme() != "https";
        // without TLS the system's authorities, some 1 MiB of them, need not be read: a pin leaves them until they are needed
        let pinned = self.certificate.clone().or(is_plain.then(String::new));
        let address = host_port(url);
        let config =
            tokio::task::spawn_blocking(move || tls::client_config(address, pinned.as_deref()))
                .await
                .map_err(|error| unusable(&error))?
                .map_err(|error| unusable(&error))?;
        // a secret goes to whom it was given for, and nowhere else
        let same_server = redirect::Policy::custom(|attempt| {
            let from = attempt.previous().last().map(origin);
            if attempt.previous().len() <= REDIRECTS && from == Some(origin(attempt.url())) {
                attempt.follow()
            } else {
                attempt.stop()
            }
        });
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .http1_only()
            .no_proxy()
            .redirect(same_server)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(KEPT)
            .pool_max_idle_per_host(1)
            .referer(false)
            .user_agent(USER_AGENT)
            .build()
            .map_err(|error| unusable(&error))?;
        *kept = Some(http.clone());
        Ok(http)
    }

    /// No answer at all.
    fn failed(&self, error: reqwest::Error) -> Failed {
        // with the secret in its query
        let error = error.without_url();
        if let Some(presented) = tls::refused_certificate(&error) {
            let operation = format!("ask {}", self.title);
            return ConnectorError::untrusted(&operation, presented).into();
        }
        let host = self.base.as_ref().map(host_port).unwrap_or_default();
        let mut innermost: &dyn std::error::Error = &error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let (kind, message) = if let Some(tls) = tls::tls_error(&error) {
            let message = format!("{host} does not speak TLS as it should: {tls}");
            (ErrorKind::Protocol, message)
        } else if error.is_timeout() {
            let message = format!(
                "{host} did not answer within {} s",
                CONNECT_TIMEOUT.as_secs()
            );
            (ErrorKind::Unreachable, message)
        } else if error.is_connect() {
            (ErrorKind::Unreachable, format!("{host}: {innermost}"))
        } else {
            let message = format!("the connection broke off: {innermost}");
            (ErrorKind::Unreachable, message)
        };
        Failed {
            broke_off: kind == ErrorKind::Unreachable && !error.is_connect(),
            error: self.error(kind, message),
        }
    }

    /// Nothing that the other side says may carry our secret into a log or a window.
    fn scrub(&self, text: &str) -> String {
        match self.secret() {
            Some(secret) if secret.len() >= SCRUBBED_FROM => text.replace(secret, "…"),
            Some(_) | None => text.to_owned(),
        }
    }
}

struct Failed {
    error: ConnectorError,
    /// The connection broke after the request had gone out.
    broke_off: bool,
}

impl From<ConnectorError> for Failed {
    fn from(error: ConnectorError) -> Failed {
        Failed {
            error,
            broke_off: false,
        }
    }
}

/// `10.0.0.21:8096`
fn host_port(url: &Url) -> String {
    format!(
        "{}:{}",
        url.host_str().unwrap_or_default(),
        url.port_or_known_default().unwrap_or_default()
    )
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
