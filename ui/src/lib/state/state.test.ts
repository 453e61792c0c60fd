// The window's state against the pretended engine: what it keeps, what it asks, what it shows of a refusal.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeEngine } from "../backend/fake/fake";
import type { Snapshot } from "../backend/bindings";
import { asking } from "./asking.svelte";
import { Homelab, homelab } from "./homelab.svelte";

/** Holds what waits for a frame back until the returned function is called, which answers how many waited. */
function heldFrame(): () => number {
  let waiting: FrameRequestCallback[] = [];
  vi.stubGlobal("requestAnimationFrame", (work: FrameRequestCallback) => waiting.push(work));
  return () => {
    const now = waiting;
    waiting = [];
    for (const work of now) work(0);
    return now.length;
  };
}

const node = (name: string) => homelab.graph.byName.get(name)!;

afterEach(() => vi.unstubAllGlobals());

describe("the homelab", () => {
  it("listens before it fetches, and keeps the newest", async () => {
    const engine = new FakeEngine("quiet", 0);
    const order: string[] = [];
    const first = await engine.snapshot();
    vi.spyOn(engine, "subscribe").mockImplementation(async (tell) => {
      order.push("listen");
      tell({ ...first, revision: 9 });
      return () => {};
    });
    vi.spyOn(engine, "snapshot").mockImplementation(async () => {
      order.push("fetch");
      return { ...first, revision: 8 };
    });
    const fresh = new Homelab();
    await fresh.connect(engine);
    expect(order).toEqual(["listen", "fetch"]);
    expect(fresh.snapshot.revision).toBe(9);
  });

  it("replaces a snapshot whole", async () => {
    let tell: (snapshot: Snapshot) => void = () => {};
    const engine = new FakeEngine("quiet", 0);
    const first = await engine.snapshot();
    vi.spyOn(engine, "subscribe").mockImplementation(async (listener) => ((tell = listener), () => {}));
    const fresh = new Homelab();
    await fresh.connect(engine);
    const next = { ...first, revision: first.revision + 1, nodes: first.nodes.slice(0, 1) };
    const frame = heldFrame();
    tell(next);
    frame();
    expect(fresh.snapshot).toBe(next);
    tell(first);
    frame();
    expect(fresh.snapshot).toBe(next);
  });

  it("shows one snapshot a frame, the newest", async () => {
    let tell: (snapshot: Snapshot) => void = () => {};
    const engine = new FakeEngine("quiet", 0);
    const first = await engine.snapshot();
    vi.spyOn(engine, "subscribe").mockImplementation(async (listener) => ((tell = listener), () => {}));
    const fresh = new Homelab();
    await fresh.connect(engine);
    const frame = heldFrame();
    for (let n = 1; n <= 500; n += 1) tell({ ...first, revision: first.revision + n });
    expect(fresh.snapshot.revision).toBe(first.revision);
    expect(frame()).toBe(1);
    expect(fresh.snapshot.revision).toBe(first.revision + 500);
  });

  it("leaves time for everything else when what changes takes long to show", async () => {
    vi.useFakeTimers();
    try {
      let tell: (snapshot: Snapshot) => void = () => {};
      const engine = new FakeEngine("quiet", 0);
      const first = await engine.snapshot();
      vi.spyOn(engine, "subscribe").mockImplementation(async (listener) => ((tell = listener), () => {}));
      const fresh = new Homelab();
      await fresh.connect(engine);
      const frame = heldFrame();
      const say = (n: number) => tell({ ...first, revision: first.revision + n });
      // drawing takes 20 ms: so much has gone by whenever the clock is looked at
      let now = 0;
      vi.spyOn(performance, "now").mockImplementation(() => (now += 20));
      say(1);
      vi.runAllTimers();
      frame();
      vi.runAllTimers();
      say(2);
      say(3);
      expect(frame()).toBe(0);
      vi.advanceTimersByTime(100);
      expect(frame()).toBe(1);
      expect(fresh.snapshot.revision).toBe(first.revision + 3);
    } finally {
      vi.restoreAllMocks();
      vi.useRealTimers();
    }
  });

  it("takes what an engine says that was started anew", async () => {
    const fresh = new Homelab();
    const engine = new FakeEngine("quiet", 0);
    await engine.hold(1, Date.now() + 60_000);
    await engine.hold(1, null);
    await fresh.connect(engine);
    const before = fresh.snapshot.revision;
    await fresh.connect(new FakeEngine("empty", 0));
    expect(fresh.snapshot.revision).toBeLessThan(before);
    expect(fresh.snapshot.nodes).toEqual([]);
  });

  it("says why there is nothing to show, and can be asked again", async () => {
    const fresh = new Homelab();
    await fresh.connect(new FakeEngine("broken", 0));
    expect(fresh.isLoaded).toBe(false);
    expect(fresh.failure).toEqual({ kind: "other", message: "the database failed: disk I/O error" });
    await fresh.connect(new FakeEngine("quiet", 0));
    expect(fresh.failure).toBeNull();
    expect(fresh.isLoaded).toBe(true);
  });
});

describe("a start or a stop", () => {
  const meet = async (scenario: string, isBusy = false) => {
    const engine = new FakeEngine(scenario, 0, isBusy);
    // A revision of its own, so that each test begins anew.
    const snapshot = await engine.snapshot();
    vi.spyOn(engine, "subscribe").mockImplementation(async (tell) => (tell({ ...snapshot, revision: homelab.snapshot.revision + 1 }), () => {}));
    await homelab.connect(engine);
    return engine;
  };

  beforeEach(() => asking.close());

  it("is planned before it runs", async () => {
    const engine = await meet("quiet");
    const run = vi.spyOn(engine, "run");
    await asking.open("start", node("lxc-jellyfin"));
    expect(asking.phase.kind).toBe("plan");
    expect(run).not.toHaveBeenCalled();
    await asking.confirm();
    expect(run).toHaveBeenCalledWith({ action: "start", node: node("lxc-jellyfin").id, with_dependants: false, automatic: false, queue: false });
    expect(asking.ask).toBeNull();
  });

  it("asks again with the dependants when they are in the way", async () => {
    const engine = await meet("used");
    const plan = vi.spyOn(engine, "plan");
    await asking.open("stop", node("nas"));
    expect(plan.mock.calls.map(([ask]) => ask.with_dependants)).toEqual([false, true]);
    expect(asking.phase.kind).toBe("plan");
    expect(asking.ask?.with_dependants).toBe(true);
  });

  it("shows another refusal as it is", async () => {
    await meet("quiet");
    await asking.open("start", { id: 999, name: "gone" });
    expect(asking.phase).toMatchObject({ kind: "refused", refusal: { kind: "unknown_node" } });
  });

  it("offers to wait where another cascade is in the way", async () => {
    const engine = await meet("quiet", true);
    const run = vi.spyOn(engine, "run");
    await asking.open("start", node("nas"));
    await asking.confirm();
    expect(asking.phase).toMatchObject({ kind: "busy", nodeName: "nas", title: "the start of jellystat" });
    await asking.confirm(true);
    expect(run).toHaveBeenLastCalledWith(expect.objectContaining({ queue: true }));
    expect(asking.ask).toBeNull();
  });

  it("forgets a plan that comes after the dialog was closed", async () => {
    const engine = await meet("quiet");
    let finish: () => void = () => {};
    const answer = await engine.plan({ action: "start", node: node("nas").id, with_dependants: false, automatic: false, queue: false });
    vi.spyOn(engine, "plan").mockReturnValue(new Promise((done) => (finish = () => done(answer))));
    const opened = asking.open("start", node("nas"));
    asking.close();
    finish();
    await opened;
    expect(asking.ask).toBeNull();
    expect(asking.phase.kind).toBe("planning");
  });
});
