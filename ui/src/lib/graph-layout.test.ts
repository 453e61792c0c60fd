import { describe, expect, it } from "vitest";
import type { NodeView } from "./backend/bindings";
import { scenarios } from "./backend/fake/homelab";
import { cycleIf, layOut, lines, structureOf, type Box } from "./graph-layout";

const reference = scenarios.evening!(0).snapshot.nodes;
const estate = scenarios.estate!(0).snapshot.nodes;
const id = (name: string, nodes = reference) => nodes.find((node) => node.name === name)!.id;
const apart = (a: Box, b: Box) => a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
const within = (inner: Box, outer: Box) =>
  inner.x > outer.x && inner.y > outer.y && inner.x + inner.width < outer.x + outer.width && inner.y + inner.height < outer.y + outer.height;

describe.each([
  ["the reference homelab", reference],
  ["two hundred nodes", estate],
])("the layout of %s", (_, nodes) => {
  const { boxes } = layOut(nodes);

  it("has every node once, inside the box of its host", () => {
    expect([...boxes.keys()].sort()).toEqual(nodes.map((node) => node.id).sort());
    for (const node of nodes) if (node.host !== null) expect(within(boxes.get(node.id)!, boxes.get(node.host)!), node.name).toBe(true);
  });

  it("lays nothing over anything else", () => {
    for (const host of [null, ...nodes.map((node) => node.id)]) {
      const side = nodes.filter((node) => node.host === host).map((node) => boxes.get(node.id)!);
      side.forEach((box, at) => side.slice(at + 1).forEach((other) => expect(apart(box, other)).toBe(true)));
    }
  });
});

describe("calm", () => {
  it("states and needs change no structure", () => {
    const changed = reference.map((node): NodeView => ({ ...node, power: "on", depends_on: node.name === "pihole" ? [id("nas")] : node.depends_on }));
    expect(structureOf(changed)).toBe(structureOf(reference));
  });

  it("keeps every machine in its column when a guest comes", () => {
    const before = layOut(reference);
    const guest: NodeView = { ...reference.find((node) => node.name === "pihole")!, id: 99, name: "vaultwarden" };
    const after = layOut([...reference, guest], before);
    for (const [root, column] of before.column) expect(after.column.get(root)).toBe(column);
    for (const name of ["machine1", "machine2", "lxc-jellyfin", "sandbox"]) expect(after.boxes.get(id(name))).toEqual(before.boxes.get(id(name)));
  });

  it("moves nothing when a machine comes that nobody needs", () => {
    const before = layOut(reference);
    const machine: NodeView = { ...reference.find((node) => node.name === "nas")!, id: 99, name: "desk", needed_by: [] };
    const after = layOut([...reference, machine], before);
    for (const [node, box] of before.boxes) expect(after.boxes.get(node)).toEqual(box);
  });
});

describe("lines", () => {
  it("run in the gutters: the upright part crosses no machine", () => {
    const layout = layOut(estate);
    const wires = estate.flatMap((node) => node.depends_on.map((to) => ({ id: `${node.id}-${to}`, from: node.id, to })));
    const drawn = lines(layout, wires);
    expect(drawn.size).toBe(wires.length);
    for (const wire of wires) {
      const [from, to] = [layout.boxes.get(wire.from)!, layout.boxes.get(wire.to)!];
      if (from.root === to.root) continue;
      const { x } = drawn.get(wire.id)!.label;
      for (const root of layout.column.keys()) {
        const box = layout.boxes.get(root)!;
        const isBeside = box.y < Math.max(from.y, to.y) && box.y + box.height > Math.min(from.y, to.y);
        if (isBeside) expect(x < box.x || x > box.x + box.width, `${wire.id} at ${x}`).toBe(true);
      }
    }
  });
});

describe("a cycle", () => {
  it("is found along needs and hosts, shortest first", () => {
    const names = (path: number[] | null) => path?.map((one) => reference.find((node) => node.id === one)?.name) ?? null;
    expect(names(cycleIf(reference, id("nas"), id("sandbox")))).toEqual(["nas", "sandbox", "lxc-jellyfin"]);
    expect(names(cycleIf(reference, id("machine2"), id("sandbox")))).toEqual(["machine2", "sandbox", "lxc-jellyfin"]);
    expect(names(cycleIf(reference, id("nas"), id("nas")))).toEqual(["nas"]);
    expect(cycleIf(reference, id("pihole"), id("nas"))).toBeNull();
  });
});
