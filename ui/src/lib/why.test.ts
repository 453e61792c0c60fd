// What the node page says: why it is on or off, what a stop and a start mean, and what is copied of an error.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { scenarios } from "./backend/fake/homelab";
import type { JournalLine } from "./backend/bindings";
import { cycleOf } from "./cycle";
import { errorDetails, failureDetails } from "./details";
import { graphOf, startSteps, stopMeans } from "./graph";
import { words } from "./i18n/index.svelte";
import { plain } from "./rich";
import { undo } from "./state/undo.svelte";
import { whoStarted, whyOff, whyOn } from "./why";

const now = new Date("2026-11-21T20:47:00").getTime();
const world = (scenario: string) => {
  const { nodes } = scenarios[scenario]!(now).snapshot;
  const graph = graphOf(nodes);
  return { graph, of: (name: string) => graph.byName.get(name)! };
};
const say = (text: string | null) => (text === null ? null : plain(text).replaceAll("\u00A0", " "));

beforeEach(() => words.choose("en"));
afterEach(() => vi.useRealTimers());

describe("why it is on, in one sentence", () => {
  const { graph, of } = world("used");
  it.each([
    ["nas", "qbittorrent, lxc-jellyfin need it."],
    ["machine1", "It hosts vm-docker."],
    ["jellystat", "Nothing that is on needs it, and nobody keeps it on."],
    ["machine2", "It is always on and it hosts vm-homeassistant, lxc-jellyfin."],
  ])("%s: %s", (name, sentence) => {
    expect(say(whyOn(of(name), graph, now, "en-GB"))).toMatch(new RegExp(`^${sentence}$`, "i"));
  });

  it("counts a hold until it is over", () => {
    const held = { ...of("jellystat"), held_until: now + 1 };
    expect(say(whyOn(held, graph, now, "en-GB"))).toBe("You keep it on until 20:47.");
    expect(say(whyOn(held, graph, now + 2, "en-GB"))).toBe("Nothing that is on needs it, and nobody keeps it on.");
  });

  it("says it in French", () => {
    words.choose("fr");
    expect(say(whyOn(of("nas"), graph, now, "fr-FR"))).toBe("qbittorrent, lxc-jellyfin en dépendent.");
  });
});

describe("who turned it on or off, from the journal", () => {
  const line = (message: string, reason: string | null): JournalLine => ({ id: 1, at: now - 60_000, kind: "step", node: 1, node_name: "nas", cascade: null, message, reason });
  it("names the reason of our own stop", () => {
    expect(say(whyOff([line("nas: stop done", "it is not used")], "nas", now, "en-GB"))).toBe("WakeHub stopped it (20:46): it is not used.");
  });
  it("does not take the credit for another's", () => {
    expect(say(whyOff([line("nas is off", "seen, not asked for")], "nas", now, "en-GB"))).toBe("It was seen off (20:46); WakeHub did not stop it.");
    expect(say(whoStarted([line("nas is on", "seen, not asked for")], "nas", now, "en-GB"))).toBe("It was seen on (20:46); WakeHub did not start it.");
  });
  it("says nothing of what the journal does not know", () => {
    expect(whyOff([line("nas was changed", null)], "nas", now, "en-GB")).toBeNull();
    expect(whyOff([line("nas: start done", null), line("nas: stop done", null)], "nas", now, "en-GB")).toBeNull();
  });
});

describe("what would happen", () => {
  it("a stop takes those that need it, through every layer, and frees what nothing else needs", () => {
    const { graph, of } = world("used");
    const named = (name: string) => {
      const { takes, frees } = stopMeans(graph, of(name));
      return [takes.map((one) => one.name), frees.map((one) => one.name)];
    };
    expect(named("lxc-jellyfin")).toEqual([["sandbox"], []]);
    expect(named("machine1")).toEqual([["vm-docker", "jellystat", "sandbox", "qbittorrent"], ["lxc-jellyfin"]]);
    expect(named("jellystat")).toEqual([[], []]);
    of("lxc-jellyfin").power = "off";
    of("sandbox").power = "off";
    expect(named("qbittorrent")).toEqual([[], ["nas"]]);
    of("nas").held_until = now + 1;
    expect(named("qbittorrent")).toEqual([[], []]);
  });

  it("a start brings what is needed, each with its reason", () => {
    const { graph, of } = world("quiet");
    expect(startSteps(graph, of("sandbox")).map((step) => [step.node.name, step.reason])).toEqual([
      ["nas", "needed by lxc-jellyfin"],
      ["lxc-jellyfin", "needed by sandbox"],
      ["machine1", "hosts vm-docker"],
      ["vm-docker", "hosts sandbox"],
      ["sandbox", "you asked for it"],
    ]);
  });
});

it("a refused cycle is read from the engine's words", () => {
  expect(cycleOf({ kind: "entry", errors: [{ field: "depends_on", line: null, message: "nas would need itself: nas → sandbox → nas" }] })).toEqual(["nas", "sandbox", "nas"]);
  expect(cycleOf({ kind: "other", message: "a would need itself: a → b → a" })).toEqual(["a", "b", "a"]);
  expect(cycleOf({ kind: "other", message: "disk full" })).toBeNull();
});

it("details of an error hold all that is known of it", () => {
  const failure = scenarios.troubled!(now).snapshot.connections.find((one) => one.failure?.presented)!.failure!;
  expect(failureDetails(failure, "0.1.0").split("\n")).toEqual([
    "WakeHub 0.1.0: failed to connect to 10.77.0.2:22",
    "the host key of 10.77.0.2:22 has changed: it is SHA256:Hq3v9TzWm2Lc8KpX0aYdRfUe6sNbGj1i4oVtCzE7wPx, accepted was SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE",
    "kind: untrusted",
    expect.stringMatching(/^presented: 10\.77\.0\.2:22 ssh-ed25519 SHA256:/),
    expect.stringMatching(/^accepted: SHA256:/),
    expect.stringMatching(/^advice: /),
    expect.stringMatching(/^at: \d{4}-/),
  ]);
  expect(errorDetails({ kind: "entry", errors: [{ field: "mac", line: 3, message: "is none" }] }, null, 0)).toBe("WakeHub: refused\nline 3: mac: is none\nat: 1970-01-01T00:00:00.000Z");
});

it("the way back is open for six seconds, and longer while somebody reaches for it", () => {
  vi.useFakeTimers();
  const back = vi.fn();
  undo.tell("changed", back);
  vi.advanceTimersByTime(5999);
  expect(undo.offer).not.toBeNull();
  undo.pause();
  vi.advanceTimersByTime(60_000);
  expect(undo.offer).not.toBeNull();
  undo.resume();
  vi.advanceTimersByTime(6000);
  expect(undo.offer).toBeNull();
  undo.tell("changed", back);
  void undo.take();
  expect(back).toHaveBeenCalledOnce();
  expect(undo.offer).toBeNull();
});
