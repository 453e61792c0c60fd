import type { CommandError } from "./backend/bindings";

/** The names of a refused cycle, the first one again at the end; null when the error is another one. */
export function cycleOf(error: CommandError): string[] | null {
  const messages = error.kind === "entry" ? error.errors.map((one) => one.message) : error.kind === "other" ? [error.message] : [];
  for (const message of messages) {
    const path = /would need itself: (.+)$/.exec(message)?.[1]?.split(" → ");
    if (path && path.length > 1) return path;
  }
  return null;
}
