// Where the window is. A page that is gone back to stands where it was left; a new one begins at its top.
import { parse, type Route } from "../route";

/** How long a page may take to become as long as it was. */
const patience = 2000;

class Router {
  route: Route = $state.raw(parse(location.hash));
  /** The page without what it is asked to show of itself: a changed filter is no other page. */
  readonly page: string = $derived(pageOf(this.route));
  /** How far down each entry of the history was left, by its number. */
  #left = new Map<number, number>();
  #entry = 0;
  #stopReturning: (() => void) | null = null;

  run(): () => void {
    history.scrollRestoration = "manual";
    this.#entry = this.#numbered();
    const follow = () => {
      this.#entry = this.#numbered();
      this.route = parse(location.hash);
    };
    const keep = () => this.#left.set(this.#entry, window.scrollY);
    follow();
    window.addEventListener("hashchange", follow);
    window.addEventListener("scroll", keep, { passive: true });
    return () => {
      this.#stopReturning?.();
      window.removeEventListener("hashchange", follow);
      window.removeEventListener("scroll", keep);
    };
  }

  go(hash: string): void {
    location.hash = hash;
  }

  /** Goes there without leaving the present page in the history. */
  replace(hash: string): void {
    history.replaceState(history.state, "", hash);
    this.route = parse(hash);
  }

  /** Scrolls to where this entry of the history was left; as the page grows, for what is read only then. */
  settle(): void {
    this.#stopReturning?.();
    const wanted = this.#left.get(this.#entry) ?? 0;
    const arrive = () => {
      window.scrollTo(0, wanted);
      if (Math.abs(window.scrollY - wanted) < 2) this.#stopReturning?.();
    };
    if (wanted === 0) return window.scrollTo(0, 0);
    const entry = this.#entry;
    const grown = new ResizeObserver(arrive);
    const timer = setTimeout(() => this.#stopReturning?.(), patience);
    // Whoever scrolls meanwhile has chosen another place.
    const chosen = ["wheel", "touchstart", "pointerdown", "keydown"] as const;
    const leave = () => this.#stopReturning?.();
    for (const kind of chosen) window.addEventListener(kind, leave, { passive: true });
    this.#stopReturning = () => {
      this.#stopReturning = null;
      grown.disconnect();
      clearTimeout(timer);
      for (const kind of chosen) window.removeEventListener(kind, leave);
    };
    grown.observe(document.documentElement);
    this.#left.set(entry, wanted);
    arrive();
  }

  /** Every entry of the history has a number, given when it is first seen. */
  #numbered(): number {
    const known: unknown = history.state?.entry;
    if (typeof known === "number") return known;
    const next = Date.now();
    history.replaceState({ entry: next }, "");
    return next;
  }
}

function pageOf(route: Route): string {
  switch (route.page) {
    case "node":
    case "edit":
    case "question":
      return `${route.page} ${route.id}`;
    case "add":
      return `add ${route.kind} ${route.host}`;
    case "configure":
      return `configure ${route.host} ${route.platformId}`;
    case "savings":
      return `savings ${route.node}`;
    case "dashboard":
    case "machines":
    case "welcome":
    case "graph":
    case "journal":
    case "settings":
    case "unknown":
      return route.page;
  }
}

export const router = new Router();
