// Dragging a tile to another place: with the mouse or a pen at once, with a finger after it has rested on the tile.
const threshold = 6;
const restsFor = 400;

export interface Dragging {
  /** Which child of the list moves, and the place that it would have among the others. */
  onover: (from: number, to: number | null) => void;
  ondrop: (from: number, to: number) => void;
}

/** An attachment for a list; only children that match `of` take part. */
export function draggable(of: string, told: Dragging): (list: HTMLElement) => () => void {
  return (list) => {
    let stop: (() => void) | null = null;

    const begin = (event: PointerEvent) => {
      const target = event.target as HTMLElement;
      const tile = target.closest<HTMLElement>(of);
      if (!tile || tile.parentElement !== list || event.button !== 0 || stop || target.closest("button, input, [role=menu]")) return;
      const tiles = [...list.querySelectorAll<HTMLElement>(`:scope > ${of}`)];
      const from = tiles.indexOf(tile);
      const start = { x: event.clientX, y: event.clientY, scroll: window.scrollY };
      const isFinger = event.pointerType === "touch";
      let isMoving = false;
      let to: number | null = null;
      const timer = isFinger ? setTimeout(() => lift(), restsFor) : undefined;

      const lift = () => {
        isMoving = true;
        tile.dataset.lifted = "";
        list.dataset.arranging = "";
        getSelection()?.removeAllRanges();
        told.onover(from, null);
      };
      const move = (now: PointerEvent) => {
        if (now.pointerId !== event.pointerId) return;
        const far = Math.hypot(now.clientX - start.x, now.clientY - start.y) > threshold;
        if (!isMoving && far) {
          if (isFinger) return end();
          lift();
        }
        if (!isMoving) return;
        tile.style.transform = `translate(${now.clientX - start.x}px, ${now.clientY - start.y + window.scrollY - start.scroll}px)`;
        const next = placeAt(tiles, from, now.clientX, now.clientY);
        if (next !== to) told.onover(from, (to = next));
      };
      const up = (now: PointerEvent) => {
        if (now.pointerId !== event.pointerId) return;
        const place = to;
        const moved = isMoving;
        end();
        if (!moved) return;
        // What is let go over a link does not follow it.
        const swallow = (click: MouseEvent) => (click.preventDefault(), click.stopPropagation());
        addEventListener("click", swallow, { capture: true, once: true });
        setTimeout(() => removeEventListener("click", swallow, { capture: true }));
        if (place !== null && place !== from) told.ondrop(from, place);
      };
      const key = (pressed: KeyboardEvent) => {
        if (pressed.key !== "Escape" || !isMoving) return;
        pressed.stopPropagation();
        end();
      };
      // A finger that lifts a tile neither scrolls the page nor opens the menu of a link.
      const still = (touch: Event) => isMoving && touch.preventDefault();
      const end = () => {
        clearTimeout(timer);
        delete tile.dataset.lifted;
        delete list.dataset.arranging;
        tile.style.transform = "";
        told.onover(from, null);
        removeEventListener("pointermove", move);
        removeEventListener("pointerup", up);
        removeEventListener("pointercancel", end);
        removeEventListener("keydown", key, true);
        list.removeEventListener("touchmove", still);
        list.removeEventListener("contextmenu", still);
        stop = null;
      };
      stop = end;
      addEventListener("pointermove", move);
      addEventListener("pointerup", up);
      addEventListener("pointercancel", end);
      addEventListener("keydown", key, true);
      list.addEventListener("touchmove", still, { passive: false });
      list.addEventListener("contextmenu", still);
    };
    const nothing = (event: Event) => event.preventDefault();
    list.addEventListener("pointerdown", begin);
    list.addEventListener("dragstart", nothing);
    return () => {
      stop?.();
      list.removeEventListener("pointerdown", begin);
      list.removeEventListener("dragstart", nothing);
    };
  };
}

/** The place that the tile would have after it is let go there; null when it would stay or lies outside of all. */
function placeAt(tiles: HTMLElement[], from: number, x: number, y: number): number | null {
  const isColumn = tiles.length > 1 && tiles.every((tile) => tile.offsetLeft === tiles[0]!.offsetLeft);
  for (const [at, tile] of tiles.entries()) {
    if (at === from) continue;
    const box = tile.getBoundingClientRect();
    if (x < box.left - 6 || x > box.right + 6 || y < box.top - 6 || y > box.bottom + 6) continue;
    const isAfter = isColumn ? y > box.top + box.height / 2 : x > box.left + box.width / 2;
    const gap = at + (isAfter ? 1 : 0);
    const place = gap > from ? gap - 1 : gap;
    return place === from ? null : place;
  }
  return null;
}
