//! Any service: a GET, and what the rule says of its answer. See [`HttpProbe`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderName};
use serde_json::Value;
use wakehub_domain::idle::{HttpProbe, Means, ProbeAnswer, Scalar};
use wakehub_domain::{ConnectorError, ErrorKind};

use super::client::{Call, Client};
use super::{count, named};

pub(super) async fn ask(client: &Client, probe: &HttpProbe) -> Result<ProbeAnswer, ConnectorError> {
    let secret = match (&probe.parameter, &probe.header, &probe.user) {
        (None, None, None) => "",
        (_, _, _) => client.required_secret()?,
    };
    let parameter = probe.parameter.as_deref().map(|name| (name, secret));
    let mut call = Call::get(&[]).with(parameter.as_slice());
    if let Some(name) = &probe.header {
        let name = HeaderName::try_from(name.as_str())
            .map_err(|_| client.error(ErrorKind::Unsupported, "it has no such header"))?;
        call = call.header(name, client.sensitive(secret)?);
    }
    if let Some(user) = &probe.user {
        let login = STANDARD.encode(format!("{user}:{secret}"));
        call = call.header(AUTHORIZATION, client.sensitive(&format!("Basic {login}"))?);
    }
    let answer = client.send(call).await?;
    let status = answer.status;
    if !status.is_success() && probe.status != Some(status.as_u16()) {
        return Err(client.refused(status));
    }
    read(probe, status.as_u16(), &answer.body)
        .map_err(|what| client.error(ErrorKind::Protocol, what))
}

/// What an answer that counts shows. The error is why nobody knows.
fn read(probe: &HttpProbe, status: u16, body: &[u8]) -> Result<ProbeAnswer, String> {
    let mut holds = true;
    let mut why = Vec::new();
    if let Some(wanted) = probe.status {
        holds &= wanted == status;
        why.push(format!("answers {status}"));
    }
    if let Some(pointer) = &probe.pointer {
        let answer: Value =
            serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
        let at = match pointer.as_str() {
            "" => "its answer".to_owned(),
            _ => named(pointer),
        };
        let value = answer
            .pointer(pointer)
            .ok_or_else(|| format!("there is no {at} in the answer"))?;
        holds &= is_so(probe, value)
            .ok_or_else(|| format!("{at} is {}, which cannot be compared", shown(value)))?;
        why.push(format!("says that {at} is {}", shown(value)));
    }
    if let Some(text) = &probe.text {
        let has = String::from_utf8_lossy(body).contains(text.as_str());
        holds &= has;
        let says = if has { "says" } else { "does not say" };
        why.push(format!("{says} “{}”", named(text)));
    }
    Ok(ProbeAnswer {
        is_used: match probe.means {
            Means::Used => holds,
            Means::NotUsed => !holds,
        },
        why: format!("the service {}", why.join(" and ")),
    })
}

fn is_so(probe: &HttpProbe, value: &Value) -> Option<bool> {
    if let Some(most) = probe.more_than {
        return Some(number(value)? > most);
    }
    match (&probe.equals, value) {
        (Some(Scalar::Bool(wanted)), Value::Bool(is)) => Some(wanted == is),
        #[expect(clippy::float_cmp, reason = "both as they were written")]
        (Some(Scalar::Number(wanted)), Value::Number(is)) => Some(is.as_f64()? == *wanted),
        (Some(Scalar::Text(wanted)), Value::String(is)) => Some(wanted == is),
        // what is there has another kind: it is not that value
        (Some(_), Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            Some(false)
        }
        (Some(_), Value::Array(_) | Value::Object(_)) => None,
        (None, value) => Some(match value {
            Value::Null => false,
            Value::Bool(is) => *is,
            Value::Number(is) => is.as_f64()? != 0.0,
            Value::String(is) => !is.is_empty(),
            Value::Array(are) => !are.is_empty(),
            Value::Object(are) => !are.is_empty(),
        }),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(is) => is.as_f64(),
        Value::String(is) => is.trim().parse().ok().filter(|is: &f64| is.is_finite()),
        #[expect(clippy::cast_precision_loss, reason = "a list of a bounded answer")]
        Value::Array(are) => Some(are.len() as f64),
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(is) => format!("“{}”", named(is)),
        Value::Array(are) => format!("a list of {}", are.len()),
        Value::Object(are) => format!("an object of {}", count(are.len(), "field")),
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
