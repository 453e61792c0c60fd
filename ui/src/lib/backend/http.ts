// WakeHub over its local API: a browser on the same computer, or a phone on the sofa. The token travels in headers only.
import { m } from "../i18n/index.svelte";
import { announcer } from "../state/announcer.svelte";
import { commandError, type Backend, type Platform } from "./backend";
import type { CheckView, CommandError, FoundAddress, NodeEntry, NodeId, Right, SecretName, SettingsView, Snapshot } from "./bindings";
import { Revisions } from "./revisions";

const KEPT = "wakehub-token";
/** That a token was here and is no longer known. */
const GONE = "wakehub-token-gone";
const PROTOCOL = "wakehub.v1";
/** Between two attempts to listen again, in ms: longer each time, up to the last. */
const PAUSES = [300, 1000, 2000, 4000, 8000];

/** Until it is certain that nobody answers to a knock, in ms. */
const KNOCK = 10_000;
/** Without a word, after which it is asked whether the line still stands, in ms: a computer that slept is told of no end. */
const SILENCE = 30_000;
/** Until any other answer, in ms: longer than the API itself waits for the engine. */
const ANSWER = 200_000;

/** With this code WebSockets are closed that may not, or do not, listen (RFC 6455, 7.4.1). */
const POLICY = 1008;

/** How a browser stands with WakeHub. */
export type Standing = { kind: "in" } | { kind: "unknown" } | Refused;

interface Refused {
  kind: "refused";
  error: CommandError;
  /** It may be otherwise in a moment: WakeHub does not answer, or its keyring does not. */
  isPassing: boolean;
}

/** What the page in front of the homelab works with. */
export interface Door {
  /** A token was used here and is no longer known. */
  isGone: boolean;
  /** Why the token that is kept does not open it just now. */
  refused: Refused | null;
  /** Asks again with the token that is kept. */
  again(): Promise<Standing>;
  enter(token: string, remember: boolean): Promise<Standing>;
}

/** Shows the page that asks for a token, until one is taken. */
export type SignIn = (door: Door) => Promise<void>;

interface About {
  version: string;
  run: string;
}

type Told = { kind: "hello"; about: About } | { kind: "snapshot"; snapshot: Snapshot };
type ScanLine = { found: FoundAddress } | "done" | { error: CommandError };
type TestLine = { check: CheckView } | { done: CheckView[] } | { error: CommandError };

class Session {
  #token = sessionStorage.getItem(KEPT) ?? localStorage.getItem(KEPT) ?? "";

  get protocols(): string[] {
    return [PROTOCOL, `bearer.${this.#token}`];
  }

  /** What the token allows. */
  right: Right = "read";

  async enter(token: string, remember: boolean): Promise<Standing> {
    const typed = token.trim().toLowerCase();
    // A header has no room for anything else, and no token has it.
    const standing = await this.#try(/^[\w.-]+$/.test(typed) ? typed : "-");
    if (standing.kind === "in") {
      this.#token = typed;
      sessionStorage.removeItem(GONE);
      (remember ? localStorage : sessionStorage).setItem(KEPT, typed);
    }
    return standing;
  }

  /** With the token that is kept. */
  async standing(): Promise<Standing> {
    if (this.#token === "") return { kind: "unknown" };
    const standing = await this.#try(this.#token);
    if (standing.kind === "unknown") {
      forget(true);
      this.#token = "";
    }
    return standing;
  }

  async #try(token: string): Promise<Standing> {
    try {
      const answer = await this.#fetch("GET", "platform", undefined, { token, patience: KNOCK });
      if (answer.ok) {
        this.right = ((await answer.json()) as { right: Right }).right;
        return { kind: "in" };
      }
      if (answer.status === 401) return { kind: "unknown" };
      return { kind: "refused", error: await problem(answer), isPassing: [429, 502, 503, 504].includes(answer.status) };
    } catch (thrown) {
      return { kind: "refused", error: commandError(thrown), isPassing: true };
    }
  }

  async send(method: string, path: string, body?: unknown, patience = ANSWER): Promise<Response> {
    const answer = await this.#fetch(method, path, body, { patience });
    if (answer.ok) return answer;
    if (answer.status === 401) {
      forget(true);
      location.reload();
    }
    throw await problem(answer);
  }

  async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await this.send(method, path, body)).json() as Promise<T>;
  }

  async do(method: string, path: string, body?: unknown): Promise<void> {
    await this.send(method, path, body);
  }

  async #fetch(method: string, path: string, body: unknown, { token = this.#token, patience }: { token?: string; patience: number }): Promise<Response> {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    const isText = typeof body === "string";
    if (body !== undefined) headers["content-type"] = isText ? "application/toml" : "application/json";
    try {
      return await fetch(address(path), { method, headers, body: body === undefined || isText ? (body ?? null) : JSON.stringify(body), cache: "no-store", signal: AbortSignal.timeout(patience) });
    } catch {
      throw other(m.noAnswer);
    }
  }
}

/** A token that is no longer known is asked for again, and said to be so. */
function forget(isGone: boolean): void {
  sessionStorage.removeItem(KEPT);
  localStorage.removeItem(KEPT);
  if (isGone) sessionStorage.setItem(GONE, "");
}

function address(path: string): string {
  return new URL(`/api/v1/${path}`, location.origin).href;
}

function other(message: string): CommandError {
  return { kind: "other", message };
}

async function problem(answer: Response): Promise<CommandError> {
  try {
    return ((await answer.json()) as { error: CommandError }).error;
  } catch {
    return other(`${answer.status} ${answer.statusText}`);
  }
}

/** Snapshots for as long as somebody listens: connects again when WakeHub was away, and says so meanwhile. */
class Listening {
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #knock: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval>;
  #heard = 0;
  #version = "";
  #attempt = 0;
  #revisions = new Revisions();
  #isLost = false;
  #hasEnded = false;

  constructor(
    private session: Session,
    private onSnapshot: (snapshot: Snapshot) => void,
  ) {
    addEventListener("online", this.#now);
    document.addEventListener("visibilitychange", this.#now);
    this.#watch = setInterval(this.#look, SILENCE / 6);
    this.#open();
  }

  end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#knock);
    clearInterval(this.#watch);
    removeEventListener("online", this.#now);
    document.removeEventListener("visibilitychange", this.#now);
    this.#socket?.close();
  }

  #now = (): void => {
    if (!this.#isLost) return this.#look();
    if (document.hidden) return;
    clearTimeout(this.#timer);
    this.#open();
  };

  /** A line that says nothing for long may be dead without a word: another one tells. */
  #look = (): void => {
    if (this.#isLost || document.hidden || Date.now() - this.#heard < SILENCE) return;
    this.#open();
  };

  #open(): void {
    this.#socket?.close();
    clearTimeout(this.#knock);
    this.#heard = Date.now();
    const url = new URL(address("events?kinds=snapshot"));
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, this.session.protocols);
    this.#socket = socket;
    socket.onmessage = (event: MessageEvent<string>) => {
      if (socket === this.#socket) this.#told(JSON.parse(event.data) as Told);
    };
    this.#knock = setTimeout(() => {
      socket.close();
      if (socket === this.#socket) this.#lost();
    }, KNOCK);
    socket.onclose = ({ code }) => {
      if (socket !== this.#socket || this.#hasEnded) return;
      // let go, by one that still answers: a request tells whether the token is no longer known
      if (code === POLICY) void this.#again();
      else this.#lost();
    };
  }

  #told(told: Told): void {
    clearTimeout(this.#knock);
    this.#heard = Date.now();
    if (told.kind === "hello") {
      // another version has other pages
      if (this.#version !== told.about.version && this.#version !== "") return location.reload();
      this.#version = told.about.version;
      this.#revisions.begin(told.about.run);
    } else if (told.kind === "snapshot") {
      if (this.#isLost) announcer.say(m.connectedAgain);
      this.#isLost = false;
      this.#attempt = 0;
      this.onSnapshot(this.#revisions.take(told.snapshot));
    }
  }

  #lost(): void {
    this.#socket = null;
    clearTimeout(this.#knock);
    clearTimeout(this.#timer);
    const last = this.#revisions.last;
    if (!this.#isLost && last) {
      const notice = { severity: "critical" as const, code: "disconnected", message: m.disconnected };
      this.onSnapshot(this.#revisions.take({ ...last, at: Date.now(), notices: [notice, ...last.notices] }, true));
    }
    this.#isLost = true;
    this.#timer = setTimeout(() => void this.#again(), PAUSES[Math.min(this.#attempt++, PAUSES.length - 1)]);
  }

  /** A socket does not say why it was refused; a request does, and forgets a token that is no longer known. */
  async #again(): Promise<void> {
    try {
      await this.session.send("GET", "platform", undefined, KNOCK);
    } catch {
      if (!this.#hasEnded) this.#lost();
      return;
    }
    if (!this.#hasEnded) this.#open();
  }
}

/** JSON values as they come, a line each. */
async function* lines<T>(answer: Response): AsyncGenerator<T> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    text += value ?? "";
    const whole = text.split("\n");
    text = whole.pop() ?? "";
    for (const line of whole) yield JSON.parse(line) as T;
    if (done) throw other(m.noAnswer);
  }
}

async function tested(answer: Response, onCheck: (check: CheckView) => void): Promise<CheckView[]> {
  for await (const said of lines<TestLine>(answer)) {
    if ("check" in said) onCheck(said.check);
    else if ("done" in said) return said.done;
    else throw said.error;
  }
  throw other(m.noAnswer);
}

async function scanned(answer: Response, onFound: (found: FoundAddress) => void): Promise<void> {
  for await (const said of lines<ScanLine>(answer)) {
    if (said === "done") return;
    if ("found" in said) onFound(said.found);
    else throw said.error;
  }
}

/** The words of a query; what is null or absent is left out. */
function words(query: object): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0));
  return new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, String(value)])).toString();
}

export async function overHttp(signIn: SignIn): Promise<Backend> {
  const session = new Session();
  const standing = await session.standing();
  if (standing.kind !== "in") {
    await signIn({
      isGone: sessionStorage.getItem(GONE) !== null,
      refused: standing.kind === "refused" ? standing : null,
      again: () => session.standing(),
      enter: (token, remember) => session.enter(token, remember),
    });
  }
  let urls = new Map<NodeId, string | null>();
  const node = (id: NodeId) => `nodes/${id}`;
  const saved = async (method: string, path: string, entry: NodeEntry, secrets: object[]) => (await session.ask<{ node: NodeId }>(method, path, { entry, secrets })).node;
  const ownersOnly = () => Promise.reject(other(m.onlyInTheWindow));
  return {
    right: session.right,
    snapshot: () => session.ask("GET", "snapshot"),
    async subscribe(onSnapshot) {
      const listening = new Listening(session, (snapshot) => {
        urls = new Map(snapshot.nodes.map((one) => [one.id, one.url]));
        onSnapshot(snapshot);
      });
      return () => listening.end();
    },
    plan: (ask) => session.ask("POST", "plan", ask),
    run: (ask) => session.ask("POST", "run", ask),
    cancel: (cascade) => session.do("POST", `cascades/${cascade}/cancel`),
    cancelQueued: (id) => session.do("DELETE", `queue/${id}`),
    resume: (cascade) => session.ask("POST", `cascades/${cascade}/resume`),
    dismiss: (cascade) => session.do("POST", `cascades/${cascade}/dismiss`),
    answer: (question, answer) => session.do("POST", `questions/${question}/answer`, { answer }),
    setPinned: (id, pinned) => session.do("PUT", `${node(id)}/pinned`, { pinned }),
    hold: (id, until) => session.do("PUT", `${node(id)}/hold`, until === null ? "nothing" : { until }),
    readSchedule: (ask) => session.ask("POST", "schedule/read", ask),
    why: (id) => session.ask("GET", `${node(id)}/why`),
    savings: (ask) => session.ask("POST", "savings", ask),
    judge: (id, rule) => session.ask("POST", `${node(id)}/judge`, rule),
    pauseStops: (until) => session.do("PUT", "stops/pause", { until }),
    nodeEntry: (id) => session.ask("GET", `${node(id)}/entry`),
    saveNode: (id, entry, secrets) => (id === null ? saved("POST", "nodes", entry, secrets) : saved("PUT", node(id), entry, secrets)),
    saveNodes: (entries) => session.ask("POST", "batch", { entries }),
    removeNode: (id) => session.do("DELETE", node(id)),
    secretsPresent: async (id) => (await session.ask<{ present: SecretName[] }>("GET", `${node(id)}/secrets`)).present,
    testConnection: async (id, entry, secrets, onCheck) => tested(await session.send("POST", "test", { node: id, entry, secrets }), onCheck),
    accept: (presented) => session.do("POST", "accept", presented),
    discover: async (id) => (await session.ask<{ to_configure: number }>("POST", `${node(id)}/discover`)).to_configure,
    scan: async (sweep, onFound) => scanned(await session.send("POST", "scan", { sweep }), onFound),
    startDemo: ownersOnly,
    leaveDemo: ownersOnly,
    importHomelab: (text) => session.ask("POST", "homelab", text),
    exportHomelab: async () => (await session.send("GET", "homelab")).text(),
    journal: (query) => session.ask("GET", `journal?${words(query)}`),
    exportJournal: async (query, format) => (await session.send("GET", `journal/export?${words({ ...query, format })}`)).text(),
    async openUrl(id) {
      const url = urls.get(id);
      if (url && /^https?:/.test(url)) window.open(url, "_blank", "noopener,noreferrer");
    },
    settings: () => session.ask<SettingsView>("GET", "settings"),
    setSetting: (key, value) => session.do("PUT", "settings", { key, value }),
    platform: () => session.ask<Platform>("GET", "platform"),
    access: ownersOnly,
    setAccess: ownersOnly,
    addToken: ownersOnly,
    removeToken: ownersOnly,
    signOut() {
      forget(false);
      location.reload();
    },
  };
}
