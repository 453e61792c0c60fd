// Several guests configured at once.
import type { DiscoveredView, NodeEntry } from "./backend/bindings";
import { m } from "./i18n/index.svelte";

/** Messages by `index.field`. */
export type BatchErrors = Record<string, string>;

export function batchErrors(entries: NodeEntry[], taken: string[]): BatchErrors {
  const errors: BatchErrors = {};
  const seen = new Set(taken);
  entries.forEach((entry, at) => {
    const name = entry.name.trim();
    if (name === "") errors[`${at}.name`] = m.errorNameEmpty;
    else if ([...name].length > 64 || /[\u0000-\u001f\u007f]/.test(name)) errors[`${at}.name`] = m.errorName;
    else if (seen.has(name)) errors[`${at}.name`] = m.errorNameTaken;
    seen.add(name);
    if (entry.url && !/^https?:\/\/[^\s/]+/.test(entry.url)) errors[`${at}.url`] = m.errorUrl;
  });
  return errors;
}

/** What the platform hints at: what is configured already, and what is configured in the same go, by name. */
export function suggestions(one: DiscoveredView, together: DiscoveredView[]): string[] {
  const siblings = one.suggested.flatMap((id) => together.find((other) => other.platform_id === id && other.host === one.host)?.entry.name ?? []);
  return [...new Set([...(one.entry.depends_on ?? []), ...siblings])];
}

/** Compose says what a container needs; a startup order only says what comes before it, so that is offered and not taken. */
export const isCertain = (one: DiscoveredView): boolean => one.kind === "container";

/** Whom the entry could need: everybody but itself, its host and what it needs already. */
export function openNeeds(entry: NodeEntry, everybody: string[]): string[] {
  return everybody.filter((name) => name !== "" && name !== entry.name && name !== entry.host && !entry.depends_on?.includes(name));
}
