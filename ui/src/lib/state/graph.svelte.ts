// What the graph shows: the node in focus, what is near to it, and a refusal with its cycle.
import type { NodeId, NodeView } from "../backend/bindings";
import { commandError } from "../backend/backend";
import { cycleIf } from "../graph-layout";
import { m } from "../i18n/index.svelte";
import { name } from "../rich";
import { troubles } from "./asking.svelte";
import { homelab } from "./homelab.svelte";
import { undo } from "./undo.svelte";

export type Show = "both" | "hosting" | "needs";

export interface Refusal {
  node: NodeId;
  dependency: NodeId;
  /** Each needs the next, the last one needs the first. */
  cycle: NodeId[];
}

class GraphView {
  show: Show = $state("both");
  focus: NodeId | null = $state(null);
  refusal: Refusal | null = $state.raw(null);

  readonly node: NodeView | undefined = $derived(homelab.node(this.focus));
  /** The node in focus with what it needs and what needs it, directly. */
  readonly near: ReadonlySet<NodeId> = $derived.by(() => {
    if (!this.node) return new Set();
    return new Set([this.node.id, ...this.node.depends_on, ...this.node.needed_by, ...(this.node.host === null ? [] : [this.node.host])]);
  });
  readonly inCycle: ReadonlySet<NodeId> = $derived(new Set(this.refusal?.cycle));

  choose(id: NodeId | null): void {
    this.focus = id;
  }

  async add(node: NodeView, dependency: NodeView): Promise<void> {
    if (node.depends_on.includes(dependency.id)) return;
    this.focus = node.id;
    if (await this.#save(node, (needs) => [...needs, dependency.name], dependency)) {
      undo.tell(m.nowNeeds(name(node.name), name(dependency.name)), () => this.#save(node, (needs) => needs.filter((one) => one !== dependency.name)));
    }
  }

  async remove(node: NodeView, dependency: NodeView): Promise<void> {
    // Where it stood counts: needs are started in the user's order.
    let before: string[] = [];
    const without = (needs: string[]) => ((before = needs), needs.filter((one) => one !== dependency.name));
    if (await this.#save(node, without)) undo.tell(m.nowNeedsNot(name(node.name), name(dependency.name)), () => this.#save(node, () => before, dependency));
  }

  forget(): void {
    this.refusal = null;
  }

  /** The engine decides; what it refuses for a cycle is drawn as that cycle. */
  async #save(node: NodeView, edit: (needs: string[]) => string[], added?: NodeView): Promise<boolean> {
    this.refusal = null;
    troubles.last = null;
    try {
      const entry = await homelab.backend.nodeEntry(node.id);
      await homelab.backend.saveNode(node.id, { ...entry, depends_on: edit(entry.depends_on ?? []) }, []);
      return true;
    } catch (thrown) {
      const error = commandError(thrown);
      const cycle = added && error.kind === "entry" ? cycleIf(homelab.snapshot.nodes, node.id, added.id) : null;
      if (added && cycle) this.refusal = { node: node.id, dependency: added.id, cycle };
      else troubles.last = error;
      return false;
    }
  }
}

export const graphView = new GraphView();
