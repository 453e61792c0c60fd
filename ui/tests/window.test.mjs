// What holds for the whole window in a real browser: keys, pins, an engine that does not answer, names of every kind.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, open, text, visit } from "./visit.mjs";

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

test("an engine that does not answer is said, with its words", async () => {
  await visit("broken", "#/", async (page) => {
    assert.match(await text(page, "main"), /engine does not answer/);
    assert.match(await text(page, "main"), /disk I\/O error/);
  });
});

test("a shell without an engine is no empty homelab", async () => {
  await visit("headless", "#/", async (page) => {
    assert.match(await text(page, "main"), /engine does not answer/);
    assert.match(await text(page, "main"), /another WakeHub \(process 4711\)/i);
    assert.doesNotMatch(await text(page, "main"), /first machine/);
  });
});

test("going back finds each page where it was left, and a new page begins at its top", async () => {
  await visit("many&pace=0", "#/machines", async (page) => {
    await page.evaluate(() => window.scrollTo(0, 9000));
    await page.waitForSelector('[data-node="service-0250"]');
    await page.click('[data-node="service-0250"] a.name');
    await page.waitForSelector("h1.name");
    assert.equal(await page.evaluate(() => scrollY), 0);
    await page.goBack();
    await page.waitForFunction(() => Math.abs(scrollY - 9000) < 3);
    await page.waitForSelector('[data-node="service-0250"]');
    await page.goForward();
    await page.waitForSelector("h1.name");
    await page.waitForFunction(() => scrollY === 0);
    await page.click(".sidebar a[href='#/machines']");
    await page.waitForSelector(".table");
    assert.equal(await page.evaluate(() => scrollY), 0);
  });
});

test("a filter changes the address, not the place and the focus", async () => {
  await visit("evening&pace=0", "#/journal", async (page) => {
    await page.waitForSelector(".log li");
    const node = page.getByLabel("Node", { exact: true });
    await node.focus();
    await node.selectOption({ label: "nas" });
    await page.waitForFunction(() => location.hash.includes("node="));
    assert.ok(await node.evaluate((element) => element === document.activeElement));
    await page.goBack();
    await page.waitForFunction(() => !location.hash.includes("journal"));
  });
});

test("links to what is gone or was never there say so and lead on", async () => {
  for (const [hash, said] of [
    ["#/node/4711", "This node is gone"],
    ["#/node/4711/edit", "This node is gone"],
    ["#/question/4711", "This question is settled already"],
    ["#/configure/4711", "Nothing is left to configure here"],
    ["#/node/%E0%A4%A", "There is no such page"],
    ["#/alerts", "There is no such page"],
  ]) {
    await visit("quiet&pace=0", hash, async (page) => {
      await page.waitForFunction((title) => document.querySelector("main h1")?.textContent === title, said);
      assert.ok((await page.locator("main a[href='#/machines']").count()) > 0, hash);
      await accessible(page, hash);
    });
  }
});

test("what cannot be read is said in its place, with its details and a way to try again", async () => {
  for (const [fails, hash, again] of [
    ["journal", "#/journal", ".log li"],
    ["journal", "#/", ".now .log li"],
    ["journal", "#/node/11", ".log li"],
    ["settings", "#/settings", ".limits"],
    ["nodeEntry", "#/node/11", "[role=switch]"],
    ["nodeEntry", "#/node/11/edit", "main form"],
    ["subscribe", "#/machines", ".table"],
  ]) {
    await visit(`evening&pace=0&fail=${fails}`, hash, async (page) => {
      await page.waitForSelector(".trouble");
      assert.match(await text(page, ".trouble"), /database is locked/);
      assert.ok(await page.locator(".trouble .copy").isVisible(), `${fails} at ${hash}`);
      await accessible(page, `${fails} fails at ${hash}`);
      await page.click("main .btn:has-text('Retry'):near(.trouble)");
      await page.waitForSelector(again);
      assert.equal(await page.locator(".trouble").count(), 0);
    });
  }
});

test("while nothing is known yet, each page shows its own outlines", async () => {
  for (const hash of ["#/", "#/machines", "#/node/9", "#/graph", "#/journal", "#/settings", "#/node/9/edit"]) {
    for (const width of [360, 1200]) {
      await visit(
        "loading",
        hash,
        async (page) => {
          await page.waitForSelector(".skeleton .box:visible");
          assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
          await accessible(page, `${hash} at ${width} px`);
        },
        { viewport: { width, height: 800 }, waitFor: ".skeleton" },
      );
    }
  }
});

test("names of any script, of 200 characters and full of HTML are only names, and fit", async () => {
  for (const width of [360, 1024]) {
    for (const hash of ["#/", "#/machines", "#/node/1", "#/node/3", "#/node/11", "#/node/14", "#/node/4/edit", "#/journal", "#/settings"]) {
      await visit(
        "strange&pace=0",
        hash,
        async (page) => {
          await page.waitForFunction(() => document.documentElement.scrollWidth <= innerWidth).catch(() => assert.fail(`${hash} is too wide at ${width} px`));
          assert.equal(await page.locator("[onmouseover], [onerror], img").count(), 0);
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
