import { beforeEach, describe, expect, it } from "vitest";
import type { IdleRule } from "./backend/bindings";
import { amount } from "./amount";
import { ahead } from "./format";
import { words } from "./i18n/index.svelte";
import { customised, idleDraft, idleErrors, ruleOf, suggested, unitOf, usual } from "./idle";

beforeEach(() => words.choose("en"));

const spaced = (text: string) => text.replace(/[\u00A0\u202F]/g, " ");
const back = (rule: IdleRule | undefined) => ruleOf(idleDraft(rule));

describe("a rule through the form and back", () => {
  it.each<[string, IdleRule | undefined]>([
    ["none", undefined],
    ["as usual", {}],
    ["its own timeout", { timeout_minutes: 45 }],
    ["no criterion at all", { criteria: {} }],
    ["criteria without thresholds", { criteria: { cpu: {}, ram: {}, network_traffic: {}, network_connections: {}, disk: {}, last_access: {} } }],
    ["odd numbers", { criteria: { cpu: { cores: 0.123456 }, ram: { fraction: 0.3333333 }, network_traffic: { bytes_per_tick: 1500 }, disk: { bytes_per_tick: 1_234_567 } } }],
    ["packets, and both", { criteria: { network_traffic: { packets_per_tick: 200 } } }],
    ["bytes and packets", { criteria: { network_traffic: { packets_per_tick: 200, bytes_per_tick: 1024 } } }],
    ["the default spelt out", { enabled: true, criteria: { cpu: { cores: 0.5 }, network_traffic: { bytes_per_tick: 1024 }, network_connections: { more_than: 0 }, disk: { bytes_per_tick: 1_048_576 } } }],
    ["a port instead of logins", { criteria: { last_access: { port: 8096, logins: false } } }],
    ["a port and logins", { criteria: { last_access: { port: 25565, logins: true } } }],
    ["switched off", { enabled: false, timeout_minutes: 10, criteria: { cpu: { cores: 1 } } }],
  ])("%s stays as it was", (_what, rule) => expect(back(rule)).toEqual(rule));

  it("switched off and on again it has its thresholds", () => {
    const rule: IdleRule = { timeout_minutes: 10, criteria: { cpu: { cores: 1 } } };
    const off = ruleOf({ ...idleDraft(rule), hasRule: false });
    expect(off).toEqual({ ...rule, enabled: false });
    expect(ruleOf({ ...idleDraft(off), hasRule: true })).toEqual(rule);
    // there is nothing to keep of one that was never saved, nor of one that says nothing
    expect(ruleOf({ ...idleDraft(undefined), hasRule: false })).toBeUndefined();
    expect(ruleOf({ ...idleDraft({}), hasRule: false })).toBeUndefined();
  });

  it("customises what is usual for the kind", () => {
    expect(usual("container", true)).toEqual(["cpu", "network_traffic"]);
    expect(usual("machine", true)).toContain("last_access");
    const rule = ruleOf(customised({ ...idleDraft(undefined), hasRule: true }, "vm", false));
    expect(rule).toEqual({ criteria: { cpu: { cores: 0.5 }, network_traffic: { bytes_per_tick: 1024 } } });
  });

  it("takes a comma, and units that people count in", () => {
    const draft = idleDraft({ criteria: { cpu: {}, ram: {}, disk: {} } });
    draft.limits = { ...draft.limits, cores: "0,25", memory: "75", mib: "2.5" };
    expect(ruleOf(draft)?.criteria).toEqual({ cpu: { cores: 0.25 }, ram: { fraction: 0.75 }, disk: { bytes_per_tick: 2_621_440 } });
  });

  it("puts a suggestion in the place of what is on", () => {
    const draft = idleDraft({ criteria: { cpu: { cores: 2 }, network_traffic: { packets_per_tick: 5 } } });
    const next = suggested(draft, { cpu_cores: 0.2, ram_fraction: 0.9, bytes_per_tick: 4096, packets_per_tick: 150, connections: null, disk_bytes_per_tick: null });
    expect(ruleOf(next)?.criteria).toEqual({ cpu: { cores: 0.2 }, network_traffic: { packets_per_tick: 150 } });
  });
});

describe("what is wrong with a rule", () => {
  const wrong = (change: Partial<ReturnType<typeof idleDraft>["limits"]>, timeout = "") => {
    const draft = idleDraft({ criteria: { cpu: {}, ram: {}, network_traffic: {}, network_connections: {}, disk: {} } });
    return idleErrors({ ...draft, timeout, limits: { ...draft.limits, ...change } }).map(([key]) => key);
  };
  it.each([
    [{}, "", []],
    [{}, "0", ["idle.timeout_minutes"]],
    [{}, "10081", ["idle.timeout_minutes"]],
    [{ cores: "-1" }, "", ["idle.criteria.cpu.cores"]],
    [{ cores: "4097" }, "", ["idle.criteria.cpu.cores"]],
    [{ memory: "100" }, "", ["idle.criteria.ram.fraction"]],
    [{ kib: "x" }, "", ["idle.criteria.network_traffic.bytes_per_tick"]],
    [{ kib: "", packets: "1.5" }, "", ["idle.criteria.network_traffic.packets_per_tick"]],
    [{ kib: "1073741825" }, "", ["idle.criteria.network_traffic.bytes_per_tick"]],
    [{ connections: "" }, "", ["idle.criteria.network_connections.more_than"]],
    [{ mib: "1048577" }, "", ["idle.criteria.disk.bytes_per_tick"]],
  ])("%j %s", (change, timeout, keys) => expect(wrong(change, timeout)).toEqual(keys));

  it("is nothing while there is no rule, or the usual criteria hold", () => {
    expect(idleErrors({ ...idleDraft(undefined), timeout: "x" })).toEqual([]);
    const draft = idleDraft({});
    expect(idleErrors({ ...draft, limits: { ...draft.limits, cores: "x" } })).toEqual([]);
  });
});

describe("what was measured", () => {
  it.each([
    ["cores", 1.234, "1.23 cores", "1,23 cœur"],
    ["part", 0.42, "42 %", "42 %"],
    ["bytes", 800, "800 B/min", "800 o/min"],
    ["bytes", 16_384, "16 KiB/min", "16 Kio/min"],
    ["bytes", 1_073_741_000, "1 GiB/min", "1 Gio/min"],
    ["packets", 120, "120 packets/min", "120 paquets/min"],
    ["users", 0, "nobody", "personne"],
  ] as const)("%s %d", (unit, n, english, french) => {
    expect(spaced(amount(unit, n, "en-GB"))).toBe(english);
    words.choose("fr");
    expect(spaced(amount(unit, n, "fr-FR"))).toBe(french);
  });

  it("has the unit of its threshold", () => {
    expect(unitOf({ criterion: "network_traffic", threshold: "200 packets" })).toBe("packets");
    expect(unitOf({ criterion: "network_traffic", threshold: "1.0 KiB" })).toBe("bytes");
    expect(unitOf({ criterion: "last_access", threshold: "port 22 accepts no connection" })).toBeNull();
  });
});

it("a moment to come is named by its day", () => {
  const now = new Date("2026-11-21T20:47").getTime();
  const at = (text: string) => spaced(ahead(new Date(text).getTime(), now, "en-GB"));
  expect(at("2026-11-21T22:00")).toBe("22:00");
  expect(at("2026-11-22T08:00")).toBe("tomorrow, 08:00");
  expect(at("2026-11-25T08:00")).toBe("Wednesday, 08:00");
  expect(at("2026-12-25T08:00")).toBe("25 Dec, 08:00");
  expect(spaced(ahead(new Date("2026-11-22T08:00").getTime(), now, "fr-FR"))).toBe("demain, 08:00");
});
