// The settings in a real browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, text, visit } from "./visit.mjs";

open();

test("an import is refused as a whole with the line, or says what it still needs", async () => {
  await visit("quiet&pace=0", "#/settings", async (page) => {
    const area = page.getByLabel("Content of homelab.toml");
    await area.fill('[[node]]\nname = "x"\ncolour = "red"\n');
    await page.click(".btn:has-text('Import')");
    await page.waitForSelector(".trouble");
    assert.match(await text(page, ".trouble"), /Line 3: Unknown field/);
    await area.fill('[[node]]\nname = "box"\nkind = "machine"\n');
    await page.click(".btn:has-text('Import')");
    await page.waitForSelector(".report");
    assert.match(await text(page, ".report"), /1 added, 0 changed/);
    assert.match(await text(page, ".report"), /box: SSH password/);
  });
});

test("language and theme are chosen at once and kept", async () => {
  await visit("quiet&pace=0", "#/settings", async (page) => {
    await page.click(".segments button:has-text('Français')");
    assert.equal(await text(page, "h1"), "Réglages");
    assert.equal(await page.getAttribute("html", "lang"), "fr");
    await page.click(".segments button:has-text('Sombre')");
    await page.reload();
    await page.waitForSelector("main h1");
    assert.equal(await text(page, "h1"), "Réglages");
    assert.equal(await page.getAttribute("html", "data-theme"), "dark");
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(23, 22, 20)");
  });
});

test("settings are kept at once, refused at the field, and undone", async () => {
  await visit("quiet&pace=0", "#/settings", async (page) => {
    const poll = page.getByLabel("While nobody looks");
    await poll.fill("2");
    await poll.press("Enter");
    assert.match(await text(page, ".setting:has([aria-invalid])"), /Whole seconds from 10 to 3600/);
    await poll.fill("120");
    await poll.press("Enter");
    await page.waitForSelector(".undo");
    assert.match(await text(page, "main"), /Every 2 min\./);
    await page.click(".undo .btn:has-text('Undo')");
    await page.waitForFunction(() => document.querySelector("main").textContent.includes("Every 1\u00A0min."));
    const login = page.getByRole("switch", { name: "Start when I log in" });
    await login.check();
    await page.waitForSelector(".undo");
    assert.ok(await login.isChecked());
    await page.getByRole("switch", { name: "Single-key shortcuts" }).uncheck();
    await page.keyboard.press("?");
    assert.equal(await page.locator("dialog").count(), 0);
  });
  await visit("troubled&pace=0", "#/settings", async (page) => {
    const login = page.getByRole("switch", { name: "Start when I log in" });
    await login.click();
    await page.waitForSelector(".trouble");
    assert.match(await text(page, ".trouble"), /disk full/);
    assert.equal(await login.isChecked(), false);
  });
});

test("the price of electricity is typed with a comma or a point, and its currency chosen by name", async () => {
  await visit("quiet&pace=0", "#/settings", async (page) => {
    const price = page.getByLabel("Price of electricity");
    assert.equal(await price.inputValue(), "0.31");
    await price.fill("30 ct");
    await price.press("Enter");
    assert.match(await text(page, ".setting:has([aria-invalid])"), /A price from 0 to 100/);
    await price.fill("0,2516");
    await price.press("Enter");
    await page.waitForSelector(".undo");
    assert.equal(await price.inputValue(), "0.2516");
    assert.equal(await page.locator("[aria-invalid]").count(), 0);
    await page.getByLabel("Currency").selectOption({ label: "Swiss Franc (CHF)" });
    await page.waitForFunction(() => document.querySelector("main").textContent.includes("CHF/kWh"));
    await page.getByLabel("Price of electricity").fill("");
    await page.getByLabel("Price of electricity").press("Enter");
    assert.equal(await page.getByLabel("Price of electricity").inputValue(), "");
  });
});
