// Revisions that grow over restarts of the engine, which counts from the beginning each time.
import type { Snapshot } from "./bindings";

export class Revisions {
  #run = "";
  #base = 0;
  #shown = 0;
  /** The newest snapshot as it came. */
  last: Snapshot | null = null;

  /** To be called with the name of the engine's run at each connection. What comes again is news all the same. */
  begin(run: string): void {
    if (run !== this.#run) this.#base = this.#shown;
    else this.#base += 1;
    this.#run = run;
  }

  /** `isOurs`: what we add to a snapshot ourselves counts as a change. */
  take(snapshot: Snapshot, isOurs = false): Snapshot {
    if (isOurs) this.#base += 1;
    else this.last = snapshot;
    this.#shown = Math.max(this.#shown, snapshot.revision + this.#base);
    return { ...snapshot, revision: snapshot.revision + this.#base };
  }
}
