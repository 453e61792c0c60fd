//! What was saved, as every surface shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;
use wakehub_domain::savings::Period;
use wakehub_domain::{NodeId, Timestamp};

/// Which days, weeks or months are asked for; the one that is not over counts as one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS, JsonSchema)]
#[ts(optional_fields = nullable)]
#[serde(deny_unknown_fields)]
pub struct SavingsAsk {
    pub by: Period,
    /// 1 to 400 days, 1 to 57 weeks, 1 to 13 months: older spans are forgotten.
    pub count: u32,
    /// One node's; all nodes' unless set.
    #[serde(default)]
    pub node: Option<NodeId>,
}

impl SavingsAsk {
    /// The sentence that says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        let (most, what) = match self.by {
            Period::Day => (400, "days"),
            Period::Week => (57, "weeks"),
            Period::Month => (13, "months"),
        };
        if (1..=most).contains(&self.count) {
            Ok(())
        } else {
            Err(format!("ask for 1 to {most} {what}, not {}", self.count))
        }
    }
}

/// An estimate: hours as they were seen, energy and money by the watts and the price that the user has given.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, TS, JsonSchema)]
pub struct SavedView {
    pub off_hours: f64,
    /// The part of `off_hours` in which WakeHub did not look: the node was off before and afterwards.
    pub unseen_hours: f64,
    pub on_hours: f64,
    /// Null when no watts are known.
    pub kwh: Option<f64>,
    /// Null when no watts or no price is known.
    pub money: Option<f64>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct SavedPeriod {
    /// Its first day, `2026-11-22`.
    pub first_day: String,
    pub from: Timestamp,
    /// Its end, be it to come.
    pub to: Timestamp,
    pub saved: SavedView,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct SavedNode {
    pub node: NodeId,
    pub name: String,
    pub saved: SavedView,
}

/// The hours of all are those of machines alone: they are what draws power, and thirty containers that are off for an hour are
/// not thirty hours. Energy is that of every node with watts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS, JsonSchema)]
pub struct SavingsView {
    pub by: Period,
    /// Oldest first; the last is not over.
    pub periods: Vec<SavedPeriod>,
    pub total: SavedView,
    /// Over all these periods: those that were off for a while, most energy first, then most hours.
    pub nodes: Vec<SavedNode>,
    /// Machines that were off and whose watts are not known: their energy is missing.
    pub without_watts: Vec<String>,
    pub price_per_kwh: Option<f64>,
    /// ISO 4217, `EUR`.
    pub currency: String,
    /// The first look that is still known; null before it.
    pub since: Option<Timestamp>,
}
