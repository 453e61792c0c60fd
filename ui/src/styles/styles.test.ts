import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const source = join(import.meta.dirname, "..");

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return files(path);
    return /\.(svelte|css)$/.test(entry.name) && entry.name !== "tokens.css" ? [path] : [];
  });
}

const all = files(source).map((path) => ({ path: path.slice(source.length), text: readFileSync(path, "utf8") }));

it("colours come from the tokens only", () => {
  const raw = all.flatMap(({ path, text }) => {
    const styles = path.endsWith(".css") ? [text] : [...text.matchAll(/<style>([\s\S]*?)<\/style>/g)].map((found) => found[1]!);
    return styles.flatMap((style) => [...style.matchAll(/#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(/gi)].map((found) => `${path}: ${found[0]}`));
  });
  expect(raw).toEqual([]);
});

it("every token that is used exists", () => {
  const tokens = new Set([...readFileSync(join(source, "styles/tokens.css"), "utf8").matchAll(/(--[a-z0-9-]+):/g)].map((found) => found[1]));
  const own = new Set(all.flatMap(({ text }) => [...text.matchAll(/(--[a-z0-9-]+)\s*[:=]/g)].map((found) => found[1])));
  const missing = all.flatMap(({ path, text }) =>
    [...text.matchAll(/var\((--[a-z0-9-]+)/g)].filter((found) => !tokens.has(found[1]!) && !own.has(found[1])).map((found) => `${path}: ${found[1]}`),
  );
  expect(missing).toEqual([]);
});

it("no component writes a style attribute: the content security policy forbids it", () => {
  expect(all.filter(({ text }) => /\sstyle="|style:[a-z-]+="[^{]*"/.test(text)).map(({ path }) => path)).toEqual([]);
});
