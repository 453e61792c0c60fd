// The dashboard in a real browser: the user's own order of the pins, by mouse, finger, keyboard and menu.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, open, text, tile, visit } from "./visit.mjs";

open();

const names = (page) => page.locator(".tile[data-node]").evaluateAll((tiles) => tiles.map((one) => one.dataset.node));
const centre = async (page, name) => {
  const box = await page.locator(tile(name)).boundingBox();
  return { x: box.x + box.width / 2, y: box.y + 24, right: box.x + box.width - 8, left: box.x + 8 };
};

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

test("a tile is dragged to another place, which is kept and can be taken back", async () => {
  await visit("quiet&pace=0", "#/", async (page) => {
    const before = await names(page);
    const from = await centre(page, before[0]);
    const to = await centre(page, before[2]);
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(from.x + 20, from.y + 10);
    await page.mouse.move(to.right, to.y, { steps: 4 });
    await page.waitForSelector(`${tile(before[2])}[data-gap="after"]`);
    await page.mouse.up();
    const after = [before[1], before[2], before[0], ...before.slice(3)];
    assert.deepEqual(await names(page), after);
    assert.equal(new URL(page.url()).hash, "#/", "the link in the tile was not followed");
    assert.match(await text(page, ".undo"), new RegExp(`^${before[0]} is now number 3 of ${before.length}\\.`));
    await page.reload();
    await page.waitForSelector(".tiles");
    assert.deepEqual(await names(page), after);

    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(to.right, to.y, { steps: 4 });
    await page.keyboard.press("Escape");
    await page.mouse.up();
    assert.deepEqual(await names(page), after, "Escape lets it be");
    // a click is still a click
    await page.click(`${tile(before[0])} a.name`);
    await page.waitForSelector("h1.name");
  });
});

test("a tile is moved by keyboard and from its menu, and keeps the focus", async () => {
  await visit("quiet&pace=0", "#/", async (page) => {
    const before = await names(page);
    const link = page.locator(`${tile(before[1])} a.name`);
    await link.focus();
    await page.keyboard.press("Shift+ArrowLeft");
    assert.deepEqual((await names(page)).slice(0, 2), [before[1], before[0]]);
    assert.ok(await link.evaluate((element) => element === document.activeElement));
    await page.keyboard.press("Shift+ArrowLeft");
    assert.deepEqual((await names(page)).slice(0, 2), [before[1], before[0]], "the first one stays the first");
    await page.click(".undo .btn:has-text('Undo')");
    assert.deepEqual(await names(page), before);
    await page.click(`${tile(before[0])} [aria-haspopup]`);
    await page.click("[role=menuitem]:has-text('Move one later')");
    assert.deepEqual((await names(page)).slice(0, 2), [before[1], before[0]]);
  });
});

test("a finger that rests on a tile lifts it, and one that moves at once scrolls", async () => {
  const options = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
  await visit(
    "quiet&pace=0",
    "#/",
    async (page) => {
      const before = await names(page);
      const session = await page.context().newCDPSession(page);
      const touch = (type, point) => session.send("Input.dispatchTouchEvent", { type, touchPoints: point ? [{ x: point.x, y: point.y }] : [] });
      const from = await centre(page, before[0]);
      const to = await centre(page, before[1]);
      await touch("touchStart", from);
      await page.waitForSelector(`${tile(before[0])}[data-lifted]`);
      await touch("touchMove", { x: from.x, y: from.y + 20 });
      await touch("touchMove", { x: from.x, y: to.y + 30 });
      await page.waitForSelector(`${tile(before[1])}[data-gap="after"]`);
      await touch("touchEnd");
      await page.waitForFunction((first) => document.querySelector(".tile[data-node]").dataset.node === first, before[1]);
      assert.equal(await page.evaluate(() => scrollY), 0);
      const swiped = await centre(page, before[3]);
      await touch("touchStart", swiped);
      for (const by of [30, 80, 140, 200]) await touch("touchMove", { x: swiped.x, y: swiped.y - by });
      await touch("touchEnd");
      await page.waitForFunction(() => scrollY > 50);
      assert.equal(await page.locator("[data-lifted]").count(), 0);
      await accessible(page, "dashboard, arranged");
    },
    options,
  );
});
