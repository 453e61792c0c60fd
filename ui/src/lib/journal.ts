// The journal as it is read: the lines of a cascade fold into one, with its rail inside.
import type { Action, CascadeId, CascadeStatus, CascadeView, JournalLine, JournalQuery, NodeId, StepView } from "./backend/bindings";

export const groups = ["acts", "decisions", "questions", "states", "edits", "errors"] as const;
export type Group = (typeof groups)[number];

/** The kinds that the engine writes, by what a person looks for. */
export const kinds: Record<Group, readonly string[]> = {
  acts: ["start", "stop", "step", "hold"],
  decisions: ["decision", "schedule"],
  questions: ["question"],
  states: ["state"],
  edits: ["edit"],
  errors: ["error"],
};

export interface Filter {
  node: NodeId | null;
  cascade: CascadeId | null;
  text: string;
  group: Group | null;
  /** Included. */
  from: number | null;
  /** Excluded. */
  to: number | null;
}

/** The filter as the engine takes it. */
export function queryOf(filter: Filter, before: number | null = null, limit: number | null = null): JournalQuery {
  return {
    node: filter.node,
    cascade: filter.cascade,
    text: filter.text.trim() || null,
    kinds: filter.group === null ? null : [...kinds[filter.group]],
    from: filter.from,
    to: filter.to,
    before,
    limit,
  };
}

export interface Page {
  lines: JournalLine[];
  /** Where the next page begins; null when there is none. */
  before: number | null;
}

/** Newest first. */
export async function readPage(read: (query: JournalQuery) => Promise<JournalLine[]>, filter: Filter, before: number | null, size = 100): Promise<Page> {
  const lines = await read(queryOf(filter, before, size));
  return { lines, before: lines.length < size ? null : (lines.at(-1)?.id ?? null) };
}

export type Entry = { kind: "line"; line: JournalLine } | { kind: "cascade"; id: CascadeId; newest: JournalLine; lines: JournalLine[] };

/** Each cascade stands once, where its newest line is; its lines oldest first. */
export function fold(lines: JournalLine[]): Entry[] {
  const out: Entry[] = [];
  const open = new Map<CascadeId, JournalLine[]>();
  for (const line of lines) {
    if (line.cascade === null) {
      out.push({ kind: "line", line });
      continue;
    }
    const some = open.get(line.cascade);
    if (some) some.unshift(line);
    else {
      const first = [line];
      open.set(line.cascade, first);
      out.push({ kind: "cascade", id: line.cascade, newest: line, lines: first });
    }
  }
  return out.map((entry) => (entry.kind === "cascade" && entry.lines.length === 1 && !isHead(entry.newest) ? { kind: "line", line: entry.newest } : entry));
}

const begun = /^begin to (start|stop) (.+)$/;
const ended = /^the (start|stop) of (.+?) (completed|failed|cancelled|interrupted|was interrupted)$/;
const stepped = /^(.+): (start|stop) (done|failed)$/;

function isHead(line: JournalLine): boolean {
  return begun.test(line.message) || ended.test(line.message);
}

export interface Told {
  action: Action;
  name: string;
  status: CascadeStatus;
  steps: StepView[];
  from: number;
  to: number;
  /** Why it failed. */
  reason: string | null;
  /** Who was left as it is, and why. */
  beside: JournalLine[];
}

/** What the lines of a cascade tell, oldest first; null when they do not say what it was. */
export function told(lines: JournalLine[], live?: CascadeView): Told | null {
  const head = lines.map((line) => begun.exec(line.message)).find(Boolean);
  const end = lines.map((line) => ended.exec(line.message)).findLast(Boolean);
  const action = (live?.action ?? head?.[1] ?? end?.[1]) as Action | undefined;
  const name = live?.node_name ?? head?.[2] ?? end?.[2];
  const [first, last] = [lines[0], lines.at(-1)];
  if (!action || !name || !first || !last) return null;
  const word = end?.[3] === "was interrupted" ? "interrupted" : end?.[3];
  const status = live?.status ?? ((word as CascadeStatus | undefined) ?? "running");
  return {
    action,
    name,
    status,
    steps: live?.steps ?? stepsOf(lines, action),
    from: live?.begun ?? first.at,
    to: live?.ended ?? last.at,
    reason: lines.findLast((line) => line.kind === "error")?.reason ?? lines.findLast((line) => ended.test(line.message))?.reason ?? null,
    beside: lines.filter((line) => line.kind === "decision"),
  };
}

function stepsOf(lines: JournalLine[], action: Action): StepView[] {
  const order = lines.map((line) => /^in this order: (.+)$/.exec(line.reason ?? "")?.[1]?.split(", ")).find(Boolean) ?? [];
  const done = new Map<string, { line: JournalLine; isFailed: boolean }>();
  for (const line of lines) {
    const found = stepped.exec(line.message);
    if (found?.[1]) done.set(found[1], { line, isFailed: found[3] === "failed" });
  }
  const names = [...order, ...[...done.keys()].filter((name) => !order.includes(name))];
  let from = lines[0]?.at ?? 0;
  return names.map((name) => {
    const step = done.get(name);
    const begun = from;
    if (step) from = step.line.at;
    return {
      node: step?.line.node ?? null,
      node_name: name,
      action,
      channel: "ssh",
      reason: step?.isFailed ? "" : (step?.line.reason ?? ""),
      status: !step ? "cancelled" : step.isFailed ? "failed" : "done",
      begun: step ? begun : null,
      ended: step ? step.line.at : null,
      timeout_ms: 0,
      usual_ms: null,
      detail: step?.isFailed ? step.line.reason : null,
    };
  });
}
