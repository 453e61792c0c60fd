//! The OpenAPI document, made from the same list as the router.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::endpoints;
use crate::routes::{Described, Operation, Routes};
use crate::shared::Scope;
use crate::wire::{ErrorAnswer, Event};

pub(crate) fn schemas() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator()
}

/// OpenAPI 3.1, whose schemas are JSON Schema 2020-12.
pub fn document() -> Value {
    describe(endpoints::all(Routes::new(None, schemas())))
}

pub(crate) fn describe(mut routes: Routes) -> Value {
    let error = routes.schemas.subschema_for::<ErrorAnswer>();
    routes.schemas.subschema_for::<Event>();
    let mut paths = Map::new();
    for operation in &routes.operations {
        let path = paths
            .entry(operation.path)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(methods) = path {
            let method = operation.method.as_str().to_ascii_lowercase();
            methods.insert(method, describe_operation(operation));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "WakeHub",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Over the socket in the data directory every request is its user's own. Over TCP a token is sent in \
                the header `Authorization: Bearer TOKEN`; a browser's WebSocket offers the subprotocols `wakehub.v1` and \
                `bearer.TOKEN`. `x-scope` says what a token must allow: read or control; `owner` is the socket alone. \
                Times are milliseconds since the Unix epoch.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": routes.schemas.take_definitions(true),
            "responses": {"Error": {
                "description": "Why it is not done",
                "content": {"application/json": {"schema": error}},
            }},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    })
}

fn describe_operation(operation: &Operation) -> Value {
    let placeholders = operation
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = placeholders
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    parameters.extend(operation.query.iter().map(|(name, schema, what)| {
        json!({"name": name, "in": "query", "description": what, "schema": schema})
    }));
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters,
        "x-scope": operation.scope.as_str(),
        "security": match operation.scope {
            Scope::Open => json!([]),
            Scope::Read | Scope::Control => json!([{"token": []}]),
            // no token opens it
            Scope::Owner => json!([]),
        },
        "responses": responses(operation),
    });
    if let (Some(body), Value::Object(fields)) = (&operation.body, &mut described) {
        let mut body_of = content(body);
        body_of["required"] = json!(body.is_required);
        fields.insert("requestBody".to_owned(), body_of);
    }
    described
}

fn responses(operation: &Operation) -> Value {
    let is_socket = operation.id == "events";
    let (status, done) = match &operation.answer {
        None => ("204", json!({"description": "Done"})),
        Some(answer) => {
            let mut done = content(answer);
            done["description"] = json!(if is_socket {
                "A WebSocket; each of its messages is one of these"
            } else {
                "Done"
            });
            (if is_socket { "101" } else { "200" }, done)
        }
    };
    let mut responses = json!({"default": {"$ref": "#/components/responses/Error"}});
    if operation.id == "health" {
        let mut unwell = done.clone();
        unwell["description"] = json!("Unwell");
        responses["503"] = unwell;
    }
    responses[status] = done;
    responses
}

fn content(described: &Described) -> Value {
    json!({"content": {described.media_type: {"schema": described.schema}}})
}
