// The pages as WakeHub itself serves them, in a real browser: the real engine over the demo homelab, and the real API.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./serve.mjs";
import { signIn, tile, visit } from "./served.mjs";
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

test("a token opens the dashboard, and a start is previewed, runs and ends lit", async () => {
  const token = await wakehub.token("control");
  await visit(browser, wakehub, "#/", async (page) => {
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
