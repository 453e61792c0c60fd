import { describe, expect, it } from "vitest";
import type { SavedPeriod } from "./backend/bindings";
import { energy, hours, money, periodMark, periodName, periodShort, sum, thisWeek } from "./savings";

const spaced = (text: string) => text.replace(/[\u00A0\u202F\u2009]/g, " ");
const period = (first_day: string, off_hours = 8): SavedPeriod => ({ first_day, from: 0, to: 0, saved: { off_hours, unseen_hours: 0, on_hours: 24 - off_hours, kwh: null, money: null } });

it("is written with its unit", () => {
  expect(spaced(hours(104.4, "en-GB"))).toBe("104 h");
  expect(spaced(hours(3.46, "fr-FR"))).toBe("3,5 h");
  expect(spaced(energy(14.42, "en-GB"))).toBe("14.4 kWh");
  expect(spaced(energy(0.054, "fr-FR"))).toBe("0,05 kWh");
  expect(spaced(money(3.6, "EUR", "fr-FR"))).toBe("3,60 €");
  expect(spaced(money(512.3, "JPY", "en-GB"))).toBe("JP¥512");
});

describe("a period", () => {
  it.each([
    ["day", "2026-11-21", "Saturday 21 November", "Sat", "Samedi 21 novembre", "sam"],
    ["week", "2026-11-30", "30 November – 6 December", "30/11", "30 novembre – 6 décembre", "30/11"],
    ["month", "2026-11-01", "November 2026", "Nov", "Novembre 2026", "nov"],
  ] as const)("%s", (by, first, english, mark, french, frenchMark) => {
    expect(spaced(periodName(by, period(first), "en-GB"))).toBe(english);
    expect(spaced(periodMark(by, period(first), "en-GB"))).toBe(mark);
    expect(spaced(periodName(by, period(first), "fr-FR"))).toBe(french);
    expect(spaced(periodMark(by, period(first), "fr-FR"))).toBe(frenchMark);
  });

  it("is short in a table", () => {
    expect(spaced(periodShort("day", period("2026-11-21"), "en-GB"))).toBe("Sat 21 Nov");
    expect(spaced(periodShort("week", period("2026-11-30"), "fr-FR"))).toBe("30 nov. – 6 déc.");
    expect(spaced(periodShort("month", period("2026-11-01"), "en-GB"))).toBe("November 2026");
  });

  it("of this week begins on Monday, and ends with what is to come", () => {
    const days = Array.from({ length: 7 }, (_, at) => period(`2026-11-${15 + at}`, at));
    // 15 November 2026 is a Sunday, the 21st a Saturday
    expect(thisWeek(days).map((day) => day?.first_day ?? null)).toEqual(["2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21", null]);
    expect(thisWeek(days.slice(0, 2)).map((day) => day?.first_day ?? null)).toEqual(["2026-11-16", null, null, null, null, null, null]);
    expect(thisWeek(days.slice(0, 1))).toHaveLength(1);
    expect(thisWeek([])).toEqual([]);
  });
});

it("is summed, and unknown only where all of it is", () => {
  const one = { off_hours: 8, unseen_hours: 1, on_hours: 16, kwh: null, money: null };
  expect(sum([one, one])).toEqual({ off_hours: 16, unseen_hours: 2, on_hours: 32, kwh: null, money: null });
  expect(sum([one, { ...one, kwh: 2 }]).kwh).toBe(2);
});
