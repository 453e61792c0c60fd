//! HTTP to one engine: connections kept and reused, the API version negotiated, refusals in the engine's own words.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::de::DeserializeOwned;
use std::error::Error;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wakehub_domain::{ConnectorError, ErrorKind};

use super::parse::{self, ApiVersion};
use super::transport::Dial;

/// How long an engine may take to answer what does not itself wait for a container. A busy engine with hundreds of
/// containers lists them in a second.
pub(super) const REQUEST_DEADLINE: Duration = Duration::from_secs(20);

/// The newest API whose answers have been read, Docker 29's. An engine that refuses it says so in its own words.
const NEWEST: ApiVersion = ApiVersion(1, 52);
/// Docker 1.12 (2016), the floor of all engines up to 28.
const OLDEST: ApiVersion = ApiVersion(1, 24);

/// Longer than the 60 s between two polls of a quiet homelab, so that each finds the connection of the last.
const KEEP_IDLE: Duration = Duration::from_secs(150);
const KEEP_AT_MOST: usize = 4;

/// The list of 1,000 containers is about 1.5 MB.
const LONGEST_BODY: usize = 32 * 1024 * 1024;

/// An engine and the connections to it.
pub(super) struct Client {
    http: Http<Dial, Full<Bytes>>,
    dial: Dial,
    negotiated: Mutex<Option<ApiVersion>>,
}

/// What came back with 2xx or 304.
pub(super) struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

impl Client {
    pub(super) fn new(dial: Dial) -> Client {
        let http = Http::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_IDLE)
            .pool_max_idle_per_host(KEEP_AT_MOST)
            .build(dial.clone());
        Client {
            http,
            dial,
            negotiated: Mutex::new(None),
        }
    }

    pub(super) fn dial(&self) -> &Dial {
        &self.dial
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        operation: &str,
        path: &str,
    ) -> Result<T, ConnectorError> {
        let answer = self
            .send(operation, Method::GET, path, REQUEST_DEADLINE)
            .await?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            ConnectorError::new(
                ErrorKind::Protocol,
                operation,
                format!("the engine's answer is not what was expected: {error}"),
            )
        })
    }

    /// `path` begins after the version: `/containers/json`.
    pub(super) async fn send(
        &self,
        operation: &str,
        method: Method,
        path: &str,
        deadline: Duration,
    ) -> Result<Answer, ConnectorError> {
        let asking = async {
            let response = self.ask(operation, method, path).await?;
            self.whole(operation, response).await
        };
        tokio::time::timeout(deadline, asking)
            .await
            .unwrap_or_else(|_| Err(no_answer(operation, deadline)))
    }

    /// The head within the deadline; the body as it comes, for as long as it comes.
    pub(super) async fn stream(
        &self,
        operation: &str,
        path: &str,
    ) -> Result<Incoming, ConnectorError> {
        let response =
            tokio::time::timeout(REQUEST_DEADLINE, self.ask(operation, Method::GET, path))
                .await
                .unwrap_or_else(|_| Err(no_answer(operation, REQUEST_DEADLINE)))?;
        Ok(response.into_body())
    }

    /// One exchange, within the deadline of a request.
    pub(super) async fn try_out(&self, operation: &str) -> Result<(), ConnectorError> {
        tokio::time::timeout(REQUEST_DEADLINE, self.negotiate(operation))
            .await
            .unwrap_or_else(|_| Err(no_answer(operation, REQUEST_DEADLINE)))
            .map(drop)
    }

    /// Asks the engine for its version anew and returns the one both speak.
    async fn negotiate(&self, operation: &str) -> Result<ApiVersion, ConnectorError> {
        let response = self.raw(operation, &Method::GET, "/_ping").await?;
        let theirs = response
            .headers()
            .get("api-version")
            .and_then(|value| value.to_str().ok())
            .and_then(ApiVersion::parse);
        let status = response.status();
        let answer = self.whole(operation, response).await?;
        let Some(theirs) = theirs else {
            return Err(not_an_engine(operation, status, &answer.body));
        };
        let agreed = theirs.clamp(OLDEST, NEWEST);
        *self.remembered() = Some(agreed);
        Ok(agreed)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Option<ApiVersion>> {
        self.negotiated
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A response with 2xx or 304, or the refusal.
    async fn ask(
        &self,
        operation: &str,
        method: Method,
        path: &str,
    ) -> Result<Response<Incoming>, ConnectorError> {
        let known = *self.remembered();
        let version = match known {
            Some(version) => version,
            None => self.negotiate(operation).await?,
        };
        match self.versioned(operation, &method, version, path).await {
            // The engine was replaced by a newer one since.
            Err(error) if error.kind == ErrorKind::Unsupported && known.is_some() => {
                let version = self.negotiate(operation).await?;
                self.versioned(operation, &method, version, path).await
            }
            other => other,
        }
    }

    async fn versioned(
        &self,
        operation: &str,
        method: &Method,
        version: ApiVersion,
        path: &str,
    ) -> Result<Response<Incoming>, ConnectorError> {
        let response = self
            .raw(operation, method, &format!("/v{version}{path}"))
            .await?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let body = self.collected(operation, response).await?;
        Err(parse::refusal(operation, status.as_u16(), &body))
    }

    /// One request, sent again once if the kept connection turned out to be dead. Everything that is sent here may
    /// arrive twice: starting or stopping again is a success.
    async fn raw(
        &self,
        operation: &str,
        method: &Method,
        path: &str,
    ) -> Result<Response<Incoming>, ConnectorError> {
        match self.once(method, path).await {
            Err(error) if was_closed_meanwhile(&error) => self
                .once(method, path)
                .await
                .map_err(|error| self.failed(operation, &error)),
            other => other.map_err(|error| self.failed(operation, &error)),
        }
    }

    async fn once(&self, method: &Method, path: &str) -> Result<Response<Incoming>, Failed> {
        let request = Request::builder()
            .method(method)
            // Of the authority only `Host` is made; the connector knows where to go.
            .uri(format!("http://docker{path}"))
            .header(
                hyper::header::USER_AGENT,
                concat!("wakehub/", env!("CARGO_PKG_VERSION")),
            )
            .body(Full::new(Bytes::new()))
            .map_err(|error| Box::new(error) as Failed)?;
        self.http
            .request(request)
            .await
            .map_err(|error| Box::new(error) as Failed)
    }

    async fn whole(
        &self,
        operation: &str,
        response: Response<Incoming>,
    ) -> Result<Answer, ConnectorError> {
        Ok(Answer {
            status: response.status(),
            body: self.collected(operation, response).await?,
        })
    }

    async fn collected(
        &self,
        operation: &str,
        response: Response<Incoming>,
    ) -> Result<Bytes, ConnectorError> {
        Limited::new(response.into_body(), LONGEST_BODY)
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .map_err(|error| self.failed(operation, &error))
    }

    /// Finds what lies at the bottom of an error of the HTTP client.
    pub(super) fn failed(&self, operation: &str, error: &Failed) -> ConnectorError {
        let chain = chain(&**error);
        for cause in &chain {
            if let Some(known) = cause.downcast_ref::<ConnectorError>() {
                return known.clone().during(operation);
            }
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                return self.dial.failed(io).during(operation);
            }
        }
        let deepest = chain
            .last()
            .map(|cause| cause.to_string())
            .unwrap_or_default();
        let closed = chain.iter().any(|cause| {
            cause
                .downcast_ref::<hyper::Error>()
                .is_some_and(|error| error.is_incomplete_message() || error.is_closed())
        });
        let kind = if closed {
            ErrorKind::Unreachable
        } else {
            ErrorKind::Protocol
        };
        ConnectorError::new(kind, operation, deepest)
    }
}

pub(super) type Failed = Box<dyn Error + Send + Sync>;

fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
    .collect()
}

fn was_closed_meanwhile(error: &Failed) -> bool {
    chain(&**error).iter().any(|cause| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(|error| error.is_incomplete_message() || error.is_canceled())
            || cause.downcast_ref::<io::Error>().is_some_and(|error| {
                super::tls::within(error).is_none()
                    && matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
                    )
            })
    })
}

fn no_answer(operation: &str, deadline: Duration) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::TimedOut,
        operation,
        format!("no answer within {} s", deadline.as_secs()),
    )
}

fn not_an_engine(operation: &str, status: StatusCode, body: &[u8]) -> ConnectorError {
    let refusal = parse::refusal(operation, status.as_u16(), body);
    if refusal.kind == ErrorKind::Unauthorised {
        return refusal;
    }
    ConnectorError::new(
        ErrorKind::Protocol,
        operation,
        format!(
            "what answers is not a Docker engine: {status}: {}",
            parse::first_line(body)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_outside_our_range_become_the_nearest_that_we_speak() {
        let agreed = |theirs: &str| ApiVersion::parse(theirs).unwrap().clamp(OLDEST, NEWEST);
        assert_eq!(agreed("1.41"), ApiVersion(1, 41));
        assert_eq!(agreed("1.18"), OLDEST);
        assert_eq!(agreed("1.99"), NEWEST);
        assert_eq!(agreed("2.0"), NEWEST);
    }
}
