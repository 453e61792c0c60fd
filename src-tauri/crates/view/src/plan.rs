//! A plan and a refusal, with names: for the dialog that asks before it runs, and for `wakehub plan --json`.

use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;
use wakehub_domain::{Action, Capability, Graph, NodeId, Plan, Probe, Readiness, Refusal, Step};

use crate::wire::{FollowUpView, PlanStepView, PlanView, ProtectedView, RefusalView, SkippedView};

pub fn plan_view(graph: &Graph, plan: &Plan) -> PlanView {
    let target = plan.intent.node();
    let mut within: HashSet<NodeId> = graph.hosted(target).into_iter().collect();
    within.insert(target);
    let name = |id: NodeId| graph.name(id).into_owned();
    PlanView {
        action: plan.intent.action(),
        node: target,
        node_name: name(target),
        steps: plan
            .steps
            .iter()
            .map(|step| PlanStepView {
                node: step.node,
                node_name: name(step.node),
                action: step.action,
                channel: step.channel,
                via: via(graph, step),
                readiness: readiness(&step.readiness),
                reason: step.reason.clone(),
                timeout_ms: millis(step.timeout),
                usual_ms: step.usual.map(millis),
                beyond_target: step.action == Action::Stop && !within.contains(&step.node),
            })
            .collect(),
        skipped: plan
            .skipped
            .iter()
            .map(|skipped| SkippedView {
                node: skipped.node,
                node_name: name(skipped.node),
                reason: skipped.reason.clone(),
            })
            .collect(),
        protected: plan
            .protected
            .iter()
            .map(|protected| ProtectedView {
                node: protected.node,
                node_name: name(protected.node),
                by: protected.by.iter().map(|id| name(*id)).collect(),
                reason: protected.reason.clone(),
            })
            .collect(),
        follow_ups: plan
            .follow_ups
            .iter()
            .map(|follow_up| FollowUpView {
                node: follow_up.node,
                node_name: name(follow_up.node),
                mode: follow_up.mode,
                reason: follow_up.reason.clone(),
            })
            .collect(),
        usual_ms: plan
            .steps
            .iter()
            .map(|step| step.usual.map(millis))
            .sum::<Option<u64>>()
            .filter(|_| !plan.steps.is_empty()),
    }
}

pub fn refusal_view(graph: &Graph, refusal: &Refusal) -> RefusalView {
    RefusalView {
        node: refusal.node,
        node_name: graph.name(refusal.node).into_owned(),
        kind: refusal.kind.as_str().to_owned(),
        by: refusal
            .kind
            .by()
            .iter()
            .map(|id| graph.name(*id).into_owned())
            .collect(),
        message: refusal.message.clone(),
    }
}

/// The answer of `wakehub plan --json`, in the shape that DESIGN section 11 fixes.
pub fn plan_json(plan: &PlanView) -> Value {
    #[derive(Serialize)]
    struct StepJson<'a> {
        node: &'a str,
        action: Action,
        channel: Capability,
        reason: &'a str,
    }
    let steps: Vec<StepJson<'_>> = plan
        .steps
        .iter()
        .map(|step| StepJson {
            node: &step.node_name,
            action: step.action,
            channel: step.channel,
            reason: &step.reason,
        })
        .collect();
    let skipped: Vec<Value> = plan
        .skipped
        .iter()
        .map(|s| json!({"node": s.node_name, "reason": s.reason}))
        .collect();
    let protected: Vec<Value> = plan
        .protected
        .iter()
        .map(|p| json!({"node": p.node_name, "by": p.by, "reason": p.reason}))
        .collect();
    let follow_ups: Vec<Value> = plan
        .follow_ups
        .iter()
        .map(|f| json!({"node": f.node_name, "mode": f.mode, "reason": f.reason}))
        .collect();
    json!({
        "intent": {"action": plan.action, "node": plan.node_name},
        "steps": steps,
        "skipped": skipped,
        "protected": protected,
        "follow_ups": follow_ups,
    })
}

pub fn refusal_json(refusal: &RefusalView) -> Value {
    json!({"refused": {
        "node": refusal.node_name,
        "kind": refusal.kind,
        "by": refusal.by,
        "message": refusal.message,
    }})
}

/// Where a step's channel leads, in words.
pub fn via(graph: &Graph, step: &Step) -> String {
    let node = graph.name(step.node);
    let host = graph
        .get(step.node)
        .and_then(|node| node.host)
        .map(|host| graph.name(host));
    match (step.channel, host) {
        (Capability::Wol, _) => "a magic packet".to_owned(),
        (Capability::Ssh, _) => "SSH".to_owned(),
        (Capability::ProxmoxApi, Some(host)) => format!("{host}’s Proxmox"),
        (Capability::ProxmoxApi, None) => format!("{node}’s own Proxmox"),
        (Capability::DockerApi, Some(host)) => format!("{host}’s Docker"),
        (Capability::DockerApi, None) => format!("{node}’s Docker"),
    }
}

fn readiness(readiness: &Readiness) -> String {
    let (first, probe) = match readiness {
        Readiness::Answers { port, probe } => (format!("port {port} accepts"), probe),
        Readiness::Running { probe } => ("it runs".to_owned(), probe),
        Readiness::Off => return "it is seen off, twice".to_owned(),
    };
    match probe {
        None => first,
        Some(Probe::Tcp(port)) => format!("{first}, then {port} accepts"),
        Some(Probe::Http(url)) => format!("{first}, then {url} answers"),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
