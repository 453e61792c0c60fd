/** Which rows to build: all of a short table, those in view (and some around) of a long one. */
export function windowOf(
  count: number,
  view: { top: number; height: number; row: number },
  keep: number,
): { from: number; to: number; before: number; after: number } {
  const all = { from: 0, to: count, before: 0, after: 0 };
  if (count <= 200) return all;
  const spare = 20;
  const first = Math.max(0, Math.floor(view.top / view.row) - spare);
  const last = Math.min(count, Math.ceil((view.top + view.height) / view.row) + spare);
  // The row with the focus is never taken away from under it while it is near.
  const from = keep >= first - 200 && keep < first ? keep : Math.min(first, count);
  const to = keep < last + 200 && keep >= last ? keep + 1 : Math.max(last, from);
  return { from, to, before: from * view.row, after: (count - to) * view.row };
}
