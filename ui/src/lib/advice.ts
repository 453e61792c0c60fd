// What to do about a failure, in the user's language.
import type { FailureView } from "./backend/bindings";
import { phrase } from "./phrases";
import { plain } from "./rich";

export function advice(failure: FailureView): string {
  return plain(phrase(failure.advice));
}
