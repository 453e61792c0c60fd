import type { Backend } from "./backend";

declare const __FAKE__: boolean;

/** The host that this page runs in. */
export async function connect(): Promise<Backend> {
  if (__FAKE__ && !("__TAURI_INTERNALS__" in window)) {
    const { fakeBackend } = await import("./fake/fake");
    return fakeBackend(new URLSearchParams(location.search).get("fake") ?? "evening");
  }
  return (await import("./tauri")).tauri;
}
