// One start or stop of several nodes: the plans of each, drawn as one.
import type { Action, Ask, FollowUpView, NodeId, NodeView, PlanAnswer, PlanView, RefusalView, SkippedView } from "./backend/bindings";

export interface Planned {
  ask: Ask;
  plan: PlanView;
}

export interface Bulk {
  /** What is asked of the engine, one after the other: without those that another one brings along. */
  runs: Planned[];
  /** All steps in the order in which they come, each node once. */
  whole: PlanView;
  refused: RefusalView[];
  /** Steps that stop what was not chosen. */
  beyond: string[];
}

export async function planAll(action: Action, nodes: NodeView[], plan: (ask: Ask) => Promise<PlanAnswer>, onPlanned: (count: number) => void): Promise<Bulk> {
  const planned: Planned[] = [];
  const refused: RefusalView[] = [];
  for (const [at, node] of nodes.entries()) {
    let ask: Ask = { action, node: node.id, with_dependants: false, queue: true, automatic: false };
    let answer = await plan(ask);
    if (answer.kind === "refused" && answer.refusal.kind === "needed_by" && action === "stop") {
      ask = { ...ask, with_dependants: true };
      answer = await plan(ask);
    }
    if (answer.kind === "plan") planned.push({ ask, plan: answer.plan });
    else refused.push(answer.refusal);
    onPlanned(at + 1);
  }
  return combine(action, planned, refused);
}

export function combine(action: Action, planned: Planned[], refused: RefusalView[]): Bulk {
  const due = planned.filter((one) => one.plan.steps.length > 0);
  const brought = (one: Planned, by: Planned) => by !== one && by.plan.steps.length > one.plan.steps.length && one.plan.steps.every((step) => by.plan.steps.some((other) => other.node === step.node));
  const runs = due.filter((one) => !due.some((by) => brought(one, by)));
  const chosen = new Set(planned.map((one) => one.plan.node));
  const steps = unique(runs.flatMap((one) => one.plan.steps));
  const inSteps = new Set(steps.map((step) => step.node));
  const left = <T extends { node: NodeId }>(all: T[]) => unique(all.filter((one) => !inSteps.has(one.node)));
  const usual = steps.map((step) => step.usual_ms);
  return {
    runs,
    refused,
    beyond: action === "stop" ? steps.filter((step) => !chosen.has(step.node) && step.beyond_target).map((step) => step.node_name) : [],
    whole: {
      action,
      node: runs[0]?.plan.node ?? 0,
      node_name: runs[0]?.plan.node_name ?? "",
      steps,
      skipped: left<SkippedView>(planned.flatMap((one) => one.plan.skipped)),
      protected: left(planned.flatMap((one) => one.plan.protected)),
      follow_ups: left<FollowUpView>(planned.flatMap((one) => one.plan.follow_ups)),
      usual_ms: usual.every((ms) => ms !== null) ? usual.reduce<number>((sum, ms) => sum + ms, 0) : null,
    },
  };
}

function unique<T extends { node: NodeId }>(all: T[]): T[] {
  const seen = new Set<NodeId>();
  return all.filter((one) => !seen.has(one.node) && seen.add(one.node));
}
