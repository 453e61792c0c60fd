// The one interface between the window and the engine. Tauri answers it in the app, a pretended homelab in a browser.
import type {
  Answer,
  ApiAccess,
  ApiStatus,
  Ask,
  CascadeId,
  CheckView,
  CommandError,
  FoundAddress,
  IdleRule,
  ImportReport,
  JudgedView,
  JournalFormat,
  JournalLine,
  JournalQuery,
  NewApiToken,
  NodeEntry,
  NodeId,
  PlanAnswer,
  Presented,
  QuestionId,
  Right,
  RunAnswer,
  SavingsAsk,
  SavingsView,
  ScheduleAsk,
  ScheduleReading,
  SecretEntry,
  SecretName,
  SettingsView,
  ShownApiToken,
  Snapshot,
  Timestamp,
  WhyView,
} from "./bindings";

/** What WakeHub found out about the computer it runs on. */
export interface Platform {
  version: string;
  tray: boolean;
  keyring: boolean;
  data_dir: string;
  /** What is shown is the demo homelab. */
  demo: boolean;
}

export type { FoundAddress };

/** Every method that fails rejects with a `CommandError`. */
export interface Backend {
  /** What may be done here. Who may only look is offered nothing else. */
  readonly right: Right;
  snapshot(): Promise<Snapshot>;
  /** Calls back with the newest snapshot at once and after each change, until the returned function is called. */
  subscribe(onSnapshot: (snapshot: Snapshot) => void): Promise<() => void>;
  plan(ask: Ask): Promise<PlanAnswer>;
  run(ask: Ask): Promise<RunAnswer>;
  cancel(cascade: CascadeId): Promise<void>;
  /** Takes back what waits for a running cascade; no error when it has begun already. */
  cancelQueued(id: number): Promise<void>;
  resume(cascade: CascadeId): Promise<RunAnswer>;
  dismiss(cascade: CascadeId): Promise<void>;
  answer(question: QuestionId, answer: Answer): Promise<void>;
  setPinned(node: NodeId, pinned: boolean): Promise<void>;
  /** Keeps it, and what it needs, from being stopped automatically until then (ms since the epoch); null releases it. */
  hold(node: NodeId, until: number | null): Promise<void>;
  /** Why it is on, and what its idle rule says of it. */
  why(node: NodeId): Promise<WhyView>;
  /** What this rule would have said at each sample at hand, oldest first. Nothing is changed. */
  judge(node: NodeId, rule: IdleRule): Promise<JudgedView[]>;
  /** What was saved by keeping nodes off, by day, week or month: an estimate. */
  savings(ask: SavingsAsk): Promise<SavingsView>;
  /** Until then nothing is stopped automatically; null allows it again. */
  pauseStops(until: Timestamp | null): Promise<void>;
  nodeEntry(node: NodeId): Promise<NodeEntry>;
  /** What a cron expression says, in words, and when it comes next. */
  readSchedule(ask: ScheduleAsk): Promise<ScheduleReading>;
  saveNode(node: NodeId | null, entry: NodeEntry, secrets: SecretEntry[]): Promise<NodeId>;
  /** All of them or none. The `line` of an error is then the number of the entry to blame, counted from 1. */
  saveNodes(entries: NodeEntry[]): Promise<NodeId[]>;
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
  /**
   * Asks the neighbour table and mDNS, with `sweep` also each address of the own network by an echo request; never a port.
   * Reports each address as it is found, again when more is known of it.
   */
  scan(sweep: boolean, onFound: (found: FoundAddress) => void): Promise<void>;
  /** Puts the demo homelab in the place of the user's own, which stays as it is; no network is touched. */
  startDemo(): Promise<void>;
  /** Back to the user's own homelab. */
  leaveDemo(): Promise<void>;
  importHomelab(text: string): Promise<ImportReport>;
  exportHomelab(): Promise<string>;
  journal(query: JournalQuery): Promise<JournalLine[]>;
  /** All lines that the query asks for (its `limit`: so many of the newest), oldest first, as the text of a file. */
  exportJournal(query: JournalQuery, format: JournalFormat): Promise<string>;
  openUrl(node: NodeId): Promise<void>;
  settings(): Promise<SettingsView>;
  setSetting<K extends keyof SettingsView>(key: K, value: SettingsView[K]): Promise<void>;
  platform(): Promise<Platform>;
  /** Who else may reach WakeHub. This and what follows is only for the owner: no browser lets another one in. */
  access(): Promise<ApiStatus>;
  /** Resolves when TCP is as it is wanted, or has failed. */
  setAccess(access: ApiAccess): Promise<ApiStatus>;
  /** The only time that the token is shown. */
  addToken(token: NewApiToken): Promise<ShownApiToken>;
  /** By its id; whoever uses it is let go at once. */
  removeToken(id: string): Promise<void>;
  /** In a browser: forgets the token that was entered. */
  signOut?(): void;
}

/** Whatever was thrown, as the error that the window knows how to show. */
export function commandError(thrown: unknown): CommandError {
  if (typeof thrown === "object" && thrown !== null && "kind" in thrown) {
    const { kind } = thrown as { kind: unknown };
    if (kind === "entry" || kind === "failure" || kind === "other") return thrown as CommandError;
  }
  return { kind: "other", message: thrown instanceof Error ? thrown.message : String(thrown) };
}
