// The lab for tests in a browser: a real homelab, which says itself what really happened.
import { spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug", "lab");
const PATIENCE = 120_000;

/**
 * Starts the lab; `args` are those of `lab --help`.
 */
export async function startLab(...args) {
  const folder = await mkdtemp(join(tmpdir(), "wakehub-lab-"));
  // It ends with this process, however that ends.
  const child = spawn("setpriv", ["--pdeathsig", "TERM", program, "--folder", folder, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  const lines = [];
  const news = new EventEmitter();
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    news.emit("line");
  });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (complaints = (complaints + text).slice(-4000)));
  const ended = new Promise((done) => child.once("exit", done));
  let isOver = false;
  void ended.then(() => {
    isOver = true;
    news.emit("line");
  });

  /** Waits for a line from the given place on; gives what follows it. */
  const waitFor = (wanted, from = 0) =>
    new Promise((done, failed) => {
      let at = from;
      const stop = (settle, value) => {
        clearTimeout(timer);
        news.off("line", look);
        settle(value);
      };
      const fail = (why) => stop(failed, new Error(`the lab ${why} ${wanted}: ${complaints}\n${lines.slice(from).join("\n")}`));
      const look = () => {
        for (; at < lines.length; at += 1) if (wanted.test(lines[at])) return stop(done, at + 1);
        if (isOver) fail("ended before");
      };
      const timer = setTimeout(() => fail("does not say"), PATIENCE);
      news.on("line", look);
      look();
    });

  const end = async () => {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(/Ctrl-C ends the lab/);
  } catch (error) {
    await end();
    throw error;
  }

  const told = lines.join("\n");
  return {
    /** Of a machine or guest. */
    address: (name) => new RegExp(`^${name} +([\\d.]+)`, "m").exec(told)[1],
    mac: (name) => new RegExp(`^${name} .*wakes by ([\\da-f:]+)`, "m").exec(told)[1],
    /** For everybody's root. */
    keyFile: /ssh -i (\S+)/.exec(told)[1],
    secret: (name, secret) => new RegExp(`printf %s (\\S+) \\| wakehub secret set ${name} ${secret}`).exec(told)[1],
    /** How many lines there are: where to look from on for what happens next. */
    get now() {
      return lines.length;
    },
    /** Until it happened to the node; gives the place after it. */
    happened: (node, what, from = 0) => waitFor(new RegExp(`^ *[\\d.]+ s  ${node} +${what}$`), from),
    /** What happened since, as `node what`. */
    events: (from = 0) => lines.slice(from).flatMap((line) => /^ *[\d.]+ s {2}(\S+) +(.*)$/.exec(line)?.slice(1).join(" ") ?? []),
    /** `on nas`, `off nas`, `break nas never-wakes`: behind WakeHub's back. */
    order: (line) => child.stdin.write(`${line}\n`),
    end,
  };
}
