//! What a rule has said, and would have said, for whoever asks.

use wakehub_domain::idle::{IdleRule, Judgement, Reading, Sample, Value, Window, suggest};
use wakehub_domain::{Intent, NodeId, PowerState, Timestamp};
use wakehub_view::plan::plan_view;
use wakehub_view::wire::{
    CommandError, EntryError, IdleView, JudgedView, SignalView, TickView, VerdictWord, WhyView,
};

use super::super::Controller;
use super::super::discovery::power;
use super::super::requests::removed;
use super::Watched;

/// What is shown of the past: an hour.
const SHOWN: usize = 60;

impl Controller {
    pub(in crate::controller) fn why(&self, node: NodeId) -> Result<WhyView, CommandError> {
        let node = self.graph.get(node).ok_or_else(|| removed(node))?;
        let state = self.observations.state(&self.graph, node.id);
        let is_on = state != PowerState::Off;
        let (would, refusal) = match self.plan_intent(&Intent::stop_automatically(node.id)) {
            Ok(plan) => (Some(plan).filter(|plan| !plan.steps.is_empty()), None),
            Err(refusal) => (None, Some(refusal)),
        };
        let rule = self.rule_of(node);
        Ok(WhyView {
            node: node.id,
            node_name: node.name.clone(),
            power: power(&state),
            kept_on: refusal.filter(|_| is_on).map(|refusal| refusal.message),
            idle: rule.map(|rule| idle_view(&rule, self.idling.of(node.id))),
            next_scheduled: self.next_scheduled(node.id),
            would: would.map(|plan| plan_view(&self.graph, &plan)),
        })
    }

    pub(in crate::controller) fn would_judge(
        &self,
        node: NodeId,
        rule: IdleRule,
    ) -> Result<Vec<JudgedView>, CommandError> {
        let known = self.graph.get(node).ok_or_else(|| removed(node))?;
        let wrong: Vec<EntryError> = rule
            .check()
            .into_iter()
            .map(|(field, message)| EntryError {
                field: Some(field.to_owned()),
                line: None,
                message: message.to_owned(),
            })
            .collect();
        if !wrong.is_empty() {
            return Err(CommandError::Entry { errors: wrong });
        }
        let rule = self.completed(known, rule);
        let watched = self.idling.of(node);
        let judged = watched.map_or_else(Vec::new, |watched| replay(&rule, watched));
        Ok(judged
            .into_iter()
            .map(|(at, judgement)| JudgedView {
                at,
                verdict: VerdictWord::of(&judgement.verdict),
                because: judgement.verdict.to_string(),
                stop: judgement.stop,
            })
            .collect())
    }
}

fn idle_view(rule: &IdleRule, watched: Option<&Watched>) -> IdleView {
    let last = watched.and_then(|watched| watched.last.as_ref());
    let judgement = last.map(|(_, judgement)| judgement);
    let mut past = watched.map_or_else(Vec::new, |watched| replay(rule, watched));
    past.drain(..past.len().saturating_sub(SHOWN));
    let signals = judgement.map_or_else(Vec::new, |judgement| signals(judgement, &past));
    let since = judgement.and_then(|judgement| judgement.verdict.since());
    let samples: Vec<Sample> = watched.map_or_else(Vec::new, |watched| {
        watched.samples.iter().cloned().collect()
    });
    IdleView {
        enabled: rule.enabled,
        timeout_s: u32::try_from(rule.timeout().as_secs()).unwrap_or(u32::MAX),
        verdict: judgement.map(|judgement| VerdictWord::of(&judgement.verdict)),
        because: judgement.map(|judgement| judgement.verdict.to_string()),
        idle_since: since,
        remembered_until: watched
            .and_then(|watched| watched.remembered_until)
            .filter(|until| since.is_some_and(|since| since < *until)),
        at: last.map(|(at, _)| *at),
        signals,
        unmeasured: watched.map_or_else(Vec::new, |w| w.unmeasured.clone()),
        due_at: since.map(|since| {
            let due = since.plus(rule.timeout());
            watched
                .and_then(|w| w.not_before)
                .map_or(due, |at| at.max(due))
        }),
        ticks: past
            .iter()
            .map(|(at, judgement)| TickView {
                at: *at,
                verdict: VerdictWord::of(&judgement.verdict),
            })
            .collect(),
        suggestion: suggest(&samples, rule.timeout()),
        samples: u32::try_from(samples.len()).unwrap_or(u32::MAX),
    }
}

fn signals(now: &Judgement, past: &[(Timestamp, Judgement)]) -> Vec<SignalView> {
    now.readings
        .iter()
        .map(|reading| {
            // traffic may be limited twice, by bytes and by packets
            let unit = std::mem::discriminant(&reading.value);
            let trail = past.iter().map(|(_, judgement)| {
                let of = |other: &&Reading| {
                    other.criterion == reading.criterion
                        && std::mem::discriminant(&other.value) == unit
                };
                let found = judgement.readings.iter().find(of);
                found.map(|reading| number(&reading.value))
            });
            SignalView {
                criterion: reading.criterion,
                value: reading.value.to_string(),
                threshold: reading.threshold.to_string(),
                over: reading.is_over(),
                limit: limit(reading),
                trail: trail.collect(),
            }
        })
        .collect()
}

/// What the rule says of each sample at hand, oldest first. The first has nothing to be compared with.
fn replay(rule: &IdleRule, watched: &Watched) -> Vec<(Timestamp, Judgement)> {
    let mut window = Window::default();
    let samples = watched.samples.iter();
    samples
        .map(|sample| (sample.at, window.take(rule, sample)))
        .collect()
}

/// Of what is answered with yes or no everything above 0 is use.
fn limit(reading: &Reading) -> f64 {
    if matches!(reading.threshold, Value::Answer(_) | Value::Port { .. }) {
        return 0.0;
    }
    number(&reading.threshold)
}

/// A homelab's counts are far below 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "shown as a line, not counted with"
)]
fn number(value: &Value) -> f64 {
    match value {
        Value::Cores(number) | Value::Fraction(number) => *number,
        Value::Bytes(count) | Value::Packets(count) => *count as f64,
        Value::Connections(count) | Value::Users(count) => f64::from(*count),
        // a yes is a 1
        Value::Answer(answer) => f64::from(u8::from(answer.is_used)),
        Value::Port { accepts, .. } => f64::from(u8::from(*accepts)),
    }
}
