// The engine speaks in short English fragments. Those that a person meets every day are said in the user's language; the
// platform's own words and everything else stay as they are.
import { m, words, type Catalogue } from "./i18n/index.svelte";
import { names } from "./rich";

type Say = (m: Catalogue, found: string[]) => string;

const list = (text: string) => names(text.split(", "));

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
  [/^no longer needed: (.+) is off then$/, (m, [who = ""]) => m.reasonNoLongerThen(list(who))],
  [/^no longer needed: (.+) is off$/, (m, [who = ""]) => m.reasonNoLonger(list(who))],
  [/^stays on: hosts (.+)$/, (m, [who = ""]) => m.staysHosts(list(who))],
  [/^stays on: needed by (.+)$/, (m, [who = ""]) => m.staysNeeded(list(who))],
  [/^stays on: it is always on$/, (m) => m.staysAlways],
  [/^stays on: you keep it on$/, (m) => m.staysHeld],
  [/^stays on: locked by its platform \((.+)\)$/, (m, [lock = ""]) => m.staysLocked(lock)],
  [/^stays on: it is being started or stopped$/, (m) => m.staysBusy],
  [/^paused$/, (m) => m.paused],
];

/** The fragment in the user's language, as far as it is one that the engine is known to say. */
export function phrase(fragment: string): string {
  for (const [pattern, say] of known) {
    const found = pattern.exec(fragment);
    if (found) return say(m, found.slice(1));
  }
  return fragment;
}

/** The language that an unknown fragment is in, for `lang` attributes. */
export function languageOf(fragment: string): string | undefined {
  return words.language !== "en" && phrase(fragment) === fragment ? "en" : undefined;
}
