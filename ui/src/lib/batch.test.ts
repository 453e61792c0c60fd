import { expect, it } from "vitest";
import { guestsOf } from "./backend/fake/homelab";
import type { NodeEntry } from "./backend/bindings";
import { batchErrors, isCertain, openNeeds, suggestions } from "./batch";

const guests = guestsOf(7, { name: "machine2", kind: "machine" });
const named = (name: string) => guests.find((one) => one.name === name)!;
const entry = (name: string, extra: Partial<NodeEntry> = {}): NodeEntry => ({ name, kind: "lxc", host: "machine2", ...extra });

it("takes the platform's hints for what is configured in the same go", () => {
  expect(suggestions(named("lxc-jellyfin"), guests)).toEqual(["lxc-postgres"]);
  expect(suggestions(named("lxc-jellyfin"), [named("lxc-jellyfin")])).toEqual([]);
  const known = { ...named("lxc-jellyfin"), entry: entry("lxc-jellyfin", { depends_on: ["nas"] }) };
  expect(suggestions(known, guests)).toEqual(["nas", "lxc-postgres"]);
});

it("takes what compose says, and only offers what a startup order hints at", () => {
  expect(isCertain(named("lxc-jellyfin"))).toBe(false);
  expect(isCertain({ ...named("lxc-jellyfin"), kind: "container" })).toBe(true);
});

it("says at each field what is wrong, and twice the same name only once", () => {
  const errors = batchErrors([entry(" "), entry("nas"), entry("a"), entry("a"), entry("b", { url: "b.lan" })], ["nas"]);
  expect(Object.keys(errors)).toEqual(["0.name", "1.name", "3.name", "4.url"]);
  expect(batchErrors([entry("a", { url: "https://a.lan" })], [])).toEqual({});
});

it("offers everybody but itself, its host and what it needs already", () => {
  expect(openNeeds(entry("a", { depends_on: ["nas"] }), ["machine2", "nas", "a", "b", ""])).toEqual(["b"]);
});
