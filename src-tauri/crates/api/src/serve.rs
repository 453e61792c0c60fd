//! From a connection to an answer: what every request passes on its way.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use crate::endpoints;
use crate::events::offered_token;
use crate::guard::{self, Names};
use crate::limits;
use crate::openapi;
use crate::page;
use crate::problem::Problem;
use crate::routes::Routes;
use crate::shared::{Bearer, Peer, Place, Scope, Shared};
use crate::tokens::Worth;

pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    endpoints::all(Routes::new(Some(shared.clone()), openapi::schemas()))
        .router
        .method_not_allowed_fallback(|| async { Problem::method("other methods").into_response() })
        .fallback(|request: Request| async move {
            if request.uri().path().starts_with("/api") {
                return Problem::not_found("there is no such address in this API").into_response();
            }
            page::file(request.method(), request.uri(), request.headers())
        })
}

/// Speaks HTTP/1.1 with one client until it goes, WakeHub ends, or it is too slow.
pub(crate) async fn connection<S>(
    shared: Arc<Shared>,
    router: Router,
    stream: S,
    peer: Peer,
    place: Place,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_read_timeout(Some(limits::STALL));
    stream.set_write_timeout(Some(limits::STALL));
    let ending = shared.ending.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (shared, router) = (shared.clone(), router.clone());
        let (peer, place) = (peer.clone(), place.clone());
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(place);
            Ok::<_, Infallible>(answer(&shared, router, request, &peer).await)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_buf_size(limits::HEAD)
        .max_headers(limits::HEADERS)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = ending.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(limits::ENDING, connection.as_mut()).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn answer(shared: &Arc<Shared>, router: Router, request: Request, peer: &Peer) -> Response {
    let is_api = request.uri().path().starts_with("/api");
    let (mut parts, body) = request.into_parts();
    let mut response = match pass(shared, &parts, peer).await {
        Ok((scope, bearer)) => {
            parts.extensions.insert(scope);
            if let Some(bearer) = bearer {
                parts.extensions.insert(bearer);
            }
            match router.oneshot(Request::from_parts(parts, body)).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
        Err(problem) => problem.into_response(),
    };
    harden(response.headers_mut(), is_api);
    response
}

/// What whoever asks may do, unless it is refused altogether.
async fn pass(
    shared: &Shared,
    request: &Parts,
    peer: &Peer,
) -> Result<(Scope, Option<Bearer>), Problem> {
    let access = shared.access.borrow().clone();
    let local = match peer {
        Peer::Owner => None,
        Peer::Tcp { from, to } => {
            if !shared.requests.take(*from) {
                return Err(Problem::too_many("too many requests"));
            }
            if wakehub_view::access::reach(*from) > access.plain_http {
                return Err(Problem::forbidden(
                    format!("{from} is on a network from which plain HTTP was not accepted"),
                    "Accept it with `wakehub api on --plain-http …`, knowing that the tokens can be read on the way.",
                ));
            }
            Some(*to)
        }
    };
    let names = Names::new(&access.hosts, local);
    guard::check(&names, &request.method, &request.uri, &request.headers)?;
    match peer {
        Peer::Owner => Ok((Scope::Owner, None)),
        Peer::Tcp { from, .. } => scope_of(shared, &request.headers, *from).await,
    }
}

async fn scope_of(
    shared: &Shared,
    headers: &HeaderMap,
    from: IpAddr,
) -> Result<(Scope, Option<Bearer>), Problem> {
    let Some(token) = bearer(headers)? else {
        return Ok((Scope::Open, None));
    };
    if !shared.wrong.has(from) {
        return Err(Problem::too_many("too many wrong tokens"));
    }
    match shared.tokens.worth(&token).await {
        Worth::Known { id, scope } => Ok((scope.into(), Some(Bearer(id)))),
        Worth::Unknown => {
            shared.wrong.take(from);
            tracing::warn!(%from, "a wrong token");
            Err(Problem::unauthorised("this token is not known"))
        }
        Worth::Unchecked(error) => Err(Problem::unavailable(format!(
            "no token can be checked: {error}"
        ))),
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = given.next() else {
        return Ok(offered_token(headers));
    };
    let token = first
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.to_owned());
    match token {
        Some(token) if given.next().is_none() => Ok(Some(token)),
        Some(_) | None => Err(Problem::unauthorised(
            "the Authorization header must be: Bearer TOKEN",
        )),
    }
}

fn harden(headers: &mut HeaderMap, is_api: bool) {
    let fixed = [
        ("content-security-policy", page::POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(), geolocation=(), microphone=(), usb=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_api {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
