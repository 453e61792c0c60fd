import { parse, type Route } from "../route";

class Router {
  route: Route = $state.raw(parse(location.hash));

  run(): () => void {
    const follow = () => {
      this.route = parse(location.hash);
    };
    follow();
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }

  go(hash: string): void {
    location.hash = hash;
  }

  /** Goes there without leaving the present page in the history. */
  replace(hash: string): void {
    location.replace(hash);
  }
}

export const router = new Router();
