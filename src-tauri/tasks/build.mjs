// Builds what is installed: the app, the command line and, on Debian and Ubuntu, a package.
import { run } from "./run.mjs";
import { setUp } from "./setup.mjs";

setUp(false);
run("npm", ["run", "--silent", "ui:build"]);
run("cargo", ["build", "--release", "-p", "wakehub-cli"]);
const bundles = process.platform === "linux" ? ["--bundles", "deb"] : [];
run("npx", ["--no-install", "tauri", "build", ...bundles, "--features", "custom-protocol"]);
