// Measures what DESIGN's budgets name. Figures, not tests: a noisy machine shows noisy figures.
import { join } from "node:path";
import { run } from "./run.mjs";
import { root, setUp } from "./setup.mjs";

setUp(true);
run("cargo", ["bench", "-p", "wakehub-domain", "--bench", "planner"]);
run("cargo", ["bench", "-p", "wakehub-connectors", "--bench", "proxmox_poll"]);
run("cargo", ["bench", "-p", "wakehub-connectors", "--bench", "docker_sample"]);
run("cargo", ["bench", "-p", "wakehub-connectors", "--bench", "tick"]);
run("cargo", ["bench", "-p", "wakehub-engine", "--bench", "overhead"]);
run("npm", ["run", "--silent", "ui:build"]);
run("cargo", ["build", "--release", "-p", "wakehub-desktop", "--features", "custom-protocol", "--bins", "--examples"]);
run("cargo", ["build", "-p", "wakehub-cli", "-p", "wakehub-lab"]);
run(join(root, "tests", "desktop", "desk.sh"), ["/usr/bin/python3", join(root, "tests", "bench", "desktop.py")]);
run("node", [join(root, "ui", "tests", "bench.mjs")]);
