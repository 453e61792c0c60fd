import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { en } from "./en";
import { fr } from "./fr";

const source = join(import.meta.dirname, "../..");

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return files(path);
    return /\.(svelte|ts)$/.test(entry.name) && !/(\.test\.ts|i18n\/(en|fr)\.ts)$/.test(path) ? [path] : [];
  });
}

type Words = { [key: string]: string | ((...args: never[]) => string) | Words };

function paths(words: Words, prefix = ""): string[] {
  return Object.entries(words).flatMap(([key, value]) => (typeof value === "object" ? paths(value, `${prefix}${key}.`) : [prefix + key]));
}

const text = files(source).map((path) => readFileSync(path, "utf8"));
const used = new Set(text.flatMap((one) => [...one.matchAll(/\bm\.([a-zA-Z]+)/g)].map((found) => found[1]!)));

describe("the catalogues", () => {
  it("have the same keys", () => {
    expect(paths(fr as unknown as Words).sort()).toEqual(paths(en as unknown as Words).sort());
  });

  it("have no key that nothing uses", () => {
    expect(Object.keys(en).filter((key) => !used.has(key))).toEqual([]);
  });

  it("have every key that is used", () => {
    expect([...used].filter((key) => !(key in en))).toEqual([]);
  });

  it("leave nothing untranslated by accident", () => {
    const same = Object.entries(en).filter(([key, value]) => typeof value === "string" && value === fr[key as keyof typeof fr]).map(([key]) => key);
    expect(same.sort()).toEqual(
      ["authAgent", "columnActions", "dockerTitle", "journal", "machines", "noteLabel", "page", "pages", "port", "probeToken", "probeUrl", "question", "relations", "sshTitle", "suggestions", "version", "vmid", "wolInterface", "wolTitle", "zoom"].sort(),
    );
  });

  it("put a space that does not break before French punctuation", () => {
    const said = Object.values(fr).flatMap((value) => (typeof value === "function" ? [String(value)] : [JSON.stringify(value)]));
    const wrong = said.filter((one) => / [!»]| \?["`]|« /.test(one));
    expect(wrong).toEqual([]);
  });

  it("have no exclamation, no please and no oops", () => {
    expect(paths(en as unknown as Words).filter((key) => /!|please|oops|successfully/i.test(String(key.split(".").reduce<unknown>((at, part) => (at as Words)[part], en))))).toEqual([
      "errorToken", "proxmoxRights",
    ].filter((key) => String((en as unknown as Words)[key]).includes("!")));
  });
});

describe("components", () => {
  it("hold no words of their own", () => {
    const svelte = files(source).filter((path) => path.endsWith(".svelte"));
    const spoken = svelte.flatMap((path) => {
      const markup = readFileSync(path, "utf8").replace(/<script[\s\S]*?<\/script>/g, "").replace(/<style[\s\S]*?<\/style>/g, "").replace(/<!--[\s\S]*?-->/g, "");
      const holes = strip(markup);
      return [...holes.matchAll(/>([^<>]*[A-Za-z]{3,}[^<>]*)</g)].map((found) => `${path.slice(source.length)}: ${found[1]!.trim()}`);
    });
    const names = /WakeHub$|: (Enter|Tab)$/;
    expect(spoken.filter((line) => !names.test(line))).toEqual([]);
  });
});

/** Without `{…}`, however deep. */
function strip(markup: string): string {
  let depth = 0;
  let out = "";
  for (const character of markup) {
    if (character === "{") depth += 1;
    if (depth === 0) out += character;
    if (character === "}") depth -= 1;
  }
  return out;
}
