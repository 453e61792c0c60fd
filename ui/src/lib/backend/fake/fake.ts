// A pretended engine behind the window. `?fake=SCENARIO` chooses the homelab, `&pace=MS` how long a step takes (0: it never
// ends), `&when=busy` what a start meets, `&fail=journal,settings` which methods fail until the first click,
// `&rate=N` how many snapshots a second it sends without a reason,
// `&right=read` or `control` what a browser may do.
import type { Backend, FoundAddress, Platform } from "../backend";
import type {
  Action,
  Answer,
  ApiAccess,
  ApiStatus,
  Ask,
  CascadeId,
  CascadeView,
  CheckView,
  CommandError,
  IdleRule,
  JournalFormat,
  JournalLine,
  JournalQuery,
  JudgedView,
  NewApiToken,
  NodeEntry,
  NodeId,
  NodeView,
  PlanStepView,
  Presented,
  Right,
  RunAnswer,
  SavingsAsk,
  SavingsView,
  ScheduleAsk,
  ScheduleReading,
  SecretEntry,
  SecretName,
  SettingsView,
  ShownApiToken,
  Snapshot,
  WhyView,
} from "../bindings";
import { listenOf, needsYes, reach } from "../../access";
import { ruleFaults } from "../../idle";
import { savingsOf } from "./savings";
import { guestsOf, scenarios, viewOf, type World } from "./homelab";
import { idleView, judged } from "./idle";
import { plan } from "./planner";

export function fakeBackend(scenario: string): Backend {
  const options = new URLSearchParams(globalThis.location?.search ?? "");
  const pace = Number(options.get("pace") ?? "1500");
  const engine = new FakeEngine(scenario, pace, options.get("when") === "busy");
  const right = options.get("right");
  if (right === "read" || right === "control") engine.right = right;
  const rate = Number(options.get("rate") ?? "0");
  if (rate > 0) engine.stir(rate);
  const failing = new Set((options.get("fail") ?? "").split(",").filter(Boolean));
  return failing.size > 0 ? faulty(engine, failing) : engine;
}

/** These methods fail; a click somewhere heals them. */
function faulty(engine: FakeEngine, failing: Set<string>): Backend {
  addEventListener("click", () => failing.clear(), { once: true, capture: true });
  return new Proxy(engine, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...given: unknown[]): unknown => (failing.has(String(name)) ? Promise.reject(other("the database is in use by another program: database is locked")) : (value as (...given: unknown[]) => unknown).apply(target, given));
    },
  });
}

export class FakeEngine implements Backend {
  right: Right = "owner";
  #access: ApiStatus = { access: { tcp: false, listen: "127.0.0.1:9253", plain_http: "this_computer", hosts: [] }, listening: null, urls: [], failure: null, tokens: [] };
  #world: World;
  #listeners = new Set<(snapshot: Snapshot) => void>();
  #journal: JournalLine[] = [];
  #accepted = new Set<string>();
  #secrets = new Map<NodeId, Set<SecretName>>();
  #looked = new Set<NodeId>();
  #next = 1000;
  #settings: SettingsView = {
    start_at_login: false,
    poll_watched_s: 10,
    poll_idle_s: 60,
    start_timeout_s: { machine: 180, vm: 120, lxc: 60, container: 60 },
    stop_timeout_s: { machine: 180, vm: 180, lxc: 60, container: 30 },
    idle_timeout_minutes: 30,
    price_per_kwh: 0.31,
    currency: "EUR",
    language: null,
  };

  constructor(
    private readonly scenario: string,
    private readonly pace: number,
    private readonly isBusy = false,
    private readonly now: () => number = () => Date.now(),
  ) {
    this.#world = (scenarios[scenario] ?? scenarios.evening!)(now());
    if (scenario === "troubled") {
      this.#settings.price_per_kwh = null;
      for (const entry of this.#world.entries.values()) delete entry.watts_on;
    }
    if (this.#world.snapshot.nodes.length > 0) this.#tell();
  }

  async snapshot(): Promise<Snapshot> {
    return this.#copy();
  }

  async subscribe(onSnapshot: (snapshot: Snapshot) => void): Promise<() => void> {
    if (this.scenario === "loading") return new Promise(() => {});
    if (this.scenario === "broken") throw other("the database failed: disk I/O error");
    this.#listeners.add(onSnapshot);
    onSnapshot(this.#copy());
    return () => this.#listeners.delete(onSnapshot);
  }

  async plan(ask: Ask) {
    return plan(this.#world.snapshot, ask);
  }

  async run(ask: Ask): Promise<RunAnswer> {
    const answer = plan(this.#world.snapshot, ask);
    if (answer.kind === "refused") return answer;
    if (answer.plan.steps.length === 0) return { kind: "nothing_to_do" };
    if (this.isBusy && !ask.queue) return { kind: "busy", node_name: answer.plan.steps[0]!.node_name, cascade: 31, title: "the start of jellystat" };
    if (this.isBusy) {
      this.#change((snapshot) => snapshot.queued.push({ id: (this.#next += 1), action: ask.action, node: ask.node, node_name: answer.plan.node_name, behind: 31 }));
      return { kind: "queued", behind: 31 };
    }
    const id = (this.#next += 1);
    const cascade: CascadeView = {
      id,
      action: ask.action,
      node: ask.node,
      node_name: answer.plan.node_name,
      automatic: false,
      status: "running",
      begun: this.now(),
      ended: null,
      cancelling: false,
      failure: null,
      steps: answer.plan.steps.map((step) => ({
        ...pick(step),
        status: "waits",
        begun: null,
        ended: null,
        detail: null,
      })),
    };
    this.#change((snapshot) => snapshot.cascades.unshift(cascade));
    void this.#work(id, answer.plan.follow_ups.filter((next) => next.mode === "confirm"));
    return { kind: "started", cascade: id };
  }

  async cancel(cascade: CascadeId): Promise<void> {
    this.#change((snapshot) => {
      for (const one of snapshot.cascades) if (one.id === cascade) one.cancelling = true;
    });
  }

  async cancelQueued(id: number): Promise<void> {
    this.#change((snapshot) => {
      snapshot.queued = snapshot.queued.filter((one) => one.id !== id);
    });
  }

  async resume(cascade: CascadeId): Promise<RunAnswer> {
    const old = this.#world.snapshot.cascades.find((one) => one.id === cascade);
    if (!old || old.node === null) throw other("there is no such cascade");
    await this.dismiss(cascade);
    return this.run({ action: old.action, node: old.node, with_dependants: true, queue: false, automatic: false });
  }

  async dismiss(cascade: CascadeId): Promise<void> {
    this.#change((snapshot) => {
      snapshot.cascades = snapshot.cascades.filter((one) => one.id !== cascade);
    });
  }

  async answer(question: number, answer: Answer): Promise<void> {
    const asked = this.#world.snapshot.questions.find((one) => one.id === question);
    if (!asked) throw other("this question is answered already");
    this.#change((snapshot) => {
      snapshot.questions = snapshot.questions.filter((one) => one.id !== question);
    });
    const said = { shut_down: `You shut ${asked.node_name} down`, keep_on: `You kept ${asked.node_name} on`, snooze: `You are asked about ${asked.node_name} again in 1 h`, always_keep_on: `${asked.node_name} is always kept on` };
    this.#note("question", asked.node, said[answer], null);
    if (answer === "always_keep_on") {
      this.#change(() => (this.#node(asked.node).always_on = true));
      const entry = this.#world.entries.get(asked.node);
      if (entry) entry.always_on = true;
    }
    if (answer === "shut_down") await this.run({ action: "stop", node: asked.node, with_dependants: false, queue: false, automatic: false });
  }

  async setPinned(node: NodeId, pinned: boolean): Promise<void> {
    this.#change(() => {
      this.#node(node).pinned = pinned;
    });
  }

  async hold(node: NodeId, until: number | null): Promise<void> {
    if (until !== null && until <= this.now()) throw other("the time until which it is to be kept on is over");
    this.#change((snapshot) => {
      this.#node(node).held_until = until;
      if (until !== null) snapshot.questions = snapshot.questions.filter((one) => one.node !== node);
    });
    const { name } = this.#node(node);
    this.#note("hold", node, until === null ? `${name} is no longer kept on` : `${name} is kept on`, "you said so");
  }

  async why(node: NodeId): Promise<WhyView> {
    const view = this.#node(node);
    const entry = await this.nodeEntry(node);
    const answer = plan(this.#world.snapshot, { action: "stop", node, with_dependants: false, queue: false, automatic: true });
    const isOn = view.power === "on";
    return {
      node,
      node_name: view.name,
      power: view.power,
      kept_on: isOn && answer.kind === "refused" ? answer.refusal.message : null,
      idle: idleView(view, entry, this.#settings.idle_timeout_minutes, this.now()),
      next_scheduled: [],
      would: isOn && answer.kind === "plan" && answer.plan.steps.length > 0 ? { ...answer.plan, steps: answer.plan.steps.map((step) => ({ ...step, reason: step.reason.replace("you asked for it", "it is not used") })) } : null,
    };
  }

  async judge(node: NodeId, rule: IdleRule): Promise<JudgedView[]> {
    const [wrong] = ruleFaults(rule);
    if (wrong) throw refusal(wrong[0], wrong[1]);
    const view = this.#node(node);
    return view.power === "on" ? judged(view, await this.nodeEntry(node), rule, this.#settings.idle_timeout_minutes, this.now()) : [];
  }

  async savings(ask: SavingsAsk): Promise<SavingsView> {
    return savingsOf(ask, this.#world.snapshot.nodes, this.#world.entries, this.#settings, this.now());
  }

  async pauseStops(until: number | null): Promise<void> {
    if (until !== null && until <= this.now()) throw other("the time until which nothing is stopped is over");
    this.#change((snapshot) => {
      snapshot.stops_paused_until = until;
    });
  }

  async nodeEntry(node: NodeId): Promise<NodeEntry> {
    const entry = this.#world.entries.get(node);
    if (!entry) throw other("this node is gone");
    return structuredClone(entry);
  }

  async saveNode(node: NodeId | null, entry: NodeEntry, secrets: SecretEntry[]): Promise<NodeId> {
    if (entry.depends_on?.includes(entry.name)) throw refusal("depends_on", `${entry.name} depends on itself`);
    if (entry.name === "cycle") throw refusal("depends_on", "cycle would need itself: cycle → nas → cycle");
    const cycle = this.#cycle(node, entry);
    if (cycle) throw refusal("depends_on", `${entry.name} would need itself: ${cycle.join(" → ")}`);
    const [wrong] = entry.idle ? ruleFaults(entry.idle) : [];
    if (wrong) throw refusal(wrong[0], wrong[1]);
    if (entry.ssh?.key_file?.includes("missing")) throw refusal("ssh.key_file", `${entry.ssh.key_file}: no such file`);
    const id = node ?? (this.#next += 1);
    this.#world.entries.set(id, structuredClone(entry));
    this.#secrets.set(id, new Set([...(this.#secrets.get(id) ?? []), ...secrets.map((secret) => secret.name)]));
    this.#change((snapshot) => {
      const idOf = (name: string) => snapshot.nodes.find((one) => one.name === name)?.id ?? 0;
      const old = snapshot.nodes.find((one) => one.id === id);
      const view = { ...viewOf(id, entry, idOf, old?.power ?? "unknown", this.now()), seen: old?.seen ?? null, needed_by: old?.needed_by ?? [] };
      if (old) Object.assign(old, view);
      else snapshot.nodes.push(view);
      for (const dependency of snapshot.nodes) dependency.needed_by = snapshot.nodes.filter((one) => one.depends_on.includes(dependency.id)).map((one) => one.id);
      snapshot.discovered = snapshot.discovered.filter((one) => one.platform_id !== entry.platform_id || one.entry.host !== entry.host);
      for (const host of snapshot.nodes) host.to_configure = snapshot.discovered.filter((one) => one.host === host.id).length;
    });
    this.#note("edit", id, node === null ? `You added ${entry.name}` : `You changed ${entry.name}`, null);
    return id;
  }

  async saveNodes(entries: NodeEntry[]): Promise<NodeId[]> {
    const taken = new Set(this.#world.snapshot.nodes.map((one) => one.name));
    const errors = entries.flatMap((entry, at) => {
      const error = (field: string, message: string) => [{ field, line: at + 1, message }];
      if (taken.has(entry.name)) return error("name", `another node is called ${entry.name}`);
      taken.add(entry.name);
      return entry.name.trim() === "" ? error("name", "a node needs a name") : [];
    });
    if (errors.length > 0) throw { kind: "entry", errors } satisfies CommandError;
    const ids: NodeId[] = [];
    // What others in the batch depend on comes first, so that every name is known.
    const left = [...entries];
    while (left.length > 0) {
      const at = left.findIndex((entry) => !entry.depends_on?.some((name) => left.some((other) => other !== entry && other.name === name)));
      const [entry] = left.splice(Math.max(at, 0), 1);
      const power = this.#world.snapshot.discovered.find((one) => one.platform_id === entry!.platform_id && one.entry.host === entry!.host)?.power ?? "on";
      ids.push(await this.saveNode(null, entry!, []));
      this.#change(() => Object.assign(this.#node(ids.at(-1)!), { power, seen: this.now() }));
    }
    return ids;
  }

  async removeNode(node: NodeId): Promise<void> {
    const view = this.#node(node);
    const guests = this.#world.snapshot.nodes.filter((one) => one.host === node).map((one) => one.name);
    if (guests.length > 0) throw other(`${view.name} still hosts ${guests.join(", ")}`);
    if (view.needed_by.length > 0) throw other(`${view.name} is still needed by ${view.needed_by.map((id) => this.#node(id).name).join(", ")}`);
    this.#world.entries.delete(node);
    this.#change((snapshot) => {
      snapshot.nodes = snapshot.nodes.filter((one) => one.id !== node);
      for (const one of snapshot.nodes) one.needed_by = one.needed_by.filter((id) => id !== node);
    });
  }

  async secretsPresent(node: NodeId): Promise<SecretName[]> {
    const given = [...(this.#secrets.get(node) ?? [])];
    return this.#world.entries.get(node)?.proxmox_api ? ["proxmox-token", ...given] : given;
  }

  /** Of cron it knows a time of day, on every day or on weekdays; the engine knows the rest. */
  async readSchedule({ cron }: ScheduleAsk): Promise<ScheduleReading> {
    const fields = /^(\d{1,2}) (\d{1,2}) \* \* (\*|1-5)$/.exec(cron.trim());
    const [minute, hour] = [Number(fields?.[1]), Number(fields?.[2])];
    if (!fields || minute > 59 || hour > 23) {
      const message = "five fields: minute, hour, day of the month, month and day of the week; 0 18 * * 1-5 is every weekday at 18:00";
      return { reading: null, next: [], error: { field: "cron", line: null, message } };
    }
    const two = (number: number) => String(number).padStart(2, "0");
    const next: number[] = [];
    const at = new Date(this.now());
    at.setHours(hour, minute, 0, 0);
    for (; next.length < 5; at.setDate(at.getDate() + 1)) {
      if (at.getTime() > this.now() && (fields[3] === "*" || (at.getDay() > 0 && at.getDay() < 6))) next.push(at.getTime());
    }
    return { reading: `${fields[3] === "*" ? "every day" : "every weekday"} at ${two(hour)}:${two(minute)}`, next, error: null };
  }

  async testConnection(_node: NodeId | null, entry: NodeEntry, _secrets: SecretEntry[], onCheck: (check: CheckView) => void): Promise<CheckView[]> {
    const checks: CheckView[] = [];
    const add = async (check: Partial<CheckView>) => {
      await this.#wait(0.3);
      const one: CheckView = { capability: "ssh", what: "reachable", title: "", outcome: "passed", detail: "", advice: null, presented: null, took_ms: 31, ...check };
      checks.push(one);
      onCheck(one);
    };
    const endpoint = `${entry.address ?? "10.77.0.2"}:22`;
    const role = "`pveum role add WakeHub --privs VM.Audit,VM.PowerMgmt,Sys.Audit`";
    const notTried = "not tried, because something before it failed";
    if (entry.mac) await add({ capability: "wol", what: "packets", title: "Wake-on-LAN is set up", detail: `${entry.mac}: eth0 10.77.0.255:9`, took_ms: 0 });
    if (entry.ssh) {
      await add({ title: "SSH answers", detail: `${endpoint} accepts connections` });
      const accepted = this.#accepted.has(endpoint);
      const presented: Presented = { kind: "host_key", endpoint, algorithm: "ssh-ed25519", fingerprint: "SHA256:Hq3v9TzWm2Lc8KpX0aYdRfUe6sNbGj1i4oVtCzE7wPx", accepted: null };
      await add({ what: "trusted", title: "Host key", outcome: accepted ? "passed" : "failed", detail: accepted ? `${presented.algorithm} ${presented.fingerprint}, accepted before` : `the host key of ${endpoint} is not accepted yet: ${presented.fingerprint}`, presented: accepted ? null : presented });
      await add({ what: "login", title: `Log in as ${entry.ssh.user}`, outcome: accepted ? "passed" : "skipped", detail: accepted ? "with key ~/.ssh/id_ed25519" : notTried });
      if (accepted) await add({ what: "sudo", title: "May shut down", outcome: "warning", detail: "sudo allows no shutdown command without a password", advice: `log in as root, or add to sudoers: ${entry.ssh.user} ALL=(root) NOPASSWD: /usr/bin/systemctl` });
    }
    if (entry.proxmox_api && this.scenario === "empty") {
      const url = new URL(entry.proxmox_api.url);
      const certificate: Presented = { kind: "certificate", endpoint: url.host, algorithm: "CN=machine2", fingerprint: "8A:1F:C2:5D:77:03:B9:4E:61:AA:0C:9D:E4:38:F5:12:6B:D0:97:2E:43:B8:5A:C1:0F:7D:96:E3:24:8B:50:FA", accepted: null };
      const isTrusted = this.#accepted.has(url.host);
      await add({ capability: "proxmox_api", what: "trusted", title: "Certificate", outcome: isTrusted ? "passed" : "failed", detail: isTrusted ? "the certificate is the accepted one, or this system trusts it" : `the certificate of ${url.host} is not accepted yet: ${certificate.fingerprint}`, presented: isTrusted ? null : certificate });
      await add({ capability: "proxmox_api", what: "privileges", title: "The token has the rights it needs", outcome: isTrusted ? "passed" : "skipped", detail: isTrusted ? "found: VM.Audit on /vms, VM.PowerMgmt on /vms, Sys.Audit on /nodes/machine2" : notTried, took_ms: 88 });
    } else if (entry.proxmox_api) await add({ capability: "proxmox_api", what: "privileges", title: "The token has the rights it needs", outcome: "failed", detail: "found: VM.Audit on /vms; missing: VM.PowerMgmt on /vms", advice: `On the machine: ${role}, then \`pveum acl modify / --roles WakeHub --tokens 'root@pam!wakehub'\`. A token with privilege separation has only what it and its user root@pam both have: grant the role to the user too (\`--users root@pam\`).`, took_ms: 88 });
    if (entry.docker_api) await add({ capability: "docker_api", what: "version", title: "Docker answers", detail: "Engine 27.3, API 1.47", took_ms: 4 });
    return checks;
  }

  async accept(presented: Presented): Promise<void> {
    this.#accepted.add(presented.endpoint);
    this.#change((snapshot) => {
      for (const connection of snapshot.connections) {
        if (connection.failure?.presented?.endpoint === presented.endpoint) Object.assign(connection, { failure: null, status: "answers", seen: this.now() });
      }
    });
  }

  async discover(node: NodeId): Promise<number> {
    await this.#wait(0.5);
    const entry = this.#world.entries.get(node);
    if (entry && (entry.proxmox_api || entry.docker_api) && !this.#looked.has(node) && this.scenario === "empty") {
      this.#looked.add(node);
      this.#change((snapshot) => {
        snapshot.discovered.push(...guestsOf(node, entry));
        Object.assign(this.#node(node), { power: "on", seen: this.now(), to_configure: 10 });
      });
    }
    return this.#world.snapshot.discovered.filter((one) => one.host === node).length;
  }

  async scan(sweep: boolean, onFound: (found: FoundAddress) => void): Promise<void> {
    const configured = (address: string) => this.#world.snapshot.nodes.find((node) => node.address === address)?.id ?? null;
    const all: Omit<FoundAddress, "node">[] = [
      { address: "10.77.0.254", mac: "52:54:00:00:00:fe", name: "gateway.lan", vendor: null, source: "neighbours" },
      { address: "10.77.0.2", mac: "52:54:00:00:00:02", name: "machine2.lan", vendor: "QEMU", source: "neighbours" },
      { address: "10.77.0.3", mac: "52:54:00:00:00:03", name: null, vendor: "Synology", source: "neighbours" },
      { address: "10.77.0.3", mac: "52:54:00:00:00:03", name: "nas.local", vendor: "Synology", source: "mdns" },
      { address: "10.77.0.4", mac: "52:54:00:00:00:04", name: "raspberry.local", vendor: "Raspberry Pi", source: "mdns" },
      { address: "10.77.0.1", mac: "52:54:00:00:00:01", name: "machine1.lan", vendor: "QEMU", source: "neighbours" },
      { address: "fe80::5054:ff:fe00:9", mac: "52:54:00:00:00:09", name: null, vendor: null, source: "neighbours" },
    ];
    if (sweep) all.push({ address: "10.77.0.20", mac: "52:54:00:00:00:14", name: null, vendor: "Synology", source: "neighbours" });
    for (const found of all) {
      await this.#wait(0.2);
      onFound({ ...found, node: configured(found.address) });
    }
  }

  /** Whether the demo stands in the place of the scenario. */
  #demo = false;

  async leaveDemo(): Promise<void> {
    await this.#wait(0.5);
    this.#demo = false;
    const world = scenarios.empty!(this.now());
    this.#world.entries = world.entries;
    this.#tell();
    this.#change((snapshot) => Object.assign(snapshot, { ...world.snapshot, revision: snapshot.revision }));
  }

  async startDemo(): Promise<void> {
    await this.#wait(0.5);
    this.#demo = true;
    const world = scenarios.evening!(this.now());
    this.#world.entries = world.entries;
    this.#tell();
    const notices = [{ severity: "remark", code: "demo", message: "This is the demo homelab" }];
    this.#change((snapshot) => Object.assign(snapshot, { ...world.snapshot, notices, revision: snapshot.revision }));
  }

  async importHomelab(text: string) {
    const lines = text.split("\n");
    const bad = lines.findIndex((line) => /^\s*[a-z_]+\s*$/.test(line));
    if (bad >= 0) throw { kind: "entry", errors: [{ field: null, line: bad + 1, message: "expected `=` after a key" }] } satisfies CommandError;
    const unknown = lines.findIndex((line) => line.startsWith("colour"));
    if (unknown >= 0) throw { kind: "entry", errors: [{ field: "colour", line: unknown + 1, message: "unknown field `colour`" }] } satisfies CommandError;
    const names = lines.flatMap((line) => /^name = "(.+)"/.exec(line)?.[1] ?? []);
    for (const name of names) await this.saveNode(null, { name, kind: "machine", ssh: { user: "root", auth: "password", port: 22 }, pinned: true }, []);
    return { added: names, changed: [], missing_secrets: names.map((name): [string, SecretName] => [name, "ssh-password"]) };
  }

  async exportHomelab(): Promise<string> {
    return [...this.#world.entries.values()].map((entry) => `[[node]]\nname = "${entry.name}"\nkind = "${entry.kind}"\n`).join("\n");
  }

  async journal(query: JournalQuery): Promise<JournalLine[]> {
    const text = query.text?.toLowerCase();
    return this.#journal
      .filter((line) => query.node === null || line.node === query.node)
      .filter((line) => query.cascade === null || line.cascade === query.cascade)
      .filter((line) => !query.kinds?.length || query.kinds.includes(line.kind))
      .filter((line) => line.at >= (query.from ?? -Infinity) && line.at < (query.to ?? Infinity))
      .filter((line) => !text || `${line.message} ${line.reason ?? ""}`.toLowerCase().includes(text))
      .filter((line) => query.before === null || line.id < query.before)
      .sort((a, b) => b.id - a.id)
      .slice(0, query.limit ?? 100);
  }

  async exportJournal(query: JournalQuery, format: JournalFormat): Promise<string> {
    const lines = (await this.journal({ ...query, limit: query.limit ?? 100_000 })).reverse();
    if (format === "json_lines") return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const cell = (text: string | number | null) => `"${String(text ?? "").replaceAll('"', '""')}"`;
    const record = (line: JournalLine) => [line.id, new Date(line.at).toISOString(), line.kind, line.node_name, line.cascade, line.message, line.reason].map(cell);
    return ["id,time,kind,node,cascade,message,reason", ...lines.map((line) => record(line).join(","))].map((line) => `${line}\r\n`).join("");
  }

  async openUrl(): Promise<void> {}

  async settings(): Promise<SettingsView> {
    return structuredClone(this.#settings);
  }

  async setSetting<K extends keyof SettingsView>(key: K, value: SettingsView[K]): Promise<void> {
    if (this.scenario === "troubled") throw other("the database does not take it: disk full");
    this.#settings[key] = value;
  }

  async platform(): Promise<Platform> {
    return { version: "0.1.0", tray: this.scenario !== "troubled", keyring: this.scenario !== "troubled", data_dir: "~/.local/share/wakehub", demo: this.#demo };
  }

  async access(): Promise<ApiStatus> {
    this.#ownersOnly();
    return structuredClone(this.#access);
  }

  async setAccess(access: ApiAccess): Promise<ApiStatus> {
    this.#ownersOnly();
    const { ip, port } = listenOf(access.listen);
    if (needsYes(access)) throw refusal("listen", `${access.listen} can be reached by others, and plain HTTP shows the tokens`);
    const isTaken = access.tcp && port === 80;
    const hosts = reach(ip) === "this_computer" ? ["localhost"] : ip === "0.0.0.0" ? ["192.168.1.5", "localhost"] : [ip];
    this.#access = {
      ...this.#access,
      access,
      listening: access.tcp && !isTaken ? access.listen : null,
      urls: access.tcp && !isTaken ? hosts.map((host) => `http://${host}:${port}`) : [],
      failure: isTaken ? `failed to listen on ${access.listen}: Address already in use (os error 98)` : null,
    };
    return this.access();
  }

  async addToken({ name, scope }: NewApiToken): Promise<ShownApiToken> {
    this.#ownersOnly();
    if (this.scenario === "troubled") throw other("the token could not be kept: the keyring is locked");
    const id = (this.#next++).toString(36).padStart(4, "0");
    const entry = { id, name, scope, created: this.now(), used: null };
    this.#access.tokens.push(entry);
    return { entry, token: `wh-${id}-${"7k2m9qwx".repeat(4).slice(0, 26)}` };
  }

  async removeToken(id: string): Promise<void> {
    this.#ownersOnly();
    this.#access.tokens = this.#access.tokens.filter((token) => token.id !== id);
  }

  signOut(): void {}

  #ownersOnly(): void {
    if (this.right !== "owner") throw other("this needs the owner");
  }

  async #work(id: CascadeId, questions: { node: NodeId; node_name: string; reason: string }[]): Promise<void> {
    const cascade = () => this.#world.snapshot.cascades.find((one) => one.id === id);
    const count = cascade()?.steps.length ?? 0;
    for (let index = 0; index < count; index += 1) {
      const running = cascade();
      if (!running || running.cancelling) return this.#end(id, "cancelled");
      this.#change(() => {
        const step = running.steps[index]!;
        Object.assign(step, { status: "running", begun: this.now(), detail: step.channel === "wol" ? "1 magic packet sent, no answer yet" : null });
        for (const one of running.steps) if (one.node !== null) this.#node(one.node).cascade = id;
        if (step.node !== null) Object.assign(this.#node(step.node), { power: running.action === "start" ? "starting" : "stopping", since: this.now(), cause: null });
      });
      await this.#wait(1);
      this.#change(() => {
        const step = running.steps[index]!;
        Object.assign(step, { status: "done", ended: this.now(), detail: null });
        if (step.node !== null) Object.assign(this.#node(step.node), { power: running.action === "start" ? "on" : "off", since: this.now(), seen: this.now() });
      });
    }
    this.#end(id, "completed");
    this.#change((snapshot) => {
      for (const next of questions) snapshot.questions.push({ id: (this.#next += 1), node: next.node, node_name: next.node_name, reason: next.reason.replace(" then", ""), asked_at: this.now(), stops_at: null });
    });
  }

  #end(id: CascadeId, status: "completed" | "cancelled"): void {
    this.#change((snapshot) => {
      for (const cascade of snapshot.cascades) {
        if (cascade.id !== id) continue;
        Object.assign(cascade, { status, ended: this.now(), cancelling: false });
        for (const step of cascade.steps) if (step.status === "waits") step.status = "cancelled";
        this.#note(cascade.action, cascade.node, `You ${cascade.action === "start" ? "started" : "stopped"} ${cascade.node_name}`, `${cascade.steps.length} steps`);
      }
      for (const node of snapshot.nodes) if (node.cascade === id) node.cascade = null;
    });
  }

  /** Changes one node after the other, so many a second. What did not change is shared, so that the sender costs little. */
  stir(rate: number): void {
    let turn = 0;
    setInterval(() => {
      for (let n = 0; n < rate / 100; n += 1) {
        turn += 1;
        const { snapshot } = this.#world;
        const at = turn % snapshot.nodes.length;
        const node = { ...snapshot.nodes[at]!, note: `seen ${turn} times`, seen: this.now(), power: turn % 7 === 0 ? ("off" as const) : ("on" as const) };
        this.#world.snapshot = { ...snapshot, revision: snapshot.revision + 1, at: this.now(), nodes: snapshot.nodes.with(at, node) };
        for (const listener of this.#listeners) listener(this.#world.snapshot);
      }
    }, 10);
  }

  /** A part of the pace; for ever when the pace is 0, so that a picture can be taken. */
  #wait(part: number): Promise<void> {
    return new Promise((done) => {
      if (this.pace > 0) setTimeout(done, this.pace * part);
      else if (part < 1) done();
    });
  }

  #node(id: NodeId): NodeView {
    const node = this.#world.snapshot.nodes.find((one) => one.id === id);
    if (!node) throw other("this node is gone");
    return node;
  }

  /** The names along which the node would need itself, if it would. */
  #cycle(id: NodeId | null, entry: NodeEntry): string[] | null {
    const nodes = this.#world.snapshot.nodes;
    const needs = (name: string): string[] => {
      if (name === entry.name) return [...(entry.depends_on ?? []), ...(entry.host ? [entry.host] : [])];
      const node = nodes.find((one) => one.name === name);
      return node ? [...node.depends_on, ...(node.host === null ? [] : [node.host])].map((one) => nodes.find((other) => other.id === one)?.name ?? "") : [];
    };
    const walk = (path: string[]): string[] | null => {
      for (const next of needs(path.at(-1)!)) {
        if (next === entry.name) return [...path, next];
        const found = path.includes(next) ? null : walk([...path, next]);
        if (found) return found;
      }
      return null;
    };
    return id === null ? null : walk([entry.name]);
  }

  #copy(): Snapshot {
    return structuredClone(this.#world.snapshot);
  }

  #change(edit: (snapshot: Snapshot) => void): void {
    edit(this.#world.snapshot);
    this.#world.snapshot.revision += 1;
    this.#world.snapshot.at = this.now();
    for (const listener of this.#listeners) listener(this.#copy());
  }

  #note(kind: string, node: NodeId | null, message: string, reason: string | null, at = this.now(), cascade: CascadeId | null = null): void {
    const name = this.#world.snapshot.nodes.find((one) => one.id === node)?.name ?? null;
    this.#journal.push({ id: this.#journal.length + 1, at, kind, node, node_name: name, cascade, message, reason });
  }

  #tell(): void {
    const now = this.now();
    const idOf = (name: string) => this.#world.snapshot.nodes.find((one) => one.name === name)?.id ?? null;
    const past = (action: Action, target: string, steps: [string, string][], hours: number, pace: number, end = "completed", why: string | null = null) => {
      const cascade = (this.#next += 1);
      const from = now - hours * 3_600_000;
      const note = (kind: string, name: string, message: string, reason: string | null, at: number) => this.#note(kind, idOf(name), message, reason, at, cascade);
      note(action, target, `begin to ${action} ${target}`, `in this order: ${steps.map(([name]) => name).join(", ")}`, from);
      steps.forEach(([name, reason], at) => {
        const failed = end === "failed" && at === steps.length - 1;
        note(failed ? "error" : "step", name, `${name}: ${action} ${failed ? "failed" : "done"}`, failed ? why : reason, from + (at + 1) * pace);
      });
      note(action, target, `the ${action} of ${target} ${end}`, why, from + steps.length * pace);
    };
    const asked = "you asked for it";
    past("stop", "sandbox", [["sandbox", asked]], 3.02 * 24, 3000);
    this.#note("edit", idOf("nas"), "nas was added", null, now - 52 * 3_600_000);
    this.#note("decision", idOf("lxc-jellyfin"), "refused to stop lxc-jellyfin", "lxc-jellyfin is locked by its platform (backup)", now - 30 * 3_600_000);
    past("stop", "qbittorrent", [["qbittorrent", "it is not used"]], 22, 4000);
    past("stop", "lxc-jellyfin", [["lxc-jellyfin", "it is not used"]], 5, 6000);
    this.#note("state", idOf("lxc-cloudflared"), "lxc-cloudflared is on", "seen, not asked for", now - 220 * 60_000);
    past("start", "lxc-jellyfin", [["nas", "needed by lxc-jellyfin"], ["lxc-jellyfin", asked]], 2.3, 23_000);
    this.#note("decision", idOf("nas"), "nas stays on: needed by lxc-jellyfin", null, now - 0.3 * 3_600_000);
    past("start", "nextcloud", [["nextcloud", asked]], 0.1, 2000, "failed", "failed to start nextcloud: Bind for 0.0.0.0:8080 failed: port is already allocated");
    this.#note("question", idOf("lxc-cloudflared"), "asked whether to shut lxc-cloudflared down", "it has not been used for 30 min", now - 60_000);
    this.#note("start", idOf("jellystat"), "begin to start jellystat", "in this order: machine1, vm-docker, jellystat", now - 53_000, 31);
    this.#note("step", idOf("machine1"), "machine1: start done", "hosts vm-docker", now - 12_000, 31);
  }
}

function pick(step: PlanStepView) {
  const { node, node_name, action, channel, reason, timeout_ms, usual_ms } = step;
  return { node, node_name, action, channel, reason, timeout_ms, usual_ms };
}

function other(message: string): CommandError {
  return { kind: "other", message };
}

function refusal(field: string, message: string): CommandError {
  return { kind: "entry", errors: [{ field, line: null, message }] };
}
