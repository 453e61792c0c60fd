//! `judge --rule RULE.toml --trace TRACE.jsonl`: what a rule would have done, without any homelab.

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};
use std::path::Path;
use wakehub_domain::Timestamp;
use wakehub_domain::idle::{IdleRule, Interruption, ProbeAnswer, Sample, Window};

/// The `idle` table of a node, as it stands in homelab.toml: its keys alone, or below `[idle]`.
pub fn rule(text: &str, path: &Path) -> anyhow::Result<IdleRule> {
    let named = || format!("{} is no idle rule", path.display());
    let table: toml::Table = toml::from_str(text).with_context(named)?;
    let rule = if table.contains_key("idle") {
        toml::from_str::<Below>(text).with_context(named)?.idle
    } else {
        toml::from_str(text).with_context(named)?
    };
    if let Some((field, what)) = rule.check().first() {
        bail!("{}: {field}: {what}", path.display());
    }
    Ok(rule)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Below {
    idle: IdleRule,
}

/// A line of a trace.
enum Line {
    /// With `t` as it was written.
    Sample(Value, Sample),
    Event(Interruption),
}

/// Calls `told` with what stands behind each sample, in order, until the first line that is none.
pub fn judge(
    rule: &IdleRule,
    trace: &str,
    path: &Path,
    mut told: impl FnMut(&Value),
) -> anyhow::Result<()> {
    let mut window = Window::default();
    for (at, text) in trace.lines().enumerate() {
        if text.trim().is_empty() {
            continue;
        }
        let line = line(text).with_context(|| format!("{} line {}", path.display(), at + 1))?;
        match line {
            Line::Event(event) => window.interrupt(event),
            Line::Sample(t, sample) => {
                let judged = window.take(rule, &sample);
                told(&json!({
                    "t": t,
                    "verdict": judged.verdict.as_str(),
                    "because": judged.verdict.to_string(),
                    "idle_since": judged.verdict.since().map(seconds),
                    "stop": judged.stop,
                }));
            }
        }
    }
    Ok(())
}

fn line(text: &str) -> anyhow::Result<Line> {
    let fields: Map<String, Value> =
        serde_json::from_str(text).context("it is no JSON object on a line of its own")?;
    let t = fields.get("t").context("it has no t")?;
    let at = t
        .as_f64()
        // what milliseconds have room for
        .filter(|t| t.abs() < 9.0e15)
        .with_context(|| format!("t is {t}; it is a time in seconds"))?;
    if let Some(event) = fields.get("event") {
        return Ok(Line::Event(match event.as_str() {
            Some("suspend") => Interruption::Suspended,
            Some("resume") => Interruption::Resumed,
            Some("restart") => Interruption::Restarted,
            Some(_) | None => bail!("the event is {event}; it is suspend, resume or restart"),
        }));
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let at = Timestamp((at * 1000.0).round() as i64);
    let sample = Sample {
        at,
        cpu_cores: number(&fields, "cpu_cores")?,
        ram_fraction: number(&fields, "ram_fraction")?,
        rx_bytes: counter(&fields, "rx_bytes")?,
        tx_bytes: counter(&fields, "tx_bytes")?,
        rx_packets: counter(&fields, "rx_packets")?,
        tx_packets: counter(&fields, "tx_packets")?,
        read_bytes: counter(&fields, "read_bytes")?,
        written_bytes: counter(&fields, "written_bytes")?,
        connections: count(&fields, "connections")?,
        users: count(&fields, "users")?,
        probe: yes(&fields, "probe")?.map(answer),
        port_accepts: yes(&fields, "port_accepts")?,
        inhibitors: inhibitors(&fields)?,
    };
    Ok(Line::Sample(t.clone(), sample))
}

/// Absent and null are missing data; anything but a number is a mistake in the file, which is said rather than guessed at.
fn number(fields: &Map<String, Value>, key: &str) -> anyhow::Result<Option<f64>> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64().filter(|number| *number >= 0.0) {
            Some(number) => Ok(Some(number)),
            None => bail!("{key} is {value}; it is a number from 0"),
        },
    }
}

fn counter(fields: &Map<String, Value>, key: &str) -> anyhow::Result<Option<u64>> {
    let Some(number) = number(fields, key)? else {
        return Ok(None);
    };
    let exact = fields.get(key).and_then(Value::as_u64);
    // some tools write every number with a point
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, from 0, and below what a float tells apart"
    )]
    let whole = (number.fract() == 0.0 && number < 9.0e15).then_some(number as u64);
    match exact.or(whole) {
        Some(counter) => Ok(Some(counter)),
        None => bail!("{key} is {number}; it is a whole number from 0"),
    }
}

fn count(fields: &Map<String, Value>, key: &str) -> anyhow::Result<Option<u32>> {
    let counted = counter(fields, key)?;
    Ok(counted.map(|counted| u32::try_from(counted).unwrap_or(u32::MAX)))
}

fn yes(fields: &Map<String, Value>, key: &str) -> anyhow::Result<Option<bool>> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(yes)) => Ok(Some(*yes)),
        Some(value) => bail!("{key} is {value}; it is true or false"),
    }
}

fn answer(is_used: bool) -> ProbeAnswer {
    match is_used {
        true => ProbeAnswer::used("its service says that it is used"),
        false => ProbeAnswer::not_used("its service says that it is not used"),
    }
}

fn inhibitors(fields: &Map<String, Value>) -> anyhow::Result<Vec<String>> {
    match fields.get("inhibitors") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(value) => serde_json::from_value(value.clone())
            .with_context(|| format!("inhibitors is {value}; it is a list of texts")),
    }
}

/// Whole seconds as a whole number, as they were most likely written.
fn seconds(at: Timestamp) -> Value {
    match at.0 % 1000 {
        0 => json!(at.0 / 1000),
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of any real date")]
        _ => json!(at.0 as f64 / 1000.0),
    }
}

/// For people: `  60 s  idle      nothing uses it`
pub fn readable(told: &Value) -> String {
    let word = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
    format!(
        "{:>10} s  {:<9}  {}{}",
        told["t"].to_string(),
        word("verdict"),
        word("because"),
        if told["stop"] == true {
            "; the automatic stop would begin"
        } else {
            ""
        }
    )
}
