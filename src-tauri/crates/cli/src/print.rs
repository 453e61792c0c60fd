//! What is written on standard output.

use serde_json::Value;
use std::collections::BTreeMap;
use wakehub_domain::{FollowUpMode, NodeId};
use wakehub_view::plan::plan_json;
use wakehub_view::wire::{
    CheckOutcomeView, CheckView, JournalLine, NodeView, PlanView, Power, Snapshot,
};

pub fn line(text: &str) {
    println!("{text}");
}

pub fn raw(text: &str) {
    print!("{text}");
}

pub fn json(value: &Value) {
    println!("{value}");
}

pub fn plan(plan: &PlanView, as_json: bool) {
    if as_json {
        println!("{}", plan_json(plan));
        return;
    }
    if plan.steps.is_empty() {
        println!("nothing to do");
    }
    for (at, step) in plan.steps.iter().enumerate() {
        println!(
            "{}. {} {} by {} ({})",
            at + 1,
            step.action.as_str(),
            step.node_name,
            step.via,
            step.reason
        );
    }
    for skipped in &plan.skipped {
        println!("skipped: {} is {}", skipped.node_name, skipped.reason);
    }
    for protected in &plan.protected {
        println!("protected: {} {}", protected.node_name, protected.reason);
    }
    for follow_up in &plan.follow_ups {
        let mode = match follow_up.mode {
            FollowUpMode::Auto => "by itself",
            FollowUpMode::Confirm => "asks first",
        };
        println!(
            "then: {} ({mode}), {}",
            follow_up.node_name, follow_up.reason
        );
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
        println!(
            "{} {name:<28} {:<9} {:<8}{note}{configure}",
            glyph(node.power),
            node.kind.as_str(),
            word(node.power)
        );
        branch(guests, Some(node.id), depth + 1);
    }
}

pub fn check(check: &CheckView) {
    let mark = match check.outcome {
        CheckOutcomeView::Passed => "ok  ",
        CheckOutcomeView::Warning => "warn",
        CheckOutcomeView::Failed => "FAIL",
        CheckOutcomeView::Skipped => "skip",
    };
    println!(
        "{mark}  {} · {}: {}",
        check.capability.title(),
        check.title,
        check.detail
    );
    if let Some(advice) = &check.advice {
        println!("      {advice}");
    }
}

pub fn journal_line(entry: &JournalLine) {
    let reason = entry
        .reason
        .as_ref()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    println!("{}  {}{reason}", local(entry.at.0), entry.message);
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
fn local(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).map_or_else(
        |_| millis.to_string(),
        |at| {
            at.to_zoned(jiff::tz::TimeZone::system())
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string()
        },
    )
}
