// The homelab as the engine last described it. Listens first, then fetches; a newer snapshot replaces an older one whole.
import type { Backend } from "../backend/backend";
import { commandError } from "../backend/backend";
import type { CommandError, NodeId, NodeView, Snapshot } from "../backend/bindings";
import { changes } from "../announce";
import { graphOf, newer, type Graph } from "../graph";
import { announcer } from "./announcer.svelte";

const nobody: Snapshot = { revision: 0, at: 0, nodes: [], connections: [], cascades: [], queued: [], questions: [], discovered: [], notices: [] };

export class Homelab {
  #current: Snapshot | null = $state.raw(null);
  /** Why there is no snapshot. */
  failure: CommandError | null = $state.raw(null);
  #backend: Backend | null = $state.raw(null);
  #stop: (() => void) | null = null;

  readonly isLoaded: boolean = $derived(this.#current !== null);
  /** Whether an engine made it: one that could not start leaves only what the shell has to say. */
  readonly hasEngine: boolean = $derived((this.#current?.at ?? 0) > 0);
  readonly snapshot: Snapshot = $derived(this.#current ?? nobody);
  readonly graph: Graph = $derived(graphOf(this.snapshot.nodes));

  get backend(): Backend {
    if (!this.#backend) throw new Error("not connected");
    return this.#backend;
  }

  async connect(backend: Backend): Promise<void> {
    this.#backend = backend;
    this.failure = null;
    try {
      this.#stop?.();
      this.#stop = await backend.subscribe((snapshot) => this.#replace(snapshot));
      this.#replace(await backend.snapshot());
    } catch (thrown) {
      this.failure = commandError(thrown);
    }
  }

  node(id: NodeId | null): NodeView | undefined {
    return id === null ? undefined : this.graph.byId.get(id);
  }

  #replace(next: Snapshot): void {
    const kept = newer(this.#current, next);
    if (kept === this.#current) return;
    for (const change of changes(this.#current, kept)) announcer.say(change);
    this.#current = kept;
  }
}

export const homelab = new Homelab();
