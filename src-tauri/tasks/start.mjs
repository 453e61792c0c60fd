// Builds WakeHub and opens it; the first time it installs what the build needs. Arguments after -- go to the app.
import { run } from "./run.mjs";
import { setUp } from "./setup.mjs";

setUp(false);
run("npm", ["run", "--silent", "ui:build"]);
run("cargo", ["run", "--release", "-p", "wakehub-desktop", "--features", "custom-protocol", "--", ...process.argv.slice(2)]);
