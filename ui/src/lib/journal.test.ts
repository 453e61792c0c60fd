import { describe, expect, it } from "vitest";
import { FakeEngine } from "./backend/fake/fake";
import type { JournalLine, JournalQuery } from "./backend/bindings";
import { french } from "./i18n/fr-engine";
import { asCsv, asJson, fold, keeps, readPage, told, type Filter } from "./journal";

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
  const engine = (count: number) => {
    const lines = Array.from({ length: count }, (_, at) => line(count - at, { kind: (count - at) % 50 === 0 ? "error" : "state" }));
    const queries: JournalQuery[] = [];
    const read = async (query: JournalQuery) => (queries.push(query), lines.filter((one) => query.before === null || one.id < query.before).slice(0, query.limit ?? 100));
    return { read, queries };
  };

  it("is read on until it is full, or the journal ends", async () => {
    const { read } = engine(2000);
    const first = await readPage(read, { ...all, group: "errors" }, null, 20);
    expect(first.lines).toHaveLength(20);
    expect(first.lines.every((one) => one.kind === "error")).toBe(true);
    expect(first.before).toBe(1001);
    const second = await readPage(read, { ...all, group: "errors" }, first.before, 100);
    expect(second).toMatchObject({ before: null });
    expect(second.lines).toHaveLength(20);
  });

  it("asks no further back than the first day", async () => {
    const { read, queries } = engine(2000);
    const page = await readPage(read, { ...all, from: 1_600_000 }, null, 1000);
    expect(page.lines).toHaveLength(401);
    expect(page.before).toBeNull();
    expect(queries).toHaveLength(1);
  });

  it("keeps a day from its first to its last moment", () => {
    const filter = { ...all, from: 2000, to: 5000 };
    expect(newestFirst.filter((one) => keeps(one, filter)).map((one) => one.id)).toEqual([4, 3, 2]);
  });

  it("is what the pretended engine tells", async () => {
    const fake = new FakeEngine("evening", 0);
    const page = await readPage((query) => fake.journal(query), { ...all, group: "questions" }, null);
    expect(page.lines.map((one) => one.kind)).toEqual(["question"]);
  });
});

it("says in French that a stop was refused", () => {
  expect(french("refused to stop nas")).toBe("refus d’arrêter nas");
});

describe("an export", () => {
  it("quotes what needs it, and is no formula", () => {
    const csv = asCsv([line(1, { message: 'a "b", c', reason: "=HYPERLINK(1)" })]).split("\r\n");
    expect(csv[0]).toBe("at,kind,node,cascade,message,reason");
    expect(csv[1]).toBe(`1970-01-01T00:00:01.000Z,state,nas,,"a ""b"", c",'=HYPERLINK(1)`);
  });

  it("is read back from JSON", () => {
    expect(JSON.parse(asJson([begin]))).toEqual([{ at: "1970-01-01T00:00:01.000Z", kind: "start", node: "nas", cascade: 7, message: begin.message, reason: begin.reason }]);
  });
});
