// What to do about a failure, in the user's language.
import type { FailureView } from "./backend/bindings";
import { phrase } from "./phrases";

export function advice(failure: FailureView): string {
  return phrase(failure.advice);
}
