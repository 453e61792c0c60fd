// What a connection test tried, in the user's language. The engine names it by a word that stays; details are its own.
import type { CheckView } from "./backend/bindings";
import { m } from "./i18n/index.svelte";
import { phrase, say } from "./phrases";
import { capital, plain } from "./rich";

export function title(check: CheckView): string {
  const of = (titles: Record<string, string>) => titles[`${check.capability} ${check.what}`] ?? titles[check.what];
  // "Its host key is known" is said only where it is.
  return (check.outcome === "passed" ? undefined : of(m.checkOpen)) ?? of(m.checkTitle) ?? capital(check.title);
}

/** The one member that a Proxmox API has, where it has none of the name that was given. */
export function member(check: CheckView): string | null {
  if (check.capability !== "proxmox_api" || check.what !== "version" || check.outcome !== "failed") return null;
  return / has no member .+; it has ([^\s,]+)$/.exec(check.detail)?.[1] ?? null;
}

export function detail(check: CheckView): string {
  const said = plain(phrase(check.detail));
  return check.what === "privileges" ? said.replaceAll(" on /", m.onPath) : said;
}

export function advice(check: CheckView): string | null {
  return check.advice === null ? null : say(check.advice);
}
