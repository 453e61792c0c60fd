// A browser that may only look is offered nothing else: on no page, in no menu, by no key, and not in the palette.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, open, text, visit } from "./visit.mjs";

open();

/** What changes something begins with one of these words. */
const acts = /^(Start|Stop|Retry|Resume|Dismiss|Cancel|Pin|Unpin|Add|Edit|Remove|Release|Keep|Shut down|Configure|Discover|Import|Accept|Do not wait|Select|Make|Pull|What is needed|Choose a file)\b/i;

/** The names of all that can be pressed and is not switched off. */
const offered = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("button, a[href], input, select, textarea, [role=menuitem], [role=option]")]
      .filter((one) => !one.matches(":disabled") && one.checkVisibility())
      .map((one) => one.getAttribute("aria-label") ?? one.textContent.trim()),
  );

const pages = [
  ["evening&pace=0", "#/"], ["quiet", "#/"], ["used", "#/"], ["troubled", "#/"], ["unpinned", "#/"], ["empty", "#/"],
  ["evening&pace=0", "#/machines"], ["evening", "#/node/7"], ["quiet", "#/node/11"], ["troubled", "#/node/7"], ["evening", "#/graph"], ["evening", "#/journal"], ["evening", "#/settings"],
];

for (const [scenario, hash] of pages) {
  test(`nothing can be done on ${hash} of a ${scenario.split("&")[0]} homelab`, async () => {
    await visit(`${scenario}&right=read`, hash, async (page) => {
      // what comes a moment later, too
      await page.waitForSelector(".skeleton, .outline", { state: "detached" });
      for (const more of await page.getByRole("button", { name: /^(More|Actions)/ }).all()) {
        await more.click();
        assert.deepEqual((await offered(page)).filter((name) => acts.test(name)), []);
        await page.keyboard.press("Escape");
      }
      assert.deepEqual((await offered(page)).filter((name) => acts.test(name)), []);
      assert.equal(await page.locator(".sidebar .read-only").innerText(), "Read only");
      await accessible(page, hash);
    });
  });
}

test("pages that are for changing something say why they are closed", async () => {
  for (const hash of ["#/add?kind=machine", "#/node/7/edit", "#/configure/7", "#/welcome"]) {
    await visit("evening&right=read", hash, async (page) => {
      assert.equal(await text(page, "main h1"), "Read only");
      assert.equal(await page.locator("main form").count(), 0);
    });
  }
});

test("no key starts, pins or selects, and the palette only shows", async () => {
  await visit("quiet&pace=0&right=read", "#/machines", async (page) => {
    const row = page.locator('[role=row][data-node="nas"]');
    await row.focus();
    for (const key of ["s", "p", " ", "Control+a", "Shift+ArrowDown"]) await page.keyboard.press(key);
    assert.equal(await page.locator("dialog, .bulk").count(), 0);
    assert.equal(await page.locator("[aria-selected=true]").count(), 0);
    assert.doesNotMatch(await text(page, "main .hints"), /select|pin/i);
    await page.keyboard.press("Control+k");
    for (const typed of ["start nas", "pin nas", "edit nas", "add", "import"]) {
      await page.getByRole("combobox").fill(typed);
      const found = await page.getByRole("option").allInnerTexts();
      assert.deepEqual(found.filter((name) => acts.test(name)), [], typed);
    }
    await page.getByRole("combobox").fill("nas");
    await page.keyboard.press("Enter");
    await page.waitForSelector("h1.name");
  });
});

test("a question says that others answer it", async () => {
  await visit("evening&pace=0&right=read", "#/", async (page) => {
    await page.waitForSelector(".question");
    assert.match(await text(page, ".question"), /\. It is answered by who may act/);
    assert.equal(await page.locator(".question .btn").count(), 0);
  });
});

test("on a phone it stands at the head", async () => {
  await visit("evening&pace=0&right=read", "#/", async (page) => {
    await page.waitForSelector("main .read-only");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(wide, 360);
  }, { viewport: { width: 360, height: 740 } });
});
