// The engine speaks in short English fragments. They are said in the user's language with the names of nodes set apart; the
// platform's own words stay as they are.
import { told } from "./i18n/fr-engine";
import { m, words } from "./i18n/index.svelte";
import { capital, name, names } from "./rich";
import { homelab } from "./state/homelab.svelte";

/** The fragment in the user's language, as far as it is one that the engine is known to say. */
export function phrase(fragment: string): string {
  return told(fragment, words.language, name) ?? fragment;
}

/** The first few by name, the others by number. */
export function few(all: string[], most = 6): string {
  return all.length <= most ? names(all) : `${names(all.slice(0, most))} ${m.andMore(all.length - most)}`;
}

/** The fragment as a line of its own: with a capital, unless it begins with a node's name. */
export function say(fragment: string): string {
  const said = phrase(fragment);
  const first = /^[^\s,:’']+/.exec(said)?.[0] ?? "";
  return homelab.graph.byName.has(first) ? said : capital(said);
}

/** A line of the journal, with the name of its node set apart. */
export function line(message: string, nodeName: string | null): string {
  const said = say(message);
  if (!nodeName) return said;
  const at = new RegExp(`(^|[\\s(])${nodeName.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?=$|[\\s.,:)’'])`).exec(said);
  if (!at) return said;
  const start = at.index + (at[1]?.length ?? 0);
  return said.slice(0, start) + name(nodeName) + said.slice(start + nodeName.length);
}
