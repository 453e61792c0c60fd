// What was saved by keeping nodes off, as people write it.
import type { Period, SavedPeriod, SavedView, SavingsView } from "./backend/bindings";

const nb = "\u00A0";

/** `104 h`, `3.5 h` */
export function hours(n: number, locale: string): string {
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: n < 10 ? 1 : 0 }).format(n)}${nb}h`;
}

/** `14.4 kWh` */
export function energy(kwh: number, locale: string): string {
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: kwh < 1 ? 2 : kwh < 100 ? 1 : 0 }).format(kwh)}${nb}kWh`;
}

/** By the currency's own rules: `€3.60`, `3,60 €`, `¥512`. */
export function money(amount: number, currency: string, locale: string): string {
  return new Intl.NumberFormat(locale, { style: "currency", currency }).format(amount);
}

/** How many of them are shown. */
export const shownPeriods: Record<Period, number> = { day: 14, week: 12, month: 12 };

/** Its first day, at midnight here: the engine names days, not moments. */
function firstDay(period: Pick<SavedPeriod, "first_day">): Date {
  const [year = 0, month = 1, day = 1] = period.first_day.split("-").map(Number);
  return new Date(year, month - 1, day);
}

/** `Saturday 21 November`, `16–22 November`, `November 2026` */
export function periodName(by: Period, period: SavedPeriod, locale: string): string {
  const first = firstDay(period);
  if (by === "month") return capital(new Intl.DateTimeFormat(locale, { month: "long", year: "numeric" }).format(first));
  if (by === "day") return capital(new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" }).format(first));
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "long" }).formatRange(first, new Date(first.getFullYear(), first.getMonth(), first.getDate() + 6));
}

/** In a table: `Sat 21 Nov`, `16–22 Nov`, `November 2026` */
export function periodShort(by: Period, period: SavedPeriod, locale: string): string {
  const first = firstDay(period);
  if (by === "month") return periodName(by, period, locale);
  if (by === "day") return capital(new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short" }).format(first));
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" }).formatRange(first, new Date(first.getFullYear(), first.getMonth(), first.getDate() + 6));
}

/** Below a bar: `Sat`, `16 Nov`, `Nov` */
export function periodMark(by: Period, period: SavedPeriod, locale: string): string {
  const options: Record<Period, Intl.DateTimeFormatOptions> = { day: { weekday: "short" }, week: { day: "numeric", month: "numeric" }, month: { month: "short" } };
  return new Intl.DateTimeFormat(locale, options[by]).format(firstDay(period)).replace(/\.$/, "");
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** Of days, those of the week of the last one, which begins on Monday; what is to come of it is null. */
export function thisWeek(days: SavedPeriod[]): (SavedPeriod | null)[] {
  const last = days.at(-1);
  if (!last) return [];
  const weekday = (firstDay(last).getDay() + 6) % 7;
  const past = days.slice(Math.max(0, days.length - weekday - 1));
  return [...past, ...Array.from({ length: 6 - weekday }, () => null)];
}

const nothing: SavedView = { off_hours: 0, unseen_hours: 0, on_hours: 0, kwh: null, money: null };

export function sum(all: SavedView[]): SavedView {
  const plus = (one: number | null, other: number | null) => (one === null && other === null ? null : (one ?? 0) + (other ?? 0));
  return all.reduce(
    (one, other) => ({
      off_hours: one.off_hours + other.off_hours,
      unseen_hours: one.unseen_hours + other.unseen_hours,
      on_hours: one.on_hours + other.on_hours,
      kwh: plus(one.kwh, other.kwh),
      money: plus(one.money, other.money),
    }),
    nothing,
  );
}

/** Whether there is anything to tell. */
export const hasSlept = (view: SavingsView) => view.since !== null && view.total.off_hours > 0;
