// One browser against the pretended homelab, shared by the tests of a file.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { build, launch, serve } from "./serve.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let server;
let browser;

/** To be called once at the top of a file of tests. */
export function open() {
  before(async () => {
    build();
    server = await serve();
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });
}

/** Opens a page of a scenario, runs the steps and fails on anything that the page complained about. */
export async function visit(scenario, hash, steps, { waitFor = "main h1", ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, locale: "en-GB", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  try {
    await page.goto(`${server.url}?fake=${scenario}${hash}`);
    await page.waitForSelector(waitFor).catch(async (error) => {
      const body = await page.evaluate(() => document.body.innerHTML.slice(0, 600));
      throw new Error(`${error.message}\n${complaints.join("\n")}\n${body}`);
    });
    await steps(page);
    // What marks a name within a sentence is for the component that draws it, and never seen.
    assert.doesNotMatch(await page.content(), /[\uE000\uE001]/);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

/** The tile of a pinned node. */
export const tile = (name) => `.tile[data-node="${name}"]`;

/** What is shown, with plain spaces. */
export const text = async (page, selector) => (await page.locator(selector).innerText()).replaceAll("\u00A0", " ");

/** The name of what has the focus. */
export const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim() ?? "");

// Only colours differ between light and dark.
const rules = {
  light: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  dark: { type: "rule", values: ["color-contrast", "link-in-text-block"] },
};

/** Fails on anything that axe-core finds, in light and dark. */
export async function accessible(page, where) {
  // Through the debugger, so that the page's own policy stays as strict as it is.
  await page.evaluate(axe);
  for (const [colorScheme, runOnly] of Object.entries(rules)) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await page.evaluate((runOnly) => globalThis.axe.run({ runOnly }), runOnly);
    const found = violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.html.slice(0, 160)} ${node.any.map((any) => any.message).join("; ")}`).join(" | ")}`);
    assert.deepEqual(found, [], `${where} in ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
}
