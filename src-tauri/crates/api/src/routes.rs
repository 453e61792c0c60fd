//! The one list of what can be asked. The router and the OpenAPI document are both made from it.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, Response, header, request};
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use crate::problem::Problem;
use crate::shared::{Scope, Shared};
use crate::url;

/// One operation as the document describes it.
pub(crate) struct Operation {
    pub method: Method,
    pub path: &'static str,
    pub id: &'static str,
    pub summary: &'static str,
    pub scope: Scope,
    pub query: Vec<(&'static str, Schema, &'static str)>,
    pub body: Option<Described>,
    pub answer: Option<Described>,
}

pub(crate) struct Described {
    pub media_type: &'static str,
    pub schema: Schema,
    pub is_required: bool,
}

/// What a request is about, besides its body.
pub(crate) struct Call {
    pub shared: Arc<Shared>,
    pub parts: request::Parts,
    path: Vec<String>,
}

impl Call {
    /// What whoever asks may do.
    pub fn scope(&self) -> Scope {
        let held = self.parts.extensions.get::<Scope>().copied();
        held.unwrap_or(Scope::Open)
    }

    /// The words of the path's placeholders, in order.
    pub fn word(&self, at: usize) -> &str {
        self.path.get(at).map_or("", String::as_str)
    }

    pub fn number(&self, at: usize, what: &str) -> Result<u32, Problem> {
        let word = self.word(at);
        word.parse()
            .map_err(|_| Problem::not_found(format!("there is no {what} {word}")))
    }

    pub fn query(&self) -> Result<BTreeMap<String, String>, Problem> {
        let text = self.parts.uri.query().unwrap_or_default();
        let pairs = url::query(text)
            .ok_or_else(|| Problem::invalid("the query is not percent-encoded UTF-8"))?;
        let count = pairs.len();
        let words: BTreeMap<_, _> = pairs.into_iter().collect();
        if words.len() < count {
            return Err(Problem::invalid("a word of the query stands twice"));
        }
        Ok(words)
    }
}

/// What a body is read as.
pub(crate) trait Reads: Sized + Send + 'static {
    const LIMIT: usize;
    fn read(media_type: &str, bytes: Bytes) -> Result<Self, Problem>;
    fn describe(schemas: &mut SchemaGenerator) -> Option<Described>;
}

/// What is answered with 2xx.
pub(crate) trait Answers: Send + 'static {
    fn answer(self) -> Response<Body>;
    fn describe(schemas: &mut SchemaGenerator) -> Option<Described>;
}

pub(crate) struct Json<T>(pub T);
/// JSON, or no body at all for the defaults.
pub(crate) struct Perhaps<T>(pub T);
/// A homelab.toml.
pub(crate) struct Toml(pub String);
/// One JSON value a line, as they come.
pub(crate) struct Lines<T> {
    pub body: Body,
    of: std::marker::PhantomData<fn() -> T>,
}

impl<T> Lines<T> {
    pub fn new(body: Body) -> Lines<T> {
        Lines {
            body,
            of: std::marker::PhantomData,
        }
    }
}

fn json<T: JsonSchema>(schemas: &mut SchemaGenerator, is_required: bool) -> Option<Described> {
    Some(Described {
        media_type: "application/json",
        schema: schemas.subschema_for::<T>(),
        is_required,
    })
}

fn parse<T: DeserializeOwned>(media_type: &str, bytes: &[u8]) -> Result<T, Problem> {
    if media_type != "application/json" {
        return Err(Problem::media_type("application/json"));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::invalid(format!("the body is not what is expected: {error}")))
}

impl Reads for () {
    const LIMIT: usize = limits::BODY;
    fn read(_: &str, _: Bytes) -> Result<(), Problem> {
        Ok(())
    }
    fn describe(_: &mut SchemaGenerator) -> Option<Described> {
        None
    }
}

impl<T: DeserializeOwned + JsonSchema + Send + 'static> Reads for Json<T> {
    const LIMIT: usize = limits::BODY;
    fn read(media_type: &str, bytes: Bytes) -> Result<Self, Problem> {
        Ok(Json(parse(media_type, &bytes)?))
    }
    fn describe(schemas: &mut SchemaGenerator) -> Option<Described> {
        json::<T>(schemas, true)
    }
}

impl<T: DeserializeOwned + Default + JsonSchema + Send + 'static> Reads for Perhaps<T> {
    const LIMIT: usize = limits::BODY;
    fn read(media_type: &str, bytes: Bytes) -> Result<Self, Problem> {
        if bytes.is_empty() {
            return Ok(Perhaps(T::default()));
        }
        Ok(Perhaps(parse(media_type, &bytes)?))
    }
    fn describe(schemas: &mut SchemaGenerator) -> Option<Described> {
        json::<T>(schemas, false)
    }
}

impl Reads for Toml {
    const LIMIT: usize = limits::HOMELAB;
    fn read(media_type: &str, bytes: Bytes) -> Result<Self, Problem> {
        if !matches!(media_type, "application/toml" | "text/plain") {
            return Err(Problem::media_type("application/toml"));
        }
        String::from_utf8(bytes.into())
            .map(Toml)
            .map_err(|_| Problem::invalid("a homelab.toml is UTF-8"))
    }
    fn describe(schemas: &mut SchemaGenerator) -> Option<Described> {
        Some(Described {
            media_type: "application/toml",
            schema: schemas.subschema_for::<String>(),
            is_required: true,
        })
    }
}

impl Answers for () {
    fn answer(self) -> Response<Body> {
        axum::http::StatusCode::NO_CONTENT.into_response()
    }
    fn describe(_: &mut SchemaGenerator) -> Option<Described> {
        None
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Answers for Json<T> {
    fn answer(self) -> Response<Body> {
        axum::Json(self.0).into_response()
    }
    fn describe(schemas: &mut SchemaGenerator) -> Option<Described> {
        json::<T>(schemas, true)
    }
}

impl Answers for Toml {
    fn answer(self) -> Response<Body> {
        ([(header::CONTENT_TYPE, "application/toml")], self.0).into_response()
    }
    fn describe(schemas: &mut SchemaGenerator) -> Option<Described> {
        <Toml as Reads>::describe(schemas)
    }
}

impl<T: JsonSchema + Send + 'static> Answers for Lines<T> {
    fn answer(self) -> Response<Body> {
        ([(header::CONTENT_TYPE, "application/x-ndjson")], self.body).into_response()
    }
    fn describe(schemas: &mut SchemaGenerator) -> Option<Described> {
        Some(Described {
            media_type: "application/x-ndjson",
            schema: schemas.subschema_for::<T>(),
            is_required: true,
        })
    }
}

/// Grows by one operation at a time.
pub(crate) struct Routes {
    pub shared: Option<Arc<Shared>>,
    pub router: Router,
    pub operations: Vec<Operation>,
    pub schemas: SchemaGenerator,
    patience: Duration,
}

impl Routes {
    /// Without `shared` only the description is made.
    pub fn new(shared: Option<Arc<Shared>>, schemas: SchemaGenerator) -> Routes {
        Routes {
            shared,
            router: Router::new(),
            operations: Vec::new(),
            schemas,
            patience: limits::ANSWER,
        }
    }

    /// The operation added next may take its time: platforms are asked.
    pub fn patiently(mut self) -> Routes {
        self.patience = limits::LONG_ANSWER;
        self
    }

    pub fn on<B, A, F, Fut>(
        mut self,
        method: Method,
        path: &'static str,
        (id, summary): (&'static str, &'static str),
        scope: Scope,
        act: F,
    ) -> Routes
    where
        B: Reads,
        A: Answers,
        F: Fn(Call, B) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<A, Problem>> + Send + 'static,
    {
        let patience = std::mem::replace(&mut self.patience, limits::ANSWER);
        let body = B::describe(&mut self.schemas);
        let answer = A::describe(&mut self.schemas);
        if let Some(shared) = self.shared.clone() {
            let answering = move |request: Request| {
                let (shared, act) = (shared.clone(), act.clone());
                async move {
                    let done = async {
                        let (call, body) = read::<B>(shared, path, scope, request).await?;
                        tokio::time::timeout(patience, act(call, body))
                            .await
                            .map_err(|_| Problem::timed_out())?
                    };
                    done.await
                        .map_or_else(IntoResponse::into_response, A::answer)
                }
            };
            if let Ok(filter) = MethodFilter::try_from(method.clone()) {
                self.router = self.router.route(path, on(filter, answering));
            }
        }
        self.operations.push(Operation {
            method,
            path,
            id,
            summary,
            scope,
            query: Vec::new(),
            body,
            answer,
        });
        self
    }

    /// Describes a word of the last operation's query.
    pub fn with_query<T: JsonSchema>(mut self, name: &'static str, what: &'static str) -> Routes {
        let schema = self.schemas.subschema_for::<T>();
        if let Some(last) = self.operations.last_mut() {
            last.query.push((name, schema, what));
        }
        self
    }
}

async fn read<B: Reads>(
    shared: Arc<Shared>,
    path: &'static str,
    scope: Scope,
    request: Request,
) -> Result<(Call, B), Problem> {
    let (parts, body) = request.into_parts();
    let held = parts.extensions.get::<Scope>().copied();
    if held.unwrap_or(Scope::Open) < scope {
        return Err(lacking(held.unwrap_or(Scope::Open), scope));
    }
    let words = words(path, parts.uri.path())
        .ok_or_else(|| Problem::invalid("the path is not percent-encoded UTF-8"))?;
    let media_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let collected = tokio::time::timeout(limits::BODY_TIME, Limited::new(body, B::LIMIT).collect());
    let bytes = match collected.await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(Problem::too_large(B::LIMIT));
        }
        Ok(Err(error)) => {
            return Err(Problem::invalid(format!(
                "the body did not arrive: {error}"
            )));
        }
        Err(_) => return Err(Problem::too_slow()),
    };
    let body = B::read(&media_type, bytes)?;
    let call = Call {
        shared,
        parts,
        path: words,
    };
    Ok((call, body))
}

pub(crate) fn lacking(held: Scope, needed: Scope) -> Problem {
    match (held, needed) {
        (Scope::Open, Scope::Read | Scope::Control) => {
            Problem::unauthorised("a token is needed for this")
        }
        (_, Scope::Owner) => Problem::forbidden(
            "tokens and settings of the API are changed on the computer that WakeHub runs on",
            "Use `wakehub token` and `wakehub api` there.",
        ),
        (held, needed) => Problem::forbidden(
            format!(
                "this token may {}, and {} is needed",
                held.as_str(),
                needed.as_str()
            ),
            "Use a token of scope control: `wakehub token add NAME --scope control`.",
        ),
    }
}

/// What stands in the place of `{…}` in the pattern.
fn words(pattern: &str, path: &str) -> Option<Vec<String>> {
    pattern
        .split('/')
        .zip(path.split('/'))
        .filter(|(part, _)| part.starts_with('{'))
        .map(|(_, word)| url::decode(word))
        .collect()
}
