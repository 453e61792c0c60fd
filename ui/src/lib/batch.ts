// Several guests configured at once.
import type { NodeEntry } from "./backend/bindings";
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

/** Whom the entry could need: everybody but itself, its host and what it needs already. */
export function openNeeds(entry: NodeEntry, everybody: string[]): string[] {
  return everybody.filter((name) => name !== "" && name !== entry.name && name !== entry.host && !entry.depends_on?.includes(name));
}
