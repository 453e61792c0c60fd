// One polite live region for the whole window.
import { plain } from "../rich";

class Announcer {
  lines: { id: number; text: string }[] = $state.raw([]);
  #next = 0;

  say(text: string): void {
    this.#next += 1;
    // The last few are kept, so that several in a row are all read.
    this.lines = [...this.lines.slice(-4), { id: this.#next, text: plain(text) }];
  }
}

export const announcer = new Announcer();
