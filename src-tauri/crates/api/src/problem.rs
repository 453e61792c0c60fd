//! From "no" to an HTTP answer: a status, and JSON in the engine's own words.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use wakehub_view::wire::CommandError;

use crate::wire::ErrorAnswer;

/// Why a request is not done.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    error: CommandError,
    advice: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Problem {
        Problem {
            status,
            code,
            error: CommandError::Other {
                message: message.into(),
            },
            advice: None,
        }
    }

    fn advise(mut self, advice: impl Into<String>) -> Problem {
        self.advice = Some(advice.into());
        self
    }

    pub fn unauthorised(message: &str) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", message).advise(
            "Make a token with `wakehub token add NAME` on the computer that WakeHub runs on, and send it in the header Authorization: Bearer TOKEN.",
        )
    }

    pub fn forbidden(message: impl Into<String>, advice: &str) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "forbidden", message).advise(advice)
    }

    pub fn misdirected(host: &str) -> Problem {
        Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "unknown_host",
            format!("{host:?} is not a name of this WakeHub"),
        )
        .advise("Use this computer's address, or add the name to the hosts of the API: `wakehub api on --host NAME`.")
    }

    pub fn token_in_url() -> Problem {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "token_in_url",
            "a token must not stand in a URL: it ends up in histories and logs",
        )
        .advise("Remove that token and make another; send it in the header Authorization: Bearer TOKEN.")
    }

    pub fn not_found(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub fn method(allowed: &str) -> Problem {
        Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method",
            format!("this address answers to {allowed}"),
        )
    }

    pub fn invalid(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    pub fn media_type(wanted: &str) -> Problem {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media_type",
            format!("the body must be {wanted}"),
        )
    }

    pub fn too_large(limit: usize) -> Problem {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body is larger than {} KiB", limit / 1024),
        )
    }

    pub fn too_many(message: &str) -> Problem {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many", message)
            .advise("Wait a few seconds, then try again.")
    }

    pub fn too_slow() -> Problem {
        Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "the request did not arrive in time",
        )
    }

    pub fn timed_out() -> Problem {
        Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timed_out",
            "WakeHub did not answer in time; what was begun goes on",
        )
    }

    pub fn unavailable(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Problem {
        let (status, code, advice) = match &error {
            CommandError::Entry { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "entry", None),
            CommandError::Failure { failure } => (
                StatusCode::BAD_GATEWAY,
                "failed",
                Some(failure.advice.clone()),
            ),
            CommandError::Other { .. } => (StatusCode::CONFLICT, "refused", None),
        };
        Problem {
            status,
            code,
            error,
            advice,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let answer = ErrorAnswer {
            error: self.error,
            code: self.code.to_owned(),
            advice: self.advice,
        };
        let mut response = (self.status, axum::Json(answer)).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"WakeHub\""),
                );
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}
