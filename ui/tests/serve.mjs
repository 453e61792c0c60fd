// Builds the window with the pretended homelab and serves it to a Chromium. Used by the browser tests and by `npm run shots`.
import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ui = fileURLToPath(new URL("..", import.meta.url));
const root = join(ui, "dist-fake");
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
// The same policy as in the app, so that a breach is seen here.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'";

/** Only when something that it is made of has changed since; NO_BUILD takes what is there. */
export function build() {
  if (process.env.NO_BUILD || isBuilt()) return;
  execFileSync(process.execPath, [join(ui, "../node_modules/vite/bin/vite.js"), "build", ui, "--mode", "fake", "--logLevel", "error"], { stdio: ["ignore", "ignore", "inherit"] });
}

function isBuilt() {
  const page = join(root, "index.html");
  if (!existsSync(page)) return false;
  const folders = ["src", "public"].map((name) => join(ui, name));
  const inside = folders.flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => join(folder, name)));
  const sources = [...folders, ...inside, ...["index.html", "vite.config.ts", "svelte.config.js", "../package-lock.json"].map((name) => join(ui, name))];
  const newest = Math.max(...sources.map((path) => statSync(path).mtimeMs));
  return newest < statSync(page).mtimeMs;
}

/** Serves the built page on a free port of loopback. */
export async function serve() {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const file = join(root, path === "/" ? "index.html" : path);
    if (!file.startsWith(root) || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream", "content-security-policy": policy });
    createReadStream(file).pipe(response);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => new Promise((done) => server.close(done)) };
}

export async function launch() {
  const known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const executablePath = process.env.CHROMIUM ?? known.find((path) => existsSync(path));
  if (!executablePath) throw new Error("no Chromium found: install it or set CHROMIUM to its path");
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
}
