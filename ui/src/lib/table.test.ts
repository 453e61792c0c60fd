import { expect, it } from "vitest";
import { scenarios } from "./backend/fake/homelab";
import { graphOf } from "./graph";
import { comparison, keeps, rowsOf, type View } from "./table";

const { nodes } = scenarios.evening!(1_000_000_000_000).snapshot;
const graph = graphOf(nodes);
const whole: View = { text: "", state: "all", kinds: new Set(), onlyPinned: false, onlyToConfigure: false, sort: { by: "order", isDown: false }, isFlat: false, folded: new Set() };
const names = (view: Partial<View>) => rowsOf(graph, nodes, { ...whole, ...view }, "en").map((row) => row.node.name);

it.each<[string, Partial<View>, string[]]>([
  ["of a kind, with its hosts", { kinds: new Set(["lxc"]) }, ["machine2", "lxc-jellyfin", "lxc-cloudflared"]],
  ["of a kind, flat", { kinds: new Set(["lxc"]), isFlat: true }, ["lxc-jellyfin", "lxc-cloudflared"]],
  ["with something to configure", { onlyToConfigure: true }, ["raspberry"]],
  ["pinned machines", { onlyPinned: true, kinds: new Set(["machine"]) }, ["nas"]],
  ["in need of a look, found by name", { state: "attention", text: "cloud", isFlat: true }, ["nextcloud"]],
])("%s", (_what, view, expected) => {
  expect(names(view)).toEqual(expected);
});

it("sorts siblings below their host", () => {
  const sorted = names({ sort: { by: "name", isDown: true } });
  expect(sorted.filter((name) => /^(machine|nas|rasp)/.test(name))).toEqual(["raspberry", "nas", "machine2", "machine1"]);
  expect(sorted.slice(-6)).toEqual(["machine1", "vm-ubuntu", "vm-docker", "sandbox", "qbittorrent", "jellystat"]);
});

it("puts what wants a look first, and keeps the order of creation among equals", () => {
  const flat = names({ isFlat: true, sort: { by: "state", isDown: false } });
  expect(flat.slice(0, 4)).toEqual(["nextcloud", "vm-ubuntu", "vm-docker", "jellystat"]);
  expect(flat.slice(-2)).toEqual(["sandbox", "qbittorrent"]);
});

it("counts numbers in names as numbers", () => {
  const compare = comparison({ by: "name", isDown: false }, "en")!;
  const of = (name: string) => ({ ...nodes[0]!, name });
  expect(compare(of("vm-2"), of("vm-10"))).toBeLessThan(0);
});

it("leaves the order of creation alone", () => {
  expect(comparison({ by: "order", isDown: false }, "en")).toBeUndefined();
  expect(keeps(nodes[0]!, whole)).toBe(true);
});
