// Why a page could not read what it shows beside the snapshot.
import type { CommandError } from "../backend/bindings";
import { commandError } from "../backend/backend";
import { homelab } from "./homelab.svelte";

/**
 * The error of the last read, to be made while a component is. While nobody answers there is none: the window says that once, what
 * was read before stays in sight, and it is read again when the line stands.
 */
export class Unread {
  #error: CommandError | null = $state.raw(null);

  constructor() {
    // a read may fail before the window knows that the line broke
    $effect(() => {
      if (homelab.isLost) this.#error = null;
    });
  }

  get error(): CommandError | null {
    return this.#error;
  }

  /** What was thrown; null when it could be read. */
  set(thrown: unknown): void {
    this.#error = thrown === null || homelab.isLost ? null : commandError(thrown);
  }
}
