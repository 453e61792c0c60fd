// Runs the built `wakehub` for tests in a browser: the real engine with its API, over the demo homelab or a real one.
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const program = join(target, "debug", process.platform === "win32" ? "wakehub.exe" : "wakehub");

/** How long a program may take to say that it runs, or to end, before that is a failure. */
const PATIENCE = 60_000;

/**
 * Starts `wakehub run` in a folder of its own and switches its API on, on a free port of loopback.
 *
 * @param {object} [options]
 * @param {"reference" | "empty" | null} [options.demo] Which demo homelab; null runs the real thing, which needs a keyring for its tokens.
 * @param {number} [options.speed] How many times as fast as in life the demo is.
 * @param {number} [options.seed] Of the demo's mishaps; 0 has none.
 * @param {Record<string, string>} [options.env] More of the environment: that of a `keyring()`, for example.
 */
export async function runWakehub({ demo = "reference", speed = 20, seed = 0, env = {} } = {}) {
  if (!existsSync(program)) throw new Error(`there is no ${program}: npm run ui:build && cargo build -p wakehub-cli`);
  const home = await mkdtemp(join(tmpdir(), "wakehub-served-"));
  const given = join(home, "data");
  const folder = demo === null ? given : join(given, "demo");
  const environment = { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: home, WAKEHUB_LOG: "warn", ...env };
  const args = demo === null ? [] : [`--demo=${demo}`, "--speed", String(speed), "--seed", String(seed)];
  const port = await freePort();
  let child;

  /** A command beside the running one; resolves with its standard output. */
  const cli = (words, input = "") =>
    new Promise((done, failed) => {
      const ran = execFile(program, ["--data-dir", folder, ...words], { env: environment, timeout: PATIENCE }, (error, stdout, stderr) =>
        error ? failed(new Error(`wakehub ${words.join(" ")}: ${stderr || error.message}`)) : done(stdout),
      );
      ran.stdin.end(input);
    });

  const start = async () => {
    child = spawn(program, ["--data-dir", given, "run", ...args], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    // what it complains about is read in any case: a full pipe would hold it up
    let complaints = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (complaints = (complaints + text).slice(-4000)));
    await said(child, /^running/).catch((error) => {
      throw new Error(`${error.message}: ${complaints}`);
    });
  };

  const end = async (signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await within(ended, `wakehub (${child.pid}) does not end`);
  };

  const wakehub = {
    url: `http://127.0.0.1:${port}/`,
    port,
    /** What `--data-dir` says to reach the running one. */
    folder,
    get pid() {
      return child.pid;
    },
    cli,
    /** Makes a token of the scope `read` or `control`. */
    token: async (scope, name = scope) => (await cli(["token", "add", name, "--scope", scope])).split("\n")[0],
    /** The API with a token: the parsed answer. */
    async api(token, method, path, body) {
      const answer = await fetch(`${wakehub.url}api/v1/${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text === "" ? null : JSON.parse(text);
    },
    /** Ends it in good order, or at once with SIGKILL. */
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    /** Again, with what it has kept, at the same address. */
    start,
    /** For good. */
    async close() {
      await end("SIGTERM");
      await rm(home, { recursive: true, force: true });
    },
  };

  try {
    await start();
    await cli(["api", "on", "--listen", `127.0.0.1:${port}`]);
  } catch (error) {
    await wakehub.close();
    throw error;
  }
  return wakehub;
}

const BUS = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`;

/** The real gnome-keyring on a D-Bus of its own, unlocked; `env` is for whoever is to use it. */
export async function keyring() {
  const home = await mkdtemp(join(tmpdir(), "wakehub-keyring-"));
  const started = [];
  const close = async () => {
    for (const child of started.reverse()) child.kill("SIGTERM");
    await rm(home, { recursive: true, force: true });
  };
  try {
    await mkdir(join(home, "control"));
    await writeFile(join(home, "bus.conf"), BUS);
    const bus = spawn("dbus-daemon", [`--config-file=${join(home, "bus.conf")}`, "--nofork", "--print-address"], { stdio: ["ignore", "pipe", "ignore"] });
    started.push(bus);
    const env = { DBUS_SESSION_BUS_ADDRESS: await said(bus, /^unix:/) };
    const places = { ...process.env, ...env, HOME: home, XDG_RUNTIME_DIR: home, XDG_DATA_HOME: join(home, "data") };
    const daemon = spawn("gnome-keyring-daemon", ["--foreground", "--unlock", "--components=secrets", `--control-directory=${join(home, "control")}`], { env: places, stdio: ["pipe", "ignore", "ignore"] });
    started.push(daemon);
    daemon.stdin.end("password of the login");
    const waited = spawn("gdbus", ["wait", "--session", "--timeout", "20", "org.freedesktop.secrets"], { env: places, stdio: "ignore" });
    const status = await new Promise((done, failed) => waited.once("exit", done).once("error", failed));
    if (status !== 0) throw new Error("gnome-keyring-daemon does not answer");
    return { env, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The first line of its standard output that matches. */
async function said(child, wanted) {
  const lines = createInterface({ input: child.stdout });
  const line = new Promise((done, failed) => {
    lines.on("line", (line) => wanted.test(line) && done(line));
    child.once("error", failed);
    child.once("exit", (status, signal) => failed(new Error(`${child.spawnfile} ended (${status ?? signal}) before it said ${wanted}`)));
  });
  return within(line, `${child.spawnfile} does not say ${wanted}`);
}

async function within(awaited, complaint) {
  let timer;
  const late = new Promise((_, failed) => (timer = setTimeout(() => failed(new Error(complaint)), PATIENCE)));
  try {
    return await Promise.race([awaited, late]);
  } finally {
    clearTimeout(timer);
  }
}

function freePort() {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}
