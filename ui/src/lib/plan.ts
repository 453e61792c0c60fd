// How a plan reads in its dialog.
import type { PlanStepView, PlanView, StepView } from "./backend/bindings";
import { m } from "./i18n/index.svelte";
import { phrase } from "./phrases";

/** Steps that stop something beside the target because it needs it or runs on it; not what follows by itself. */
export function dependants(plan: PlanView): PlanStepView[] {
  const after = new Set(plan.follow_ups.map((next) => next.node));
  return plan.steps.filter((step) => step.node !== plan.node && !after.has(step.node));
}

/** Stopping others with it is harm: the button is critical and counts. */
export function isHarm(plan: PlanView): boolean {
  return plan.action === "stop" && dependants(plan).length > 0;
}

export function how(step: PlanStepView): string {
  if (step.action === "start") return step.channel === "wol" ? m.howWake : m.howStart(phrase(step.via));
  return step.channel === "ssh" ? m.howPowerOff : m.howStop(phrase(step.via));
}

/** `2` and `3` of "step 2 of 3" of a running cascade. */
export function progress(steps: StepView[]): { step: number; of: number } {
  const done = steps.filter((step) => step.status === "done" || step.status === "skipped").length;
  return { step: Math.min(done + 1, steps.length), of: steps.length };
}
