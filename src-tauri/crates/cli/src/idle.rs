//! `idle [NODE]`: the rule by which a node counts as used, and how long everybody's timeout is.

use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use wakehub_domain::idle::IdleRule;
use wakehub_view::wire::SettingChange;

use crate::args::IdleArgs;
use crate::commands::find;
use crate::outcome::Failure;
use crate::wakehub::Wakehub;
use crate::{input, judge, print};

/// What is to become of it; nothing at all shows it.
struct Wanted {
    rule: Option<PathBuf>,
    timeout: Option<Duration>,
    enabled: Option<bool>,
}

pub async fn idle(handle: &Wakehub, args: IdleArgs, json: bool) -> Result<(), Failure> {
    let wanted = Wanted {
        rule: args.rule,
        timeout: args.timeout,
        enabled: (args.on || args.off).then_some(args.on),
    };
    match &args.node {
        Some(name) => of_node(handle, name, wanted, json).await,
        None => of_all(handle, wanted, json).await,
    }
}

async fn of_node(handle: &Wakehub, name: &str, wanted: Wanted, json: bool) -> Result<(), Failure> {
    let node = find(handle, name)?.id;
    let mut entry = handle.node_entry(node).await?;
    let is_change = wanted.rule.is_some() || wanted.timeout.is_some() || wanted.enabled.is_some();
    if is_change {
        let mut rule = match &wanted.rule {
            Some(path) => judge::rule(&input::file(path).await?, path)?,
            None => entry.idle.clone().unwrap_or_default(),
        };
        if let Some(timeout) = wanted.timeout {
            rule.timeout_minutes = Some(minutes(timeout)?);
        }
        if let Some(enabled) = wanted.enabled {
            rule.enabled = enabled;
        }
        entry.idle = Some(rule);
        handle.save_node(node, entry.clone()).await?;
    }
    if json {
        print::json(&json!({ "node": name, "idle": entry.idle }));
    } else {
        print::raw(&readable(name, entry.idle.as_ref())?);
    }
    Ok(())
}

async fn of_all(handle: &Wakehub, wanted: Wanted, json: bool) -> Result<(), Failure> {
    if wanted.rule.is_some() || wanted.enabled.is_some() {
        return Err(anyhow::anyhow!("say of which node: wakehub idle NODE").into());
    }
    if let Some(timeout) = wanted.timeout {
        let change = SettingChange::IdleTimeoutMinutes(minutes(timeout)?);
        handle.set_setting(change).await?;
    }
    let minutes = handle.engine_settings().await?.idle_timeout_minutes;
    if json {
        print::json(&json!({ "idle_timeout_minutes": minutes }));
    } else {
        print::line(&format!(
            "rules that set no time of their own: unused for {minutes} min"
        ));
    }
    Ok(())
}

fn minutes(timeout: Duration) -> anyhow::Result<u32> {
    let seconds = timeout.as_secs();
    anyhow::ensure!(seconds.is_multiple_of(60), "a timeout is whole minutes");
    Ok(u32::try_from(seconds / 60)?)
}

/// As it stands in homelab.toml.
fn readable(name: &str, rule: Option<&IdleRule>) -> anyhow::Result<String> {
    Ok(match rule {
        None => format!("{name} has no idle rule, so it is never stopped for not being used\n"),
        Some(rule) if *rule == IdleRule::default() => {
            format!("{name} has the usual rule of its kind: idle = {{}}\n")
        }
        Some(rule) => format!("# {name}\n{}", toml::to_string(rule)?),
    })
}
