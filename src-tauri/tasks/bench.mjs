// Measures what DESIGN's budgets name. Figures, not tests: a noisy machine shows noisy figures.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.mjs";
import { root, setUp } from "./setup.mjs";

setUp(true);
run("cargo", ["bench", "-p", "wakehub-domain", "--bench", "planner"]);
run("cargo", ["bench", "-p", "wakehub-connectors", "--bench", "proxmox_poll"]);
run("cargo", ["bench", "-p", "wakehub-engine", "--bench", "overhead"]);
const desktop = join(root, "tests", "bench", "desktop.mjs");
if (existsSync(desktop)) run("node", [desktop]);
