// What a waiting question says: the fact in its first line, what silence means in the second.
import type { QuestionView } from "./backend/bindings";
import { m } from "./i18n/index.svelte";
import { say } from "./phrases";
import { name, names } from "./rich";

export function wording(question: QuestionView): { ask: string; because: string } {
  const who = name(question.node_name);
  const gone = /^no longer needed once (.+) is off$/.exec(question.reason)?.[1];
  if (gone) {
    const off = gone.split(", ");
    return { ask: m.askNotNeeded(who), because: m.areOff(names(off), off.length) };
  }
  const time = /^it has not been used for (.+)$/.exec(question.reason)?.[1];
  if (time) return { ask: m.askNotUsed(who, time), because: "" };
  return { ask: m.askShutDown(who), because: `${say(question.reason)}.` };
}

/** Why it is about to be shut down, of a notice that says until when. */
export function graceOf(question: QuestionView): string {
  const who = name(question.node_name);
  if (/^no longer needed /.test(question.reason)) return m.graceNotNeeded(who);
  const time = /^it has not been used for (.+)$/.exec(question.reason)?.[1];
  return time ? m.graceNotUsed(who, time) : m.grace(who);
}
