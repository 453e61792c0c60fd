import { expect, it } from "vitest";
import { scenarios } from "./backend/fake/homelab";
import { plan } from "./backend/fake/planner";
import { planAll } from "./bulk";

async function bulk(scenario: string, action: "start" | "stop", names: string[]) {
  const { snapshot } = scenarios[scenario]!(1_000_000_000_000);
  const chosen = names.map((name) => snapshot.nodes.find((node) => node.name === name)!);
  const counts: number[] = [];
  const planned = await planAll(action, chosen, async (ask) => plan(snapshot, ask), (count) => counts.push(count));
  expect(counts).toEqual(names.map((_, at) => at + 1));
  return { ...planned, names: planned.whole.steps.map((step) => step.node_name), asked: planned.runs.map((run) => run.plan.node_name) };
}

it("draws a step once that two of them need", async () => {
  const { names, asked } = await bulk("quiet", "start", ["lxc-jellyfin", "qbittorrent"]);
  expect(names).toEqual(["nas", "lxc-jellyfin", "machine1", "vm-docker", "qbittorrent"]);
  expect(asked).toEqual(["lxc-jellyfin", "qbittorrent"]);
});

it("asks once for what another one brings along", async () => {
  const { asked, names } = await bulk("quiet", "start", ["nas", "vm-docker", "sandbox"]);
  expect(asked).toEqual(["sandbox"]);
  expect(names).toHaveLength(5);
});

it("asks for two that bring each other along only once", async () => {
  const { asked } = await bulk("quiet", "start", ["machine1", "vm-docker"]);
  expect(asked).toEqual(["vm-docker"]);
});

it("names who goes down beside those that were chosen", async () => {
  const { beyond, runs } = await bulk("used", "stop", ["nas", "lxc-jellyfin"]);
  expect(beyond).toEqual(["qbittorrent", "sandbox"]);
  expect(runs.map((run) => run.ask)).toMatchObject([{ with_dependants: true, queue: true }]);
});

it("keeps what is refused apart", async () => {
  const { refused, asked } = await bulk("quiet", "start", ["nas"]);
  expect(refused).toEqual([]);
  expect(asked).toEqual(["nas"]);
});
