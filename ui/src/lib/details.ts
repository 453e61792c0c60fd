// What "Copy details" copies: all that is known of an error, as it stands in logs, so in English whatever the language.
import type { CommandError, FailureView } from "./backend/bindings";

export function failureDetails(failure: FailureView, version: string | null): string {
  return lines([
    `WakeHub${version ? ` ${version}` : ""}: failed to ${failure.operation}`,
    failure.message,
    `kind: ${failure.kind}`,
    failure.presented && `presented: ${failure.presented.endpoint} ${failure.presented.algorithm} ${failure.presented.fingerprint}`,
    failure.presented?.accepted && `accepted: ${failure.presented.accepted}`,
    failure.advice && `advice: ${failure.advice}`,
    `at: ${new Date(failure.at).toISOString()}`,
  ]);
}

export function errorDetails(error: CommandError, version: string | null, at: number): string {
  switch (error.kind) {
    case "failure":
      return failureDetails(error.failure, version);
    case "entry":
      return lines([
        `WakeHub${version ? ` ${version}` : ""}: refused`,
        ...error.errors.map((one) => [one.line !== null && `line ${one.line}`, one.field, one.message].filter(Boolean).join(": ")),
        `at: ${new Date(at).toISOString()}`,
      ]);
    case "other":
      return lines([`WakeHub${version ? ` ${version}` : ""}: ${error.message}`, `at: ${new Date(at).toISOString()}`]);
  }
}

function lines(all: (string | null | false | undefined)[]): string {
  return all.filter(Boolean).join("\n");
}
