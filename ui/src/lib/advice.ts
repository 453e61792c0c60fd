// What to do about a failure. The engine says it in English; in another language the kind of the error says the same.
import type { FailureView } from "./backend/bindings";
import { m, words } from "./i18n/index.svelte";

export function advice(failure: FailureView): string {
  if (words.language === "en" || !failure.advice) return failure.advice;
  return failure.kind === "rejected" && failure.message.includes("locked") ? m.adviceLocked : m.advice[failure.kind];
}
