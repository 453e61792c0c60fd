// How the pretended nodes are used: a sample a minute for the last four hours, and what a rule says of each.
import type { Criteria, Criterion, IdleRule, IdleView, JudgedView, NodeEntry, NodeView, SignalView, Suggestion, TickView, UseProbe, VerdictWord } from "../bindings";

const minute = 60_000;
const kept = 240;
const shown = 60;

interface Sample {
  at: number;
  cores: number | null;
  memory: number | null;
  bytes: number | null;
  packets: number | null;
  connections: number | null;
  disk: number | null;
  users: number | null;
  /** Whether the service says that it is used. */
  answer: number | null;
  inhibitor: string | null;
}

interface Habit {
  /** Since so many minutes nobody uses it. */
  quietFor: number;
  /** What cannot be measured of it, and why. */
  lacks?: { what: (keyof Sample)[]; why: string };
  inhibitor?: string;
  /** So many samples are at hand. */
  samples?: number;
  /** Quiet for so many minutes before the first of them, as its platform remembers. */
  remembers?: number;
}

/** Everybody else has been quiet for hours. */
const habits: Record<string, Habit> = {
  "lxc-jellyfin": { quietFor: 0 },
  qbittorrent: { quietFor: 0 },
  machine2: { quietFor: 22, inhibitor: "scrub of tank, 41.27 % done" },
  "vm-docker": { quietFor: 18 },
  "lxc-cloudflared": { quietFor: 300, samples: 6, remembers: 26 },
  raspberry: { quietFor: 0, lacks: { what: ["connections", "users"], why: "ss: not found" } },
  nas: { quietFor: 34 },
  sandbox: { quietFor: 12 },
  jellystat: { quietFor: 3, samples: 4 },
};

/** The same noise each time. */
function noise(seed: number): number {
  const x = Math.sin(seed * 12.9898) * 43_758.5453;
  return x - Math.floor(x);
}

function samplesOf(node: NodeView, now: number): Sample[] {
  const habit = habits[node.name] ?? { quietFor: 300 };
  const count = habit.samples ?? kept;
  return Array.from({ length: count }, (_, index) => {
    const age = count - 1 - index;
    const busy = age >= habit.quietFor && age < habit.quietFor + 95;
    const n = noise(index + node.id * 1000);
    const sample: Sample = {
      at: now - age * minute - 14_000,
      cores: busy ? 0.9 + n * 1.4 : 0.02 + n * 0.08,
      memory: 0.38 + n * 0.02,
      bytes: busy ? 600e6 + n * 500e6 : Math.round(1800 + n * 7200),
      packets: busy ? Math.round(400_000 + n * 200_000) : Math.round(20 + n * 60),
      connections: busy ? (age < habit.quietFor + 40 ? 2 : 1) : 0,
      disk: busy ? Math.round(40e6 + n * 30e6) : Math.round(n * 300_000),
      users: 0,
      answer: busy ? 1 : 0,
      inhibitor: age < 40 ? (habit.inhibitor ?? null) : null,
    };
    if (habit.lacks && age < 25) for (const what of habit.lacks.what) Object.assign(sample, { [what]: null });
    return sample;
  });
}

/** As the engine knows it: what cannot be measured of a kind is left out. */
export function usualOf(entry: Pick<NodeEntry, "kind" | "ssh">): Criteria {
  const isAsked = entry.kind !== "container" && Boolean(entry.ssh);
  return { cpu: { cores: 0.5 }, network_traffic: {}, ...(isAsked ? { network_connections: { more_than: 0 }, last_access: {} } : {}) };
}

type Unit = "cores" | "part" | "bytes" | "packets" | "connections" | "users" | "answer";

const spelt: Record<Unit, (n: number) => string> = {
  cores: (n) => `${n.toFixed(2)} cores`,
  part: (n) => `${Math.round(n * 100)} %`,
  bytes: (n) => {
    if (n < 1024) return `${n} B`;
    const at = Math.min(Math.floor(Math.log2(n) / 10), 3);
    return `${(n / 1024 ** at).toFixed(1)} ${["B", "KiB", "MiB", "GiB"][at]}`;
  },
  packets: (n) => `${n} packets`,
  connections: (n) => `${n} ${n === 1 ? "connection" : "connections"}`,
  users: (n) => `${n} ${n === 1 ? "user" : "users"}`,
  answer: (n) => (n === 0 ? "no use" : "use"),
};

/** As each service says it, used and not. */
const answers: Record<string, [string, string]> = {
  jellyfin: ["Jellyfin plays 1 title", "Jellyfin plays nothing"],
  plex: ["Plex plays 1 title", "Plex plays nothing"],
  qbittorrent: ["qBittorrent downloads 1 torrent", "qBittorrent downloads nothing"],
  syncthing: ["Syncthing synchronises the folder photos", "Syncthing has nothing to transfer"],
  http: ["the service answers 200 OK", "the service answers 204 No Content"],
  ssh: ["`pgrep -x rsync` says that it is used", "`pgrep -x rsync` says that it is not used"],
};
const answerOf = (probe: UseProbe, n: number) => answers[Object.keys(probe)[0]!]![n > 0 ? 0 : 1]!;

const titles: Record<Criterion, string> = { cpu: "processor use", ram: "memory use", network_traffic: "network traffic", network_connections: "number of connections", disk: "disk use", probe: "service’s answer", last_access: "number of users" };

interface Gauge {
  criterion: Criterion;
  unit: Unit;
  limit: number;
  of: (sample: Sample) => number | null;
  words: string;
  /** A service answers in words of its own. */
  says?: (n: number) => string;
}

function gauges(criteria: Criteria): Gauge[] {
  const all: Gauge[] = [];
  const add = (criterion: Criterion, unit: Unit, limit: number, of: Gauge["of"], words: string) => all.push({ criterion, unit, limit, of, words });
  const { cpu, ram, network_traffic: traffic, network_connections: connections, disk, last_access: access, probe } = criteria;
  if (cpu) add("cpu", "cores", cpu.cores ?? 0.5, (one) => one.cores, "of the processor in use");
  if (ram) add("ram", "part", ram.fraction ?? 0.5, (one) => one.memory, "of the memory in use");
  if (traffic) {
    const bytes = traffic.bytes_per_tick ?? (traffic.packets_per_tick == null ? 1024 : null);
    if (bytes !== null) add("network_traffic", "bytes", bytes, (one) => one.bytes, "sent and received in a minute");
    if (traffic.packets_per_tick != null) add("network_traffic", "packets", traffic.packets_per_tick, (one) => one.packets, "sent and received in a minute");
  }
  if (connections) add("network_connections", "connections", connections.more_than ?? 0, (one) => one.connections, "to it");
  if (disk) add("disk", "bytes", disk.bytes_per_tick ?? 1_048_576, (one) => one.disk, "read and written in a minute");
  if (access && access.logins !== false) add("last_access", "users", 0, (one) => one.users, "logged in");
  if (probe) all.push({ criterion: "probe", unit: "answer", limit: 0, of: (one) => one.answer, words: "", says: (n) => answerOf(probe, n) });
  return all;
}

function verdictOf(all: Gauge[], sample: Sample, isFirst: boolean): { verdict: VerdictWord; because: string } {
  if (all.length === 0) return { verdict: "unknown", because: "its rule has no criterion" };
  if (isFirst) return { verdict: "active", because: "the first look: there is nothing to compare with yet" };
  const over = all.flatMap((gauge) => {
    const value = gauge.of(sample);
    if (value === null || value <= gauge.limit) return [];
    if (gauge.says) return [gauge.says(value)];
    return gauge.unit === "users" ? [`${spelt.users(value)} logged in`] : [`${spelt[gauge.unit](value)} ${gauge.words}, more than ${spelt[gauge.unit](gauge.limit)}`];
  });
  if (over.length > 0) return { verdict: "active", because: over.join("; ") };
  const missing = all.filter((gauge) => gauge.of(sample) === null);
  if (missing.length > 0) return { verdict: "unknown", because: missing.map((gauge) => `its ${titles[gauge.criterion]} is not known`).join("; ") };
  if (sample.inhibitor) return { verdict: "inhibited", because: sample.inhibitor };
  return { verdict: "idle", because: "nothing uses it" };
}

function replay(entry: NodeEntry, rule: IdleRule, samples: Sample[], timeout: number): JudgedView[] {
  const all = gauges(rule.criteria ?? usualOf(entry));
  let since: number | null = null;
  let isStopped = false;
  return samples.map((sample, at) => {
    const { verdict, because } = verdictOf(all, sample, at === 0);
    if (verdict === "idle") since ??= sample.at;
    else {
      since = null;
      isStopped = false;
    }
    const stop = !isStopped && since !== null && sample.at - since >= timeout;
    if (stop) isStopped = true;
    return { at: sample.at, verdict, because, stop };
  });
}

export function judged(node: NodeView, entry: NodeEntry, rule: IdleRule, usualMinutes: number, now: number): JudgedView[] {
  return replay(entry, rule, samplesOf(node, now), (rule.timeout_minutes ?? usualMinutes) * minute);
}

export function idleView(node: NodeView, entry: NodeEntry, usualMinutes: number, now: number): IdleView | null {
  const rule = entry.idle;
  if (!rule) return null;
  const timeout = (rule.timeout_minutes ?? usualMinutes) * minute;
  const empty: Suggestion = { cpu_cores: null, ram_fraction: null, bytes_per_tick: null, packets_per_tick: null, connections: null, disk_bytes_per_tick: null };
  const nothing: IdleView = { enabled: rule.enabled ?? true, timeout_s: timeout / 1000, verdict: null, because: null, idle_since: null, remembered_until: null, at: null, signals: [], unmeasured: [], due_at: null, ticks: [], suggestion: empty, samples: 0 };
  if (node.power !== "on" || rule.enabled === false) return nothing;
  const samples = samplesOf(node, now);
  const past = replay(entry, rule, samples, timeout).slice(-shown);
  const recent = samples.slice(-shown);
  const last = past.at(-1)!;
  const firstIdle = past.findLastIndex((one) => one.verdict !== "idle") + 1;
  const remembers = last.verdict === "idle" && firstIdle <= 1 ? (habits[node.name]?.remembers ?? 0) : 0;
  const since = last.verdict === "idle" ? past[firstIdle]!.at - remembers * minute : null;
  const signals: SignalView[] = gauges(rule.criteria ?? usualOf(entry)).flatMap((gauge) => {
    const value = gauge.of(samples.at(-1)!);
    if (value === null) return [];
    return [{ criterion: gauge.criterion, value: gauge.says?.(value) ?? spelt[gauge.unit](value), threshold: spelt[gauge.unit](gauge.limit), over: value > gauge.limit, limit: gauge.limit, trail: recent.map(gauge.of) }];
  });
  const ticks: TickView[] = past.map(({ at, verdict }) => ({ at, verdict }));
  return {
    ...nothing,
    verdict: last.verdict,
    because: last.because,
    idle_since: since,
    remembered_until: remembers ? samples[0]!.at : null,
    at: last.at,
    signals,
    unmeasured: habits[node.name]?.lacks ? [habits[node.name]!.lacks!.why] : [],
    due_at: since === null ? null : Math.max(since + timeout, now + 20_000),
    ticks,
    suggestion: samples.length < kept ? empty : { ...empty, cpu_cores: 0.2, bytes_per_tick: 16 * 1024, packets_per_tick: 150, connections: 1, ram_fraction: 0.5 },
    samples: samples.length,
  };
}
