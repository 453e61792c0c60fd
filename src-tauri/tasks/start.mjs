// Builds WakeHub and opens it; the first time it installs what the build needs. Arguments after -- go to the app.
import { spawnSync } from "node:child_process";
import { root, setUp } from "./setup.mjs";

function run(command, args) {
  const ended = spawnSync(command, args, { stdio: "inherit", cwd: root });
  if (ended.status !== 0) process.exit(ended.status ?? 1);
}

try {
  setUp(false);
} catch (error) {
  console.error(`setup: ${error.message}`);
  process.exit(1);
}
run("npm", ["run", "--silent", "ui:build"]);
run("cargo", ["run", "--release", "-p", "wakehub-desktop", "--features", "custom-protocol", "--", ...process.argv.slice(2)]);
