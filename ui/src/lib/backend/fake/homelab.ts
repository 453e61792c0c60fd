// The reference homelab, pretended: for a browser without the app behind it and for tests of the window.
import type { Capability, CascadeView, ConnectionView, DiscoveredView, NodeEntry, NodeKind, NodeView, Power, Snapshot, StepView } from "../bindings";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const ids = {
  machine1: 1,
  "vm-docker": 2,
  jellystat: 3,
  sandbox: 4,
  qbittorrent: 5,
  "vm-ubuntu": 6,
  machine2: 7,
  "vm-homeassistant": 8,
  "lxc-jellyfin": 9,
  "lxc-cloudflared": 10,
  nas: 11,
  raspberry: 12,
  pihole: 13,
  nextcloud: 14,
} as const;

export type Name = keyof typeof ids;

export function entries(): NodeEntry[] {
  const ssh = { user: "root", auth: "key" as const, key_file: "~/.ssh/id_ed25519", port: 22 };
  return [
    { name: "machine1", kind: "machine", watts_on: 55, mac: "52:54:00:00:00:01", address: "10.77.0.1", ssh, proxmox_api: { url: "https://10.77.0.1:8006", node: "pve1", token_id: "root@pam!wakehub" } },
    { name: "vm-docker", kind: "vm", host: "machine1", platform_id: "100", address: "10.77.0.11", docker_api: { url: "tcp://10.77.0.11:2376", cert_path: "~/.docker/vm-docker" }, idle: { timeout_minutes: 45, criteria: { cpu: { cores: 0.5 }, network_traffic: { bytes_per_tick: 16_384 } } } },
    { name: "jellystat", kind: "container", host: "vm-docker", platform_id: "jellystat", pinned: true, url: "http://10.77.0.11:3000" },
    { name: "sandbox", kind: "container", host: "vm-docker", platform_id: "sandbox", depends_on: ["lxc-jellyfin"], pinned: true, idle: { criteria: { network_traffic: { bytes_per_tick: 16_384 } } } },
    { name: "qbittorrent", kind: "container", host: "vm-docker", platform_id: "qbittorrent", depends_on: ["nas"], pinned: true, url: "http://10.77.0.11:8080", idle: { criteria: { network_traffic: { packets_per_tick: 200 }, disk: { bytes_per_tick: 2_097_152 } } } },
    { name: "vm-ubuntu", kind: "vm", host: "machine1", platform_id: "102", pinned: true },
    { name: "machine2", kind: "machine", mac: "52:54:00:00:00:02", address: "10.77.0.2", ssh: { ...ssh, auth: "password", key_file: undefined }, proxmox_api: { url: "https://10.77.0.2:8006", node: "pve2", token_id: "root@pam!wakehub" }, always_on: true, idle: { criteria: { cpu: { cores: 0.5 }, network_traffic: { bytes_per_tick: 16_384 } } } },
    { name: "vm-homeassistant", kind: "vm", host: "machine2", platform_id: "110", pinned: true, always_on: true, url: "http://10.77.0.20:8123" },
    { name: "lxc-jellyfin", kind: "lxc", host: "machine2", platform_id: "101", depends_on: ["nas"], address: "10.77.0.21", pinned: true, url: "http://10.77.0.21:8096", readiness: { http: "http://10.77.0.21:8096" }, idle: { timeout_minutes: 30 } },
    { name: "lxc-cloudflared", kind: "lxc", host: "machine2", platform_id: "103", pinned: true, idle: { criteria: { network_traffic: { bytes_per_tick: 16_384 } } } },
    { name: "nas", kind: "machine", watts_on: 38, mac: "52:54:00:00:00:03", address: "10.77.0.3", ssh, pinned: true, confirm_before_auto_stop: true, idle: { timeout_minutes: 60, criteria: { cpu: { cores: 0.5 }, network_traffic: { bytes_per_tick: 16_384 }, network_connections: { more_than: 0 }, last_access: {} } } },
    { name: "raspberry", kind: "machine", address: "10.77.0.4", ssh, docker_api: { url: "ssh" }, always_on: true, idle: {} },
    { name: "pihole", kind: "container", host: "raspberry", platform_id: "pihole", always_on: true },
    { name: "nextcloud", kind: "container", host: "raspberry", platform_id: "nextcloud", depends_on: ["nas"], pinned: true, url: "http://10.77.0.4:8088" },
  ];
}

export function capabilities(entry: NodeEntry): Capability[] {
  return [
    ...(entry.mac ? ["wol" as const] : []),
    ...(entry.ssh ? ["ssh" as const] : []),
    ...(entry.proxmox_api ? ["proxmox_api" as const] : []),
    ...(entry.docker_api ? ["docker_api" as const] : []),
  ];
}

const ofKind: Record<Exclude<NodeKind, "machine">, Capability> = { vm: "proxmox_api", lxc: "proxmox_api", container: "docker_api" };

/** The node as the engine would show it, in a state. */
export function viewOf(id: number, entry: NodeEntry, idOf: (name: string) => number, power: Power, since: number): NodeView {
  const has = capabilities(entry);
  const guest = entry.kind === "machine" ? null : ofKind[entry.kind];
  return {
    id,
    name: entry.name,
    kind: entry.kind,
    host: entry.host ? idOf(entry.host) : null,
    depends_on: (entry.depends_on ?? []).map(idOf),
    needed_by: [],
    platform_id: entry.platform_id ?? null,
    address: entry.address ?? null,
    power,
    cause: null,
    since,
    seen: since,
    note: null,
    health: null,
    lock: null,
    held_until: null,
    next_scheduled: [],
    pinned: entry.pinned ?? false,
    url: entry.url ?? null,
    always_on: entry.always_on ?? false,
    confirm_before_auto_stop: entry.confirm_before_auto_stop ?? entry.kind === "machine",
    stop_when_empty: entry.stop_when_empty ?? false,
    capabilities: has,
    start_channel: guest ?? (has.includes("wol") ? "wol" : null),
    stop_channel: guest ?? (has.includes("ssh") ? "ssh" : has.includes("proxmox_api") ? "proxmox_api" : null),
    to_configure: 0,
    vanished: false,
    cascade: null,
    tags: entry.tags ?? [],
    missing_secrets: [],
  };
}

export interface World {
  entries: Map<number, NodeEntry>;
  snapshot: Snapshot;
}

type States = Partial<Record<Name, Power | [Power, number]>>;

function build(now: number, states: States): World {
  const all = entries();
  const idOf = (name: string) => ids[name as Name];
  const nodes = all.map((entry) => {
    const given = states[entry.name as Name] ?? "off";
    const [power, age] = typeof given === "string" ? [given, 3 * hour] : given;
    return { ...viewOf(idOf(entry.name), entry, idOf, power, now - age), seen: now - 4000 };
  });
  for (const node of nodes) node.needed_by = nodes.filter((other) => other.depends_on.includes(node.id)).map((other) => other.id);
  const connections: ConnectionView[] = nodes.flatMap((node) =>
    node.capabilities
      .filter((capability) => capability !== "wol")
      .map((capability) => ({
        node: node.id,
        capability,
        title: `${node.name}: ${{ ssh: "SSH", proxmox_api: "Proxmox API", docker_api: "Docker API", wol: "" }[capability]}`,
        status: node.power === "on" ? ("answers" as const) : ("asleep" as const),
        seen: node.power === "on" ? now - 4000 : now - 5 * hour,
        failure: null,
      })),
  );
  return {
    entries: new Map(all.map((entry) => [idOf(entry.name), entry])),
    snapshot: { revision: 1, at: now, nodes, connections, cascades: [], queued: [], questions: [], discovered: [], notices: [], stops_paused_until: null },
  };
}

const at = (world: World, name: Name): NodeView => {
  const node = world.snapshot.nodes.find((one) => one.id === ids[name]);
  if (!node) throw new Error(`no ${name}`);
  return node;
};

function step(world: World, name: Name, extra: Partial<StepView>): StepView {
  const node = at(world, name);
  return {
    node: node.id,
    node_name: name,
    action: "start",
    channel: node.start_channel ?? "ssh",
    reason: "you asked for it",
    status: "waits",
    begun: null,
    ended: null,
    timeout_ms: 180_000,
    usual_ms: 8000,
    detail: null,
    ...extra,
  };
}

function cascade(id: number, name: Name, extra: Partial<CascadeView>): CascadeView {
  return { id, action: "start", node: ids[name], node_name: name, automatic: false, status: "running", steps: [], begun: 0, ended: null, cancelling: false, failure: null, ...extra };
}

const foundNames = ["vaultwarden", "uptime-kuma", "paperless-web", "paperless-redis", "paperless-db"];

function found(world: World): DiscoveredView[] {
  at(world, "raspberry").to_configure = foundNames.length;
  return foundNames.map((name, index) => ({
    host: ids.raspberry,
    kind: "container",
    platform_id: name,
    name,
    power: "on",
    addresses: [`172.18.0.${index + 2}`],
    ports: [8000 + index],
    image: `${name}:latest`,
    compose: name.startsWith("paperless") ? `paperless / ${name.slice(10)}` : null,
    cores: null,
    memory_bytes: 256_000_000,
    entry: {
      name,
      kind: "container",
      host: "raspberry",
      platform_id: name,
      url: `http://10.77.0.4:${8000 + index}`,
    },
    suggested: name === "paperless-web" ? ["paperless-redis", "paperless-db"] : [],
  }));
}

/** Ten guests of a Proxmox machine that nobody has configured, as its API describes them. */
export function guestsOf(host: number, machine: NodeEntry): DiscoveredView[] {
  const guests: [NodeKind, string, Power, number | null, string[]][] = [
    ["vm", "vm-homeassistant", "on", 8123, []],
    ["lxc", "lxc-postgres", "off", null, []],
    ["lxc", "lxc-jellyfin", "off", 8096, ["102"]],
    ["lxc", "lxc-cloudflared", "on", null, []],
    ["lxc", "lxc-paperless", "off", 8000, ["102"]],
    ["lxc", "lxc-vaultwarden", "on", 80, []],
    ["lxc", "lxc-grafana", "off", 3000, []],
    ["vm", "vm-windows", "off", null, []],
    ["vm", "vm-docker", "on", null, []],
    ["lxc", "lxc-adguard", "on", 3000, []],
  ];
  return guests.map(([kind, name, power, port, depends_on], at) => {
    const address = `10.77.0.${20 + at}`;
    const platform_id = String(101 + at);
    const url = port === null ? undefined : `http://${address}:${port}`;
    return { host, kind, platform_id, name, power, addresses: [address], ports: port === null ? [] : [port], image: null, compose: null, cores: 2, memory_bytes: 2_147_483_648, entry: { name, kind, host: machine.name, platform_id, address, url }, suggested: depends_on };
  });
}

/** Saturday evening: a start in progress, a question, a failure, a silent host, something new. */
function evening(now: number): World {
  const world = build(now, {
    machine1: ["on", 2 * minute],
    "vm-docker": ["starting", 12_000],
    jellystat: ["starting", 12_000],
    sandbox: ["off", 3 * day + 2 * hour],
    qbittorrent: ["off", 22 * hour],
    "vm-ubuntu": ["unknown", 3 * minute],
    machine2: ["on", 12 * day],
    "vm-homeassistant": ["on", 12 * day],
    "lxc-jellyfin": ["on", 136 * minute],
    "lxc-cloudflared": ["on", 220 * minute],
    nas: ["on", 302 * minute],
    raspberry: ["on", 41 * day],
    pihole: ["on", 41 * day],
    nextcloud: ["failed", 6 * minute],
  });
  at(world, "nextcloud").cause = "Bind for 0.0.0.0:8080 failed: port is already allocated";
  at(world, "vm-ubuntu").note = "machine1’s Proxmox API: no answer within 20 s";
  at(world, "nas").held_until = now + 73 * minute;
  at(world, "nas").next_scheduled = [
    { at: new Date(now).setHours(23, 30, 0, 0), action: "stop" },
    { at: new Date(now + 24 * 60 * minute).setHours(18, 0, 0, 0), action: "start" },
  ];
  const nas = world.entries.get(at(world, "nas").id);
  if (nas) nas.schedules = [{ action: "stop", cron: "30 23 * * *" }, { action: "start", cron: "0 18 * * *" }];
  for (const name of ["machine1", "vm-docker", "jellystat"] as const) at(world, name).cascade = 31;
  world.snapshot.cascades = [
    cascade(31, "jellystat", {
      begun: now - 53_000,
      steps: [
        step(world, "machine1", { channel: "wol", status: "done", begun: now - 53_000, ended: now - 12_000, usual_ms: 41_000, reason: "hosts vm-docker", detail: "port 22 accepts" }),
        step(world, "vm-docker", { status: "running", begun: now - 12_000, usual_ms: 25_000, reason: "hosts jellystat", detail: "no answer yet" }),
        step(world, "jellystat", { detail: null }),
      ],
    }),
    cascade(30, "nextcloud", {
      status: "failed",
      begun: now - 6 * minute - 2000,
      ended: now - 6 * minute,
      steps: [step(world, "nextcloud", { status: "failed", begun: now - 6 * minute - 2000, ended: now - 6 * minute })],
      failure: {
        kind: "rejected",
        operation: "start container nextcloud",
        message: "driver failed programming external connectivity on endpoint nextcloud: Bind for 0.0.0.0:8080 failed: port is already allocated",
        advice: "Read what the platform says, mend it there, then retry.",
        presented: null,
        at: now - 6 * minute,
      },
    }),
  ];
  world.snapshot.questions = [{ id: 7, node: ids["lxc-cloudflared"], node_name: "lxc-cloudflared", reason: "it has not been used for 30 min", asked_at: now - minute, stops_at: null }];
  world.snapshot.discovered = found(world);
  return world;
}

/** Only what is always on is on. */
function quiet(now: number): World {
  return build(now, { machine2: ["on", 12 * day], "vm-homeassistant": ["on", 12 * day], raspberry: ["on", 41 * day], pihole: ["on", 41 * day] });
}

/** Much is on; stopping one thing hits others. */
function used(now: number): World {
  return build(now, {
    machine1: "on",
    "vm-docker": "on",
    jellystat: "on",
    qbittorrent: "on",
    sandbox: "on",
    machine2: ["on", 12 * day],
    "vm-homeassistant": ["on", 12 * day],
    "lxc-jellyfin": "on",
    nas: "on",
    raspberry: ["on", 41 * day],
    pihole: ["on", 41 * day],
  });
}

/** Everything that can be wrong at once. */
function troubled(now: number): World {
  const world = used(now);
  const connection = (name: Name, capability: Capability) => {
    const found = world.snapshot.connections.find((one) => one.node === ids[name] && one.capability === capability);
    if (!found) throw new Error(name);
    return found;
  };
  Object.assign(connection("machine2", "ssh"), {
    status: "fails",
    failure: {
      kind: "untrusted",
      operation: "connect to 10.77.0.2:22",
      message: "the host key of 10.77.0.2:22 has changed: it is SHA256:Hq3v9TzWm2Lc8KpX0aYdRfUe6sNbGj1i4oVtCzE7wPx, accepted was SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE",
      advice: "Do not go on unless you know why it changed: a reinstalled machine has a new one, an attacker too. Compare it on the machine itself, then accept it in the connection test.",
      presented: {
        kind: "host_key",
        endpoint: "10.77.0.2:22",
        algorithm: "ssh-ed25519",
        fingerprint: "SHA256:Hq3v9TzWm2Lc8KpX0aYdRfUe6sNbGj1i4oVtCzE7wPx",
        accepted: "SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE",
      },
      at: now - 30_000,
    },
  });
  Object.assign(connection("vm-docker", "docker_api"), {
    status: "paused",
    seen: now - 4 * minute,
    failure: { kind: "timed_out", operation: "list containers", message: "no answer within 20 s", advice: "Look at the machine itself. If it only needs longer, raise the timeout in the node's settings, then retry.", presented: null, at: now - 20_000 },
  });
  at(world, "machine2").missing_secrets = ["ssh-password"];
  at(world, "qbittorrent").lock = "backup";
  Object.assign(at(world, "jellystat"), { power: "unknown", note: "vm-docker’s Docker API: no answer within 20 s" });
  at(world, "vm-ubuntu").vanished = true;
  world.snapshot.notices = [
    { severity: "critical", code: "no_keyring", message: "There is no keyring, so passwords and tokens cannot be kept: nobody answers for org.freedesktop.secrets. WakeHub keeps secrets nowhere else; install GNOME Keyring, KWallet or KeePassXC." },
    { severity: "warning", code: "no_tray", message: "This desktop shows no tray icons, so closing the window only minimises it. On GNOME the extension “AppIndicator and KStatusNotifierItem Support” adds them." },
    { severity: "remark", code: "database_set_aside", message: "The database could not be read (file is not a database). It was moved to wakehub.db.unreadable-1 and a new one begun; import your homelab again." },
  ];
  world.snapshot.cascades = [
    cascade(21, "sandbox", {
      status: "interrupted",
      begun: now - 2 * hour,
      steps: [
        step(world, "nas", { status: "done", channel: "wol", reason: "needed by lxc-jellyfin", begun: now - 2 * hour, ended: now - 2 * hour + 46_000 }),
        step(world, "lxc-jellyfin", { status: "running", reason: "needed by sandbox", begun: now - 2 * hour + 46_000 }),
        step(world, "sandbox", {}),
      ],
    }),
    cascade(20, "vm-docker", {
      action: "stop",
      status: "failed",
      begun: now - hour,
      ended: now - hour + 180_000,
      steps: [
        step(world, "jellystat", { action: "stop", status: "done", channel: "docker_api", begun: now - hour, ended: now - hour + 3000 }),
        step(world, "vm-docker", { action: "stop", status: "failed", begun: now - hour + 3000, ended: now - hour + 180_000 }),
      ],
      failure: { kind: "rejected", operation: "shut down vm 100", message: "VM is locked (backup)", advice: "Wait until the platform has unlocked it (a backup or a migration is running), then retry.", presented: null, at: now - hour + 180_000 },
    }),
  ];
  world.snapshot.questions = [
    { id: 1, node: ids.nas, node_name: "nas", reason: "no longer needed once lxc-jellyfin is off", asked_at: now - 20 * minute, stops_at: null },
    { id: 2, node: ids.machine1, node_name: "machine1", reason: "it has not been used for 30 min", asked_at: now - 10 * minute, stops_at: null },
  ];
  return world;
}

/** A notice of 60 s and a question at once. */
function grace(now: number): World {
  const world = used(now);
  world.snapshot.questions = [
    { id: 8, node: ids.sandbox, node_name: "sandbox", reason: "it has not been used for 30 min", asked_at: now - 18_000, stops_at: now + 42_000 },
    { id: 7, node: ids["lxc-cloudflared"], node_name: "lxc-cloudflared", reason: "it has not been used for 30 min", asked_at: now - minute, stops_at: null },
  ];
  Object.assign(at(world, "lxc-cloudflared"), { power: "on" });
  return world;
}

/** Nothing is stopped automatically until tomorrow at eight. */
function paused(now: number): World {
  const world = used(now);
  const eight = new Date(now + day);
  eight.setHours(8, 0, 0, 0);
  world.snapshot.stops_paused_until = eight.getTime();
  return world;
}

function many(now: number): World {
  const world = quiet(now);
  const entry = (name: string): NodeEntry => ({ name, kind: "container", host: "raspberry", platform_id: name });
  for (let n = 1; n <= 1000; n += 1) {
    const one = entry(`service-${String(n).padStart(4, "0")}`);
    world.entries.set(100 + n, one);
    world.snapshot.nodes.push(viewOf(100 + n, one, (name) => ids[name as Name], n % 3 === 0 ? "on" : "off", now - hour));
  }
  return world;
}

/** 200 nodes: ten machines, virtual machines on them, containers on those, and needs across. */
function estate(now: number): World {
  const world = quiet(now);
  const all = [...world.entries.values()];
  const add = (entry: NodeEntry) => all.push(entry);
  for (let host = 1; host <= 6; host += 1) {
    add({ name: `rack-${host}`, kind: "machine", mac: `52:54:00:01:00:0${host}`, address: `10.78.0.${host}`, proxmox_api: { url: `https://10.78.0.${host}:8006`, node: `rack${host}`, token_id: "root@pam!wakehub" } });
    for (let vm = 1; vm <= 4; vm += 1) {
      const name = `vm-${host}${vm}`;
      add({ name, kind: "vm", host: `rack-${host}`, platform_id: String(100 + vm), depends_on: vm === 1 && host > 1 ? ["nas"] : [], docker_api: vm < 3 ? { url: "tcp://10.78.0.1:2376" } : undefined });
      for (let n = 1; vm < 3 && n <= 13; n += 1) {
        add({ name: `app-${host}${vm}-${n}`, kind: "container", host: name, platform_id: `app${n}`, depends_on: n % 5 === 0 ? [`app-${host}${vm}-${n - 1}`] : n === 7 ? [`vm-${(host % 6) + 1}4`] : [] });
      }
    }
  }
  const idOf = (name: string) => all.findIndex((entry) => entry.name === name) + 1;
  world.entries = new Map(all.map((entry, at) => [at + 1, entry]));
  world.snapshot.nodes = all.map((entry, at) => viewOf(at + 1, entry, idOf, at % 3 === 0 ? "off" : "on", now - hour));
  for (const node of world.snapshot.nodes) node.needed_by = world.snapshot.nodes.filter((other) => other.depends_on.includes(node.id)).map((other) => other.id);
  return world;
}

/** What people call their machines: emoji, right-to-left, 200 characters, HTML. */
export const strangeNames: Partial<Record<Name, string>> = {
  "lxc-jellyfin": "🎬 Filme & Serien 🍿",
  nas: "مخزن الملفات",
  qbittorrent: "שרת הורדות torrents",
  jellystat: "x".repeat(200),
  machine1: `${"Der große Rechner im Keller ".repeat(7)}!!!!`,
  sandbox: "<b onmouseover=alert(1)>sandbox</b>",
  nextcloud: '"><img src=x onerror=alert(1)>',
};

function strange(now: number): World {
  const world = evening(now);
  const renamed = (text: string) =>
    Object.entries(strangeNames).reduce((said, [name, other]) => said.replace(new RegExp(`(?<![\\w-])${name}(?![\\w-])`, "g"), () => other), text);
  const rename = <T>(value: T): T => {
    if (typeof value === "string") return renamed(value) as T;
    if (Array.isArray(value)) return value.map(rename) as T;
    if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, rename(one)])) as T;
    return value;
  };
  return { entries: new Map([...world.entries].map(([id, entry]) => [id, rename(entry)])), snapshot: rename(world.snapshot) };
}

export const scenarios: Record<string, (now: number) => World> = {
  evening,
  quiet,
  used,
  troubled,
  grace,
  paused,
  many,
  strange,
  estate,
  empty: (now) => {
    const world = quiet(now);
    world.entries.clear();
    return { ...world, snapshot: { ...world.snapshot, nodes: [], connections: [] } };
  },
  // What the shell shows when its engine could not start.
  headless: () => ({
    entries: new Map(),
    snapshot: { ...quiet(0).snapshot, at: 0, nodes: [], connections: [], notices: [{ severity: "critical", code: "engine_failed", message: "another WakeHub (process 4711) uses this data directory" }] },
  }),
  unpinned: (now) => {
    const world = quiet(now);
    for (const node of world.snapshot.nodes) node.pinned = false;
    world.snapshot.discovered = found(world);
    return world;
  },
};
