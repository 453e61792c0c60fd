// The question that a rule asks the service itself: what the form's fields hold while somebody types, and what comes of it. What
// the form does not know of a question stays as it was.
import type { HttpProbe, NodeKind, Scalar, UseProbe } from "./backend/bindings";
import { m } from "./i18n/index.svelte";

export const services = ["jellyfin", "plex", "qbittorrent", "syncthing", "http", "ssh"] as const;
export type Service = (typeof services)[number];

/** How a page of somebody's own is told the secret. */
export const logins = ["none", "header", "parameter", "user"] as const;
export type Login = (typeof logins)[number];

export const compares = ["set", "equals", "more"] as const;
export type Compare = (typeof compares)[number];

export interface ProbeDraft {
  service: Service;
  url: string;
  certificate: string;
  /** Of Jellyfin and Plex. */
  paused: boolean;
  tasks: boolean;
  scanning: boolean;
  /** Of qBittorrent. */
  user: string;
  /** KiB a second; nothing: sending is no use. */
  upload: string;
  asksValue: boolean;
  pointer: string;
  compare: Compare;
  value: string;
  asksText: boolean;
  text: string;
  asksStatus: boolean;
  status: string;
  means: "used" | "not_used";
  login: Login;
  /** Of the header or the parameter, or the user. */
  loginName: string;
  command: string;
}

export function serviceOf(probe: UseProbe | null | undefined): Service | null {
  return services.find((one) => probe && one in probe) ?? null;
}

type Fields = Partial<HttpProbe> & { paused?: boolean; tasks?: boolean; scanning?: boolean; upload_bytes_per_second?: number | null; command?: string };
const fieldsOf = (probe: UseProbe | null | undefined, service: Service): Fields => (probe as Record<string, Fields> | null | undefined)?.[service] ?? {};

const KIB = 1024;

export function probeDraft(probe: UseProbe | null | undefined): ProbeDraft {
  const service = serviceOf(probe) ?? "jellyfin";
  const is = fieldsOf(probe, service);
  const isPage = service === "http" && Boolean(probe);
  const login: Login = is.header != null ? "header" : is.parameter != null ? "parameter" : isPage && is.user != null ? "user" : "none";
  return {
    service,
    url: is.url ?? "",
    certificate: is.certificate ?? "",
    paused: is.paused ?? true,
    tasks: is.tasks ?? false,
    scanning: is.scanning ?? true,
    user: isPage ? "" : (is.user ?? ""),
    upload: shownUpload(is.upload_bytes_per_second),
    asksValue: !isPage || is.pointer != null,
    pointer: is.pointer ?? "",
    compare: is.equals != null ? "equals" : is.more_than != null ? "more" : "set",
    value: is.equals != null ? shownScalar(is.equals) : is.more_than != null ? String(is.more_than) : "",
    asksText: is.text != null,
    text: is.text ?? "",
    asksStatus: is.status != null,
    status: is.status?.toString() ?? "",
    means: is.means ?? "used",
    login,
    loginName: isPage ? (is.header ?? is.parameter ?? is.user ?? "") : "",
    command: is.command ?? "",
  };
}

const shownUpload = (bytes: number | null | undefined) => (bytes == null ? "" : String(Number((bytes / KIB).toFixed(3))));
const number = (text: string) => Number(text.trim().replace(",", "."));
const isNumber = (text: string) => /^-?\d{1,15}([.,]\d{1,15})?$/.test(text.trim());

/** `true`, `3` and `playing` as they are; a text that looks like something else stands in quotation marks. */
function shownScalar(value: Scalar): string {
  if (typeof value !== "string") return String(value);
  return typedScalar(value) === value && value.trim() === value && value !== "" ? value : JSON.stringify(value);
}

function typedScalar(text: string): Scalar {
  const word = text.trim();
  if (word === "true" || word === "false") return word === "true";
  if (isNumber(word)) return number(word);
  if (/^".*"$/s.test(word)) {
    try {
      return JSON.parse(word) as string;
    } catch {
      return word;
    }
  }
  return word;
}

/** The question to be kept. `before` is the one that was read. */
export function probeOf(draft: ProbeDraft, before: UseProbe | null | undefined): UseProbe {
  const { service } = draft;
  const was = fieldsOf(before, service);
  // spelt out where it was, or where it is not the usual
  const flag = (value: boolean, usual: boolean, is: boolean | undefined) => (value === usual && is !== usual ? undefined : value);
  const words = (text: string) => text.trim() || undefined;
  const url = draft.url.trim();
  const certificate = words(draft.certificate);
  switch (service) {
    case "ssh":
      return { ssh: { ...was, command: draft.command.trim() } };
    case "jellyfin":
      return { jellyfin: { ...was, url, paused: flag(draft.paused, true, was.paused), tasks: flag(draft.tasks, false, was.tasks), certificate } };
    case "plex":
      return { plex: { ...was, url, paused: flag(draft.paused, true, was.paused), certificate } };
    case "syncthing":
      return { syncthing: { ...was, url, scanning: flag(draft.scanning, true, was.scanning), certificate } };
    case "qbittorrent": {
      const before = was.upload_bytes_per_second;
      const upload = draft.upload.trim() === "" ? undefined : before != null && draft.upload.trim() === shownUpload(before) ? before : Math.round(number(draft.upload) * KIB);
      return { qbittorrent: { ...was, url, user: words(draft.user), upload_bytes_per_second: upload, certificate } };
    }
    case "http": {
      const { asksValue, asksText, asksStatus, compare, login } = draft;
      const name = draft.loginName.trim();
      return {
        http: {
          ...was,
          url,
          status: asksStatus ? number(draft.status) : undefined,
          pointer: asksValue ? draft.pointer.trim() : undefined,
          equals: asksValue && compare === "equals" ? typedScalar(draft.value) : undefined,
          more_than: asksValue && compare === "more" ? number(draft.value) : undefined,
          text: asksText ? draft.text : undefined,
          means: draft.means === "used" && was.means !== "used" ? undefined : draft.means,
          header: login === "header" ? name : undefined,
          parameter: login === "parameter" ? name : undefined,
          user: login === "user" ? name : undefined,
          certificate,
        },
      };
    }
  }
}

/** Whether the question goes with a secret; an optional one is sent where the keyring has it. */
export function loginOf({ service, user, login }: ProbeDraft): "none" | "optional" | "required" {
  switch (service) {
    case "jellyfin":
    case "syncthing":
      return "required";
    case "plex":
      return "optional";
    case "qbittorrent":
      return user.trim() ? "required" : "optional";
    case "http":
      return login === "none" ? "none" : "required";
    case "ssh":
      return "none";
  }
}

/** Where each listens unless told otherwise. */
const ports: Partial<Record<Service, number>> = { jellyfin: 8096, plex: 32_400, qbittorrent: 8080, syncthing: 8384 };

export function exampleUrl(service: Service, address = "10.0.0.21"): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return service === "http" ? `http://${host}/status` : `http://${host}:${ports[service] ?? 80}`;
}

/** What the node's own page and address suggest; nothing where it has neither. A page of Jellyfin's or Plex' own lies below. */
export function likelyUrl(service: Service, node: { url: string; address: string }): string {
  if (service === "ssh") return "";
  const page = node.url.trim().replace(/[?#].*$/s, "").replace(/\/+$/, "");
  if (/^https?:\/\//i.test(page)) return service === "http" ? page : page.replace(/\/web(\/index\.html)?$/, "");
  const address = node.address.trim();
  return address === "" || service === "http" ? "" : exampleUrl(service, address);
}

/** By what the service's name says, where the node is called like it. */
export function likelyService(name: string, kind: NodeKind): Service {
  const called = name.toLowerCase();
  const found = (["jellyfin", "plex", "qbittorrent", "syncthing"] as const).find((one) => called.includes(one));
  return found ?? (called.includes("emby") ? "jellyfin" : called.includes("torrent") ? "qbittorrent" : kind === "machine" ? "ssh" : "http");
}

const keyNames = ["token", "apikey", "password", "passwd", "secret", "accesskey"];

/** As the engine refuses it, in the words of the form; by the key that the field has in homelab.toml. */
export function probeErrors(draft: ProbeDraft): [string, string][] {
  const wrong: [string, string][] = [];
  const { service } = draft;
  const fault = (key: string, is: boolean, message: string) => is && wrong.push([`idle.criteria.probe.${service}${key && `.${key}`}`, message]);
  if (service === "ssh") {
    fault("command", draft.command.trim() === "" || draft.command.length > 4096, m.errorCommand);
    return wrong;
  }
  const url = draft.url.trim();
  const authority = /^[^:]*:\/\/([^/?#]*)/.exec(url)?.[1] ?? "";
  fault("url", authority.includes("@"), m.errorProbeLogin);
  fault("url", !/^https?:\/\/(\[[0-9a-f:.]+\]|[^\s/?#:@[\]]+)(:\d{1,5})?([/?#]\S*)?$/i.test(url) || Number(/:(\d+)$/.exec(authority)?.[1] ?? 1) > 65_535 || /:0+$/.test(authority), m.errorUrl);
  if (service !== "http") fault("url", /[?#]/.test(url), m.errorProbeBase);
  const digits = draft.certificate.trim().replace(/^.*=/s, "").trim().replace(/^sha256:/i, "");
  fault("certificate", digits !== "" && !/^([0-9a-f][: ]*){64}$/i.test(digits), m.errorCertificate);
  const isUser = (text: string) => /^[^:\u0000-\u001f]{1,256}$/.test(text.trim());
  if (service === "qbittorrent") {
    fault("user", draft.user.trim() !== "" && !isUser(draft.user), m.errorProbeUser);
    fault("upload_bytes_per_second", draft.upload.trim() !== "" && !(/^\d{1,9}([.,]\d{1,9})?$/.test(draft.upload.trim()) && number(draft.upload) * KIB <= 12_500_000_000), m.errorUpload);
  }
  if (service !== "http") return wrong;
  const query = /\?([^#]*)/.exec(url)?.[1] ?? "";
  const hasKey = query.split("&").some((pair) => /=./.test(pair) && keyNames.some((key) => pair.split("=")[0]!.toLowerCase().replace(/[-_]/g, "").includes(key)));
  fault("url", url.includes("#"), m.errorProbeHash);
  fault("url", hasKey, m.errorProbeKey);
  fault("", !draft.asksValue && !draft.asksText && !draft.asksStatus, m.errorProbeNothing);
  if (draft.asksStatus) fault("status", !/^[2-5]\d\d$/.test(draft.status.trim()), m.errorStatus);
  if (draft.asksValue) {
    const pointer = draft.pointer.trim();
    fault("pointer", pointer !== "" && (!pointer.startsWith("/") || pointer.length > 1024 || /~(?![01])/.test(pointer)), m.errorPointer);
    if (draft.compare === "equals") fault("equals", draft.value.trim() === "", m.errorEquals);
    if (draft.compare === "more") fault("more_than", !isNumber(draft.value), m.errorNumber);
  }
  if (draft.asksText) fault("text", draft.text === "" || draft.text.length > 1024, m.errorText);
  const isName = /^[\w!#$%&'*+.^`|~-]{1,256}$/.test(draft.loginName.trim());
  if (draft.login === "header") fault("header", !isName, m.errorHeader);
  if (draft.login === "parameter") fault("parameter", !isName, m.errorParameter);
  if (draft.login === "user") fault("user", !isUser(draft.loginName), m.errorProbeUser);
  return wrong;
}

/** The fields of homelab.toml at which a message can stand. */
export const probeKeys = [
  ...(["jellyfin", "plex", "qbittorrent", "syncthing", "http"] as const).flatMap((service) => ["url", "certificate"].map((field) => `idle.criteria.probe.${service}.${field}`)),
  ...["user", "upload_bytes_per_second"].map((field) => `idle.criteria.probe.qbittorrent.${field}`),
  ...["status", "pointer", "equals", "more_than", "text", "header", "parameter", "user"].map((field) => `idle.criteria.probe.http.${field}`),
  "idle.criteria.probe.http",
  "idle.criteria.probe.ssh.command",
];
