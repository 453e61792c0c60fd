// The page of one node in a real browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { focused, open, text, visit } from "./visit.mjs";

open();

test("what it does next by the clock stands among the facts", async () => {
  await visit("evening&pace=0", "#/node/11", async (page) => {
    assert.match(await text(page, "aside dl"), /Next stop by the clock\s*(tomorrow, )?\d\d:\d\d\s*Next start by the clock\s*(tomorrow, )?18:00/);
  });
});

test("removing asks first and says why it cannot be done", async () => {
  await visit("quiet&pace=0", "#/node/11", async (page) => {
    await page.click(".node-head [aria-haspopup]");
    await page.click("[role=menuitem]:has-text('Remove')");
    assert.equal(await text(page, "dialog h2"), "Remove nas?");
    assert.equal(await focused(page), "Cancel");
    assert.match(await text(page, "dialog .body"), /qbittorrent, lxc-jellyfin, nextcloud need it: take it out there first\./);
    assert.ok(await page.isDisabled("dialog .btn-critical"));
    await page.click("dialog footer .btn:has-text('Cancel')");
    await page.goto(page.url().replace(/#.*/, "#/node/13"));
    await page.click(".node-head [aria-haspopup]");
    await page.click("[role=menuitem]:has-text('Remove')");
    await page.click("dialog .btn-critical");
    await page.waitForFunction(() => location.hash === "#/machines");
    assert.equal(await page.locator('[data-node="pihole"]').count(), 0);
  });
});

test("what a node needs is added, refused with the whole cycle, and taken back", async () => {
  await visit("quiet&pace=0", "#/node/11", async (page) => {
    await page.click(".rel [aria-label='Add what nas needs']");
    await page.getByRole("combobox").fill("sand");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog .cycle");
    assert.deepEqual(await page.locator("dialog .cycle .what > .name").allInnerTexts(), ["nas", "sandbox", "lxc-jellyfin", "nas"]);
    assert.match(await text(page, "dialog .cycle"), /nas would need itself[\s\S]*Nothing was changed/);
    await page.getByRole("combobox").fill("pihole");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.waitForSelector('.rel [data-relation="pihole"]');
    assert.match(await text(page, ".undo"), /nas now needs pihole/);
    await page.click(".undo .btn:has-text('Undo')");
    await page.waitForSelector('.rel [data-relation="pihole"]', { state: "detached" });
    await page.click(".rel [aria-label='qbittorrent no longer needs nas.']");
    await page.waitForSelector('.rel [data-relation="qbittorrent"]', { state: "detached" });
  });
});

test("a node is kept on for two hours and released", async () => {
  await visit("used&pace=0", "#/node/9", async (page) => {
    assert.match(await text(page, "[data-why]"), /^Sandbox needs it|^sandbox needs it/);
    const menu = page.getByRole("button", { name: /^Keep on|^Held/ });
    await menu.click();
    await page.getByRole("menuitem", { name: "For 2 h" }).click();
    await page.waitForSelector(".node-head .btn:has-text('Held, 1')");
    assert.match(await text(page, "[data-why]"), /You keep it on until (tomorrow, )?\d\d:\d\d and sandbox needs it\./);
    await menu.click();
    await page.getByRole("menuitem", { name: "Release" }).click();
    await page.waitForSelector(".node-head .btn:has-text('Keep on')");
  });
});

test("behaviour is kept at once, said at the field when it is wrong, and undone", async () => {
  await visit("quiet&pace=0", "#/node/9", async (page) => {
    const time = page.getByLabel("Time to start");
    await time.fill("soon");
    await time.press("Enter");
    assert.match(await text(page, ".setting:has([aria-invalid])"), /Whole seconds, at most 86400/);
    await time.fill("90");
    await time.press("Enter");
    await page.waitForSelector(".undo");
    assert.equal(await page.locator("[aria-invalid]").count(), 0);
    assert.equal(await time.inputValue(), "90");
    const always = page.getByRole("switch", { name: "Always on" });
    await always.check();
    await page.waitForFunction(() => document.querySelector(".undo")?.textContent.includes("Always on"));
    await page.click(".undo .btn:has-text('Undo')");
    await page.waitForFunction(() => !document.querySelector("[role=switch]").checked);
    assert.equal(await time.inputValue(), "90");
  });
});

test("every error can be copied with its details", async () => {
  await visit("evening&pace=0", "#/node/14", async (page) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.click(".failure .copy");
    await page.waitForSelector(".failure .copy:has-text('Copied')");
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^WakeHub 0\.1\.0: failed to start container nextcloud\n[\s\S]*port is already allocated\nkind: rejected\n[\s\S]*at: \d{4}-/);
  });
});
