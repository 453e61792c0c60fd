import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Pace } from "./pace";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it("begins at once, then at most so often, and does not forget the last", () => {
  const pace = new Pace(500);
  const done: number[] = [];
  for (let at = 0; at < 100; at += 1) {
    pace.soon(() => done.push(at));
    vi.advanceTimersByTime(10);
  }
  expect(done).toEqual([0, 49, 99]);
  pace.soon(() => done.push(100));
  vi.advanceTimersByTime(499);
  expect(done).toHaveLength(3);
  vi.advanceTimersByTime(5000);
  expect(done).toEqual([0, 49, 99, 100]);
});

it("does nothing any more once it is stopped", () => {
  const pace = new Pace(500);
  const work = vi.fn();
  pace.soon(work);
  pace.stop();
  vi.advanceTimersByTime(1000);
  expect(work).not.toHaveBeenCalled();
});
