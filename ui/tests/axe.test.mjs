// axe-core on every page and state, wide and narrow.
import { test } from "node:test";
import { accessible, open, tile, visit } from "./visit.mjs";

open();

const pages = [
  ["evening", "#/"],
  ["troubled", "#/"],
  ["unpinned", "#/"],
  ["empty", "#/"],
  ["evening", "#/machines"],
  ["used", "#/machines", async (page) => {
    await page.locator('[data-node="nas"]').focus();
    await page.keyboard.press("Space");
    await page.click(".more [aria-expanded]");
  }],
  ["evening", "#/node/9"],
  ["quiet", "#/node/9", (page) => page.click(".rel header .btn")],
  ["evening", "#/node/14"],
  ["troubled", "#/node/7"],
  ["evening", "#/add?kind=machine", (page) => page.click("button[type=submit]")],
  ["evening", "#/node/7/edit", (page) => page.click(".behaviour summary")],
  ["evening", "#/configure/12"],
  ["evening", "#/configure/12/vaultwarden"],
  ["evening", "#/journal", (page) => page.waitForSelector(".log li")],
  ["troubled", "#/settings"],
  ["quiet", "#/", async (page) => (await page.click(`${tile("lxc-jellyfin")} .btn-tonal`), await page.waitForSelector("dialog .rail"))],
  ["used", "#/node/11", async (page) => (await page.click(".node-head .btn:has-text('Shut down')"), await page.waitForSelector("dialog .rail"))],
  ["evening", "#/", async (page) => page.click(`${tile("lxc-jellyfin")} [aria-haspopup]`)],
];

test("axe-core finds nothing", async () => {
  for (const [scenario, hash, act] of pages) {
    for (const width of [1200, 360]) {
      if (width === 360 && act?.toString().includes("aria-haspopup")) continue;
      await visit(
        `${scenario}&pace=0`,
        hash,
        async (page) => {
          await act?.(page);
          // pages that load late are nothing until then
          await page.waitForSelector("main h1");
          await accessible(page, `${scenario} ${hash} at ${width} px`);
        },
        { viewport: { width, height: 800 } },
      );
    }
  }
});
