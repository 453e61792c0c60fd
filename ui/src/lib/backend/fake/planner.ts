// A naive planner for the pretended homelab. The real one is Rust; this one only has to look like it.
import type { Ask, PlanAnswer, PlanStepView, PlanView, NodeView, Snapshot } from "../bindings";

const usual: Record<string, [number, number]> = { machine: [46_000, 31_000], vm: [25_000, 24_000], lxc: [19_000, 6000], container: [8000, 10_000] };

export function plan(snapshot: Snapshot, ask: Ask): PlanAnswer {
  const byId = new Map(snapshot.nodes.map((node) => [node.id, node]));
  const target = byId.get(ask.node);
  if (!target) return refused(ask.node, "", "unknown_node", [], `there is no node ${ask.node}`);
  if (ask.automatic && target.always_on) return refused(target.id, target.name, "always_on", [], `${target.name} is always on and is never stopped automatically`);
  if (ask.automatic && target.held_until !== null) return refused(target.id, target.name, "held", [], `${target.name} is kept on by you`);
  const guests = snapshot.nodes.filter((node) => node.host === target.id && node.power === "on").map((node) => node.name);
  if (ask.automatic && guests.length > 0) return refused(target.id, target.name, "hosts", guests, `${target.name} hosts ${guests.join(", ")}`);
  return ask.action === "start" ? start(byId, target) : stop(snapshot, byId, target, ask.with_dependants);
}

const refused = (node: number, name: string, kind: string, by: string[], message: string): PlanAnswer => ({
  kind: "refused",
  refusal: { node, node_name: name, kind, by, message },
});

function stepOf(byId: Map<number, NodeView>, node: NodeView, action: "start" | "stop", reason: string, beyond: boolean): PlanStepView {
  const host = node.host === null ? undefined : byId.get(node.host);
  const channel = (action === "start" ? node.start_channel : node.stop_channel) ?? "ssh";
  const [up = 0, down = 0] = usual[node.kind] ?? [];
  return {
    node: node.id,
    node_name: node.name,
    action,
    channel,
    via: channel === "docker_api" ? `${host?.name}’s Docker` : channel === "proxmox_api" ? `${(host ?? node).name}’s Proxmox` : node.name,
    readiness: action === "stop" ? "it is seen off, twice" : node.kind === "machine" ? "port 22 accepts" : node.url ? `it runs, then ${node.url} answers` : "it runs",
    reason,
    timeout_ms: (node.kind === "machine" ? 180 : 60) * 1000,
    usual_ms: action === "start" ? up : down,
    beyond_target: beyond,
  };
}

function answer(target: NodeView, action: "start" | "stop", steps: PlanStepView[], rest: Partial<PlanView>): PlanAnswer {
  const usual_ms = steps.reduce((sum, step) => sum + (step.usual_ms ?? 0), 0);
  return { kind: "plan", plan: { action, node: target.id, node_name: target.name, steps, skipped: [], protected: [], follow_ups: [], usual_ms, ...rest } };
}

function start(byId: Map<number, NodeView>, target: NodeView): PlanAnswer {
  const steps: PlanStepView[] = [];
  const skipped: PlanView["skipped"] = [];
  const seen = new Set<number>();
  const visit = (node: NodeView, reason: string) => {
    if (seen.has(node.id)) return;
    seen.add(node.id);
    for (const id of node.depends_on) {
      const dependency = byId.get(id);
      if (dependency) visit(dependency, `needed by ${node.name}`);
    }
    const host = node.host === null ? undefined : byId.get(node.host);
    if (host) visit(host, `hosts ${node.name}`);
    if (node.power === "on") skipped.push({ node: node.id, node_name: node.name, reason: "on already" });
    else steps.push(stepOf(byId, node, "start", reason, false));
  };
  visit(target, "you asked for it");
  const blocked = steps.find((step) => byId.get(step.node)?.start_channel === null);
  if (blocked) return refused(blocked.node, blocked.node_name, "no_channel", [], `nothing is configured by which ${blocked.node_name} could be started`);
  return answer(target, "start", steps, { skipped });
}

function stop(snapshot: Snapshot, byId: Map<number, NodeView>, target: NodeView, withDependants: boolean): PlanAnswer {
  const isOn = (node: NodeView) => node.power !== "off";
  const hosted = new Set<number>();
  const take = (set: Set<number>, node: NodeView) => {
    if (set.has(node.id)) return;
    set.add(node.id);
    for (const guest of snapshot.nodes) if (guest.host === node.id) take(set, guest);
  };
  take(hosted, target);
  const set = new Set(hosted);
  for (let grew = true; grew; ) {
    grew = false;
    for (const node of snapshot.nodes) {
      if (!set.has(node.id) && isOn(node) && node.depends_on.some((id) => set.has(id))) {
        take(set, node);
        grew = true;
      }
    }
  }
  const beyond = snapshot.nodes.filter((node) => set.has(node.id) && !hosted.has(node.id) && isOn(node));
  if (beyond.length > 0 && !withDependants) {
    const by = beyond.map((node) => node.name);
    return refused(target.id, target.name, "needed_by", by, `${target.name} is needed by ${by.join(", ")}`);
  }
  const steps: PlanStepView[] = [];
  const skipped: PlanView["skipped"] = [];
  const done = new Set<number>();
  const visit = (node: NodeView) => {
    if (done.has(node.id)) return;
    done.add(node.id);
    for (const other of snapshot.nodes) if (set.has(other.id) && (other.host === node.id || other.depends_on.includes(node.id))) visit(other);
    const host = node.host === null ? undefined : byId.get(node.host);
    const reason = node.id === target.id ? "you asked for it" : host && set.has(host.id) ? `runs on ${host.name}` : `needs ${byId.get(node.depends_on[0] ?? 0)?.name}`;
    if (isOn(node)) steps.push(stepOf(byId, node, "stop", reason, !hosted.has(node.id)));
    else skipped.push({ node: node.id, node_name: node.name, reason: "off already" });
  };
  for (const id of set) visit(byId.get(id) as NodeView);
  const freed = snapshot.nodes.filter((node) => isOn(node) && !set.has(node.id) && steps.some((step) => byId.get(step.node)?.depends_on.includes(node.id)));
  const users = (node: NodeView) => snapshot.nodes.filter((other) => isOn(other) && !set.has(other.id) && (other.host === node.id || other.depends_on.includes(node.id)));
  return answer(target, "stop", steps, {
    skipped,
    follow_ups: freed.filter((node) => users(node).length === 0).map((node) => ({ node: node.id, node_name: node.name, mode: "confirm" as const, reason: `no longer needed once ${target.name} is off` })),
    protected: freed
      .filter((node) => users(node).length > 0)
      .map((node) => ({ node: node.id, node_name: node.name, by: users(node).map((one) => one.name), reason: `stays on: needed by ${users(node).map((one) => one.name).join(", ")}` })),
  });
}
