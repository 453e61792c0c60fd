import { expect, it } from "vitest";
import type { Snapshot } from "./bindings";
import { Revisions } from "./revisions";

const snapshot = (revision: number) => ({ revision, notices: [] }) as unknown as Snapshot;

it("keeps revisions growing when the engine counts from the beginning", () => {
  const revisions = new Revisions();
  revisions.begin("a");
  const shown = [7, 8, 20].map((revision) => revisions.take(snapshot(revision)).revision);
  revisions.begin("b");
  shown.push(...[1, 2, 9].map((revision) => revisions.take(snapshot(revision)).revision));
  expect([...shown].sort((a, b) => a - b)).toEqual(shown);
  expect(new Set(shown).size).toBe(shown.length);
});

it("counts what is added to a snapshot, and takes the same one for news after it", () => {
  const revisions = new Revisions();
  revisions.begin("a");
  const first = revisions.take(snapshot(5)).revision;
  const lost = revisions.take({ ...revisions.last! }, true).revision;
  revisions.begin("a");
  const again = revisions.take(snapshot(5)).revision;
  expect(lost).toBeGreaterThan(first);
  expect(again).toBeGreaterThan(lost);
});
