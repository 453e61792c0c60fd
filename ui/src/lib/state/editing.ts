// A change of one thing of a node, kept at once, with the way back.
import type { NodeEntry, NodeId } from "../backend/bindings";
import { homelab } from "./homelab.svelte";
import { troubles } from "./asking.svelte";
import { undo } from "./undo.svelte";

/** Rejects with a `CommandError` when the engine refuses; nothing is changed then. */
export async function editNode(node: NodeId, edit: (entry: NodeEntry) => NodeEntry, told: string): Promise<void> {
  const before = await homelab.backend.nodeEntry(node);
  await homelab.backend.saveNode(node, edit(structuredClone(before)), []);
  undo.tell(told, () => troubles.guard(homelab.backend.saveNode(node, before, [])));
}

/** The dependency stands at the end of the user's order. */
export function addNeed(dependant: NodeId, dependency: string, told: string): Promise<void> {
  return editNode(dependant, (entry) => ({ ...entry, depends_on: [...(entry.depends_on ?? []), dependency] }), told);
}

export function removeNeed(dependant: NodeId, dependency: string, told: string): Promise<void> {
  return editNode(dependant, (entry) => ({ ...entry, depends_on: (entry.depends_on ?? []).filter((name) => name !== dependency) }), told);
}

/** Keeps a node on until then. */
export async function holdUntil(node: { id: NodeId; name: string; held_until: number | null }, until: number, told: string): Promise<void> {
  await hold(node, until - Date.now(), told);
}

/** Keeps a node on for so long from now, or releases it with null. */
export async function hold(node: { id: NodeId; name: string; held_until: number | null }, forMs: number | null, told: string): Promise<void> {
  const before = node.held_until;
  const done = await troubles.guard(homelab.backend.hold(node.id, forMs === null ? null : Date.now() + forMs).then(() => true));
  if (done) undo.tell(told, () => troubles.guard(homelab.backend.hold(node.id, before)));
}
