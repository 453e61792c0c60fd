// The user's own order of the pins. Kept in the window's storage: whether a node is pinned is the engine's, where its tile lies
// is a matter of this window.
import type { NodeId, NodeView } from "../backend/bindings";
import { homelab } from "./homelab.svelte";

class Pins {
  /** The demo homelab numbers its nodes anew, so it has an order of its own. */
  readonly #key: string = $derived(homelab.platform?.demo ? "wakehub.pins.demo" : "wakehub.pins");
  #chosen: { key: string; order: NodeId[] } | null = $state.raw(null);
  readonly order: NodeId[] = $derived(this.#chosen?.key === this.#key ? this.#chosen.order : stored(this.#key));

  /** In the user's order; who has no place yet comes last, the older first. */
  sorted(nodes: NodeView[]): NodeView[] {
    const places = new Map(this.order.map((id, at) => [id, at]));
    return [...nodes].sort((a, b) => (places.get(a.id) ?? Infinity) - (places.get(b.id) ?? Infinity) || nodes.indexOf(a) - nodes.indexOf(b));
  }

  /** `shown` are the nodes in their present order; `to` is the place among them afterwards. */
  move(shown: NodeId[], id: NodeId, to: number): void {
    const rest = shown.filter((one) => one !== id);
    rest.splice(to, 0, id);
    // Who is not pinned now keeps its place for when it is again.
    this.keep([...rest, ...this.order.filter((one) => !rest.includes(one))]);
  }

  keep(order: NodeId[]): void {
    this.#chosen = { key: this.#key, order };
    try {
      localStorage.setItem(this.#key, JSON.stringify(order));
    } catch {
      // Without storage the order holds until the window closes.
    }
  }
}

function stored(key: string): NodeId[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(found) ? found.filter((one): one is NodeId => typeof one === "number") : [];
  } catch {
    return [];
  }
}

export const pins = new Pins();
