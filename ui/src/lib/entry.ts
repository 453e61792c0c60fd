// The node form: what its fields hold while somebody types, and the entry of homelab.toml that comes of it.
import type { EntryError, NodeEntry, NodeKind, PowerOff, Schedule, SecretEntry, SecretName, SshAuth, StopWindow } from "./backend/bindings";
import { m } from "./i18n/index.svelte";
import { idleDraft, idleErrors, idleKeys, probeLogin, ruleOf, type IdleDraft } from "./idle";

export interface SshDraft {
  user: string;
  auth: SshAuth;
  keyFile: string;
  port: string;
}

export interface Draft {
  name: string;
  kind: NodeKind;
  host: string;
  platformId: string;
  dependsOn: string[];
  address: string;
  hasWol: boolean;
  mac: string;
  broadcast: string;
  wolInterface: string;
  hasSsh: boolean;
  ssh: SshDraft;
  hasJump: boolean;
  jump: SshDraft & { address: string };
  hasProxmox: boolean;
  proxmox: { url: string; node: string; login: "token" | "password"; tokenId: string; user: string };
  hasDocker: boolean;
  docker: { way: "ssh" | "tls" | "tcp" | "unix"; url: string; certPath: string };
  pinned: boolean;
  url: string;
  openWhenStarted: boolean;
  probe: "none" | "tcp" | "http";
  probeTarget: string;
  startTimeout: string;
  stopTimeout: string;
  confirm: "default" | "yes" | "no";
  alwaysOn: boolean;
  stopWhenEmpty: boolean;
  forceStop: boolean;
  powerOff: PowerOff;
  shutdownCommand: string;
  wattsOn: string;
  wattsSuspended: string;
  note: string;
  tags: string;
  idle: IdleDraft;
  schedules: Schedule[];
  windows: StopWindow[];
  /** What the form does not show is kept as it was. */
  rest: Partial<NodeEntry>;
  /** Typed now; an empty one leaves the keyring as it is. */
  secrets: Partial<Record<SecretName, string>>;
}

export function emptyDraft(kind: NodeKind): Draft {
  return draftOf({ name: "", kind });
}

/** The keys that the form has fields for. */
const shown: ReadonlySet<string> = new Set([
  "name", "kind", "host", "platform_id", "depends_on", "address", "mac", "wol", "ssh", "proxmox_api", "docker_api", "pinned", "url",
  "open_when_started", "readiness", "start_timeout_seconds", "stop_timeout_seconds", "confirm_before_auto_stop", "always_on",
  "stop_when_empty", "force_stop", "power_off", "shutdown_command", "watts_on", "watts_suspended", "note", "tags", "idle", "schedules", "auto_stop_windows",
] satisfies (keyof NodeEntry)[]);

export function draftOf(entry: NodeEntry): Draft {
  const { ssh, proxmox_api: proxmox, docker_api: docker, readiness } = entry;
  const dockerUrl = docker?.url ?? "";
  return {
    name: entry.name,
    kind: entry.kind,
    host: entry.host ?? "",
    platformId: entry.platform_id ?? "",
    dependsOn: entry.depends_on ?? [],
    address: entry.address ?? "",
    hasWol: Boolean(entry.mac),
    mac: entry.mac ?? "",
    broadcast: entry.wol?.broadcast ?? "",
    wolInterface: entry.wol?.interface ?? "",
    hasSsh: Boolean(ssh),
    ssh: { user: ssh?.user ?? "root", auth: ssh?.auth ?? "key", keyFile: ssh?.key_file ?? (ssh ? "" : "~/.ssh/id_ed25519"), port: String(ssh?.port ?? 22) },
    hasJump: Boolean(ssh?.jump),
    jump: {
      address: ssh?.jump?.address ?? "",
      user: ssh?.jump?.user ?? "root",
      auth: ssh?.jump?.auth ?? "key",
      keyFile: ssh?.jump?.key_file ?? (ssh?.jump ? "" : "~/.ssh/id_ed25519"),
      port: String(ssh?.jump?.port ?? 22),
    },
    hasProxmox: Boolean(proxmox),
    proxmox: {
      url: proxmox?.url ?? "",
      node: proxmox?.node ?? "",
      login: proxmox?.user && !proxmox.token_id ? "password" : "token",
      tokenId: proxmox?.token_id ?? (proxmox ? "" : "root@pam!wakehub"),
      user: proxmox?.user ?? (proxmox ? "" : "root@pam"),
    },
    hasDocker: Boolean(docker),
    docker: { way: wayOf(dockerUrl), url: dockerUrl === "ssh" ? "" : dockerUrl, certPath: docker?.cert_path ?? "" },
    pinned: entry.pinned ?? false,
    url: entry.url ?? "",
    openWhenStarted: entry.open_when_started ?? false,
    probe: !readiness ? "none" : "tcp" in readiness ? "tcp" : "http",
    probeTarget: !readiness ? "" : "tcp" in readiness ? readiness.tcp : readiness.http,
    startTimeout: entry.start_timeout_seconds?.toString() ?? "",
    stopTimeout: entry.stop_timeout_seconds?.toString() ?? "",
    confirm: entry.confirm_before_auto_stop === undefined || entry.confirm_before_auto_stop === null ? "default" : entry.confirm_before_auto_stop ? "yes" : "no",
    alwaysOn: entry.always_on ?? false,
    stopWhenEmpty: entry.stop_when_empty ?? false,
    forceStop: entry.force_stop ?? false,
    powerOff: entry.power_off ?? "shut_down",
    shutdownCommand: entry.shutdown_command ?? "",
    wattsOn: entry.watts_on?.toString() ?? "",
    wattsSuspended: entry.watts_suspended?.toString() ?? "",
    note: entry.note ?? "",
    tags: (entry.tags ?? []).join(", "),
    idle: idleDraft(entry.idle),
    schedules: (entry.schedules ?? []).map((one) => ({ ...one })),
    windows: (entry.auto_stop_windows ?? []).map((one) => ({ ...one })),
    rest: Object.fromEntries(Object.entries(entry).filter(([key, value]) => !shown.has(key) && value !== undefined)),
    secrets: {},
  };
}

function wayOf(url: string): Draft["docker"]["way"] {
  if (url.startsWith("unix:")) return "unix";
  if (url.startsWith("tcp:")) return /:2375\/?$/.test(url) ? "tcp" : "tls";
  return "ssh";
}

/** Which sections a kind has: only machines are woken and have a Proxmox API, and a container offers nothing. */
export function offers(kind: NodeKind): { wol: boolean; ssh: boolean; proxmox: boolean; docker: boolean } {
  return { wol: kind === "machine", ssh: kind !== "container", proxmox: kind === "machine", docker: kind !== "container" };
}

export function entryOf(draft: Draft): NodeEntry {
  const can = offers(draft.kind);
  const text = (value: string) => value.trim() || undefined;
  const number = (value: string) => (value.trim() === "" ? undefined : Number(value.replace(",", ".")));
  const tags = draft.tags.split(",").map((tag) => tag.trim()).filter(Boolean);
  const wol = can.wol && draft.hasWol && (text(draft.broadcast) || text(draft.wolInterface)) ? without({ broadcast: text(draft.broadcast), interface: text(draft.wolInterface) }) : undefined;
  return without({
    name: draft.name.trim(),
    kind: draft.kind,
    host: draft.kind === "machine" ? undefined : text(draft.host),
    platform_id: draft.kind === "machine" ? undefined : text(draft.platformId),
    depends_on: draft.dependsOn.length > 0 ? draft.dependsOn : undefined,
    address: text(draft.address),
    mac: can.wol && draft.hasWol ? text(draft.mac.toLowerCase().replaceAll("-", ":")) : undefined,
    wol,
    ssh: can.ssh && draft.hasSsh ? sshOf(draft) : undefined,
    proxmox_api: can.proxmox && draft.hasProxmox ? proxmoxOf(draft) : undefined,
    docker_api: can.docker && draft.hasDocker ? dockerOf(draft) : undefined,
    pinned: draft.pinned || undefined,
    url: text(draft.url),
    open_when_started: draft.openWhenStarted || undefined,
    readiness: probeOf(draft),
    start_timeout_seconds: number(draft.startTimeout),
    stop_timeout_seconds: number(draft.stopTimeout),
    confirm_before_auto_stop: draft.confirm === "default" ? undefined : draft.confirm === "yes",
    always_on: draft.alwaysOn || undefined,
    stop_when_empty: draft.stopWhenEmpty || undefined,
    force_stop: draft.forceStop || undefined,
    power_off: draft.kind === "machine" && draft.powerOff !== "shut_down" ? draft.powerOff : undefined,
    shutdown_command: can.ssh ? text(draft.shutdownCommand) : undefined,
    watts_on: number(draft.wattsOn),
    watts_suspended: number(draft.wattsSuspended),
    note: text(draft.note),
    tags: tags.length > 0 ? tags : undefined,
    idle: ruleOf(draft.idle),
    schedules: draft.schedules.length > 0 ? draft.schedules.map((one) => without({ ...one, cron: one.cron.trim() })) : undefined,
    auto_stop_windows: draft.windows.length > 0 ? draft.windows.map((one) => without({ ...one, days: one.days?.length ? one.days : undefined })) : undefined,
    ...draft.rest,
  }) as NodeEntry;
}

function without<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

function sshOf(draft: Draft): NonNullable<NodeEntry["ssh"]> {
  const one = (ssh: SshDraft) => without({ user: ssh.user.trim(), auth: ssh.auth, key_file: ssh.auth === "key" ? ssh.keyFile.trim() || undefined : undefined, port: Number(ssh.port) });
  return without({ ...one(draft.ssh), jump: draft.hasJump ? { address: draft.jump.address.trim(), ...one(draft.jump) } : undefined });
}

function proxmoxOf({ proxmox }: Draft): NonNullable<NodeEntry["proxmox_api"]> {
  const base = { url: proxmox.url.trim().replace(/\/+$/, ""), node: proxmox.node.trim() };
  return proxmox.login === "token" ? { ...base, token_id: proxmox.tokenId.trim() } : { ...base, user: proxmox.user.trim() };
}

function dockerOf({ docker }: Draft): NonNullable<NodeEntry["docker_api"]> {
  if (docker.way === "ssh") return { url: "ssh" };
  return without({ url: docker.url.trim(), cert_path: docker.way === "tls" ? docker.certPath.trim() || undefined : undefined });
}

function probeOf(draft: Draft): NodeEntry["readiness"] {
  const target = draft.probeTarget.trim();
  if (draft.probe === "none" || !target) return undefined;
  return draft.probe === "tcp" ? { tcp: target } : { http: target };
}

/** The secrets that this configuration asks for, in the order of the form. */
export function secretsFor(draft: Draft): SecretName[] {
  const can = offers(draft.kind);
  const out: SecretName[] = [];
  if (can.ssh && draft.hasSsh) {
    if (draft.ssh.auth === "password") out.push("ssh-password");
    if (draft.ssh.auth === "key") out.push("ssh-passphrase");
    if (draft.hasJump && draft.jump.auth === "password") out.push("jump-password");
    if (draft.hasJump && draft.jump.auth === "key") out.push("jump-passphrase");
  }
  if (can.proxmox && draft.hasProxmox) out.push(draft.proxmox.login === "token" ? "proxmox-token" : "proxmox-password");
  if (can.wol && draft.hasWol) out.push("wol-password");
  if (probeLogin(draft.idle) !== "none") out.push("probe");
  return out;
}

/** Those without which something cannot be reached, or asked. */
export function missingSecrets(draft: Draft, present: ReadonlySet<SecretName>): SecretName[] {
  const isOptional = (name: SecretName) => /passphrase|wol/.test(name) || (name === "probe" && probeLogin(draft.idle) !== "required");
  return secretsFor(draft).filter((name) => !isOptional(name) && !present.has(name) && !draft.secrets[name]);
}

export function typedSecrets(draft: Draft): SecretEntry[] {
  return secretsFor(draft).flatMap((name) => (draft.secrets[name] ? [{ name, value: draft.secrets[name] }] : []));
}

/** What is wrong, by the key that the field has in homelab.toml. */
export type Errors = Record<string, string>;

const port = (text: string) => /^\d{1,5}$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= 65535;
const seconds = (text: string) => text.trim() === "" || (/^\d{1,5}$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= 86400);
const watts = (text: string) => text.trim() === "" || (/^\d+([.,]\d+)?$/.test(text.trim()) && Number(text.replace(",", ".")) <= 100_000);
const timeOfDay = (text: string) => /^([01]\d|2[0-3]):[0-5]\d$/.test(text);
const web = (text: string) => /^https?:\/\/[^\s/]+/.test(text.trim());

export function check(draft: Draft, taken: ReadonlySet<string>): Errors {
  const errors: Errors = {};
  const fault = (key: string, wrong: boolean, message: string) => {
    if (wrong && !(key in errors)) errors[key] = message;
  };
  const can = offers(draft.kind);
  const name = draft.name.trim();
  fault("name", name === "", m.errorNameEmpty);
  // Characters as people count them: a surrogate pair is one.
  fault("name", [...name].length > 64 || /[\u0000-\u001f\u007f]/.test(name), m.errorName);
  fault("name", taken.has(name), m.errorNameTaken);
  if (draft.kind !== "machine") {
    fault("host", draft.host === "", m.errorHost);
    fault("platform_id", draft.platformId.trim() === "", m.errorPlatformId);
    fault("platform_id", draft.kind !== "container" && !/^\d{3,9}$/.test(draft.platformId.trim()), m.errorVmid);
  }
  fault("address", /\s/.test(draft.address.trim()), m.errorAddress);
  const isReached = (can.ssh && draft.hasSsh) || (can.wol && draft.hasWol);
  fault("address", isReached && draft.address.trim() === "", m.errorAddressNeeded);
  if (can.wol && draft.hasWol) {
    fault("mac", !/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(draft.mac.trim()), m.errorMac);
    fault("wol.broadcast", draft.broadcast.trim() !== "" && !/^\d{1,3}(\.\d{1,3}){3}$/.test(draft.broadcast.trim()), m.errorBroadcast);
  }
  if (can.ssh && draft.hasSsh) {
    checkSsh("ssh", draft.ssh, fault);
    if (draft.hasJump) {
      fault("ssh.jump.address", draft.jump.address.trim() === "", m.errorAddressNeeded);
      checkSsh("ssh.jump", draft.jump, fault);
    }
  }
  if (can.proxmox && draft.hasProxmox) {
    fault("proxmox_api.url", !/^https:\/\/[^\s/]+/.test(draft.proxmox.url.trim()), m.errorProxmoxUrl);
    fault("proxmox_api.node", draft.proxmox.node.trim() === "", m.errorProxmoxNode);
    if (draft.proxmox.login === "token") fault("proxmox_api.token_id", !/^[^@\s]+@[^@!\s]+![^!\s]+$/.test(draft.proxmox.tokenId.trim()), m.errorToken);
    else fault("proxmox_api.user", !/^[^@\s]+@[^@\s]+$/.test(draft.proxmox.user.trim()), m.errorProxmoxUser);
  }
  if (can.docker && draft.hasDocker && draft.docker.way !== "ssh") {
    const pattern = draft.docker.way === "unix" ? /^unix:\/\/\/\S+$/ : /^tcp:\/\/[^\s:/]+:\d+\/?$/;
    fault("docker_api.url", !pattern.test(draft.docker.url.trim()), draft.docker.way === "unix" ? m.errorDockerUnix : m.errorDockerTcp);
    fault("docker_api.cert_path", draft.docker.way === "tls" && draft.docker.certPath.trim() === "", m.errorCertPath);
  }
  fault("docker_api.url", can.docker && draft.hasDocker && draft.docker.way === "ssh" && !draft.hasSsh, m.errorDockerSsh);
  fault("url", draft.url.trim() !== "" && !web(draft.url), m.errorUrl);
  fault("readiness", draft.probe === "http" && !web(draft.probeTarget), m.errorUrl);
  fault("readiness", draft.probe === "tcp" && !/^([^\s:]+:)?\d{1,5}$/.test(draft.probeTarget.trim()), m.errorProbePort);
  fault("start_timeout_seconds", !seconds(draft.startTimeout), m.errorSeconds);
  fault("stop_timeout_seconds", !seconds(draft.stopTimeout), m.errorSeconds);
  fault("watts_on", !watts(draft.wattsOn), m.errorWatts);
  fault("watts_suspended", !watts(draft.wattsSuspended), m.errorWatts);
  for (const [key, message] of idleErrors(draft.idle)) fault(key, true, message);
  draft.schedules.forEach((one, at) => fault(`schedules.${at}.cron`, one.cron.trim().split(/\s+/).length !== 5, m.errorCron));
  draft.windows.forEach((one, at) => {
    fault(`auto_stop_windows.${at}.from`, !timeOfDay(one.from), m.errorTimeOfDay);
    fault(`auto_stop_windows.${at}.to`, !timeOfDay(one.to), m.errorTimeOfDay);
  });
  return errors;
}

function checkSsh(key: string, ssh: SshDraft, fault: (key: string, wrong: boolean, message: string) => void): void {
  fault(`${key}.user`, ssh.user.trim() === "" || /\s/.test(ssh.user.trim()), m.errorUser);
  fault(`${key}.port`, !port(ssh.port), m.errorPort);
  fault(`${key}.key_file`, ssh.auth === "key" && ssh.keyFile.trim() === "", m.errorKeyFile);
}

/** Sorts the engine's refusal to the fields it names; the rest stands at the head of the form. */
export function sortErrors(errors: EntryError[], shown: ReadonlySet<string>): { fields: Errors; rest: EntryError[] } {
  const fields: Errors = {};
  const rest: EntryError[] = [];
  for (const error of errors) {
    const key = error.field === null ? null : fieldFor(error.field, shown);
    if (key !== null && !(key in fields)) fields[key] = error.message;
    else rest.push(error);
  }
  return { fields, rest };
}

function fieldFor(field: string, shown: ReadonlySet<string>): string | null {
  if (/^(schedules\.\d+\.cron|auto_stop_windows\.\d+\.(from|to))$/.test(field)) return field;
  for (let key = field; key !== ""; key = key.includes(".") ? key.slice(0, key.lastIndexOf(".")) : "") {
    if (shown.has(key)) return key;
  }
  return null;
}

/** Every key at which the form can show a message. */
export const fieldKeys: ReadonlySet<string> = new Set([
  "name", "host", "platform_id", "depends_on", "address", "mac", "wol.broadcast", "wol.interface", "ssh.user", "ssh.port", "ssh.key_file",
  "ssh.jump.address", "ssh.jump.user", "ssh.jump.port", "ssh.jump.key_file", "proxmox_api.url", "proxmox_api.node", "proxmox_api.token_id",
  "proxmox_api.user", "docker_api.url", "docker_api.cert_path", "url", "readiness", "start_timeout_seconds", "stop_timeout_seconds",
  "shutdown_command", "watts_on", "watts_suspended", "note", "tags", ...idleKeys,
]);
