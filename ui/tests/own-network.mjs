// To be imported first by tests that run the lab: they go on in a network of their own, alone with it. Whatever else this
// computer does with its network, the browser does not see it change, and a scan finds the lab and nothing else.
import { spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { argv, env, execArgv, execPath, exit, getuid, platform } from "node:process";

// The view of /sys on the network is that of whoever mounted it; the cgroups in it are kept for Docker.
const INSIDE = `
  set -e
  kept=$(mktemp -d)
  mount --rbind /sys/fs/cgroup "$kept"
  mount -t sysfs sysfs /sys
  mount --rbind "$kept" /sys/fs/cgroup
  umount --lazy "$kept"
  rmdir "$kept"
  ip link set lo up
  exec "$@"`;

if (!env.WAKEHUB_OWN_NETWORK) {
  const reason = whyNot();
  if (reason) {
    const line = `SKIPPED: ${reason}`;
    console.log(line);
    if (env.WAKEHUB_SKIPPED_FILE) appendFileSync(env.WAKEHUB_SKIPPED_FILE, `${line}\n`);
    exit(env.CI ? 1 : 0);
  }
  const inside = ["--net", "--mount", "--fork", "--kill-child", "sh", "-c", INSIDE, "sh", execPath, ...execArgv, ...argv.slice(1)];
  const ended = spawnSync("unshare", inside, { stdio: "inherit", env: { ...env, WAKEHUB_OWN_NETWORK: "1" } });
  if (ended.error) console.error(`unshare: ${ended.error.message}`);
  exit(ended.status ?? 1);
}

function whyNot() {
  if (platform !== "linux") return "the lab runs on Linux only";
  if (getuid() !== 0) return "the lab needs root";
  const tried = spawnSync("unshare", ["--net", "--mount", "true"], { encoding: "utf8" });
  return tried.status === 0 ? null : `no network of its own for the lab: ${tried.error?.message ?? tried.stderr.trim()}`;
}
