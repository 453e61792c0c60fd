// The time of the window, for ages and stopwatches. Stands still while nobody sees it.
class Clock {
  now = $state(Date.now());

  /** Ticks every second until the returned function is called. */
  run(): () => void {
    const tick = () => {
      if (!document.hidden) this.now = Date.now();
    };
    const timer = setInterval(tick, 1000);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }
}

export const time = new Clock();
