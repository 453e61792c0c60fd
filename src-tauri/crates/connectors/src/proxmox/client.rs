//! The transport: one kept TLS connection, the login, and answers or typed errors.

use hyper::ext::ReasonPhrase;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue, InvalidHeaderValue};
use reqwest::{Method, Response, Url};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use wakehub_domain::{ConnectorError, ErrorKind, Secret};

use super::config::{ProxmoxAuth, ProxmoxEndpoint, base_url, host_port};
use super::failure::Failure;
use super::parse;
use crate::Own;
use crate::tls;
use crate::wire::{self, Wire};

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// A ticket lives for 2 h (pveum(1)); it is renewed well before.
const TICKET_LIFETIME: Duration = Duration::from_secs(90 * 60);
/// A cluster of 5,000 guests answers with some 2.5 MB.
const ANSWER_LIMIT: usize = 16 << 20;
/// Shorter secrets are words that occur in any sentence.
const SCRUBBED_FROM: usize = 4;

const USER_AGENT: &str = concat!("WakeHub/", env!("CARGO_PKG_VERSION"));

pub(super) struct Client {
    endpoint: ProxmoxEndpoint,
    base: Result<Url, String>,
    /// Made on first use and dropped by [`Client::close`], with its connections.
    http: Mutex<Option<reqwest::Client>>,
    request_timeout: Duration,
    /// Held while logging in, so that requests in parallel share one login.
    ticket: Mutex<Option<Ticket>>,
    wire: Wire,
}

struct Ticket {
    value: Secret,
    csrf: Secret,
    since: Instant,
}

type Headers = Vec<(HeaderName, HeaderValue)>;

struct Credentials {
    headers: Headers,
    /// Of the ticket that they come from; `None` for a token.
    since: Option<Instant>,
}

/// One call of the API.
pub(super) struct Call<'a> {
    /// `read the guests`: a fragment for [`ConnectorError::operation`].
    pub operation: &'a str,
    pub method: Method,
    /// Below `/api2/json`; encoded here.
    pub path: &'a [&'a str],
    /// The query of a GET, the form of a POST.
    pub parameters: &'a [(&'a str, String)],
}

impl<'a> Call<'a> {
    pub fn get(operation: &'a str, path: &'a [&'a str]) -> Call<'a> {
        Call {
            operation,
            method: Method::GET,
            path,
            parameters: &[],
        }
    }

    pub fn post(operation: &'a str, path: &'a [&'a str]) -> Call<'a> {
        Call {
            method: Method::POST,
            ..Call::get(operation, path)
        }
    }

    pub fn with(self, parameters: &'a [(&'a str, String)]) -> Call<'a> {
        Call { parameters, ..self }
    }
}

impl Client {
    pub fn new(endpoint: ProxmoxEndpoint) -> Client {
        Client {
            base: base_url(&endpoint.url),
            endpoint,
            http: Mutex::new(None),
            request_timeout: REQUEST_TIMEOUT,
            ticket: Mutex::new(None),
            wire: Wire::default(),
        }
    }

    pub fn with_request_timeout(self, request_timeout: Duration) -> Client {
        Client {
            request_timeout,
            ..self
        }
    }

    /// What requests and answers weigh. Their sockets are hidden, so the handshake is left out.
    pub fn traffic(&self) -> Own {
        self.wire.own()
    }

    pub fn endpoint(&self) -> &ProxmoxEndpoint {
        &self.endpoint
    }

    /// Host name or address, and port.
    pub fn address(&self) -> Result<(String, u16), ConnectorError> {
        let base = self.base("read the address")?;
        let host = base.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        Ok((
            bare.to_owned(),
            base.port_or_known_default().unwrap_or_default(),
        ))
    }

    pub async fn close(&self) {
        *self.ticket.lock().await = None;
        *self.http.lock().await = None;
    }

    /// The `data` of the answer.
    pub async fn call(&self, call: &Call<'_>) -> Result<Value, Failure> {
        let used = self.credentials().await?;
        match self.attempt(call, &used.headers).await {
            // The server may have closed an idle connection just as we used it. Reading again harms nobody.
            Err(failure) if failure.broke_off && call.method == Method::GET => {
                self.attempt(call, &used.headers).await
            }
            // An expired or revoked ticket: log in once more. A token does not expire in that way.
            Err(failure) if failure.status == Some(401) && used.since.is_some() => {
                self.forget_ticket(used.since).await;
                let renewed = self.credentials().await?;
                self.attempt(call, &renewed.headers).await
            }
            answered => answered,
        }
    }

    /// Asks without a login; an answer, be it 401, shows who is there. Used to look at the certificate alone.
    pub async fn knock(&self, operation: &str) -> Result<(), ConnectorError> {
        let call = Call::get(operation, &["version"]);
        match self.send(&call, &Headers::new()).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.status.is_some() => Ok(()),
            Err(failure) => Err(failure.error),
        }
    }

    /// Logs in anew, if there is something to log in with; tokens need no login.
    pub async fn log_in(&self) -> Result<(), ConnectorError> {
        *self.ticket.lock().await = None;
        self.credentials().await?;
        Ok(())
    }

    async fn attempt(&self, call: &Call<'_>, headers: &Headers) -> Result<Value, Failure> {
        let (content_type, body) = self.send(call, headers).await?;
        parse::data(&body).map_err(|error| {
            let message = match error {
                parse::NotTheApi::NotJson if content_type.is_empty() => {
                    "the answer is not JSON: is this the address of a Proxmox API?".to_owned()
                }
                parse::NotTheApi::NotJson => format!(
                    "the answer is {content_type}, not JSON: is this the address of a Proxmox API?"
                ),
                parse::NotTheApi::NoData => {
                    "the answer has no data: is this the address of a Proxmox API?".to_owned()
                }
            };
            Failure::protocol(call.operation, message)
        })
    }

    /// The headers that log a request in. With a password they come from a ticket, which is renewed when it is old.
    async fn credentials(&self) -> Result<Credentials, Failure> {
        match &self.endpoint.auth {
            ProxmoxAuth::Token { id, secret } => {
                let value = format!("PVEAPIToken={}={}", id.trim(), secret.expose().trim());
                let mut value = HeaderValue::try_from(value).map_err(|_| {
                    Failure::unauthorised(
                        &log_in_as(id),
                        "the token has characters that no header can carry",
                    )
                })?;
                value.set_sensitive(true);
                Ok(Credentials {
                    headers: vec![(AUTHORIZATION, value)],
                    since: None,
                })
            }
            ProxmoxAuth::Password { user, password } => {
                let mut kept = self.ticket.lock().await;
                let fresh = kept
                    .take()
                    .filter(|ticket| ticket.since.elapsed() < TICKET_LIFETIME);
                let ticket = match fresh {
                    Some(ticket) => ticket,
                    None => self.ask_for_ticket(user, password).await?,
                };
                let headers = ticket_headers(&ticket).map_err(|_| {
                    Failure::protocol(&log_in_as(user), "the ticket cannot be sent back")
                })?;
                let since = Some(ticket.since);
                *kept = Some(ticket);
                Ok(Credentials { headers, since })
            }
        }
    }

    async fn ask_for_ticket(&self, user: &str, password: &Secret) -> Result<Ticket, Failure> {
        let operation = log_in_as(user);
        let parameters = [
            ("username", with_realm(user)),
            ("password", password.expose().to_owned()),
        ];
        let call = Call::post(&operation, &["access", "ticket"]).with(&parameters);
        let (_, body) = self.send(&call, &Headers::new()).await?;
        match parse::ticket(&body) {
            Ok(parse::Login::Granted { ticket, csrf }) => Ok(Ticket {
                value: ticket,
                csrf,
                since: Instant::now(),
            }),
            Ok(parse::Login::NeedsSecondFactor) => Err(Failure::unauthorised(
                &operation,
                "this user has a second factor, which WakeHub cannot give: use an API token instead",
            )),
            Err(_) => Err(Failure::protocol(
                &operation,
                "the answer holds no ticket: is this the address of a Proxmox API?",
            )),
        }
    }

    /// Forgets the ticket that was refused, unless another request has replaced it meanwhile.
    async fn forget_ticket(&self, refused: Option<Instant>) {
        let mut kept = self.ticket.lock().await;
        if kept.as_ref().map(|ticket| ticket.since) == refused {
            *kept = None;
        }
    }

    /// One exchange: the content type and body of an answer below 300, all else as an error.
    async fn send(&self, call: &Call<'_>, headers: &Headers) -> Result<(String, Vec<u8>), Failure> {
        let mut url = self.base(call.operation)?.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(["api2", "json"])
                .extend(call.path);
        }
        let is_get = call.method == Method::GET;
        if is_get && !call.parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(call.parameters);
        }
        let sent = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .chain([("user-agent", USER_AGENT.as_bytes())]);
        let sent = wire::RECORD + wire::request_head(&call.method, &url, sent);
        let mut request = self
            .http(call.operation)
            .await?
            .request(call.method.clone(), url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if !is_get {
            request = request.form(call.parameters);
        }
        let response = request
            .send()
            .await
            .map_err(|error| self.transport(call.operation, error))?;
        self.wire.sent(sent);
        self.read(call.operation, response).await
    }

    async fn read(
        &self,
        operation: &str,
        mut response: Response,
    ) -> Result<(String, Vec<u8>), Failure> {
        let status = response.status();
        let head = wire::answer_head(&response);
        let reason = reason(&response);
        let content_type = header(&response, "content-type");
        let content_type = content_type.split(';').next().unwrap_or_default().trim();
        let location = header(&response, "location");
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.transport(operation, error))?
        {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(Failure::protocol(
                    operation,
                    format!("the answer is larger than {} MiB", ANSWER_LIMIT >> 20),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        self.wire.received(wire::RECORD + head + body.len(), false);
        if status.is_success() {
            return Ok((content_type.to_owned(), body));
        }
        if status.is_redirection() {
            return Err(Failure::protocol(
                operation,
                format!("redirected to {location}: is this the address of a Proxmox API?"),
            ));
        }
        let said = self.scrub(&parse::refusal(&body, &reason).to_string());
        Err(Failure::refused(operation, status.as_u16(), said))
    }

    /// No answer at all.
    fn transport(&self, operation: &str, error: reqwest::Error) -> Failure {
        let host = self.base.as_ref().map(host_port).unwrap_or_default();
        let mut failure = Failure::transport(operation, &host, self.request_timeout, error);
        failure.error.message = self.scrub(&failure.error.message);
        failure
    }

    fn base(&self, operation: &str) -> Result<&Url, ConnectorError> {
        self.base.as_ref().map_err(|message| {
            ConnectorError::new(
                ErrorKind::Unsupported,
                operation,
                format!("the address is not usable: {message}"),
            )
        })
    }

    async fn http(&self, operation: &str) -> Result<reqwest::Client, ConnectorError> {
        let mut kept = self.http.lock().await;
        if let Some(http) = kept.as_ref() {
            return Ok(http.clone());
        }
        let unusable = |message: String| {
            ConnectorError::new(
                ErrorKind::Unsupported,
                operation,
                format!("TLS cannot be set up: {message}"),
            )
        };
        let address = host_port(self.base(operation)?);
        let pinned = self.endpoint.pinned.clone();
        // Reads the system's authorities from files.
        let config =
            tokio::task::spawn_blocking(move || tls::client_config(address, pinned.as_deref()))
                .await
                .map_err(|error| unusable(error.to_string()))?
                .map_err(|error| unusable(error.to_string()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .http1_only()
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(self.request_timeout)
            .tcp_keepalive(Duration::from_secs(30))
            .user_agent(USER_AGENT)
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        *kept = Some(http.clone());
        Ok(http)
    }

    /// Nothing that the other side says may carry our secret into a log or a window.
    pub(super) fn scrub(&self, text: &str) -> String {
        let secret = self.endpoint.auth.secret().expose().trim();
        if secret.len() < SCRUBBED_FROM {
            return text.to_owned();
        }
        text.replace(secret, "…")
    }
}

/// `root` alone means the machine's own user, as in Proxmox's login window.
fn with_realm(user: &str) -> String {
    let user = user.trim();
    if user.contains('@') {
        user.to_owned()
    } else {
        format!("{user}@pam")
    }
}

pub(super) fn log_in_as(name: &str) -> String {
    format!("log in as {name}")
}

fn ticket_headers(ticket: &Ticket) -> Result<Headers, InvalidHeaderValue> {
    let mut cookie = HeaderValue::try_from(format!("PVEAuthCookie={}", ticket.value.expose()))?;
    cookie.set_sensitive(true);
    let mut csrf = HeaderValue::try_from(ticket.csrf.expose())?;
    csrf.set_sensitive(true);
    Ok(vec![
        (COOKIE, cookie),
        (HeaderName::from_static("csrfpreventiontoken"), csrf),
    ])
}

/// Proxmox 8 says what went wrong in the reason phrase only.
fn reason(response: &Response) -> String {
    match response.extensions().get::<ReasonPhrase>() {
        Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
        None => response
            .status()
            .canonical_reason()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}
