import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FakeEngine } from "./backend/fake/fake";
import type { JournalLine, JournalQuery } from "./backend/bindings";
import { french } from "./i18n/fr-engine";
import { fold, kinds, readPage, told, type Filter } from "./journal";

const line = (id: number, extra: Partial<JournalLine>): JournalLine => ({ id, at: id * 1000, kind: "state", node: 1, node_name: "nas", cascade: null, message: "nas is on", reason: null, ...extra });
const all: Filter = { node: null, cascade: null, text: "", group: null, from: null, to: null };
const begin = line(1, { kind: "start", cascade: 7, message: "begin to start jellyfin", reason: "in this order: nas, jellyfin, extra" });
const done = line(2, { kind: "step", cascade: 7, message: "nas: start done", reason: "needed by jellyfin" });
const kept = line(3, { kind: "decision", cascade: 7, message: "machine2 is left as it is", reason: "on already" });
const other = line(4, {});
const failed = line(5, { kind: "error", cascade: 7, message: "jellyfin: start failed", reason: "VM is locked (backup)" });
const end = line(6, { kind: "start", cascade: 7, message: "the start of jellyfin failed", reason: "VM is locked (backup)" });
const newestFirst = [end, failed, other, kept, done, begin];

describe("a cascade in the journal", () => {
  it("is one entry, at its newest line", () => {
    expect(fold(newestFirst).map((entry) => (entry.kind === "cascade" ? entry.lines.map((one) => one.id) : entry.line.id))).toEqual([[1, 2, 3, 5, 6], 4]);
  });

  it("is told as a rail: what was done, what failed, what was never begun", () => {
    const story = told([begin, done, kept, failed, end])!;
    expect(story).toMatchObject({ action: "start", name: "jellyfin", status: "failed", reason: "VM is locked (backup)", from: 1000, to: 6000 });
    expect(story.steps.map((step) => [step.node_name, step.status, step.detail])).toEqual([["nas", "done", null], ["jellyfin", "failed", "VM is locked (backup)"], ["extra", "cancelled", null]]);
    expect(story.beside).toEqual([kept]);
  });

  it("runs until its end is written", () => {
    expect(told([begin, done])?.status).toBe("running");
    expect(told([begin, line(9, { message: "the start of jellyfin was interrupted", kind: "error" })])?.status).toBe("interrupted");
  });

  it("stays a line where only one of its own was found", () => {
    expect(fold([done])).toEqual([{ kind: "line", line: done }]);
  });
});

describe("a page of the journal", () => {
  const fake = new FakeEngine("evening", 0);
  const read = (query: JournalQuery) => fake.journal(query);

  it("is full, and says where the next one begins", async () => {
    const first = await readPage(read, all, null, 5);
    expect(first.lines).toHaveLength(5);
    expect(first.before).toBe(first.lines[4]!.id);
    const second = await readPage(read, all, first.before, 500);
    expect(second.lines[0]!.id).toBeLessThan(first.before!);
    expect(second.before).toBeNull();
  });

  it.each<[string, Partial<Filter>, string[]]>([
    ["a kind", { group: "questions" }, ["question"]],
    ["a cascade", { cascade: 31 }, ["step", "start"]],
    ["words", { text: " locked by " }, ["decision"]],
    ["a time that is over", { to: 1000 }, []],
  ])("keeps %s", async (_what, filter, expected) => {
    expect((await readPage(read, { ...all, ...filter }, null)).lines.map((one) => one.kind)).toEqual(expected);
  });
});

it("says in French that a stop was refused", () => {
  expect(french("refused to stop nas")).toBe("refus d’arrêter nas");
});

it("finds every kind that the engine writes in a group", () => {
  const source = readFileSync(join(import.meta.dirname, "../../../src-tauri/crates/engine/src/controller/journal.rs"), "utf8");
  const written = new Set([...source.matchAll(/self\.journal\(\s*"(\w+)"/g)].map((found) => found[1]));
  expect(written.size).toBeGreaterThan(5);
  expect([...written].filter((kind) => !Object.values(kinds).flat().includes(kind!))).toEqual([]);
});
