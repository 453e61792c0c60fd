// The table of all nodes: what it leaves out, and in which order the rest stands.
import type { NodeId, NodeKind, NodeView } from "./backend/bindings";
import { matches, passes, treeRows, type Filter, type Graph, type TreeRow } from "./graph";

export type SortBy = "order" | "name" | "state" | "since";

export interface Sort {
  by: SortBy;
  isDown: boolean;
}

export interface View {
  text: string;
  state: Filter;
  /** Empty: every kind. */
  kinds: ReadonlySet<NodeKind>;
  onlyPinned: boolean;
  /** Hosts with guests that nobody configured yet. */
  onlyToConfigure: boolean;
  sort: Sort;
  isFlat: boolean;
  folded: ReadonlySet<NodeId>;
}

export function keeps(node: NodeView, view: View): boolean {
  return (
    passes(node, view.state) &&
    (view.kinds.size === 0 || view.kinds.has(node.kind)) &&
    (!view.onlyPinned || node.pinned) &&
    (!view.onlyToConfigure || node.to_configure > 0) &&
    matches(node, view.text)
  );
}

export function isFiltered(view: View): boolean {
  return view.text.trim() !== "" || view.state !== "all" || view.kinds.size > 0 || view.onlyPinned || view.onlyToConfigure;
}

/** What wants a look comes first. */
const rank: Record<NodeView["power"], number> = { failed: 0, unknown: 1, starting: 2, stopping: 3, on: 4, off: 5 };

/** Undefined keeps the order of creation. Equal ones stay in it too. */
export function comparison(sort: Sort, locale: string): ((a: NodeView, b: NodeView) => number) | undefined {
  const collator = new Intl.Collator(locale, { numeric: true, sensitivity: "base" });
  const by: Record<Exclude<SortBy, "order">, (a: NodeView, b: NodeView) => number> = {
    name: (a, b) => collator.compare(a.name, b.name),
    state: (a, b) => rank[a.power] - rank[b.power],
    since: (a, b) => b.since - a.since,
  };
  if (sort.by === "order") return undefined;
  const compare = by[sort.by];
  return sort.isDown ? (a, b) => compare(b, a) || a.id - b.id : (a, b) => compare(a, b) || a.id - b.id;
}

export function rowsOf(graph: Graph, nodes: NodeView[], view: View, locale: string): TreeRow[] {
  const compare = comparison(view.sort, locale);
  const keep = isFiltered(view) ? (node: NodeView) => keeps(node, view) : undefined;
  if (!view.isFlat) return treeRows(graph, nodes, view.folded, keep, compare);
  const kept = keep ? nodes.filter(keep) : [...nodes];
  if (compare) kept.sort(compare);
  return kept.map((node) => ({ node, depth: 0, hasGuests: false, isLast: true, through: [] }));
}
