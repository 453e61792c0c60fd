// Runs one command in the project's folder and ends with it.
import { spawnSync } from "node:child_process";
import { root } from "./setup.mjs";

export function run(command, args, env = process.env) {
  const ended = spawnSync(command, args, { stdio: "inherit", cwd: root, env });
  if (ended.error) {
    console.error(`${command} could not be started: ${ended.error.message}`);
    process.exit(1);
  }
  if (ended.status !== 0) process.exit(ended.status ?? 1);
}
