import type { Backend } from "../backend";

export function fakeBackend(_scenario: string): Backend {
  throw new Error("not yet");
}
