// What the window says: phrases of the engine, reasons, questions, plans and announcements.
import { beforeEach, describe, expect, it } from "vitest";
import { advice } from "./advice";
import { changes } from "./announce";
import { scenarios } from "./backend/fake/homelab";
import { plan as planOf } from "./backend/fake/planner";
import type { PlanView, Snapshot } from "./backend/bindings";
import { because, failureAt } from "./because";
import { graphOf } from "./graph";
import { told } from "./i18n/fr-engine";
import { words } from "./i18n/index.svelte";
import { few, line, phrase } from "./phrases";
import { dependants, how, isHarm, progress } from "./plan";
import { wording } from "./question";
import { capital, parts, plain } from "./rich";

const snapshot = (scenario: string) => scenarios[scenario]!(1_000_000_000_000).snapshot;
const plain_ = (text: string) => plain(text).replaceAll("\u00A0", " ");
const why = (of: Snapshot, name: string) => {
  const graph = graphOf(of.nodes);
  return because(graph.byName.get(name)!, graph, "en-GB", of.at).map((one) => plain_(one.text));
};

beforeEach(() => words.choose("en"));

describe("phrases of the engine", () => {
  it.each([
    ["needed by lxc-jellyfin, nas", "requis par lxc-jellyfin, nas"],
    ["stays on: needed by nas (kept on by you), x, y and 97 others", "reste allumé : requis par nas (gardé allumé), x, y et 97 autres"],
    ["stays on: needed by nas", "reste allumé : requis par nas"],
    ["no longer needed once a is off", "plus requis une fois a éteint"],
    ["port 22 accepts", "le port 22 accepte les connexions"],
    ["it runs, then http://x answers", "il tourne, puis que http://x réponde"],
    ["VM is locked (backup)", "VM is locked (backup)"],
    ["3 magic packets sent, it answers, port 22 does not yet", "3 paquets magiques envoyés, il répond, pas encore le port 22"],
    ["the start of lxc-jellyfin completed", "démarrage de lxc-jellyfin : achevé"],
    ["nas stays on: needed by qbittorrent", "nas reste allumé : requis par qbittorrent"],
    ["nas: stop failed", "nas ne s’est pas arrêté"],
    ["machine2’s Proxmox", "le Proxmox de machine2"],
    ["vm-docker’s Docker", "le Docker de vm-docker"],
    ["machine1’s Proxmox API: no answer within 20 s", "API Proxmox de machine1 : pas de réponse en 20 s"],
    ["vm-docker: Docker API", "vm-docker : API Docker"],
    ["the start of jellystat", "démarrage de jellystat"],
  ])("%s", (fragment, french) => {
    expect(plain_(phrase(fragment))).toBe(fragment);
    words.choose("fr");
    expect(plain_(phrase(fragment))).toBe(french);
  });

  it("the fake engine says nothing that the real one does not", () => {
    // What a platform says is its own, and so is what names or addresses something.
    const own = ["nodes.tags", "nodes.cause", "connections.title", "discovered", "failure.operation", "failure.message"];
    const strange = new Set<string>();
    const check = (of: Snapshot) => {
      const known = new Set(of.nodes.map((node) => node.name));
      const walk = (value: unknown, path: string) => {
        if (own.some((one) => path.includes(one))) return;
        if (typeof value === "string" && value.includes(" ") && !known.has(value)) {
          const marked: string[] = [];
          const said = told(value, "fr", (name) => (marked.push(name), name));
          if (said === null || marked.some((name) => !known.has(name))) strange.add(`${path}: ${value}`);
        } else if (value && typeof value === "object") {
          for (const [key, one] of Object.entries(value)) walk(one, Array.isArray(value) ? path : `${path}.${key}`);
        }
      };
      walk(of, "");
      for (const node of of.nodes) {
        for (const action of ["start", "stop"] as const) {
          const planned = planOf(of, { action, node: node.id, with_dependants: true, queue: false, automatic: false });
          if (planned.kind === "plan") walk([...planned.plan.steps.flatMap((one) => [one.reason, one.via]), ...planned.plan.follow_ups.map((one) => one.reason)], action);
        }
      }
    };
    for (const scenario of Object.keys(scenarios)) if (scenario !== "strange") check(snapshot(scenario));
    expect([...strange]).toEqual([]);
  });

  it("sets the names apart", () => {
    expect(parts(phrase("needed by a, b")).filter((part) => part.isName).map((part) => part.text)).toEqual(["a", "b"]);
    expect(parts(line("kept nas on", "nas"))).toContainEqual({ text: "nas", isName: true });
    expect(parts(line("kept nasty on", "nas")).some((part) => part.isName)).toBe(false);
  });

  it("advice follows the language", () => {
    const failure = failureAt(snapshot("troubled").nodes.find((node) => node.name === "vm-docker")!, snapshot("troubled"))!.failure;
    expect(advice(failure)).toBe(failure.advice);
    words.choose("fr");
    expect(advice(failure)).toContain("déverrouillé");
  });
});

it("a line begins with a capital, a name does not", () => {
  expect(capital("needed by x")).toBe("Needed by x");
  expect(capital("\uE000nas\uE001 stays")).toBe("\uE000nas\uE001 stays");
});

describe("because", () => {
  it("a held node says until when, and who needs it", () => {
    expect(why(snapshot("evening"), "nas")[0]).toMatch(/^Held until/);
    expect(why(snapshot("evening"), "nas")[1]).toBe("Needed by lxc-jellyfin, nextcloud");
  });
  it("a sleeping node says what its start wakes", () => {
    expect(why(snapshot("quiet"), "lxc-jellyfin")).toEqual(["Starts nas first."]);
    expect(why(snapshot("quiet"), "nas")).toEqual(["Starts without waking anything else."]);
    expect(why(snapshot("used"), "nextcloud")).toEqual(["Needs nas, which is on."]);
  });
  it("a node that nothing can start says so", () => {
    const of = snapshot("quiet");
    of.nodes.find((node) => node.name === "nas")!.start_channel = null;
    expect(why(of, "nas")).toEqual(["No way to start it is set up"]);
  });
  it("a failed node quotes the platform, an unknown one is not off", () => {
    expect(why(snapshot("evening"), "nextcloud")[0]).toBe("Bind for 0.0.0.0:8080 failed: port is already allocated");
    expect(why(snapshot("evening"), "vm-ubuntu")[0]).toBe("Machine1’s Proxmox API: no answer within 20 s");
  });
  it("finds the failure of a step and of a connection", () => {
    const of = snapshot("troubled");
    const at = (name: string) => failureAt(of.nodes.find((node) => node.name === name)!, of)?.failure.message;
    expect(at("vm-docker")).toBe("VM is locked (backup)");
    expect(at("machine2")).toContain("host key");
    expect(at("nas")).toBeUndefined();
  });
});

it("a long list names a few and counts the others", () => {
  expect(plain_(few(["a", "b", "c"], 3))).toBe("a, b, c");
  expect(plain_(few(["a", "b", "c", "d"], 2))).toBe("a, b and 2 more");
});

describe("questions", () => {
  const ask = (reason: string) => wording({ id: 1, node: 1, node_name: "nas", reason, asked_at: 0, stops_at: null });
  it.each([
    ["it has not been used for 1 h 30 min", "nas has not been used for 1 h 30 min. Shut it down?", ""],
    ["no longer needed once a is off", "nas is no longer needed. Shut it down?", "a is off."],
    ["needed by nobody since noon", "Shut nas down?", "Needed by nobody since noon."],
  ])("%s", (reason, asked, second) => {
    expect(plain_(ask(reason).ask)).toBe(asked);
    expect(plain_(ask(reason).because)).toBe(second);
  });
});

describe("plans", () => {
  const plan = (scenario: string, action: "start" | "stop", name: string, withDependants = false): PlanView => {
    const of = snapshot(scenario);
    const node = of.nodes.find((one) => one.name === name)!;
    const answer = planOf(of, { action, node: node.id, with_dependants: withDependants, queue: false, automatic: false });
    if (answer.kind !== "plan") throw new Error(answer.refusal.message);
    return answer.plan;
  };
  it("counts those that go down with the target", () => {
    expect(dependants(plan("used", "stop", "nas", true)).map((step) => step.node_name)).toEqual(["qbittorrent", "sandbox", "lxc-jellyfin"]);
    expect(isHarm(plan("used", "stop", "nas", true))).toBe(true);
    expect(isHarm(plan("used", "stop", "qbittorrent"))).toBe(false);
    expect(isHarm(plan("quiet", "start", "lxc-jellyfin"))).toBe(false);
  });
  it("what follows by itself is no dependant", () => {
    const base = plan("used", "stop", "qbittorrent");
    const auto = { ...base.steps[0]!, node: 99, node_name: "vm-docker", beyond_target: true };
    const followed = { ...base, steps: [...base.steps, auto], follow_ups: [{ node: 99, node_name: "vm-docker", mode: "auto" as const, reason: "" }] };
    expect(isHarm(followed)).toBe(false);
  });
  it("says how each step is done", () => {
    expect(plan("quiet", "start", "lxc-jellyfin").steps.map((step) => plain_(how(step)))).toEqual(["Wake with a magic packet", "Start with machine2’s Proxmox"]);
    expect(plan("used", "stop", "machine1", true).steps.map(how).at(-1)).toBe("Power off over SSH");
  });
  it("counts the step in progress", () => {
    expect(progress(snapshot("evening").cascades[0]!.steps)).toEqual({ step: 2, of: 3 });
  });
});

describe("announcements", () => {
  it("tells each step once and the end", () => {
    const before = snapshot("evening");
    expect(changes(null, before)).toEqual([]);
    expect(changes(before, snapshot("evening"))).toEqual([]);
    const after = snapshot("evening");
    after.cascades[0]!.steps[1]!.status = "done";
    after.cascades[0]!.steps[2]!.status = "running";
    expect(changes(before, after)).toEqual(["vm-docker is on.", "Step 3 of 3: starting jellystat."]);
    const end = structuredClone(after);
    end.cascades[0]!.status = "completed";
    expect(changes(after, end)).toEqual(["jellystat is ready."]);
  });
  it("tells that a question was settled elsewhere", () => {
    const after = snapshot("evening");
    after.questions = [];
    expect(changes(snapshot("evening"), after)).toEqual(["The question about lxc-cloudflared is settled."]);
  });
});
