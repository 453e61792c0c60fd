// Generated from the Rust types of wakehub-view by `npm run bindings`. Do not edit.

/**
 * A node of the homelab. Given in order of creation and never used twice, so that comparing ids compares ages.
 */
export type NodeId = number;

/**
 * One execution of a plan.
 */
export type CascadeId = number;

/**
 * A question that waits for the user's answer.
 */
export type QuestionId = number;

/**
 * Milliseconds since the Unix epoch, UTC.
 */
export type Timestamp = number;

export type NodeKind = "machine" | "vm" | "lxc" | "container";

/**
 * What a node offers.
 */
export type Capability = "wol" | "ssh" | "proxmox_api" | "docker_api";

export type Action = "start" | "stop";

export type FollowUpMode = "auto" | "confirm";

export type ErrorKind = "unreachable" | "unauthorised" | "untrusted" | "rejected" | "unsupported" | "timed_out" | "protocol" | "no_secret" | "paused";

/**
 * What a node can have a secret for. The database and homelab.toml know only these names.
 */
export type SecretName = "ssh-password" | "ssh-passphrase" | "jump-password" | "jump-passphrase" | "proxmox-token" | "proxmox-password" | "wol-password" | "probe";

/**
 * An SSH host key or a TLS certificate that was presented.
 */
export type Presented = { kind: PresentedKind, 
/**
 * `10.77.0.2:22`, as it was connected to.
 */
endpoint: string, 
/**
 * `ssh-ed25519`; for a certificate its subject.
 */
algorithm: string, 
/**
 * Host key: `SHA256:` and base64 without padding, as OpenSSH prints it. Certificate: SHA-256 of the DER, in upper-case
 * hexadecimal pairs with colons, as Proxmox and openssl print it.
 */
fingerprint: string, 
/**
 * What was accepted before, in the same form; `None` the first time.
 */
accepted: string | null, };

export type PresentedKind = "host_key" | "certificate";

export type SshAuth = "password" | "key" | "agent";

export type SshConfig = { user: string, auth: SshAuth, 
/**
 * With `auth = "key"`; a leading `~/` is the user's home.
 */
key_file?: string | null, port: number, 
/**
 * One jump host (OpenSSH's ProxyJump).
 */
jump?: SshJump | null, };

export type SshJump = { address: string, user: string, auth: SshAuth, key_file?: string | null, port: number, };

/**
 * One Proxmox VE API. Either `token_id` (recommended) or `user` must stand.
 */
export type ProxmoxConfig = { 
/**
 * `https://10.77.0.2:8006`
 */
url: string, 
/**
 * The name of this machine within Proxmox, for example `pve2`.
 */
node: string, 
/**
 * `root@pam!wakehub`
 */
token_id?: string | null, 
/**
 * `root@pam`
 */
user?: string | null, };

/**
 * One Docker engine.
 */
export type DockerConfig = { 
/**
 * `tcp://host:2375` (unprotected), `tcp://host:2376` (TLS with client certificates), `ssh` (over the node's own SSH
 * connection) or `unix:///var/run/docker.sock`.
 */
url: string, 
/**
 * A folder with `ca.pem`, `cert.pem` and `key.pem`, as for `DOCKER_CERT_PATH`; for port 2376.
 */
cert_path?: string | null, };

/**
 * When a node counts as ready to use, beyond what its platform says.
 */
export type Probe = { "tcp": string } | { "http": string };

/**
 * How a machine is stopped. Suspended and hibernated count as off: the same magic packet wakes them.
 */
export type PowerOff = "shut_down" | "suspend" | "hibernate";

/**
 * The `idle` table of a node. What a newer version adds has a default, so that what was written before keeps its meaning.
 */
export type IdleRule = { enabled?: boolean, 
/**
 * From a minute to a week; what holds for all nodes unless set.
 */
timeout_minutes?: number | null, 
/**
 * Those of [`Criteria::usual`] unless the table stands there; an empty one has none, and then the node is never idle.
 * Whoever knows the node puts [`Criteria::usual_of`] in its place before it is judged.
 */
criteria?: Criteria | null, };

/**
 * One entry of `schedules` in homelab.toml: `{ action = "start", cron = "0 18 * * 1-5" }`.
 */
export type Schedule = { action: Action, 
/**
 * Five fields: minute, hour, day of the month, month, day of the week.
 */
cron: string, enabled?: boolean, 
/**
 * How late it may still be done after WakeHub was off or the computer slept; 0 leaves it out, 1440 is the most. An hour for
 * a start and 0 for a stop unless set.
 */
catch_up_minutes?: number | null, 
/**
 * `Europe/Paris`; the computer's unless set.
 */
time_zone?: string | null, };

export type Day = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";

/**
 * One entry of `auto_stop_windows` in homelab.toml: `{ from = "22:00", to = "07:00", days = ["fri", "sat"] }`. It ends on the
 * next day when `to` is not after `from`, so that the same time twice is a whole day.
 */
export type StopWindow = { 
/**
 * `22:00`
 */
from: string, 
/**
 * `07:00`
 */
to: string, 
/**
 * On which it begins; every day when there is none.
 */
days?: Array<Day>, 
/**
 * `Europe/Paris`; the computer's unless set.
 */
time_zone?: string | null, };

/**
 * One that is absent is switched off.
 */
export type Criteria = { cpu?: Cpu | null, ram?: Ram | null, network_traffic?: NetworkTraffic | null, network_connections?: NetworkConnections | null, disk?: Disk | null, probe?: UseProbe | null, last_access?: LastAccess | null, };

/**
 * Cores in use, on average since the last tick: 1.5 is one and a half, however many there are.
 */
export type Cpu = { cores?: number, };

/**
 * The used part of the memory, from 0 to 1.
 */
export type Ram = { fraction?: number, };

/**
 * Sent and received together, in a tick of a minute. With neither set, bytes count, and 1 KiB of them is the most.
 */
export type NetworkTraffic = { bytes_per_tick?: number | null, packets_per_tick?: number | null, };

/**
 * Established TCP connections of others to the node.
 */
export type NetworkConnections = { 
/**
 * So many do not count as use.
 */
more_than?: number, };

/**
 * Read and written together, in a tick of a minute.
 */
export type Disk = { bytes_per_tick?: number, };

/**
 * One question, and how its answer is read.
 */
export type UseProbe = { "http": HttpProbe } | { "ssh": SshProbe } | { "jellyfin": JellyfinProbe } | { "plex": PlexProbe } | { "qbittorrent": QbittorrentProbe } | { "syncthing": SyncthingProbe };

/**
 * A GET, and what its answer shows. An answer counts when its status is 2xx, or `status`; any other is not known.
 *
 * Everything that is set has to hold: the `status`; the JSON value at `pointer`, which has to equal `equals`, be more than
 * `more_than`, or else be anything but false, null, 0, an empty text, list or object; the `text` somewhere in the answer. A
 * pointer that leads nowhere, an answer that is no JSON, a value that is no number where one is compared are not known.
 */
export type HttpProbe = { url: string, status?: number | null, 
/**
 * RFC 6901: `/sessions/0/playing`; empty for the whole answer.
 */
pointer?: string | null, equals?: Scalar | null, 
/**
 * Of a number, of a text that is one, or of how many a list has.
 */
more_than?: number | null, text?: string | null, 
/**
 * What it means when all of it holds.
 */
means?: Means, 
/**
 * The secret is sent as the value of this header, as it is: `X-Api-Key`.
 */
header?: string | null, 
/**
 * The secret is sent as the value of this parameter of the query, where a service knows no header: `apikey`.
 */
parameter?: string | null, 
/**
 * The secret is this user's password (HTTP basic authentication).
 */
user?: string | null, 
/**
 * SHA-256 of a certificate that no authority of this computer has signed, as openssl prints it.
 */
certificate?: string | null, };

/**
 * A value of JSON that has no parts.
 */
export type Scalar = boolean | number | string;

export type Means = "used" | "not_used";

/**
 * A command over the node's own SSH, or that of the nearest of its hosts which has one. Exit status 0: used, 1: not used, as
 * `grep`, `pgrep` and `test` end; any other is not known.
 */
export type SshProbe = { command: string, };

/**
 * Jellyfin, or Emby: used while a session plays something. The secret is an API key.
 */
export type JellyfinProbe = { 
/**
 * Where its pages begin: `http://10.0.0.21:8096`.
 */
url: string, 
/**
 * What is paused counts as well; the server itself drops a session that has gone.
 */
paused?: boolean, 
/**
 * A task that runs (the scan of a library, an update) counts as well.
 */
tasks?: boolean, 
/**
 * SHA-256 of a certificate that no authority of this computer has signed, as openssl prints it.
 */
certificate?: string | null, };

/**
 * Plex: used while a session plays something. The secret is an X-Plex-Token.
 */
export type PlexProbe = { 
/**
 * `http://10.0.0.21:32400`
 */
url: string, 
/**
 * What is paused counts as well.
 */
paused?: boolean, 
/**
 * SHA-256 of a certificate that no authority of this computer has signed, as openssl prints it.
 */
certificate?: string | null, };

/**
 * qBittorrent: used while it downloads or looks for what it has to; a download that nobody sends, waits or is stopped does not
 * count, nor does seeding below `upload_bytes_per_second`.
 */
export type QbittorrentProbe = { 
/**
 * `http://10.0.0.21:8080`
 */
url: string, 
/**
 * The secret is this user's password. Without a user it is an API key (5.2 and newer), or none is needed.
 */
user?: string | null, 
/**
 * Sending more than this is use; unless set, sending never is.
 */
upload_bytes_per_second?: number | null, 
/**
 * SHA-256 of a certificate that no authority of this computer has signed, as openssl prints it.
 */
certificate?: string | null, };

/**
 * Syncthing: used while a folder is synchronised, or a device that is connected lacks something that is here. The secret is
 * its API key.
 */
export type SyncthingProbe = { 
/**
 * `http://10.0.0.21:8384`
 */
url: string, 
/**
 * A folder that is scanned counts as well: what was changed here is found by that.
 */
scanning?: boolean, 
/**
 * SHA-256 of a certificate that no authority of this computer has signed, as openssl prints it.
 */
certificate?: string | null, };

/**
 * Somebody is logged in, or a port accepts.
 */
export type LastAccess = { 
/**
 * Who is logged in counts. Off for a node that cannot be asked, such as a container whose port counts.
 */
logins?: boolean, 
/**
 * While this TCP port of the node, or of the host that it has its address from, accepts connections, it is used: of a
 * server that only runs while somebody needs it. One that refuses is not used; no answer at all is not known.
 */
port?: number | null, };

/**
 * What Wake-on-LAN needs beyond the MAC address, where the defaults do not reach the machine.
 */
export type WolEntry = { broadcast?: string | null, interface?: string | null, };

/**
 * One `[[node]]` of homelab.toml, and the content of the node form. Other nodes are referenced by name.
 */
export type NodeEntry = { name: string, kind: NodeKind, host?: string | null, 
/**
 * The number of a VM or LXC, learned from Proxmox by its name when absent; the name of a container, its own when
 * absent.
 */
platform_id?: string | null, depends_on?: Array<string>, address?: string | null, 
/**
 * Switches Wake-on-LAN on.
 */
mac?: string | null, wol?: WolEntry | null, ssh?: SshConfig | null, proxmox_api?: ProxmoxConfig | null, docker_api?: DockerConfig | null, pinned?: boolean | null, url?: string | null, open_when_started?: boolean | null, readiness?: Probe | null, start_timeout_seconds?: number | null, stop_timeout_seconds?: number | null, confirm_before_auto_stop?: boolean | null, always_on?: boolean | null, stop_when_empty?: boolean | null, force_stop?: boolean | null, power_off?: PowerOff | null, shutdown_command?: string | null, watts_on?: number | null, watts_suspended?: number | null, note?: string | null, tags?: Array<string>, 
/**
 * When it counts as used. Without it the node is never stopped for being idle.
 */
idle?: IdleRule | null, 
/**
 * When it is started and stopped by the clock.
 */
schedules?: Array<Schedule>, 
/**
 * Outside these it is not stopped automatically; at any time without one.
 */
auto_stop_windows?: Array<StopWindow>, };

export type Snapshot = { revision: number, 
/**
 * When it was made.
 */
at: Timestamp, 
/**
 * In order of creation.
 */
nodes: Array<NodeView>, connections: Array<ConnectionView>, 
/**
 * Running and interrupted ones first, then the last few that ended, newest first.
 */
cascades: Array<CascadeView>, 
/**
 * Asked for, and waiting for a running cascade to end.
 */
queued: Array<QueuedView>, 
/**
 * Oldest first.
 */
questions: Array<QuestionView>, discovered: Array<DiscoveredView>, 
/**
 * What the user should know about WakeHub itself, worst first.
 */
notices: Array<Notice>, 
/**
 * Until then nothing is stopped automatically, because the user said so.
 */
stops_paused_until: Timestamp | null, };

export type NodeView = { id: NodeId, name: string, kind: NodeKind, host: NodeId | null, depends_on: Array<NodeId>, 
/**
 * The nodes that depend on it directly.
 */
needed_by: Array<NodeId>, platform_id: string | null, address: string | null, power: Power, 
/**
 * With `failed`: why, in the platform's own words.
 */
cause: string | null, 
/**
 * When it came into this state.
 */
since: Timestamp, 
/**
 * When it was last seen in it; null when never.
 */
seen: Timestamp | null, 
/**
 * In plain words: `paused`, `connection refused on port 22`.
 */
note: string | null, 
/**
 * Of a container with a health check.
 */
health: HealthView | null, 
/**
 * The platform's word for a lock: `backup`.
 */
lock: string | null, held_until: Timestamp | null, 
/**
 * Its next start and its next stop by the clock, in time.
 */
next_scheduled: Array<ScheduledView>, pinned: boolean, url: string | null, always_on: boolean, confirm_before_auto_stop: boolean, stop_when_empty: boolean, capabilities: Array<Capability>, 
/**
 * Null when nothing is configured by which it could be started.
 */
start_channel: Capability | null, stop_channel: Capability | null, 
/**
 * Guests that were discovered on it and are not configured.
 */
to_configure: number, 
/**
 * Its host no longer knows it.
 */
vanished: boolean, 
/**
 * The running cascade that works on it.
 */
cascade: CascadeId | null, tags: Array<string>, 
/**
 * Secrets that its configuration asks for and the keyring does not have.
 */
missing_secrets: Array<SecretName>, };

export type Power = "unknown" | "off" | "starting" | "on" | "stopping" | "failed";

export type HealthView = "starting" | "healthy" | "unhealthy";

/**
 * One Proxmox API, Docker engine or SSH host, and how it is doing.
 */
export type ConnectionView = { node: NodeId, capability: Capability, 
/**
 * `machine2: Proxmox API`
 */
title: string, status: ConnectionStatus, 
/**
 * The last answer.
 */
seen: Timestamp | null, failure: FailureView | null, };

export type ConnectionStatus = "new" | "answers" | "asleep" | "fails" | "paused";

/**
 * An error as a user reads it: "failed to {operation}: {message}".
 */
export type FailureView = { kind: ErrorKind, operation: string, 
/**
 * The platform's own words.
 */
message: string, 
/**
 * What to do next.
 */
advice: string, 
/**
 * A host key or certificate that waits to be accepted.
 */
presented: Presented | null, at: Timestamp, };

export type CascadeView = { id: CascadeId, action: Action, node: NodeId | null, 
/**
 * Stays when the node is removed.
 */
node_name: string, automatic: boolean, status: CascadeStatus, steps: Array<StepView>, begun: Timestamp, ended: Timestamp | null, 
/**
 * Cancelled by the user; ends after the step in progress.
 */
cancelling: boolean, 
/**
 * Why it failed, or what an interrupted one waits for.
 */
failure: FailureView | null, };

export type CascadeStatus = "running" | "completed" | "failed" | "cancelled" | "interrupted";

export type StepView = { node: NodeId | null, node_name: string, action: Action, channel: Capability, reason: string, status: StepStatus, begun: Timestamp | null, ended: Timestamp | null, timeout_ms: number, 
/**
 * The median of the last five times.
 */
usual_ms: number | null, 
/**
 * What it does now: `magic packet sent 3 times, waiting for port 22`; or why it was skipped.
 */
detail: string | null, };

export type StepStatus = "waits" | "running" | "done" | "failed" | "skipped" | "cancelled";

export type QueuedView = { 
/**
 * By which it can be cancelled.
 */
id: number, action: Action, node: NodeId, node_name: string, behind: CascadeId, };

/**
 * "Shut it down?" No answer means that it stays on.
 */
export type QuestionView = { id: QuestionId, node: NodeId, node_name: string, 
/**
 * Why it is asked: `no longer needed once lxc-jellyfin is off`.
 */
reason: string, asked_at: Timestamp, 
/**
 * Without an answer it is shut down then. Null where no answer means that it stays on.
 */
stops_at: Timestamp | null, };

export type ScheduledView = { at: Timestamp, action: Action, };

/**
 * What is typed in the form of a schedule.
 */
export type ScheduleAsk = { cron: string, 
/**
 * `Europe/Paris`; the computer's unless set.
 */
time_zone?: string | null, };

/**
 * What it says: a reading and the next five times, or what is wrong with it.
 */
export type ScheduleReading = { 
/**
 * `every weekday at 18:00`
 */
reading: string | null, next: Array<Timestamp>, 
/**
 * At `cron` or `time_zone`.
 */
error: EntryError | null, };

/**
 * Why a node is on, and what its idle rule says.
 */
export type WhyView = { node: NodeId, node_name: string, power: Power, 
/**
 * What keeps it from being stopped automatically, whether it is used or not: `nas is needed by qbittorrent`. Null when
 * nothing does.
 */
kept_on: string | null, 
/**
 * Null without an idle rule: then it is never asked about for not being used.
 */
idle: IdleView | null, 
/**
 * What an automatic stop would do now; null where it would be refused (`kept_on`) or there is nothing to stop.
 */
would: PlanView | null, 
/**
 * Its next start and its next stop by the clock, in time.
 */
next_scheduled: Array<ScheduledView>, };

export type IdleView = { enabled: boolean, timeout_s: number, 
/**
 * Null before the first tick, and while the node is not on.
 */
verdict: VerdictWord | null, 
/**
 * In plain words: `1.20 cores of the processor in use, more than 0.50 cores`.
 */
because: string | null, 
/**
 * With `idle`: the last use, or the first tick after it.
 */
idle_since: Timestamp | null, 
/**
 * WakeHub was off or asleep before, and what was used until then is what its platform remembers. Only with an earlier
 * `idle_since`.
 */
remembered_until: Timestamp | null, 
/**
 * When it was judged. Samples are taken once a minute.
 */
at: Timestamp | null, signals: Array<SignalView>, 
/**
 * What could not be measured, and why, in plain words.
 */
unmeasured: Array<string>, 
/**
 * When it will have been idle for the whole timeout, if nobody uses it until then. Only with `idle`.
 */
due_at: Timestamp | null, 
/**
 * The ticks of the last hour, oldest first.
 */
ticks: Array<TickView>, 
/**
 * Thresholds that its own quiet hours stay below, from the samples at hand.
 */
suggestion: Suggestion, 
/**
 * How many samples the suggestion comes from, one a minute.
 */
samples: number, };

export type VerdictWord = "active" | "idle" | "inhibited" | "unknown";

/**
 * One criterion at the last tick.
 */
export type SignalView = { criterion: Criterion, 
/**
 * `1.20 cores`
 */
value: string, 
/**
 * The most that is not use: `0.50 cores`
 */
threshold: string, over: boolean, 
/**
 * The threshold as a number in the unit of `trail`: cores, a fraction, bytes or packets a tick, a count.
 */
limit: number, 
/**
 * One value for each of the rule's `ticks`; null where it was not known.
 */
trail: Array<number | null>, };

/**
 * The thresholds that a node's quiet hours stay below; none where too little was measured, or nothing was quiet.
 */
export type Suggestion = { cpu_cores: number | null, ram_fraction: number | null, bytes_per_tick: number | null, packets_per_tick: number | null, connections: number | null, disk_bytes_per_tick: number | null, };

export type TickView = { at: Timestamp, verdict: VerdictWord, };

/**
 * What a rule would have said at one tick.
 */
export type JudgedView = { at: Timestamp, verdict: VerdictWord, because: string, 
/**
 * The automatic stop would have begun here.
 */
stop: boolean, };

/**
 * Which of them is spoken of.
 */
export type Criterion = "cpu" | "ram" | "network_traffic" | "network_connections" | "disk" | "probe" | "last_access";

export type Answer = "shut_down" | "keep_on" | "snooze" | "always_keep_on";

/**
 * A guest that its host knows and the homelab does not.
 */
export type DiscoveredView = { host: NodeId, kind: NodeKind, platform_id: string, name: string, power: Power, addresses: Array<string>, ports: Array<number>, image: string | null, 
/**
 * `mediastack / jellystat`
 */
compose: string | null, cores: number | null, memory_bytes: number | null, 
/**
 * The form, filled with all that the platform knows.
 */
entry: NodeEntry, 
/**
 * Platform ids of what it probably needs too, on the same host and not configured either; `entry` names only what is.
 */
suggested: Array<string>, };

export type Notice = { severity: Severity, 
/**
 * Stable, for tests and for dismissing: `no_keyring`, `database_set_aside`, `disk_full`, `no_tray`, …
 */
code: string, 
/**
 * What is the matter, and what to do.
 */
message: string, };

export type Severity = "remark" | "warning" | "critical";

/**
 * A start or a stop that somebody asks for.
 */
export type Ask = { action: Action, node: NodeId, 
/**
 * Of a stop: stop what depends on it first, instead of refusing.
 */
with_dependants: boolean, 
/**
 * Wait for a cascade that is in the way instead of refusing.
 */
queue: boolean, 
/**
 * Plan it as WakeHub plans its own stops, which are refused more easily. Looked at in previews only: what a person
 * asks for is never automatic.
 */
automatic: boolean, };

export type PlanAnswer = { "kind": "plan", plan: PlanView, } | { "kind": "refused", refusal: RefusalView, };

/**
 * What is about to happen. The same plan runs.
 */
export type PlanView = { action: Action, node: NodeId, node_name: string, steps: Array<PlanStepView>, skipped: Array<SkippedView>, protected: Array<ProtectedView>, follow_ups: Array<FollowUpView>, 
/**
 * The sum of the usual durations, when every step has one.
 */
usual_ms: number | null, };

export type PlanStepView = { node: NodeId, node_name: string, action: Action, channel: Capability, 
/**
 * Where the channel leads: `machine2’s Proxmox API`.
 */
via: string, 
/**
 * What is waited for: `port 22 accepts`.
 */
readiness: string, reason: string, timeout_ms: number, usual_ms: number | null, 
/**
 * Goes down although it is not part of the target: an active dependant, or a follow-up.
 */
beyond_target: boolean, };

export type SkippedView = { node: NodeId, node_name: string, reason: string, };

export type ProtectedView = { node: NodeId, node_name: string, by: Array<string>, reason: string, };

export type FollowUpView = { node: NodeId, node_name: string, mode: FollowUpMode, reason: string, };

export type RefusalView = { node: NodeId, node_name: string, 
/**
 * `needed_by`, `always_on`, `held`, `locked`, `stale_observation`, `guarded`, `no_channel`, `unknown_node`
 */
kind: string, 
/**
 * Names of the nodes in the way.
 */
by: Array<string>, message: string, };

export type RunAnswer = { "kind": "started", cascade: CascadeId, } | { "kind": "nothing_to_do" } | { "kind": "queued", behind: CascadeId, } | { "kind": "refused", refusal: RefusalView, } | { "kind": "busy", node_name: string, cascade: CascadeId, 
/**
 * `the start of lxc-jellyfin`
 */
title: string, };

/**
 * One thing that the connection test tried.
 */
export type CheckView = { capability: Capability, 
/**
 * `reachable`, `trusted`, `login`, `privileges`, `sudo`, `version`, `protection`, `packets`
 */
what: string, title: string, outcome: CheckOutcomeView, detail: string, advice: string | null, presented: Presented | null, took_ms: number, };

export type CheckOutcomeView = "passed" | "warning" | "failed" | "skipped";

/**
 * An address of the home network that this computer has lately seen or that announces itself.
 */
export type FoundAddress = { address: string, mac: string | null, name: string | null, 
/**
 * Who made its network card, where that tells something.
 */
vendor: string | null, source: FoundBy, 
/**
 * The node that is configured with this address or MAC address already.
 */
node: NodeId | null, };

export type FoundBy = "neighbours" | "mdns";

/**
 * A secret typed into a form; it goes to the keyring and is never sent back.
 */
export type SecretEntry = { name: SecretName, value: string, };

/**
 * Why a form or an import is refused.
 */
export type EntryError = { 
/**
 * The key in homelab.toml (`ssh.key_file`), when one field is to blame.
 */
field: string | null, 
/**
 * In an import: counted from 1.
 */
line: number | null, message: string, };

export type ImportReport = { added: Array<string>, changed: Array<string>, 
/**
 * Secrets to set before these nodes can be used: (node, secret).
 */
missing_secrets: Array<[string, SecretName]>, };

export type JournalQuery = { node: NodeId | null, cascade: CascadeId | null, 
/**
 * Words, or their beginnings, that all stand in a line.
 */
text: string | null, 
/**
 * `start`, `state`, …: lines of any of these; all when there are none.
 */
kinds?: Array<string> | null, 
/**
 * Not older than this.
 */
from?: Timestamp | null, 
/**
 * Older than this.
 */
to?: Timestamp | null, 
/**
 * Only entries with a smaller id, to page on.
 */
before: number | null, 
/**
 * At most 500; 100 unless set. Of an export: so many of the newest; all unless set.
 */
limit: number | null, };

export type JournalLine = { id: number, at: Timestamp, 
/**
 * `start`, `stop`, `step`, `state`, `decision`, `question`, `edit`, `error`, …
 */
kind: string, node: NodeId | null, node_name: string | null, cascade: CascadeId | null, message: string, reason: string | null, };

/**
 * How the journal is written to a file.
 */
export type JournalFormat = "json_lines" | "csv";

/**
 * Every command of the UI that fails, fails with this.
 */
export type CommandError = { "kind": "entry", errors: Array<EntryError>, } | { "kind": "failure", failure: FailureView, } | { "kind": "other", message: string, };

/**
 * The API over TCP. The socket in the data directory is always there, for the user who runs WakeHub alone.
 */
export type ApiAccess = { 
/**
 * Off unless switched on.
 */
tcp: boolean, 
/**
 * `127.0.0.1:9253`
 */
listen: string, 
/**
 * From where plain HTTP is accepted. Whoever can read the traffic can read the tokens in it.
 */
plain_http: PlainHttp, 
/**
 * Names under which a browser may ask, besides this computer's own: that of a proxy, for example.
 */
hosts: Array<string>, };

/**
 * Which networks have been accepted for plain HTTP.
 */
export type PlainHttp = "this_computer" | "private_networks" | "anywhere";

/**
 * What a token allows.
 */
export type ApiScope = "read" | "control";

/**
 * What whoever has the window before him may do.
 */
export type Right = "read" | "control" | "owner";

/**
 * A token without its secret, which nobody knows but whom it was shown to.
 */
export type ApiToken = { 
/**
 * Stands in the token: `wh-ID-…`.
 */
id: string, 
/**
 * What it is for: `phone`.
 */
name: string, scope: ApiScope, created: Timestamp, 
/**
 * When somebody came with it last, to about ten minutes; null when nobody has.
 */
used: Timestamp | null, };

export type NewApiToken = { name: string, scope: ApiScope, };

/**
 * The only time that the token itself is shown.
 */
export type ShownApiToken = { entry: ApiToken, token: string, };

/**
 * How the API is doing.
 */
export type ApiStatus = { access: ApiAccess, 
/**
 * The address that answers; null while TCP is switched off or fails.
 */
listening: string | null, 
/**
 * What to type into a browser, the likeliest first; empty while nothing answers.
 */
urls: Array<string>, 
/**
 * Why TCP is switched on and does not answer: `address already in use`.
 */
failure: string | null, tokens: Array<ApiToken>, };

/**
 * Seconds for each kind of node.
 */
export type KindSeconds = { machine: number, vm: number, lxc: number, container: number, };

/**
 * How the engine works where nodes say nothing themselves.
 */
export type EngineSettings = { 
/**
 * Seconds between two polls while somebody looks or a cascade runs, 5 to 300.
 */
poll_watched_s: number, 
/**
 * Seconds between two polls otherwise, 10 to 3600.
 */
poll_idle_s: number, 
/**
 * Seconds, 5 to 3600.
 */
start_timeout_s: KindSeconds, 
/**
 * Seconds, 5 to 3600.
 */
stop_timeout_s: KindSeconds, 
/**
 * Of idle rules that set none, 1 to 10080.
 */
idle_timeout_minutes: number, 
/**
 * Of electricity, in `currency`, 0 to 100; without it there is no money in what was saved.
 */
price_per_kwh: number | null, 
/**
 * ISO 4217: three capital letters.
 */
currency: string, };

/**
 * Weeks begin on Monday (ISO 8601).
 */
export type Period = "day" | "week" | "month";

/**
 * Which days, weeks or months are asked for; the one that is not over counts as one.
 */
export type SavingsAsk = { by: Period, 
/**
 * 1 to 400 days, 1 to 57 weeks, 1 to 13 months: older spans are forgotten.
 */
count: number, 
/**
 * One node's; all nodes' unless set.
 */
node?: NodeId | null, };

/**
 * An estimate: hours as they were seen, energy and money by the watts and the price that the user has given.
 */
export type SavedView = { off_hours: number, 
/**
 * The part of `off_hours` in which WakeHub did not look: the node was off before and afterwards.
 */
unseen_hours: number, on_hours: number, 
/**
 * Null when no watts are known.
 */
kwh: number | null, 
/**
 * Null when no watts or no price is known.
 */
money: number | null, };

export type SavedPeriod = { 
/**
 * Its first day, `2026-11-22`.
 */
first_day: string, from: Timestamp, 
/**
 * Its end, be it to come.
 */
to: Timestamp, saved: SavedView, };

export type SavedNode = { node: NodeId, name: string, saved: SavedView, };

/**
 * The hours of all are those of machines alone: they are what draws power, and thirty containers that are off for an hour are
 * not thirty hours. Energy is that of every node with watts.
 */
export type SavingsView = { by: Period, 
/**
 * Oldest first; the last is not over.
 */
periods: Array<SavedPeriod>, total: SavedView, 
/**
 * Over all these periods: those that were off for a while, most energy first, then most hours.
 */
nodes: Array<SavedNode>, 
/**
 * Machines that were off and whose watts are not known: their energy is missing.
 */
without_watts: Array<string>, price_per_kwh: number | null, 
/**
 * ISO 4217, `EUR`.
 */
currency: string, 
/**
 * The first look that is still known; null before it.
 */
since: Timestamp | null, };

/**
 * What can be chosen in the window. What the host at hand cannot do is null, and is not offered.
 */
export type SettingsView = { start_at_login: boolean | null, 
/**
 * Of the tray and of notifications; null follows the system.
 */
language: LanguageName | null, 
/**
 * Seconds between two polls while somebody looks or a cascade runs, 5 to 300.
 */
poll_watched_s: number, 
/**
 * Seconds between two polls otherwise, 10 to 3600.
 */
poll_idle_s: number, 
/**
 * Seconds, 5 to 3600.
 */
start_timeout_s: KindSeconds, 
/**
 * Seconds, 5 to 3600.
 */
stop_timeout_s: KindSeconds, 
/**
 * Of idle rules that set none, 1 to 10080.
 */
idle_timeout_minutes: number, 
/**
 * Of electricity, in `currency`, 0 to 100; without it there is no money in what was saved.
 */
price_per_kwh: number | null, 
/**
 * ISO 4217: three capital letters.
 */
currency: string, };

export type LanguageName = "en" | "fr";

/**
 * One setting with its new value.
 */
export type SettingChange = { "key": "start_at_login", "value": boolean } | { "key": "poll_watched_s", "value": number } | { "key": "poll_idle_s", "value": number } | { "key": "start_timeout_s", "value": KindSeconds } | { "key": "stop_timeout_s", "value": KindSeconds } | { "key": "idle_timeout_minutes", "value": number } | { "key": "price_per_kwh", "value": number | null } | { "key": "currency", "value": string } | { "key": "language", "value": LanguageName | null };
