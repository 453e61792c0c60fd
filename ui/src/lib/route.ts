// The addresses within the window: hashes, so that the page works from a file, from Tauri and from a server alike.
import type { Period } from "./backend/bindings";

/** What the journal shows; days as `2026-11-21`. */
export interface JournalPlace {
  node: number | null;
  cascade: number | null;
  kind: string | null;
  when: string | null;
  from: string | null;
  to: string | null;
}

export type Route =
  | { page: "dashboard" }
  | { page: "machines"; show: string | null }
  | { page: "welcome" }
  | { page: "node"; id: number }
  | { page: "edit"; id: number }
  | { page: "add"; kind: string | null; host: number | null }
  | { page: "configure"; host: number; platformId: string | null }
  | { page: "graph"; node: number | null }
  | ({ page: "journal" } & JournalPlace)
  | { page: "settings"; wantsImport: boolean }
  | { page: "savings"; node: number | null; by: Period }
  | { page: "question"; id: number }
  | { page: "unknown" };

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?");
  const params = new URLSearchParams(query);
  const [first = "", second, third] = path.split("/").filter(Boolean).map(decoded);
  const number = (text: string | null | undefined) => (text && /^\d+$/.test(text) ? Number(text) : null);
  const id = number(second);
  switch (first) {
    case "":
      return { page: "dashboard" };
    case "welcome":
      return { page: "welcome" };
    case "machines":
      return { page: "machines", show: params.get("show") };
    case "node":
      if (id === null) return { page: "unknown" };
      return third === "edit" ? { page: "edit", id } : { page: "node", id };
    case "add":
      return { page: "add", kind: params.get("kind"), host: number(params.get("host")) };
    case "configure":
      return id === null ? { page: "unknown" } : { page: "configure", host: id, platformId: third ?? null };
    case "graph":
      return { page: "graph", node: number(params.get("node")) };
    case "journal":
      return {
        page: "journal",
        node: number(params.get("node")),
        cascade: number(params.get("cascade")),
        kind: params.get("kind"),
        when: params.get("when"),
        from: params.get("from"),
        to: params.get("to"),
      };
    case "settings":
      return { page: "settings", wantsImport: params.has("import") };
    case "savings": {
      const by = params.get("by");
      return { page: "savings", node: number(params.get("node")), by: by === "week" || by === "month" ? by : "day" };
    }
    case "question":
      return id === null ? { page: "unknown" } : { page: "question", id };
    default:
      return { page: "unknown" };
  }
}

/** As it stands when it is no encoded text. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const to = {
  dashboard: "#/",
  welcome: "#/welcome",
  machines: "#/machines",
  machinesThat: (show: "on" | "off" | "attention") => `#/machines?show=${show}`,
  graph: (node?: number) => (node === undefined ? "#/graph" : `#/graph?node=${node}`),
  settings: "#/settings",
  import: "#/settings?import",
  journal: (place: Partial<JournalPlace> = {}) => {
    const query = new URLSearchParams();
    for (const key of ["node", "cascade", "kind", "when", "from", "to"] as const) {
      const value = place[key];
      if (value !== null && value !== undefined) query.set(key, String(value));
    }
    return query.size > 0 ? `#/journal?${query.toString()}` : "#/journal";
  },
  savings: ({ node = null, by = "day" }: { node?: number | null; by?: Period } = {}) => {
    const query = new URLSearchParams();
    if (node !== null) query.set("node", String(node));
    if (by !== "day") query.set("by", by);
    return query.size > 0 ? `#/savings?${query.toString()}` : "#/savings";
  },
  node: (id: number) => `#/node/${id}`,
  edit: (id: number) => `#/node/${id}/edit`,
  /** At the idle rule, switched on where there is none. */
  editIdle: (id: number, isOn = false) => `#/node/${id}/edit?at=${isOn ? "idle-on" : "idle"}`,
  add: (kind?: string, host?: number) => {
    const query = new URLSearchParams();
    if (kind) query.set("kind", kind);
    if (host !== undefined) query.set("host", String(host));
    return query.size > 0 ? `#/add?${query.toString()}` : "#/add";
  },
  configure: (host: number, platformId?: string) =>
    platformId === undefined ? `#/configure/${host}` : `#/configure/${host}/${encodeURIComponent(platformId)}`,
};
