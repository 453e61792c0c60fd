//! `savings [NODE] --by week`: what was saved by keeping nodes off.

use serde_json::json;
use wakehub_view::savings::{SavedView, SavingsView};

use crate::args::By;
use crate::commands::find;
use crate::outcome::Failure;
use crate::print;
use crate::wakehub::Wakehub;

pub async fn savings(
    handle: &Wakehub,
    node: Option<String>,
    (by, last): (By, Option<u32>),
    json: bool,
) -> Result<(), Failure> {
    let node = match &node {
        Some(name) => Some(find(handle, name)?.id),
        None => None,
    };
    let view = handle.savings(by.ask(node, last)).await?;
    if json {
        print::json(&json!(view));
    } else {
        for line in lines(&view, node.is_some()) {
            print::line(&line);
        }
    }
    Ok(())
}

fn lines(view: &SavingsView, of_one: bool) -> Vec<String> {
    let Some(since) = view.since else {
        return vec![
            "nothing was seen yet; a WakeHub that runs looks once a minute what is off".to_owned(),
        ];
    };
    let currency = &view.currency;
    let mut lines = vec![format!(
        "an estimate, compared with running day and night; seen since {}",
        print::local(since.0)
    )];
    for period in &view.periods {
        let saved = figures(&period.saved, currency);
        lines.push(format!("{}  {saved}", period.first_day));
    }
    lines.push(format!("in all      {}", figures(&view.total, currency)));
    if view.total.unseen_hours >= 0.1 {
        lines.push(format!(
            "for {:.1} h of it WakeHub did not look: off before and afterwards",
            view.total.unseen_hours
        ));
    }
    if !of_one {
        for node in &view.nodes {
            let saved = figures(&node.saved, currency);
            lines.push(format!("  {}: {saved}", node.name));
        }
    }
    if !view.without_watts.is_empty() {
        lines.push(format!(
            "energy of {} is missing: say how many watts they draw (watts_on)",
            view.without_watts.join(", ")
        ));
    }
    lines
}

fn figures(saved: &SavedView, currency: &str) -> String {
    let mut figures = format!("off {:.1} h", saved.off_hours);
    if let Some(kwh) = saved.kwh {
        figures.push_str(&format!(", {kwh:.2} kWh"));
    }
    if let Some(money) = saved.money {
        figures.push_str(&format!(", {money:.2} {currency}"));
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use wakehub_domain::savings::Period;
    use wakehub_domain::{NodeId, Timestamp};
    use wakehub_view::savings::{SavedNode, SavedPeriod};

    #[test]
    fn says_what_is_known_and_what_is_missing() {
        let saved = SavedView {
            off_hours: 16.0,
            unseen_hours: 8.0,
            on_hours: 8.0,
            kwh: Some(0.56),
            money: Some(0.17),
        };
        let nas = SavedNode {
            node: NodeId(1),
            name: "nas".to_owned(),
            saved,
        };
        let mut view = SavingsView {
            by: Period::Day,
            periods: vec![SavedPeriod {
                first_day: "2026-11-22".to_owned(),
                from: Timestamp(0),
                to: Timestamp(1),
                saved,
            }],
            total: saved,
            nodes: vec![nas],
            without_watts: vec!["machine2".to_owned()],
            price_per_kwh: Some(0.3),
            currency: "EUR".to_owned(),
            since: Some(Timestamp(0)),
        };
        let said = lines(&view, false);
        assert_eq!(
            said[1..],
            [
                "2026-11-22  off 16.0 h, 0.56 kWh, 0.17 EUR",
                "in all      off 16.0 h, 0.56 kWh, 0.17 EUR",
                "for 8.0 h of it WakeHub did not look: off before and afterwards",
                "  nas: off 16.0 h, 0.56 kWh, 0.17 EUR",
                "energy of machine2 is missing: say how many watts they draw (watts_on)",
            ]
        );
        view.since = None;
        assert_eq!(lines(&view, false).len(), 1);
    }
}
