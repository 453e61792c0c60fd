// Positions outlive the page: who comes back finds everything where it was.
import type { Layout } from "$lib/graph-layout";

class Memory {
  layout: Layout | undefined;
  #structure = "";

  keep(structure: string, make: () => Layout): Layout {
    if (!this.layout || structure !== this.#structure) {
      this.layout = make();
      this.#structure = structure;
    }
    return this.layout;
  }
}

export const memory = new Memory();
