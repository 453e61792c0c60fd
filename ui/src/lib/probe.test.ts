import { beforeEach, describe, expect, it } from "vitest";
import type { IdleRule, UseProbe } from "./backend/bindings";
import { check, draftOf, entryOf, missingSecrets, secretsFor, typedSecrets } from "./entry";
import { words } from "./i18n/index.svelte";
import { idleDraft, idleErrors, idleKeys, ruleOf } from "./idle";
import { likelyService, likelyUrl, loginOf, probeDraft, probeErrors, probeOf, type ProbeDraft } from "./probe";

beforeEach(() => words.choose("en"));

const url = "http://10.0.0.21:8096";
const certificate = "8A:1F:C2:5D:77:03:B9:4E:61:AA:0C:9D:E4:38:F5:12:6B:D0:97:2E:43:B8:5A:C1:0F:7D:96:E3:24:8B:50:FA";
const ruleWith = (probe: UseProbe): IdleRule => ({ criteria: { probe } });
const back = (probe: UseProbe) => ruleOf(idleDraft(ruleWith(probe)))?.criteria?.probe;

describe("a question through the form and back", () => {
  it.each<[string, UseProbe]>([
    ["Jellyfin", { jellyfin: { url } }],
    ["Jellyfin with all of it", { jellyfin: { url: "https://film/jellyfin", paused: false, tasks: true, certificate } }],
    ["Jellyfin with the usual spelt out", { jellyfin: { url, paused: true, tasks: false } }],
    ["Plex", { plex: { url, paused: false } }],
    ["qBittorrent", { qbittorrent: { url } }],
    ["qBittorrent with an odd limit", { qbittorrent: { url, user: "admin", upload_bytes_per_second: 12_345 } }],
    ["Syncthing", { syncthing: { url, scanning: false, certificate } }],
    ["a status", { http: { url, status: 204, means: "not_used" } }],
    ["a value", { http: { url, pointer: "/sessions/0/playing" } }],
    ["the whole answer", { http: { url, pointer: "", more_than: 0 } }],
    ["a text and a value", { http: { url, pointer: "/a~1b", equals: "playing", text: " is played ", means: "used" } }],
    ["equal to a word", { http: { url, pointer: "/a", equals: "true" } }],
    ["equal to nothing", { http: { url, pointer: "/a", equals: "" } }],
    ["equal to a number in quotation marks", { http: { url, pointer: "/a", equals: "3" } }],
    ["equal to a quoted word", { http: { url, pointer: "/a", equals: '"x"' } }],
    ["equal to false", { http: { url, pointer: "/a", equals: false } }],
    ["equal to a number", { http: { url, pointer: "/a", equals: -2.5 } }],
    ["a header", { http: { url, text: "x", header: "X-Api-Key" } }],
    ["a parameter", { http: { url, text: "x", parameter: "apikey" } }],
    ["a password", { http: { url, text: "x", user: "me" } }],
    ["a command", { ssh: { command: "pgrep -x rsync" } }],
  ])("%s stays as it was", (_what, probe) => {
    expect(back(probe)).toEqual(probe);
    expect(probeErrors(probeDraft(probe))).toEqual([]);
  });

  it("is left out while its box is not ticked, and is there again when it is", () => {
    const rule: IdleRule = { criteria: { cpu: {}, probe: { plex: { url, paused: false } } } };
    const draft = idleDraft(rule);
    draft.on.probe = false;
    expect(ruleOf(draft)).toEqual({ criteria: { cpu: {} } });
    draft.on.probe = true;
    expect(ruleOf(draft)).toEqual(rule);
  });

  it("of another service keeps the address, and nothing that the other does not know", () => {
    const before: UseProbe = { jellyfin: { url, tasks: true } };
    expect(JSON.parse(JSON.stringify(probeOf({ ...probeDraft(before), service: "plex" }, before)))).toEqual({ plex: { url } });
  });

  it("counts sending in KiB", () => {
    const probe = { ...probeDraft({ qbittorrent: { url } }), upload: "1,5" };
    expect(probeOf(probe, null)).toMatchObject({ qbittorrent: { upload_bytes_per_second: 1536 } });
  });
});

describe("what is wrong with a question", () => {
  const of = (service: ProbeDraft["service"], change: Partial<ProbeDraft>) => probeErrors({ ...probeDraft(null), service, url, ...change }).map(([key]) => key.replace(`idle.criteria.probe.${service}`, "").replace(/^\./, ""));
  it.each<[ProbeDraft["service"], Partial<ProbeDraft>, string[]]>([
    ["jellyfin", {}, []],
    ["jellyfin", { url: "" }, ["url"]],
    ["jellyfin", { url: "10.0.0.21:8096" }, ["url"]],
    ["jellyfin", { url: "ftp://10.0.0.21" }, ["url"]],
    ["jellyfin", { url: "http://host:0" }, ["url"]],
    ["jellyfin", { url: "http://host:70000" }, ["url"]],
    ["jellyfin", { url: "http://a b" }, ["url"]],
    ["jellyfin", { url: "http://[fd00::1]:8096/base" }, []],
    ["jellyfin", { url: `${url}/web/#!/home` }, ["url"]],
    ["jellyfin", { certificate: "8A:1F" }, ["certificate"]],
    ["jellyfin", { certificate: `sha256 Fingerprint=${certificate}` }, []],
    ["qbittorrent", { user: "a:b" }, ["user"]],
    ["qbittorrent", { upload: "fast" }, ["upload_bytes_per_second"]],
    ["qbittorrent", { upload: "12300000" }, ["upload_bytes_per_second"]],
    ["http", { url: "http://me:secret@host/" }, ["url", "url"]],
    ["http", { url: `${url}/?X-Api-Key=abc` }, ["url"]],
    ["http", { url: `${url}/?key=1&full=1` }, []],
    ["http", { url: `${url}/#a` }, ["url"]],
    ["http", { asksValue: false }, [""]],
    ["http", { pointer: "sessions" }, ["pointer"]],
    ["http", { pointer: "/a~2" }, ["pointer"]],
    ["http", { compare: "equals" }, ["equals"]],
    ["http", { compare: "more", value: "many" }, ["more_than"]],
    ["http", { asksText: true }, ["text"]],
    ["http", { asksStatus: true, status: "99" }, ["status"]],
    ["http", { login: "header", loginName: "X Key" }, ["header"]],
    ["http", { login: "parameter" }, ["parameter"]],
    ["http", { login: "user", loginName: "a:b" }, ["user"]],
    ["ssh", { command: " " }, ["command"]],
  ])("%s %j", (service, change, keys) => expect(of(service, change)).toEqual(keys));

  it("stands at a field of the form, and only where it is asked", () => {
    const draft = idleDraft({ criteria: { probe: { http: { url: "" } } } });
    const keys = idleErrors(draft).map(([key]) => key);
    expect(keys).toEqual(["idle.criteria.probe.http.url", "idle.criteria.probe.http"]);
    expect(keys.filter((key) => !idleKeys.includes(key))).toEqual([]);
    draft.on.probe = false;
    expect(idleErrors(draft)).toEqual([]);
  });

  it("a port is one, and without logins there has to be one", () => {
    const draft = idleDraft({ criteria: { last_access: { logins: false, port: 22 } } });
    const keys = (port: string) => idleErrors({ ...draft, access: { logins: false, port } }).map(([key]) => key);
    expect(keys("25565")).toEqual([]);
    expect(keys("")).toEqual(["idle.criteria.last_access.logins"]);
    expect(keys("70000")).toEqual(["idle.criteria.last_access.port"]);
  });
});

describe("its secret", () => {
  const draft = (probe: UseProbe) => draftOf({ name: "film", kind: "lxc", host: "pve", platform_id: "101", idle: ruleWith(probe) });
  it("is kept apart from the entry", () => {
    const one = draft({ jellyfin: { url } });
    one.secrets = { probe: "abc" };
    expect(check(one, new Set())).toEqual({});
    expect(typedSecrets(one)).toEqual([{ name: "probe", value: "abc" }]);
    expect(JSON.stringify(entryOf(one))).not.toContain("abc");
  });

  it.each<[UseProbe, "none" | "optional" | "required"]>([
    [{ jellyfin: { url } }, "required"],
    [{ syncthing: { url } }, "required"],
    [{ plex: { url } }, "optional"],
    [{ qbittorrent: { url } }, "optional"],
    [{ qbittorrent: { url, user: "me" } }, "required"],
    [{ http: { url, text: "x" } }, "none"],
    [{ http: { url, text: "x", header: "X-Api-Key" } }, "required"],
    [{ ssh: { command: "true" } }, "none"],
  ])("%j: %s", (probe, login) => {
    expect(loginOf(probeDraft(probe))).toBe(login);
    expect(secretsFor(draft(probe))).toEqual(login === "none" ? [] : ["probe"]);
    expect(missingSecrets(draft(probe), new Set())).toEqual(login === "required" ? ["probe"] : []);
    expect(missingSecrets(draft(probe), new Set(["probe"]))).toEqual([]);
  });
});

it("begins with what the node is called, and where its page is", () => {
  expect(likelyService("lxc-Jellyfin", "lxc")).toBe("jellyfin");
  expect(likelyService("qbittorrent", "container")).toBe("qbittorrent");
  expect(likelyService("nas", "machine")).toBe("ssh");
  expect(likelyUrl("jellyfin", { url: "http://10.0.0.21:8096/web/index.html#!/home", address: "" })).toBe(url);
  expect(likelyUrl("plex", { url: "", address: "10.0.0.22" })).toBe("http://10.0.0.22:32400");
  expect(likelyUrl("syncthing", { url: "", address: "fd00::2" })).toBe("http://[fd00::2]:8384");
  expect(likelyUrl("http", { url: "", address: "10.0.0.22" })).toBe("");
});
