//! How bollard's requests travel: over kept connections, each path with the negotiated API version in front (bollard
//! 0.21 sends its own nowhere), refusals in the engine's own words.

use bollard::BollardRequest;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wakehub_domain::{ConnectorError, ErrorKind};

use super::parse::{self, ApiVersion};
use super::transport::{self, Dial};

/// The newest API whose answers have been read, Docker 29's. An engine that refuses it says so in its own words.
const NEWEST: ApiVersion = ApiVersion(1, 52);
/// Docker 1.12 (2016), the floor of all engines up to 28.
const OLDEST: ApiVersion = ApiVersion(1, 24);

/// Longer than the 60 s between two polls of a quiet homelab, so that each finds the connection of the last.
const KEEP_IDLE: Duration = Duration::from_secs(150);
/// Twice as many as containers are asked about at once where the engine is slow: a connection is free a moment after its answer
/// was read, and whoever asks in that moment makes another. Those that were closed again would have to be made again.
const KEEP_AT_MOST: usize = 64;
/// A channel of a session that stands is opened in no time, and may be one of the few commands that sshd allows.
const KEEP_AT_MOST_OVER_SSH: usize = 4;

/// The one path that has no version: it tells the engine's.
const PING: &str = "/_ping";

/// Of errors here; whoever asked puts its own in its place.
const OPERATION: &str = "ask the engine";

/// The connections to one engine.
pub(super) struct Exchange {
    http: Http<Dial, Full<Bytes>>,
    dial: Dial,
    negotiated: Mutex<Option<ApiVersion>>,
}

impl Exchange {
    pub(super) fn new(dial: Dial) -> Exchange {
        let keep = if dial.is_over_ssh() {
            KEEP_AT_MOST_OVER_SSH
        } else {
            KEEP_AT_MOST
        };
        let http = Http::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_IDLE)
            .pool_max_idle_per_host(keep)
            .build(dial.clone());
        Exchange {
            http,
            dial,
            negotiated: Mutex::new(None),
        }
    }

    pub(super) fn dial(&self) -> &Dial {
        &self.dial
    }

    /// A response with 2xx or 304, or the refusal. Of the request its method and path matter: none of ours has a body.
    pub(super) async fn carry(
        &self,
        request: BollardRequest,
    ) -> Result<Response<Incoming>, ConnectorError> {
        let (head, _) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        if path == PING {
            return self.greet().await.map(|(_, response)| response);
        }
        self.asked(&head.method, path).await
    }

    /// The body of what a path answers.
    pub(super) async fn get(&self, path: &str) -> Result<Bytes, ConnectorError> {
        let response = self.asked(&Method::GET, path).await?;
        self.collected(response).await
    }

    async fn asked(
        &self,
        method: &Method,
        path: &str,
    ) -> Result<Response<Incoming>, ConnectorError> {
        let known = *self.remembered();
        let version = match known {
            Some(version) => version,
            None => self.negotiate().await?,
        };
        match self.versioned(method, version, path).await {
            // The engine was replaced by a newer one since.
            Err(error) if error.kind == ErrorKind::Unsupported && known.is_some() => {
                let version = self.negotiate().await?;
                self.versioned(method, version, path).await
            }
            other => other,
        }
    }

    async fn negotiate(&self) -> Result<ApiVersion, ConnectorError> {
        let (version, response) = self.greet().await?;
        // Only a connection whose answer was read to its end is kept.
        self.collected(response).await?;
        Ok(version)
    }

    /// Asks the engine for its version anew and remembers the one both speak.
    async fn greet(&self) -> Result<(ApiVersion, Response<Incoming>), ConnectorError> {
        let response = self.sent(&Method::GET, PING).await?;
        let theirs = response
            .headers()
            .get("api-version")
            .and_then(|value| value.to_str().ok())
            .and_then(ApiVersion::parse);
        let Some(theirs) = theirs else {
            let status = response.status();
            return Err(not_an_engine(status, &self.collected(response).await?));
        };
        let agreed = theirs.clamp(OLDEST, NEWEST);
        *self.remembered() = Some(agreed);
        Ok((agreed, response))
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Option<ApiVersion>> {
        self.negotiated
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn versioned(
        &self,
        method: &Method,
        version: ApiVersion,
        path: &str,
    ) -> Result<Response<Incoming>, ConnectorError> {
        let response = self.sent(method, &format!("/v{version}{path}")).await?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let body = self.collected(response).await?;
        Err(parse::refusal(OPERATION, status.as_u16(), &body))
    }

    /// One request, sent again once if the kept connection turned out to be dead. Everything that is sent here may
    /// arrive twice: starting or stopping again is a success.
    async fn sent(
        &self,
        method: &Method,
        path: &str,
    ) -> Result<Response<Incoming>, ConnectorError> {
        match self.once(method, path).await {
            Err(error) if was_closed_meanwhile(&error) => self.once(method, path).await,
            other => other,
        }
        .map_err(|error| self.failed(&*error))
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
            .body(Full::new(Bytes::new()))?;
        Ok(self.http.request(request).await?)
    }

    async fn collected(&self, response: Response<Incoming>) -> Result<Bytes, ConnectorError> {
        let whole = response.into_body().collect().await;
        whole
            .map(http_body_util::Collected::to_bytes)
            .map_err(|error| self.failed(&error))
    }

    /// Finds what lies at the bottom of an error of the HTTP client.
    pub(super) fn failed(&self, error: &(dyn Error + 'static)) -> ConnectorError {
        let chain = chain(error);
        for cause in &chain {
            if let Some(known) = cause.downcast_ref::<ConnectorError>() {
                return known.clone();
            }
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                return transport::carried(io).unwrap_or_else(|| self.dial.failed(io));
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
        ConnectorError::new(kind, OPERATION, deepest)
    }
}

type Failed = Box<dyn Error + Send + Sync>;

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

fn not_an_engine(status: StatusCode, body: &[u8]) -> ConnectorError {
    let refusal = parse::refusal(OPERATION, status.as_u16(), body);
    if refusal.kind == ErrorKind::Unauthorised {
        return refusal;
    }
    ConnectorError::new(
        ErrorKind::Protocol,
        OPERATION,
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
