import { describe, expect, it } from "vitest";
import { fieldOf, momentOf, nextAt, tomorrowAt } from "./until";

const at = (text: string) => new Date(text).getTime();

describe("until when", () => {
  it("tonight is the next morning at six, not in ten minutes", () => {
    expect(nextAt(6, at("2026-11-21T20:47"))).toBe(at("2026-11-22T06:00"));
    expect(nextAt(6, at("2026-11-22T01:10"))).toBe(at("2026-11-22T06:00"));
    expect(nextAt(6, at("2026-11-22T05:50"))).toBe(at("2026-11-23T06:00"));
  });

  it("keeps the hour over a change of the clocks", () => {
    // whatever the zone is that this runs in
    for (const day of ["2026-03-28", "2026-10-24", "2026-03-07", "2026-10-31"]) {
      expect(new Date(nextAt(6, at(`${day}T22:00`))).getHours()).toBe(6);
      expect(new Date(tomorrowAt(8, at(`${day}T22:00`))).getHours()).toBe(8);
    }
  });

  it("tomorrow is not today, shortly after midnight either", () => {
    expect(tomorrowAt(8, at("2026-11-21T00:05"))).toBe(at("2026-11-22T08:00"));
  });

  it("a field holds a moment to the minute, and nothing that is over", () => {
    const now = at("2026-11-21T20:47");
    expect(momentOf(fieldOf(at("2026-11-22T08:00")), now)).toBe(at("2026-11-22T08:00"));
    expect(momentOf("2026-11-21T20:46", now)).toBeNull();
    expect(momentOf("2028-11-21T20:46", now)).toBeNull();
    expect(momentOf("", now)).toBeNull();
  });
});
