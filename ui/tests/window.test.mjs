// What holds for the whole window in a real browser: keys, pins, an engine that does not answer, names of every kind.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, text, tile, visit } from "./visit.mjs";

open();

test("? lists the keys, and G and a letter go to a page", async () => {
  await visit("quiet&pace=0", "#/", async (page) => {
    await page.keyboard.press("?");
    assert.equal(await text(page, "dialog h2"), "Keyboard");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.keyboard.press("g");
    await page.keyboard.press("m");
    await page.waitForFunction(() => location.hash === "#/machines");
    await page.waitForSelector("input[type=search]");
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("type")), "search");
    await page.keyboard.type("g?");
    assert.equal(await page.locator("dialog").count(), 0);
  });
});

test("one more node is pinned from the dashboard", async () => {
  await visit("quiet&pace=0", "#/", async (page) => {
    await page.click(".place button");
    await page.getByRole("combobox").fill("piho");
    await page.keyboard.press("Enter");
    await page.waitForSelector(tile("pihole"));
    await page.click(`${tile("pihole")} [aria-haspopup]`);
    await page.click("[role=menuitem]:has-text('Unpin')");
    await page.waitForSelector(tile("pihole"), { state: "detached" });
    await page.click(".undo .btn:has-text('Undo')");
    await page.waitForSelector(tile("pihole"));
  });
});

test("an engine that does not answer is said, with its words", async () => {
  await visit("broken", "#/", async (page) => {
    assert.match(await text(page, "main"), /engine does not answer/);
    assert.match(await text(page, "main"), /disk I\/O error/);
  });
});

test("a shell without an engine is no empty homelab", async () => {
  await visit("headless", "#/", async (page) => {
    assert.match(await text(page, "main"), /engine does not answer/);
    assert.match(await text(page, "main"), /in use by another WakeHub/);
    assert.doesNotMatch(await text(page, "main"), /first machine/);
  });
});

test("names of any script, of 200 characters and full of HTML are only names, and fit", async () => {
  for (const width of [360, 1024]) {
    for (const hash of ["#/", "#/machines", "#/node/1", "#/node/3", "#/node/11", "#/node/14", "#/node/4/edit", "#/journal", "#/settings"]) {
      await visit(
        "strange&pace=0",
        hash,
        async (page) => {
          await page.waitForTimeout(50);
          assert.equal(await page.locator("[onmouseover], [onerror], img").count(), 0);
          assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${hash} is too wide at ${width} px`);
        },
        { viewport: { width, height: 800 } },
      );
    }
  }
  await visit("strange&pace=0", "#/machines", async (page) => {
    await page.fill("input[type=search]", "onerror");
    assert.equal(await text(page, '[aria-level="2"] a.name'), '"><img src=x onerror=alert(1)>');
    await page.locator('[aria-level="2"]').focus();
    await page.keyboard.press("s");
    await page.waitForSelector("dialog .rail");
    assert.match(await text(page, "dialog h2"), /^Start "><img src=x onerror=alert\(1\)>$/);
  });
});
