// What the pretended homelab has saved: each node is off for as many hours a day as its id says, more at weekends. The last
// days before today are whole; today ends now.
import type { NodeEntry, NodeView, SavedView, SavingsAsk, SavingsView } from "../bindings";

const HOUR = 3_600_000;

/** Hours a day. */
const offHours = (node: NodeView, day: Date) => node.always_on ? 0 : (node.power === "on" ? [0, 9, 14, 6, 16, 3][node.id % 6]! : 19) + (day.getDay() % 6 === 0 ? 2 : 0);

function periodsOf({ by, count }: SavingsAsk, now: number): { first: Date; next: Date }[] {
  const begin = new Date(now);
  begin.setHours(0, 0, 0, 0);
  if (by === "week") begin.setDate(begin.getDate() - ((begin.getDay() + 6) % 7));
  if (by === "month") begin.setDate(1);
  return Array.from({ length: count }, (_, at) => {
    const moved = (steps: number) => {
      const date = new Date(begin);
      if (by === "month") date.setMonth(date.getMonth() + steps);
      else date.setDate(date.getDate() + steps * (by === "week" ? 7 : 1));
      return date;
    };
    return { first: moved(at - count + 1), next: moved(at - count + 2) };
  });
}

const plus = (one: SavedView, other: SavedView): SavedView => ({
  off_hours: one.off_hours + other.off_hours,
  unseen_hours: one.unseen_hours + other.unseen_hours,
  on_hours: one.on_hours + other.on_hours,
  kwh: one.kwh === null && other.kwh === null ? null : (one.kwh ?? 0) + (other.kwh ?? 0),
  money: one.money === null && other.money === null ? null : (one.money ?? 0) + (other.money ?? 0),
});
const nothing: SavedView = { off_hours: 0, unseen_hours: 0, on_hours: 0, kwh: null, money: null };

export function savingsOf(ask: SavingsAsk, nodes: NodeView[], entries: Map<number, NodeEntry>, settings: { price_per_kwh: number | null; currency: string }, now: number): SavingsView {
  const asked = nodes.filter((node) => ask.node == null || node.id === ask.node);
  const price = settings.price_per_kwh;
  const ofNode = new Map<number, SavedView>();
  const periods = periodsOf(ask, now).map(({ first, next }) => {
    let all = nothing;
    for (const node of asked) {
      let saved = nothing;
      for (const day = new Date(first); day < next && day.getTime() < now; day.setDate(day.getDate() + 1)) {
        const length = Math.min(24, (now - day.getTime()) / HOUR);
        const off = Math.min(offHours(node, day), length);
        const watts = entries.get(node.id)?.watts_on ?? null;
        const kwh = watts === null ? null : (watts * off) / 1000;
        saved = plus(saved, { off_hours: off, unseen_hours: off / 3, on_hours: length - off, kwh, money: kwh === null || price === null ? null : kwh * price });
      }
      ofNode.set(node.id, plus(ofNode.get(node.id) ?? nothing, saved));
      const counts = node.kind === "machine" || ask.node != null;
      all = plus(all, counts ? saved : { ...nothing, kwh: saved.kwh, money: saved.money });
    }
    const two = (number: number) => String(number).padStart(2, "0");
    return { first_day: `${first.getFullYear()}-${two(first.getMonth() + 1)}-${two(first.getDate())}`, from: first.getTime(), to: next.getTime(), saved: all };
  });
  const off = asked.map((node) => ({ node, saved: ofNode.get(node.id) ?? nothing })).filter(({ saved }) => saved.off_hours > 0);
  off.sort((one, other) => (other.saved.kwh ?? 0) - (one.saved.kwh ?? 0) || other.saved.off_hours - one.saved.off_hours);
  return {
    by: ask.by,
    periods,
    total: periods.reduce((sum, { saved }) => plus(sum, saved), nothing),
    nodes: off.map(({ node, saved }) => ({ node: node.id, name: node.name, saved })),
    without_watts: off.filter(({ node, saved }) => node.kind === "machine" && saved.kwh === null).map(({ node }) => node.name),
    price_per_kwh: price,
    currency: settings.currency,
    since: nodes.length > 0 ? now - 60 * 24 * HOUR : null,
  };
}
