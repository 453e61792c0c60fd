// Keeping a node on, and pausing all automatic stops: until when is asked in one dialog.
import type { NodeView } from "../backend/bindings";
import { ahead, clock, duration } from "../format";
import { m, words } from "../i18n/index.svelte";
import { name, plain } from "../rich";
import { nextAt, oneHour, tomorrowAt, twoHours } from "../until";
import { announcer } from "./announcer.svelte";
import { troubles } from "./asking.svelte";
import { editNode, holdUntil } from "./editing";
import { homelab } from "./homelab.svelte";
import { undo } from "./undo.svelte";

type Held = Pick<NodeView, "id" | "name" | "held_until" | "always_on">;

export type Wanted = { kind: "keep"; node: Held } | { kind: "pause" };

export interface Choice {
  label: string;
  /** Null: for ever. */
  until: number | null;
}

class PuttingOff {
  /** What the dialog asks about. */
  wanted: Wanted | null = $state.raw(null);

  keep(node: Held): void {
    if (!homelab.mayAct) return announcer.say(m.readOnlySentence);
    this.wanted = { kind: "keep", node };
  }

  pause(): void {
    if (!homelab.mayAct) return announcer.say(m.readOnlySentence);
    this.wanted = { kind: "pause" };
  }

  /** What is offered beside a time of one's own. */
  choices(wanted: Wanted, now: number): Choice[] {
    const spans = [oneHour, twoHours].map((span) => ({ label: m.forTime(duration(span, words.language)), until: now + span }));
    const at = (until: number) => ahead(until, now, words.locale);
    if (wanted.kind === "pause") return [...spans, { label: m.untilThen(at(tomorrowAt(8, now))), until: tomorrowAt(8, now) }];
    return [...spans, { label: m.tonight(clock(nextAt(6, now), words.locale)), until: nextAt(6, now) }, { label: m.forEver, until: null }];
  }

  async take(wanted: Wanted, until: number | null): Promise<void> {
    this.wanted = null;
    if (wanted.kind === "pause") return this.pauseUntil(until);
    const { node } = wanted;
    if (until === null) {
      await troubles.guard(editNode(node.id, (entry) => ({ ...entry, always_on: true }), m.alwaysOnNow(name(node.name))));
    } else await holdUntil(node, until, m.keptOnUntil(name(node.name), ahead(until, Date.now(), words.locale)));
  }

  async pauseUntil(until: number | null): Promise<void> {
    const before = homelab.snapshot.stops_paused_until;
    const done = await troubles.guard(homelab.backend.pauseStops(until).then(() => true));
    if (!done) return;
    const back = before !== null && before > Date.now() ? before : null;
    undo.tell(plain(until === null ? m.stopsAllowed : m.stopsPaused(ahead(until, Date.now(), words.locale))), () => troubles.guard(homelab.backend.pauseStops(back)));
  }
}

export const puttingOff = new PuttingOff();

/** Nothing is stopped automatically until then; null when it is not paused. */
export function pausedUntil(): number | null {
  const until = homelab.snapshot.stops_paused_until;
  return until !== null && until > homelab.now ? until : null;
}
