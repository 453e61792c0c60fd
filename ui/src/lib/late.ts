// The pages that are not part of the first one: their code is fetched when somebody goes there, or while nothing else happens.
import type { Component } from "svelte";
import type { NodeView, Period } from "./backend/bindings";

export class LatePage<Props extends Record<string, unknown>> {
  /** Once it has come. */
  here: Component<Props> | undefined;
  readonly #load: () => Promise<{ default: Component<Props> }>;

  constructor(load: () => Promise<{ default: Component<Props> }>) {
    this.#load = load;
  }

  async come(): Promise<Component<Props>> {
    this.here = (await this.#load()).default;
    return this.here;
  }
}

export const late = {
  welcome: new LatePage(() => import("../views/Welcome.svelte")),
  edit: new LatePage<{ id: number }>(() => import("../views/Edit.svelte")),
  add: new LatePage<{ kind: string | null; host: number | null }>(() => import("../views/Add.svelte")),
  configure: new LatePage<{ host: number; platformId: string | null }>(() => import("../views/Configure.svelte")),
  graph: new LatePage<{ node: number | null }>(() => import("../views/Graph.svelte")),
  savings: new LatePage<{ node: number | null; by: Period }>(() => import("../views/Savings.svelte")),
  savedFact: new LatePage<{ node: number }>(() => import("../components/savings/SavedFact.svelte")),
  savingsCard: new LatePage(() => import("../components/savings/SavingsCard.svelte")),
  idle: new LatePage<{ node: NodeView }>(() => import("../views/IdlePart.svelte")),
};

/** Fetches what is left, one after the other, while the window is idle; what fails is fetched again when it is wanted. */
export function comeAll(): void {
  const idle = globalThis.requestIdleCallback ?? ((work: () => void) => setTimeout(work, 500));
  const [next, ...rest] = Object.values(late).filter((page) => !page.here);
  if (!next) return;
  idle(() => void next.come().then(() => rest.length > 0 && comeAll(), () => {}));
}
