// What a screen reader is told when a snapshot replaces another: steps, ends of cascades and settled questions.
import type { CascadeView, Snapshot } from "./backend/bindings";
import { duration } from "./format";
import { m, words } from "./i18n/index.svelte";

export function changes(before: Snapshot | null, after: Snapshot): string[] {
  if (!before) return [];
  const told: string[] = [];
  for (const cascade of after.cascades) {
    const old = before.cascades.find((c) => c.id === cascade.id);
    told.push(...stepsOf(old, cascade), ...endOf(old, cascade));
  }
  for (const question of before.questions) {
    if (!after.questions.some((q) => q.id === question.id)) told.push(m.questionSettled(question.node_name));
  }
  for (const question of after.questions) {
    if (!before.questions.some((q) => q.id === question.id)) {
      // said once: the seconds that are left are not a live region
      const left = question.stops_at === null ? null : Math.max(0, question.stops_at - after.at);
      told.push(left === null ? m.questionAsked(question.node_name) : m.graceAsked(question.node_name, duration(left, words.language)));
    }
  }
  return told;
}

function stepsOf(old: CascadeView | undefined, cascade: CascadeView): string[] {
  return cascade.steps.flatMap((step, at) => {
    const was = old?.steps[at]?.status ?? "waits";
    if (step.status === was) return [];
    if (step.status === "running") return [m.stepRuns(at + 1, cascade.steps.length, step.node_name, step.action)];
    if (step.status === "done") return [m.stepDone(step.node_name, step.action)];
    return [];
  });
}

function endOf(old: CascadeView | undefined, cascade: CascadeView): string[] {
  if (old === undefined || old.status === cascade.status) return [];
  if (cascade.status === "completed") return [m.cascadeCompleted(cascade.node_name, cascade.action)];
  if (cascade.status === "failed") return [m.cascadeFailed(cascade.node_name, cascade.action)];
  if (cascade.status === "cancelled") return [m.cascadeCancelled(cascade.node_name)];
  return [];
}
