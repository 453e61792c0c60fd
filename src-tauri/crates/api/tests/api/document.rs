//! The OpenAPI document against the routes, the wire types and real answers.

use crate::desk::Desk;
use hyper::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Every `$ref` leads somewhere, and nothing is described that nobody refers to.
#[test]
fn references_lead_somewhere() {
    let document = wakehub_api::document();
    let mut referred = BTreeSet::new();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    let pointer = to.strip_prefix('#').expect("within the document");
                    assert!(document.pointer(pointer).is_some(), "{to}");
                    referred.insert(to.rsplit('/').next().unwrap().to_owned());
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        assert!(referred.contains(name), "{name} is described and not used");
    }
    // the types that the UI shares
    for name in [
        "Snapshot",
        "NodeView",
        "PlanAnswer",
        "RunAnswer",
        "CommandError",
        "Event",
    ] {
        assert!(schemas.contains_key(name), "{name}");
    }
}

#[test]
fn operations_have_names_of_their_own() {
    let document = wakehub_api::document();
    let mut ids = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} stands twice");
            assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()));
            let placeholders = path.matches('{').count();
            let described = operation["parameters"].as_array().unwrap();
            let in_path = described.iter().filter(|p| p["in"] == "path").count();
            assert_eq!(placeholders, in_path, "{method} {path}");
            if method == "get" || method == "delete" {
                assert!(operation.get("requestBody").is_none(), "{method} {path}");
            }
        }
    }
}

/// What is documented answers, and what is not documented does not.
#[tokio::test]
async fn the_routes_are_those_of_the_document() {
    let desk = Desk::open().await;
    let served = desk
        .own(Method::GET, "/api/openapi.json", None)
        .await
        .json();
    assert_eq!(served, wakehub_api::document());
    for (path, methods) in served["paths"].as_object().unwrap() {
        let real = path
            .replace("{node}", "nobody")
            .replace("{cascade}", "4711")
            .replace("{question}", "4711")
            .replace("{queued}", "4711")
            .replace("{token}", "nobody");
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let is_documented = methods.get(method.to_lowercase()).is_some();
            let answer = desk.own(method.parse().unwrap(), &real, None).await;
            if is_documented {
                assert_ne!(answer.status, 405, "{method} {path}");
            } else {
                answer.refused(405, "method");
            }
        }
    }
    desk.own(Method::GET, "/api/v1/nothing", None)
        .await
        .refused(404, "not_found");
    desk.own(Method::GET, "/api/v2/snapshot", None)
        .await
        .refused(404, "not_found");
}

/// Real answers have the form that the document gives them.
#[tokio::test]
async fn answers_are_as_described() {
    let desk = Desk::open().await;
    let nas = desk.home.node("nas").id;
    let stop = json!({"action": "stop", "node": nas});
    let start = json!({"action": "start", "node": desk.home.node("sandbox").id});
    desk.own(Method::POST, "/api/v1/run", Some(start.clone()))
        .await
        .json();
    let asks: [(Method, &str, &str, Option<Value>); 16] = [
        (Method::GET, "/api", "/api", None),
        (Method::GET, "/health", "/health", None),
        (Method::GET, "/api/v1/snapshot", "/api/v1/snapshot", None),
        (Method::GET, "/api/v1/nodes", "/api/v1/nodes", None),
        (
            Method::GET,
            "/api/v1/nodes/{node}",
            "/api/v1/nodes/nas",
            None,
        ),
        (
            Method::GET,
            "/api/v1/nodes/{node}/entry",
            "/api/v1/nodes/nas/entry",
            None,
        ),
        (
            Method::GET,
            "/api/v1/nodes/{node}/secrets",
            "/api/v1/nodes/nas/secrets",
            None,
        ),
        (
            Method::GET,
            "/api/v1/journal",
            "/api/v1/journal?limit=20",
            None,
        ),
        (Method::GET, "/api/v1/platform", "/api/v1/platform", None),
        (Method::GET, "/api/v1/access", "/api/v1/access", None),
        (
            Method::POST,
            "/api/v1/plan",
            "/api/v1/plan",
            Some(stop.clone()),
        ),
        (
            Method::POST,
            "/api/v1/plan",
            "/api/v1/plan",
            Some(start.clone()),
        ),
        (Method::POST, "/api/v1/run", "/api/v1/run", Some(start)),
        (
            Method::POST,
            "/api/v1/nodes/{node}/stop",
            "/api/v1/nodes/vm-ubuntu/stop",
            None,
        ),
        (
            Method::POST,
            "/api/v1/tokens",
            "/api/v1/tokens",
            Some(json!({"name": "t", "scope": "read"})),
        ),
        (
            Method::POST,
            "/api/v1/nodes/{node}/discover",
            "/api/v1/nodes/raspberry/discover",
            None,
        ),
    ];
    let document = wakehub_api::document();
    for (method, path, real, body) in asks {
        let answer = desk.own(method.clone(), real, body).await;
        let operation = &document["paths"][path][method.as_str().to_lowercase()];
        let responses = &operation["responses"];
        let status = answer.status.as_u16().to_string();
        let described = responses
            .get(&status)
            .unwrap_or(&document["components"]["responses"]["Error"]);
        let schema = &described["content"]["application/json"]["schema"];
        let wrong = form::differences(&document, schema, &answer.json());
        assert!(wrong.is_empty(), "{method} {path} {status}: {wrong:#?}");
    }
    let refused = desk
        .own(Method::GET, "/api/v1/nodes/nobody", None)
        .await
        .json();
    let schema = &document["components"]["schemas"]["ErrorAnswer"];
    assert!(form::differences(&document, schema, &refused).is_empty());
    // and the comparison can tell
    let mut broken = refused;
    broken["error"]["kind"] = json!("toaster");
    assert!(!form::differences(&document, schema, &broken).is_empty());
}

#[tokio::test]
async fn a_homelab_goes_out_and_comes_back() {
    let desk = Desk::open().await;
    let text = desk.own(Method::GET, "/api/v1/homelab", None).await;
    assert_eq!(text.header("content-type"), "application/toml");
    let text = String::from_utf8(text.bytes.into()).unwrap();
    let report = desk.client().await.import(text.clone()).await.unwrap();
    assert!(
        report.added.is_empty() && report.changed.is_empty(),
        "{report:?}"
    );
    assert_eq!(desk.client().await.export().await.unwrap(), text);
}

/// As much of JSON Schema 2020-12 as schemars writes.
mod form {
    use serde_json::Value;

    pub fn differences(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        compare(document, schema, value, "", &mut wrong);
        wrong
    }

    fn compare(document: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        let Value::Object(rules) = schema else {
            if *schema == Value::Bool(false) {
                wrong.push(format!("{at}: nothing may stand here"));
            }
            return;
        };
        let is = |part: &Value| differences(document, part, value).is_empty();
        for (rule, given) in rules {
            match rule.as_str() {
                "$ref" => {
                    let pointer = given.as_str().unwrap().trim_start_matches('#');
                    compare(
                        document,
                        document.pointer(pointer).unwrap(),
                        value,
                        at,
                        wrong,
                    );
                }
                "type" => {
                    let words: Vec<&str> = match given {
                        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
                        word => word.as_str().into_iter().collect(),
                    };
                    if !words.iter().any(|word| is_of(word, value)) {
                        wrong.push(format!("{at}: {value} is no {words:?}"));
                    }
                }
                "const" if given != value => wrong.push(format!("{at}: {value} is not {given}")),
                "enum" if !given.as_array().unwrap().contains(value) => {
                    wrong.push(format!("{at}: {value} is none of {given}"));
                }
                "required" => {
                    for name in given.as_array().unwrap().iter().filter_map(Value::as_str) {
                        if value.is_object() && value.get(name).is_none() {
                            wrong.push(format!("{at}: {name} is missing"));
                        }
                    }
                }
                "properties" => {
                    for (name, part) in given.as_object().unwrap() {
                        if let Some(inner) = value.get(name) {
                            compare(document, part, inner, &format!("{at}/{name}"), wrong);
                        }
                    }
                    // an answer says nothing that is not described
                    let described = given.as_object().unwrap();
                    let is_alone = !rules.contains_key("oneOf") && !rules.contains_key("$ref");
                    for name in value
                        .as_object()
                        .into_iter()
                        .flat_map(|fields| fields.keys())
                    {
                        if is_alone && !described.contains_key(name) {
                            wrong.push(format!("{at}: {name} is not described"));
                        }
                    }
                }
                "items" => {
                    for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                        compare(document, given, inner, &format!("{at}/{index}"), wrong);
                    }
                }
                "anyOf" | "oneOf" if !given.as_array().unwrap().iter().any(is) => {
                    wrong.push(format!("{at}: {value} fits none of {rule}"));
                }
                "allOf" => {
                    for part in given.as_array().unwrap() {
                        compare(document, part, value, at, wrong);
                    }
                }
                "minimum" if value.is_number() && value.as_f64() < given.as_f64() => {
                    wrong.push(format!("{at}: {value} is less than {given}"));
                }
                _ => {}
            }
        }
    }

    fn is_of(word: &str, value: &Value) -> bool {
        match word {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{other}"),
        }
    }
}
