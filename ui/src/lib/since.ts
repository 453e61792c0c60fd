// Since when a node is in its state: a duration while it runs, a moment once it went.
import type { NodeView } from "./backend/bindings";
import { duration, moment } from "./format";
import { m, words } from "./i18n/index.svelte";

/** ` · 2 h 16 min`, ` · Fri 23:10`; empty when nobody knows. */
export function stateLine(node: NodeView, now: number): string {
  const text = since(node, now);
  return text ? ` · ${text}` : "";
}

export function since(node: NodeView, now: number): string {
  if (node.since <= 0 || (node.power === "unknown" && node.seen === null)) return "";
  const age = now - node.since;
  switch (node.power) {
    case "on":
    case "starting":
    case "stopping":
      return age < 1000 ? m.justNow : duration(Math.max(age, 1000), words.language);
    case "off":
    case "failed":
    case "unknown":
      return moment(node.since, now, words.locale);
  }
}
