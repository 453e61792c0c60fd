// The idle rule in the form: what its fields hold while somebody types, and the rule that comes of it. What the form does not
// know of a rule stays as it was.
import type { Criteria, Criterion, IdleRule, NodeKind, SignalView, Suggestion } from "./backend/bindings";
import { m } from "./i18n/index.svelte";
import { loginOf, probeDraft, probeErrors, probeKeys, probeOf, type ProbeDraft } from "./probe";

const KIB = 1024;
const MIB = 1024 * KIB;
/** What counts where a rule names no threshold, in the units of the fields. */
export const usualLimit = { cores: "0.5", memory: "50", kib: "1", connections: "0", mib: "1" };

/** Those with a field of their own. */
export const known = ["cpu", "ram", "network_traffic", "network_connections", "disk", "last_access", "probe"] as const satisfies Criterion[];
export type Known = (typeof known)[number];

/** Thresholds as they are typed. */
interface Limits {
  /** Cores. */
  cores: string;
  /** Percent. */
  memory: string;
  /** A minute; nothing typed in both counts bytes over 1 KiB. */
  kib: string;
  packets: string;
  /** So many do not count. */
  connections: string;
  /** A minute. */
  mib: string;
}

/** By which somebody counts as there. */
interface AccessDraft {
  logins: boolean;
  /** Nothing: no port counts. */
  port: string;
}

export interface IdleDraft {
  hasRule: boolean;
  /** Minutes; nothing: what holds for all. */
  timeout: string;
  /** Else those that are usual for its kind. */
  isCustom: boolean;
  on: Record<Known, boolean>;
  limits: Limits;
  access: AccessDraft;
  probe: ProbeDraft;
  /** As it was read. */
  rule: IdleRule | null;
}

export function idleDraft(rule: IdleRule | null | undefined): IdleDraft {
  const { criteria } = rule ?? {};
  return {
    hasRule: Boolean(rule) && rule?.enabled !== false,
    timeout: rule?.timeout_minutes?.toString() ?? "",
    isCustom: Boolean(criteria),
    ...fieldsOf(criteria ?? {}),
    rule: rule ?? null,
  };
}

function fieldsOf(criteria: Criteria): Pick<IdleDraft, "on" | "limits" | "access" | "probe"> {
  const { cpu, ram, network_traffic: traffic, network_connections: connections, disk, last_access: access } = criteria;
  return {
    on: Object.fromEntries(known.map((one) => [one, Boolean(criteria[one])])) as IdleDraft["on"],
    limits: {
      cores: shown(cpu?.cores) || usualLimit.cores,
      memory: shown(ram?.fraction, 0.01) || usualLimit.memory,
      kib: shown(traffic?.bytes_per_tick, KIB) || (traffic?.packets_per_tick == null ? usualLimit.kib : ""),
      packets: shown(traffic?.packets_per_tick),
      connections: shown(connections?.more_than) || usualLimit.connections,
      mib: shown(disk?.bytes_per_tick, MIB) || usualLimit.mib,
    },
    access: { logins: access?.logins ?? true, port: access?.port?.toString() ?? "" },
    probe: probeDraft(criteria.probe),
  };
}

/** In the unit of the field, with no more digits than somebody would type. */
function shown(value: number | null | undefined, unit = 1): string {
  return value === null || value === undefined ? "" : String(Number((value / unit).toFixed(3)));
}

/** What is usual for such a node: connections and logins are asked for through SSH, and a container has neither. */
export function usual(kind: NodeKind, hasSsh: boolean): Known[] {
  const isAsked = kind !== "container" && hasSsh;
  return ["cpu", "network_traffic", ...(isAsked ? (["network_connections", "last_access"] as const) : [])];
}

/** What can be measured of such a node at all. Of a container nobody knows who is logged in, but a port of it may accept. */
export function measurable(kind: NodeKind): Known[] {
  return known.filter((one) => kind !== "container" || one !== "network_connections");
}

/** The usual criteria, each with its usual threshold, to begin with. */
export function customised(idle: IdleDraft, kind: NodeKind, hasSsh: boolean): IdleDraft {
  const criteria = usual(kind, hasSsh);
  const { limits, access } = fieldsOf({});
  return { ...idle, isCustom: true, on: Object.fromEntries(known.map((one) => [one, criteria.includes(one)])) as IdleDraft["on"], limits, access: { ...access, logins: kind !== "container" } };
}

const number = (text: string) => Number(text.trim().replace(",", "."));
/** Undefined where nothing was typed, or nothing but what is usual stands; as it was read where what stands there is what was shown of it. */
function typed(text: string, wasThere: boolean, before: number | null | undefined, usual: string, unit = 1): number | undefined {
  if (text.trim() === "") return undefined;
  if (wasThere && (before === null || before === undefined) && text.trim() === usual) return undefined;
  if (before !== null && before !== undefined && text.trim() === shown(before, unit)) return before;
  const value = number(text) * unit;
  return unit >= KIB ? Math.round(value) : Number(value.toPrecision(12));
}

/** The rule to be kept; undefined where there is none and never was one worth keeping. */
export function ruleOf(idle: IdleDraft): IdleRule | undefined {
  const { rule } = idle;
  if (!idle.hasRule) {
    // switched off, its thresholds stay for the day it is switched on again
    const isWorthIt = rule && (rule.timeout_minutes != null || rule.criteria || rule.enabled === false);
    return isWorthIt ? { ...rule, enabled: false } : undefined;
  }
  const timeout = idle.timeout.trim();
  const out: IdleRule = { ...rule, timeout_minutes: timeout === "" ? undefined : number(timeout), criteria: idle.isCustom ? criteriaOf(idle) : undefined };
  if (rule?.enabled === false) delete out.enabled;
  return stripped(out);
}

function criteriaOf({ on, limits, access: typedAccess, probe, rule }: IdleDraft): Criteria {
  const before = rule?.criteria ?? {};
  const { cpu, ram, network_traffic: traffic, network_connections: connections, disk, last_access: access } = before;
  const out: Criteria = {
    ...before,
    cpu: on.cpu ? { ...cpu, cores: typed(limits.cores, Boolean(cpu), cpu?.cores, usualLimit.cores) } : undefined,
    ram: on.ram ? { ...ram, fraction: typed(limits.memory, Boolean(ram), ram?.fraction, usualLimit.memory, 0.01) } : undefined,
    network_traffic: on.network_traffic ? { ...traffic, bytes_per_tick: typed(limits.kib, Boolean(traffic), traffic?.bytes_per_tick, limits.packets.trim() === "" ? usualLimit.kib : "", KIB), packets_per_tick: typed(limits.packets, Boolean(traffic), traffic?.packets_per_tick, "") } : undefined,
    network_connections: on.network_connections ? { ...connections, more_than: typed(limits.connections, Boolean(connections), connections?.more_than, usualLimit.connections) } : undefined,
    disk: on.disk ? { ...disk, bytes_per_tick: typed(limits.mib, Boolean(disk), disk?.bytes_per_tick, usualLimit.mib, MIB) } : undefined,
    last_access: on.last_access ? { ...access, logins: typedAccess.logins && access?.logins !== true ? undefined : typedAccess.logins, port: typedAccess.port.trim() === "" ? undefined : number(typedAccess.port) } : undefined,
    probe: on.probe ? probeOf(probe, before.probe) : undefined,
  };
  return stripped(out);
}

/** Without what is undefined or null, at every depth: absent means the same. */
function stripped<T extends object>(object: T): T {
  const entries = Object.entries(object).flatMap(([key, value]: [string, unknown]): [string, unknown][] => {
    if (value === undefined || value === null) return [];
    return [[key, typeof value === "object" && !Array.isArray(value) ? stripped(value) : value]];
  });
  return Object.fromEntries(entries) as T;
}

/** Puts what is suggested in the place of what stands there; what is off stays off, what has no suggestion stays as it is. */
export function suggested(idle: IdleDraft, suggestion: Suggestion): IdleDraft {
  const { limits } = idle;
  const hasBytes = limits.packets.trim() === "" || limits.kib.trim() !== "";
  return {
    ...idle,
    limits: {
      cores: shown(suggestion.cpu_cores) || limits.cores,
      memory: shown(suggestion.ram_fraction, 0.01) || limits.memory,
      kib: (hasBytes && shown(suggestion.bytes_per_tick, KIB)) || limits.kib,
      packets: (limits.packets.trim() !== "" && shown(suggestion.packets_per_tick)) || limits.packets,
      connections: shown(suggestion.connections) || limits.connections,
      mib: shown(suggestion.disk_bytes_per_tick, MIB) || limits.mib,
    },
  };
}

export function hasSuggestion(suggestion: Suggestion): boolean {
  return Object.values(suggestion).some((one) => one !== null);
}

/** What is wrong with what was typed, by the key that the field has in homelab.toml. */
export function idleErrors(idle: IdleDraft): [string, string][] {
  if (!idle.hasRule) return [];
  const wrong: [string, string][] = [];
  const fault = (key: string, is: boolean, message: string) => is && wrong.push([key, message]);
  const whole = (text: string, least: number, most: number) => /^\d{1,13}$/.test(text.trim()) && Number(text) >= least && Number(text) <= most;
  const decimal = (text: string, most: number) => /^\d{1,13}([.,]\d{1,9})?$/.test(text.trim()) && number(text) <= most;
  fault("idle.timeout_minutes", idle.timeout.trim() !== "" && !whole(idle.timeout, 1, 10_080), m.errorMinutes);
  if (!idle.isCustom) return wrong;
  const { on, limits } = idle;
  const blank = (text: string) => text.trim() === "";
  fault("idle.criteria.cpu.cores", on.cpu && !decimal(limits.cores, 4096), m.errorCores);
  fault("idle.criteria.ram.fraction", on.ram && !(decimal(limits.memory, 100) && number(limits.memory) < 100), m.errorPercent);
  fault("idle.criteria.network_traffic.bytes_per_tick", on.network_traffic && !blank(limits.kib) && !decimal(limits.kib, KIB ** 3), m.errorKib);
  fault("idle.criteria.network_traffic.packets_per_tick", on.network_traffic && !blank(limits.packets) && !whole(limits.packets, 0, 10_000_000_000), m.errorPackets);
  fault("idle.criteria.network_connections.more_than", on.network_connections && !whole(limits.connections, 0, 100_000), m.errorConnections);
  fault("idle.criteria.disk.bytes_per_tick", on.disk && !decimal(limits.mib, KIB ** 2), m.errorMib);
  fault("idle.criteria.last_access.port", on.last_access && !blank(idle.access.port) && !whole(idle.access.port, 1, 65_535), m.errorPort);
  fault("idle.criteria.last_access.logins", on.last_access && !idle.access.logins && blank(idle.access.port), m.errorAccess);
  return on.probe ? [...wrong, ...probeErrors(idle.probe)] : wrong;
}

/** Whether the rule's question to the service needs a secret. */
export function probeLogin(idle: IdleDraft): ReturnType<typeof loginOf> {
  return idle.hasRule && idle.isCustom && idle.on.probe ? loginOf(idle.probe) : "none";
}

/** The fields of homelab.toml at which a message can stand, as the engine names them. */
export const idleKeys = [
  "idle.timeout_minutes",
  "idle.criteria.cpu.cores",
  "idle.criteria.ram.fraction",
  "idle.criteria.network_traffic.bytes_per_tick",
  "idle.criteria.network_traffic.packets_per_tick",
  "idle.criteria.network_connections.more_than",
  "idle.criteria.disk.bytes_per_tick",
  "idle.criteria.last_access.port",
  "idle.criteria.last_access.logins",
  ...probeKeys,
  "idle",
];

/** As the engine refuses a rule: the field, and what it has to be. For the pretended one. */
export function ruleFaults(rule: IdleRule): [string, string][] {
  const wrong: [string, string][] = [];
  const minutes = rule.timeout_minutes;
  if (minutes != null && !(minutes >= 1 && minutes <= 10_080)) wrong.push(["idle.timeout_minutes", "it is from 1 to 10080, a week"]);
  const cores = rule.criteria?.cpu?.cores;
  if (cores !== undefined && !(cores >= 0 && cores <= 4096)) wrong.push(["idle.criteria.cpu.cores", "it is from 0 to 4096 cores"]);
  return wrong;
}

/** The unit that a signal's numbers are in; null for what answers yes or no in words of its own. Traffic may be limited in bytes, in packets, or in both. */
export type Unit = "cores" | "part" | "bytes" | "packets" | "connections" | "users";

export function unitOf(signal: Pick<SignalView, "criterion" | "threshold">): Unit | null {
  switch (signal.criterion) {
    case "cpu":
      return "cores";
    case "ram":
      return "part";
    case "network_traffic":
      return signal.threshold.includes("packet") ? "packets" : "bytes";
    case "network_connections":
      return "connections";
    case "disk":
      return "bytes";
    case "last_access":
      return signal.threshold.startsWith("port ") ? null : "users";
    case "probe":
      return null;
  }
}
