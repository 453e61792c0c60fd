import type { Backend } from "./backend";
import type { SignIn } from "./http";

declare const __FAKE__: boolean;

/** The host that this page runs in: the app's window, a pretended homelab, or WakeHub's local API that has served it. */
export async function connect(signIn: SignIn): Promise<Backend> {
  if ("__TAURI_INTERNALS__" in window) return (await import("./tauri")).tauri;
  if (__FAKE__) {
    const { fakeBackend } = await import("./fake/fake");
    return fakeBackend(new URLSearchParams(location.search).get("fake") ?? "evening");
  }
  return (await import("./http")).overHttp(signIn);
}
