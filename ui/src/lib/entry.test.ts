import { describe, expect, it } from "vitest";
import { entries } from "./backend/fake/homelab";
import { check, draftOf, emptyDraft, entryOf, secretsFor, sortErrors, typedSecrets, fieldKeys, type Draft } from "./entry";

const nobody = new Set<string>();
const machine = (change: Partial<Draft> = {}): Draft => ({ ...emptyDraft("machine"), name: "nas", ...change });

describe("an entry through the form and back", () => {
  it.each(entries().map((entry) => [entry.name, entry] as const))("%s stays as it was", (_name, entry) => {
    expect(entryOf(draftOf(entry))).toEqual(JSON.parse(JSON.stringify(entry)));
  });

  it("keeps what the form does not show", () => {
    const idle = { timeout_minutes: 30, criteria: { cpu: { cores: 0.5 } } };
    expect(entryOf(draftOf({ name: "a", kind: "machine", idle })).idle).toEqual(idle);
    const schedules = [{ action: "stop" as const, cron: "30 23 * * *" }];
    const windows = [{ from: "22:00", to: "07:00" }];
    const timed = entryOf(draftOf({ name: "a", kind: "machine", schedules, auto_stop_windows: windows }));
    expect([timed.schedules, timed.auto_stop_windows]).toEqual([schedules, windows]);
  });

  it("keeps every field that there is", () => {
    const full = {
      name: "box",
      kind: "machine" as const,
      depends_on: ["nas"],
      address: "10.0.0.9",
      mac: "52:54:00:00:00:09",
      wol: { broadcast: "10.0.0.255", interface: "eth1" },
      ssh: { user: "me", auth: "password" as const, port: 2222, jump: { address: "gate", user: "hop", auth: "key" as const, key_file: "~/k", port: 22 } },
      proxmox_api: { url: "https://10.0.0.9:8006", node: "pve", user: "root@pam" },
      docker_api: { url: "tcp://10.0.0.9:2376", cert_path: "~/certs" },
      pinned: true,
      url: "http://10.0.0.9",
      open_when_started: true,
      readiness: { tcp: "8080" },
      start_timeout_seconds: 300,
      stop_timeout_seconds: 200,
      confirm_before_auto_stop: false,
      always_on: true,
      stop_when_empty: true,
      force_stop: true,
      power_off: "suspend" as const,
      shutdown_command: "shutdown /s /t 0",
      watts_on: 42.5,
      watts_suspended: 2,
      note: "in the cellar",
      tags: ["big", "loud"],
    };
    expect(entryOf(draftOf(full))).toEqual(full);
  });
});

describe("what happens by the clock", () => {
  it("is refused at its field, here and by the engine", () => {
    const draft = machine({ schedules: [{ action: "start", cron: "0 18 * *" }], windows: [{ from: "25:00", to: "07:00" }] });
    expect(Object.keys(check(draft, nobody)).filter((key) => /^(schedules|auto)/.test(key))).toEqual(["schedules.0.cron", "auto_stop_windows.0.from"]);
    const said = { field: "schedules.0.cron", line: null, message: "no" };
    expect(sortErrors([said], fieldKeys)).toEqual({ fields: { "schedules.0.cron": "no" }, rest: [] });
    const elsewhere = { field: "schedules.0.time_zone", line: null, message: "no" };
    expect(sortErrors([elsewhere], fieldKeys).rest).toEqual([elsewhere]);
  });
});

describe("what a kind cannot have is not sent", () => {
  it("a container has neither SSH nor an API of its own", () => {
    const draft = { ...draftOf(entries()[0]!), kind: "container" as const, host: "vm-docker", platformId: "x" };
    expect(entryOf(draft)).not.toHaveProperty("ssh");
    expect(entryOf(draft)).not.toHaveProperty("proxmox_api");
    expect(entryOf(draft)).not.toHaveProperty("mac");
    expect(secretsFor(draft)).toEqual([]);
  });

  it("a machine has no host", () => {
    expect(entryOf(machine({ host: "other", platformId: "1" }))).toEqual({ name: "nas", kind: "machine" });
  });
});

describe("limits", () => {
  it.each<[string, Partial<Draft>, string | null]>([
    ["a name of 64 characters", { name: "x".repeat(64) }, null],
    ["a name of 65 characters", { name: "x".repeat(65) }, "name"],
    ["64 characters outside the basic plane", { name: "😀".repeat(64) }, null],
    ["an empty name", { name: "  " }, "name"],
    ["a name with a line break", { name: "a\nb" }, "name"],
    ["a name that is taken", { name: "machine1" }, "name"],
    ["a MAC with dashes", { hasWol: true, address: "n", mac: "52-54-00-00-00-03" }, null],
    ["a MAC too short", { hasWol: true, address: "n", mac: "52:54:00:00:00" }, "mac"],
    ["SSH without an address", { hasSsh: true }, "address"],
    ["port 0", { hasSsh: true, address: "n", ssh: { user: "root", auth: "agent", keyFile: "", port: "0" } }, "ssh.port"],
    ["port 65536", { hasSsh: true, address: "n", ssh: { user: "root", auth: "agent", keyFile: "", port: "65536" } }, "ssh.port"],
    ["a key login without a key", { hasSsh: true, address: "n", ssh: { user: "root", auth: "key", keyFile: "", port: "22" } }, "ssh.key_file"],
    ["Docker over SSH without SSH", { hasDocker: true }, "docker_api.url"],
    ["Proxmox without TLS", { hasProxmox: true, proxmox: { url: "http://h:8006", node: "pve", login: "token", tokenId: "root@pam!w", user: "" } }, "proxmox_api.url"],
    ["a token without its name", { hasProxmox: true, proxmox: { url: "https://h:8006", node: "pve", login: "token", tokenId: "root@pam", user: "" } }, "proxmox_api.token_id"],
    ["a time of 0 s", { startTimeout: "0" }, "start_timeout_seconds"],
    ["a time in words", { stopTimeout: "soon" }, "stop_timeout_seconds"],
    ["watts with a comma", { wattsOn: "42,5" }, null],
    ["a page that is none", { url: "javascript:alert(1)" }, "url"],
  ])("%s", (_name, change, field) => {
    expect(Object.keys(check(machine(change), new Set(["machine1"])))).toEqual(field === null ? [] : [field]);
  });

  it("a guest needs a host and what the host calls it", () => {
    expect(Object.keys(check({ ...emptyDraft("lxc"), name: "a" }, nobody))).toEqual(["host", "platform_id"]);
    expect(check({ ...emptyDraft("lxc"), name: "a", host: "h", platformId: "abc" }, nobody)).toHaveProperty("platform_id");
    expect(check({ ...emptyDraft("container"), name: "a", host: "h", platformId: "abc" }, nobody)).toEqual({});
  });
});

describe("secrets", () => {
  it("sends only what is typed and what the configuration asks for", () => {
    const draft = machine({ hasSsh: true, ssh: { user: "root", auth: "password", keyFile: "", port: "22" }, secrets: { "ssh-password": "x", "proxmox-token": "y", "ssh-passphrase": "" } });
    expect(typedSecrets(draft)).toEqual([{ name: "ssh-password", value: "x" }]);
  });
});

describe("a refusal of the engine", () => {
  it("stands at the field it names, or at the nearest one above", () => {
    const { fields, rest } = sortErrors(
      [
        { field: "ssh.key_file", line: null, message: "no such file" },
        { field: "readiness.tcp", line: null, message: "no port" },
        { field: "colour", line: null, message: "unknown" },
        { field: null, line: null, message: "a cycle" },
      ],
      fieldKeys,
    );
    expect(fields).toEqual({ "ssh.key_file": "no such file", readiness: "no port" });
    expect(rest.map((error) => error.message)).toEqual(["unknown", "a cycle"]);
  });
});
