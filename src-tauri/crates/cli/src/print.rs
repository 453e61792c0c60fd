//! What is written on standard output.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::sync::OnceLock;
use wakehub_domain::{FollowUpMode, NodeId};
use wakehub_view::plan::plan_json;
use wakehub_view::wire::{
    CheckOutcomeView, CheckView, JournalLine, NodeView, PlanView, Power, Snapshot, WhyView,
};

/// The first failure to write an answer, other than a reader that has seen enough.
static UNWRITTEN: OnceLock<String> = OnceLock::new();

pub fn line(text: &str) {
    raw(&format!("{text}\n"));
}

pub fn raw(text: &str) {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            UNWRITTEN.get_or_init(|| error.to_string());
        }
        Ok(()) | Err(_) => {}
    }
}

/// Why the answer is not where it should be: `wakehub export > file` on a full disk has not exported.
pub fn unwritten() -> Option<&'static str> {
    UNWRITTEN.get().map(String::as_str)
}

pub fn json(value: &Value) {
    line(&value.to_string());
}

pub fn plan(plan: &PlanView, as_json: bool) {
    if as_json {
        json(&plan_json(plan));
        return;
    }
    if plan.steps.is_empty() {
        line("nothing to do");
    }
    for (at, step) in plan.steps.iter().enumerate() {
        line(&format!(
            "{}. {} {} by {} ({})",
            at + 1,
            step.action.as_str(),
            step.node_name,
            step.via,
            step.reason
        ));
    }
    for skipped in &plan.skipped {
        line(&format!(
            "skipped: {} is {}",
            skipped.node_name, skipped.reason
        ));
    }
    for protected in &plan.protected {
        line(&format!(
            "protected: {} {}",
            protected.node_name, protected.reason
        ));
    }
    for follow_up in &plan.follow_ups {
        let mode = match follow_up.mode {
            FollowUpMode::Auto => "by itself",
            FollowUpMode::Confirm => "asks first",
        };
        line(&format!(
            "then: {} ({mode}), {}",
            follow_up.node_name, follow_up.reason
        ));
    }
}

/// The hosting tree, guests indented below their host.
pub fn nodes(snapshot: &Snapshot) {
    let mut guests: BTreeMap<Option<NodeId>, Vec<&NodeView>> = BTreeMap::new();
    for node in &snapshot.nodes {
        guests.entry(node.host).or_default().push(node);
    }
    branch(&guests, None, 0);
}

fn branch(guests: &BTreeMap<Option<NodeId>, Vec<&NodeView>>, host: Option<NodeId>, depth: usize) {
    for node in guests.get(&host).into_iter().flatten() {
        let name = format!("{}{}", "  ".repeat(depth), node.name);
        let note = node.cause.as_ref().or(node.note.as_ref());
        let note = note.map(|note| format!("  {note}")).unwrap_or_default();
        let configure = match node.to_configure {
            0 => String::new(),
            count => format!("  {count} to configure"),
        };
        line(&format!(
            "{} {name:<28} {:<9} {:<8}{note}{configure}",
            glyph(node.power),
            node.kind.as_str(),
            word(node.power)
        ));
        branch(guests, Some(node.id), depth + 1);
    }
}

pub fn why(why: &WhyView) {
    line(&format!("{} is {}", why.node_name, word(why.power)));
    if let Some(kept_on) = &why.kept_on {
        line(&format!("  {kept_on}"));
    }
    for scheduled in &why.next_scheduled {
        line(&format!(
            "  next {} by its schedule: {}",
            scheduled.action.as_str(),
            local(scheduled.at.0)
        ));
    }
    let Some(idle) = &why.idle else {
        line("  it has no idle rule, so it is not asked about for not being used");
        return;
    };
    let minutes = idle.timeout_s / 60;
    match (idle.verdict, &idle.because) {
        (Some(verdict), Some(because)) => line(&format!(
            "  {}: {because} (its timeout is {minutes} min)",
            verdict.as_str()
        )),
        (_, _) if !idle.enabled => line("  its idle rule is switched off"),
        (_, _) => line("  nothing was measured yet; a WakeHub that runs measures once a minute"),
    }
    if let Some(until) = idle.remembered_until {
        line(&format!(
            "  until {} WakeHub was off or asleep; Proxmox remembers that it was quiet",
            local(until.0)
        ));
    }
    for signal in &idle.signals {
        let mark = if signal.over { "used " } else { "quiet" };
        line(&format!(
            "  {mark}  {} (use is more than {})",
            signal.value, signal.threshold
        ));
    }
    if let (Some(due), Some(would)) = (idle.due_at, &why.would) {
        let names: Vec<&str> = would.steps.iter().map(|s| s.node_name.as_str()).collect();
        line(&format!(
            "  unused until {}, it is stopped or asked about: {}",
            local(due.0),
            names.join(", ")
        ));
    }
    for missing in &idle.unmeasured {
        line(&format!("  not measured: {missing}"));
    }
}

pub fn check(check: &CheckView) {
    let mark = match check.outcome {
        CheckOutcomeView::Passed => "ok  ",
        CheckOutcomeView::Warning => "warn",
        CheckOutcomeView::Failed => "FAIL",
        CheckOutcomeView::Skipped => "skip",
    };
    line(&format!(
        "{mark}  {} · {}: {}",
        check.capability.title(),
        check.title,
        check.detail
    ));
    if let Some(advice) = &check.advice {
        line(&format!("      {advice}"));
    }
}

pub fn journal_line(entry: &JournalLine) {
    let reason = entry
        .reason
        .as_ref()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    line(&format!("{}  {}{reason}", local(entry.at.0), entry.message));
}

fn glyph(power: Power) -> &'static str {
    match power {
        Power::On => "●",
        Power::Off => "○",
        Power::Starting => "▲",
        Power::Stopping => "▼",
        Power::Failed => "✕",
        Power::Unknown => "?",
    }
}

fn word(power: Power) -> &'static str {
    match power {
        Power::On => "on",
        Power::Off => "off",
        Power::Starting => "starting",
        Power::Stopping => "stopping",
        Power::Failed => "failed",
        Power::Unknown => "unknown",
    }
}

/// In this computer's time zone.
pub fn local(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).map_or_else(
        |_| millis.to_string(),
        |at| {
            at.to_zoned(jiff::tz::TimeZone::system())
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string()
        },
    )
}
