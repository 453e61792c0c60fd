// One start or stop on its way from the click to the engine: planned, shown, confirmed, and refused or run.
import type { Action, Ask, CascadeId, CommandError, NodeView, PlanView, RefusalView, RunAnswer } from "../backend/bindings";
import { commandError } from "../backend/backend";
import { announcer } from "./announcer.svelte";
import { homelab } from "./homelab.svelte";
import { m } from "../i18n/index.svelte";
import { phrase } from "../phrases";
import { plain } from "../rich";

export type Phase =
  | { kind: "planning" }
  | { kind: "plan"; plan: PlanView }
  | { kind: "refused"; refusal: RefusalView }
  | { kind: "busy"; nodeName: string; title: string; plan: PlanView }
  | { kind: "failed"; error: CommandError };

class Asking {
  ask: Ask | null = $state.raw(null);
  nodeName = $state("");
  phase: Phase = $state.raw({ kind: "planning" });
  /** The engine has been told and has not answered yet. */
  isSent = $state(false);
  #turn = 0;

  /** Opens the dialog with the plan. */
  async open(action: Action, node: Pick<NodeView, "id" | "name">): Promise<void> {
    if (!homelab.mayAct) return announcer.say(m.readOnlySentence);
    if (homelab.isLost) return announcer.say(m.disconnected);
    this.nodeName = node.name;
    this.isSent = false;
    await this.#plan({ action, node: node.id, with_dependants: false, queue: false, automatic: false });
  }

  /** Plans again what is asked about: things may stand otherwise now. */
  async again(): Promise<void> {
    if (this.ask && !this.isSent) await this.#plan(this.ask);
  }

  async confirm(queue = false): Promise<void> {
    if (!this.ask || this.isSent) return;
    const ask = { ...this.ask, queue };
    await this.#send(() => homelab.backend.run(ask));
  }

  /** Goes on with an interrupted cascade: the engine plans again from what it sees. */
  async resume(cascade: CascadeId): Promise<void> {
    const answer = await troubles.guard(homelab.backend.resume(cascade));
    switch (answer?.kind) {
      case undefined:
      case "started":
        return;
      case "queued":
        return announcer.say(m.queuedNow);
      case "nothing_to_do":
        return announcer.say(m.nothingToDo);
      case "refused":
        return troubles.show(answer.refusal.message);
      case "busy":
        return troubles.show(plain(m.busy(answer.node_name, phrase(answer.title))));
    }
  }

  close(): void {
    this.#turn += 1;
    this.ask = null;
    this.isSent = false;
  }

  async #plan(ask: Ask): Promise<void> {
    const turn = (this.#turn += 1);
    this.ask = ask;
    this.phase = { kind: "planning" };
    try {
      const answer = await homelab.backend.plan(ask);
      if (turn !== this.#turn) return;
      if (answer.kind === "plan") this.phase = { kind: "plan", plan: answer.plan };
      else if (answer.refusal.kind === "needed_by" && ask.action === "stop" && !ask.with_dependants) {
        // The question is then "Stop X and its dependants?", and the plan names them all.
        await this.#plan({ ...ask, with_dependants: true });
      } else this.phase = { kind: "refused", refusal: answer.refusal };
    } catch (thrown) {
      if (turn === this.#turn) this.phase = { kind: "failed", error: commandError(thrown) };
    }
  }

  async #send(run: () => Promise<RunAnswer>): Promise<void> {
    const turn = this.#turn;
    const plan = this.phase.kind === "plan" || this.phase.kind === "busy" ? this.phase.plan : null;
    this.isSent = true;
    try {
      const answer = await run();
      if (turn !== this.#turn) return;
      this.#settle(answer, plan);
    } catch (thrown) {
      if (turn === this.#turn) this.phase = { kind: "failed", error: commandError(thrown) };
    } finally {
      this.isSent = false;
    }
  }

  #settle(answer: RunAnswer, plan: PlanView | null): void {
    switch (answer.kind) {
      case "started":
        return this.close();
      case "queued":
        announcer.say(m.queuedNow);
        return this.close();
      case "nothing_to_do":
        announcer.say(m.nothingToDo);
        return this.close();
      case "refused":
        this.phase = { kind: "refused", refusal: answer.refusal };
        return;
      case "busy":
        if (plan) this.phase = { kind: "busy", nodeName: answer.node_name, title: answer.title, plan };
        return;
    }
  }
}

export const asking = new Asking();

/** Runs a command of a button; what goes wrong is shown at the head of the page. */
class Troubles {
  last: CommandError | null = $state.raw(null);

  show(message: string): void {
    this.last = { kind: "other", message };
  }

  async guard<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      this.last = null;
      return await work;
    } catch (thrown) {
      this.last = commandError(thrown);
      return undefined;
    }
  }
}

export const troubles = new Troubles();
