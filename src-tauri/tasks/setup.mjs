// Installs what is missing to build WakeHub, and with "test" also what its tests need. Says what it installs; does nothing
// when all is there.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

const BUILD = ["build-essential", "pkg-config", "libwebkit2gtk-4.1-dev", "libayatana-appindicator3-dev", "librsvg2-dev",
  "libxdo-dev", "libssl-dev"];
const TEST = ["webkit2gtk-driver", "xvfb", "dbus", "dbus-x11", "gnome-keyring", "libsecret-tools", "dunst", "i3lock", "xdotool",
  "avahi-daemon", "openssh-server", "openssh-client", "iproute2", "iputils-ping", "nftables", "docker.io", "podman", "busybox-static",
  "imagemagick", "x11-utils", "xfce4-panel", "openbox", "python3", "python3-venv", "python3-dbus", "python3-gi", "chromium",
  "sudo", "procps", "util-linux", "openssl", "ca-certificates", "qbittorrent-nox", "syncthing"];
// Between the tests and the WebKitWebDriver of webkit2gtk-driver.
const TAURI_DRIVER = "2.1.0";

// Where cargo puts what it installs; not everybody's PATH has it.
process.env.PATH += delimiter + join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "bin");

function has(command) {
  return spawnSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" }).status === 0;
}

function run(command, args, options = {}) {
  const ended = spawnSync(command, args, { stdio: "inherit", cwd: root, ...options });
  if (ended.error) throw new Error(`${command} could not be started: ${ended.error.message}`);
  if (ended.status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${ended.status ?? ended.signal}`);
}

function debianPackages(wanted) {
  if (!has("dpkg-query")) {
    console.log(`setup: this is no Debian or Ubuntu; these packages or their like are needed: ${wanted.join(" ")}`);
    return;
  }
  const known = spawnSync("dpkg-query", ["-W", "-f", "${binary:Package} ${db:Status-Status}\n"], { encoding: "utf8" });
  const installed = new Set(known.stdout.split("\n").filter((line) => line.endsWith(" installed"))
    .map((line) => line.split(" ")[0].replace(/:.*/, "")));
  const missing = wanted.filter((name) => !installed.has(name));
  if (missing.length === 0) return;
  const asRoot = process.getuid() === 0 ? [] : ["sudo"];
  if (asRoot.length && !has("sudo")) throw new Error(`as root, install: apt-get install ${missing.join(" ")}`);
  console.log(`setup: installing Debian packages: ${missing.join(" ")}`);
  const apt = (...args) => {
    const [command, ...rest] = [...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args];
    run(command, rest);
  };
  apt("update", "-qq");
  apt("install", "-y", "-qq", "--no-install-recommends", ...missing);
}

function nodeModules() {
  const lock = join(root, "package-lock.json");
  const done = join(root, "node_modules", ".package-lock.json");
  if (existsSync(done) && statSync(done).mtimeMs >= statSync(lock).mtimeMs) return;
  console.log("setup: installing the packages of package-lock.json into node_modules");
  run("npm", ["ci", "--no-audit", "--no-fund"]);
}

function rust() {
  if (!has("cargo")) throw new Error("Rust is missing: install it with rustup, then run this again");
  const wanted = /rust-version = "([\d.]+)"/.exec(readFileSync(join(root, "Cargo.toml"), "utf8"))[1].split(".").map(Number);
  const found = execFileSync("rustc", ["--version"], { encoding: "utf8" }).split(" ")[1].split(".").map(Number);
  if (found[0] < wanted[0] || (found[0] === wanted[0] && found[1] < wanted[1])) {
    throw new Error(`Rust ${wanted.join(".")} or newer is needed, this is ${found.join(".")}: run rustup update`);
  }
}

function testTools() {
  if (!has("cargo-nextest")) {
    console.log("setup: installing cargo-nextest (some minutes, once)");
    run("cargo", ["install", "cargo-nextest", "--locked"]);
  }
  if (process.platform === "linux" && !has("tauri-driver")) {
    console.log(`setup: installing tauri-driver ${TAURI_DRIVER} (half a minute, once)`);
    run("cargo", ["install", "tauri-driver", "--version", TAURI_DRIVER, "--locked"]);
  }
}

/** Ends the process with the reason when something cannot be installed. */
export function setUp(forTests) {
  try {
    if (process.platform === "linux") debianPackages(forTests ? [...BUILD, ...TEST] : BUILD);
    rust();
    nodeModules();
    if (forTests) testTools();
  } catch (error) {
    console.error(`setup: ${error.message}`);
    process.exit(1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setUp(process.argv.includes("test"));
