import { expect, it } from "vitest";
import { parse, to } from "./route";

const journal = { page: "journal", node: null, cascade: null, kind: null, when: null, from: null, to: null };

it.each([
  ["", { page: "dashboard" }],
  ["#/", { page: "dashboard" }],
  ["#/machines", { page: "machines", show: null }],
  ["#/machines?show=off", { page: "machines", show: "off" }],
  ["#/node/9", { page: "node", id: 9 }],
  ["#/node/9/edit", { page: "edit", id: 9 }],
  ["#/node/nine", { page: "unknown" }],
  ["#/question/7", { page: "question", id: 7 }],
  ["#/journal?node=3", { ...journal, node: 3 }],
  ["#/journal?cascade=31&kind=errors&when=week", { ...journal, cascade: 31, kind: "errors", when: "week" }],
  ["#/journal", journal],
  ["#/settings?import", { page: "settings", wantsImport: true }],
  ["#/savings", { page: "savings", node: null, by: "day" }],
  ["#/savings?node=11&by=week", { page: "savings", node: 11, by: "week" }],
  ["#/nowhere", { page: "unknown" }],
])("%s", (hash, route) => {
  expect(parse(hash)).toEqual(route);
});

it("leads back to what it was made of", () => {
  expect(parse(to.configure(12, "paperless web/1"))).toEqual({ page: "configure", host: 12, platformId: "paperless web/1" });
  expect(parse(to.journal({ node: 3, when: "between", from: "2026-11-01" }))).toEqual({ ...journal, node: 3, when: "between", from: "2026-11-01" });
  expect(parse(to.savings({ node: 3, by: "month" }))).toEqual({ page: "savings", node: 3, by: "month" });
  expect(to.savings()).toBe("#/savings");
  expect(parse(to.add("lxc", 7))).toEqual({ page: "add", kind: "lxc", host: 7 });
});
