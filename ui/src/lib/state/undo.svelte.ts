// A change is kept at once; for some seconds it can be taken back.
import { announcer } from "./announcer.svelte";

const shownFor = 6000;

interface Offer {
  text: string;
  back: () => unknown;
}

class Undo {
  offer: Offer | null = $state.raw(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `back` undoes what `text` says was done. */
  tell(text: string, back: () => unknown): void {
    this.offer = { text, back };
    announcer.say(text);
    this.resume();
  }

  /** While somebody reads or reaches for it, it stays. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  resume(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(), shownFor);
  }

  async take(): Promise<void> {
    const { offer } = this;
    this.close();
    await offer?.back();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.offer = null;
  }
}

export const undo = new Undo();
