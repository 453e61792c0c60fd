// Starts the lab, a real homelab on this machine, until Ctrl-C. Needs root.
import { run } from "./run.mjs";
import { setUp } from "./setup.mjs";

setUp(true);
run("cargo", ["run", "-q", "-p", "wakehub-lab", "--bin", "lab", "--", ...process.argv.slice(2)]);
