import { describe, expect, it } from "vitest";
import { scenarios } from "./backend/fake/homelab";
import { graphOf, matches, newer, passes, treeRows, wakesFirst } from "./graph";

const { nodes } = scenarios.quiet!(0).snapshot;
const graph = graphOf(nodes);
const byName = (name: string) => graph.byName.get(name)!;
const drawn = (rows: ReturnType<typeof treeRows>) => rows.map((row) => "  ".repeat(row.depth) + row.node.name);

describe("the tree", () => {
  it("puts guests below their hosts", () => {
    expect(drawn(treeRows(graph, nodes, new Set()))).toEqual([
      "machine1",
      "  vm-docker",
      "    jellystat",
      "    sandbox",
      "    qbittorrent",
      "  vm-ubuntu",
      "machine2",
      "  vm-homeassistant",
      "  lxc-jellyfin",
      "  lxc-cloudflared",
      "nas",
      "raspberry",
      "  pihole",
      "  nextcloud",
    ]);
  });

  it("hides what is folded, all levels of it", () => {
    const rows = treeRows(graph, nodes, new Set([byName("machine1").id]));
    expect(drawn(rows).slice(0, 2)).toEqual(["machine1", "machine2"]);
    expect(rows[0]!.hasGuests).toBe(true);
  });

  it("keeps the hosts of what is searched, folded or not", () => {
    const rows = treeRows(graph, nodes, new Set([byName("machine1").id]), (node) => node.name === "sandbox");
    expect(drawn(rows)).toEqual(["machine1", "  vm-docker", "    sandbox"]);
  });

  it("shows a node whose host is gone at the top", () => {
    const alone = nodes.filter((node) => node.name === "jellystat");
    expect(drawn(treeRows(graphOf(alone), alone, new Set()))).toEqual(["jellystat"]);
  });

  it("draws a line past a guest only where a sibling follows", () => {
    const rows = treeRows(graph, nodes, new Set());
    const of = (name: string) => rows.find((row) => row.node.name === name)!;
    expect(of("jellystat").through).toEqual([true]);
    expect(of("nextcloud").isLast).toBe(true);
    expect(of("vm-ubuntu").isLast).toBe(true);
  });
});

describe("what a start wakes first", () => {
  it.each([
    ["lxc-jellyfin", ["nas"]],
    ["sandbox", ["nas", "lxc-jellyfin", "machine1", "vm-docker"]],
    ["nas", []],
    ["pihole", []],
  ])("%s: %j", (name, first) => {
    expect(wakesFirst(graph, byName(name)).map((node) => node.name)).toEqual(first);
  });

  it("ends on a cycle", () => {
    const a = { ...byName("nas"), id: 1, name: "a", depends_on: [2] };
    const b = { ...byName("nas"), id: 2, name: "b", depends_on: [1] };
    expect(wakesFirst(graphOf([a, b]), a).map((node) => node.name)).toEqual(["b"]);
  });
});

it("is found by name, address and tag, in any case", () => {
  const node = { ...byName("nas"), tags: ["Storage"] };
  expect(matches(node, "NA")).toBe(true);
  expect(matches(node, "10.77.0.3")).toBe(true);
  expect(matches(node, " storage ")).toBe(true);
  expect(matches(node, "jelly")).toBe(false);
});

it("unknown and failed want attention, off does not", () => {
  expect(passes({ ...byName("nas"), power: "unknown" }, "attention")).toBe(true);
  expect(passes({ ...byName("nas"), power: "off" }, "attention")).toBe(false);
  expect(passes({ ...byName("nas"), missing_secrets: ["ssh-password"] }, "attention")).toBe(true);
});

it("only a newer revision replaces a snapshot", () => {
  const at = (revision: number) => ({ ...scenarios.quiet!(0).snapshot, revision });
  const five = at(5);
  expect(newer(null, five)).toBe(five);
  expect(newer(five, at(4))).toBe(five);
  expect(newer(five, at(5))).toBe(five);
  expect(newer(five, at(6)).revision).toBe(6);
});
