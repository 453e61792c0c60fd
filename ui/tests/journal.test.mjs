// The journal in a real browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { open, text, visit } from "./visit.mjs";

open();

test("the journal is searched and filtered", async () => {
  await visit("evening&pace=0", "#/journal", async (page) => {
    await page.waitForSelector(".log li");
    const all = await page.locator(".log li").count();
    await page.fill("input[type=search]", "locked");
    await page.waitForFunction((before) => document.querySelectorAll(".log li").length < before, all);
    assert.match(await text(page, ".log"), /locked by its platform/);
    await page.fill("input[type=search]", "");
    await page.getByLabel("Node", { exact: true }).selectOption({ label: "nas" });
    await page.waitForFunction(() => [...document.querySelectorAll(".log li")].every((line) => line.textContent.includes("nas")));
  });
});

test("a cascade is one line of the journal, with its rail inside", async () => {
  await visit("evening&pace=0", "#/journal", async (page) => {
    await page.click("summary:has-text('lxc-jellyfin started')");
    await page.waitForSelector("details[open] .rail li:nth-child(2)");
    assert.deepEqual(await page.locator("details[open] .rail .what > .name").allInnerTexts(), ["nas", "lxc-jellyfin"]);
    await page.getByLabel("What", { exact: true }).selectOption("errors");
    // a line takes its time to be drawn where nothing has been drawn before
    await page.locator(".log > li").filter({ hasText: "nextcloud" }).waitFor();
    await page.waitForFunction(() => document.querySelectorAll(".log > li").length === 1);
    assert.match(page.url(), /kind=errors/);
    await page.getByLabel("When", { exact: true }).selectOption("between");
    await page.getByLabel("From").fill("2030-01-02");
    await page.getByLabel("From").blur();
    await page.waitForFunction(() => document.querySelectorAll(".log > li").length === 0);
    await page.click("main .empty .link");
    await page.waitForFunction(() => document.querySelectorAll(".log > li").length > 5);
  });
});

test("the journal is exported as it is filtered", async () => {
  await visit("evening&pace=0", "#/journal?kind=errors", async (page) => {
    await page.waitForSelector(".log > li");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(".page-head [aria-haspopup]").then(() => page.click("[role=menuitem]:has-text('CSV')"))]);
    assert.match(download.suggestedFilename(), /^wakehub-journal-\d{4}-\d\d-\d\d\.csv$/);
    const lines = readFileSync(await download.path(), "utf8").trim().split("\r\n");
    assert.match(lines[0], /kind,node,cascade,message,reason$/);
    assert.equal(lines.length, 2);
    assert.match(lines[1], /nextcloud: start failed/);
  });
});
