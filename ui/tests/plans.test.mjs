// Starts and stops in a real browser: the plan, what it says of others, what a busy homelab and a question do.
import assert from "node:assert/strict";
import { test } from "node:test";
import { focused, open, text, tile, visit } from "./visit.mjs";

open();

test("a start shows its plan, runs step by step and ends lit", async () => {
  await visit("quiet&pace=200", "#/", async (page) => {
    await page.click(`${tile("lxc-jellyfin")} .btn-tonal`);
    assert.match(await text(page, "dialog h2"), /^Start lxc-jellyfin$/);
    const steps = await page.locator("dialog .rail .what > .name").allInnerTexts();
    assert.deepEqual(steps, ["nas", "lxc-jellyfin"]);
    assert.match(await text(page, "dialog dl"), /machine2 on already/);
    assert.match(await focused(page), /^Start/);
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.waitForSelector('.cascade li[aria-current="step"]');
    await page.waitForSelector(`${tile("lxc-jellyfin")}[data-state="on"][data-lit]`);
    await page.waitForSelector(`${tile("nas")}[data-state="on"]`);
    const told = await page.locator('[role="log"]').textContent();
    assert.match(told, /lxc-jellyfin is ready\./);
  });
});

test("Escape and Cancel close the plan, and the focus returns", async () => {
  await visit("quiet&pace=0", "#/", async (page) => {
    const start = page.locator(`${tile("nas")} .btn-tonal`);
    await start.click();
    await page.waitForSelector("dialog .rail");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.ok(await start.evaluate((element) => element === document.activeElement));
    await start.click();
    await page.click("dialog footer .btn:has-text('Cancel')");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.equal(await page.locator(".cascade").count(), 0);
  });
});

test("a stop names its dependants, counts them and begins with the focus on Cancel", async () => {
  await visit("used&pace=50", "#/node/11", async (page) => {
    await page.click(".node-head .btn:has-text('Shut down')");
    await page.waitForSelector("dialog .rail");
    assert.equal(await text(page, "dialog h2"), "Stop nas and its 3 dependants?");
    assert.equal(await page.getAttribute("dialog", "role"), "alertdialog");
    assert.match(await text(page, "dialog .heed"), /qbittorrent, sandbox, lxc-jellyfin go down too/);
    assert.equal(await focused(page), "Cancel");
    await page.click("dialog .btn-critical:has-text('Stop all 4')");
    await page.waitForSelector('.who[data-state="off"]');
  });
});

test("a stop that frees something asks about it, and an answer settles the question", async () => {
  await visit("used&pace=30", "#/", async (page) => {
    for (const name of ["lxc-jellyfin", "qbittorrent"]) {
      await page.click(`${tile(name)} .btn-ghost:has-text('Stop')`);
      await page.click("dialog footer .btn:last-child");
      await page.waitForSelector(`${tile(name)}[data-state="off"]`);
    }
    await page.waitForSelector(".question");
    assert.match(await text(page, ".question"), /nas is no longer needed\. Shut it down\?/);
    assert.match(await text(page, ".question"), /No answer keeps it on/);
    await page.click(".question .btn:has-text('Keep on')");
    await page.waitForSelector(".question", { state: "detached" });
    await page.waitForSelector(`${tile("nas")}[data-state="on"]`);
  });
});

test("a busy homelab offers to queue", async () => {
  await visit("quiet&pace=0&when=busy", "#/", async (page) => {
    await page.click(`${tile("lxc-jellyfin")} .btn-tonal`);
    await page.click("dialog .btn-primary");
    await page.waitForSelector("dialog .heed");
    assert.match(await text(page, "dialog .heed"), /nas is busy with the start of jellystat/);
    await page.click("dialog .btn:has-text('Queue behind it')");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.match(await text(page, "aside.now"), /Start lxc-jellyfin, once the running cascade has ended/);
    await page.click("aside.now .btn:has-text('Cancel')");
    await page.waitForFunction(() => !document.querySelector("aside.now").textContent.includes("once the running"));
  });
});
