// How the table of machines is looked at; it is the same again after a visit to a node.
import type { NodeId, NodeKind } from "../backend/bindings";
import type { Filter } from "../graph";
import type { SortBy, View } from "../table";

class Table implements View {
  text = $state("");
  state: Filter = $state("all");
  kinds: ReadonlySet<NodeKind> = $state.raw(new Set());
  onlyPinned = $state(false);
  onlyToConfigure = $state(false);
  sort: View["sort"] = $state.raw({ by: "order", isDown: false });
  isFlat = $state(false);
  folded: ReadonlySet<NodeId> = $state.raw(new Set());

  fold(node: NodeId, isFolded: boolean): void {
    const next = new Set(this.folded);
    if (isFolded) next.add(node);
    else next.delete(node);
    this.folded = next;
  }

  toggleKind(kind: NodeKind): void {
    const next = new Set(this.kinds);
    if (!next.delete(kind)) next.add(kind);
    this.kinds = next;
  }

  /** Up, down, then the order of creation again. */
  sortBy(by: SortBy): void {
    if (this.sort.by !== by) this.sort = { by, isDown: false };
    else if (!this.sort.isDown) this.sort = { by, isDown: true };
    else this.sort = { by: "order", isDown: false };
  }

  showAll(): void {
    this.text = "";
    this.state = "all";
    this.kinds = new Set();
    this.onlyPinned = false;
    this.onlyToConfigure = false;
  }
}

export const table = new Table();
