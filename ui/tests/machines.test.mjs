// The table of machines in a real browser: by keyboard, several at once, filtered, sorted and with 1,000 nodes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { focused, open, text, visit } from "./visit.mjs";

open();

test("the tree is moved through, folded, pinned and started by keyboard", async () => {
  await visit("quiet&pace=0", "#/machines", async (page) => {
    const at = () => page.evaluate(() => document.activeElement?.getAttribute("data-node"));
    await page.locator('[data-node="machine1"]').focus();
    await page.keyboard.press("ArrowDown");
    assert.equal(await at(), "vm-docker");
    await page.keyboard.press("ArrowLeft");
    assert.equal(await page.getAttribute('[data-node="vm-docker"]', "aria-expanded"), "false");
    assert.equal(await page.locator('[data-node="jellystat"]').count(), 0);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    assert.equal(await at(), "jellystat");
    await page.keyboard.press("p");
    await page.waitForSelector('[data-node="jellystat"] [aria-pressed="false"]');
    await page.keyboard.press("s");
    await page.waitForSelector("dialog .rail");
    await page.keyboard.press("Escape");
    await page.keyboard.press("End");
    assert.equal(await at(), "nextcloud");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector("h1")?.textContent === "nextcloud");
  });
});

test("the table is as wide as its card", async () => {
  for (const width of [1600, 1024, 360]) {
    await visit(
      "evening&pace=0",
      "#/machines",
      async (page) => {
        const [row, card] = await page.evaluate(() => ['[data-node="nas"]', ".table-card"].map((one) => document.querySelector(one).clientWidth));
        assert.equal(row, card, `at ${width} px`);
      },
      { viewport: { width, height: 900 } },
    );
  }
});

test("several are selected by keyboard and by mouse, and stopped after one look at all of it", async () => {
  await visit("used&pace=30", "#/machines", async (page) => {
    await page.locator('[data-node="nas"]').focus();
    await page.keyboard.press("Space");
    await page.locator('[data-node="lxc-jellyfin"] .name').first().hover();
    await page.click('[data-node="lxc-jellyfin"] input');
    assert.match(await text(page, ".bulk"), /2 selected/);
    await page.click(".bulk .btn:has-text('Stop')");
    await page.waitForSelector("dialog .rail");
    assert.equal(await text(page, "dialog h2"), "Stop 2 nodes and 2 dependants?");
    assert.match(await text(page, "dialog .heed"), /qbittorrent, sandbox go down too/);
    assert.equal(await focused(page), "Cancel");
    await page.click("dialog .btn-critical:has-text('Stop all 4')");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.waitForSelector('[data-node="nas"][data-state="off"]');
    assert.equal(await page.getAttribute('[data-node="vm-homeassistant"]', "data-state"), "on");
    await page.keyboard.press("Escape");
  });
});

test("several are pinned at once, and that is taken back", async () => {
  await visit("unpinned&pace=0", "#/machines", async (page) => {
    await page.locator('[data-node="machine1"]').focus();
    await page.keyboard.press("Control+a");
    assert.match(await text(page, ".bulk"), /14 selected/);
    await page.click(".bulk .btn:has-text('Pin')");
    await page.waitForFunction(() => document.querySelectorAll('.pin[aria-pressed="true"]').length === 14);
    await page.click(".undo .btn:has-text('Undo')");
    await page.waitForFunction(() => document.querySelectorAll('.pin[aria-pressed="true"]').length === 0);
  });
});

test("the table is filtered, sorted, laid flat, and the same again after a visit to a node", async () => {
  await visit("evening&pace=0", "#/machines", async (page) => {
    const names = () => page.locator("[data-node] .c-name a.name").allInnerTexts();
    await page.click(".more .btn:has-text('Filter')");
    await page.getByLabel("LXCs").check();
    await page.keyboard.press("Escape");
    assert.deepEqual(await names(), ["machine2", "lxc-jellyfin", "lxc-cloudflared"]);
    await page.click(".segments button:has-text('Flat')");
    assert.deepEqual(await names(), ["lxc-jellyfin", "lxc-cloudflared"]);
    await page.click(".thead button:has-text('Name')");
    assert.deepEqual(await names(), ["lxc-cloudflared", "lxc-jellyfin"]);
    assert.equal(await page.getAttribute(".thead [role=columnheader]", "aria-sort"), "ascending");
    await page.click('[data-node="lxc-jellyfin"] a.name');
    await page.waitForSelector("h1.name");
    await page.goBack();
    await page.waitForSelector(".table");
    assert.deepEqual(await names(), ["lxc-cloudflared", "lxc-jellyfin"]);
    await page.evaluate(() => (location.hash = "#/machines?show=off"));
    await page.waitForSelector('[data-node="sandbox"]');
    assert.deepEqual(await names(), ["qbittorrent", "sandbox"]);
  });
});

test("1,000 nodes build only the rows in view and find the last one", async () => {
  await visit("many&pace=0", "#/machines", async (page) => {
    const rows = () => page.locator('[role="row"][data-node]').count();
    assert.ok((await rows()) < 120, `${await rows()} rows`);
    await page.locator('[data-node="machine1"]').focus();
    await page.keyboard.press("End");
    await page.waitForSelector('[data-node="service-1000"]');
    assert.ok((await rows()) < 320);
    await page.fill("input[type=search]", "service-0777");
    await page.waitForSelector('[data-node="service-0777"]');
    assert.equal(await rows(), 2);
  });
});

test("a long table uses its row elements again, reads in order when it rests, and keeps the focus while it is scrolled", async () => {
  await visit("many&pace=0", "#/machines", async (page) => {
    const seen = () => page.evaluate(() => [...document.querySelectorAll('[role="row"][data-node]')].map((row) => ({ index: Number(row.getAttribute("aria-rowindex")), top: Math.round(row.getBoundingClientRect().top), node: row.dataset.node })));
    const row = await page.evaluate(() => document.querySelector("[data-node]").offsetHeight);
    await page.locator('[data-node="machine1"]').focus();
    await page.keyboard.press("ArrowDown");
    const chosen = await page.evaluate(() => document.activeElement.dataset.node);
    await page.evaluate(() => (document.querySelectorAll("[data-id]")[9].dataset.mark = "kept"));

    for (let n = 0; n < 40; n += 1) {
      await page.evaluate(() => new Promise((done) => (window.scrollBy(0, 150), requestAnimationFrame(done))));
    }
    await page.waitForFunction(() => {
      const all = [...document.querySelectorAll('[role="row"][data-node]')].map((row) => Number(row.getAttribute("aria-rowindex")));
      return all.every((index, n) => n === 0 || index > all[n - 1]);
    });
    const rows = await seen();
    assert.ok(rows.length < 60, `${rows.length} rows`);
    assert.equal(await page.locator("[data-mark=kept]").count(), 1, "the element is used again");
    assert.equal(new Set(rows.map((one) => one.index)).size, rows.length);
    const first = rows[1];
    for (const one of rows) assert.equal(one.top - first.top, (one.index - first.index) * row, one.node);
    const [above, below] = [rows.filter((one) => one.top <= 0), rows.filter((one) => one.top >= 800 - row)];
    assert.ok(above.length > 1 && below.length > 0, "the whole window is filled");
    assert.equal(await page.evaluate(() => document.activeElement.dataset.node), chosen);

    // the arrows come back to it
    await page.keyboard.press("ArrowDown");
    const next = await page.evaluate(() => ({ index: Number(document.activeElement.getAttribute("aria-rowindex")), top: document.activeElement.getBoundingClientRect().top }));
    assert.equal(next.index, 4);
    assert.ok(next.top >= 0 && next.top < 800, `at ${next.top} px`);

    // and Tab goes on to the next row, however short ago its element showed another
    const left = await page.evaluate(async () => {
      for (let n = 0; n < 9; n += 1) await new Promise((done) => (window.scrollBy(0, 150), requestAnimationFrame(done)));
      const rows = [...document.querySelectorAll('[role="row"][data-node]')].filter((row) => Math.abs(row.getBoundingClientRect().top - 400) < 200);
      const index = (row) => Number(row.getAttribute("aria-rowindex"));
      const row = rows.find((one) => index(one.nextElementSibling ?? one) !== index(one) + 1) ?? rows[0];
      row.querySelector(".pin").focus({ preventScroll: true });
      return index(row);
    });
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => Number(document.activeElement.closest("[role=row]").getAttribute("aria-rowindex"))), left + 1);
  });
});
