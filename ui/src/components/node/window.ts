// Which rows of a long table are built, where each of them stands in the page, and in which order.
import type { NodeId } from "$lib/backend/bindings";

/** A longer table builds only what is in view. */
export const LONGEST_WHOLE = 200;

/** How many rows are built beyond each edge of the window, for what a wheel turns before the next frame. */
const SPARE = 8;

/** What is seen of the table, in px: how far its rows are scrolled past the window's upper edge, and how high the window and a row are. */
export interface View {
  top: number;
  height: number;
  row: number;
}

/** The rows in view and some around, as indices: the first, and the one after the last. */
export function windowOf(count: number, view: View): { from: number; to: number } {
  const first = Math.floor(view.top / view.row) - SPARE;
  const last = Math.ceil((view.top + view.height) / view.row) + SPARE;
  return { from: Math.min(Math.max(0, first), count), to: Math.max(0, Math.min(count, last)) };
}

/**
 * Which node each row element shows next. Whoever stays keeps its element, so that only what comes into view is written, into the
 * elements of what left; an element that nobody needs goes on showing what it showed, out of sight.
 */
export function place(before: readonly NodeId[], wanted: Iterable<NodeId>, isThere: (node: NodeId) => boolean): NodeId[] {
  const missing = new Set(wanted);
  const stays = before.map((node) => missing.delete(node));
  const coming = [...missing];
  const after: NodeId[] = [];
  before.forEach((node, at) => {
    const shows = stays[at] ? node : (coming.shift() ?? (isThere(node) ? node : undefined));
    if (shows !== undefined) after.push(shows);
  });
  return [...after, ...coming];
}

/**
 * Puts the row elements into the order in which they are read. `still` is not taken out of the page on the way, for it would lose
 * the focus.
 */
export function putInOrder(elements: readonly Element[], still: Element | null): void {
  const index = (element: Element) => Number(element.getAttribute("aria-rowindex"));
  const sorted = elements.toSorted((a, b) => index(a) - index(b));
  const middle = still ? sorted.indexOf(still) : -1;
  const pivot = middle >= 0 ? middle : sorted.length >> 1;
  for (let at = pivot - 1; at >= 0; at -= 1) {
    const [one, next] = [sorted[at]!, sorted[at + 1]!];
    if (one.nextElementSibling !== next) next.before(one);
  }
  for (let at = pivot + 1; at < sorted.length; at += 1) {
    const [one, last] = [sorted[at]!, sorted[at - 1]!];
    if (last.nextElementSibling !== one) last.after(one);
  }
}
