// The way from nothing to a pinned service. Kept in the window's storage, so that it goes on where it was; secrets never are.
import { untrack } from "svelte";
import type { NodeEntry, NodeId, NodeView } from "../backend/bindings";
import { emptyDraft, type Draft } from "../entry";
import { homelab } from "./homelab.svelte";

export const stages = ["add", "test", "discover", "configure", "pin"] as const;
export type Stage = "welcome" | (typeof stages)[number];

interface Kept {
  stage: Stage;
  /** Null until it is saved. */
  machine: NodeId | null;
  draft: Draft | null;
  /** Platform ids of what was found and shall not be configured. */
  left: string[];
  /** What was typed for a guest, by its platform id. */
  entries: Record<string, NodeEntry>;
  /** Nodes of this run, the machine first. */
  nodes: NodeId[];
  /** Seen and left, or gone through. */
  isOver: boolean;
}

const key = "wakehub.first-run";
const fresh: Kept = { stage: "welcome", machine: null, draft: null, left: [], entries: {}, nodes: [], isOver: false };

function stored(): Kept {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    if (typeof found === "object" && found !== null && "stage" in found) return { ...fresh, ...(found as Partial<Kept>) };
  } catch {
    // What cannot be read is begun anew.
  }
  return { ...fresh };
}

class FirstRun {
  #kept: Kept = $state.raw(stored());

  readonly stage: Stage = $derived(this.#kept.stage);
  readonly left: ReadonlySet<string> = $derived(new Set(this.#kept.left));
  readonly machine: NodeView | undefined = $derived(homelab.node(this.#kept.machine));
  readonly nodes: NodeView[] = $derived(this.#kept.nodes.map((id) => homelab.node(id)).filter((node) => node !== undefined));
  /** What was found on the machine and is not configured. */
  readonly found = $derived(homelab.snapshot.discovered.filter((one) => one.host === this.#kept.machine));
  readonly chosen = $derived(this.found.filter((one) => !this.left.has(one.platform_id)));

  /** Whether the window opens with it: there is nothing yet, or it was closed in the middle. */
  get isWanted(): boolean {
    if (this.#kept.isOver) return false;
    return homelab.snapshot.nodes.length === 0 || (this.stage !== "welcome" && this.machine !== undefined);
  }

  get draft(): Draft {
    return this.#kept.draft ?? { ...emptyDraft("machine"), hasSsh: true };
  }

  get entries(): Record<string, NodeEntry> {
    return this.#kept.entries;
  }

  go(stage: Stage): void {
    this.#keep({ stage, isOver: false });
  }

  /** Goes on where it was; after its end, or when its machine is gone, it begins anew. */
  begin(): void {
    if (this.#kept.isOver) this.#keep({ ...fresh });
    else if (!this.machine && this.stage !== "welcome") this.#keep({ stage: "add", machine: null, nodes: [] });
    else if (this.stage === "configure" && this.chosen.length === 0) this.#keep({ stage: "discover" });
  }

  keepDraft(draft: Draft): void {
    this.#keep({ draft: { ...draft, secrets: {} } });
  }

  saved(machine: NodeId): void {
    this.#keep({ machine, nodes: [machine, ...this.#kept.nodes.filter((id) => id !== machine)] });
  }

  choose(platformId: string, isChosen: boolean): void {
    this.#keep({ left: isChosen ? this.#kept.left.filter((one) => one !== platformId) : [...this.#kept.left, platformId] });
  }

  keepEntries(entries: Record<string, NodeEntry>): void {
    this.#keep({ entries });
  }

  configured(nodes: NodeId[]): void {
    this.#keep({ nodes: [...this.#kept.nodes, ...nodes] });
  }

  finish(): void {
    this.#keep({ ...fresh, isOver: true });
  }

  #keep(change: Partial<Kept>): void {
    // Forms keep what they hold in an effect, which shall not follow what is kept.
    this.#kept = { ...untrack(() => this.#kept), ...change };
    try {
      localStorage.setItem(key, JSON.stringify(untrack(() => this.#kept)));
    } catch {
      // Without storage it begins anew when the window is closed.
    }
  }
}

export const firstRun = new FirstRun();
