// The pages as WakeHub itself serves them, in a real browser: the real engine over the demo homelab, and the real API.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./serve.mjs";
import { runWakehub } from "./wakehub.mjs";

let wakehub;
let browser;

before(async () => {
  [wakehub, browser] = await Promise.all([runWakehub(), launch()]);
});

after(async () => {
  await browser?.close();
  await wakehub?.close();
});

const tile = (name) => `.tile[data-node="${name}"]`;

/** Opens the served page, which asks for a token, and runs the steps. What the page complained about fails the test. */
async function visit(hash, steps, { expected = /^$/, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, locale: "en-GB", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const complaints = [];
  const note = (text) => expected.test(text) || complaints.push(text);
  page.on("pageerror", (error) => note(error.message));
  page.on("console", (message) => message.type() === "error" && note(message.text()));
  try {
    await page.goto(`${wakehub.url}${hash}`);
    await steps(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

async function signIn(page, token) {
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".window main h1");
}

test("a token opens the dashboard, and a start is previewed, runs and ends lit", async () => {
  const token = await wakehub.token("control");
  await visit("#/", async (page) => {
    await signIn(page, token);
    await page.click(`${tile("lxc-jellyfin")} .btn-tonal`);
    await page.waitForSelector("dialog .rail");
    const steps = await page.locator("dialog .rail .what > .name").allInnerTexts();
    assert.equal(steps.at(-1), "lxc-jellyfin");
    await page.keyboard.press("Enter");
    await page.waitForSelector(`${tile("lxc-jellyfin")}[data-state="on"]`);
    const { nodes } = await wakehub.api(token, "GET", "snapshot");
    assert.equal(nodes.find((node) => node.name === "lxc-jellyfin").power, "on");
  });
});
