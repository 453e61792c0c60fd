// What the first page costs: its HTML, scripts and styles compressed, and the font it is drawn with. Fails over the budget.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const budget = 250_000;
const dist = fileURLToPath(new URL("../dist", import.meta.url));
const html = readFileSync(join(dist, "index.html"), "utf8");
const linked = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map((found) => found[1]);
const assets = readdirSync(join(dist, "assets")).map((name) => `assets/${name}`);
const late = assets.filter((name) => /tauri-.*\.js$|inter-(?!latin).*\.woff2$/.test(name));
let sum = 0;
for (const name of ["index.html", ...new Set([...linked, ...late])]) {
  const content = readFileSync(join(dist, name));
  const size = name.endsWith(".woff2") ? content.length : gzipSync(content).length;
  sum += size;
  console.log(`${(size / 1000).toFixed(1).padStart(7)} kB  ${name}`);
}
console.log(`${(sum / 1000).toFixed(1).padStart(7)} kB  first page, compressed (at most ${budget / 1000} kB)`);
process.exit(sum > budget ? 1 : 0);
