// Work that may be wanted at any time and is done at most so often: at once when it rested, and always once more at the end.
export class Pace {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #done = -Infinity;
  #work: () => void = () => {};

  /** `ms` between two beginnings. */
  constructor(private ms: number) {}

  soon(work: () => void): void {
    this.#work = work;
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#done = performance.now();
        this.#work();
      },
      Math.max(0, this.#done + this.ms - performance.now()),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
