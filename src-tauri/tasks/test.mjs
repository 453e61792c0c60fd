// Runs every check and every test, one stage after the other, and says at the end which stages passed and how long each
// took. `npm test -- STAGE ...` runs only these stages.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { root, setUp } from "./setup.mjs";

// one more than there are cores: many tests only wait for what takes its time
const threads = String(availableParallelism() + 1);
const all = ["--workspace", "--features", "wakehub-desktop/custom-protocol"];
const stages = [
  ["format", "cargo", ["fmt", "--all", "--check"]],
  ["ui check", "npm", ["run", "--silent", "ui:check"]],
  ["ui tests", "npm", ["run", "--silent", "ui:test"]],
  ["ui build", "npm", ["run", "--silent", "ui:build"]],
  ["clippy", "cargo", ["clippy", ...all, "--all-targets", "--", "-D", "warnings"]],
  // the programs and the tests at once: by itself the first would build all they use a second time, without what tests need
  ["build", "cargo", ["nextest", "run", ...all, "--no-run"]],
  ["rust tests", "cargo", ["nextest", "run", ...all, "--no-fail-fast", "--test-threads", threads]],
  ["browser tests", "npm", ["run", "--silent", "ui:e2e"]],
];

const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const skippedFile = join(target, "skipped-tests.txt");
const env = {
  ...process.env,
  PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
  WAKEHUB_SKIPPED_FILE: skippedFile,
  // what a panic says is enough, and a hundred frames behind it hide it
  RUST_BACKTRACE: "0",
};

setUp(true);
rmSync(skippedFile, { force: true });

const asked = process.argv.slice(2);
const wanted = stages.filter(([name]) => asked.length === 0 || asked.includes(name));
if (wanted.length === 0) {
  console.error(`there is no such stage; there are: ${stages.map(([name]) => name).join(", ")}`);
  process.exit(2);
}
const results = [];
for (const [name, command, args] of wanted) {
  console.log(`\n== ${name}: ${command} ${args.join(" ")}`);
  const begun = Date.now();
  const ended = spawnSync(command, args, { stdio: "inherit", cwd: root, env });
  const seconds = Math.round((Date.now() - begun) / 1000);
  const passed = ended.status === 0;
  results.push([name, passed, seconds]);
  // nothing later can pass where nothing builds
  if (!passed && (name === "build" || name === "ui build")) break;
}

console.log("");
for (const [name, passed, seconds] of results) console.log(`${passed ? "passed" : "FAILED"}  ${name} (${seconds} s)`);
const skipped = existsSync(skippedFile) ? readFileSync(skippedFile, "utf8").trim().split("\n").filter(Boolean) : [];
for (const line of [...new Set(skipped)]) console.log(`skipped  ${line}`);
const failed = results.filter(([, passed]) => !passed).length + (wanted.length - results.length);
if (process.env.CI && skipped.length > 0) {
  console.log("on CI nothing may be skipped");
  process.exit(1);
}
process.exit(failed === 0 ? 0 : 1);
