// The one interface between the window and the engine. Tauri answers it in the app, a pretended homelab in a browser.
import type {
  Answer,
  Ask,
  CascadeId,
  CheckView,
  CommandError,
  ImportReport,
  JournalLine,
  JournalQuery,
  NodeEntry,
  NodeId,
  PlanAnswer,
  Presented,
  QuestionId,
  RunAnswer,
  SecretEntry,
  SecretName,
  Snapshot,
} from "./bindings";

/** What WakeHub found out about the computer it runs on. */
export interface Platform {
  version: string;
  tray: boolean;
  keyring: boolean;
  data_dir: string;
}

/** Every method that fails rejects with a `CommandError`. */
export interface Backend {
  snapshot(): Promise<Snapshot>;
  /** Calls back with the newest snapshot at once and after each change, until the returned function is called. */
  subscribe(onSnapshot: (snapshot: Snapshot) => void): Promise<() => void>;
  plan(ask: Ask): Promise<PlanAnswer>;
  run(ask: Ask): Promise<RunAnswer>;
  cancel(cascade: CascadeId): Promise<void>;
  resume(cascade: CascadeId): Promise<RunAnswer>;
  dismiss(cascade: CascadeId): Promise<void>;
  answer(question: QuestionId, answer: Answer): Promise<void>;
  setPinned(node: NodeId, pinned: boolean): Promise<void>;
  nodeEntry(node: NodeId): Promise<NodeEntry>;
  saveNode(node: NodeId | null, entry: NodeEntry, secrets: SecretEntry[]): Promise<NodeId>;
  removeNode(node: NodeId): Promise<void>;
  secretsPresent(node: NodeId): Promise<SecretName[]>;
  /** Reports each check as it ends, and resolves with all of them. */
  testConnection(
    node: NodeId | null,
    entry: NodeEntry,
    secrets: SecretEntry[],
    onCheck: (check: CheckView) => void,
  ): Promise<CheckView[]>;
  accept(presented: Presented): Promise<void>;
  /** Resolves with the number of guests that are found and not configured. */
  discover(node: NodeId): Promise<number>;
  importHomelab(text: string): Promise<ImportReport>;
  exportHomelab(): Promise<string>;
  journal(query: JournalQuery): Promise<JournalLine[]>;
  openUrl(node: NodeId): Promise<void>;
  platform(): Promise<Platform>;
}

/** Whatever was thrown, as the error that the window knows how to show. */
export function commandError(thrown: unknown): CommandError {
  if (typeof thrown === "object" && thrown !== null && "kind" in thrown) {
    const { kind } = thrown as { kind: unknown };
    if (kind === "entry" || kind === "failure" || kind === "other") return thrown as CommandError;
  }
  return { kind: "other", message: thrown instanceof Error ? thrown.message : String(thrown) };
}
