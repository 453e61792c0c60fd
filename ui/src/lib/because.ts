// Why a node is as it is, in short lines of plain words. No state stands without its reason.
import type { CascadeView, ConnectionView, FailureView, NodeView, Snapshot } from "./backend/bindings";
import { ahead } from "./format";
import { isActive, wakesFirst, type Graph } from "./graph";
import { m } from "./i18n/index.svelte";
import { few, say } from "./phrases";

export type BecauseIcon = "hold" | "always" | "warn" | "lock";

export interface Because {
  text: string;
  icon?: BecauseIcon;
  /** The platform's own words. */
  quoted?: boolean;
}

/** The most important line first. */
export function because(node: NodeView, graph: Graph, locale: string, now: number): Because[] {
  switch (node.power) {
    case "on":
      return [...whyOn(node, graph, locale, now), ...troubles(node)];
    case "off":
      return [...troubles(node), ...whatStartMeans(node, graph)];
    case "failed":
      return [{ text: node.cause ?? m.noWordsGiven, quoted: node.cause !== null }, ...troubles(node)];
    case "unknown":
      return [{ text: node.note ? say(node.note) : node.seen === null ? m.neverSeen : m.noAnswerNow }, ...troubles(node)];
    case "starting":
    case "stopping":
      return node.note ? [{ text: say(node.note) }] : [];
  }
}

function whyOn(node: NodeView, graph: Graph, locale: string, now: number): Because[] {
  const lines: Because[] = [];
  if (node.held_until !== null && node.held_until > now) lines.push({ text: m.heldUntil(ahead(node.held_until, now, locale)), icon: "hold" });
  if (node.always_on) lines.push({ text: m.alwaysOn, icon: "always" });
  const needing = node.needed_by.map((id) => graph.byId.get(id)).filter((by) => by !== undefined && isActive(by)) as NodeView[];
  const hosted = (graph.guests.get(node.id) ?? []).filter(isActive);
  if (needing.length > 0) lines.push({ text: m.neededBy(few(needing.map((by) => by.name))) });
  if (hosted.length > 0) lines.push({ text: m.hosts(few(hosted.map((guest) => guest.name))) });
  const keeps = node.depends_on.map((id) => graph.byId.get(id)).filter((needed) => needed !== undefined && isActive(needed)) as NodeView[];
  if (lines.length === 0) lines.push({ text: m.nothingNeedsIt });
  if (keeps.length > 0) lines.push({ text: m.keepsOn(few(keeps.map((needed) => needed.name))) });
  if (node.note) lines.push({ text: say(node.note) });
  return lines;
}

function whatStartMeans(node: NodeView, graph: Graph): Because[] {
  if (node.start_channel === null) return [{ text: m.cannotStart, icon: "warn" }];
  const first = wakesFirst(graph, node);
  if (first.length > 0) return [{ text: m.wakesFirst(few(first.map((needed) => needed.name))) }];
  const dependencies = node.depends_on.map((id) => graph.byId.get(id)).filter((d) => d !== undefined);
  if (dependencies.length > 0) return [{ text: m.needsWhichAreOn(few(dependencies.map((d) => d.name)), dependencies.length) }];
  return [{ text: m.startsAlone }];
}

function troubles(node: NodeView): Because[] {
  const lines: Because[] = [];
  if (node.vanished) lines.push({ text: m.vanished, icon: "warn" });
  if (node.missing_secrets.length > 0) lines.push({ text: m.secretMissing, icon: "warn" });
  if (node.lock !== null) lines.push({ text: m.locked(node.lock), icon: "lock" });
  if (node.health === "unhealthy") lines.push({ text: m.unhealthy, icon: "warn" });
  return lines;
}

/** What failed last at this node: the step of a cascade, or one of its connections. */
export function failureAt(node: NodeView, snapshot: Snapshot): { failure: FailureView; cascade?: CascadeView; connection?: ConnectionView } | null {
  for (const cascade of snapshot.cascades) {
    const failed = cascade.steps.some((step) => step.status === "failed" && step.node === node.id);
    if (cascade.status === "failed" && failed && cascade.failure) return { failure: cascade.failure, cascade };
  }
  for (const connection of snapshot.connections) {
    if (connection.node === node.id && connection.failure && (connection.status === "fails" || connection.status === "paused")) {
      return { failure: connection.failure, connection };
    }
  }
  return null;
}
