// Everything that can be found or started by typing: nodes with what can be done with them, pages, and what the window can do.
import type { NodeView, Power } from "$lib/backend/bindings";
import { fuzzy } from "$lib/fuzzy";
import { m, words } from "$lib/i18n/index.svelte";
import type { IconName } from "$lib/icons";
import type { Place } from "$lib/places";
import { to } from "$lib/route";
import { announcer } from "$lib/state/announcer.svelte";
import { asking, troubles } from "$lib/state/asking.svelte";
import { homelab } from "$lib/state/homelab.svelte";
import { keys } from "$lib/state/keys.svelte";
import { pausedUntil, puttingOff } from "$lib/state/putting-off.svelte";
import { router } from "$lib/state/router.svelte";
import { theme } from "$lib/state/theme.svelte";

export interface Entry {
  id: string;
  label: string;
  /** What else it is known by; found, and shown small. */
  hint: string;
  sort: "node" | "act" | "page" | "action";
  power?: Power;
  icon?: IconName;
  /** What Enter does. */
  verb: string;
  run: () => unknown;
  /** With Shift: the page of the node. */
  href?: string;
}

export function entries(places: Place[]): Entry[] {
  return [...homelab.snapshot.nodes.flatMap(ofNode), ...places.map(ofPlace), ...actions()];
}

function ofNode(node: NodeView): Entry[] {
  const host = homelab.node(node.host);
  const href = to.node(node.id);
  const hint = [m.kind[node.kind], host?.name, ...node.tags].filter(Boolean).join(" · ");
  const base = { hint, power: node.power, href };
  const show = () => router.go(href);
  const act = (id: string, label: string, verb: string, run: () => unknown): Entry => ({ ...base, id: `${node.id} ${id}`, label, verb, sort: "act", run });
  const isMoving = node.power === "starting" || node.power === "stopping";
  const start = () => asking.open("start", node);
  const open = () => troubles.guard(homelab.backend.openUrl(node.id));
  const canStart = homelab.mayAct && node.power !== "on" && !isMoving && node.start_channel !== null;
  const canStop = homelab.mayAct && node.power !== "off" && !isMoving && node.stop_channel !== null;
  const canOpen = node.power === "on" && node.url !== null;
  const starts = node.power === "failed" ? m.retry : m.start;
  const [verb, run] = canStart ? [starts, start] : canOpen ? [m.open, open] : [m.showNode, show];
  return [
    { ...base, id: `${node.id}`, label: node.name, verb, sort: "node", run },
    ...(canStart ? [act("start", m.startLabel(node.name), starts, start)] : []),
    ...(canStop ? [act("stop", m.stopLabel(node.name), m.stop, () => asking.open("stop", node))] : []),
    ...(homelab.mayAct && node.power === "on" && !node.always_on ? [act("keep", m.keepOnNode(node.name), m.keepOn, () => puttingOff.keep(node))] : []),
    ...(homelab.mayAct ? [act("pin", node.pinned ? m.unpinNode(node.name) : m.pinNode(node.name), node.pinned ? m.unpin : m.pin, () => troubles.guard(homelab.backend.setPinned(node.id, !node.pinned)))] : []),
    act("graph", m.showInGraph(node.name), m.graph, () => router.go(to.graph(node.id))),
    ...(homelab.mayAct ? [act("edit", m.editNode(node.name), m.edit, () => router.go(to.edit(node.id)))] : []),
  ];
}

function ofPlace(place: Place): Entry {
  return { id: place.page, label: place.label, hint: m.page, sort: "page", icon: place.icon, verb: m.showNode, run: () => router.go(place.href) };
}

function actions(): Entry[] {
  const action = (id: string, label: string, icon: IconName, run: () => unknown): Entry => ({ id, label, hint: "", sort: "action", icon, verb: "", run });
  const sources = homelab.snapshot.nodes.filter((node) => node.power === "on" && node.capabilities.some((one) => one === "proxmox_api" || one === "docker_api"));
  const toConfigure = homelab.snapshot.discovered[0];
  const other = words.language === "en" ? "fr" : "en";
  const changing = [
    ...(toConfigure ? [action("configure", m.toConfigure(homelab.snapshot.discovered.length), "plus", () => router.go(to.configure(toConfigure.host)))] : []),
    action("add", m.addMachine, "plus", () => router.go(to.add("machine"))),
    ...(sources.length > 0 ? [action("discover", m.discover, "discover", () => discover(sources))] : []),
    ...(pausedUntil() === null ? [action("pause", m.pauseStops, "pause", () => puttingOff.pause())] : [action("allow", m.allowStops, "pause", () => puttingOff.pauseUntil(null))]),
    action("import", m.importFile, "upload", () => router.go(to.import)),
  ];
  return [
    ...(homelab.mayAct ? changing : []),
    action("savings", m.savingsTitle, "idle", () => router.go(to.savings())),
    action("keys", m.keysTitle, "keyboard", () => (keys.isOverviewOpen = true)),
    action("theme", theme.isDark ? m.toLight : m.toDark, "settings", () => theme.choose(theme.isDark ? "light" : "dark")),
    action("language", other === "fr" ? "Français" : "English", "settings", () => words.choose(other)),
    ...(homelab.mayAct ? [action("first-run", m.firstTitle, "start", () => router.go(to.welcome))] : []),
  ];
}

async function discover(sources: NodeView[]): Promise<void> {
  const counts = await troubles.guard(Promise.all(sources.map((node) => homelab.backend.discover(node.id))));
  if (counts) announcer.say(m.discovered(counts.reduce((sum, n) => sum + n, 0)));
}

export interface Found {
  entry: Entry;
  at: ReadonlySet<number>;
}

const most = 30;
// What a person means most often stands first among equals.
const weight = { node: 40, page: 20, action: 10, act: 0 };

/** Without a word: what is pinned, then pages and actions. With one: what matches, the best first. */
export function find(all: Entry[], text: string, pinned: ReadonlySet<string>): Found[] {
  if (text.trim() === "") {
    const nodes = all.filter((entry) => entry.sort === "node" && pinned.has(entry.id));
    return [...nodes, ...all.filter((entry) => entry.sort === "page" || entry.sort === "action")].map((entry) => ({ entry, at: new Set<number>() }));
  }
  const out: (Found & { score: number })[] = [];
  for (const entry of all) {
    const match = fuzzy(entry.label, text);
    // What can be done with a node is offered to who types the verb; a name alone means the node.
    if (match && (entry.sort !== "act" || match.at[0] === 0)) out.push({ entry, at: new Set(match.at), score: match.score + weight[entry.sort] });
    else if (entry.sort === "node") {
      const aside = fuzzy(entry.hint, text);
      if (aside && aside.score >= 100) out.push({ entry, at: new Set(), score: aside.score - 80 });
    }
  }
  return out.sort((a, b) => b.score - a.score).slice(0, most);
}
