// Reads the hosting tree and the dependencies out of a snapshot.
import type { NodeId, NodeView, Snapshot } from "./backend/bindings";

export interface Graph {
  byId: Map<NodeId, NodeView>;
  byName: Map<string, NodeView>;
  guests: Map<NodeId, NodeView[]>;
}

export function graphOf(nodes: NodeView[]): Graph {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const guests = new Map<NodeId, NodeView[]>();
  for (const node of nodes) {
    if (node.host === null) continue;
    const siblings = guests.get(node.host);
    if (siblings) siblings.push(node);
    else guests.set(node.host, [node]);
  }
  return { byId, byName: new Map(nodes.map((node) => [node.name, node])), guests };
}

/** Only what is known to be off is not in use by anybody. */
export function isActive(node: NodeView): boolean {
  return node.power !== "off";
}

export function isLit(node: NodeView): boolean {
  return node.power === "on" || node.power === "starting" || node.power === "stopping";
}

export interface TreeRow {
  node: NodeView;
  depth: number;
  hasGuests: boolean;
  isLast: boolean;
  /** For each level above: whether its line goes on below this row. */
  through: boolean[];
}

/**
 * Hosts with their guests below them, folded ones left out. With `keep`, only these nodes and what hosts them; with `compare`,
 * siblings in that order.
 */
export function treeRows(
  graph: Graph,
  nodes: NodeView[],
  folded: ReadonlySet<NodeId>,
  keep?: (node: NodeView) => boolean,
  compare?: (a: NodeView, b: NodeView) => number,
): TreeRow[] {
  const kept = keep ? withHosts(graph, nodes.filter(keep)) : null;
  const rows: TreeRow[] = [];
  const visit = (node: NodeView, depth: number, isLast: boolean, through: boolean[]) => {
    const guests = (graph.guests.get(node.id) ?? []).filter((guest) => !kept || kept.has(guest.id));
    if (compare) guests.sort(compare);
    rows.push({ node, depth, hasGuests: guests.length > 0, isLast, through });
    if (folded.has(node.id) && !kept) return;
    guests.forEach((guest, at) => visit(guest, depth + 1, at === guests.length - 1, depth === 0 ? [] : [...through, !isLast]));
  };
  const roots = nodes.filter((node) => (node.host === null || !graph.byId.has(node.host)) && (!kept || kept.has(node.id)));
  if (compare) roots.sort(compare);
  roots.forEach((node, at) => visit(node, 0, at === roots.length - 1, []));
  return rows;
}

function withHosts(graph: Graph, nodes: NodeView[]): Set<NodeId> {
  const kept = new Set<NodeId>();
  for (const node of nodes) {
    for (let at: NodeView | undefined = node; at && !kept.has(at.id); at = at.host === null ? undefined : graph.byId.get(at.host)) {
      kept.add(at.id);
    }
  }
  return kept;
}

/** The target and all it needs in the order of a start: dependencies before hosts, deepest first. */
export function startOrder(graph: Graph, target: NodeView): NodeView[] {
  const order: NodeView[] = [];
  const seen = new Set<NodeId>();
  const visit = (node: NodeView) => {
    if (seen.has(node.id)) return;
    seen.add(node.id);
    for (const id of node.host === null ? node.depends_on : [...node.depends_on, node.host]) {
      const needed = graph.byId.get(id);
      if (needed) visit(needed);
    }
    order.push(node);
  };
  visit(target);
  return order;
}

/** One node of what a start means, with the reason as the engine would say it. */
export interface Needed {
  node: NodeView;
  reason: string;
}

/** What a start would wake first: everything needed, transitively, that is not on, deepest first. */
export function wakesFirst(graph: Graph, target: NodeView): NodeView[] {
  return startSteps(graph, target).filter((step) => step.node !== target).map((step) => step.node);
}

/** The order of a start as it looks from here; what really runs is planned by the engine. */
export function startSteps(graph: Graph, target: NodeView): Needed[] {
  const order: Needed[] = [];
  const seen = new Set<NodeId>([target.id]);
  const visit = (node: NodeView, reason: string) => {
    const needs = node.depends_on.map((id) => ({ id, reason: `needed by ${node.name}` }));
    if (node.host !== null) needs.push({ id: node.host, reason: `hosts ${node.name}` });
    for (const need of needs) {
      const needed = graph.byId.get(need.id);
      if (!needed || seen.has(need.id)) continue;
      seen.add(need.id);
      visit(needed, need.reason);
    }
    if (node === target || node.power !== "on") order.push({ node, reason });
  };
  visit(target, "you asked for it");
  return order;
}

/** What goes down with a node, and what nothing would need any more once they are off. */
export function stopMeans(graph: Graph, target: NodeView): { takes: NodeView[]; frees: NodeView[] } {
  const gone = new Set<NodeId>([target.id]);
  const takes: NodeView[] = [];
  const take = (node: NodeView) => {
    const users = [...node.needed_by.map((id) => graph.byId.get(id)), ...(graph.guests.get(node.id) ?? [])];
    for (const user of users) {
      if (!user || gone.has(user.id) || !isActive(user)) continue;
      gone.add(user.id);
      takes.push(user);
      take(user);
    }
  };
  take(target);
  const isFree = (node: NodeView) =>
    isActive(node) && !gone.has(node.id) && !node.always_on && node.held_until === null && !usersOf(graph, node).some((user) => isActive(user) && !gone.has(user.id));
  const frees = new Set<NodeView>();
  for (const id of gone) {
    for (const needed of graph.byId.get(id)?.depends_on.map((one) => graph.byId.get(one)) ?? []) if (needed && isFree(needed)) frees.add(needed);
  }
  return { takes, frees: [...frees] };
}

/** What depends on a node or runs on it, directly. */
export function usersOf(graph: Graph, node: NodeView): NodeView[] {
  return [...node.needed_by.map((id) => graph.byId.get(id)), ...(graph.guests.get(node.id) ?? [])].filter((one) => one !== undefined);
}

/** Whether the text stands in anything that a person would look for. */
export function matches(node: NodeView, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return true;
  return [node.name, node.address, node.platform_id, node.kind, node.url, ...node.tags].some((part) => part?.toLowerCase().includes(wanted));
}

export type Filter = "all" | "on" | "off" | "attention";

export function passes(node: NodeView, filter: Filter): boolean {
  switch (filter) {
    case "all":
      return true;
    case "on":
      return node.power === "on";
    case "off":
      return node.power === "off";
    case "attention":
      return needsAttention(node);
  }
}

export function needsAttention(node: NodeView): boolean {
  return (
    node.power === "failed" || node.power === "unknown" || node.vanished || node.missing_secrets.length > 0 || node.health === "unhealthy"
  );
}

/** Keeps the newer of two snapshots as a whole; nobody patches. */
export function newer(current: Snapshot | null, next: Snapshot): Snapshot {
  return current && current.revision >= next.revision ? current : next;
}
