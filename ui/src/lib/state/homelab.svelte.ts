// The homelab as the engine last described it. Listens first, then fetches; a newer snapshot replaces an older one whole.
import type { Backend, Platform } from "../backend/backend";
import { commandError } from "../backend/backend";
import type { CommandError, NodeId, NodeView, Right, Snapshot } from "../backend/bindings";
import { changes } from "../announce";
import { graphOf, newer, type Graph } from "../graph";
import { announcer } from "./announcer.svelte";
import { time } from "./clock.svelte";

const nobody: Snapshot = { revision: 0, at: 0, nodes: [], connections: [], cascades: [], queued: [], questions: [], discovered: [], notices: [], stops_paused_until: null };

/** Between two snapshots that take long to show, in ms: still ten a second. */
const LONGEST_REST = 100;

export class Homelab {
  #current: Snapshot | null = $state.raw(null);
  /** Why there is no snapshot. */
  failure: CommandError | null = $state.raw(null);
  #backend: Backend | null = $state.raw(null);
  #stop: (() => void) | null = null;
  /** The newest one that came since the last frame. */
  #next: Snapshot | null = null;
  /** When the next one may be shown. */
  #rested = 0;
  /** A subscription begins anew: an engine that was started again counts its revisions from the beginning. */
  #isFirst = true;
  /** What is known about the computer that WakeHub runs on; null until it is. */
  platform: Platform | null = $state.raw(null);

  readonly isLoaded: boolean = $derived(this.#current !== null);
  /** Whether an engine made it: one that could not start leaves only what the shell has to say. */
  readonly hasEngine: boolean = $derived((this.#current?.at ?? 0) > 0);
  readonly snapshot: Snapshot = $derived(this.#current ?? nobody);
  readonly graph: Graph = $derived(graphOf(this.snapshot.nodes));
  /** Nobody answers: what is shown is how things stood, and nothing can be asked for. */
  readonly isLost: boolean = $derived(this.snapshot.notices.some((notice) => notice.code === "disconnected"));
  /** The time for what goes on: it stands still while nobody knows whether it does. */
  readonly now: number = $derived(this.isLost ? this.snapshot.at : time.now);

  /** What may be done here. */
  readonly right: Right = $derived(this.#backend?.right ?? "owner");
  readonly mayAct: boolean = $derived(this.right !== "read");

  get backend(): Backend {
    if (!this.#backend) throw new Error("not connected");
    return this.#backend;
  }

  async connect(backend: Backend): Promise<void> {
    this.#backend = backend;
    this.failure = null;
    try {
      this.#stop?.();
      this.#isFirst = true;
      this.#stop = await backend.subscribe((snapshot) => this.#take(snapshot));
      this.#take(await backend.snapshot());
    } catch (thrown) {
      this.failure = commandError(thrown);
    }
    // Only for what is shown about this computer: without it everything else goes on.
    backend.platform().then(
      (platform) => (this.platform = platform),
      () => {},
    );
  }

  node(id: NodeId | null): NodeView | undefined {
    return id === null ? undefined : this.graph.byId.get(id);
  }

  /** Shows at most one snapshot a frame, however many come, and leaves time for everything else. */
  #take(next: Snapshot): void {
    if (this.#isFirst || !this.#current) {
      this.#isFirst = false;
      this.#next = null;
      this.#replace(next);
      return;
    }
    const isScheduled = this.#next !== null;
    const kept = newer(this.#next ?? this.#current, next);
    if (kept !== next) return;
    this.#next = next;
    if (!isScheduled) {
      const rest = this.#rested - performance.now();
      if (rest > 0) setTimeout(() => nextFrame(this.#show), rest);
      else nextFrame(this.#show);
    }
  }

  #show = (): void => {
    const from = performance.now();
    if (this.#next) this.#replace(this.#next);
    this.#next = null;
    // once it is drawn: what takes much of a frame is not done in every one
    setTimeout(() => {
      const took = performance.now() - from;
      if (took > 8) this.#rested = performance.now() + Math.min(3 * took, LONGEST_REST);
    }, 0);
  };

  #replace(next: Snapshot): void {
    for (const change of changes(this.#current, next)) announcer.say(change);
    this.#current = next;
  }
}

/** A window that nobody sees has no frames; it still has to know what waits. */
function nextFrame(work: () => void): void {
  if (document.hidden) setTimeout(work, 50);
  else requestAnimationFrame(work);
}

export const homelab = new Homelab();
