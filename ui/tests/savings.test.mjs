// What was saved by keeping machines off: the card of the dashboard, its page, a node's line, and the price.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, open, text, visit } from "./visit.mjs";

open();

const ready = (page) => page.waitForSelector("main table");

test("the dashboard says what slept this week, and leads to all of it", async () => {
  await visit("evening&pace=0", "#/", async (page) => {
    await page.waitForSelector(".savings .bars");
    const card = await text(page, ".savings");
    assert.match(card, /Slept this week/);
    assert.match(card, /[\d.]+ kWh\s*not used, about €\d+\.\d\d\s*Machines slept \d+ h\./);
    // what is to come of the week has its place
    assert.equal(await page.locator(".savings .bars li").count(), 7);
    assert.match(await page.locator(".savings .bars li:not([aria-hidden])").first().innerText(), /\d/);
    await page.click(".savings a:has-text('All')");
    await ready(page);
    assert.equal(await text(page, "h1"), "Savings");
    assert.equal(await page.locator(".bars li").count(), 14);
    await accessible(page, "savings");
  });
});

test("savings by day, week and month, in all and of one node", async () => {
  await visit("used&pace=0", "#/savings", async (page) => {
    await ready(page);
    const figures = async () => (await text(page, ".figures")).replaceAll(/\s+/g, " ");
    const days = await figures();
    await page.getByRole("button", { name: "Month" }).click();
    await page.waitForFunction(() => document.querySelector("main h2").textContent.includes("The last 12 months"));
    assert.notEqual(await figures(), days);
    assert.match(await text(page, "main"), /By month[\s\S]*not over yet[\s\S]*In all/);
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "Month");
    assert.match(page.url(), /#\/savings\?by=month$/);
    await page.click("main table a:has-text('nas')");
    await page.waitForFunction(() => document.querySelector("h1").textContent === "Savings of nas");
    await ready(page);
    assert.match(page.url(), /node=11&by=month$/);
    assert.equal(await page.locator("main table").count(), 1);
    await page.click("aside a:has-text('Show nas')");
    await page.waitForSelector("aside dl a[href='#/savings?node=11']");
    assert.match(await text(page, "aside dl"), /Slept this week\s*[\d.]+ h, [\d.]+ kWh/);
  });
});

test("without watts and a price it is told in hours, and what is missing is said", async () => {
  await visit("troubled&pace=0", "#/", async (page) => {
    await page.waitForSelector(".savings .bars");
    assert.match(await text(page, ".savings"), /\d+ h\s*machines slept\s*What is that in energy\?/);
    assert.doesNotMatch(await text(page, ".savings"), /kWh|€/);
    await page.click(".savings a:has-text('What is that in energy?')");
    await ready(page);
    assert.match(await text(page, "aside"), /Energy is missing of what has no watts: .*nas/);
    assert.match(await text(page, "aside"), /Without the price of a kWh there is no money in it\. Set the price/);
    assert.doesNotMatch(await text(page, "table >> nth=0"), /Energy|Money/);
  });
});

test("nothing that slept is said so", async () => {
  await visit("evening&pace=0", "#/savings?node=12", async (page) => {
    await page.waitForSelector("main .card");
    assert.match(await text(page, "main"), /Nothing has slept since WakeHub looks/);
  });
});

test("it fails with a way to try again", async () => {
  await visit("evening&pace=0&fail=savings", "#/savings", async (page) => {
    await page.waitForSelector(".trouble");
    await page.click("main .btn:has-text('Retry')");
    await ready(page);
  });
});

test("the price that is set counts", async () => {
  await visit("evening&pace=0", "#/settings", async (page) => {
    await page.getByLabel("Price of electricity").fill("0.5");
    await page.getByLabel("Price of electricity").press("Enter");
    await page.waitForSelector(".undo");
    await page.goto(page.url().replace(/#.*/, "#/savings"));
    await ready(page);
    assert.match(await text(page, "aside"), /A kWh costs €0\.50/);
  });
});

for (const width of [360, 1280]) {
  test(`axe-core finds nothing at ${width}`, async () => {
    for (const hash of ["#/savings", "#/savings?node=11&by=month", "#/"]) {
      await visit("used&pace=0", hash, async (page) => {
        await page.waitForSelector(".bars");
        await accessible(page, hash);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${hash} scrolls sideways`);
      }, { viewport: { width, height: 900 } });
    }
  });
}
