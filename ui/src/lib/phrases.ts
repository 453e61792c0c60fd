// The engine speaks in short English fragments. Those that a person meets every day are said in the user's language; the
// platform's own words and everything else stay as they are.
import { french } from "./i18n/fr-engine";
import { m, words, type Catalogue } from "./i18n/index.svelte";
import { capital, name, names } from "./rich";
import { homelab } from "./state/homelab.svelte";

type Say = (m: Catalogue, found: string[]) => string;

/** The engine names a few of many, "a, b, c and 97 others". */
const list = (text: string) => {
  const [, shown = text, others] = /^(.+) and (\d+) others$/.exec(text) ?? [];
  const named = names(shown.split(", "));
  return others ? `${named} ${m.andMore(Number(others))}` : named;
};

const known: [RegExp, Say][] = [
  [/^you asked for it$/, (m) => m.reasonAsked],
  [/^it is not used$/, (m) => m.reasonNotUsed],
  [/^on already$/, (m) => m.reasonOnAlready],
  [/^off already$/, (m) => m.reasonOffAlready],
  [/^hosts (.+)$/, (m, [who = ""]) => m.reasonHosts(list(who))],
  [/^runs on (.+)$/, (m, [who = ""]) => m.reasonRunsOn(list(who))],
  [/^needed by (.+)$/, (m, [who = ""]) => m.reasonNeededBy(list(who))],
  [/^needs what (.+) takes with it$/, (m, [who = ""]) => m.reasonNeedsTaken(list(who))],
  [/^needs (.+)$/, (m, [who = ""]) => m.reasonNeeds(list(who))],
  [/^no longer needed once (.+) is off$/, (m, [who = ""]) => m.reasonNoLongerThen(list(who))],
  [/^no longer needed: (.+) is off then$/, (m, [who = ""]) => m.reasonNoLongerThen(list(who))],
  [/^no longer needed: (.+) is off$/, (m, [who = ""]) => m.reasonNoLonger(list(who))],
  [/^stays on: hosts (.+)$/, (m, [who = ""]) => m.staysHosts(list(who))],
  [/^stays on: needed by (.+)$/, (m, [who = ""]) => m.staysNeeded(list(who))],
  [/^stays on: it is always on$/, (m) => m.staysAlways],
  [/^stays on: you keep it on$/, (m) => m.staysHeld],
  [/^stays on: locked by its platform \((.+)\)$/, (m, [lock = ""]) => m.staysLocked(lock)],
  [/^stays on: it is being started or stopped$/, (m) => m.staysBusy],
  [/^port (\d+) accepts$/, (m, [port = ""]) => m.readyPort(port)],
  [/^it runs$/, (m) => m.readyRuns],
  [/^it is seen off, twice$/, (m) => m.readyOff],
  [/^(.+), then (.+) accepts$/, (m, [first = "", port = ""]) => `${phrase(first)}, ${m.thenPort(port)}`],
  [/^(.+), then (.+) answers$/, (m, [first = "", url = ""]) => `${phrase(first)}, ${m.thenUrl(url)}`],
  [/^paused$/, (m) => m.paused],
];

/** The fragment in the user's language, as far as it is one that the engine is known to say. */
export function phrase(fragment: string): string {
  for (const [pattern, say] of known) {
    const found = pattern.exec(fragment);
    if (found) return say(m, found.slice(1));
  }
  return words.language === "fr" ? french(fragment) : fragment;
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
