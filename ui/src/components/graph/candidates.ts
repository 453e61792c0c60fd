import type { NodeView } from "$lib/backend/bindings";
import { m } from "$lib/i18n/index.svelte";
import { homelab } from "$lib/state/homelab.svelte";

/** What a node could need: all but itself and what it needs already. */
export function candidates(node: NodeView): { value: number; label: string; hint: string }[] {
  return homelab.snapshot.nodes
    .filter((other) => other.id !== node.id && !node.depends_on.includes(other.id))
    .map((other) => ({ value: other.id, label: other.name, hint: m.kind[other.kind] }));
}
