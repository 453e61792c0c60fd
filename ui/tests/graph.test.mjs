// The graph in a real browser: needs added and removed by drag and by keyboard, a refused cycle, calm and smooth.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, focused, open, text, visit } from "./visit.mjs";

open();

const drawn = (page) => page.waitForSelector(".svelte-flow__edge path");
const node = (page, name) => page.locator(`.node[title="${name}"]`);
const needs = async (page) => (await page.locator("aside .needs li").allInnerTexts()).map((line) => line.replace(/\s+/g, " ").trim());

test("focus on a node shows what it needs, what needs it and what its start means", async () => {
  await visit("quiet&pace=0", "#/graph?node=9", async (page) => {
    await drawn(page);
    assert.deepEqual(await needs(page), ["nas", "machine2 host"]);
    assert.deepEqual((await page.locator(".order .what").allInnerTexts()), ["nas", "machine2", "lxc-jellyfin"]);
    const lit = (count) => page.waitForFunction((count) => document.querySelectorAll(".wire.path").length === count, count);
    await lit(2);
    await node(page, "nas").click();
    await page.waitForSelector("aside h2:text-is('nas')");
    await lit(3);
  });
});

test("a need is added by keyboard, taken back, and removed", async () => {
  await visit("quiet&pace=0", "#/graph", async (page) => {
    await drawn(page);
    await node(page, "pihole").focus();
    await page.keyboard.press("n");
    assert.equal(await focused(page), "Add what pihole needs");
    await page.keyboard.type("nas");
    await page.keyboard.press("Enter");
    await page.waitForSelector('[data-id="13-11"]');
    assert.match(await focused(page), /^pihole: On, runs on raspberry, needs nas$/);
    assert.match(await page.locator('[role="log"]').textContent(), /pihole now needs nas\./);
    await page.keyboard.press("Delete");
    await page.waitForSelector('[data-id="13-11"]', { state: "detached" });
    await page.click(".undo .btn:has-text('Undo')");
    await page.waitForSelector('[data-id="13-11"]');
  });
});

test("the arrow keys go to the nearest node", async () => {
  await visit("quiet&pace=0", "#/graph", async (page) => {
    await drawn(page);
    await node(page, "sandbox").focus();
    for (const [key, name] of [["ArrowDown", "qbittorrent"], ["ArrowUp", "sandbox"], ["ArrowRight", "lxc-cloudflared"], ["ArrowUp", "lxc-jellyfin"]]) {
      await page.keyboard.press(key);
      assert.match(await focused(page), new RegExp(`^${name}:`));
    }
  });
});

test("a need is added by pulling an arrow, and nothing moves", async () => {
  await visit("quiet&pace=0", "#/graph", async (page) => {
    await drawn(page);
    const places = () => page.locator(".svelte-flow__node").evaluateAll((all) => all.map((one) => `${one.dataset.id} ${one.style.transform} ${one.style.width}`));
    const before = await places();
    await node(page, "vm-ubuntu").hover();
    const from = await node(page, "vm-ubuntu").locator("xpath=following-sibling::*[contains(@class,'pull')]").boundingBox();
    const to = await node(page, "nas").boundingBox();
    await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
    await page.mouse.down();
    await page.mouse.move(to.x + 60, to.y + 30, { steps: 8 });
    await page.mouse.move(to.x + 90, to.y + to.height / 2, { steps: 4 });
    await page.mouse.up();
    await page.waitForSelector('[data-id="6-11"]');
    assert.deepEqual(await needs(page), ["nas", "machine1 host"]);
    assert.deepEqual(await places(), before);
  });
});

test("a refused cycle is drawn whole and numbered, and nothing changed", async () => {
  await visit("quiet&pace=0", "#/graph?node=11", async (page) => {
    await drawn(page);
    const before = await page.locator(".svelte-flow__edge").count();
    await page.getByRole("combobox", { name: "Add what nas needs" }).fill("sandbox");
    await page.keyboard.press("Enter");
    await page.waitForSelector("section.refused");
    assert.match(await text(page, "section.refused"), /Refused: nas cannot need sandbox\..*Nothing was changed\./s);
    assert.deepEqual(await page.locator(".cycle .name").allInnerTexts(), ["nas", "sandbox", "lxc-jellyfin", "nas"]);
    assert.deepEqual((await page.locator(".badge text").allTextContents()).sort(), ["1", "2", "3"]);
    assert.equal(await page.locator(".wire.refused").count(), 1);
    assert.equal(await page.locator(".node[data-bad]").count(), 3);
    await accessible(page, "a refused cycle");
    await page.click("section.refused .btn");
    assert.equal(await page.locator(".svelte-flow__edge").count(), before);
  });
});

test("a cycle through a host names the host", async () => {
  await visit("quiet&pace=0", "#/graph?node=7", async (page) => {
    await drawn(page);
    await page.getByRole("combobox", { name: "Add what machine2 needs" }).fill("sandbox");
    await page.keyboard.press("Enter");
    await page.waitForSelector("section.refused");
    assert.match((await text(page, ".cycle")).replace(/\s+/g, " "), /machine2 1 → sandbox 2 → lxc-jellyfin 3 runs on → machine2/);
  });
});

test("the table has the same facts and the same actions", async () => {
  await visit("quiet&pace=0", "#/graph", async (page) => {
    const row = page.locator(".facts tr", { has: page.locator("th", { hasText: /^pihole/ }) });
    await row.getByLabel("Add what pihole needs").click();
    await page.keyboard.type("nas");
    await page.keyboard.press("Enter");
    await row.getByLabel("Remove: pihole needs nas").click();
    await page.waitForFunction(() => !document.querySelector('.facts [aria-label="Remove: pihole needs nas"]'));
  }, { viewport: { width: 360, height: 740 } });
});

test("states change in place", async () => {
  await visit("quiet&pace=100", "#/graph?node=9", async (page) => {
    await drawn(page);
    const place = await node(page, "nas").boundingBox();
    await page.evaluate(() => (location.hash = "#/node/11"));
    await page.click(".node-head .btn-primary");
    await page.click("dialog .btn-primary");
    await page.evaluate(() => (location.hash = "#/graph"));
    await page.waitForSelector('.leaf[data-lit][data-state="on"] .node[title="nas"]');
    assert.deepEqual(await node(page, "nas").boundingBox(), place);
  });
});

test("two hundred nodes are there at once and are panned by hand", async () => {
  await visit("estate&pace=0", "#/graph", async (page) => {
    await drawn(page);
    assert.equal(await page.locator(".svelte-flow__node").count(), 200);
    const place = () => page.locator(".svelte-flow__viewport").evaluate((element) => element.style.transform);
    const before = await place();
    const box = await page.locator(".svelte-flow__pane").boundingBox();
    await page.mouse.move(box.x + 8, box.y + 8);
    await page.mouse.down();
    await page.mouse.move(box.x - 120, box.y - 60, { steps: 6 });
    await page.mouse.up();
    assert.notEqual(await place(), before);
  });
});

test("axe-core finds nothing in the graph", async () => {
  for (const width of [1200, 800, 360]) {
    for (const hash of ["#/graph", "#/graph?node=9"]) {
      await visit("evening&pace=0", hash, async (page) => {
        await drawn(page);
        await accessible(page, `${hash} at ${width} px`);
      }, { viewport: { width, height: 800 } });
    }
  }
});
