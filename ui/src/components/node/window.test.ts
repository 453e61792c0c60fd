import { expect, it } from "vitest";
import { windowOf } from "./window";

it("builds a short table whole", () => {
  expect(windowOf(200, { top: 5000, height: 900, row: 36 }, 0)).toEqual({ from: 0, to: 200, before: 0, after: 0 });
});

it("builds what is in view of a long one, and keeps its height", () => {
  const shown = windowOf(1000, { top: 3600, height: 900, row: 36 }, 100);
  expect(shown.from).toBeLessThanOrEqual(100);
  expect(shown.to).toBeGreaterThanOrEqual(125);
  expect(shown.to - shown.from).toBeLessThan(80);
  expect(shown.before + (shown.to - shown.from) * 36 + shown.after).toBe(36_000);
});

it("does not take the row with the focus away while it is near", () => {
  expect(windowOf(1000, { top: 3600, height: 900, row: 36 }, 60).from).toBe(60);
});

it("stays within the table at its ends", () => {
  expect(windowOf(1000, { top: -500, height: 900, row: 36 }, 0).from).toBe(0);
  expect(windowOf(1000, { top: 99_999, height: 900, row: 36 }, 999).to).toBe(1000);
});
