// The answers that a menu offers beside the main ones.
import type { Answer, QuestionView } from "$lib/backend/bindings";
import { m } from "$lib/i18n/index.svelte";
import type { MenuItem } from "$components/base/Menu.svelte";

export function otherAnswers(answer: (answer: Answer) => unknown, withSnooze = false): MenuItem[] {
  return [
    ...(withSnooze ? [{ label: m.snooze, icon: "hold" as const, acts: true, act: () => void answer("snooze") }] : []),
    { label: m.alwaysKeepOn, icon: "always" as const, acts: true, act: () => void answer("always_keep_on") },
  ];
}

/** What is left until it is stopped, in whole seconds, as long as anything is left. */
export function secondsLeft(question: QuestionView, now: number): number {
  return question.stops_at === null ? 0 : Math.max(0, Math.floor((question.stops_at - now) / 1000));
}
