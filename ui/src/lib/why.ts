// The answer to "Why is it on?" in one sentence, from what needs it and what holds it.
import type { JournalLine, NodeView } from "./backend/bindings";
import { ahead, moment } from "./format";
import { isActive, type Graph } from "./graph";
import { m } from "./i18n/index.svelte";
import { few, phrase } from "./phrases";
import { capital } from "./rich";

export function whyOn(node: NodeView, graph: Graph, now: number, locale: string): string {
  const needing = node.needed_by.map((id) => graph.byId.get(id)).filter((by) => by !== undefined && isActive(by)) as NodeView[];
  const hosted = (graph.guests.get(node.id) ?? []).filter(isActive);
  const parts = [
    node.held_until !== null && node.held_until > now && m.whyHeld(ahead(node.held_until, now, locale)),
    node.always_on && m.whyAlways,
    needing.length > 0 && m.whyNeeded(few(needing.map((by) => by.name), 3), needing.length),
    hosted.length > 0 && m.whyHosts(few(hosted.map((guest) => guest.name), 3)),
  ].filter((part) => part !== false);
  if (parts.length === 0) return m.whyNothing;
  return `${capital(new Intl.ListFormat(locale, { type: "conjunction" }).format(parts))}.`;
}

/** Why it went off, from its journal, newest first; null when the journal does not know. */
export function whyOff(lines: JournalLine[], name: string, now: number, locale: string): string | null {
  for (const { message, reason, at } of lines) {
    const when = moment(at, now, locale);
    if (message === `${name}: stop done`) return reason ? m.offStopped(when, phrase(reason)) : m.offStoppedThen(when);
    if (message === `${name} is off`) return m.offByItself(when);
    if (message === `${name} is on` || message === `${name}: start done`) return null;
  }
  return null;
}

/** Who started it, from its journal, newest first; null when the journal does not know. */
export function whoStarted(lines: JournalLine[], name: string, now: number, locale: string): string | null {
  for (const { message, reason, at } of lines) {
    const when = moment(at, now, locale);
    if (message === `${name}: start done`) return reason ? m.onStarted(when, phrase(reason)) : m.onStartedThen(when);
    if (message === `${name} is on`) return m.onByItself(when);
    if (message === `${name} is off` || message === `${name}: stop done`) return null;
  }
  return null;
}
