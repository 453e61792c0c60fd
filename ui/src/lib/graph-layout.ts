// Where every node of the homelab lies in the graph: what runs on a node lies in its box, the boxes stand in columns. The
// positions follow from who hosts whom alone, and a box keeps its column, so that nothing moves while states and needs change.
import type { NodeId, NodeView } from "./backend/bindings";

export interface Box {
  id: NodeId;
  x: number;
  y: number;
  width: number;
  height: number;
  depth: number;
  isGroup: boolean;
  /** The machine at the top of what hosts it, itself when nothing does. */
  root: NodeId;
}

export interface Layout {
  boxes: Map<NodeId, Box>;
  width: number;
  height: number;
  columns: number;
  /** The column of every box at the top, to keep it there. */
  column: Map<NodeId, number>;
}

export const leafHeight = 36;
export const headHeight = 42;
const columnWidth = 256;
const gutter = 64;
const rootGap = 32;
const padding = 12;
const innerGap = 12;
const innerGutter = 24;

/** The same as long as the same nodes run on the same hosts. */
export function structureOf(nodes: NodeView[]): string {
  return nodes.map((node) => `${node.id}<${node.host ?? ""}`).join(" ");
}

export function layOut(nodes: NodeView[], before?: Pick<Layout, "columns" | "column">): Layout {
  const tree = treeOf(nodes);
  const roots = inOrder(tree);
  const spans = new Map(roots.map((root) => [root.id, spanOf(leavesOf(tree, root))]));
  const tall = roots.reduce((sum, root) => sum + spans.get(root.id)! * (heightOf(tree, root, spans.get(root.id)!) + rootGap), 0);
  const widest = Math.max(1, ...spans.values());
  const columns = Math.max(widest, before?.columns ?? 0, Math.min(roots.length, Math.max(2, Math.round(Math.sqrt((tall * 1.1) / (columnWidth + gutter))))));
  const boxes = new Map<NodeId, Box>();
  const column = new Map<NodeId, number>();
  const bottoms: number[] = Array.from({ length: columns }, () => 0);
  for (const root of roots) {
    const span = spans.get(root.id)!;
    const kept = before?.column.get(root.id);
    const at = kept !== undefined && kept + span <= columns ? kept : shortest(bottoms, span);
    column.set(root.id, at);
    const y = Math.max(...bottoms.slice(at, at + span));
    const width = span * columnWidth + (span - 1) * gutter;
    const height = place(tree, root, { x: at * (columnWidth + gutter), y, width, columns: span, depth: 0, root: root.id }, boxes);
    bottoms.fill(y + height + rootGap, at, at + span);
  }
  const all = [...boxes.values()];
  return { boxes, columns, column, width: Math.max(0, ...all.map((box) => box.x + box.width)), height: Math.max(0, ...all.map((box) => box.y + box.height)) };
}

interface Tree {
  byId: Map<NodeId, NodeView>;
  guests: Map<NodeId, NodeView[]>;
  roots: NodeView[];
}

function treeOf(nodes: NodeView[]): Tree {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const guests = new Map<NodeId, NodeView[]>();
  const roots: NodeView[] = [];
  for (const node of nodes) {
    if (node.host === null || !byId.has(node.host)) roots.push(node);
    else guests.set(node.host, [...(guests.get(node.host) ?? []), node]);
  }
  return { byId, guests, roots };
}

/** What needs much stands before what it needs, and what nobody needs and needs nobody stands last; else the older first. */
function inOrder({ byId, roots }: Tree): NodeView[] {
  const rootOf = (node: NodeView): NodeId => {
    const host = node.host === null ? undefined : byId.get(node.host);
    return host ? rootOf(host) : node.id;
  };
  const needs = new Map<NodeId, Set<NodeId>>();
  const touched = new Set<NodeId>();
  for (const node of byId.values()) {
    for (const id of node.depends_on) {
      const other = byId.get(id);
      if (!other || rootOf(other) === rootOf(node)) continue;
      needs.set(rootOf(node), (needs.get(rootOf(node)) ?? new Set()).add(rootOf(other)));
      touched.add(rootOf(node)).add(rootOf(other));
    }
  }
  const depths = new Map<NodeId, number>();
  const depth = (id: NodeId, seen: Set<NodeId>): number => {
    const known = depths.get(id);
    if (known !== undefined) return known;
    // Machines may need each other by different guests; such a ring is cut where it is met again.
    if (seen.has(id)) return 0;
    seen.add(id);
    const found = Math.max(0, ...[...(needs.get(id) ?? [])].map((next) => depth(next, seen) + 1));
    seen.delete(id);
    depths.set(id, found);
    return found;
  };
  const rank = (node: NodeView) => (touched.has(node.id) ? -depth(node.id, new Set()) : 1);
  return [...roots].sort((a, b) => rank(a) - rank(b) || a.id - b.id);
}

function leavesOf({ guests }: Tree, node: NodeView): number {
  const own = guests.get(node.id);
  return own ? own.reduce((sum, guest) => sum + leavesOf({ guests } as Tree, guest), 0) : 1;
}

const spanOf = (leaves: number) => (leaves <= 12 ? 1 : Math.min(6, Math.ceil(Math.sqrt(leaves / 6))));

function shortest(bottoms: number[], span: number): number {
  let best = 0;
  let lowest = Infinity;
  for (let at = 0; at + span <= bottoms.length; at += 1) {
    const y = Math.max(...bottoms.slice(at, at + span));
    if (y < lowest) [best, lowest] = [at, y];
  }
  return best;
}

interface Room {
  x: number;
  y: number;
  width: number;
  columns: number;
  depth: number;
  root: NodeId;
}

/** Puts the node and all that it hosts at this place and answers its height. */
function place(tree: Tree, node: NodeView, room: Room, boxes: Map<NodeId, Box>): number {
  const guests = tree.guests.get(node.id) ?? [];
  const base = { id: node.id, x: room.x, y: room.y, width: room.width, depth: room.depth, root: room.root };
  if (guests.length === 0) {
    boxes.set(node.id, { ...base, height: leafHeight, isGroup: false });
    return leafHeight;
  }
  const box: Box = { ...base, height: 0, isGroup: true };
  boxes.set(node.id, box);
  const inner = room.width - 2 * padding;
  const column = (inner - (room.columns - 1) * innerGutter) / room.columns;
  const bottoms: number[] = Array.from({ length: room.columns }, () => room.y + headHeight);
  // Boxes first, then single nodes: a box between two nodes would tear the list apart.
  for (const guest of [...guests].sort((a, b) => Number(tree.guests.has(b.id)) - Number(tree.guests.has(a.id)))) {
    const span = Math.min(room.columns, tree.guests.has(guest.id) ? spanOf(leavesOf(tree, guest)) : 1);
    const at = shortest(bottoms, span);
    const y = Math.max(...bottoms.slice(at, at + span));
    const width = span * column + (span - 1) * innerGutter;
    const height = place(tree, guest, { x: room.x + padding + at * (column + innerGutter), y, width, columns: span, depth: room.depth + 1, root: room.root }, boxes);
    bottoms.fill(y + height + innerGap, at, at + span);
  }
  box.height = Math.max(...bottoms) - room.y - innerGap + padding;
  return box.height;
}

function heightOf(tree: Tree, root: NodeView, span: number): number {
  return place(tree, root, { x: 0, y: 0, width: columnWidth, columns: span, depth: 0, root: root.id }, new Map());
}

/** A line between two nodes: a need, or the way from a guest to its host. */
export interface Wire {
  id: string;
  from: NodeId;
  to: NodeId;
  /** Led around the left side, apart from the others. */
  isApart?: boolean;
}

export interface Line {
  /** For the `d` of a path. */
  path: string;
  /** The middle of its longest upright part, where nothing lies over it. */
  label: { x: number; y: number };
}

/** Lines led through the gutters between the boxes; those to the same node share their way. */
export function lines(layout: Layout, wires: Wire[]): Map<string, Line> {
  const out = new Map<string, Line>();
  const lanes = new Map<string, NodeId[]>();
  const lane = (where: string, target: NodeId): number => {
    const taken = lanes.get(where) ?? [];
    if (!taken.includes(target)) lanes.set(where, [...taken, target]);
    return 13 + (Math.max(0, lanes.get(where)!.indexOf(target)) % 5) * 9;
  };
  const targets = new Set(wires.map((wire) => wire.to));
  const sources = new Set(wires.map((wire) => wire.from));
  for (const wire of wires) {
    const from = layout.boxes.get(wire.from);
    const to = layout.boxes.get(wire.to);
    if (!from || !to) continue;
    // A node with lines in and out keeps them apart.
    const y1 = middle(from) - (targets.has(from.id) ? 5 : 0);
    const y2 = middle(to) + (sources.has(to.id) ? 5 : 0);
    const fromRoot = layout.boxes.get(from.root) ?? from;
    const toRoot = layout.boxes.get(to.root) ?? to;
    const right = (box: Box) => box.x + box.width;
    if (wire.isApart) {
      const x = Math.min(fromRoot.x, toRoot.x) - lane(`left ${Math.min(fromRoot.x, toRoot.x)}`, -to.id);
      out.set(wire.id, around(from.x, y1, x, y2, to.x));
    } else if (to.x >= right(from) + 20) {
      const x = from.root === to.root ? to.x - innerGutter / 2 : toRoot.x - lane(`left ${toRoot.x}`, to.id);
      out.set(wire.id, around(right(from), y1, x, y2, to.x));
    } else if (from.x >= right(to) + 20) {
      const x = from.root === to.root ? right(to) + innerGutter / 2 : right(toRoot) + lane(`right ${right(toRoot)}`, to.id);
      out.set(wire.id, around(from.x, y1, x, y2, right(to)));
    } else {
      const edge = Math.max(right(fromRoot), right(toRoot));
      out.set(wire.id, around(right(from), y1, edge + lane(`right ${edge}`, to.id), y2, right(to)));
    }
  }
  return out;
}

const middle = (box: Box) => box.y + (box.isGroup ? headHeight / 2 : box.height / 2);

/** Level to `x`, upright to the other height, level to the end, with round corners. */
function around(x1: number, y1: number, x: number, y2: number, x2: number): Line {
  const tip = x2 + 3 * Math.sign(x - x2);
  const radius = Math.min(14, Math.abs(y2 - y1) / 2, Math.abs(x - x1), Math.abs(tip - x));
  const down = Math.sign(y2 - y1);
  const out = Math.sign(x - x1) * radius;
  // The arrowhead lies on a straight end; on the very end of a curve it would point anywhere.
  const last = Math.min(radius, Math.max(2, Math.abs(tip - x) - 7));
  const back = Math.sign(tip - x) * last;
  const path =
    radius < 2
      ? `M${x1} ${y1}L${tip} ${y2}`
      : `M${x1} ${y1}H${x - out}Q${x} ${y1} ${x} ${y1 + down * radius}V${y2 - down * last}Q${x} ${y2} ${x + back} ${y2}H${tip}`;
  return { path, label: { x, y: (y1 + y2) / 2 } };
}

/** The nodes along which `node` would need itself if it needed `dependency`: node, dependency, …, and node again is left out. */
export function cycleIf(nodes: NodeView[], node: NodeId, dependency: NodeId): NodeId[] | null {
  if (node === dependency) return [node];
  const byId = new Map(nodes.map((one) => [one.id, one]));
  const cameFrom = new Map<NodeId, NodeId>([[dependency, node]]);
  const queue = [dependency];
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    const at = byId.get(id);
    for (const next of at ? [...at.depends_on, ...(at.host === null ? [] : [at.host])] : []) {
      if (next === node) {
        const path = [id];
        while (path[0] !== node) path.unshift(cameFrom.get(path[0]!)!);
        return path;
      }
      if (!cameFrom.has(next)) {
        cameFrom.set(next, id);
        queue.push(next);
      }
    }
  }
  return null;
}
