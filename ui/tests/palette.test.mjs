// "Find or start" in a real browser, by keyboard.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, focused, open, text, visit } from "./visit.mjs";

open();

const selected = (page) => text(page, '.palette [aria-selected="true"] .what > span');
const begin = async (page) => {
  await page.keyboard.press("Control+k");
  await page.waitForSelector(".palette");
};

test("a few characters and Enter start a node that sleeps", async () => {
  await visit("quiet&pace=100", "#/journal", async (page) => {
    await begin(page);
    await page.keyboard.type("ljf");
    assert.equal(await selected(page), "lxc-jellyfin");
    assert.match(await text(page, '.palette [aria-selected="true"] .verb'), /^Start/);
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog:not(.palette) .rail");
    assert.equal(await text(page, "dialog h2"), "Start lxc-jellyfin");
    assert.equal(await page.locator(".palette").count(), 0);
  });
});

test("a node that is on is shown, Shift shows any, verbs are found too", async () => {
  await visit("used&pace=0", "#/", async (page) => {
    await begin(page);
    await page.keyboard.type("nas");
    assert.equal(await selected(page), "nas");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => location.hash === "#/node/11");
    await begin(page);
    await page.keyboard.type("sandbox");
    await page.keyboard.press("Shift+Enter");
    await page.waitForFunction(() => location.hash === "#/node/4");
    await begin(page);
    await page.keyboard.type("stop nas");
    assert.equal(await selected(page), "Stop nas");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog .rail");
    assert.match(await text(page, "dialog h2"), /^Stop nas and its 3 dependants\?$/);
  });
});

test("pages and actions are found, arrows choose, Escape gives the focus back", async () => {
  await visit("quiet&pace=0", "#/machines", async (page) => {
    await page.locator('[data-node="machine1"]').focus();
    await begin(page);
    await page.keyboard.type("journ");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => location.hash === "#/journal");
    await page.goBack();
    await page.waitForSelector('[data-node="machine1"]');
    await page.locator('[data-node="machine1"]').focus();
    await begin(page);
    const first = await selected(page);
    await page.keyboard.press("ArrowDown");
    assert.notEqual(await selected(page), first);
    await page.keyboard.press("ArrowUp");
    assert.equal(await selected(page), first);
    await page.keyboard.type("zzz");
    assert.match(await text(page, ".palette"), /Nothing is called so/);
    await page.keyboard.press("Escape");
    await page.waitForSelector(".palette", { state: "detached" });
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("data-node")), "machine1");
    await begin(page);
    await page.keyboard.type("dark");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
  });
});

test("it opens from the side bar and from the head of the phone, and not over a question", async () => {
  await visit("quiet&pace=0", "#/", async (page) => {
    await page.click(".sidebar .find");
    await page.waitForSelector(".palette");
    assert.equal(await focused(page), "Find or start");
    await page.keyboard.press("Control+k");
    await page.waitForSelector(".palette", { state: "detached" });
    await page.click('.tile[data-node="nas"] .btn-tonal');
    await page.waitForSelector("dialog .rail");
    await page.keyboard.press("Control+k");
    assert.equal(await page.locator(".palette").count(), 0);
  });
  await visit("quiet&pace=0", "#/", async (page) => {
    await page.click(".phone-head .btn[aria-haspopup=dialog]");
    await page.waitForSelector(".palette");
  }, { viewport: { width: 360, height: 740 } });
});

test("a thousand nodes are searched as fast as somebody types", async () => {
  await visit("many&pace=0", "#/", async (page) => {
    await begin(page);
    await page.keyboard.type("service-0777");
    assert.equal(await selected(page), "service-0777");
    assert.ok((await page.locator(".palette [role=option]").count()) <= 30);
  });
});

test("axe-core finds nothing in it", async () => {
  for (const width of [1200, 360]) {
    await visit("evening&pace=0", "#/", async (page) => {
      await begin(page);
      await accessible(page, `empty at ${width} px`);
      await page.keyboard.type("jelly");
      await accessible(page, `found at ${width} px`);
      await page.keyboard.type("zzz");
      await accessible(page, `nothing at ${width} px`);
    }, { viewport: { width, height: 800 } });
  }
});
